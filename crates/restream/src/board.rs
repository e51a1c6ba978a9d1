//! What is shown of a leg of a Destination: one short lock, written by its supervisor, read by
//! anybody.
//!
//! Counters add up over all attempts; the attempt under way is read where its Link counts.

use crate::machine::Machine;
use crate::spec::Leg;
use crate::{DestinationId, DestinationSpec, Failure, State, redact};
use manycast_hub::{LinkMonitor, Progress};
use manycast_media::StreamName;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The time over which the bitrate is taken.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// A Destination changed its state. No secrets in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationEvent {
    /// Rises by one with each event of the server.
    pub sequence: u64,
    /// When.
    pub at: Instant,
    /// Which Destination.
    pub id: DestinationId,
    /// Which of its addresses.
    pub leg: Leg,
    /// The state before.
    pub from: State,
    /// The new state.
    pub state: State,
    /// Why, for people.
    pub reason: Arc<str>,
    /// What went wrong last, since the last edit.
    pub last_failure: Option<Failure>,
    /// What was sent until now, over all attempts.
    pub totals: Totals,
}

/// A Destination at a moment. No secrets in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationStatus {
    /// Stable over reloads.
    pub id: DestinationId,
    /// What people call it.
    pub name: String,
    /// The Stream that goes out.
    pub stream: StreamName,
    /// Its address.
    pub primary: LegStatus,
    /// Its second address, if it has one.
    pub backup: Option<LegStatus>,
    /// It falls behind together with others: the fault is the uplink's.
    pub uplink_trouble: bool,
}

/// One address of a Destination at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegStatus {
    /// The address without user, password, query and key.
    pub url: String,
    /// What it is doing.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// Why.
    pub reason: Arc<str>,
    /// A backup that is not called: stopped, and ready.
    pub standby: bool,
    /// When it dials next, while it waits for that.
    pub next_dial: Option<Instant>,
    /// What went wrong last, since the last edit.
    pub last_failure: Option<Failure>,
    /// Attempts so far.
    pub totals: Totals,
    /// Bits per second handed to the connection, over the last 5 s.
    pub bitrate: u64,
    /// How old the oldest Frame is that still waits to be written.
    pub lag_ms: u64,
    /// Bytes written and not acknowledged.
    pub unacked_bytes: u64,
    /// Round-trip time of the connection.
    pub rtt_ms: u64,
    /// What is not sent because the far end said that it cannot take it, in a sentence.
    pub left_out: Option<Arc<str>>,
}

/// What was done over all attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Attempts.
    pub dials: u64,
    /// How often something went wrong.
    pub failures: u64,
    /// Frames handed to connections.
    pub frames: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Gops left out because a connection was too slow.
    pub dropped_gops: u64,
}

#[derive(Debug)]
pub(crate) struct Board(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    leg: Leg,
    spec: Arc<DestinationSpec>,
    url: String,
    state: State,
    since: Instant,
    reason: Arc<str>,
    standby: bool,
    next_dial: Option<Instant>,
    last_failure: Option<Failure>,
    /// Of the attempts that are over.
    past: Totals,
    session: Option<Arc<LinkMonitor>>,
    meter: Meter,
}

/// Bytes at moments, about two per second, no older than needed for the rate.
#[derive(Debug, Default)]
struct Meter(VecDeque<(Instant, u64)>);

impl Totals {
    /// Of one attempt under way.
    pub(crate) fn of(monitor: &LinkMonitor) -> Self {
        Self {
            dials: 0,
            failures: 0,
            frames: monitor.frames.load(Ordering::Relaxed),
            bytes: monitor.bytes.load(Ordering::Relaxed),
            dropped_gops: monitor.dropped_gops.load(Ordering::Relaxed),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            dials: self.dials + other.dials,
            failures: self.failures + other.failures,
            frames: self.frames + other.frames,
            bytes: self.bytes + other.bytes,
            dropped_gops: self.dropped_gops + other.dropped_gops,
        }
    }
}

impl Meter {
    fn note(&mut self, now: Instant, total: u64) {
        self.0.push_back((now, total));
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= RATE_WINDOW) {
            self.0.pop_front();
        }
    }

    fn bitrate(&self, now: Instant, total: u64) -> u64 {
        let Some(mut base) = self.0.front().copied() else { return 0 };
        for sample in &self.0 {
            if now.saturating_duration_since(sample.0) >= RATE_WINDOW {
                base = *sample;
            }
        }
        let millis =
            now.saturating_duration_since(base.0).clamp(Duration::from_secs(1), RATE_WINDOW);
        let bits = u128::from(total.saturating_sub(base.1)) * 8000;
        u64::try_from(bits / millis.as_millis().max(1)).unwrap_or(u64::MAX)
    }
}

