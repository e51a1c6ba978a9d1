// What the strip on top of every page says: pure, so that each row of its table is a test.
import type { Stream } from './api/types';
import { since } from './format';
import { byStreamUrgency, isConnecting, lookOf, stateOf, titleOf } from './states';

export type StripKind = 'off' | 'ready' | 'going' | 'on' | 'hold' | 'ending';
export interface Strip { kind: StripKind; count: number; shown: Stream[]; more: number }

/** The sentence's subject: who is out, else who is about to, else who could. */
export function strip(streams: Stream[]): Strip {
  const of = (...states: Stream['state'][]): Stream[] => streams.filter((stream) => states.includes(stream.state)).sort(byStreamUrgency);
  const made = (kind: StripKind, list: Stream[], limit: number): Strip => ({ kind, count: list.length, shown: list.slice(0, limit), more: Math.max(0, list.length - limit) });
  const out = of('on_air', 'input_lost');
  if (out.some((stream) => stream.state === 'on_air')) return made('on', out, 2);
  if (out.length > 0) return made('hold', out, 2);
  for (const [state, kind] of [['going_live', 'going'], ['ending', 'ending'], ['ready', 'ready']] as const) {
    const list = of(state);
    if (list.length > 0) return made(kind, list, 1);
  }
  return { kind: 'off', count: 0, shown: [], more: 0 };
}

/** Seconds that destinations are still held after the encoder went away. */
export function heldFor(stream: Stream, now: number): number {
  return Math.max(0, Math.ceil(stream.reconnect_window_s - (since(stream.state_since, now) ?? 0)));
}

/** The soonest next attempt among those that wait, in ms since the epoch. */
export function nextTry(stream: Stream): string | null {
  const times = stream.destinations.filter((destination) => stateOf(destination) === 'backoff').map((destination) => destination.status?.next_dial ?? '').filter(Boolean).sort();
  return times[0] ?? null;
}

export function connecting(stream: Stream): number { return stream.destinations.filter((destination) => isConnecting(stateOf(destination))).length; }
export function wanted(stream: Stream): number { return stream.destinations.filter((destination) => destination.enabled).length; }

/** What changes in kind, not each second: spoken when it differs from before. */
export function gist(streams: Stream[]): string {
  const seen = strip(streams);
  return seen.shown.map((stream) => `${stream.name}:${stream.state}:${stream.counts.live}/${stream.counts.retrying}/${stream.counts.need_you}`).join(' ') + `|${seen.kind}`;
}

/** Names of the destinations of a stream that look like this, for sentences. */
export function namesWith(stream: Stream, tone: 'warn' | 'err'): string[] {
  return stream.destinations.filter((destination) => lookOf(destination).tone === tone).map((destination) => destination.name);
}

/** How the page is called in tabs and windows: state first. */
export function titleKind(streams: Stream[], here: Stream | undefined): { kind: 'trouble' | 'on' | 'one' | 'many' | 'plain'; name?: string; count?: number } {
  if (here) {
    if (here.state === 'input_lost' || (here.counts.need_you > 0 && here.state !== 'off_air')) return { kind: 'trouble', name: titleOf(here) };
    if (here.state === 'on_air') return { kind: 'on', name: titleOf(here) };
  }
  const count = streams.filter((stream) => stream.state === 'on_air' || stream.state === 'input_lost').length;
  if (count === 1) return { kind: 'one', count };
  return count > 1 ? { kind: 'many', count } : { kind: 'plain' };
}
