//! Hours of outage in no time: receivers are scripts, the clock is the runtime's, which is paused.

use super::{BOUND, event};
use crate::send::{Carrier, Parcel, Sending, Sent};
use crate::testing::MemoryQueue;
use crate::{Options, Webhooks};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::Instant;

/// Options on the paused clock.
pub(super) fn options() -> Options {
    let began = Instant::now();
    let clock = Arc::new(move || UNIX_EPOCH + Duration::from_secs(1_795_340_000) + began.elapsed());
    Options { clock, seed: 7, ..Options::default() }
}

pub(super) type Script = dyn Fn(&str, Duration) -> (Duration, Sent) + Send + Sync;

/// A receiver that is a script: host and time since the start to how long it takes, and what it says.
pub(super) struct Scripted {
    script: Box<Script>,
    began: Instant,
    /// Host and event of what was taken.
    pub(super) taken: Mutex<Vec<(String, String)>>,
    attempts: AtomicUsize,
    at_once: Mutex<BTreeMap<String, usize>>,
    /// The most at a time in all, and with one host.
    pub(super) most: Mutex<(usize, usize)>,
}

impl Scripted {
    pub(super) fn new(
        script: impl Fn(&str, Duration) -> (Duration, Sent) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (taken, attempts, at_once, most) = Default::default();
        let script = Box::new(script);
        Arc::new(Self { script, began: Instant::now(), taken, attempts, at_once, most })
    }

    pub(super) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }

    pub(super) fn events(&self, host: &str) -> Vec<String> {
        let taken = self.taken.lock();
        taken.iter().filter(|(at, _)| at == host).map(|(_, event)| event.clone()).collect()
    }
}

pub(super) fn ok() -> Sent {
    Sent { status: Some(200), error: None, answer: String::new(), retry_after: None }
}

pub(super) fn status(status: u16) -> Sent {
    Sent { status: Some(status), ..Sent::failed(format!("answered {status}")) }
}

impl Carrier for Arc<Scripted> {
    fn carry<'a>(&'a self, parcel: Parcel<'a>, within: Duration) -> Sending<'a> {
        Box::pin(async move {
            let host = parcel.receiver.endpoint.as_ref().unwrap().host();
            self.attempts.fetch_add(1, Ordering::SeqCst);
            {
                let mut at_once = self.at_once.lock();
                *at_once.entry(host.clone()).or_default() += 1;
                let mut most = self.most.lock();
                *most = (most.0.max(at_once.values().sum()), most.1.max(at_once[&host]));
            }
            let (takes, sent) = (self.script)(&host, self.began.elapsed());
            let slept = tokio::time::timeout(within, tokio::time::sleep(takes)).await;
            *self.at_once.lock().get_mut(&host).unwrap() -= 1;
            if slept.is_err() {
                return Sent::failed("did not answer");
            }
            if sent.error.is_none() {
                self.taken.lock().push((host, parcel.id.to_owned()));
            }
            sent
        })
    }
}

/// Waits, in virtual time, until nothing is pending.
pub(super) async fn drained(queue: &MemoryQueue, most: Duration) {
    let began = Instant::now();
    while queue.pending() > 0 {
        assert!(began.elapsed() < most, "{} still wait", queue.pending());
        // hours are looked at less closely than seconds
        tokio::time::sleep((began.elapsed() / 100).max(Duration::from_millis(50))).await;
    }
}

const STREAMS: usize = 4;

/// Events of several Streams, numbered in each.
async fn file_many(webhooks: &Webhooks, number: usize) {
    for n in 0..number {
        let stream = format!("s{}", n % STREAMS);
        webhooks.file(&event(&format!("{stream}.{n:05}"), &stream)).await.unwrap();
    }
}

/// Every Stream's events came in their order, at least once.
fn assert_ordered(events: &[String], number: usize) {
    let distinct: BTreeSet<_> = events.iter().collect();
    assert_eq!(distinct.len(), number, "events that came");
    for stream in 0..STREAMS {
        let prefix = format!("s{stream}.");
        let own: Vec<_> = events.iter().filter(|event| event.starts_with(&prefix)).collect();
        assert!(own.is_sorted(), "the order of {prefix}");
    }
}

