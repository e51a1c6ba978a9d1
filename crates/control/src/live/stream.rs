//! One Stream as it is now.

use super::Outcome;
use super::books::{FindingBook, ViewerBook};
use super::damper::Damper;
use super::flap::Flap;
use super::leg::{LegLive, LegNews};
use crate::air::Air;
use crate::def::{Defined, Start};
use crate::events::{DestinationFacts, EncoderFacts, Happening};
use crate::state::{Encoder, Facts, Life};
use manycast_coach::Finding;
use manycast_hub::{Liveness, OnAir, RunEnd};
use manycast_media::StreamName;
use manycast_restream::{DestinationId, Leg, State};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// What of a definition matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    start: Start,
    window: Duration,
    hold_on_stop: bool,
    /// Destinations that are switched on.
    enabled: usize,
    /// Defined by nobody.
    open: bool,
}

impl Rules {
    pub(super) fn of(stream: &Defined) -> Self {
        let on = stream.destinations.iter().filter(|one| one.enabled && !one.unreadable);
        Self {
            start: stream.start,
            window: stream.reconnect_window,
            hold_on_stop: stream.hold_on_stop,
            enabled: on.count(),
            open: false,
        }
    }

    pub(super) fn open() -> Self {
        let (start, window) = (Start::Auto, Duration::ZERO);
        Self { start, window, hold_on_stop: false, enabled: 0, open: true }
    }

    #[cfg(test)]
    pub(super) fn for_tests(start: Start, window: Duration, enabled: usize) -> Self {
        Self { start, window, hold_on_stop: false, enabled, open: false }
    }

    /// How long destinations are held after such an end.
    fn held_for(&self, end: RunEnd) -> Duration {
        match end {
            RunEnd::Orderly if !self.hold_on_stop => Duration::ZERO,
            RunEnd::Orderly | RunEnd::Lost => self.window,
        }
    }
}

/// What is heard of a Stream in the hub.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) liveness: Liveness,
    /// The encoder is connected and has sent nothing for a while.
    pub(crate) silent: bool,
    pub(crate) encoder: EncoderFacts,
}

