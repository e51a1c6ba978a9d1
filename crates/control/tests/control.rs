//! The control plane over a real database: what is acknowledged holds, and concerns nobody else.

mod restart;
mod support;

use manycast_control::{
    ControlError, DestinationPatch, Followed, ManagedBy, NewBackup, NewDestination, NewKey,
    NewStream, Start, StreamPatch, StreamState,
};
use manycast_hub::Secret;
use manycast_restream::{BackupMode, State};
use manycast_store::{AuditFilter, PageRequest};
use std::time::Duration;
use support::{Bench, destination, file, place, stream_def, url};

fn live(view: &manycast_control::StreamView) -> bool {
    view.counts.live == view.destinations.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d12_editing_one_destination_in_every_way_disturbs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), file(Vec::new())).await;
    let (control, by) = (&bench.control, &bench.by);
    bench.stream("show").await;
    let (_, key) = control
        .create_key(by, "show", NewKey { label: "PC".into(), addresses: vec![], expires_at: None })
        .await
        .unwrap();
    bench.destination("show", "still").await;
    let id = bench.destination("show", "churn").await;
    let encoder = bench.encoder(key.expose()).await;
    bench.until("show", live).await;
    for round in 0..12 {
        let patch = match round % 6 {
            0 => DestinationPatch { name: Some(format!("named-{round}")), ..Default::default() },
            1 => DestinationPatch { notes: Some("noted".into()), ..Default::default() },
            2 => DestinationPatch {
                key: Some(Secret::new(&format!("k{round}"))),
                ..Default::default()
            },
            3 => {
                DestinationPatch { url: Some(url(&format!("churn{round}"))), ..Default::default() }
            }
            4 => DestinationPatch {
                backup: Some(Some(NewBackup {
                    url: url("spare"),
                    key: None,
                    mode: BackupMode::Both,
                })),
                ..Default::default()
            },
            _ => DestinationPatch { backup: Some(None), ..Default::default() },
        };
        control.edit_destination(by, "show", &id, None, patch).await.unwrap();
        control.set_enabled(by, "show", &id, false).await.unwrap();
        control.set_enabled(by, "show", &id, true).await.unwrap();
        control.retry(by, "show", &id).await.unwrap();
        let extra = bench.destination("show", &format!("extra-{round}")).await;
        let ids: Vec<_> = control
            .stream("show")
            .unwrap()
            .destinations
            .iter()
            .rev()
            .map(|d| d.id.clone())
            .collect();
        control.order_destinations(by, "show", &ids).await.unwrap();
        control.delete_destination(by, "show", &extra, None).await.unwrap();
        bench.stream(&format!("other-{round}")).await;
    }
    bench.until("show", live).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    bench.world.assert_whole(&place("still", "k"));
    assert!(!encoder.is_over());
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d12_renaming_and_ordering_a_live_destination_does_not_dial_it_anew() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), file(Vec::new())).await;
    let (control, by) = (&bench.control, &bench.by);
    bench.stream("show").await;
    let (_, key) = control
        .create_key(by, "show", NewKey { label: "PC".into(), addresses: vec![], expires_at: None })
        .await
        .unwrap();
    let id = bench.destination("show", "one").await;
    let _encoder = bench.encoder(key.expose()).await;
    bench.until("show", live).await;
    let before = control.destination("show", &id).unwrap();
    let patch = DestinationPatch {
        name: Some("Another".into()),
        notes: Some("text".into()),
        service: Some(Some("twitch".into())),
        ..Default::default()
    };
    let after =
        control.edit_destination(by, "show", &id, Some(before.version), patch.clone()).await;
    let after = after.unwrap();
    assert_eq!((after.name.as_str(), after.version), ("Another", before.version + 1));
    assert_eq!(control.destination("show", "Another").unwrap().id, id, "found by name too");
    let late = control.edit_destination(by, "show", &id, Some(before.version), patch).await;
    assert!(matches!(late, Err(ControlError::Conflict { version }) if version == after.version));
    tokio::time::sleep(Duration::from_millis(300)).await;
    bench.world.assert_whole(&place("one", "k"));
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g1_twenty_reloads_drop_nobody_and_the_file_wins_a_clash() {
    let dir = tempfile::tempdir().unwrap();
    let still = || stream_def("still", &["steady"]);
    let bench = Bench::new(dir.path(), file(vec![still()])).await;
    let (control, by) = (&bench.control, &bench.by);
    bench.stream("mine").await;
    bench.destination("mine", "own").await;
    let encoder = bench.encoder("still-key").await;
    bench.until("still", live).await;
    for round in 0..20 {
        let mut streams = vec![still()];
        if round % 2 == 0 {
            streams.push(stream_def("mine", &["theirs"]));
        }
        control.reload(None, file(streams)).await.unwrap();
        let mine = control.stream("mine").unwrap();
        let (managed, codes) = match round % 2 {
            0 => (ManagedBy::File, vec!["shadowed"]),
            _ => (ManagedBy::Database, vec![]),
        };
        assert_eq!(mine.managed_by, managed);
        assert_eq!(control.findings().iter().map(|f| f.code).collect::<Vec<_>>(), codes);
    }
    let reloaded = control.reload(None, file(vec![still(), stream_def("new", &[])])).await.unwrap();
    assert_eq!(reloaded.added.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["new"]);
    for result in [
        control.edit_stream(by, "still", None, StreamPatch::default()).await.map(drop),
        control.delete_stream(by, "still", None).await,
        control.create_destination(by, "still", destination("x")).await.map(drop),
        control.delete_destination(by, "still", "steady", None).await,
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.word(), "managed-by-file");
        assert!(error.to_string().contains("/etc/manycast/manycast.toml"), "{error}");
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    bench.world.assert_whole(&place("steady", "file-secret"));
    assert!(!encoder.is_over());
    assert_eq!(bench.told("config.reloaded").await.data["streams"], 2);
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_takes_a_stream_on_air_and_off_and_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), file(Vec::new())).await;
    let (control, by) = (&bench.control, &bench.by);
    let new = NewStream {
        name: "show".into(),
        start: Some(Start::Manual),
        title: Some("The show".into()),
        ..NewStream::default()
    };
    control.create_stream(by, new).await.unwrap();
    let (shown, key) = control
        .create_key(by, "show", NewKey { label: "PC".into(), addresses: vec![], expires_at: None })
        .await
        .unwrap();
    assert_eq!(shown.prefix, key.expose()[..8]);
    bench.destination("show", "one").await;
    let mut events = control.follow(None).await;
    let encoder = bench.encoder(key.expose()).await;
    let ready = bench.until("show", |view| view.state == StreamState::Ready).await;
    assert!(!ready.wanted && ready.on_air_since.is_none());
    assert!(bench.world.sessions(&place("one", "k")).is_empty(), "nothing goes out");
    assert!(control.keys("show").await.unwrap()[0].in_use);
    control.go_live(by, "show").await.unwrap();
    let on_air = bench.until("show", |view| view.state == StreamState::OnAir).await;
    assert!(on_air.on_air_since.is_some() && on_air.counts.live == 1);
    let ended = control.end(by, "show").await.unwrap();
    assert!(!ended.wanted);
    bench.until("show", |view| view.state == StreamState::Ready).await;
    assert!(!encoder.is_over(), "the encoder stays");
    encoder.end(true).await;
    bench.until("show", |view| view.state == StreamState::OffAir).await;
    bench.told("stream.stopped").await;
    let mut kinds = Vec::new();
    while kinds.last().map(String::as_str) != Some("stream.stopped") {
        let Some(Followed::Event(event)) = events.next().await else { panic!("{kinds:?}") };
        kinds.push(event.kind.clone());
        if event.kind == "stream.ended" {
            assert_eq!(event.actor.as_deref(), Some(by.name.as_str()));
        }
    }
    kinds.retain(|kind| !kind.starts_with("viewer") && !kind.starts_with("finding"));
    let told = kinds.join(" ");
    assert_eq!(
        told,
        "stream.started destination.live stream.went_live stream.ended destination.stopped \
         stream.stopped"
    );
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let defs = || file(vec![stream_def("filed", &["a", "b"])]);
    let bench = Bench::new(dir.path(), defs()).await;
    let (control, by) = (bench.control.clone(), bench.by.clone());
    bench.stream("show").await;
    bench.stream("doomed").await;
    let patch = StreamPatch {
        title: Some("Title".into()),
        start: Some(Start::Manual),
        reconnect_window: Some(Duration::from_secs(60)),
        ..StreamPatch::default()
    };
    control.edit_stream(&by, "show", Some(1), patch).await.unwrap();
    control.delete_stream(&by, "doomed", None).await.unwrap();
    let pasted = NewDestination {
        name: "pasted".into(),
        url: "rtmp://crew:hush-hush@pasted.example/live/sk_pasted?x=1".into(),
        ..NewDestination::default()
    };
    let pasted = control.create_destination(&by, "show", pasted).await.unwrap();
    assert_eq!((pasted.url.as_str(), pasted.key_set), ("rtmp://pasted.example/live", true));
    assert_eq!(pasted.user.as_deref(), Some("crew"));
    let other = bench.destination("show", "other").await;
    control.order_destinations(&by, "show", &[other.clone(), pasted.id.clone()]).await.unwrap();
    control.set_enabled(&by, "show", &other, false).await.unwrap();
    control.set_enabled(&by, "filed", "b", false).await.unwrap();
    control.go_live(&by, "show").await.unwrap();
    control.end(&by, "filed").await.unwrap();
    let (_, key) = control
        .create_key(&by, "show", NewKey { label: "PC".into(), addresses: vec![], expires_at: None })
        .await
        .unwrap();
    drop(control);

    let bench = bench.killed(defs()).await;
    let show = bench.control.stream("show").unwrap();
    assert_eq!((show.title.as_str(), show.start, show.wanted), ("Title", Start::Manual, true));
    assert_eq!(show.reconnect_window, Duration::from_secs(60));
    let names: Vec<_> = show.destinations.iter().map(|d| (d.name.as_str(), d.enabled)).collect();
    assert_eq!(names, [("other", false), ("pasted", true)]);
    assert!(bench.control.stream("doomed").is_err());
    let filed = bench.control.stream("filed").unwrap();
    assert!(!filed.wanted);
    let enabled: Vec<_> = filed.destinations.iter().map(|d| d.enabled).collect();
    assert_eq!(enabled, [true, false]);
    let _encoder = bench.encoder(key.expose()).await;
    bench.until("show", |view| view.counts.live == 1).await;
    bench.world.sessions("rtmp://pasted.example/live sk_pasted?x=1").pop().expect("with its key");
    // the file says the same by now: nothing is left of the choice
    let mut defs = defs();
    defs.streams[0].destinations[1].enabled = false;
    bench.control.reload(None, defs.clone()).await.unwrap();
    defs.streams[0].destinations[1].enabled = true;
    bench.control.reload(None, defs).await.unwrap();
    assert!(bench.control.destination("filed", "b").unwrap().enabled);
    bench.control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j7_a_key_is_rotated_without_a_missing_frame_and_revoked_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), file(vec![stream_def("filed", &["one"])])).await;
    let (control, by) = (&bench.control, &bench.by);
    let (first, key) = control
        .create_key(
            by,
            "filed",
            NewKey { label: "Phone".into(), addresses: vec![], expires_at: None },
        )
        .await
        .unwrap();
    let encoder = bench.encoder(key.expose()).await;
    bench.until("filed", live).await;
    let (second, new) =
        control.rotate_key(by, "filed", &first.id, Duration::from_secs(60)).await.unwrap();
    assert_ne!(second.id, first.id);
    assert!(bench.admit(key.expose()).await.is_ok(), "within its grace");
    assert!(bench.admit(new.expose()).await.is_ok());
    tokio::time::sleep(Duration::from_millis(300)).await;
    bench.world.assert_whole(&place("one", "file-secret"));
    control.revoke_key(by, "filed", &first.id).await.unwrap();
    assert!(bench.admit(key.expose()).await.is_err());
    for _ in 0..400 {
        if encoder.is_over() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(encoder.is_over(), "its session ends");
    assert!(bench.admit("filed-key").await.is_ok(), "the file's key stays");
    let unknown = control.revoke_key(by, "filed", "nonsense").await.unwrap_err();
    assert_eq!(unknown.word(), "not-found");
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k4_what_cannot_be_taken_is_refused_field_by_field_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), file(Vec::new())).await;
    let (control, by) = (&bench.control, &bench.by);
    bench.stream("show").await;
    let id = bench.destination("show", "one").await;
    let bad = NewDestination {
        name: " ".into(),
        url: "rtmp://127.0.0.1/live".into(),
        key: Some(Secret::new("a b")),
        service: Some("no such".into()),
        video_track: Some("best".into()),
        ..NewDestination::default()
    };
    let error = control.create_destination(by, "show", bad).await.unwrap_err();
    let ControlError::Invalid(errors) = &error else { panic!("{error}") };
    let fields: Vec<_> = errors.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields.join(" "), "name service video_track key url", "{errors:?}");
    assert!(errors.iter().all(|one| !one.remedy.is_empty()));
    for (patch, field) in [
        (DestinationPatch { url: Some("http://a.example/x".into()), ..Default::default() }, "url"),
        (DestinationPatch { user: Some(Some("crew".into())), ..Default::default() }, "password"),
        (DestinationPatch { notes: Some("x".repeat(5000)), ..Default::default() }, "notes"),
    ] {
        let error = control.edit_destination(by, "show", &id, None, patch).await.unwrap_err();
        let ControlError::Invalid(errors) = &error else { panic!("{error}") };
        assert_eq!(errors[0].field, field);
    }
    let twice = control.create_destination(by, "show", destination("one")).await.unwrap_err();
    assert_eq!(twice.word(), "name-taken");
    let again = NewStream { name: "show".into(), ..NewStream::default() };
    assert_eq!(control.create_stream(by, again).await.unwrap_err().word(), "name-taken");
    for n in 1..50 {
        bench.destination("show", &format!("d{n}")).await;
    }
    let full = control.create_destination(by, "show", destination("more")).await.unwrap_err();
    assert_eq!(full.word(), "limit");
    assert_eq!(control.stream("show").unwrap().destinations.len(), 50);
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j1_the_audit_log_holds_each_change_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), file(vec![stream_def("filed", &["a"])])).await;
    let (control, by) = (&bench.control, &bench.by);
    bench.stream("show").await;
    let new = NewDestination {
        name: "one".into(),
        url: "rtmp://crew:canary-password@one.example/live?token=canary-token".into(),
        key: Some(Secret::new("canary-key")),
        ..NewDestination::default()
    };
    let id = control.create_destination(by, "show", new).await.unwrap().id;
    let patch = DestinationPatch { key: Some(Secret::new("canary-second")), ..Default::default() };
    control.edit_destination(by, "show", &id, None, patch).await.unwrap();
    control.set_enabled(by, "filed", "a", false).await.unwrap();
    control.go_live(by, "show").await.unwrap();
    control.retry(by, "show", &id).await.unwrap();
    control.delete_stream(by, "show", None).await.unwrap();
    let log = bench.store.audit_log(AuditFilter::default(), PageRequest::default()).await.unwrap();
    let actions: Vec<_> = log.items.iter().rev().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(
        actions.join(" "),
        "stream.create destination.create destination.edit destination.disable stream.go_live \
         destination.retry stream.delete"
    );
    let all = format!("{log:?}");
    assert!(all.contains("one.example") && !all.contains("canary"), "{all}");
    let shown = format!("{:?} {:?}", control.streams(), control.destinations());
    assert!(!shown.contains("canary-key") && !shown.contains("canary-password"));
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_resume_where_they_were_and_figures_are_kept_while_there_is_input() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), file(vec![stream_def("filed", &["a"])])).await;
    let encoder = bench.encoder("filed-key").await;
    let first = bench.told("destination.live").await;
    let mut again = bench.control.follow(Some(first.id - 1)).await;
    let Some(Followed::Event(event)) = again.next().await else { panic!() };
    assert_eq!((event.id, &event.kind), (first.id, &first.kind), "none is missed");
    tokio::time::sleep(Duration::from_millis(2200)).await;
    let history = bench.control.history("filed", Duration::from_secs(900)).unwrap();
    assert!((2..=4).contains(&history.samples.len()), "{history:?}");
    assert!(history.samples.last().unwrap().bitrate > 0);
    assert!(bench.control.history("nobody", Duration::from_secs(9)).is_err());
    let view = bench.control.destination("filed", "a").unwrap();
    assert!(view.recent.iter().any(|bits| *bits > 0), "{:?}", view.recent);
    assert!(matches!(view.status.unwrap().primary.state, State::Live));
    encoder.end(false).await;
    let lost = bench.told("stream.input_lost").await;
    assert!(lost.id > first.id && lost.data["held_for_s"] == 30);
    let begin = std::time::Instant::now();
    bench.control.shutdown().await;
    assert!(begin.elapsed() < Duration::from_secs(2), "the end waits for nobody");
}

