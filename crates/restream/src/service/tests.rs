//! The service with real tasks in virtual time, against far ends of every kind.

#[path = "bench.rs"]
mod bench;
#[path = "legs_tests.rs"]
mod legs_tests;
#[path = "log_tests.rs"]
mod log_tests;

use crate::{DestinationId, Restream, State};
use bench::{Bench, Manner, pass, spec, stream_name};
use manycast_hub::{Hub, Secret, WindowLimits};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_destination_is_on_air_as_long_as_the_stream_is() {
    let bench = Bench::with(&[("one", Manner::Healthy)]);
    let mut events = bench.restream.events();
    pass(1.0).await;
    assert_eq!(bench.state("one"), State::Idle);
    let encoder = bench.encoder();
    let waited = bench.until("one", State::Live, 2.0).await;
    assert!(waited <= 1.0, "an ordinary start dials at once: {waited}");
    let before = bench.status("one").totals.frames;
    pass(10.0).await;
    let status = bench.status("one");
    assert_eq!((status.totals.dials, status.totals.dropped_gops, status.rtt_ms), (1, 0, 20));
    let sent = status.totals.frames - before;
    assert!((240..=260).contains(&sent), "{sent} in ten seconds");
    assert_eq!(status.totals.bytes, status.totals.frames * 1000);
    assert!((180_000..=220_000).contains(&status.bitrate), "{}", status.bitrate);
    encoder.end(true).await;
    bench.until("one", State::Idle, 0.1).await;
    let seen = bench.world.seen("one");
    assert_eq!((seen.goodbyes, seen.open), (1, 0), "an orderly end is told at once");
    bench.assert_whole("one", 0, 250);
    pass(10.0).await;
    let after = bench.status("one");
    assert_eq!((after.bitrate, after.unacked_bytes, after.lag_ms), (0, 0, 0));
    assert_eq!(
        after.totals.bytes,
        status.totals.bytes + (after.totals.frames - status.totals.frames) * 1000
    );
    let mut states = vec![];
    while let Ok(event) = events.try_recv() {
        assert!(!event.reason.is_empty());
        states.push(event.state.name());
    }
    assert_eq!(
        states.join(" "),
        "idle resolving connecting handshake publishing live draining idle"
    );
}

#[tokio::test(start_paused = true)]
async fn d3_a_target_that_resets_every_five_seconds_is_back_within_two_each_time() {
    let bench = Bench::with(&[("bad", Manner::ResetsAfter(Duration::from_secs(5)))]);
    let _encoder = bench.encoder();
    pass(120.0).await;
    let seen = bench.world.seen("bad");
    assert!(seen.dials.len() >= 15, "{}", seen.dials.len());
    for (attempt, frames) in seen.frames.iter().enumerate() {
        assert!(frames.first().is_none_or(|first| first.2), "starts at a key frame");
        let Some(next) = seen.dials.get(attempt + 1) else { continue };
        let lost = frames.last().unwrap().1;
        let waited = next.duration_since(lost).as_secs_f64();
        assert!(waited <= 1.1, "first retry after {waited}");
    }
    for _ in 0..5 {
        bench.until("bad", State::Backoff, 10.0).await;
        let waited = bench.until("bad", State::Live, 2.0).await;
        assert!(waited <= 2.0, "{waited}");
    }
}

#[tokio::test(start_paused = true)]
async fn d4_refusals_and_early_closes_are_dialled_at_most_ten_times_in_the_first_minute() {
    let manners = [
        ("refuses", Manner::Refuses),
        ("closes", Manner::ClosesAfterHandshake),
        ("hangs", Manner::BlackHole),
    ];
    let bench = Bench::with(&manners);
    let _encoder = bench.encoder();
    pass(60.0).await;
    for (name, _) in &manners {
        let dials = bench.status(name).totals.dials;
        assert!((3..=10).contains(&dials), "{name}: {dials} dials");
        assert_eq!(bench.world.seen(name).most, 1, "{name}: one at a time");
    }
    let error = bench.status("closes").last_failure.unwrap().words;
    assert!(error.contains("probably the key"), "{error}");
    pass(3600.0).await;
    let before = bench.status("refuses").totals.dials;
    pass(3600.0).await;
    let per_hour = bench.status("refuses").totals.dials - before;
    assert!((115..=155).contains(&per_hour), "never gives up: {per_hour}");
    bench.world.set("refuses", Manner::Healthy);
    bench.until("refuses", State::Live, 35.0).await;
}

