//! What is told of Streams that come, go, and go out.

use super::*;
use crate::def::{ManagedBy, Start};
use crate::events::{DestinationFacts, EncoderFacts};
use crate::state::StreamState;
use manycast_hub::{Liveness, OnAir, RunEnd};
use manycast_restream::{DestinationId, FailureKind, Leg, State};
use std::time::Duration;

struct Bench {
    live: StreamLive,
    name: StreamName,
    now: Instant,
    liveness: Liveness,
    told: Vec<&'static str>,
    aired: usize,
}

impl Bench {
    fn new(start: Start) -> Self {
        let name = StreamName::new("main").unwrap();
        let now = Instant::now();
        let rules = Rules::for_tests(start, Duration::from_secs(30), 2);
        let live = StreamLive::new(rules, None, now);
        Self { live, name, now, liveness: Liveness::default(), told: Vec::new(), aired: 0 }
    }

    fn take(&mut self, outcome: Outcome) {
        self.aired += usize::from(outcome.aired);
        self.told.extend(outcome.happenings.iter().map(Happening::kind));
    }

    fn heard(&mut self, silent: bool) {
        let encoder = EncoderFacts { address: "192.0.2.1:5".into(), software: "OBS".into() };
        let heard = Heard { liveness: self.liveness, silent, encoder };
        let outcome = self.live.heard(&self.name.clone(), self.now, &heard);
        self.take(outcome);
    }

    fn leg(&mut self, n: u8, state: State, words: &str) {
        let id = DestinationId::new(&self.name, &n.to_string());
        let facts = || DestinationFacts {
            stream: self.name.clone(),
            id: n.to_string(),
            name: format!("d{n}"),
            service: None,
            backup: false,
        };
        let failure = (!words.is_empty()).then(|| (FailureKind::Reset, words.into()));
        let news = LegNews {
            state,
            reason: "changed".into(),
            failure,
            failures: 1,
            next_dial: None,
            left_out: None,
        };
        let outcome =
            self.live.leg(&self.name.clone(), self.now, (&id, Leg::Primary), facts, &news);
        self.take(outcome);
    }

    /// Steps in words; returns the state and what was told by this step.
    fn step(&mut self, step: &str) -> String {
        let run = match self.liveness.on_air {
            OnAir::Live { run } => run,
            _ => 0,
        };
        match step.split_once(':').unwrap_or((step, "")) {
            ("comes", _) => {
                self.liveness.on_air = OnAir::Live { run: run + 1 };
                self.heard(false);
            }
            ("lost", _) => {
                self.liveness.on_air = OnAir::Ended(RunEnd::Lost);
                self.heard(false);
            }
            ("stops", _) => {
                self.liveness.on_air = OnAir::Ended(RunEnd::Orderly);
                self.liveness.orderly_ends += 1;
                self.heard(false);
            }
            ("silent", _) => self.heard(true),
            ("speaks", _) => self.heard(false),
            ("press", wanted) => {
                let (name, by) = (self.name.clone(), Some("Anna".to_owned()));
                let outcome = self.live.press(&name, self.now, wanted == "live", by);
                self.take(outcome);
            }
            ("all", state) => (1..=2).for_each(|n| self.leg(n, named(state), "")),
            ("one", state) => self.leg(1, named(state), "it broke"),
            ("wait", seconds) => {
                for _ in 0..seconds.parse().unwrap() {
                    self.now += Duration::from_secs(1);
                    let outcome = self.live.tick(&self.name.clone(), self.now);
                    self.take(outcome);
                }
            }
            other => panic!("{other:?}"),
        }
        let told = std::mem::take(&mut self.told).join(" ");
        format!("{} {told}", self.live.life().state.name()).trim().to_owned()
    }

    fn walk(&mut self, steps: &[(&str, &str)]) {
        for (n, (step, want)) in steps.iter().enumerate() {
            assert_eq!(self.step(step), *want, "step {n}: {step}");
        }
    }
}