#[tokio::test(start_paused = true)]
async fn k7_ten_thousand_messages_outlast_ten_minutes_of_outage_in_order() {
    let down = Duration::from_secs(600);
    let receiver = Scripted::new(move |_, at| {
        (Duration::from_millis(1), if at < down { Sent::failed("nothing listens") } else { ok() })
    });
    let queue = MemoryQueue::with(&[("w", "https://hook.example/")]);
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    file_many(&webhooks, crate::testing::MAX_PENDING).await;
    drained(&queue, Duration::from_secs(3_600)).await;
    let events = receiver.events("hook.example");
    assert_eq!(events.len(), crate::testing::MAX_PENDING, "each once");
    assert_ordered(&events, crate::testing::MAX_PENDING);
    let counters = webhooks.counters();
    assert_eq!((counters.dropped, counters.lost, counters.given_up), (0, 0, 0));
    // of each Stream only the first in line is tried: at 0 s, 5 s, 5 min and 35 min
    assert_eq!(counters.retried, 3 * STREAMS as u64);
}

#[tokio::test(start_paused = true)]
async fn k7_beyond_ten_thousand_the_oldest_give_way() {
    let receiver = Scripted::new(|_, at| {
        let up = at > Duration::from_secs(60);
        (Duration::ZERO, if up { ok() } else { Sent::failed("nothing listens") })
    });
    let queue = MemoryQueue::with(&[("w", "https://hook.example/")]);
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    file_many(&webhooks, crate::testing::MAX_PENDING + 500).await;
    assert_eq!(queue.pending(), crate::testing::MAX_PENDING);
    assert_eq!(webhooks.counters().dropped, 500);
    drained(&queue, Duration::from_secs(3_600)).await;
    let events = receiver.events("hook.example");
    assert_ordered(&events, crate::testing::MAX_PENDING);
    assert!(events.iter().all(|event| event[3..].parse::<usize>().unwrap() >= 500));
}

#[tokio::test(start_paused = true)]
async fn k7_a_slow_receiver_delays_nobody_and_takes_two_places() {
    let receiver = Scripted::new(|host, _| {
        let takes = if host == "slow.example" { 60_000 } else { 20 };
        (Duration::from_millis(takes), ok())
    });
    let hooks = [("slow", "https://slow.example/"), ("fast", "https://fast.example/")];
    let queue = MemoryQueue::with(&hooks);
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    let began = Instant::now();
    file_many(&webhooks, 400).await;
    while receiver.events("fast.example").len() < 400 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(began.elapsed() < Duration::from_secs(5), "waits for the slow one");
    }
    assert_ordered(&receiver.events("fast.example"), 400);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(receiver.events("slow.example"), Vec::<String>::new(), "5 s is all it gets");
    assert!(receiver.most.lock().1 <= 2, "{:?}", receiver.most.lock());
    webhooks.shutdown(BOUND).await;
}

#[tokio::test(start_paused = true)]
async fn at_most_eight_exchanges_run_at_a_time() {
    let receiver = Scripted::new(|_, _| (Duration::from_secs(1), ok()));
    let urls: Vec<_> =
        (0..20).map(|n| (format!("w{n}"), format!("https://h{n}.example/"))).collect();
    let hooks: Vec<_> = urls.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
    let queue = MemoryQueue::with(&hooks);
    let webhooks = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    file_many(&webhooks, 20).await;
    drained(&queue, Duration::from_secs(600)).await;
    assert_eq!(receiver.most.lock().0, 8);
    assert!(receiver.most.lock().1 <= 2);
    assert_eq!(receiver.attempts(), 400);
}

#[tokio::test(start_paused = true)]
async fn k7_what_was_queued_is_sent_after_a_restart() {
    let up = Arc::new(AtomicUsize::new(0));
    let seen = up.clone();
    let receiver = Scripted::new(move |_, _| {
        let up = seen.load(Ordering::SeqCst) > 0;
        (Duration::from_millis(10), if up { ok() } else { Sent::failed("nothing listens") })
    });
    let queue = MemoryQueue::with(&[("w", "https://hook.example/")]);
    let first = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    file_many(&first, 100).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    // no goodbye: the process is gone
    drop(first);
    up.store(1, Ordering::SeqCst);
    let second = Webhooks::over(queue.clone(), Box::new(receiver.clone()), options());
    drained(&queue, Duration::from_secs(600)).await;
    assert_ordered(&receiver.events("hook.example"), 100);
    second.shutdown(BOUND).await;
}