#[tokio::test(start_paused = true)]
async fn d5_trying_now_ends_a_wait_and_forgives_nothing() {
    let bench = Bench::with(&[("bad", Manner::Rejects("no such key")), ("well", Manner::Healthy)]);
    let id = DestinationId::new(&stream_name(), "bad");
    let _encoder = bench.encoder();
    bench.until("bad", State::Rejected, 1.0).await;
    pass(20.0).await;
    assert!(bench.restream.retry(&id));
    pass(1.0).await;
    assert_eq!((bench.status("bad").totals.dials, bench.state("bad")), (2, State::Rejected));
    pass(290.0).await;
    assert_eq!(bench.status("bad").totals.dials, 2, "refused again, it waits as long again");
    bench.world.set("bad", Manner::Healthy);
    assert!(bench.restream.retry(&id));
    bench.until("bad", State::Live, 1.0).await;
    assert!(bench.restream.retry(&id));
    pass(1.0).await;
    assert_eq!((bench.status("bad").totals.dials, bench.world.seen("bad").most), (3, 1), "D12");
    assert_eq!(bench.status("well").totals.dials, 1, "D12");
    assert!(!bench.restream.retry(&DestinationId::new(&stream_name(), "nobody")));
}

#[tokio::test(start_paused = true)]
async fn d5_a_rejection_shows_the_words_waits_five_minutes_and_an_edit_does_not_wait() {
    let words = "NetStream.Publish.BadName: KEY is not known";
    let bench = Bench::with(&[("bad", Manner::Rejects(words))]);
    let _encoder = bench.encoder();
    bench.until("bad", State::Rejected, 1.0).await;
    let error = bench.status("bad").last_failure.unwrap().words;
    assert_eq!(&*error, "NetStream.Publish.BadName: *** is not known", "J1");
    pass(290.0).await;
    assert_eq!(bench.status("bad").totals.dials, 1);
    pass(20.0).await;
    assert_eq!(bench.status("bad").totals.dials, 2);
    bench.world.set("bad", Manner::Healthy);
    let mut edited = spec("bad");
    edited.target.key = Secret::new("another");
    bench.restream.apply(vec![edited]);
    bench.until("bad", State::Live, 1.0).await;
    let status = bench.status("bad");
    assert_eq!((status.totals.dials, status.last_failure), (3, None));
}

#[tokio::test(start_paused = true)]
async fn d5_an_address_that_nobody_can_serve_waits_for_an_edit() {
    let bench = Bench::new();
    let mut bad = spec("bad");
    bad.target.url = "gopher://host/app".into();
    bench.restream.apply(vec![bad]);
    let _encoder = bench.encoder();
    bench.until("bad", State::Rejected, 1.0).await;
    let error = bench.status("bad").last_failure.unwrap().words;
    assert!(error.contains("gopher://"), "{error}");
    bench.restream.apply(vec![spec("bad")]);
    bench.until("bad", State::Live, 1.5).await;
}

#[tokio::test(start_paused = true)]
async fn d6_a_target_that_acknowledges_nothing_is_dropped_after_ten_seconds_and_redialled() {
    let bench = Bench::with(&[("deaf", Manner::Deaf)]);
    let _encoder = bench.encoder();
    bench.until("deaf", State::Publishing, 1.0).await;
    let waited = bench.until("deaf", State::Stalled, 11.0).await;
    assert!(waited >= 9.9, "{waited}");
    assert_eq!(bench.world.seen("deaf").open, 0, "dropped");
    assert!(bench.status("deaf").last_failure.unwrap().words.starts_with("stalled"));
    bench.until("deaf", State::Publishing, 1.5).await;
    assert_eq!(bench.status("deaf").totals.dials, 2);
    bench.world.set("deaf", Manner::Healthy);
    bench.until("deaf", State::Live, 20.0).await;
}