fn named(word: &str) -> State {
    State::ALL.into_iter().find(|state| state.name() == word).unwrap()
}

#[test]
fn a_broadcast_that_starts_by_itself_loses_its_input_and_ends() {
    let mut bench = Bench::new(Start::Auto);
    bench.walk(&[
        ("all:idle", "off_air"),
        ("comes", "going_live stream.started"),
        ("all:resolving", "going_live"),
        ("one:live", "on_air destination.live stream.went_live"),
        ("all:live", "on_air destination.live"),
        ("lost", "input_lost stream.input_lost"),
        ("all:held", "input_lost"),
        ("wait:5", "input_lost"),
        ("comes", "on_air stream.input_back"),
        ("all:live", "on_air"),
        ("silent", "input_lost stream.input_lost"),
        ("all:held", "input_lost"),
        ("wait:30", "ending stream.stopped stream.ended"),
        ("all:draining", "ending"),
        ("all:idle", "off_air destination.stopped destination.stopped"),
    ]);
    assert_eq!(bench.aired, 0);
}

#[test]
fn a_person_takes_a_stream_on_air_and_off_again() {
    let mut bench = Bench::new(Start::Manual);
    bench.walk(&[
        ("comes", "ready stream.started"),
        ("press:live", "going_live"),
        ("all:resolving", "going_live"),
        ("all:live", "on_air destination.live stream.went_live destination.live"),
        ("press:end", "ending stream.ended"),
        ("all:draining", "ending"),
        ("all:stopped", "ready destination.stopped destination.stopped"),
        ("stops", "off_air stream.stopped"),
    ]);
    assert_eq!(bench.aired, 2, "both presses are applied");
}

#[test]
fn a_manual_stream_whose_encoder_stays_away_goes_off_air_by_itself() {
    let mut bench = Bench::new(Start::Manual);
    bench.walk(&[
        ("comes", "ready stream.started"),
        ("press:live", "going_live"),
        ("all:live", "on_air destination.live stream.went_live destination.live"),
        ("lost", "input_lost stream.input_lost"),
        ("wait:29", "input_lost"),
    ]);
    assert_eq!(bench.aired, 1);
    bench.step("wait:2");
    assert_eq!((bench.aired, bench.live.is_wanted()), (2, false));
}

#[test]
fn what_a_person_ended_stays_ended_over_a_hiccup_and_starts_with_the_next_start() {
    let mut bench = Bench::new(Start::Auto);
    bench.walk(&[
        ("comes", "going_live stream.started"),
        ("press:end", "ready"),
        ("lost", "off_air stream.input_lost"),
        ("comes", "ready stream.input_back"),
        ("stops", "off_air stream.stopped"),
        ("comes", "going_live stream.started"),
    ]);
    assert_eq!(bench.aired, 2, "the press, and the next start");
}

#[test]
fn destinations_in_trouble_are_told_once_until_they_are_well() {
    let mut bench = Bench::new(Start::Auto);
    bench.walk(&[
        ("comes", "going_live stream.started"),
        ("one:resolving", "going_live"),
        ("one:backoff", "going_live destination.failing"),
        ("one:resolving", "going_live"),
        ("one:backoff", "going_live"),
        ("one:rejected", "going_live destination.rejected"),
        ("one:rejected", "going_live"),
        ("one:live", "on_air destination.recovered stream.went_live"),
        ("wait:5", "on_air"),
        ("one:stalled", "on_air destination.failing"),
        ("one:live", "on_air"),
        ("wait:5", "on_air"),
        ("one:backoff", "on_air"),
        ("one:live", "on_air"),
        ("wait:9", "on_air"),
        ("wait:1", "on_air destination.recovered"),
        ("one:draining", "on_air"),
        ("one:stopped", "on_air destination.stopped"),
        ("one:stopped", "on_air"),
    ]);
}

