//! Seeded walks: a far end that is ill in ever new ways, an encoder that comes and goes, people who
//! edit and switch. What must hold at each step is checked against a model that is told only what
//! happened; after healing everything must be well again.

use super::{Input, Machine, Output, Sample, State};
use crate::Timings;
use manycast_hub::{Fault, LinkEnd, RunEnd, Stage};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

const SEEDS: u64 = 1000;
const ILL_FOR: Duration = Duration::from_secs(300);
const WELL_FOR: Duration = Duration::from_secs(60);
/// The longest wait and 5 s.
const HEALED_WITHIN: Duration = Duration::from_secs(35);
const STEP: Duration = Duration::from_millis(100);

/// How the far end behaves to attempts, those under way included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    /// Attempts end in this stage, with this fault.
    Fails(Stage, Fault),
    /// Attempts hang in this stage.
    Hangs(Stage),
    /// Accepts and acknowledges nothing.
    Deaf,
    /// Acknowledges, but the Link reports no more.
    Mute,
    ResetsAfter(Duration),
    Panics,
}

const ILLNESSES: [Health; 15] = [
    Health::Good,
    Health::Fails(Stage::Resolving, Fault::Dns),
    Health::Fails(Stage::Connecting, Fault::Unreachable),
    Health::Fails(Stage::Connecting, Fault::ConnectTimeout),
    Health::Fails(Stage::Securing, Fault::Tls),
    Health::Fails(Stage::Handshake, Fault::Handshake),
    Health::Fails(Stage::Publishing, Fault::Closed),
    Health::Fails(Stage::Publishing, Fault::Rejected),
    Health::Hangs(Stage::Connecting),
    Health::Hangs(Stage::Handshake),
    Health::Deaf,
    Health::Mute,
    Health::ResetsAfter(Duration::from_millis(900)),
    Health::ResetsAfter(Duration::from_secs(5)),
    Health::Panics,
];

const STAGES: [Stage; 6] = [
    Stage::Resolving,
    Stage::Connecting,
    Stage::Securing,
    Stage::Handshake,
    Stage::Publishing,
    Stage::Accepted,
];

struct Attempt {
    began: Instant,
    stage: usize,
    accepted: Option<Instant>,
    sample: Sample,
    /// Told to say goodbye; it does so at this time, or never.
    goodbye: Option<Option<Instant>>,
}