#[tokio::test(start_paused = true)]
async fn d7_a_slow_target_loses_whole_gops_which_are_counted_and_is_never_far_behind() {
    let bench = Bench::with(&[("slow", Manner::Slow(5000)), ("good", Manner::Healthy)]);
    let _encoder = bench.encoder();
    bench.until("slow", State::Live, 3.0).await;
    for _ in 0..240 {
        pass(0.25).await;
        let lag = bench.status("slow").lag_ms;
        assert!(lag <= 4500, "{lag} ms behind");
    }
    let status = bench.status("slow");
    assert!(status.totals.dropped_gops >= 30, "{}", status.totals.dropped_gops);
    assert_eq!((status.totals.dials, status.state), (1, State::Live), "slow is not ill");
    let seen = bench.world.seen("slow");
    for pair in seen.frames[0].windows(2) {
        let step = pair[1].0 - pair[0].0;
        assert!(step == 1 || (step > 1 && pair[1].2), "a gap ends at a key frame: {pair:?}");
    }
    bench.assert_whole("good", 0, 1500);
    assert_eq!(bench.status("good").totals.dropped_gops, 0);
}

#[tokio::test(start_paused = true)]
async fn c5_an_encoder_lost_for_1_5_and_20_seconds_finds_its_session_open() {
    let bench = Bench::with(&[("one", Manner::Healthy)]);
    let mut first = 0;
    for away in [1.0, 5.0, 20.0] {
        let encoder = bench.encoder_from(first);
        bench.until("one", State::Live, 2.0).await;
        pass(5.0).await;
        encoder.end(false).await;
        bench.until("one", State::Held, 0.1).await;
        pass(away).await;
        assert_eq!(bench.state("one"), State::Held);
        first += 1000;
    }
    let _encoder = bench.encoder_from(first);
    bench.until("one", State::Live, 1.0).await;
    pass(1.0).await;
    let seen = bench.world.seen("one");
    assert_eq!((seen.dials.len(), seen.goodbyes), (1, 0), "one session throughout");
    assert_eq!(seen.frames[0].iter().filter(|f| f.0 % 1000 == 0).count(), 4);
}

#[tokio::test(start_paused = true)]
async fn c5_after_the_window_the_session_ends_in_order() {
    let bench = Bench::with(&[("one", Manner::Healthy)]);
    let encoder = bench.encoder();
    bench.until("one", State::Live, 2.0).await;
    encoder.end(false).await;
    bench.until("one", State::Held, 0.1).await;
    let held = bench.until("one", State::Idle, 31.0).await;
    assert!((29.9..30.5).contains(&held), "{held}");
    assert_eq!(bench.world.seen("one").goodbyes, 1);
}

#[tokio::test(start_paused = true)]
async fn c5_a_platform_that_closes_during_the_hold_is_redialled_when_frames_flow() {
    let bench = Bench::with(&[("one", Manner::Impatient(Duration::from_secs(6)))]);
    let encoder = bench.encoder();
    bench.until("one", State::Live, 2.0).await;
    encoder.end(false).await;
    pass(15.0).await;
    let status = bench.status("one");
    assert_eq!((status.state, status.totals.dials, status.last_failure), (State::Held, 1, None));
    assert_eq!(bench.world.seen("one").open, 0);
    let _encoder = bench.encoder_from(1000);
    bench.until("one", State::Live, 1.0).await;
    assert_eq!(bench.status("one").totals.dials, 2);
}

