//! Destinations that come, go and change while others are on air (D12), and all of them at once after
//! a crash (D14).

use manycast_tests::sink::fleet;
use manycast_tests::{
    Live, Manycast, Setup, Shape, Sink, Witness, full, millis, pause, secs, until,
};
use std::time::{Duration, Instant};

const KEY: &str = "sk_churn_0123456789abcdef";

fn destination(url: &str, key: &str, enabled: bool) -> String {
    format!(
        "[[stream.destination]]\nname = \"churned\"\nurl = \"{url}\"\nkey = \"{key}\"\n\
         enabled = {enabled}\n"
    )
}

/// What the rounds of churn do in turn, and the state that is to come of each; none: it is gone.
fn steps(one: &Sink, two: &Sink, round: u32) -> [(&'static str, String, Option<&'static str>); 6] {
    let (one, two) = (one.url(), two.url());
    let (old, new) = (format!("old-{round}"), format!("new-{round}"));
    [
        ("add", destination(&one, &old, true), Some("live")),
        ("change the key", destination(&one, &new, true), Some("live")),
        ("change the address", destination(&two, &new, true), Some("live")),
        ("disable", destination(&two, &new, false), Some("stopped")),
        ("enable", destination(&two, &new, true), Some("live")),
        ("remove", String::new(), None),
    ]
}

/// One destination is added, edited, disabled, enabled and removed by SIGHUP over and over; the three
/// beside it miss nothing and keep their sessions.
#[test]
fn d12_churn_of_one_destination_leaves_others_alone() {
    let (others, churned) = (fleet(3), [Sink::healthy(), Sink::healthy()]);
    let mut setup = Setup::new().stream("main", KEY);
    for (number, sink) in others.iter().enumerate() {
        setup = setup.destination(&format!("other-{number}"), &sink.url(), "copy");
    }
    let mut server = setup.start();
    let base = server.setup.text();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    until("the others are on air", secs(10), || others.iter().all(|sink| sink.frames() > 30));
    others.iter().for_each(Sink::forget_silence);
    let witness = Witness::new();
    let (began, time) = (Instant::now(), if full() { secs(60) } else { secs(12) });
    let mut reloads = 0_u32;
    let mut round = 0;
    while began.elapsed() < time {
        round += 1;
        for (step, text, state) in steps(&churned[0], &churned[1], round) {
            server.rewrite(&format!("{base}{text}"));
            server.reload();
            reloads += 1;
            match state {
                Some(state) => server.wait_state("main", "churned", state, secs(10)),
                None => until(step, secs(10), || server.destination("main", "churned").is_null()),
            };
        }
    }
    let sent = live.sent();
    until("the last frames", secs(5), || {
        others.iter().all(|sink| sink.tally().newest().is_some_and(|newest| newest + 1 >= sent))
    });
    let tallies: Vec<_> = others.iter().map(Sink::tally).collect();
    let report = live.stop();
    println!("d12: {reloads} reloads in {:?}", began.elapsed());
    assert!(reloads >= 6, "{reloads}");
    for (number, (sink, tally)) in others.iter().zip(&tallies).enumerate() {
        tally.assert_whole(&format!("d12: other {number}"));
        println!("d12: other {number}: silence {:?}", tally.silence);
        assert!(
            tally.silence <= millis(300) + report.longest_gap + witness.longest(),
            "{:?}",
            tally.silence
        );
        assert_eq!(sink.count(), 1, "d12: one session");
        assert_eq!(server_dials(&server, number), 1);
    }
    for session in churned.iter().flat_map(Sink::sessions) {
        let key = session.key.as_deref().unwrap_or("");
        assert!(key.starts_with("old-") || key.starts_with("new-"), "{key}");
        session.tally.assert_whole("d12: the churned one");
    }
    // per round: added, with the new key; at the new address, and enabled again
    assert_eq!(churned.each_ref().map(|sink| sink.count() as u32), [2 * round, 2 * round]);
    assert_eq!(report.error, None);
    assert!(server.is_alive() && server.panics() < 0.5);
}

fn server_dials(server: &Manycast, number: usize) -> u64 {
    server.destination("main", &format!("other-{number}"))["dials"].as_u64().unwrap_or(0)
}

/// Twenty destinations, kill -9, started again: all return soon, and not all in the same moment.
#[test]
fn d14_all_destinations_return_after_a_crash_without_a_storm() {
    let sinks = fleet(20);
    let mut setup = Setup::new().stream("main", KEY);
    for (number, sink) in sinks.iter().enumerate() {
        setup = setup.destination(&format!("out-{number}"), &sink.url(), "copy");
    }
    let mut server = setup.start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    until("all are on air", secs(10), || sinks.iter().all(|sink| sink.frames() > 30));
    let crashed = Instant::now();
    server.crash_and_restart();
    until("the encoder sees it", secs(5), || !live.is_sending());
    drop(live);
    // an encoder that tries again each 200 ms, as many do each second
    let shape = Shape { source: 2, ..Shape::default() };
    let mut again = None;
    until("the encoder is let in again", secs(10), || {
        pause(millis(200));
        again = Live::start(server.rtmp(), KEY, shape).ok();
        again.is_some()
    });
    let encoder = crashed.elapsed();
    until("all are on air again", secs(15), || {
        sinks.iter().all(|sink| sink.count() == 2 && sink.frames() > 0)
    });
    let all = crashed.elapsed();
    let dialled: Vec<_> = sinks.iter().map(|sink| sink.sessions()[1].began).collect();
    let (first, last) = (dialled.iter().min().unwrap(), dialled.iter().max().unwrap());
    let spread = *last - *first;
    let crowd = |at: &Instant| {
        dialled.iter().filter(|other| **other >= *at && **other - *at < millis(100)).count()
    };
    let most = dialled.iter().map(crowd).max().unwrap_or(0);
    println!(
        "d14: encoder back after {encoder:?}, all on air after {all:?}, dials spread over \
         {spread:?}, at most {most} within 100 ms"
    );
    assert!(all <= 3 * Duration::from_secs(5), "{all:?}");
    assert!(spread >= millis(500) && spread <= secs(6), "dials over {spread:?}");
    assert!(most <= 10, "{most} of 20 dials within 100 ms");
    for (number, sink) in sinks.iter().enumerate() {
        server.wait_state("main", &format!("out-{number}"), "live", secs(5));
        sink.tally().assert_whole(&format!("d14: out-{number}"));
        assert_eq!(sink.tally().sources, [2]);
        assert_eq!(sink.count(), 2);
    }
    assert_eq!(again.unwrap().stop().error, None);
}
