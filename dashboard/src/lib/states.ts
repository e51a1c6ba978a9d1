// One table from every state to its colour, shape and words (the words are in the catalogue). A test walks
// it against the states that the server can tell.
import type { Destination, DestinationStatus, LegState, Stream, StreamState } from './api/types';
import type { IconName } from './icons';
import type { Key } from './i18n/en';

export type Tone = 'ok' | 'warn' | 'err' | 'idle';
export interface Look { icon: IconName; tone: Tone; word: Key }

export const STREAM_LOOKS: Record<StreamState | 'unknown', { tally: 'on' | 'ready' | 'off' | 'hold' | 'unknown'; word: Key }> = {
  off_air: { tally: 'off', word: 'state.off_air' },
  ready: { tally: 'ready', word: 'state.ready' },
  going_live: { tally: 'ready', word: 'state.going_live' },
  on_air: { tally: 'on', word: 'state.on_air' },
  input_lost: { tally: 'hold', word: 'state.input_lost' },
  ending: { tally: 'off', word: 'state.ending' },
  unknown: { tally: 'unknown', word: 'state.unknown' },
};

export const LEG_LOOKS: Record<LegState, Look> = {
  idle: { icon: 'dashed', tone: 'idle', word: 'leg.idle' },
  resolving: { icon: 'ring', tone: 'idle', word: 'leg.resolving' },
  connecting: { icon: 'ring', tone: 'idle', word: 'leg.connecting' },
  securing: { icon: 'ring', tone: 'idle', word: 'leg.securing' },
  handshake: { icon: 'ring', tone: 'idle', word: 'leg.handshake' },
  publishing: { icon: 'ring', tone: 'idle', word: 'leg.publishing' },
  live: { icon: 'check', tone: 'ok', word: 'leg.live' },
  unfed: { icon: 'octagon', tone: 'err', word: 'leg.unfed' },
  held: { icon: 'pause', tone: 'warn', word: 'leg.held' },
  stalled: { icon: 'bars', tone: 'warn', word: 'leg.stalled' },
  backoff: { icon: 'turn', tone: 'warn', word: 'leg.backoff' },
  rejected: { icon: 'octagon', tone: 'err', word: 'leg.rejected' },
  draining: { icon: 'ring', tone: 'idle', word: 'leg.draining' },
  stopped: { icon: 'square', tone: 'idle', word: 'leg.stopped' },
  standby: { icon: 'dashed', tone: 'idle', word: 'leg.standby' },
};

export const SLOW: Look = { icon: 'triangle', tone: 'warn', word: 'leg.live_slow' };

const CONNECTING: LegState[] = ['resolving', 'connecting', 'securing', 'handshake', 'publishing'];
export function isConnecting(state: LegState): boolean { return CONNECTING.includes(state); }

/** Seconds of picture that wait for a slow link, from which on it is said so. */
const SLOW_LAG_MS = 4000;

export function stateOf(destination: Destination): LegState {
  if (!destination.enabled) return destination.status?.state === 'draining' ? 'draining' : 'stopped';
  const state = destination.status?.state ?? 'idle';
  // Switched on, and not fed because its stream is not on air: it waits, it is not off.
  return state === 'stopped' ? 'idle' : state;
}

/** Live, but pictures are being left out or wait for long. */
export function isSlow(status: DestinationStatus | null): boolean {
  return status?.state === 'live' && (status.lag_ms ?? 0) >= SLOW_LAG_MS;
}

export function lookOf(destination: Destination): Look {
  const state = stateOf(destination);
  return state === 'live' && isSlow(destination.status) ? SLOW : LEG_LOOKS[state];
}

/** Needs a person, is being mended, connects, is live, is off: what comes first in lists. */
export function urgency(destination: Destination): number {
  const state = stateOf(destination);
  if (state === 'rejected' || state === 'unfed') return 0;
  if (state === 'backoff' || state === 'stalled' || state === 'held') return 1;
  if (isSlow(destination.status)) return 2;
  if (isConnecting(state) || state === 'draining') return 3;
  if (state === 'live') return 4;
  if (state === 'idle' || state === 'standby') return 5;
  return 6;
}

export function byUrgency(a: Destination, b: Destination): number {
  return urgency(a) - urgency(b) || a.position - b.position || a.name.localeCompare(b.name);
}

/** Whether its row opens by itself, because somebody should read it. */
export function wantsAttention(destination: Destination): boolean { return urgency(destination) <= 2; }

const STREAM_ORDER: Record<StreamState, number> = { input_lost: 0, going_live: 2, on_air: 1, ending: 3, ready: 4, off_air: 6 };
export function streamUrgency(stream: Stream): number {
  if (stream.counts.need_you > 0 && stream.state !== 'off_air') return -1;
  return stream.state === 'off_air' && stream.counts.need_you > 0 ? 5 : STREAM_ORDER[stream.state];
}
export function byStreamUrgency(a: Stream, b: Stream): number {
  return streamUrgency(a) - streamUrgency(b) || titleOf(a).localeCompare(titleOf(b));
}

export function titleOf(stream: { name: string; title?: string | null }): string { return stream.title || stream.name; }
export function isOnAir(stream: Stream): boolean { return stream.state === 'on_air'; }
export function hasInput(stream: Stream): boolean { return stream.state !== 'off_air'; }
/** On its way out or out: ending it is possible, changing it touches viewers. */
export function isOut(stream: Stream): boolean { return stream.state === 'on_air' || stream.state === 'going_live' || stream.state === 'input_lost'; }
/** Destinations that Go live would start. */
export function ready(stream: Stream): Destination[] { return stream.destinations.filter((destination) => destination.enabled); }
