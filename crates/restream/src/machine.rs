//! The supervisor of one Destination, as a value: what happened and what time it is go in, orders
//! come out. No task, no clock, no randomness of its own.
//!
//! Belongs here: every decision about dialling, waiting and giving up. Must not come here: how an
//! attempt is made, or what is shown of it.
//!
//! ```text
//! stopped <-> idle -> resolving .. publishing -> live <-> held      (live <-> unfed)
//!               ^         |  ^          |          |       |
//!               |         v  |          v          v       |
//!               |   backoff, rejected, stalled <---+       |
//!               +------------- draining <------------------+
//! ```
#![doc = include_str!("machine/table.md")]

mod attempt;
mod failure;
mod ladder;
mod record;
mod state;
mod verdict;

pub use attempt::Sample;
pub use failure::{Failure, FailureKind};
pub use state::State;

use crate::Timings;
use attempt::Attempt;
use manycast_hub::{Fault, LinkEnd, RunEnd, Stage};
use record::Record;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verdict::Verdict;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// It shall be on air when the Stream is.
    Enabled,
    /// It shall not be on air any more.
    Disabled,
    /// Address, key or bounds changed; the next attempt uses the new ones.
    Edited,
    /// It shall be tried now: a person waits no longer.
    Retried,
    /// The Stream can be joined.
    StreamLive,
    /// The encoder is connected and has sent nothing for a while. [`Input::StreamLive`] follows when
    /// it sends again, [`Input::StreamEnded`] when it is given up.
    StreamSilent,
    /// The Stream's Run ended.
    StreamEnded(RunEnd),
    /// The attempt came so far.
    Stage(Stage),
    /// The state of the attempt's connection, to be given a few times per second.
    Progress(Sample),
    /// The attempt is over, whoever ended it.
    AttemptEnded(LinkEnd),
    /// The attempt is over because of a defect of ours.
    AttemptPanicked,
    /// The [`Machine::deadline`] may have passed.
    Tick,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start an attempt. There is none under way.
    StartAttempt {
        /// To where the last end redirected, else to the configured address.
        redirected: bool,
    },
    /// End the attempt; [`Input::AttemptEnded`] must follow.
    StopAttempt {
        /// With a goodbye; else drop it at once.
        orderly: bool,
    },
    /// The state is another one now.
    Changed {
        /// The new state.
        state: State,
        /// Why, for people.
        reason: Arc<str>,
    },
}

/// The Stream, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Off,
    Live,
    Lost { until: Instant },
}

/// Why no dial is made yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Many start at once.
    Spread,
    Ladder,
    Stall,
    Refused,
}

#[derive(Clone, Debug)]
enum Phase {
    Idle,
    Waiting,
    Running(Attempt),
    Held(Option<Attempt>),
    /// Told to die for want of progress.
    Dropping,
    /// Saying goodbye; without a limit once it was told to die.
    Draining(Option<Instant>),
    Stopped,
}

/// The supervisor of one Destination. See the [module](self) for its table.
#[derive(Clone, Debug)]
pub struct Machine {
    timings: Timings,
    enabled: bool,
    source: Source,
    phase: Phase,
    record: Record,
    /// No dial before this, and why. Outlives the states: a hold or an edit in between does not
    /// make trouble go away.
    wait: Option<(Wait, Instant)>,
    /// A delay of the first dial, and until when it is of use.
    spread: Option<(Duration, Instant)>,
    dialled: Option<Instant>,
    /// The next dial goes to where the last end redirected.
    follow: bool,
    last_failure: Option<Failure>,
    failures: u64,
    /// Whether it is not this Destination alone that falls behind.
    shared_trouble: bool,
}

type Orders = Vec<Output>;

const UNFED: &str = "nothing of the stream can be sent there";

fn is_hang_up(fault: Fault) -> bool {
    matches!(fault, Fault::Closed | Fault::Reset)
}

impl Machine {
    /// Stopped, with the Stream off air. `seed` is all its randomness.
    #[must_use]
    pub fn new(timings: Timings, seed: u64) -> Self {
        Self {
            timings,
            enabled: false,
            source: Source::Off,
            phase: Phase::Stopped,
            record: Record::new(seed),
            wait: None,
            spread: None,
            dialled: None,
            follow: false,
            last_failure: None,
            failures: 0,
            shared_trouble: false,
        }
    }

    /// Delays the first dial if the Stream comes on air before `until`, so that many Destinations
    /// that start together do not dial together.
    pub fn spread_start(&mut self, delay: Duration, until: Instant) {
        self.spread = Some((delay, until));
    }

