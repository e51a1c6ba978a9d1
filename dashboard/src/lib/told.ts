// What happened, in the words of the catalogue. Nothing where the server tells of something that is not in it.
import type { Activity } from './api/types';
import { spell } from './format';
import { has, language, t, type Key } from './i18n/index.svelte';
import { program } from './picture';
import { refusal } from './refused';
import { plainly } from './words';

const FFMPEG = /FMLE\/3\.0 \(compatible; Lavf[\d.]*\)/g;
const WHYS: Record<string, Key> = {
  'the encoder stopped': 'told.why_stopped',
  'the encoder ended the stream': 'told.why_stopped',
  'the encoder vanished': 'told.why_vanished',
  'the encoder sends nothing': 'told.why_silent',
};
const NOT_BACK = /^the encoder did not come back within (\d+) s$/;

/** A reason of the server's own; what platforms said stays as they said it. */
function why(reason: string): string {
  const key = WHYS[reason];
  if (key) return t(key);
  const seconds = NOT_BACK.exec(reason)?.[1];
  return seconds ? t('told.why_not_back', { time: spell(Number(seconds)) }) : plainly(reason).replace(/\.$/, '');
}

type Data = Record<string, unknown>;
const number = (data: Data, name: string): number | null => (typeof data[name] === 'number' ? data[name] : null);
const text = (data: Data, name: string): string | null => (typeof data[name] === 'string' ? data[name] : null);

/** With a reason and a time, once or many times. */
function often(kind: string, data: Data, seconds: number | null, values: Record<string, string> = {}): string | null {
  if (seconds === null) return null;
  const n = number(data, 'times') ?? 1;
  const key = `told.${kind}${n > 1 ? '_often' : ''}`;
  return has(key) ? t(key, { ...values, n, time: spell(seconds) }) : null;
}

function ofStream(event: Activity, data: Data): string | null {
  const reason = text(data, 'reason');
  const away = number(data, 'away_ms');
  switch (event.kind) {
    case 'stream.started': { const who = text(data, 'software'); return who === null ? null : who ? t('told.started_by', { who: program(who) }) : t('told.started'); }
    case 'stream.stopped': return reason === null ? null : often('stopped', data, number(data, 'lasted_s'), { why: why(reason) });
    case 'stream.input_lost': { const held = number(data, 'held_for_s'); return reason === null || held === null ? null : t('told.lost', { why: why(reason), time: spell(held) }); }
    case 'stream.input_back': return often('back', data, away === null ? null : away / 1000);
    case 'stream.went_live': return t('told.on_air');
    case 'stream.ended': { const lasted = number(data, 'lasted_s'); return lasted === null ? null : t('told.ended', { time: spell(lasted) }); }
    default: return null;
  }
}

function ofDestination(event: Activity, data: Data): string | null {
  const reason = text(data, 'reason');
  const away = number(data, 'away_ms');
  const name = data.backup === true ? t('told.backup', { name: event.destination ?? '' }) : (event.destination ?? '');
  switch (event.kind) {
    case 'destination.live': return t('told.live', { name });
    case 'destination.recovered': return often('recovered', data, away === null ? null : away / 1000, { name });
    case 'destination.failing': return reason === null ? null : t('told.failing', { name, why: why(reason) });
    case 'destination.rejected': return reason === null ? null : t(data.error_kind === 'unfed' ? 'told.unfed' : 'told.refuses', { name, why: why(reason) });
    case 'destination.stopped': return reason === null ? null : t('told.off', { name, why: why(reason) });
    default: return null;
  }
}

/** The finding's heading; in English, the server's own sentence says more. */
function ofFinding(event: Activity, data: Data): string | null {
  const key = `find.${text(data, 'rule') ?? ''}`;
  if (!has(key)) return null;
  const lasted = number(data, 'lasted_s');
  if (event.kind === 'finding.mended') return lasted === null ? null : t('told.mended', { time: spell(lasted), what: t(key) });
  return language() === 'en' ? null : t(key);
}

function told(event: Activity): string | null {
  const data = (event.data ?? {}) as Data;
  if (event.kind === 'publish.refused') return `${refusal(event).what.replace(/\.$/, '')}.`;
  if (event.kind === 'config.reloaded') return t('told.reloaded');
  if (event.kind === 'viewer.count') { const n = number(data, 'viewers'); return n === null ? null : t('told.viewers', { n }); }
  if (event.kind === 'key.new_address') { const label = text(data, 'label'); return label ? t('told.new_address', { label }) : null; }
  if (event.kind.startsWith('finding.')) return ofFinding(event, data);
  return event.destination ? ofDestination(event, data) : ofStream(event, data);
}

/** The sentence of an event. */
export function textOf(event: Activity): string {
  const own = told(event);
  if (own !== null) return own;
  const said = (event.data as { software?: unknown } | null)?.software;
  const all = typeof said === 'string' && said ? event.text.replace(said, () => program(said)) : event.text;
  return plainly(all.replace(FFMPEG, 'ffmpeg'));
}
