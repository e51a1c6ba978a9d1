//! The manners of platforms that are no plain failure: names in use, redirects, renewals, breaks.

use super::tests::Bench;
use super::{FailureKind, Input, Output, State};
use manycast_hub::{Fault, RunEnd, Stage};
use std::time::Duration;

fn follows(orders: &[Output]) -> bool {
    orders.contains(&Output::StartAttempt { redirected: true })
}

#[test]
fn d5_a_name_in_use_after_our_own_unclean_end_takes_the_ladder_for_two_minutes() {
    let mut bench = Bench::new(1);
    bench.accept();
    bench.pass(200.0, true);
    bench.end(Fault::Reset);
    let broke = bench.now;
    loop {
        bench.redial();
        bench.give(Input::Stage(Stage::Publishing));
        bench.end(Fault::Occupied);
        if bench.state() != State::Backoff {
            break;
        }
        assert!(bench.error().contains("our own session from before"), "{}", bench.error());
    }
    let waited = bench.now.duration_since(broke).as_secs_f64();
    assert!((120.0..150.0).contains(&waited), "{waited}");
    assert_eq!((bench.state(), bench.error()), (State::Rejected, "Occupied"));
    assert_eq!(bench.machine.last_failure().unwrap().kind, FailureKind::InUse);
    let dials = bench.dials.iter().filter(|at| **at > 200.0 && **at < 261.0).count();
    assert!(dials <= 10, "{dials} dials in the first minute");
    assert!((bench.redial() - 300.0).abs() < 0.01, "it is somebody else's");
}

#[test]
fn d14_a_name_in_use_right_after_the_start_may_be_of_a_crash() {
    let mut bench = Bench::new(2);
    bench.give(Input::Stage(Stage::Publishing));
    bench.end(Fault::Occupied);
    assert_eq!(bench.state(), State::Backoff);
    assert!(bench.redial() <= 1.0);
}

#[test]
fn d5_a_bad_name_is_a_refusal_at_the_start_and_doubtful_after_an_unclean_end() {
    let mut bench = Bench::new(13);
    bench.give(Input::Stage(Stage::Publishing));
    bench.end(Fault::BadName);
    assert_eq!((bench.state(), bench.error()), (State::Rejected, "BadName"));
    assert_eq!(bench.machine.last_failure().unwrap().kind, FailureKind::Rejected);
    assert!((bench.redial() - 10.0).abs() < 0.01, "asked once more: it may have been a crash");
    bench.end(Fault::BadName);
    assert!((bench.redial() - 300.0).abs() < 0.01);
    bench.accept();
    bench.end(Fault::Reset);
    bench.redial();
    bench.give(Input::Stage(Stage::Publishing));
    bench.end(Fault::BadName);
    assert_eq!(bench.state(), State::Backoff);
}

#[test]
fn d5_a_name_in_use_long_after_an_orderly_end_is_a_refusal() {
    let mut bench = Bench::new(3);
    bench.accept();
    bench.pass(200.0, true);
    bench.give(Input::StreamEnded(RunEnd::Orderly));
    bench.end(Fault::None);
    bench.now += Duration::from_secs(31);
    bench.give(Input::StreamLive);
    bench.give(Input::Stage(Stage::Publishing));
    bench.end(Fault::Occupied);
    assert_eq!(bench.state(), State::Rejected);
}

#[test]
fn d5_a_name_that_is_let_go_of_late_after_our_goodbye_is_tried_again_soon() {
    for (fault, state, wait) in
        [(Fault::Occupied, State::Backoff, 1.0), (Fault::BadName, State::Rejected, 10.0)]
    {
        let mut bench = Bench::new(17);
        bench.accept();
        bench.pass(200.0, true);
        bench.give(Input::StreamEnded(RunEnd::Orderly));
        bench.end(Fault::None);
        bench.now += Duration::from_secs(5);
        bench.give(Input::StreamLive);
        bench.give(Input::Stage(Stage::Publishing));
        bench.end(fault);
        assert_eq!(bench.state(), state);
        assert!(bench.redial() <= wait);
    }
}

#[test]
fn d5_a_goodbye_that_was_cut_short_leaves_a_session_behind() {
    let mut bench = Bench::new(4);
    bench.accept();
    bench.pass(200.0, true);
    bench.give(Input::StreamEnded(RunEnd::Orderly));
    bench.pass(4.0, false);
    bench.end(Fault::None);
    bench.give(Input::StreamLive);
    bench.give(Input::Stage(Stage::Publishing));
    bench.end(Fault::Occupied);
    assert_eq!(bench.state(), State::Backoff);
}

#[test]
fn d13_redirects_are_followed_three_times_in_a_row() {
    let mut bench = Bench::new(5);
    for _ in 0..3 {
        assert!(follows(&bench.end(Fault::Redirected)));
        assert_eq!(bench.error(), "", "no failure so far");
    }
    assert!(!follows(&bench.end(Fault::Redirected)));
    assert_eq!(bench.state(), State::Rejected);
    assert!(bench.error().contains("3 times in a row"), "{}", bench.error());
    assert_eq!(bench.machine.last_failure().unwrap().kind, FailureKind::Redirects);
    assert!((bench.redial() - 300.0).abs() < 0.01);
    assert!(follows(&bench.end(Fault::Redirected)), "the configured address begins anew");
}