    /// Changes how patient it is, from now on.
    pub fn set_timings(&mut self, timings: Timings) {
        self.timings = timings;
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Idle => State::Idle,
            Phase::Waiting => match self.wait {
                Some((Wait::Ladder, _)) => State::Backoff,
                Some((Wait::Stall, _)) => State::Stalled,
                Some((Wait::Refused, _)) => State::Rejected,
                Some((Wait::Spread, _)) | None => State::Idle,
            },
            Phase::Running(attempt) => attempt.state(),
            Phase::Held(_) => State::Held,
            Phase::Dropping => State::Stalled,
            Phase::Draining(_) => State::Draining,
            Phase::Stopped => State::Stopped,
        }
    }

    /// What went wrong last, since the last edit.
    #[must_use]
    pub fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_ref()
    }

    /// How often something went wrong so far.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Whether several Destinations fall behind at the same time: then it is not this one's fault.
    pub fn set_shared_trouble(&mut self, shared: bool) {
        self.shared_trouble = shared;
    }

    /// This process stood still until now: what was not acknowledged or answered meanwhile is not
    /// held against the far end.
    pub fn stood_still(&mut self, now: Instant) {
        if let Phase::Running(attempt) = &mut self.phase {
            attempt.resume(now);
        }
    }

    /// When the next dial is made, while it waits for that.
    #[must_use]
    pub fn next_dial(&self) -> Option<Instant> {
        let waiting = matches!(self.phase, Phase::Waiting);
        self.wait.filter(|_| waiting).map(|(_, until)| until)
    }

    /// Since when the far end has acknowledged nothing, though there is something to acknowledge
    /// and the encoder is there.
    #[must_use]
    pub fn stuck_since(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Running(attempt) => attempt.stuck_since(),
            _ => None,
        }
    }

    /// When [`Input::Tick`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting => self.wait.map(|(_, until)| until),
            Phase::Running(attempt) => Some(attempt.deadline(&self.timings)),
            Phase::Held(_) => match self.source {
                Source::Lost { until } => Some(until),
                Source::Off | Source::Live => None,
            },
            Phase::Draining(until) => *until,
            Phase::Idle | Phase::Dropping | Phase::Stopped => None,
        }
    }

    /// Takes what happened; the orders are to be carried out in turn.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        self.record.begin(now, &self.timings);
        let before = self.state();
        let mut orders = Orders::new();
        let reason = match input {
            Input::Enabled => self.enable(now, &mut orders),
            Input::Disabled => self.disable(now, &mut orders),
            Input::Edited => self.edit(now, &mut orders),
            Input::Retried => self.retry(now, &mut orders),
            Input::StreamLive => self.go_live(now, &mut orders),
            Input::StreamSilent => self.stream_silent(now),
            Input::StreamEnded(end) => self.stream_ended(now, end, &mut orders),
            Input::Stage(stage) => self.reach(now, stage),
            Input::Progress(sample) => self.progress(now, sample, &mut orders),
            Input::AttemptEnded(end) => self.attempt_ended(now, Some(&end), &mut orders),
            Input::AttemptPanicked => self.attempt_ended(now, None, &mut orders),
            Input::Tick => self.tick(now, &mut orders),
        };
        let state = self.state();
        if state != before {
            orders.push(Output::Changed { state, reason: reason.into() });
        }
        orders
    }

    // === orders from people

    fn enable(&mut self, now: Instant, orders: &mut Orders) -> String {
        self.enabled = true;
        if matches!(self.phase, Phase::Stopped) {
            self.settle(now, orders);
        }
        "switched on".into()
    }

    fn disable(&mut self, now: Instant, orders: &mut Orders) -> String {
        self.enabled = false;
        self.forget_trouble();
        self.leave(now, orders);
        "switched off".into()
    }

    fn edit(&mut self, now: Instant, orders: &mut Orders) -> String {
        self.forget_trouble();
        self.last_failure = None;
        self.leave(now, orders);
        "edited".into()
    }

    /// Ends a wait, and nothing else: what the far end did is remembered.
    fn retry(&mut self, now: Instant, orders: &mut Orders) -> String {
        self.wait = None;
        if matches!(self.phase, Phase::Waiting) {
            self.settle(now, orders);
        }
        "tried at once".into()
    }

    /// A person has seen to it: nothing is held against the far end any more.
    fn forget_trouble(&mut self) {
        self.wait = None;
        self.follow = false;
        self.record.forget();
    }

    // === the Stream

    fn go_live(&mut self, now: Instant, orders: &mut Orders) -> String {
        self.source = Source::Live;
        if let Some((delay, until)) = self.spread.take()
            && now < until
        {
            self.wait = Some((Wait::Spread, now + delay));
        }
        match &mut self.phase {
            Phase::Held(session) => match session.take() {
                Some(mut attempt) => {
                    attempt.resume(now);
                    self.phase = Phase::Running(attempt);
                }
                None => self.settle(now, orders),
            },
            Phase::Idle => self.settle(now, orders),
            Phase::Waiting
            | Phase::Running(_)
            | Phase::Dropping
            | Phase::Draining(_)
            | Phase::Stopped => {}
        }
        "the stream is on air".into()
    }

    fn stream_ended(&mut self, now: Instant, end: RunEnd, orders: &mut Orders) -> String {
        let (window, reason) = match end {
            RunEnd::Orderly => (self.timings.orderly_window, "the stream ended"),
            RunEnd::Lost => (self.timings.reconnect_window, "the encoder vanished"),
        };
        match self.source {
            Source::Off if end == RunEnd::Lost => return String::new(),
            Source::Lost { .. } if end == RunEnd::Lost || !window.is_zero() => {
                return String::new();
            }
            Source::Live if !window.is_zero() => {}
            Source::Off | Source::Live | Source::Lost { .. } => {
                self.go_off(now, orders);
                return "the stream ended".into();
            }
        }
        self.hold(now, window);
        reason.into()
    }

    fn stream_silent(&mut self, now: Instant) -> String {
        let window = self.timings.reconnect_window;
        if self.source == Source::Live && !window.is_zero() {
            self.hold(now, window);
        }
        "the encoder sends nothing".into()
    }

    /// Waits for the encoder, with the session if there is one.
    fn hold(&mut self, now: Instant, window: Duration) {
        self.source = Source::Lost { until: now + window };
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Running(attempt) => self.phase = Phase::Held(Some(attempt)),
            Phase::Waiting => self.phase = Phase::Held(None),
            other => self.phase = other,
        }
    }

    /// The Stream is over. Whoever starts it anew has a right to a dial before long.
    fn go_off(&mut self, now: Instant, orders: &mut Orders) {
        self.source = Source::Off;
        self.follow = false;
        if let (Some((_, until)), Some(dialled)) = (&mut self.wait, self.dialled) {
            *until = (*until).min(dialled + self.timings.restart);
        }
        if self.enabled {
            self.leave(now, orders);
        }
    }

    // === the attempt

    fn reach(&mut self, now: Instant, stage: Stage) -> String {
        match &mut self.phase {
            Phase::Running(attempt) | Phase::Held(Some(attempt)) => attempt.reach(now, stage),
            _ => {}
        }
        "one step further".into()
    }

    fn progress(&mut self, now: Instant, sample: Sample, orders: &mut Orders) -> String {
        match &mut self.phase {
            Phase::Running(attempt) => attempt.note(now, sample),
            Phase::Held(Some(attempt)) => {
                attempt.note(now, sample);
                return String::new();
            }
            _ => return String::new(),
        }
        let unfed = matches!(&self.phase, Phase::Running(attempt) if attempt.is_unfed());
        let news = if unfed { UNFED } else { "media was acknowledged" };
        self.lose_patience(now, orders).unwrap_or_else(|| news.into())
    }

    /// Drops the attempt if it has had its time.
    fn lose_patience(&mut self, now: Instant, orders: &mut Orders) -> Option<String> {
        let Phase::Running(attempt) = &self.phase else { return None };
        if now < attempt.deadline(&self.timings) {
            return None;
        }
        let mut complaint = attempt.complaint(&self.timings);
        if self.shared_trouble && attempt.is_accepted() {
            complaint += "; other destinations fall behind too, so it is probably your uplink";
        }
        self.record.credit(attempt, &self.timings);
        self.record.note_end(now, None, attempt, &self.timings);
        self.record.forgive_closes();
        self.phase = Phase::Dropping;
        self.fail(FailureKind::Stalled, &complaint);
        self.wait = Some((Wait::Stall, self.record.step(now, &self.timings)));
        orders.push(Output::StopAttempt { orderly: false });
        Some(complaint)
    }

    /// `None`: it panicked.
    fn attempt_ended(
        &mut self,
        now: Instant,
        end: Option<&LinkEnd>,
        orders: &mut Orders,
    ) -> String {
        let reason = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Running(attempt) => self.judge(now, end, &attempt),
            Phase::Held(Some(attempt)) => match end {
                Some(end) if attempt.is_accepted() => self.forgive(now, end, &attempt),
                _ => self.judge(now, end, &attempt),
            },
            Phase::Dropping => "dropped".into(),
            Phase::Draining(_) => {
                self.record.part(now, &self.timings);
                "said goodbye".into()
            }
            other @ (Phase::Idle | Phase::Waiting | Phase::Held(None) | Phase::Stopped) => {
                self.phase = other;
                return String::new();
            }
        };
        self.settle(now, orders);
        reason
    }

    /// A session that ends while there is nothing to send is no failure.
    fn forgive(&mut self, now: Instant, end: &LinkEnd, attempt: &Attempt) -> String {
        self.record.credit(attempt, &self.timings);
        if end.fault == Fault::Redirected {
            self.follow = self.record.follows();
        }
        self.record.note_end(now, Some(end.fault), attempt, &self.timings);
        end.message.clone()
    }

    /// Decides what the end of an attempt that was wanted means for the next.
    fn judge(&mut self, now: Instant, end: Option<&LinkEnd>, attempt: &Attempt) -> String {
        let (mut verdict, mut words) = self.record.judge(now, end, attempt, &self.timings);
        if attempt.is_unfed() && end.is_some_and(|end| is_hang_up(end.fault)) {
            // It waited for something to come, and that is no matter of the key.
            self.record.forgive_closes();
            (verdict, words) = (Verdict::Refused, format!("{UNFED}, and the far end hung up"));
        }
        let kind = end.map_or(Some(FailureKind::Internal), |end| FailureKind::of(end.fault));
        if let Some(kind) = kind.filter(|_| verdict != Verdict::Follow) {
            self.fail(kind, &words);
        }
        self.record.note_end(now, end.map(|end| end.fault), attempt, &self.timings);
        self.follow = verdict == Verdict::Follow;
        self.wait = match verdict {
            Verdict::Ladder => Some((Wait::Ladder, self.record.step(now, &self.timings))),
            Verdict::Refused => Some((Wait::Refused, now + self.timings.refusal)),
            Verdict::Doubtful => Some((Wait::Refused, now + self.timings.restart)),
            Verdict::Follow | Verdict::Anew => None,
        };
        words
    }

    fn fail(&mut self, kind: FailureKind, words: &str) {
        self.failures += 1;
        self.last_failure = Some(Failure { kind, words: words.into() });
    }

    // === time

    fn tick(&mut self, now: Instant, orders: &mut Orders) -> String {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return String::new();
        }
        match &mut self.phase {
            Phase::Waiting => {
                self.settle(now, orders);
                "waited long enough".into()
            }
            Phase::Running(_) => self.lose_patience(now, orders).unwrap_or_default(),
            Phase::Held(_) => {
                self.go_off(now, orders);
                let window = self.timings.reconnect_window.as_secs();
                format!("the encoder did not come back within {window} s")
            }
            Phase::Draining(until) => {
                *until = None;
                self.record.linger(now, &self.timings);
                orders.push(Output::StopAttempt { orderly: false });
                String::new()
            }
            Phase::Idle | Phase::Dropping | Phase::Stopped => String::new(),
        }
    }

    // === the two ways on

    /// Says goodbye if there is a session, else settles.
    fn leave(&mut self, now: Instant, orders: &mut Orders) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Running(attempt) | Phase::Held(Some(attempt)) => {
                self.record.credit(&attempt, &self.timings);
                self.phase = Phase::Draining(Some(now + self.timings.goodbye));
                orders.push(Output::StopAttempt { orderly: true });
            }
            busy @ (Phase::Dropping | Phase::Draining(_)) => self.phase = busy,
            Phase::Idle | Phase::Waiting | Phase::Held(None) | Phase::Stopped => {
                self.settle(now, orders);
            }
        }
    }

    /// Takes the place where it belongs while no attempt is under way, or starts one.
    fn settle(&mut self, now: Instant, orders: &mut Orders) {
        if matches!(self.source, Source::Lost { until } if until <= now) {
            self.source = Source::Off;
        }
        let waits = self.wait.is_some_and(|(_, until)| now < until);
        self.phase = match self.source {
            _ if !self.enabled => Phase::Stopped,
            Source::Off => Phase::Idle,
            Source::Lost { .. } => Phase::Held(None),
            Source::Live if waits => Phase::Waiting,
            Source::Live => {
                self.wait = None;
                self.dialled = Some(now);
                let redirected = std::mem::take(&mut self.follow);
                if !redirected {
                    self.record.dial_anew();
                }
                orders.push(Output::StartAttempt { redirected });
                Phase::Running(Attempt::new(now))
            }
        };
    }
}

#[cfg(test)]
mod manners_tests;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;