impl Heard {
    fn run(liveness: &Liveness) -> Option<u64> {
        match liveness.on_air {
            OnAir::Live { run } => Some(run),
            OnAir::Offline | OnAir::Ended(_) | OnAir::Closed => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    Gone,
    Here,
    Lost { since: Instant, until: Instant },
}

/// One Stream as it is now.
#[derive(Debug)]
pub(crate) struct StreamLive {
    rules: Rules,
    air: Air,
    life: Life,
    sense: Sense,
    seen: Liveness,
    encoder: EncoderFacts,
    /// When the input that was told began.
    began: Instant,
    lost: Damper,
    flap: Flap,
    /// Since when it is told to be on air.
    told_air: Option<Instant>,
    /// Who pressed last, until that is told.
    by: Option<String>,
    legs: BTreeMap<(DestinationId, Leg), LegLive>,
    viewers: ViewerBook,
    findings: FindingBook,
    /// What the coach said last.
    said: Vec<Finding>,
}

impl StreamLive {
    pub(super) fn new(rules: Rules, chosen: Option<bool>, now: Instant) -> Self {
        Self {
            rules,
            air: Air::new(rules.start, chosen, now),
            life: Life::new(now),
            sense: Sense::Gone,
            seen: Liveness::default(),
            encoder: EncoderFacts::default(),
            began: now,
            lost: Damper::default(),
            flap: Flap::default(),
            told_air: None,
            by: None,
            legs: BTreeMap::new(),
            viewers: ViewerBook::default(),
            findings: FindingBook::default(),
            said: Vec::new(),
        }
    }

    pub(super) fn set_rules(&mut self, rules: Rules, stream: &Defined, now: Instant) {
        self.rules = rules;
        self.air.set_start(rules.start);
        let defined: HashSet<_> = stream.destinations.iter().map(|one| &one.seat).collect();
        self.legs.retain(|(id, _), _| defined.contains(id));
        for one in &stream.destinations {
            for leg in [Leg::Primary, Leg::Backup] {
                if let Some(live) = self.legs.get_mut(&(one.seat.clone(), leg)) {
                    live.facts.name.clone_from(&one.name);
                    live.facts.service.clone_from(&one.service);
                }
            }
        }
        self.life = self.life.seen(&self.facts(), now);
    }

    pub(super) fn is_open(&self) -> bool {
        self.rules.open
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.air.is_wanted()
    }

    /// What of the air is to be remembered over a restart.
    pub(crate) fn chosen(&self) -> Option<bool> {
        self.air.chosen()
    }

    pub(crate) fn life(&self) -> Life {
        self.life
    }

    /// Whether an encoder sends.
    pub(crate) fn is_here(&self) -> bool {
        self.sense == Sense::Here
    }

    // === what comes in

    pub(crate) fn heard(&mut self, name: &StreamName, now: Instant, heard: &Heard) -> Outcome {
        let before = std::mem::replace(&mut self.seen, heard.liveness);
        let orderly = heard.liveness.orderly_ends > before.orderly_ends;
        let (was, is) = (Heard::run(&before), Heard::run(&heard.liveness));
        let sends = is.is_some() && !heard.silent;
        let other = was.zip(is).is_some_and(|(was, is)| was != is);
        let end = if orderly { RunEnd::Orderly } else { RunEnd::Lost };
        let mut outcome = Outcome::default();
        match self.sense {
            Sense::Here if !sends || other => {
                let reason = match end {
                    RunEnd::Orderly => "the encoder stopped",
                    RunEnd::Lost if heard.silent => "the encoder sends nothing",
                    RunEnd::Lost => "the encoder vanished",
                };
                outcome.happenings.extend(self.left(name, now, end, reason));
            }
            Sense::Lost { .. } if orderly => {
                self.air.went(now, end);
                if self.rules.held_for(end).is_zero() {
                    outcome.happenings.extend(self.over(name, now, "the encoder stopped"));
                }
            }
            Sense::Gone if orderly => self.air.went(now, end),
            Sense::Here | Sense::Lost { .. } | Sense::Gone => {}
        }
        if sends && self.sense != Sense::Here {
            self.encoder = heard.encoder.clone();
            outcome.aired = self.air.came(now, self.rules.window);
            outcome.happenings.extend(self.came(name, now));
        }
        self.observe(name, now, &mut outcome);
        outcome
    }

    fn left(
        &mut self,
        name: &StreamName,
        now: Instant,
        end: RunEnd,
        reason: &str,
    ) -> Option<Happening> {
        self.air.went(now, end);
        self.findings.clear(now);
        self.said.clear();
        let held_for = self.rules.held_for(end);
        if held_for.is_zero() {
            return self.over(name, now, reason);
        }
        self.sense = Sense::Lost { since: now, until: now + held_for };
        let (stream, reason) = (name.clone(), reason.to_owned());
        self.lost.trouble(now).then_some(Happening::InputLost { stream, reason, held_for })
    }

    /// It is not expected back.
    fn over(&mut self, name: &StreamName, now: Instant, reason: &str) -> Option<Happening> {
        let until = match self.sense {
            Sense::Lost { since, .. } => since,
            Sense::Here | Sense::Gone => now,
        };
        self.sense = Sense::Gone;
        self.lost.forget(now);
        self.flap.went(now, until, reason).then(|| self.stopped(name, until, reason))
    }

    fn stopped(&self, name: &StreamName, until: Instant, reason: &str) -> Happening {
        let lasted = until.saturating_duration_since(self.began);
        let (stream, reason, times) = (name.clone(), reason.to_owned(), self.flap.times());
        Happening::StreamStopped { stream, reason, lasted, times }
    }

    /// The encoder came and went too often, and no longer does: what was withheld is told.
    fn calm(&mut self, name: &StreamName, now: Instant, outcome: &mut Outcome) {
        let Some(parted) = self.flap.calm(now) else { return };
        if let Some(parted) = parted {
            outcome.happenings.push(self.stopped(name, parted.until, &parted.reason));
        }
        outcome.happenings.extend(self.legs.values_mut().filter_map(LegLive::calm));
        if self.life.on_air_since.is_none() {
            outcome.happenings.extend(self.ended(name, now));
        }
    }

    fn ended(&mut self, name: &StreamName, now: Instant) -> Option<Happening> {
        let since = self.told_air.take()?;
        let (by, lasted) = (self.by.take(), now.saturating_duration_since(since));
        Some(Happening::Ended { stream: name.clone(), by, lasted })
    }

    fn came(&mut self, name: &StreamName, now: Instant) -> Option<Happening> {
        let (stream, encoder) = (name.clone(), self.encoder.clone());
        match std::mem::replace(&mut self.sense, Sense::Here) {
            Sense::Gone | Sense::Here => {
                if !self.flap.came(now) {
                    return None;
                }
                self.began = now;
                Some(Happening::StreamStarted { stream, encoder })
            }
            Sense::Lost { .. } => {
                let recovery = self.lost.well(now)?;
                let (away, times) = (recovery.away, recovery.times);
                Some(Happening::InputBack { stream, away, times, encoder })
            }
        }
    }

    // === people

    /// A person wants it on air, or off.
    pub(crate) fn press(
        &mut self,
        name: &StreamName,
        now: Instant,
        wanted: bool,
        by: Option<String>,
    ) -> Outcome {
        let mut outcome = Outcome { changed: true, ..Outcome::default() };
        self.by = by;
        outcome.aired = self.air.press(wanted, now);
        self.observe(name, now, &mut outcome);
        outcome
    }

    // === what goes out

    pub(crate) fn leg(
        &mut self,
        name: &StreamName,
        now: Instant,
        (id, leg): (&DestinationId, Leg),
        facts: impl FnOnce() -> DestinationFacts,
        news: &LegNews,
    ) -> Outcome {
        let seat = (id.clone(), leg);
        let live = self.legs.entry(seat).or_insert_with(|| LegLive::new(facts()));
        let mut outcome = Outcome { changed: true, ..Outcome::default() };
        outcome.happenings.extend(live.news(now, news, self.flap.is_on()));
        self.observe(name, now, &mut outcome);
        outcome
    }

    // === time

    pub(crate) fn tick(&mut self, name: &StreamName, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        if let Sense::Lost { since, until } = self.sense
            && now >= until
        {
            let window = until.saturating_duration_since(since).as_secs();
            let reason = format!("the encoder did not come back within {window} s");
            outcome.happenings.extend(self.over(name, now, &reason));
        }
        if self.sense == Sense::Here
            && let Some(recovery) = self.lost.tick(now)
        {
            let (away, times) = (recovery.away, recovery.times);
            let (stream, encoder) = (name.clone(), self.encoder.clone());
            outcome.happenings.push(Happening::InputBack { stream, away, times, encoder });
        }
        self.calm(name, now, &mut outcome);
        outcome.aired = self.air.tick(now, self.rules.window);
        outcome.happenings.extend(self.legs.values_mut().filter_map(|leg| leg.tick(now)));
        self.observe(name, now, &mut outcome);
        outcome
    }

    /// Takes the number of viewers.
    pub(crate) fn audience(
        &mut self,
        name: &StreamName,
        now: Instant,
        viewers: u64,
    ) -> Option<Happening> {
        self.viewers.look(now, name, viewers)
    }

    /// Takes what the coach says.
    pub(crate) fn coached(
        &mut self,
        name: &StreamName,
        now: Instant,
        findings: Vec<Finding>,
    ) -> Vec<Happening> {
        self.said = findings;
        self.findings.look(now, name, &self.said)
    }

    /// What the coach said last, some seconds ago.
    pub(crate) fn said(&self) -> &[Finding] {
        &self.said
    }

    // === the state that follows

    fn facts(&self) -> Facts {
        let count = |wanted: State| {
            let own = self.legs.iter().filter(|(_, leg)| leg.state == wanted);
            own.map(|((id, _), _)| id).collect::<HashSet<_>>().len()
        };
        let encoder = match self.sense {
            Sense::Gone => Encoder::None,
            Sense::Here => Encoder::Here,
            Sense::Lost { .. } => Encoder::Lost,
        };
        Facts {
            encoder,
            wanted: self.air.is_wanted(),
            enabled: self.rules.enabled,
            live: count(State::Live),
            held: count(State::Held),
            draining: count(State::Draining),
        }
    }

    fn observe(&mut self, name: &StreamName, now: Instant, outcome: &mut Outcome) {
        let before = self.life;
        self.life = before.seen(&self.facts(), now);
        outcome.changed |= before.state != self.life.state || !outcome.happenings.is_empty();
        match (before.on_air_since, self.life.on_air_since) {
            (None, Some(since)) if self.told_air.is_none() => {
                self.told_air = Some(since);
                let by = self.by.take();
                outcome.happenings.push(Happening::WentLive { stream: name.clone(), by });
            }
            // What a person does is told at once.
            (Some(_), None) if self.by.is_some() || !self.flap.is_on() => {
                outcome.happenings.extend(self.ended(name, now));
            }
            _ => {}
        }
    }
}