#[tokio::test(start_paused = true)]
async fn d1_eight_ill_targets_cost_the_healthy_two_nothing() {
    let bench = Bench::with(&[
        ("good1", Manner::Healthy),
        ("refuses", Manner::Refuses),
        ("resets", Manner::ResetsAfter(Duration::from_secs(5))),
        ("deaf", Manner::Deaf),
        ("slow", Manner::Slow(2500)),
        ("closes", Manner::ClosesAfterHandshake),
        ("rejects", Manner::Rejects("no")),
        ("hangs", Manner::BlackHole),
        ("panics", Manner::Panics),
        ("good2", Manner::Healthy),
    ]);
    let _encoder = bench.encoder();
    pass(300.0).await;
    for name in ["good1", "good2"] {
        let first = bench.world.seen(name).frames[0][0].0;
        bench.assert_whole(name, first, 7400);
        assert_eq!(bench.status(name).totals.dials, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a8_g10_a_panic_costs_one_attempt_and_is_counted() {
    let bench = Bench::with(&[("bad", Manner::Panics), ("good", Manner::Healthy)]);
    let _encoder = bench.encoder();
    bench.until("bad", State::Backoff, 1.0).await;
    assert_eq!(bench.restream.panics(), 1);
    bench.world.set("bad", Manner::Healthy);
    bench.until("bad", State::Live, 3.0).await;
    assert_eq!(bench.restream.panics(), 1);
}

#[tokio::test(start_paused = true)]
async fn d12_start_stop_edit_and_removal_of_one_leave_the_other_alone() {
    let bench = Bench::with(&[("stays", Manner::Healthy), ("churns", Manner::Healthy)]);
    let _encoder = bench.encoder();
    bench.until("stays", State::Live, 2.0).await;
    for n in 0..120 {
        let mut churned = spec("churns");
        churned.enabled = n % 3 != 0;
        churned.target.key = Secret::new(if n % 2 == 0 { "even" } else { "odd" });
        let mut specs = vec![spec("stays")];
        if n % 5 != 0 {
            specs.push(churned);
        }
        bench.restream.apply(specs);
        pass(0.5).await;
    }
    assert_eq!(bench.world.seen("churns").most, 1, "never two sessions at once");
    bench.restream.apply(vec![spec("stays"), spec("churns")]);
    bench.until("churns", State::Live, 3.0).await;
    let first = bench.world.seen("stays").frames[0][0].0;
    bench.assert_whole("stays", first, 1450);
    assert_eq!(bench.status("stays").totals.dials, 1);
}

#[tokio::test(start_paused = true)]
async fn d12_what_needs_no_redial_gets_none() {
    let bench = Bench::with(&[("one", Manner::Healthy)]);
    let _encoder = bench.encoder();
    bench.until("one", State::Live, 2.0).await;
    let mut patient = spec("one");
    patient.timings.stall = Duration::from_secs(20);
    patient.name = "Another title".into();
    bench.restream.apply(vec![patient, spec("one")]); // the second of the same id is left out
    pass(1.0).await;
    let status = bench.whole_status("one");
    assert_eq!((status.primary.totals.dials, status.name.as_str()), (1, "Another title"));
    assert_eq!(bench.restream.status().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_added_again_waits_for_the_goodbye_of_the_first() {
    let bench = Bench::with(&[("one", Manner::Clings)]);
    let _encoder = bench.encoder();
    bench.until("one", State::Live, 2.0).await;
    bench.restream.apply(vec![]);
    assert!(bench.restream.status().is_empty());
    pass(0.1).await;
    bench.world.set("one", Manner::Healthy);
    bench.restream.apply(vec![spec("one")]);
    let waited = bench.until("one", State::Live, 5.0).await;
    assert!((2.5..4.5).contains(&waited), "the goodbye is bounded: {waited}");
    assert_eq!(bench.world.seen("one").most, 1);
}

#[tokio::test(start_paused = true)]
async fn d14_after_a_server_start_all_are_on_air_within_five_seconds_and_do_not_dial_at_once() {
    let names: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
    let far_ends: Vec<_> = names.iter().map(|n| (n.as_str(), Manner::Healthy)).collect();
    let bench = Bench::with(&far_ends);
    pass(3.0).await; // the encoder comes back
    let back = Instant::now();
    let _encoder = bench.encoder();
    for name in &names {
        bench.until(name, State::Live, 5.0).await;
    }
    assert!(back.elapsed() <= Duration::from_secs(5));
    let mut dials: Vec<_> =
        names.iter().map(|name| bench.world.seen(name).dials[0] - back).collect();
    dials.sort();
    assert!(dials[19] <= Duration::from_millis(2100), "{dials:?}");
    for window in dials.windows(4) {
        assert!(window[3] - window[0] >= Duration::from_millis(250), "a storm: {dials:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn g3_shutdown_says_goodbye_to_all_at_once_and_ends_within_its_bound() {
    let bench = Bench::with(&[
        ("one", Manner::Healthy),
        ("two", Manner::Healthy),
        ("refuses", Manner::Refuses),
        ("clings", Manner::Clings),
    ]);
    let _encoder = bench.encoder();
    for name in ["one", "two", "clings"] {
        bench.until(name, State::Live, 2.0).await;
    }
    let start = Instant::now();
    bench.restream.shutdown(Duration::from_secs(1)).await;
    let took = start.elapsed();
    assert!((0.9..1.1).contains(&took.as_secs_f64()), "{took:?}");
    for (name, goodbyes) in [("one", 1), ("two", 1), ("clings", 0)] {
        let seen = bench.world.seen(name);
        assert_eq!((seen.goodbyes, seen.open), (goodbyes, 0), "{name}");
    }
    assert_eq!(bench.state("one"), State::Stopped, "the last state can be read");
    bench.restream.apply(vec![spec("late")]);
    assert_eq!(bench.restream.status().len(), 4, "nothing starts any more");
    bench.restream.shutdown(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn g3_without_stragglers_shutdown_takes_as_long_as_one_goodbye() {
    let names: Vec<String> = (0..50).map(|n| format!("t{n}")).collect();
    let far_ends: Vec<_> = names.iter().map(|n| (n.as_str(), Manner::Healthy)).collect();
    let bench = Bench::with(&far_ends);
    let _encoder = bench.encoder();
    pass(5.0).await;
    let start = Instant::now();
    bench.restream.shutdown(Duration::from_secs(10)).await;
    assert!(start.elapsed() <= Duration::from_millis(100), "{:?}", start.elapsed());
    assert!(names.iter().all(|name| bench.world.seen(name).goodbyes == 1));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_service_ends_every_session() {
    let Bench { hub: _hub, stream, world, restream } = Bench::with(&[("one", Manner::Clings)]);
    let bench = Bench { hub: Hub::new(), stream, world: world.clone(), restream };
    let _encoder = bench.encoder();
    bench.until("one", State::Live, 2.0).await;
    drop::<Restream>(bench.restream);
    pass(0.1).await;
    assert_eq!(world.seen("one").open, 0);
    assert_eq!(bench.stream.stats(Instant::now().into_std()).readers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_removed_and_made_anew_is_found_again() {
    let mut bench = Bench::with(&[("one", Manner::Healthy)]);
    let encoder = bench.encoder();
    bench.until("one", State::Live, 2.0).await;
    bench.hub.close(&stream_name(), Instant::now().into_std(), "removed");
    bench.until("one", State::Idle, 1.0).await;
    drop(encoder);
    pass(60.0).await;
    bench.stream = bench.hub.open(&stream_name(), WindowLimits::default());
    let _encoder = bench.encoder();
    bench.until("one", State::Live, 1.0).await;
    assert_eq!(bench.status("one").totals.dials, 2);
    assert_eq!(bench.whole_status("one").id, DestinationId::new(&stream_name(), "one"));
}

#[tokio::test(start_paused = true)]
async fn c3_a_stream_that_ends_and_starts_at_once_gets_a_new_session_each_time() {
    let bench = Bench::with(&[("one", Manner::Healthy)]);
    for n in 0..20 {
        let encoder = bench.encoder_from(n * 1000);
        pass(0.3).await;
        encoder.end(true).await;
    }
    pass(1.0).await;
    let seen = bench.world.seen("one");
    assert_eq!((seen.dials.len(), seen.most, seen.open), (20, 1, 0));
    assert_eq!(bench.state("one"), State::Idle);
}
