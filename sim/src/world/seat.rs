//! One leg of a destination in the process: its machine, and the orders it gives.
//!
//! Belongs here: what restream's supervisor does with a machine, without its tasks. Must not come
//! here: the attempt, see `delivery.rs`.

use super::delivery::Attempt;
use super::watch::Shadow;
use super::{Event, Place, World};
use manycast_hub::{Fault, LinkEnd, Secret};
use manycast_restream::failover::Failover;
use manycast_restream::machine::{Input, Machine, Output, Sample};
use manycast_restream::{BackupMode, Source, State};
use std::time::{Duration, Instant};

/// First dials of seats that start together are this far apart.
const SPREAD: Duration = Duration::from_millis(100);
const SPREAD_FOR: Duration = Duration::from_secs(30);

pub(crate) struct Seat {
    pub(super) place: Place,
    pub(super) backup: Option<usize>,
    pub(super) wanted: bool,
    /// Whether it is configured at all.
    pub(super) present: bool,
    /// The process's part of it; gone while the process is down.
    pub(super) crew: Option<Crew>,
    pub(super) attempt: Option<Attempt>,
    pub(super) attempts: u32,
    pub(super) shadow: Shadow,
    /// How many dials there were when all had to be well.
    pub(super) dials_at_judgement: Option<u32>,
    /// The states that it went through, and when.
    pub(crate) states: Vec<(Instant, State)>,
}

pub(super) struct Crew {
    pub(super) machine: Machine,
    source: Source,
    failover: Failover,
    on: bool,
    redirect: Option<Secret>,
    armed: Option<Instant>,
}

impl Seat {
    pub(super) fn new(now: Instant, place: &Place) -> Self {
        Self {
            place: place.clone(),
            backup: None,
            wanted: true,
            present: true,
            crew: None,
            attempt: None,
            attempts: 0,
            shadow: Shadow::new(now),
            dials_at_judgement: None,
            states: Vec::new(),
        }
    }

    pub(super) fn dials(&self) -> u32 {
        self.attempts
    }

    pub(super) fn state(&self) -> State {
        self.crew.as_ref().map_or(State::Stopped, |crew| crew.machine.state())
    }

    /// How often something went wrong.
    pub(crate) fn failures(&self) -> u64 {
        self.crew.as_ref().map_or(0, |crew| crew.machine.failures())
    }

    /// What went wrong last.
    #[cfg(test)]
    pub(crate) fn last_failure(&self) -> Option<manycast_restream::Failure> {
        self.crew.as_ref()?.machine.last_failure().cloned()
    }
}

impl World {
    /// Puts a machine on a seat, as a start of the process or a new entry of the list does. `turn`:
    /// how many began at this moment before it.
    pub(super) fn hire(&mut self, seat: usize, turn: usize) {
        let Some(process) = &self.process else { return };
        let seed = self.setup.seed ^ (seat as u64 + 1) << 32 ^ u64::from(self.incarnation);
        let place = &self.seats[seat].place;
        let mut machine = Machine::new(place.timings, seed);
        if turn > 0 {
            let delay = SPREAD * u32::try_from(turn).unwrap_or(1);
            machine.spread_start(delay, self.now + SPREAD_FOR);
        }
        let source = Source::new(process.hub.clone(), process.stream.name().clone());
        let failover = Failover::default();
        let crew = Crew { machine, source, failover, on: false, redirect: None, armed: None };
        if let Some((primary, _)) = place.backup_of {
            self.seats[primary].backup = Some(seat);
        }
        let now = self.now;
        let slot = &mut self.seats[seat];
        slot.crew = Some(crew);
        slot.present = true;
        slot.shadow.restart(now);
        self.look_at_stream(seat);
        self.steer(seat);
    }

    /// Switches on or off, as everything together wants it.
    pub(super) fn steer(&mut self, seat: usize) {
        let called = match self.seats[seat].place.backup_of {
            None | Some((_, BackupMode::Both)) => true,
            Some((primary, BackupMode::Failover)) => {
                self.seats[primary].crew.as_ref().is_some_and(|crew| crew.failover.is_called())
            }
        };
        let leaves = self.process.as_ref().is_some_and(|process| process.leaves);
        let slot = &mut self.seats[seat];
        let on = slot.present && slot.wanted && called && !leaves;
        let Some(crew) = &mut slot.crew else { return };
        if on != std::mem::replace(&mut crew.on, on) {
            if !on {
                self.seats[seat].shadow.people(self.now);
            }
            self.give(seat, if on { Input::Enabled } else { Input::Disabled });
        }
    }

    pub(super) fn edit(&mut self, seat: usize) {
        let Some(crew) = &mut self.seats[seat].crew else { return };
        crew.redirect = None;
        self.seats[seat].shadow.people(self.now);
        self.give(seat, Input::Edited);
    }

    /// Whether it shall be on air when the Stream is.
    pub(super) fn is_wanted(&self, seat: usize) -> bool {
        self.seats[seat].crew.as_ref().is_some_and(|crew| crew.on)
    }

    pub(super) fn look_at_stream(&mut self, seat: usize) {
        let now = self.now;
        let Some(crew) = &mut self.seats[seat].crew else { return };
        let mut inputs = crew.source.look();
        inputs.extend(crew.source.listen(now));
        for input in inputs {
            let slot = &mut self.seats[seat];
            slot.shadow.stream(&input, &slot.place.timings);
            self.give(seat, input);
        }
    }