/// What the server sees of encoders that it does not let in: told once, whatever they try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoder_that_is_refused_is_told_with_a_reason_and_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), file(vec![stream_def("main", &[])])).await;
    let (control, by) = (&bench.control, &bench.by);
    let (kept, key) = control
        .create_key(by, "main", NewKey { label: "PC".into(), addresses: vec![], expires_at: None })
        .await
        .unwrap();
    control.revoke_key(by, "main", &kept.id).await.unwrap();
    for _ in 0..8 {
        bench.admit(key.expose()).await.map(|_| ()).unwrap_err();
    }
    let event = bench.told("publish.refused").await;
    assert_eq!(event.stream.as_deref(), Some("main"));
    assert_eq!(event.address.as_deref(), Some("192.0.2.1"));
    assert_eq!(event.data["reason"], "revoked_key", "{event:?}");
    assert_eq!(event.data["label"], "PC");
    assert!(event.data["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()));
    assert!(!format!("{event:?}").contains(&key.expose()[..5]), "J1: not even its beginning");
    let refused = manycast_control::EventFilter {
        kind: Some("publish.".to_owned()),
        ..manycast_control::EventFilter::default()
    };
    let page = control.activity(refused, PageRequest::default()).await.unwrap();
    assert_eq!(page.items.len(), 1, "one event for all attempts");
    let bench = bench.killed(file(vec![stream_def("main", &[])])).await;
    bench.admit(key.expose()).await.map(|_| ()).unwrap_err();
    let told = bench.gate.attempts();
    assert!(
        matches!(&told[0].outcome, manycast_auth::AttemptOutcome::Refused { reason, .. }
            if reason.as_str() == "revoked_key"),
        "after a restart too: {told:?}"
    );
    bench.control.shutdown().await;
}

/// Who is kept out stays out, whatever happens to the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g7_an_address_that_is_kept_out_stays_out_over_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let defs = || file(vec![stream_def("main", &[])]);
    let bench = Bench::new(dir.path(), defs()).await;
    let (address, span) = ("192.0.2.1".parse().unwrap(), Duration::from_secs(3600));
    bench.control.block(&bench.by, address, span, "noise").await.unwrap();
    bench.control.block(&bench.by, "192.0.2.9".parse().unwrap(), span, "").await.unwrap();
    bench.control.unblock(&bench.by, "192.0.2.9".parse().unwrap()).await.unwrap();
    let twice = bench.control.unblock(&bench.by, "192.0.2.9".parse().unwrap()).await;
    assert!(matches!(twice, Err(ControlError::NotFound { .. })));
    let bench = bench.killed(defs()).await;
    let kept = bench.gate.blocks();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].address, kept[0].why.as_str()), (address, "noise"));
    assert_eq!(kept[0].by, bench.by.name);
    assert!(bench.admit("main-key").await.is_err());
    bench.control.unblock(&bench.by, address).await.unwrap();
    let bench = bench.killed(defs()).await;
    assert!(bench.admit("main-key").await.is_ok(), "and is let in for good");
    let brief = Duration::from_millis(1);
    bench.control.block(&bench.by, address, brief, "").await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let bench = bench.killed(defs()).await;
    assert!(bench.gate.blocks().is_empty(), "what is over does not come back");
    bench.control.shutdown().await;
}
