//! What the table cannot show: how long, how often, and in which words.

use super::table_tests::end;
use super::{Input, Machine, Output, Sample, State};
use crate::Timings;
use manycast_hub::{Fault, LinkEnd, RunEnd, Stage};
use std::time::{Duration, Instant};

/// A machine in virtual time whose Stream is live.
pub(super) struct Bench {
    pub(super) machine: Machine,
    start: Instant,
    pub(super) now: Instant,
    pub(super) dials: Vec<f64>,
    pub(super) sample: Sample,
}

impl Bench {
    pub(super) fn new(seed: u64) -> Self {
        let start = Instant::now();
        let machine = Machine::new(Timings::default(), seed);
        let mut bench =
            Self { machine, start, now: start, dials: vec![], sample: Sample::default() };
        bench.give(Input::Enabled);
        bench.give(Input::StreamLive);
        bench
    }

    pub(super) fn give(&mut self, input: Input) -> Vec<Output> {
        let orders = self.machine.handle(self.now, input);
        let at = self.now.duration_since(self.start).as_secs_f64();
        self.dials
            .extend(orders.iter().filter(|o| matches!(o, Output::StartAttempt { .. })).map(|_| at));
        orders
    }

    pub(super) fn end(&mut self, fault: Fault) -> Vec<Output> {
        self.give(Input::AttemptEnded(end(fault)))
    }

    pub(super) fn state(&self) -> State {
        self.machine.state()
    }

    pub(super) fn error(&self) -> &str {
        self.machine.last_failure().map_or("", |failure| &failure.words)
    }

    /// Time passes, with ticks at the deadlines and a sample four times per second; `flows` says
    /// whether something is written and acknowledged meanwhile. Stops at a dial.
    pub(super) fn pass(&mut self, seconds: f64, flows: bool) {
        let until = self.now + Duration::from_secs_f64(seconds);
        let dials = self.dials.len();
        while self.now < until && self.dials.len() == dials {
            let next = (self.now + Duration::from_millis(250)).min(until);
            self.now = match self.machine.deadline() {
                Some(at) => at.max(self.now).min(next),
                None => next,
            };
            self.give(Input::Tick);
            self.sample.reports += 1;
            if flows {
                self.sample.written += 1000;
                self.sample.acked += 1000;
            }
            if self.dials.len() == dials {
                self.give(Input::Progress(self.sample));
            }
        }
    }

    /// The attempt under way gets on air.
    pub(super) fn accept(&mut self) {
        self.sample = Sample { acked: 3073, ..Sample::default() };
        self.give(Input::Stage(Stage::Accepted));
        self.pass(0.75, true);
        assert_eq!(self.state(), State::Live);
    }

    /// Waits for the dial and says how long it took.
    pub(super) fn redial(&mut self) -> f64 {
        let (count, before) = (self.dials.len(), self.now);
        while self.dials.len() == count {
            self.pass(1000.0, false);
        }
        self.now.duration_since(before).as_secs_f64()
    }
}

#[test]
fn d4_a_target_that_refuses_is_dialled_with_growing_waits_and_for_ever() {
    for seed in 0..50 {
        let mut bench = Bench::new(seed);
        let steps = [1.0, 2.0, 4.0, 8.0, 16.0, 30.0];
        for n in 0..200 {
            bench.end(Fault::Unreachable);
            assert_eq!(bench.state(), State::Backoff);
            let wait = bench.redial();
            let step = *steps.get(n).unwrap_or(&30.0);
            assert!((step * 0.79..=step * 1.21).contains(&wait), "wait {n}: {wait}");
        }
        let first_minute = bench.dials.iter().filter(|at| **at < 60.0).count();
        assert!((5..=10).contains(&first_minute), "{first_minute}");
        assert_eq!(bench.error(), "Unreachable");
    }
}

#[test]
fn d3_a_target_that_resets_every_five_seconds_is_retried_within_a_second_each_time() {
    let mut bench = Bench::new(3);
    for _ in 0..20 {
        bench.accept();
        bench.pass(4.25, true);
        bench.end(Fault::Reset);
        assert_eq!(bench.state(), State::Backoff);
        let wait = bench.redial();
        assert!(wait <= 1.0, "{wait}");
    }
}

#[test]
fn d4_a_session_shorter_than_three_seconds_pays_for_nothing() {
    let mut bench = Bench::new(4);
    for step in [1.0, 2.0, 4.0] {
        bench.accept();
        bench.pass(1.0, true);
        bench.end(Fault::Reset);
        let wait = bench.redial();
        assert!((step * 0.79..=step * 1.21).contains(&wait), "{step}: {wait}");
    }
}

