//! What is chosen holds over a restart, however the server ended, and no longer than what it is about.

use super::live;
use super::support::{Bench, Encoder, file, stream_def};
use manycast_control::{FileDefs, NewDestination, Start, StreamState};
use manycast_store::RuntimeRow;
use std::time::Duration;

fn by_hand() -> FileDefs {
    file(vec![manycast_control::StreamDef { start: Start::Manual, ..stream_def("hand", &["one"]) }])
}

/// With a reconnect window of a second.
fn short() -> FileDefs {
    let mut defs = by_hand();
    defs.streams[0].reconnect_window = Duration::from_secs(1);
    defs
}

/// A server in which the encoder of `hand` is there and a person took it on air.
async fn on_air(dir: &std::path::Path, file: FileDefs) -> (Bench, Encoder) {
    let bench = Bench::new(dir, file).await;
    let encoder = bench.encoder("hand-key").await;
    bench.until("hand", |view| view.state == StreamState::Ready).await;
    bench.control.go_live(&bench.by, "hand").await.unwrap();
    bench.until("hand", live).await;
    (bench, encoder)
}

/// The server ends, with or without a word.
async fn again(bench: Bench, killed: bool, file: FileDefs) -> Bench {
    if !killed {
        bench.control.shutdown().await;
    }
    bench.killed(file).await
}

/// A Stream that a person took on air goes on by itself when server and encoder are back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d14_what_was_taken_on_air_by_hand_goes_on_after_a_restart() {
    for killed in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let (bench, encoder) = on_air(dir.path(), by_hand()).await;
        drop(encoder);
        let bench = again(bench, killed, by_hand()).await;
        assert!(bench.control.stream("hand").unwrap().wanted, "killed: {killed}");
        let encoder = bench.encoder("hand-key").await;
        bench.until("hand", live).await;
        // and what was ended by hand stays so
        bench.control.end(&bench.by, "hand").await.unwrap();
        bench.until("hand", |view| view.state == StreamState::Ready).await;
        drop(encoder);
        let bench = again(bench, killed, by_hand()).await;
        let _encoder = bench.encoder("hand-key").await;
        bench
            .until("hand", |view| {
                view.stats.as_ref().is_some_and(|stats| stats.publisher.is_some())
            })
            .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let view = bench.control.stream("hand").unwrap();
        assert_eq!((view.wanted, view.counts.live), (false, 0), "killed: {killed}");
        bench.control.shutdown().await;
    }
}

/// A goodbye that takes longer than the reconnect window changes nothing of what people want.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g3_what_is_wanted_on_air_outlasts_a_slow_goodbye() {
    let dir = tempfile::tempdir().unwrap();
    let (bench, encoder) = on_air(dir.path(), short()).await;
    bench.control.begin_to_drain();
    encoder.end(true).await;
    bench.until("hand", |view| !view.wanted).await;
    let bench = again(bench, false, short()).await;
    assert!(bench.control.stream("hand").unwrap().wanted);
    let _encoder = bench.encoder("hand-key").await;
    bench.until("hand", live).await;
    bench.control.shutdown().await;
}

/// An encoder that stays away for longer than the window over a restart does not come back on air.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d14_an_encoder_that_comes_too_late_after_a_restart_waits_for_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let (bench, encoder) = on_air(dir.path(), short()).await;
    drop(encoder);
    let bench = bench.killed(short()).await;
    bench.until("hand", |view| !view.wanted).await;
    let _encoder = bench.encoder("hand-key").await;
    bench.until("hand", |view| view.state == StreamState::Ready).await;
    bench.control.shutdown().await;
}

/// Choices about what the file no longer has are forgotten; those about what is there stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn choices_about_what_is_gone_are_forgotten_at_a_reload_and_at_the_start() {
    let both = || {
        let auto = |name| stream_def(name, &["one", "two"]);
        file(vec![auto("kept"), auto("gone")])
    };
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), both()).await;
    let (control, by) = (&bench.control, &bench.by);
    for stream in ["kept", "gone"] {
        control.end(by, stream).await.unwrap();
        control.set_enabled(by, stream, "two", false).await.unwrap();
    }
    bench.stream("mine").await;
    let new = NewDestination { enabled: Some(false), ..super::destination("own") };
    control.create_destination(by, "mine", new).await.unwrap();
    control.end(by, "mine").await.unwrap();
    let left = async |bench: &Bench| {
        let rows = bench.store.runtime().await.unwrap();
        let name = |row: RuntimeRow| format!("{}/{}", row.stream, row.destination);
        rows.into_iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(left(&bench).await, ["gone/", "gone/two", "kept/", "kept/two", "mine/"]);
    control.reload(None, file(vec![stream_def("kept", &["one", "two"])])).await.unwrap();
    assert_eq!(left(&bench).await, ["kept/", "kept/two", "mine/"]);
    let bench = bench.killed(file(vec![stream_def("kept", &["one"])])).await;
    assert_eq!(left(&bench).await, ["kept/", "mine/"]);
    assert!(!bench.control.stream("kept").unwrap().wanted, "what is there is as it was left");
    let bench = bench.killed(file(Vec::new())).await;
    assert_eq!(left(&bench).await, ["mine/"]);
    bench.control.shutdown().await;
}
