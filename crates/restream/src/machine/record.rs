//! What is held against the far end, and against ourselves: how an end is judged.

use super::attempt::Attempt;
use super::ladder::Ladder;
use super::verdict::{self, Verdict};
use crate::Timings;
use manycast_hub::{Fault, LinkEnd, Stage};
use std::time::Instant;

/// So many redirects in a row are followed.
pub(super) const MAX_HOPS: u32 = 3;

/// The memory of one Destination's trouble.
#[derive(Clone, Debug)]
pub(super) struct Record {
    ladder: Ladder,
    /// Closes in a row without a word on trial.
    early_closes: u32,
    /// A session outlived the trial: the key is right.
    key_is_good: bool,
    /// Redirects in a row that were followed.
    hops: u32,
    /// Until when a session of ours that did not end in order may linger.
    lingering: Option<Instant>,
    /// The same for one that we said goodbye to, or one from before our time: less likely.
    parted: Option<Instant>,
    /// Whether a bad name was doubted already for the sake of that.
    doubted: bool,
}

impl Record {
    /// A clean one. `seed` is all its randomness.
    pub(super) fn new(seed: u64) -> Self {
        let ladder = Ladder::new(seed);
        Self {
            ladder,
            early_closes: 0,
            key_is_good: false,
            hops: 0,
            lingering: None,
            parted: None,
            doubted: false,
        }
    }

    /// Who began just now may have died without a goodbye just before.
    pub(super) fn begin(&mut self, now: Instant, timings: &Timings) {
        self.parted.get_or_insert(now + timings.linger);
    }

    /// A person has seen to it: nothing is held against the far end any more.
    pub(super) fn forget(&mut self) {
        self.ladder.reset();
        self.early_closes = 0;
        self.key_is_good = false;
        self.hops = 0;
    }

    /// A dial to the configured address.
    pub(super) fn dial_anew(&mut self) {
        self.hops = 0;
    }

    /// A session that was well for a while has paid for earlier trouble.
    pub(super) fn credit(&mut self, attempt: &Attempt, timings: &Timings) {
        if attempt.is_settled(timings) {
            self.ladder.reset();
        }
        if attempt.lasted(verdict::TRIAL) {
            self.early_closes = 0;
            self.key_is_good = true;
        }
        if attempt.lasted(timings.backoff_max) {
            self.hops = 0;
        }
    }

    /// It was not the far end that closed.
    pub(super) fn forgive_closes(&mut self) {
        self.early_closes = 0;
    }

    /// We said goodbye; some take a while to let a name go.
    pub(super) fn part(&mut self, now: Instant, timings: &Timings) {
        let until = now + timings.backoff_max;
        self.parted = Some(self.parted.map_or(until, |before| before.max(until)));
        self.doubted = false;
    }

    /// A goodbye was cut short.
    pub(super) fn linger(&mut self, now: Instant, timings: &Timings) {
        self.lingering = Some(now + timings.linger);
    }

    /// After an end without a goodbye of ours the far end may hold on to the session. `fault`: why it
    /// ended, if it did not have to be dropped.
    pub(super) fn note_end(
        &mut self,
        now: Instant,
        fault: Option<Fault>,
        attempt: &Attempt,
        timings: &Timings,
    ) {
        // Whoever says no holds no session, and a goodbye ends it.
        let clean = fault.is_some_and(|fault| {
            matches!(fault, Fault::None | Fault::Rejected | Fault::Occupied | Fault::BadName)
        });
        if attempt.stage >= Stage::Publishing && !clean {
            self.linger(now, timings);
        }
    }

    /// The next step of the ladder.
    pub(super) fn step(&mut self, now: Instant, timings: &Timings) -> Instant {
        now + self.ladder.next(timings)
    }

    /// What the end of an attempt that was wanted means for the next, in words too. `None`: it
    /// panicked.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        end: Option<&LinkEnd>,
        attempt: &Attempt,
        timings: &Timings,
    ) -> (Verdict, String) {
        let early = end.is_some_and(|end| verdict::is_early_close(end, attempt, timings));
        let early = early && !self.key_is_good;
        self.early_closes = if early { self.early_closes.saturating_add(1) } else { 0 };
        // A key that is wrong is not to be tried without pause, however long each try lasts.
        if self.early_closes < verdict::SUSPICIOUS_CLOSES {
            self.credit(attempt, timings);
        }
        let Some(end) = end else {
            return (Verdict::Ladder, "internal error, this attempt was given up".into());
        };
        let message = &end.message;
        match end.fault {
            fault @ (Fault::Occupied | Fault::BadName) if self.may_be_ours(now, fault) => {
                let words = "(probably still our own session from before, trying again)";
                (Verdict::Ladder, format!("{message} {words}"))
            }
            // Then a bad name is more often a wrong key than our own session, but it may be that.
            Fault::BadName if self.has_parted(now) && !self.doubted => {
                self.doubted = true;
                (Verdict::Doubtful, message.clone())
            }
            Fault::Redirected if self.follows() => (Verdict::Follow, message.clone()),
            Fault::Redirected => {
                let words = "times in a row before: not followed any more";
                (Verdict::Refused, format!("{message} (and {MAX_HOPS} {words})"))
            }
            Fault::Renewed if attempt.is_settled(timings) => (Verdict::Anew, message.clone()),
            fault => {
                let words = verdict::words(end, self.early_closes, attempt);
                (verdict::of(fault), words)
            }
        }
    }

    /// Whether a name that is in use may be in use by ourselves.
    fn may_be_ours(&self, now: Instant, fault: Fault) -> bool {
        let lingers = self.lingering.is_some_and(|until| now < until);
        lingers || (fault == Fault::Occupied && self.has_parted(now))
    }

    /// Whether a session from before our time, or one that we said goodbye to, may still linger.
    fn has_parted(&self, now: Instant) -> bool {
        self.parted.is_some_and(|until| now < until)
    }

    /// Whether one more redirect is followed; counts it.
    pub(super) fn follows(&mut self) -> bool {
        let follows = self.hops < MAX_HOPS;
        self.hops += u32::from(follows);
        follows
    }
}
