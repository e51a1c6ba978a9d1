//! What becomes of single messages, and of a queue that fails.

use super::virtual_time::{Scripted, drained, ok, options, status};
use super::{BOUND, event};
use crate::send::Sent;
use crate::testing::MemoryQueue;
use crate::{Verdict, Webhooks};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3_600);

fn one() -> Arc<MemoryQueue> {
    MemoryQueue::with(&[("w", "https://hook.example/")])
}

#[tokio::test(start_paused = true)]
async fn a_message_is_tried_ten_times_over_three_days_and_given_up() {
    let receiver = Scripted::new(|_, _| (Duration::ZERO, status(500)));
    let queue = one();
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    webhooks.file(&event("evt_1", "main")).await.unwrap();
    let began = Instant::now();
    drained(&queue, 200 * HOUR).await;
    let lasted = began.elapsed();
    // 75 h 35 min 5 s of waits, and up to a fifth more
    assert!(lasted > 75 * HOUR && lasted < 92 * HOUR, "{lasted:?}");
    assert_eq!(receiver.attempts(), 10);
    let log = queue.log_lines();
    assert_eq!(log.last().unwrap().verdict, Some(Verdict::GaveUp));
    assert_eq!(log.last().unwrap().attempt.error.as_deref(), Some("answered 500"));
    assert_eq!(webhooks.counters().given_up, 1);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_asked_no_more() {
    let receiver = Scripted::new(|_, _| (Duration::ZERO, status(410)));
    let queue = one();
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    for number in 0..5 {
        webhooks.file(&event(&format!("evt_{number}"), "main")).await.unwrap();
    }
    drained(&queue, HOUR).await;
    tokio::time::sleep(100 * HOUR).await;
    assert!(!queue.is_enabled("w"));
    assert_eq!(receiver.attempts(), 1);
    assert_eq!(queue.log_lines()[0].verdict, Some(Verdict::Gone));
    assert_eq!(webhooks.counters().given_up, 5, "with what waited");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_asks_for_time_gets_it() {
    let receiver = Scripted::new(|_, at| {
        let busy = Sent { retry_after: Some(Duration::from_secs(120)), ..status(429) };
        (Duration::ZERO, if at < Duration::from_secs(100) { busy } else { ok() })
    });
    let queue = one();
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    webhooks.file(&event("evt_1", "main")).await.unwrap();
    let began = Instant::now();
    drained(&queue, HOUR).await;
    assert!(began.elapsed() >= Duration::from_secs(120), "{:?}", began.elapsed());
    assert_eq!(receiver.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_our_own_costs_one_attempt() {
    let tries = AtomicUsize::new(0);
    let receiver = Scripted::new(move |_, _| {
        assert!(tries.fetch_add(1, Ordering::SeqCst) > 0, "as ordered");
        (Duration::ZERO, ok())
    });
    let queue = one();
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    webhooks.file(&event("evt_1", "main")).await.unwrap();
    drained(&queue, HOUR).await;
    assert_eq!(receiver.events("hook.example"), ["evt_1"]);
    let error = queue.log_lines()[0].attempt.error.clone().unwrap();
    assert!(error.contains("inside this server"), "{error}");
    assert_eq!(webhooks.counters().retried, 1);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_written_has_nothing_sent_twice() {
    let receiver = Scripted::new(|_, _| (Duration::ZERO, ok()));
    let queue = one();
    queue.settle_fails.store(5, Ordering::SeqCst);
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    for id in ["evt_1", "evt_2"] {
        webhooks.file(&event(id, "main")).await.unwrap();
    }
    drained(&queue, HOUR).await;
    assert_eq!(receiver.events("hook.example"), ["evt_1", "evt_2"]);
    assert_eq!(webhooks.counters().queue_errors, 5);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_fails_is_waited_for() {
    let receiver = Scripted::new(|_, _| (Duration::ZERO, ok()));
    let queue = one();
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    queue.broken.store(true, Ordering::SeqCst);
    assert!(webhooks.publish(event("evt_1", "main")));
    assert!(webhooks.file(&event("evt_2", "main")).await.is_err());
    tokio::time::sleep(Duration::from_secs(600)).await;
    let errors = webhooks.counters().queue_errors;
    assert!((5..100).contains(&errors), "asked {errors} times in ten minutes");
    queue.broken.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(receiver.events("hook.example"), ["evt_1"]);
    let to = crate::testing::receiver("https://hook.example/");
    queue.broken.store(true, Ordering::SeqCst);
    assert!(webhooks.test("w", &to).await.is_err());
    assert!(webhooks.redeliver("1").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn k7_publishing_never_waits() {
    let receiver = Scripted::new(|_, _| (Duration::ZERO, ok()));
    let queue = one();
    queue.stuck.store(true, Ordering::SeqCst);
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver), options());
    let taken = (0..5_000).filter(|n| webhooks.publish(event(&format!("evt_{n}"), "main"))).count();
    // publish is no future: that it came back is the proof; what it took is bounded
    assert_eq!(taken, 1_024);
    assert_eq!(webhooks.counters().lost, 5_000 - 1_024);
    webhooks.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_of_the_log_is_sent_once_more() {
    let receiver = Scripted::new(|_, _| (Duration::ZERO, ok()));
    let queue = one();
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    webhooks.file(&event("evt_1", "main")).await.unwrap();
    drained(&queue, HOUR).await;
    let delivery = queue.delivery_of("evt_1").unwrap();
    assert_eq!(webhooks.redeliver(&delivery).await, Ok(true));
    drained(&queue, HOUR).await;
    assert_eq!(receiver.events("hook.example"), ["evt_1", "evt_1"]);
    assert_eq!(webhooks.redeliver("nobody's").await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_what_is_under_way_and_queues_what_was_published() {
    let receiver = Scripted::new(|_, _| (Duration::from_secs(3), ok()));
    let queue = one();
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    webhooks.file(&event("evt_1", "main")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(webhooks.publish(event("evt_2", "main")));
    webhooks.shutdown(BOUND).await;
    assert_eq!(receiver.events("hook.example"), ["evt_1"]);
    assert_eq!(queue.pending(), 1, "evt_2 is on disk");
    webhooks.shutdown(BOUND).await;
}
