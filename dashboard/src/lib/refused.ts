// Why an encoder was not let in, in the words of the catalogue; those of the server where there are none.
import type { Activity } from './api/types';
import { has, t } from './i18n/index.svelte';
import { program } from './picture';

export interface Refusal { what: string; hint: string | null; help: string | null; from: string | null }

interface Data { reason?: string; remedy?: string; hint?: string | null; software?: string; label?: string | null; begins?: string | null; times?: number }

export function refusal(event: Activity): Refusal {
  const data = (event.data ?? {}) as Data;
  const what = `refused.${data.reason ?? ''}`;
  const help = `refused.do_${data.reason ?? ''}`;
  const from = event.address ? t('refused.from', { address: event.address, n: data.times ?? 1 }) : null;
  if (!has(what)) return { what: event.text, hint: null, help: data.remedy ?? null, from };
  const who = data.software ? program(data.software) : t('refused.encoder');
  const begins = data.begins ? t('refused.begins', { begins: data.begins }) : null;
  return { what: t(what, { who, label: data.label ?? '', n: data.times ?? 1 }), hint: data.hint ?? begins, help: has(help) ? t(help) : (data.remedy ?? null), from };
}

const HOUR = 3_600_000;

/** Attempts of the last hour, by the server's clock. A key that no stream has may have been meant for any stream. */
export function refusedHere(events: Activity[], stream: string, now: number): Activity[] {
  return events.filter((event) => event.kind.startsWith('publish.') && (event.stream === stream || !event.stream) && now - Date.parse(event.at) < HOUR);
}
