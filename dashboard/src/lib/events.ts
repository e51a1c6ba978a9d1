// How each kind of event looks. A kind that is not known yet still shows its text.
import type { Activity, Severity } from './api/types';
import type { IconName } from './icons';

const ICONS: [string, IconName][] = [
  ['stream.input_lost', 'pause'], ['stream.ended', 'square'], ['stream.stopped', 'square'], ['stream.', 'camera'], ['destination.live', 'check'], ['destination.recovered', 'check'],
  ['destination.failing', 'turn'], ['destination.rejected', 'octagon'], ['destination.stopped', 'square'], ['destination.', 'fan'], ['key.', 'key'], ['publish.', 'octagon'], ['viewer.', 'eye'],
  ['finding.', 'bulb'], ['config.', 'settings'], ['user.', 'user'], ['token.', 'shield'], ['webhook.', 'webhook'],
];
const TONES: Record<Severity, string> = { info: 't2', good: 'ok', warning: 'warn', act: 'err' };

export function iconOf(event: Activity): IconName { return ICONS.find(([prefix]) => event.kind.startsWith(prefix))?.[1] ?? 'info'; }
export function toneOf(event: Activity): string { return TONES[event.severity] ?? 't2'; }

/** Kinds that can be asked for, as chips. */
export const GROUPS = ['stream', 'destination', 'key', 'publish', 'finding', 'config', 'user', 'token', 'webhook'] as const;

/** What helps, in the server's words, where an event has some. */
export function remedyOf(event: Activity): string | null {
  const remedy = (event.data as { remedy?: unknown } | null)?.remedy;
  return typeof remedy === 'string' && remedy ? remedy : null;
}

/** One that follows another: newest first, no number twice. */
export function join(first: Activity[], second: Activity[]): Activity[] {
  const seen = new Set<string>();
  return [...first, ...second].filter((event) => (seen.has(event.id) ? false : (seen.add(event.id), true))).sort((a, b) => Number(b.id) - Number(a.id) || b.at.localeCompare(a.at));
}