#[test]
fn d5_a_refusal_is_told_apart_retried_every_five_minutes_and_at_once_after_an_edit() {
    let mut bench = Bench::new(5);
    for _ in 0..3 {
        bench.give(Input::Stage(Stage::Publishing));
        let message = "NetStream.Publish.BadName: no such key".to_owned();
        bench.give(Input::AttemptEnded(LinkEnd::new(Fault::Rejected, message)));
        assert_eq!(bench.state(), State::Rejected);
        assert_eq!(bench.error(), "NetStream.Publish.BadName: no such key");
        assert!((bench.redial() - 300.0).abs() < 0.01);
    }
    bench.end(Fault::Rejected);
    bench.pass(1.0, false);
    let dials = bench.dials.len();
    bench.give(Input::Edited);
    assert_eq!((bench.state(), bench.dials.len()), (State::Resolving, dials + 1));
    assert_eq!(bench.error(), "", "an edit wipes the slate");
    bench.end(Fault::Configuration);
    assert_eq!(bench.state(), State::Rejected, "our own fault waits for a person too");
}

#[test]
fn d5_three_closes_before_any_media_are_probably_the_key() {
    let mut bench = Bench::new(6);
    for n in 1..=4 {
        bench.give(Input::Stage(Stage::Accepted));
        bench.end(Fault::Closed);
        let suspected = bench.error().contains("probably the key");
        assert_eq!(suspected, n >= 3, "after {n}: {}", bench.error());
        bench.redial();
    }
    bench.end(Fault::Dns);
    bench.redial();
    bench.give(Input::Stage(Stage::Accepted));
    bench.end(Fault::Closed);
    assert_eq!(bench.error(), "Closed", "they are counted in a row");
    for _ in 0..2 {
        bench.redial();
        bench.give(Input::Stage(Stage::Handshake));
        bench.end(Fault::Closed);
    }
    assert!(bench.error().ends_with("probably the key or the address)"), "{}", bench.error());
    for _ in 0..5 {
        bench.redial();
        bench.give(Input::Stage(Stage::Securing));
        bench.end(Fault::Reset);
        assert_eq!(bench.error(), "Reset", "the connection never stood");
    }
    for n in 1..=5 {
        bench.redial();
        bench.accept();
        bench.end(Fault::Closed);
        let suspected =
            bench.error().contains("within seconds of the first media: probably the key");
        assert_eq!(suspected, n >= 3, "after {n}: {}", bench.error());
    }
    for (seconds, fault) in [(4.0, Fault::Reset), (16.0, Fault::Closed), (1.0, Fault::Closed)] {
        for _ in 0..5 {
            bench.redial();
            bench.accept();
            bench.pass(seconds, true);
            bench.end(fault);
            assert!(!bench.error().contains("the key"), "proven, or no trial: {}", bench.error());
        }
    }
}

#[test]
fn d5_a_platform_that_closes_after_six_seconds_of_media_reads_probably_the_key_and_is_spared() {
    let mut bench = Bench::new(14);
    let mut waits = vec![];
    for n in 1..=8 {
        bench.accept();
        bench.pass(6.0, true);
        bench.end(Fault::Closed);
        assert_eq!(bench.error().contains("probably the key"), n >= 3, "{}", bench.error());
        waits.push(bench.redial());
    }
    assert!(waits[..2].iter().all(|wait| *wait <= 1.0), "the first may be chance: {waits:?}");
    assert!(waits[7] > 12.0, "then it takes the ladder: {waits:?}");
}

#[test]
fn d6_a_session_without_acknowledged_progress_is_dropped_after_ten_seconds_and_redialled() {
    let mut bench = Bench::new(7);
    bench.accept();
    bench.sample.unacked = 50_000;
    bench.pass(9.5, false);
    assert_eq!(bench.state(), State::Live);
    let before = bench.now;
    bench.pass(1.0, false);
    assert_eq!(bench.state(), State::Stalled);
    assert!(bench.now.duration_since(before) <= Duration::from_secs(1));
    assert!(bench.error().contains("acknowledged nothing for 10 s"), "{}", bench.error());
    bench.end(Fault::None);
    assert_eq!(bench.state(), State::Stalled, "seen until the redial");
    assert!(bench.redial() <= 1.0);
}

#[test]
fn d6_a_target_that_never_acknowledges_is_never_called_live_and_climbs_the_ladder() {
    let mut bench = Bench::new(8);
    for step in [1.0, 2.0, 4.0, 8.0] {
        bench.give(Input::Stage(Stage::Accepted));
        bench.sample = Sample { written: 9000, acked: 3073, unacked: 9000, ..Sample::default() };
        bench.pass(9.9, false);
        assert_eq!(bench.state(), State::Publishing);
        bench.pass(0.4, false);
        assert_eq!(bench.state(), State::Stalled);
        bench.end(Fault::None);
        let wait = bench.redial();
        assert!((step * 0.7..=step * 1.21).contains(&wait), "{step}: {wait}");
    }
}

