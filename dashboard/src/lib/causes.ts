// Why a destination is not live, in the words of the catalogue: what happened, what it means, what helps.
import type { Destination } from './api/types';
import { clock, host, port, since, until } from './format';
import { t, type Key } from './i18n/index.svelte';
import { isSlow, stateOf } from './states';

/** What a person may press beside the sentence. */
export type Help = 'try' | 'key' | 'edit' | 'details';
export interface Cause { what: string; effect: string; quote?: string; helps: Help[] }

const HELPS: Partial<Record<string, Help[]>> = {
  dns: ['edit', 'try'], unreachable: ['try', 'edit'], connect_timeout: ['try', 'edit'], tls: ['edit', 'try'], handshake: ['edit', 'try'],
  rejected: ['key', 'try'], in_use: ['try'], redirects: ['edit', 'try'], configuration: ['edit'], reset: ['try'], closed: ['try'], stalled: ['try'], internal: ['try'],
};

export function cause(destination: Destination, now: number): Cause | null {
  const state = stateOf(destination);
  const status = destination.status;
  if (!status) return null;
  const name = destination.name;
  if (state === 'live' && isSlow(status)) return { what: t('cause.slow', { name, seconds: Math.round((status.lag_ms ?? 0) / 1000) }), effect: t('effect.slow'), helps: ['details'] };
  if (state === 'stalled') return { what: t('cause.no_progress', { time: clock(since(status.since, now) ?? 0) }), effect: t('effect.stalled'), helps: ['try'] };
  if (state === 'held') return { what: t('cause.held', { name }), effect: t('effect.held'), helps: [] };
  if (state === 'unfed') return { what: t('cause.unfed', { name }), effect: t('effect.unfed'), ...(status.left_out ? { quote: status.left_out } : {}), helps: ['edit'] };
  if (state !== 'backoff' && state !== 'rejected') return null;
  const kind = status.last_error_kind;
  const key = `cause.${kind ?? 'unknown'}` as Key;
  const values = { name, host: host(destination.url), port: port(destination.url) };
  const quoted = (kind === 'rejected' || kind === 'in_use' || kind === 'tls' || kind === null || kind === 'internal' || kind === 'configuration' || kind === 'handshake') && status.last_error ? status.last_error : undefined;
  const next = until(status.next_dial, now);
  const effect = state === 'rejected' ? (next === null ? t('effect.rejected_still') : t('effect.rejected', { time: clock(next) })) : t('effect.backoff');
  return { what: t(key, values), effect, helps: HELPS[kind ?? ''] ?? ['try'], ...(quoted ? { quote: quoted } : {}) };
}

/** The word of a state with what counts in it. */
export function stateWord(destination: Destination, now: number): string {
  const state = stateOf(destination);
  if (state === 'backoff') {
    const next = until(destination.status?.next_dial, now);
    return next === null ? t('leg.backoff') : t('leg.backoff_in', { time: clock(next) });
  }
  if (state === 'live' && isSlow(destination.status)) return t('leg.live_slow');
  // A connect under 2 s shows no steps.
  const slow = (since(destination.status?.since, now) ?? 0) >= 2;
  if ((state === 'resolving' || state === 'securing' || state === 'handshake' || state === 'publishing') && !slow) return t('leg.connecting');
  return t(`leg.${state}`);
}

/** The small line under it. */
export function stateMore(destination: Destination, now: number): string {
  const state = stateOf(destination);
  const status = destination.status;
  const time = clock(since(status?.since, now) ?? 0);
  if (!status) return '';
  if (state === 'live') return status.failures > 0 ? t('leg.for_reconnects', { time, n: status.failures }) : t('leg.for', { time });
  if (state === 'backoff') return status.failures > 0 ? t('leg.tries', { n: status.failures }) : '';
  if (state === 'rejected') { const next = until(status.next_dial, now); return next === null ? t('leg.for', { time }) : t('leg.next_try', { time: clock(next) }); }
  if (state === 'idle') return t('leg.idle_more');
  if (state === 'stopped') return '';
  return t('leg.for', { time });
}
