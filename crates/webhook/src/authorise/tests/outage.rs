//! K8: the service is down, or hangs.

use super::*;

const SHORT: Duration = Duration::from_millis(300);

/// A service that hangs from the moment on at which it is told to.
async fn service() -> (Receiving, Arc<AtomicU64>) {
    let hangs = Arc::new(AtomicU64::new(0));
    let told = hangs.clone();
    let service = Receiving::new(move |_| match told.load(Ordering::SeqCst) {
        0 => Reply::status(200),
        1 => Reply::Hangs,
        2 => Reply::Closes,
        3 => Reply::status(503),
        _ => Reply::status(403),
    })
    .await;
    (service, hangs)
}

#[test]
fn k8_three_seconds_and_closed_unless_said_otherwise() {
    let settings = Authorise::default();
    assert_eq!(settings.timeout, Duration::from_secs(3));
    assert_eq!(settings.on_failure, OnFailure::Deny);
    assert_eq!(settings.cache, Duration::from_secs(10));
}

#[tokio::test]
async fn k8_running_sessions_stay_and_may_come_back_and_new_ones_are_refused() {
    let (service, state) = service().await;
    let settings = Authorise { timeout: SHORT, ..everything(service.address) };
    let gate = gate(Some(settings), &[service.address]);
    let mut running = publish(&gate, "main").await.unwrap();
    for down in 1..=3 {
        state.store(down, Ordering::SeqCst);
        let denial = publish(&gate, "new").await.unwrap_err();
        assert_eq!(denial.kind, DenialKind::Full);
        assert!(denial.message.contains("does not answer"), "{denial}");
        assert_eq!(is_over(&mut running.lease), None, "what runs goes on");
        // the same asker, from another port: its encoder connects again
        let again = gate.admit(request(Action::Publish, "main", "192.0.2.7:6000")).await;
        drop(again.unwrap());
        // somebody else with the same key, or the same one to watch, was never let in
        for stranger in [
            request(Action::Publish, "main", "192.0.2.9:5000"),
            request(Action::Play, "main", "192.0.2.7:5000"),
        ] {
            assert_eq!(gate.admit(stranger).await.unwrap_err().kind, DenialKind::Full);
        }
    }
    drop(running);
    // its session is over since a moment only
    assert!(publish(&gate, "main").await.is_ok());
    let asked = gate.counters();
    assert_eq!((asked.allowed, asked.remembered, asked.unanswered), (1, 4, 9));
}

#[tokio::test]
async fn k8_a_no_is_a_no_whatever_was_before() {
    let (service, state) = service().await;
    let settings = Authorise { timeout: SHORT, ..everything(service.address) };
    let gate = gate(Some(settings), &[service.address]);
    let running = publish(&gate, "main").await.unwrap();
    state.store(4, Ordering::SeqCst);
    assert_eq!(publish(&gate, "main").await.unwrap_err().kind, DenialKind::Forbidden);
    state.store(1, Ordering::SeqCst);
    assert_eq!(publish(&gate, "main").await.unwrap_err().kind, DenialKind::Full);
    drop(running);
}

#[tokio::test]
async fn k8_without_a_cache_nothing_is_remembered_and_other_settings_forget() {
    for other in [false, true] {
        let (service, state) = service().await;
        let cache = if other { Duration::from_secs(60) } else { Duration::ZERO };
        let settings = Authorise { timeout: SHORT, cache, ..everything(service.address) };
        let gate = gate(Some(settings.clone()), &[service.address]);
        let running = publish(&gate, "main").await.unwrap();
        state.store(1, Ordering::SeqCst);
        if other {
            gate.apply(Some(settings.clone()), client_for(&[service.address]));
            assert!(publish(&gate, "main").await.is_ok(), "nothing changed");
            let settings = Authorise { cache: Duration::from_secs(30), ..settings };
            gate.apply(Some(settings), client_for(&[service.address]));
        }
        assert_eq!(publish(&gate, "main").await.unwrap_err().kind, DenialKind::Full);
        drop(running);
    }
}

#[tokio::test]
async fn k8_open_on_failure_if_configured_so() {
    let (service, state) = service().await;
    let on_failure = OnFailure::Allow;
    let settings = Authorise { timeout: SHORT, on_failure, ..everything(service.address) };
    let gate = gate(Some(settings), &[service.address]);
    for down in 1..=3 {
        state.store(down, Ordering::SeqCst);
        assert!(publish(&gate, "main").await.is_ok());
    }
    assert_eq!(publish(&gate, "forbidden").await.unwrap_err().kind, DenialKind::UnknownKey);
    state.store(4, Ordering::SeqCst);
    assert_eq!(publish(&gate, "main").await.unwrap_err().kind, DenialKind::Forbidden);
}

#[tokio::test]
async fn k8_a_service_that_hangs_for_viewers_keeps_no_encoder_waiting() {
    let service = Receiving::new(|heard| match heard.line.contains("on_play") {
        true => Reply::Hangs,
        false => Reply::status(200),
    })
    .await;
    let settings = Authorise { timeout: Duration::from_secs(600), ..everything(service.address) };
    let gate = gate(Some(settings), &[service.address]);
    let mut crowd = tokio::task::JoinSet::new();
    for viewer in 0..3 * ASKING {
        let gate = gate.clone();
        let peer = format!("192.0.2.8:{}", 5_000 + viewer);
        crowd.spawn(async move { gate.admit(request(Action::Play, "main", &peer)).await.is_ok() });
    }
    until("the crowd", || service.count() == ASKING).await;
    let publishing = tokio::time::timeout(crate::testing::PATIENCE, publish(&gate, "main")).await;
    assert!(publishing.unwrap().is_ok());
    assert_eq!(service.count(), ASKING + 1, "questions at a time are bounded");
    // viewers that leave are asked about no more
    crowd.shutdown().await;
}

#[tokio::test]
async fn k8_a_crowd_is_refused_in_time_when_the_service_hangs() {
    let (service, state) = service().await;
    state.store(1, Ordering::SeqCst);
    let settings = Authorise { timeout: SHORT, ..everything(service.address) };
    let gate = gate(Some(settings), &[service.address]);
    let mut crowd = tokio::task::JoinSet::new();
    for viewer in 0..4 * ASKING {
        let gate = gate.clone();
        let peer = format!("192.0.2.8:{}", 5_000 + viewer);
        crowd.spawn(async move { gate.admit(request(Action::Play, "main", &peer)).await });
    }
    while let Some(answer) = crowd.join_next().await {
        assert_eq!(answer.unwrap().unwrap_err().kind, DenialKind::Full);
    }
    // most of them waited for their turn and were never asked about
    assert!(service.count() < 4 * ASKING, "{}", service.count());
    assert_eq!(gate.counters().unanswered, 4 * ASKING as u64);
}
