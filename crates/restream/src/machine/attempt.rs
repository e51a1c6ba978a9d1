//! What the machine knows of the attempt under way, and when it has had enough of it.

use super::State;
use crate::Timings;
use manycast_hub::Stage;
use std::time::{Duration, Instant};

/// The connection of an attempt at a moment, all counted from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Bytes of media handed to the connection when the rest of this was noted.
    pub written: u64,
    /// Bytes that the far end's host acknowledged, the greeting included.
    pub acked: u64,
    /// Bytes written and not acknowledged.
    pub unacked: u64,
    /// How old the oldest Frame is that still waits to be written.
    pub lag: Duration,
    /// Nothing of what flows can be sent.
    pub unfed: bool,
    /// How often the Link reported; it must grow for the Link to count as alive.
    pub reports: u64,
}

/// One attempt.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) stage: Stage,
    since: Instant,
    flow: Option<Flow>,
    live_since: Option<Instant>,
    unfed_since: Option<Instant>,
    /// Nothing could be sent for so long that it is no matter of the start.
    unfed: bool,
}

/// Tracks come one after another: that nothing can be sent is said after this time.
const START: Duration = Duration::from_secs(3);

/// After the yes of the far end.
#[derive(Clone, Debug)]
struct Flow {
    /// Acknowledged by then.
    baseline: u64,
    acked: u64,
    progress_at: Instant,
    pending: bool,
    reports: u64,
    reported_at: Instant,
}

impl Attempt {
    pub(super) fn new(now: Instant) -> Self {
        let (stage, since) = (Stage::Resolving, now);
        Self { stage, since, flow: None, live_since: None, unfed_since: None, unfed: false }
    }

    pub(super) fn state(&self) -> State {
        match self.live_since {
            _ if self.unfed => State::Unfed,
            Some(_) => State::Live,
            None => self.stage.into(),
        }
    }

    pub(super) fn reach(&mut self, now: Instant, stage: Stage) {
        if stage > self.stage {
            self.stage = stage;
            self.since = now;
        }
    }

    /// Whether the far end said yes.
    pub(super) fn is_accepted(&self) -> bool {
        self.stage == Stage::Accepted
    }

    /// Whether nothing of what flows can be sent.
    pub(super) fn is_unfed(&self) -> bool {
        self.unfed
    }

    /// Whether the far end ever acknowledged media.
    pub(super) fn is_proven(&self) -> bool {
        self.live_since.is_some()
    }

    /// Whether it made progress for long enough after media was first acknowledged.
    pub(super) fn is_settled(&self, timings: &Timings) -> bool {
        self.lasted(timings.settled)
    }

    /// Whether media was acknowledged over at least so long a time.
    pub(super) fn lasted(&self, time: Duration) -> bool {
        let (Some(live), Some(flow)) = (self.live_since, &self.flow) else { return false };
        flow.progress_at.saturating_duration_since(live) >= time
    }

    /// Since when nothing was acknowledged, though there is something to acknowledge.
    pub(super) fn stuck_since(&self) -> Option<Instant> {
        self.flow.as_ref().filter(|flow| flow.pending).map(|flow| flow.progress_at)
    }

    /// Starts all clocks anew, after a hold.
    pub(super) fn resume(&mut self, now: Instant) {
        self.since = now;
        (self.unfed_since, self.unfed) = (None, false);
        if let Some(flow) = &mut self.flow {
            flow.progress_at = now;
            flow.reported_at = now;
            flow.pending = false;
        }
    }

    pub(super) fn note(&mut self, now: Instant, sample: Sample) {
        if !self.is_accepted() {
            return;
        }
        let flow = self.flow.get_or_insert(Flow {
            baseline: sample.acked,
            acked: sample.acked,
            progress_at: now,
            pending: false,
            reports: sample.reports,
            reported_at: now,
        });
        if sample.acked > flow.acked || !flow.pending {
            flow.progress_at = now;
        }
        if sample.reports != flow.reports {
            flow.reported_at = now;
        }
        flow.acked = sample.acked;
        flow.reports = sample.reports;
        flow.pending = sample.unacked > 0 || sample.lag > Duration::ZERO;
        let unfed_since = sample.unfed.then(|| *self.unfed_since.get_or_insert(now));
        self.unfed_since = unfed_since;
        self.unfed = unfed_since.is_some_and(|since| now >= since + START);
        if sample.unfed {
            return; // whatever is acknowledged is no media
        }
        // Media is written last, so that what is unacknowledged is its tail.
        let acknowledged = sample.acked > flow.baseline && sample.written > sample.unacked;
        if acknowledged && self.live_since.is_none() {
            self.live_since = Some(now);
        }
    }

    /// When it has had its time, if nothing happens until then.
    pub(super) fn deadline(&self, timings: &Timings) -> Instant {
        let Some(flow) = &self.flow else { return self.since + timings.answer };
        let reports = flow.reported_at + timings.stall;
        if flow.pending { reports.min(flow.progress_at + timings.stall) } else { reports }
    }

    /// Why it is to be dropped at that time.
    pub(super) fn complaint(&self, timings: &Timings) -> String {
        let Some(flow) = &self.flow else {
            return format!("no answer for {} s while {}", timings.answer.as_secs(), self.state());
        };
        let stall = timings.stall.as_secs();
        if flow.pending && flow.progress_at <= flow.reported_at {
            format!("stalled: the far end acknowledged nothing for {stall} s")
        } else {
            format!("stalled: the session gave no sign of life for {stall} s")
        }
    }
}