impl Board {
    pub(crate) fn new(spec: Arc<DestinationSpec>, leg: Leg, now: Instant) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            leg,
            url: redact::address(&spec.target(leg).url),
            spec,
            state: State::Stopped,
            since: now,
            reason: "waits until it is switched on and its stream goes live".into(),
            standby: leg == Leg::Backup,
            next_dial: None,
            last_failure: None,
            past: Totals::default(),
            session: None,
            meter: Meter::default(),
        })))
    }

    pub(crate) fn set_spec(&self, spec: Arc<DestinationSpec>) {
        let mut inner = self.0.lock();
        inner.url = redact::address(&spec.target(inner.leg).url);
        inner.spec = spec;
    }

    /// Returns the state before, and what was done until now.
    pub(crate) fn set_state(
        &self,
        now: Instant,
        state: State,
        reason: Arc<str>,
    ) -> (State, Totals) {
        let mut inner = self.0.lock();
        inner.since = now;
        inner.reason = reason;
        let before = std::mem::replace(&mut inner.state, state);
        (before, inner.totals())
    }

    /// Whether it is a backup that waits to be called.
    pub(crate) fn set_standby(&self, standby: bool) {
        self.0.lock().standby = standby;
    }

    /// Takes what its machine says beside the state.
    pub(crate) fn follow(&self, machine: &Machine) {
        let mut inner = self.0.lock();
        inner.next_dial = machine.next_dial();
        inner.past.failures = machine.failures();
        if inner.last_failure.as_ref() != machine.last_failure() {
            inner.last_failure = machine.last_failure().cloned();
        }
    }

    /// An attempt begins. Returns how many there were, with this one.
    pub(crate) fn begin(&self, now: Instant, monitor: Arc<LinkMonitor>) -> u64 {
        let mut inner = self.0.lock();
        inner.session = Some(monitor);
        inner.past.dials += 1;
        let bytes = inner.totals().bytes;
        inner.meter.note(now, bytes);
        inner.past.dials
    }

    /// The attempt goes on.
    pub(crate) fn note(&self, now: Instant) {
        let mut inner = self.0.lock();
        let bytes = inner.totals().bytes;
        inner.meter.note(now, bytes);
    }

    /// The attempt is over.
    pub(crate) fn end(&self, now: Instant) {
        let mut inner = self.0.lock();
        inner.past = inner.totals();
        inner.session = None;
        let bytes = inner.past.bytes;
        inner.meter.note(now, bytes);
    }

    /// Whose it is.
    pub(crate) fn spec(&self) -> Arc<DestinationSpec> {
        self.0.lock().spec.clone()
    }

    pub(crate) fn status(&self, now: Instant) -> LegStatus {
        let inner = self.0.lock();
        let totals = inner.totals();
        let progress = inner.session.as_ref().map_or_else(Progress::default, |s| s.progress());
        LegStatus {
            url: inner.url.clone(),
            state: inner.state,
            since: inner.since,
            reason: inner.reason.clone(),
            standby: inner.standby,
            next_dial: inner.next_dial,
            last_failure: inner.last_failure.clone(),
            totals,
            bitrate: inner.meter.bitrate(now, totals.bytes),
            lag_ms: millis(progress.lag),
            unacked_bytes: progress.unacked_bytes,
            rtt_ms: millis(progress.rtt),
            left_out: inner.session.as_ref().and_then(|session| session.left_out()),
        }
    }
}

impl Inner {
    fn totals(&self) -> Totals {
        self.past.plus(self.session.as_deref().map(Totals::of).unwrap_or_default())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bitrate_is_that_of_the_last_five_seconds() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut meter = Meter::default();
        assert_eq!(meter.bitrate(at(0), 0), 0);
        for n in 0..100u64 {
            let bytes = if n < 60 { n * 1000 } else { 60_000 };
            meter.note(at(n * 250), bytes);
            assert!(meter.0.len() <= 22, "bounded");
            if n == 59 {
                assert_eq!(meter.bitrate(at(n * 250), bytes), 32_000);
            }
        }
        assert_eq!(meter.bitrate(at(25_000), 60_000), 0, "nothing for ten seconds");
    }

    #[test]
    fn the_bitrate_falls_when_nobody_notes_any_more() {
        let start = Instant::now();
        let mut meter = Meter::default();
        meter.note(start, 0);
        meter.note(start + Duration::from_secs(1), 10_000);
        assert_eq!(meter.bitrate(start + Duration::from_secs(1), 10_000), 80_000);
        assert_eq!(meter.bitrate(start + Duration::from_secs(2), 10_000), 40_000);
        assert_eq!(meter.bitrate(start + Duration::from_secs(7), 10_000), 0);
    }
}
