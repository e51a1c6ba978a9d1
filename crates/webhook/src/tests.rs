//! K6 and K7: what receivers get, in which order, and what a bad one costs.

mod fates;
mod virtual_time;

use crate::queue::Queue;
use crate::secret::{Secrets, SigningSecret};
use crate::testing::{MemoryQueue, Receiving, Reply, client_for, receiver, secret, until};
use crate::{Event, EventKind, Options, Webhooks};
use manycast_media::StreamName;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BOUND: Duration = Duration::from_secs(10);

pub(crate) fn event(id: &str, stream: &str) -> Event {
    let kind =
        EventKind::ViewerCount { stream: StreamName::new(stream).unwrap(), viewers: 1, peak: 2 };
    Event { id: id.to_owned(), at: UNIX_EPOCH + Duration::from_secs(1_795_340_000), kind }
}

#[tokio::test]
async fn k6_what_arrives_can_be_verified_and_told_from_a_repetition() {
    // the first is refused, so that the same message comes twice
    let tries = Arc::new(AtomicUsize::new(0));
    let count = tries.clone();
    let receiving = Receiving::new(move |_| {
        Reply::status(if count.fetch_add(1, Ordering::SeqCst) == 0 { 500 } else { 204 })
    })
    .await;
    let queue = MemoryQueue::with(&[("w1", &receiving.url("/in"))]);
    // a clock that runs ahead, so that the wait of 5 s is over at once
    let ticks = AtomicUsize::new(0);
    let clock = Arc::new(move || {
        let tick = u64::try_from(ticks.fetch_add(1, Ordering::SeqCst)).unwrap();
        UNIX_EPOCH + Duration::from_secs(1_795_340_000 + 10 * tick)
    });
    let options = Options { clock, ..Options::default() };
    let webhooks = Webhooks::start(queue.clone(), client_for(&[receiving.address]), options);
    webhooks.file(&event("evt_1", "main")).await.unwrap();
    until("the first attempt", || receiving.count() > 0).await;
    until("its end", || webhooks.counters().retried == 1).await;
    webhooks.wake();
    until("the second attempt", || webhooks.counters().delivered == 1).await;
    let heard = receiving.heard.lock().clone();
    assert_eq!(heard.len(), 2);
    let header = |at: usize, name: &str| heard[at].header(name).unwrap().to_owned();
    for one in &heard {
        assert_eq!(one.header("webhook-id"), Some("evt_1"));
        assert_eq!(one.header("content-type"), Some("application/json"));
        let timestamp: u64 = one.header("webhook-timestamp").unwrap().parse().unwrap();
        let secrets = Secrets { current: secret(1), old: None };
        let expected = secrets.signatures("evt_1", timestamp, &one.body);
        assert_eq!(one.header("webhook-signature"), Some(expected.as_str()));
    }
    assert_eq!(heard[0].body, heard[1].body);
    assert_ne!(header(0, "webhook-timestamp"), header(1, "webhook-timestamp"));
    webhooks.shutdown(BOUND).await;
}

#[tokio::test]
async fn k6_a_test_is_signed_with_both_secrets_and_logged() {
    let receiving = Receiving::new(|_| Reply::Says(200, "", b"pong".to_vec())).await;
    let queue = MemoryQueue::with(&[]);
    let client = client_for(&[receiving.address]);
    let webhooks = Webhooks::start(queue.clone(), client, Options::default());
    let (new, old) = (SigningSecret::generate([5; 32]), SigningSecret::generate([6; 32]));
    let mut to = receiver(&receiving.url("/in"));
    to.secrets = Secrets { current: new, old: Some(old) };
    let attempt = webhooks.test("w1", &to).await.unwrap();
    assert_eq!((attempt.status, attempt.error.as_deref()), (Some(200), None));
    assert_eq!(attempt.answer, "pong");
    let heard = receiving.heard.lock()[0].clone();
    let id = heard.header("webhook-id").unwrap();
    let timestamp = heard.header("webhook-timestamp").unwrap().parse().unwrap();
    let expected = to.secrets.signatures(id, timestamp, &heard.body);
    assert_eq!(expected.split(' ').count(), 2);
    assert_eq!(heard.header("webhook-signature"), Some(expected.as_str()));
    assert!(heard.body.contains(r#""type":"webhook.test""#), "{}", heard.body);
    let log = queue.log_lines();
    assert_eq!((log.len(), log[0].verdict, &log[0].attempt), (1, None, &attempt));

    to.endpoint = crate::Endpoint::parse("http://127.0.0.1:9/nobody");
    let attempt = webhooks.test("w1", &to).await.unwrap();
    assert!(attempt.error.is_some_and(|error| error.contains("not allowed")));
    assert_eq!(attempt.status, None);
}

#[tokio::test]
async fn k7_tests_of_one_webhook_hold_up_no_other() {
    let (slow, fast) =
        (Receiving::new(|_| Reply::Hangs).await, Receiving::new(|_| Reply::status(200)).await);
    let client = client_for(&[slow.address, fast.address]);
    // longer than the test lasts
    let options = Options { timeout: Duration::from_secs(600), ..Options::default() };
    let webhooks = Webhooks::start(MemoryQueue::with(&[]), client, options);
    let mut hanging = Vec::new();
    for number in 0..31 {
        let (webhooks, to) = (webhooks.clone(), receiver(&slow.url("/")));
        let test = async move { webhooks.test(&format!("slow{number}"), &to).await.map(drop) };
        hanging.push(tokio::spawn(test));
    }
    until("all hang", || slow.count() == 31).await;
    let to = receiver(&fast.url("/"));
    for _ in 0..3 {
        let attempt = webhooks.test("fast", &to).await.unwrap();
        assert_eq!(attempt.status, Some(200));
    }
    let again = webhooks.test("slow7", &to).await.unwrap_err();
    assert!(again.to_string().contains("this webhook"), "{again}");
    hanging[7].abort();
    assert!((&mut hanging[7]).await.is_err());
    assert!(webhooks.test("slow7", &to).await.is_ok(), "it is free again");
    for test in hanging {
        test.abort();
    }
}

#[tokio::test]
async fn k7_a_receiver_that_hangs_keeps_no_other_waiting() {
    let slow = Receiving::new(|_| Reply::Hangs).await;
    let fast = Receiving::new(|_| Reply::status(200)).await;
    let queue = MemoryQueue::with(&[("slow", &slow.url("/")), ("fast", &fast.url("/"))]);
    // longer than the test lasts: whoever waited for the slow one would never get done
    let options = Options { timeout: Duration::from_secs(600), ..Options::default() };
    let webhooks =
        Webhooks::start(queue.clone(), client_for(&[slow.address, fast.address]), options);
    for number in 0..100 {
        let stream = format!("s{}", number % 20);
        webhooks.file(&event(&format!("evt_{number}"), &stream)).await.unwrap();
    }
    until("the fast one's messages", || fast.count() == 100).await;
    assert_eq!(slow.count(), 2, "of 20 streams two at a time");
    until("the fast one's answers", || webhooks.counters().under_way == 2).await;
    webhooks.shutdown(Duration::ZERO).await;
    assert_eq!(queue.pending(), 100, "the slow one's messages wait for the next start");
}

#[tokio::test]
async fn the_clock_of_this_machine_is_used_unless_another_is_given() {
    let (before, read) = (SystemTime::now(), (Options::default().clock)());
    assert!(read >= before);
    assert_eq!(Options::default().timeout, Duration::from_secs(5));
    let queue: Arc<dyn Queue> = MemoryQueue::with(&[]);
    drop(queue);
}