#[test]
fn d6_a_silent_stream_is_no_stall_but_a_silent_link_is() {
    let mut bench = Bench::new(9);
    bench.accept();
    bench.pass(300.0, false);
    assert_eq!(bench.state(), State::Live, "nothing to send, nothing to acknowledge");
    for _ in 0..39 {
        bench.now += Duration::from_millis(250);
        bench.give(Input::Progress(bench.sample));
    }
    assert_eq!(bench.state(), State::Live);
    bench.now += Duration::from_millis(500);
    bench.give(Input::Progress(bench.sample));
    assert_eq!(bench.state(), State::Stalled, "it did not report for ten seconds");
    assert!(bench.error().contains("no sign of life"), "{}", bench.error());
}

#[test]
fn d6_a_stage_without_an_end_is_given_up() {
    for stage in [Stage::Connecting, Stage::Handshake, Stage::Publishing] {
        let mut bench = Bench::new(10);
        bench.pass(14.0, false);
        bench.give(Input::Stage(stage));
        bench.pass(14.5, false);
        assert_eq!(bench.state(), stage.into());
        bench.pass(1.0, false);
        assert_eq!(bench.state(), State::Stalled);
        assert!(bench.error().contains(State::from(stage).name()), "{}", bench.error());
    }
}

#[test]
fn live_is_said_only_of_media_that_the_far_end_acknowledged() {
    let sample = |written, acked, unacked| Sample { written, acked, unacked, ..Sample::default() };
    for (samples, live) in [
        (vec![sample(0, 3000, 0), sample(0, 3500, 0)], false), // still the greeting
        (vec![sample(0, 3000, 0), sample(900, 3500, 900)], false),
        (vec![sample(900, 3000, 900), sample(900, 3000, 0)], false), // no growth since the yes
        (vec![sample(0, 3000, 0), sample(900, 3200, 800)], true),
        (vec![sample(0, 3000, 0), sample(900, 3900, 0)], true),
    ] {
        let mut bench = Bench::new(11);
        bench.give(Input::Progress(sample(900, 9000, 0))); // before the yes nothing counts
        bench.give(Input::Stage(Stage::Accepted));
        for sample in samples.clone() {
            bench.give(Input::Progress(sample));
        }
        let expected = if live { State::Live } else { State::Publishing };
        assert_eq!(bench.state(), expected, "{samples:?}");
    }
}

#[test]
fn c5_a_hold_keeps_the_session_judges_no_stall_and_ends_after_the_window() {
    for away in [1.0, 5.0, 20.0, 29.9] {
        let mut bench = Bench::new(12);
        bench.accept();
        bench.sample.unacked = 400; // what was on the way when the encoder vanished
        bench.give(Input::StreamEnded(RunEnd::Lost));
        bench.pass(away, false);
        assert_eq!(bench.state(), State::Held);
        bench.give(Input::StreamLive);
        assert_eq!((bench.state(), bench.dials.len()), (State::Live, 1));
        bench.pass(9.0, false);
        assert_eq!(bench.state(), State::Live, "the clocks start anew");
    }
    let mut bench = Bench::new(12);
    bench.accept();
    bench.give(Input::StreamEnded(RunEnd::Lost));
    bench.pass(29.9, false);
    assert_eq!(bench.state(), State::Held);
    bench.pass(0.1, false);
    assert_eq!(bench.state(), State::Draining);
    bench.end(Fault::None);
    assert_eq!(bench.state(), State::Idle);
}

#[test]
fn c5_a_close_by_the_far_end_during_the_hold_is_no_failure() {
    for fault in [Fault::Closed, Fault::Reset, Fault::Rejected] {
        let mut bench = Bench::new(13);
        bench.accept();
        bench.give(Input::StreamEnded(RunEnd::Lost));
        bench.pass(6.0, false);
        bench.end(fault);
        assert_eq!((bench.state(), bench.error()), (State::Held, ""));
        bench.pass(5.0, false);
        assert_eq!(bench.dials.len(), 1, "no dial without frames");
        bench.give(Input::StreamLive);
        assert_eq!((bench.state(), bench.dials.len()), (State::Resolving, 2));
    }
}

#[test]
fn c5_without_a_window_a_lost_encoder_ends_the_session() {
    let mut bench = Bench::new(14);
    let timings = Timings { reconnect_window: Duration::ZERO, ..Timings::default() };
    bench.machine.set_timings(timings);
    bench.accept();
    bench.give(Input::StreamEnded(RunEnd::Lost));
    assert_eq!(bench.state(), State::Draining);
}