struct World {
    seed: u64,
    rng: u64,
    now: Instant,
    start: Instant,
    machine: Machine,
    health: Health,
    attempt: Option<Attempt>,
    enabled: bool,
    live: bool,
    /// Since when it should be off, and may only say goodbye.
    unwanted: Option<Instant>,
    told: State,
    trace: DefaultHasher,
    // the model of the waits: no dial before `floor`
    floor: Instant,
    streak: u32,
    last_dial: Option<Instant>,
    /// An attempt that was wanted until its end, other than by a hold.
    held: bool,
    dropped: bool,
    dials: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let start = Instant::now();
        Self {
            seed,
            rng: seed,
            now: start,
            start,
            machine: Machine::new(Timings::default(), seed),
            health: Health::Good,
            attempt: None,
            enabled: false,
            live: false,
            unwanted: Some(start),
            told: State::Stopped,
            trace: DefaultHasher::new(),
            floor: start,
            streak: 0,
            last_dial: None,
            held: false,
            dropped: false,
            dials: 0,
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.rng = self.rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.rng >> 33) % below
    }

    fn check(&self, holds: bool, what: &str) {
        let at = self.now.duration_since(self.start);
        assert!(holds, "seed {} at {at:?}: {what}; state {}", self.seed, self.machine.state());
    }

    fn give(&mut self, input: Input) {
        let orders = self.machine.handle(self.now, input);
        let mut dropped = false;
        for order in orders {
            match order {
                Output::StartAttempt { .. } => self.dial(),
                Output::StopAttempt { orderly: true } => {
                    let hangs = self.draw(10) == 0;
                    let at = self.now + Duration::from_millis(self.draw(500));
                    self.check(self.attempt.is_some(), "stop of nothing");
                    if let Some(attempt) = &mut self.attempt {
                        attempt.goodbye = Some((!hangs).then_some(at));
                    }
                }
                Output::StopAttempt { orderly: false } => dropped = true,
                Output::Changed { state, .. } => {
                    self.check(state != self.told, "a change to the same state");
                    self.told = state;
                    let at = self.now.duration_since(self.start);
                    (at, state).hash(&mut self.trace);
                }
            }
        }
        if dropped {
            self.check(self.attempt.is_some(), "drop of nothing");
            self.dropped = true;
            self.end(Fault::None);
        }
        self.invariants();
    }

    fn dial(&mut self) {
        self.check(self.attempt.is_none(), "two attempts at a time");
        self.check(self.enabled && self.live, "a dial that nobody wants");
        self.check(self.now >= self.floor, "a dial before its time");
        self.last_dial = Some(self.now);
        self.dials += 1;
        self.attempt = Some(Attempt {
            began: self.now,
            stage: 0,
            accepted: None,
            sample: Sample { acked: 3073, ..Sample::default() },
            goodbye: None,
        });
    }

    fn invariants(&self) {
        let state = self.machine.state();
        self.check(state == self.told, "an untold change");
        let Some(attempt) = &self.attempt else {
            use State::{Backoff, Held, Idle, Rejected, Stalled, Stopped};
            let resting = [Idle, Held, Stalled, Backoff, Rejected, Stopped].contains(&state);
            self.check(resting, "at work without an attempt");
            return;
        };
        if state == State::Live {
            self.check(attempt.accepted.is_some(), "live without a yes");
            self.check(attempt.sample.acked > 3073, "live without acknowledged media");
        }
        self.check(!matches!(state, State::Idle | State::Stopped), "an attempt left behind");
    }

    /// The attempt is over. The model of the waits learns of it before the machine.
    fn end(&mut self, fault: Fault) {
        let Some(attempt) = self.attempt.take() else { return };
        let dropped = std::mem::take(&mut self.dropped);
        let well = attempt.accepted.is_some_and(|at| self.now - at >= Duration::from_secs(3));
        if well {
            self.streak = 0;
        }
        let goodbye = attempt.goodbye.is_some();
        let forgiven = self.held && attempt.accepted.is_some() && !dropped;
        if !goodbye && !forgiven {
            let step = f64::from(1u32 << self.streak.min(5)).min(30.0);
            let wait = match fault {
                Fault::Rejected => 300.0,
                _ => step * 0.8,
            };
            self.streak += u32::from(fault != Fault::Rejected);
            self.floor = self.now + Duration::from_secs_f64(wait);
        }
        let end = LinkEnd::new(fault, "ended");
        self.give(if self.health == Health::Panics && fault == Fault::Handshake {
            Input::AttemptPanicked
        } else {
            Input::AttemptEnded(end)
        });
    }

    fn far_end(&mut self) {
        let (now, health) = (self.now, self.health);
        let pace = self.draw(3) > 0;
        let (live, held) = (self.live, self.held);
        let Some(attempt) = &mut self.attempt else { return };
        if let Some(Some(at)) = attempt.goodbye {
            if now >= at {
                self.end(Fault::None);
            }
            return;
        }
        let stage = STAGES[attempt.stage];
        match health {
            Health::Fails(at, fault) if at == stage && pace => return self.end(fault),
            Health::Panics if stage == Stage::Handshake => return self.end(Fault::Handshake),
            Health::Hangs(at) if at == stage => return,
            _ => {}
        }
        if stage < Stage::Accepted {
            if pace {
                attempt.stage += 1;
                let stage = STAGES[attempt.stage];
                if stage == Stage::Accepted {
                    attempt.accepted = Some(now);
                }
                self.give(Input::Stage(stage));
            }
            return;
        }
        let since = now - attempt.accepted.unwrap_or(attempt.began);
        if matches!(health, Health::ResetsAfter(time) if since >= time) {
            return self.end(Fault::Reset);
        }
        let fresh = if live && !held { 1000 } else { 0 };
        let sample = &mut attempt.sample;
        sample.written += fresh;
        sample.unacked += fresh;
        if health != Health::Deaf {
            sample.acked += sample.unacked;
            sample.unacked = 0;
        }
        if health != Health::Mute {
            sample.reports += 1;
        }
        let sample = *sample;
        self.give(Input::Progress(sample));
    }

    /// A new start of the Stream has a right to a dial soon; a hold has none.
    fn stream(&mut self, input: Input) {
        match input {
            Input::StreamLive => {
                self.live = true;
                self.held = false;
            }
            Input::StreamEnded(RunEnd::Orderly) => self.off(),
            _ if self.live => {
                self.live = false;
                self.held = true;
            }
            _ => {}
        }
        self.give(input);
    }

    fn off(&mut self) {
        (self.live, self.held) = (false, false);
        if let Some(dial) = self.last_dial {
            self.floor = self.floor.min(dial + Duration::from_secs(10));
        }
    }

    fn people(&mut self, input: Input) {
        match input {
            Input::Enabled => self.enabled = true,
            Input::Disabled => self.enabled = false,
            _ => {}
        }
        if input != Input::Enabled {
            self.floor = self.now;
        }
        if !matches!(input, Input::Enabled | Input::Retried) {
            self.streak = 0;
        }
        self.give(input);
    }

    fn fate(&mut self) {
        let ended = Input::StreamEnded;
        match self.draw(100) {
            0..45 => {
                let which = usize::try_from(self.draw(ILLNESSES.len() as u64)).unwrap();
                self.health = ILLNESSES[which];
            }
            45..65 => self.stream(Input::StreamLive),
            65..75 => self.stream(ended(RunEnd::Lost)),
            75..79 => self.stream(ended(RunEnd::Orderly)),
            79..90 => self.people(Input::Enabled),
            90..94 => self.people(Input::Disabled),
            94..97 => self.people(Input::Retried),
            _ => self.people(Input::Edited),
        }
    }

    /// On to the next step, with ticks at the deadlines on the way.
    fn step(&mut self) {
        let next = self.now + STEP;
        while let Some(at) = self.machine.deadline().filter(|at| *at < next) {
            self.now = at.max(self.now);
            if self.held && self.told == State::Held {
                self.off();
            }
            self.give(Input::Tick);
            let moved = self.machine.deadline().is_none_or(|next| next > at);
            self.check(moved, "a tick that changes nothing");
        }
        self.now = next;
        self.far_end();
        self.leaves_in_time();
    }

    /// What is not wanted any more is gone within the time for goodbyes.
    fn leaves_in_time(&mut self) {
        let state = self.machine.state();
        let wanted = self.enabled && (self.live || self.held);
        let since = *self.unwanted.get_or_insert(self.now);
        if wanted {
            self.unwanted = None;
        } else if self.now - since > Duration::from_secs(4) {
            let resting = if self.enabled { State::Idle } else { State::Stopped };
            self.check(state == resting, "still there");
        }
    }

    fn heal(&mut self) {
        self.health = Health::Good;
        if !self.enabled {
            self.people(Input::Enabled);
        }
        if !self.live {
            self.stream(Input::StreamLive);
        }
        if self.machine.state() == State::Rejected {
            self.people(Input::Edited);
        }
    }

    fn run(mut self) -> (u64, u32) {
        let mut next_fate = self.now;
        while self.now < self.start + ILL_FOR {
            if self.now >= next_fate {
                self.fate();
                next_fate = self.now + Duration::from_millis(self.draw(12_000));
            }
            self.step();
        }
        let healed = self.now;
        self.heal();
        while self.now < healed + HEALED_WITHIN {
            self.step();
        }
        self.check(self.machine.state() == State::Live, "not well 35 s after healing");
        let dials = self.dials;
        while self.now < healed + HEALED_WITHIN + WELL_FOR {
            self.step();
            self.check(self.machine.state() == State::Live, "ill without a reason");
        }
        self.check(self.dials == dials, "a redial without a reason");
        (self.trace.finish(), self.dials)
    }
}

#[test]
fn d4_d5_d6_walks_of_1000_seeds_never_dial_early_or_twice_and_heal_within_35_seconds() {
    let mut dials = 0;
    for seed in 0..SEEDS {
        dials += World::new(seed).run().1;
    }
    let mean = f64::from(dials) / f64::from(u32::try_from(SEEDS).unwrap());
    assert!((5.0..60.0).contains(&mean), "the walks go somewhere: {mean} dials each");
}

#[test]
fn the_same_seed_takes_the_same_way() {
    for seed in 0..10 {
        assert_eq!(World::new(seed).run().0, World::new(seed).run().0);
    }
    assert_ne!(World::new(1).run().0, World::new(2).run().0);
}
