//! Backup addresses, redirects, renewals, silence, the uplink and the feed, with real tasks in virtual time.

use super::bench::{Bench, Manner, pass, spec};
use crate::{Backup, BackupMode, DestinationSpec, FailureKind, Leg, State};
use manycast_hub::{Secret, Target};
use std::time::Duration;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A destination `one` whose backup is the far end `two`.
fn pair(mode: BackupMode) -> DestinationSpec {
    let target = Target::new("rtmp://two.example/live", Secret::new("sk_canary_2"));
    DestinationSpec { backup: Some(Backup { target, mode }), ..spec("one") }
}

fn bench(one: Manner, two: Manner, mode: BackupMode) -> Bench {
    let bench = Bench::new();
    bench.world.set("one", one);
    bench.world.set("two", two);
    bench.restream.apply(vec![pair(mode)]);
    bench
}

fn backup(bench: &Bench) -> State {
    bench.whole_status("one").backup.expect("a backup").state
}

#[tokio::test(start_paused = true)]
async fn d11_the_backup_is_on_air_within_two_seconds_and_goes_home_again() {
    let bench = bench(Manner::ResetsAfter(secs(20)), Manner::Healthy, BackupMode::Failover);
    let _encoder = bench.encoder();
    pass(19.0).await;
    assert_eq!((bench.state("one"), backup(&bench)), (State::Live, State::Stopped));
    assert!(bench.whole_status("one").backup.unwrap().standby);
    bench.world.set("one", Manner::Refuses);
    bench.until("one", State::Backoff, 2.0).await;
    pass(2.0).await;
    assert_eq!(backup(&bench), State::Live);
    let (lost, found) = (bench.world.seen("one").frames, bench.world.seen("two").frames);
    let gap = found[0][0].1 - lost[0].last().unwrap().1;
    assert!(gap <= secs(2), "{gap:?}");
    assert!(found[0][0].2, "begins at a key frame");
    bench.world.set("one", Manner::Healthy);
    bench.until("one", State::Live, 35.0).await;
    pass(9.0).await;
    assert_eq!(backup(&bench), State::Live, "not before the primary has proved itself");
    pass(2.0).await;
    assert_eq!((bench.state("one"), backup(&bench)), (State::Live, State::Stopped));
    assert_eq!(bench.world.seen("two").goodbyes, 1, "told in order");
    assert_eq!(bench.world.seen("two").dials.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn d11_a_primary_that_stops_taking_anything_is_covered_before_it_is_given_up() {
    let bench = bench(Manner::Deaf, Manner::Healthy, BackupMode::Failover);
    let _encoder = bench.encoder();
    pass(5.0).await;
    assert_eq!(backup(&bench), State::Live, "never live within three seconds");
    assert_eq!(bench.status("one").totals.dials, 1);
}

#[tokio::test(start_paused = true)]
async fn d11_both_run_at_once_by_setting_and_neither_minds_the_other() {
    let bench = bench(Manner::Healthy, Manner::Healthy, BackupMode::Both);
    let encoder = bench.encoder();
    pass(30.0).await;
    assert_eq!((bench.state("one"), backup(&bench)), (State::Live, State::Live));
    for name in ["one", "two"] {
        let first = bench.world.seen(name).frames[0][0].0;
        bench.assert_whole(name, first, 700);
    }
    encoder.end(false).await;
    pass(1.0).await;
    assert_eq!((bench.state("one"), backup(&bench)), (State::Held, State::Held));
    let _encoder = bench.encoder_from(10_000);
    pass(1.0).await;
    assert_eq!((bench.state("one"), backup(&bench)), (State::Live, State::Live));
    assert_eq!(bench.world.seen("one").dials.len() + bench.world.seen("two").dials.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn d12_a_backup_comes_and_goes_by_edit_without_touching_the_primary() {
    let bench = bench(Manner::Healthy, Manner::Healthy, BackupMode::Both);
    let encoder = bench.encoder();
    pass(5.0).await;
    bench.restream.apply(vec![spec("one")]);
    pass(5.0).await;
    assert!(bench.whole_status("one").backup.is_none());
    assert_eq!((bench.world.seen("two").open, bench.world.seen("two").goodbyes), (0, 1));
    bench.restream.apply(vec![pair(BackupMode::Both)]);
    pass(5.0).await;
    assert_eq!(backup(&bench), State::Live);
    bench.restream.apply(vec![pair(BackupMode::Failover)]);
    pass(5.0).await;
    assert_eq!(backup(&bench), State::Stopped);
    let first = bench.world.seen("one").frames[0][0].0;
    bench.assert_whole("one", first, 450);
    assert_eq!(bench.status("one").totals.dials, 1);
    let off = DestinationSpec { enabled: false, ..pair(BackupMode::Both) };
    bench.restream.apply(vec![off]);
    pass(1.0).await;
    assert_eq!((bench.state("one"), backup(&bench)), (State::Stopped, State::Stopped));
    assert!(!bench.whole_status("one").backup.unwrap().standby, "switched off is not ready");
    encoder.end(true).await;
}

#[tokio::test(start_paused = true)]
async fn d11_a_held_session_calls_no_backup_and_an_orderly_end_ends_both() {
    let bench = bench(Manner::Impatient(secs(6)), Manner::Healthy, BackupMode::Failover);
    let encoder = bench.encoder();
    pass(10.0).await;
    encoder.end(false).await;
    pass(15.0).await;
    let encoder = bench.encoder_from(1000);
    pass(10.0).await;
    assert_eq!(bench.status("one").totals.dials, 2, "the platform closed during the hold");
    assert_eq!(bench.world.seen("two").dials.len(), 0);
    encoder.end(true).await;
    pass(1.0).await;
    assert_eq!((bench.state("one"), backup(&bench)), (State::Idle, State::Stopped));
}

#[tokio::test(start_paused = true)]
async fn d13_redirects_are_followed_and_a_ring_of_them_ends_after_three() {
    let bench =
        Bench::with(&[("one", Manner::Redirects("two")), ("ring", Manner::Redirects("ring"))]);
    bench.world.set("two", Manner::Redirects("three"));
    bench.world.set("three", Manner::Healthy);
    let _encoder = bench.encoder();
    bench.until("one", State::Live, 2.0).await;
    bench.until("ring", State::Rejected, 2.0).await;
    assert_eq!(bench.status("one").last_failure, None);
    assert_eq!(bench.world.seen("three").dials.len(), 1);
    assert_eq!(bench.world.seen("ring").dials.len(), 4, "the first and three hops");
    let failure = bench.status("ring").last_failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Redirects);
    pass(290.0).await;
    assert_eq!(bench.world.seen("ring").dials.len(), 4);
    assert_eq!(bench.world.seen("one").dials.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn d13_after_a_redirect_an_edit_and_trouble_go_back_to_the_configured_address() {
    let bench = Bench::with(&[("one", Manner::Redirects("two"))]);
    bench.world.set("two", Manner::ResetsAfter(secs(20)));
    let _encoder = bench.encoder();
    pass(25.0).await;
    assert_eq!(bench.world.seen("one").dials.len(), 2, "the reset goes back to the beginning");
    let mut edited = spec("one");
    edited.target.key = Secret::new("another");
    bench.restream.apply(vec![edited]);
    pass(1.0).await;
    assert_eq!(bench.world.seen("one").dials.len(), 3);
    bench.until("one", State::Live, 1.0).await;
}

#[tokio::test(start_paused = true)]
async fn c5_a_renewal_is_a_new_session_at_once_and_no_failure() {
    let bench = Bench::with(&[("one", Manner::Renews(secs(30)))]);
    let _encoder = bench.encoder();
    pass(40.0).await;
    let status = bench.status("one");
    assert_eq!((status.state, status.totals.dials, status.totals.failures), (State::Live, 2, 0));
    assert_eq!(status.last_failure, None);
}

#[tokio::test(start_paused = true)]
async fn c5_an_encoder_that_freezes_is_away_and_a_close_meanwhile_is_no_failure() {
    let far_ends = [("one", Manner::Healthy), ("hasty", Manner::Impatient(secs(5)))];
    let bench = Bench::with(&far_ends);
    let encoder = bench.encoder();
    pass(20.0).await;
    for _ in 0..3 {
        let dials = bench.status("hasty").totals.dials;
        encoder.freeze(true);
        pass(2.5).await;
        assert_eq!(bench.state("one"), State::Live, "a moment is nothing");
        pass(1.5).await;
        assert_eq!((bench.state("one"), bench.state("hasty")), (State::Held, State::Held));
        pass(16.0).await;
        assert_eq!(bench.state("hasty"), State::Held);
        assert_eq!(bench.status("hasty").totals.dials, dials, "nobody dials for nothing");
        encoder.freeze(false);
        pass(1.0).await;
        assert_eq!((bench.state("one"), bench.state("hasty")), (State::Live, State::Live));
    }
    let (one, hasty) = (bench.status("one"), bench.status("hasty"));
    assert_eq!((one.totals.dials, hasty.totals.dials), (1, 4));
    assert_eq!((one.totals.failures, hasty.totals.failures, hasty.last_failure), (0, 0, None));
}

#[tokio::test(start_paused = true)]
async fn c5_silence_beyond_the_window_ends_the_session_until_the_encoder_is_heard_again() {
    let bench = Bench::with(&[("one", Manner::Healthy)]);
    let encoder = bench.encoder();
    pass(5.0).await;
    encoder.freeze(true);
    pass(34.0).await;
    assert_eq!(bench.state("one"), State::Idle);
    assert_eq!(bench.world.seen("one").goodbyes, 1);
    encoder.freeze(false);
    bench.until("one", State::Live, 1.5).await;
    encoder.freeze(true);
    pass(10.0).await;
    encoder.end(false).await;
    pass(1.0).await;
    assert_eq!(bench.state("one"), State::Held, "given up while it was silent");
    let _encoder = bench.encoder_from(5000);
    bench.until("one", State::Live, 1.0).await;
    assert_eq!(bench.status("one").totals.dials, 2);
}

#[tokio::test(start_paused = true)]
async fn d7_several_behind_at_once_are_the_uplink_and_one_alone_is_not() {
    let slow = || Manner::Slow(15_000);
    for (second, shared) in [(Manner::Healthy, false), (slow(), true)] {
        let bench = Bench::with(&[("one", slow()), ("two", second), ("three", Manner::Healthy)]);
        let _encoder = bench.encoder();
        pass(30.0).await;
        assert_eq!(bench.restream.uplink_trouble().is_some(), shared);
        assert_eq!(bench.whole_status("one").uplink_trouble, shared);
        assert!(!bench.whole_status("three").uplink_trouble);
    }
}

#[tokio::test(start_paused = true)]
async fn d6_a_pause_of_our_own_drops_nobody() {
    let names: Vec<String> = (0..12).map(|n| format!("d{n}")).collect();
    let bench = Bench::new();
    bench.restream.apply(names.iter().map(|name| spec(name)).collect());
    let _encoder = bench.encoder();
    pass(10.0).await;
    for seconds in [3, 12, 25] {
        tokio::time::advance(secs(seconds)).await; // nobody runs meanwhile
        pass(5.0).await;
    }
    for name in &names {
        let status = bench.status(name);
        assert_eq!((status.state, status.totals.dials), (State::Live, 1), "{name}: {status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_feed_tells_every_change_in_order_with_reasons_and_counters() {
    let bench = bench(Manner::ResetsAfter(secs(5)), Manner::Healthy, BackupMode::Failover);
    let mut feed = bench.restream.events();
    let _encoder = bench.encoder();
    pass(20.0).await;
    let (mut last, mut state, mut broken) = (None, [State::Stopped; 2], 0);
    while let Ok(event) = feed.try_recv() {
        assert!(last.is_none_or(|last| event.sequence == last + 1), "{event:?}");
        last = Some(event.sequence);
        let leg = usize::from(event.leg == Leg::Backup);
        assert_eq!(event.from, state[leg], "{event:?}");
        assert!(!event.reason.is_empty() && event.from != event.state);
        state[leg] = event.state;
        if event.state == State::Backoff {
            broken += 1;
            assert_eq!(event.last_failure.as_ref().map(|f| f.kind), Some(FailureKind::Reset));
            assert_eq!((event.totals.failures, event.totals.dials), (broken, broken));
            assert!(event.totals.frames > 100 * broken, "{event:?}");
        }
    }
    assert!(broken >= 2, "{broken}");
    assert_eq!(state[1], State::Live);
}