#[test]
fn c3_an_encoder_that_comes_and_goes_does_not_outwit_the_waits() {
    let mut bench = Bench::new(15);
    for _ in 0..60 {
        bench.end(Fault::Unreachable);
        bench.give(Input::StreamEnded(RunEnd::Orderly));
        assert_eq!(bench.state(), State::Idle);
        bench.pass(0.5, false);
        bench.give(Input::StreamLive);
        bench.pass(0.5, false);
    }
    let dials = bench.dials.len();
    assert!(dials <= 10, "{dials} dials in a minute");
    // Whoever starts the Stream again after a refusal need not wait for five minutes.
    let mut bench = Bench::new(15);
    bench.end(Fault::Rejected);
    bench.give(Input::StreamEnded(RunEnd::Orderly));
    bench.give(Input::StreamLive);
    assert_eq!(bench.state(), State::Rejected);
    assert!((bench.redial() - 10.0).abs() < 0.01);
    // And a loss in between changes nothing.
    bench.end(Fault::Rejected);
    bench.give(Input::StreamEnded(RunEnd::Lost));
    bench.pass(5.0, false);
    bench.give(Input::StreamLive);
    assert_eq!(bench.state(), State::Rejected);
    assert!((bench.redial() - 295.0).abs() < 0.01);
}

#[test]
fn a8_a_panic_costs_one_attempt() {
    let mut bench = Bench::new(16);
    bench.accept();
    bench.give(Input::AttemptPanicked);
    assert_eq!(bench.state(), State::Backoff);
    assert!(bench.error().contains("internal error"));
    bench.redial();
}

#[test]
fn d14_a_spread_start_waits_once_and_only_for_a_while() {
    let start = Instant::now();
    let at = |ms: u64| start + Duration::from_millis(ms);
    let mut machine = Machine::new(Timings::default(), 1);
    machine.spread_start(Duration::from_millis(700), at(30_000));
    let _ = machine.handle(at(0), Input::Enabled);
    assert!(machine.handle(at(5000), Input::StreamLive).is_empty());
    assert_eq!((machine.state(), machine.deadline()), (State::Idle, Some(at(5700))));
    assert_eq!(
        machine.handle(at(5700), Input::Tick).first(),
        Some(&Output::StartAttempt { redirected: false })
    );
    let mut machine = Machine::new(Timings::default(), 1);
    machine.spread_start(Duration::from_millis(700), at(30_000));
    let _ = machine.handle(at(0), Input::Enabled);
    let orders = machine.handle(at(30_001), Input::StreamLive);
    assert_eq!(
        orders.first(),
        Some(&Output::StartAttempt { redirected: false }),
        "an ordinary start"
    );
}

#[test]
fn d6_a_pause_of_our_own_is_not_held_against_the_far_end() {
    for stood_still in [false, true] {
        let mut bench = Bench::new(16);
        bench.accept();
        bench.sample.unacked = 50_000;
        bench.pass(1.0, false);
        bench.now += Duration::from_secs(25);
        if stood_still {
            bench.machine.stood_still(bench.now);
        }
        bench.give(Input::Tick);
        let state = if stood_still { State::Live } else { State::Stalled };
        assert_eq!(bench.state(), state);
    }
}

/// A far end that nothing can be sent to is neither live nor on its way, and its hanging up tells
/// nothing of the key.
#[test]
fn one_that_nothing_can_be_sent_to_says_so_and_goes_live_by_itself() {
    let mut bench = Bench::new(31);
    for _ in 0..4 {
        bench.give(Input::Stage(Stage::Accepted));
        bench.sample = Sample { acked: 3073, unfed: true, ..Sample::default() };
        bench.pass(2.9, false);
        assert_eq!(bench.state(), State::Publishing, "tracks come one after another");
        bench.pass(0.6, true);
        assert_eq!(bench.state(), State::Unfed, "what is acknowledged is no media");
        bench.pass(300.0, false);
        assert_eq!(bench.state(), State::Unfed, "and no stall");
        bench.end(Fault::Closed);
        assert_eq!(bench.state(), State::Rejected);
        assert!(!bench.error().contains("key"), "{}", bench.error());
        assert!(bench.redial() > 299.0, "as a refusal");
    }
    bench.give(Input::Stage(Stage::Accepted));
    bench.sample = Sample { acked: 3073, unfed: true, ..Sample::default() };
    bench.pass(10.0, false);
    assert_eq!(bench.state(), State::Unfed);
    bench.sample.unfed = false;
    bench.pass(1.0, true);
    assert_eq!(bench.state(), State::Live, "something fits");
    bench.sample.unfed = true;
    bench.pass(4.0, true);
    assert_eq!(bench.state(), State::Unfed, "the encoder went over to what does not");
}