    pub(super) fn give(&mut self, seat: usize, input: Input) {
        let now = self.now;
        let Some(crew) = &mut self.seats[seat].crew else { return };
        let orders = crew.machine.handle(now, input);
        for order in orders {
            match order {
                Output::StartAttempt { redirected } => self.start(seat, redirected),
                Output::StopAttempt { orderly } => self.stop(seat, orderly),
                Output::Changed { state, reason } => {
                    self.mix(((seat as u64) << 8) | state as u64);
                    self.seats[seat].states.push((now, state));
                    if self.setup.talks {
                        self.note(&format!("seat {seat}"), format_args!("{state}: {reason}"));
                    }
                }
            }
        }
        self.observe_failover(seat);
        self.arm(seat);
        self.watch_seat(seat);
    }

    fn observe_failover(&mut self, seat: usize) {
        let now = self.now;
        let slot = &mut self.seats[seat];
        let (Some(backup), Some(crew)) = (slot.backup, &mut slot.crew) else { return };
        let before = crew.failover.is_called();
        crew.failover.observe(now, crew.machine.state(), crew.machine.stuck_since());
        let called = crew.failover.is_called();
        if called != before {
            self.post(now, Event::Steer(backup));
        }
        self.watch_failover(seat, called);
    }

    fn arm(&mut self, seat: usize) {
        let slot = &mut self.seats[seat];
        let backup = slot.backup;
        let Some(crew) = &mut slot.crew else { return };
        let failover = backup.and_then(|_| crew.failover.deadline());
        let due = crew.machine.deadline().into_iter().chain(failover).min();
        let Some(due) = due else { return };
        if crew.armed.is_none_or(|armed| due < armed) {
            crew.armed = Some(due);
            self.post(due, Event::Machine(seat));
        }
    }

    pub(super) fn machine_due(&mut self, seat: usize) {
        let now = self.now;
        let Some(crew) = &mut self.seats[seat].crew else { return };
        if crew.armed.is_none_or(|armed| armed > now) {
            return;
        }
        crew.armed = None;
        if crew.machine.deadline().is_some_and(|at| at <= now) {
            self.seats[seat].shadow.window_over();
            self.give(seat, Input::Tick);
        } else {
            self.observe_failover(seat);
            self.arm(seat);
        }
    }

    fn start(&mut self, seat: usize, redirected: bool) {
        let slot = &mut self.seats[seat];
        let hop = slot.crew.as_mut().and_then(|crew| crew.redirect.take()).filter(|_| redirected);
        let (busy, wanted) = (slot.attempt.is_some(), slot.present && slot.wanted);
        let early = slot.shadow.dial(self.now, redirected);
        self.check(!busy, || format!("destination {seat}: a second attempt beside the first"));
        self.check(wanted, || format!("destination {seat}: a dial that nobody wants"));
        self.check(hop.is_some() || !redirected, || {
            format!("destination {seat}: a hop to nowhere")
        });
        self.check(early.is_none(), || {
            format!("destination {seat}: a dial before its time: {}", early.unwrap_or_default())
        });
        self.dial(seat, hop);
    }

    fn stop(&mut self, seat: usize, orderly: bool) {
        let Some(attempt) = &mut self.seats[seat].attempt else {
            return self.check(false, || format!("destination {seat}: a stop of nothing"));
        };
        let number = attempt.number;
        attempt.unwanted = true;
        attempt.dropped |= !orderly;
        if orderly {
            self.say_goodbye(seat, true);
        } else {
            self.post(self.now, Event::Dropped(seat, number));
        }
    }

    /// The attempt is over, and its connection let go of; `None`: it panicked.
    pub(super) fn ended(
        &mut self,
        seat: usize,
        sample: Sample,
        end: Option<LinkEnd>,
        last: &Attempt,
    ) {
        let held = self.state(seat) == State::Held;
        self.telling = Some(seat);
        self.give(seat, Input::Progress(sample));
        let fault = end.as_ref().map_or(Fault::Closed, |end| end.fault);
        *self.ends.entry(name(end.as_ref(), last)).or_default() += 1;
        self.mix(0x100_0000 | (seat as u64) << 8 | fault as u64);
        if self.setup.talks {
            let words = end.as_ref().map_or("panicked", |end| end.message.as_str()).to_owned();
            self.note(&format!("seat {seat}"), format_args!("ended, {fault:?}: {words}"));
        }
        let now = self.now;
        let slot = &mut self.seats[seat];
        slot.shadow.ended(now, fault, held, last);
        if let Some(crew) = &mut slot.crew {
            crew.redirect = end.as_ref().and_then(|end| end.redirect.clone());
        }
        let before = self.seats[seat].failures();
        let forgiven = held && end.is_some() && last.accepted.is_some() && !last.unwanted;
        self.give(seat, end.map_or(Input::AttemptPanicked, Input::AttemptEnded));
        self.telling = None;
        if forgiven {
            self.watch_held(seat, before);
        }
    }
}

/// How an end is counted.
fn name(end: Option<&LinkEnd>, last: &Attempt) -> &'static str {
    match end.map(|end| end.fault) {
        None => "panics",
        Some(Fault::None) if last.is_closing() => "goodbyes",
        Some(Fault::None) => "drops",
        Some(Fault::Configuration) => "forbidden",
        Some(Fault::Dns) => "no name",
        Some(Fault::Unreachable) => "unreachable",
        Some(Fault::ConnectTimeout) => "no answer",
        Some(Fault::Tls) => "tls",
        Some(Fault::Handshake) => "no rtmp",
        Some(Fault::Rejected) => "refused",
        Some(Fault::BadName) => "bad name",
        Some(Fault::Occupied) => "in use",
        Some(Fault::Redirected) => "redirects",
        Some(Fault::Renewed) => "renewals",
        Some(Fault::Reset) => "resets",
        Some(Fault::Closed) => "closes",
    }
}
