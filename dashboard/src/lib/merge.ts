// Puts the lean cards of the event stream over the full streams that were read: states and figures come from
// the card, what a person set up from the stream. Says which streams have to be read anew.
import type { Destination, DestinationStatus, Stream, StreamCard } from './api/types';

const UNKNOWN: Omit<DestinationStatus, 'state' | 'since' | 'bitrate' | 'next_dial' | 'last_error'> = {
  reason: null, last_error_kind: null, frames: 0, bytes: 0, dropped_gops: 0, lag_ms: null, unacked_bytes: null, rtt_ms: null, left_out: null, dials: 0, failures: 0,
};

function destinations(known: Destination[], card: StreamCard): { list: Destination[]; stale: boolean } {
  let stale = known.length !== card.destinations.length;
  const list: Destination[] = [];
  for (const lean of card.destinations) {
    const full = known.find((other) => other.id === lean.id);
    if (!full) { stale = true; continue; }
    if (full.name !== lean.name || full.service !== lean.service) stale = true;
    // A cause belongs to its own error, the other figures to their own time.
    const same = full.status?.last_error === lean.status?.last_error;
    const status = lean.status ? { ...UNKNOWN, ...full.status, ...lean.status, ...(same ? {} : { last_error_kind: null, reason: null }) } : null;
    if (!same) stale = true;
    list.push({ ...full, enabled: lean.enabled, status });
  }
  return { list, stale };
}

export function merge(known: Stream[], cards: StreamCard[]): { streams: Stream[]; stale: string[] } {
  const byName = new Map(known.map((stream) => [stream.name, stream]));
  const streams: Stream[] = [];
  const stale: string[] = [];
  for (const card of cards) {
    const full = byName.get(card.name);
    if (!full) { stale.push(card.name); continue; }
    const { list, stale: changed } = destinations(full.destinations, card);
    const sameRun = full.publisher !== null && full.publisher.since === card.publisher?.since;
    if (changed || full.version !== card.version || full.managed_by !== card.managed_by || (card.publisher !== null && (!sameRun || full.publisher?.tracks.length === 0))) stale.push(card.name);
    streams.push({
      ...full, ...card, destinations: list,
      publisher: card.publisher ? { address: null, tracks: [], trouble: null, ...(sameRun ? full.publisher : {}), ...card.publisher } : null,
      health: sameRun ? full.health : null,
      findings: card.findings.map((finding) => ({ track: null, remedy: '', ...full.findings.find((other) => other.id === finding.id), ...finding })),
    });
  }
  return { streams, stale };
}