#[test]
fn d13_a_redirect_to_the_dead_is_network_trouble_and_goes_back_to_the_configured_address() {
    let mut bench = Bench::new(6);
    for _ in 0..10 {
        assert!(follows(&bench.end(Fault::Redirected)));
        let orders = bench.end(Fault::Unreachable);
        assert_eq!((bench.state(), follows(&orders)), (State::Backoff, false));
        bench.redial();
    }
    bench.pass(1.0, false);
}

#[test]
fn d13_hints_after_long_sessions_are_no_row_and_after_short_ones_are() {
    let mut bench = Bench::new(7);
    for _ in 0..20 {
        bench.accept();
        bench.pass(31.0, true);
        assert!(follows(&bench.end(Fault::Redirected)));
    }
    for n in 1..=4 {
        bench.accept();
        bench.pass(4.0, true);
        assert_eq!(follows(&bench.end(Fault::Redirected)), n < 3, "{n} after a short session");
        if n == 3 {
            return;
        }
    }
}

#[test]
fn d13_a_hint_while_held_is_followed_when_frames_flow_again() {
    let mut bench = Bench::new(8);
    bench.accept();
    bench.give(Input::StreamEnded(RunEnd::Lost));
    assert!(!follows(&bench.end(Fault::Redirected)));
    assert_eq!(bench.state(), State::Held);
    assert!(follows(&bench.give(Input::StreamLive)));
    bench.give(Input::StreamEnded(RunEnd::Orderly));
    bench.end(Fault::None);
    assert!(!follows(&bench.give(Input::StreamLive)), "a new broadcast begins where configured");
}

#[test]
fn c5_a_renewal_dials_at_once_unless_it_is_one_of_many() {
    let mut bench = Bench::new(9);
    bench.accept();
    bench.pass(10.0, true);
    bench.end(Fault::Renewed);
    assert_eq!((bench.state(), bench.error()), (State::Resolving, ""));
    assert_eq!(bench.machine.failures(), 0);
    for step in [1.0, 2.0, 4.0] {
        bench.give(Input::Stage(Stage::Accepted));
        bench.end(Fault::Renewed);
        assert_eq!((bench.state(), bench.error()), (State::Backoff, ""));
        let wait = bench.redial();
        assert!((step * 0.79..=step * 1.21).contains(&wait), "{step}: {wait}");
    }
}

#[test]
fn c5_a_name_in_use_after_a_renewal_is_our_own() {
    let mut bench = Bench::new(15);
    bench.accept();
    bench.pass(200.0, true);
    for fault in [Fault::Renewed, Fault::Redirected] {
        bench.end(fault);
        assert_eq!(bench.state(), State::Resolving);
        bench.give(Input::Stage(Stage::Publishing));
        bench.end(Fault::BadName);
        assert_eq!(bench.state(), State::Backoff, "after {fault:?}");
        bench.redial();
        bench.accept();
        bench.pass(200.0, true);
    }
}

#[test]
fn c5_an_orderly_end_is_held_by_setting() {
    let mut bench = Bench::new(10);
    let window = Duration::from_secs(20);
    bench.machine.set_timings(crate::Timings { orderly_window: window, ..Default::default() });
    bench.accept();
    for _ in 0..3 {
        bench.give(Input::StreamEnded(RunEnd::Orderly));
        assert_eq!(bench.state(), State::Held);
        bench.pass(19.0, false);
        bench.give(Input::StreamLive);
        assert_eq!(bench.state(), State::Live);
    }
    bench.give(Input::StreamEnded(RunEnd::Orderly));
    bench.pass(21.0, false);
    assert_eq!(bench.state(), State::Draining);
    assert_eq!(bench.dials.len(), 1);
}

#[test]
fn d6_a_stall_together_with_others_names_the_uplink() {
    for (shared, named) in [(false, false), (true, true)] {
        let mut bench = Bench::new(11);
        bench.accept();
        bench.machine.set_shared_trouble(shared);
        bench.sample.unacked = 50_000;
        bench.pass(11.0, false);
        assert_eq!(bench.state(), State::Stalled);
        assert_eq!(bench.error().contains("your uplink"), named, "{}", bench.error());
    }
}

#[test]
fn the_time_of_the_next_dial_is_told_while_it_waits() {
    let mut bench = Bench::new(12);
    assert_eq!(bench.machine.next_dial(), None);
    bench.end(Fault::Rejected);
    let at = bench.machine.next_dial().unwrap();
    assert_eq!(at.duration_since(bench.now).as_secs(), 300);
    bench.give(Input::StreamEnded(RunEnd::Lost));
    assert_eq!(bench.machine.next_dial(), None, "nobody dials without frames");
}
