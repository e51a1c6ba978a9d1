//! TCP as both ends see it: two bounded buffers per direction with a delay between them.
//!
//! Belongs here: where bytes are at a time. Must not come here: who reads them, and what breaks.

use crate::rng::Rng;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What one end may have written and the other not yet acknowledged, and what the other may have
/// received and not read. Small, so that a reader that stops blocks the writer soon.
pub(super) const SEND_BUFFER: usize = 6 * 1024;
pub(super) const RECEIVE_BUFFER: usize = 6 * 1024;

/// The way between the node and a far end.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// One way.
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    /// Bytes per second.
    pub(super) rate: u64,
    /// Nothing arrives while it is down; what was sent arrives after that.
    pub(super) up: bool,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Pipe {
    bounded: bool,
    unsent: VecDeque<Bytes>,
    unsent_bytes: usize,
    flight: VecDeque<(Instant, Bytes)>,
    flight_bytes: usize,
    received: VecDeque<Bytes>,
    received_bytes: usize,
    /// What arrived, and when the writer's host hears of it.
    acks: VecDeque<(Instant, usize)>,
    acked: u64,
    /// The writer has closed.
    fin: bool,
    fin_arrives: Option<Instant>,
    last_arrival: Instant,
}

impl Pipe {
    pub(super) fn new(now: Instant, bounded: bool) -> Self {
        Self {
            bounded,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            flight: VecDeque::new(),
            flight_bytes: 0,
            received: VecDeque::new(),
            received_bytes: 0,
            acks: VecDeque::new(),
            acked: 0,
            fin: false,
            fin_arrives: None,
            last_arrival: now,
        }
    }

    /// Takes what fits of `bytes` from its front.
    pub(super) fn write(&mut self, now: Instant, bytes: &mut Bytes) -> usize {
        let room = match self.bounded {
            true => SEND_BUFFER.saturating_sub(self.unacked(now)),
            false => usize::MAX,
        };
        let taken = room.min(bytes.len());
        if taken > 0 {
            self.unsent.push_back(bytes.split_to(taken));
            self.unsent_bytes += taken;
        }
        taken
    }

    /// Closes the writing side; the rest still goes out.
    pub(super) fn close(&mut self) {
        self.fin = true;
    }

    /// Sends what the receiver has room for; when that arrives.
    pub(super) fn launch(&mut self, now: Instant, path: &Path, rng: &mut Rng) -> Option<Instant> {
        let before = self.flight.len();
        while let Some(piece) = self.unsent.front() {
            let held = self.flight_bytes + self.received_bytes;
            if self.bounded && held + piece.len() > RECEIVE_BUFFER && held > 0 {
                break;
            }
            let Some(piece) = self.unsent.pop_front() else { break };
            let at = self.arrival(now, piece.len(), path, rng);
            self.unsent_bytes -= piece.len();
            self.flight_bytes += piece.len();
            self.flight.push_back((at, piece));
        }
        if self.fin && self.fin_arrives.is_none() && self.unsent.is_empty() {
            self.fin_arrives = Some(self.arrival(now, 0, path, rng));
            return self.fin_arrives;
        }
        (self.flight.len() > before).then_some(self.last_arrival)
    }

    fn arrival(&mut self, now: Instant, bytes: usize, path: &Path, rng: &mut Rng) -> Instant {
        let jitter = Duration::from_micros(rng.below(path.jitter.as_micros() as u64 + 1));
        let transfer = Duration::from_micros(bytes as u64 * 1_000_000 / path.rate.max(1));
        self.last_arrival = (now + path.delay + jitter).max(self.last_arrival) + transfer;
        self.last_arrival
    }

    /// The way is up again: what was lost is sent again.
    pub(super) fn again(&mut self, now: Instant, path: &Path) -> Instant {
        let at = now + path.delay * 2;
        self.last_arrival = at;
        self.flight.iter_mut().for_each(|(arrival, _)| *arrival = (*arrival).max(at));
        self.fin_arrives = self.fin_arrives.map(|arrival| arrival.max(at));
        at
    }

    /// Takes in what has arrived by now.
    pub(super) fn arrive(&mut self, now: Instant, path: &Path) {
        while self.flight.front().is_some_and(|(at, _)| *at <= now) {
            let Some((at, piece)) = self.flight.pop_front() else { break };
            self.flight_bytes -= piece.len();
            self.received_bytes += piece.len();
            self.acks.push_back((at.max(now) + path.delay, piece.len()));
            self.received.push_back(piece);
        }
    }

    /// Reads at most so many bytes in one piece.
    pub(super) fn read(&mut self, most: usize) -> Option<Bytes> {
        let front = self.received.front_mut()?;
        let piece = front.split_to(most.min(front.len()));
        if front.is_empty() {
            self.received.pop_front();
        }
        self.received_bytes -= piece.len();
        Some(piece)
    }

    /// Whether the writer's end has come, with everything before it read.
    pub(super) fn is_ended(&self, now: Instant) -> bool {
        let arrived = self.fin_arrives.is_some_and(|at| at <= now);
        arrived && self.flight.is_empty() && self.received.is_empty()
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.received.is_empty()
    }

    /// Bytes written and not acknowledged, as the writer's host knows at `now`.
    pub(super) fn unacked(&mut self, now: Instant) -> usize {
        while let Some((_, bytes)) = self.acks.front().filter(|(at, _)| *at <= now) {
            self.acked += *bytes as u64;
            self.acks.pop_front();
        }
        let on_the_way: usize = self.acks.iter().map(|(_, bytes)| bytes).sum();
        self.unsent_bytes + self.flight_bytes + on_the_way
    }

    /// Bytes acknowledged, as of the last [`Pipe::unacked`].
    pub(super) fn acked(&self) -> u64 {
        self.acked
    }

    /// When the writer's host hears of the next bytes that arrived.
    pub(super) fn next_ack(&self) -> Option<Instant> {
        self.acks.front().map(|(at, _)| *at)
    }
}
