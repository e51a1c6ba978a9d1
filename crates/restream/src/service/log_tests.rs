//! What is written to the log: two lines per session, little about failures, no secrets.

use super::bench::{Bench, Manner, pass, spec, stream_name};
use crate::{DestinationId, DestinationSpec, State};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use tracing::subscriber::DefaultGuard;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start(level: tracing::Level) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_one_line_at_its_start_and_one_with_counters_at_its_end() {
    let (log, _guard) = Log::start(tracing::Level::INFO);
    let bench = Bench::with(&[("one", Manner::Healthy)]);
    let encoder = bench.encoder();
    bench.until("one", State::Live, 2.0).await;
    pass(60.0).await;
    encoder.end(true).await;
    bench.until("one", State::Idle, 1.0).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("session begins") && lines[0].contains("main/one"), "{lines:#?}");
    let frames = format!("frames={}", bench.status("one").totals.frames);
    for part in ["session ended", "main/one", &frames, "bytes=", "dropped_gops=0", "reason="] {
        assert!(lines[1].contains(part), "{part}: {lines:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_given_up_says_why_and_by_the_name_that_people_know() {
    let (log, _guard) = Log::start(tracing::Level::INFO);
    let bench = Bench::new();
    bench.world.set("deaf", Manner::Deaf);
    let id = DestinationId::new(&stream_name(), "7");
    bench.restream.apply(vec![DestinationSpec { id, ..spec("deaf") }]);
    let _encoder = bench.encoder();
    bench.until("7", State::Stalled, 12.0).await;
    pass(0.1).await;
    let lines = log.lines();
    let last = lines.last().unwrap();
    for part in ["session ended", "destination=\"main/deaf\"", "reason=\"stalled"] {
        assert!(last.contains(part), "{part}: {lines:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn b14_failures_are_logged_once_per_minute_at_most_while_they_are_the_same() {
    let (log, _guard) = Log::start(tracing::Level::INFO);
    let bench = Bench::with(&[("refuses", Manner::Refuses)]);
    let _encoder = bench.encoder();
    pass(3600.0).await;
    let lines = log.lines();
    assert!((20..=61).contains(&lines.len()), "{} lines in an hour", lines.len());
}

#[tokio::test(start_paused = true)]
async fn j1_no_key_is_in_any_log_line_event_or_status() {
    let (log, _guard) = Log::start(tracing::Level::TRACE);
    let bench = Bench::with(&[
        ("rejects", Manner::Rejects("KEY? never heard of KEY")),
        ("good", Manner::Healthy),
        ("panics", Manner::Panics),
    ]);
    let mut events = bench.restream.events();
    let _encoder = bench.encoder();
    pass(400.0).await;
    let mut said = log.lines();
    assert!(said.len() > 10);
    said.push(format!("{:?}", bench.restream.status()));
    while let Ok(event) = events.try_recv() {
        said.push(format!("{event:?}"));
    }
    assert!(said.iter().any(|line| line.contains("never heard of ***")));
    assert!(said.iter().all(|line| !line.contains("canary")), "{said:#?}");
}