#[test]
fn an_input_that_flaps_is_one_loss() {
    let mut bench = Bench::new(Start::Auto);
    bench.walk(&[("comes", "going_live stream.started")]);
    let mut told = Vec::new();
    for _ in 0..100 {
        for step in ["lost", "wait:2", "comes", "wait:3"] {
            told.push(bench.step(step));
        }
    }
    let events: usize = told.iter().map(|step| step.split(' ').count() - 1).sum();
    assert!(events <= 4, "{told:?}");
}

#[test]
fn a_takeover_between_two_looks_is_seen() {
    let mut bench = Bench::new(Start::Auto);
    bench.walk(&[
        ("comes", "going_live stream.started"),
        ("comes", "going_live stream.input_lost stream.input_back"),
    ]);
    bench.liveness.orderly_ends += 1;
    bench.walk(&[("comes", "going_live stream.stopped stream.started")]);
}

#[test]
fn the_audience_is_told_once_a_minute_and_when_it_changed() {
    let mut bench = Bench::new(Start::Auto);
    let mut told = Vec::new();
    for second in 0..600u64 {
        let viewers = if second < 120 { second } else { 7 };
        let now = bench.now + Duration::from_secs(second);
        if let Some(Happening::ViewerCount { viewers, peak, .. }) =
            bench.live.audience(&bench.name.clone(), now, viewers)
        {
            told.push((second, viewers, peak));
        }
    }
    assert_eq!(told, [(1, 1, 1), (61, 61, 61), (121, 7, 119)]);
}

#[test]
fn open_names_are_known_while_they_are_in_the_hub() {
    let (mut live, now) = (Live::new(), Instant::now());
    let name = StreamName::new("any").unwrap();
    live.open(&name, now);
    live.sync(&Registry::default(), now, |_| None);
    assert!(live.get(&name).is_some_and(StreamLive::is_open));
    live.prune(|_| false);
    assert!(live.get(&name).is_none());
    assert_eq!(live.life(&name, now).state, StreamState::OffAir);
    assert_eq!(ManagedBy::Open.name(), "open");
}

/// One that comes and goes many times a minute floods nobody, and the last word is true.
#[test]
fn an_encoder_that_flaps_is_told_as_one() {
    let mut bench = Bench::new(Start::Auto);
    let mut told = String::new();
    for _ in 0..50 {
        for step in
            ["comes", "all:resolving", "all:live", "wait:2", "stops", "all:draining", "all:idle"]
        {
            told += &bench.step(step);
            told += " ";
        }
        told += &bench.step("wait:2");
        told += " ";
    }
    let count = |kind: &str| told.split(' ').filter(|word| *word == kind).count();
    for (kind, most) in [
        ("stream.started", 3),
        ("stream.stopped", 2),
        ("stream.went_live", 3),
        ("stream.ended", 2),
        ("destination.live", 6),
        ("destination.stopped", 4),
    ] {
        assert_eq!(count(kind), most, "{kind}: {told}");
    }
    bench.walk(&[(
        "wait:30",
        "off_air stream.stopped destination.stopped destination.stopped stream.ended",
    )]);
    bench.walk(&[
        ("comes", "going_live stream.started"),
        ("all:live", "on_air destination.live stream.went_live destination.live"),
        ("stops", "ending stream.stopped stream.ended"),
    ]);
}

/// What a person does is told at once, whatever the encoder does.
#[test]
fn an_end_by_hand_is_told_while_the_encoder_flaps() {
    let mut bench = Bench::new(Start::Auto);
    for _ in 0..4 {
        for step in ["comes", "all:live", "wait:2", "stops", "all:idle", "wait:2"] {
            bench.step(step);
        }
    }
    bench.walk(&[
        ("comes", "going_live"),
        ("all:live", "on_air"),
        ("press:end", "ending stream.ended"),
    ]);
}
