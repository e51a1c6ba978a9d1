//! The task that empties the queue.
//!
//! ```text
//!            filed, redelivered            time has come              an exchange ended
//!                  v                            v                            v
//! queue.due (heads only, not those under way) -> exchanges, 8 at most, 2 per webhook -> queue.settle
//! ```
//!
//! Belongs here: who is sent when, and what becomes of it. Must not come here: HTTP (`send`), what
//! the queue looks like.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::queue::{Ask, Delivery, Queue, QueueError, UnderWay, Verdict};
use crate::schedule;
use crate::send::{Carrier, Parcel, Sent};
use crate::task::Task;

/// The longest time that the queue is not looked at: others may write to it.
const LOOK: Duration = Duration::from_secs(60);
/// Waits after the queue could not be read or written.
const QUEUE_WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// The wall clock.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What the worker shares with its handle.
pub(crate) struct Shared {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) carrier: ArcSwap<Box<dyn Carrier>>,
    pub(crate) options: Options,
    pub(crate) wake: Notify,
    pub(crate) counts: Counts,
    random: Mutex<SmallRng>,
}

/// Bounds, and what is handed in.
#[derive(Clone)]
pub struct Options {
    /// The longest time of one exchange, from the look-up of the name to the answer's last byte.
    pub timeout: Duration,
    /// Exchanges at a time.
    pub at_once: usize,
    /// Exchanges at a time with one webhook.
    pub per_webhook: usize,
    /// All the randomness of the waits.
    pub seed: u64,
    /// The time.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            at_once: 8,
            per_webhook: 2,
            seed: rand::random(),
            clock: Arc::new(SystemTime::now),
        }
    }
}

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) given_up: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) queue_errors: AtomicU64,
    pub(crate) under_way: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Shared {
    pub(crate) fn new(
        queue: Arc<dyn Queue>,
        carrier: Box<dyn Carrier>,
        options: Options,
    ) -> Arc<Self> {
        let random = Mutex::new(SmallRng::seed_from_u64(options.seed));
        let carrier = ArcSwap::from_pointee(carrier);
        let (wake, counts) = Default::default();
        Arc::new(Self { queue, carrier, options, wake, counts, random })
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.options.clock)()
    }

    fn verdict(&self, sent: &Sent, attempts: u32) -> Verdict {
        if sent.error.is_none() {
            return Verdict::Delivered;
        }
        if sent.is_gone() {
            return Verdict::Gone;
        }
        let chance = self.random.lock().random::<f64>();
        match schedule::wait(attempts, chance, sent.retry_after) {
            Some(wait) => Verdict::Retry { next_at: self.now() + wait },
            None => Verdict::GaveUp,
        }
    }

    /// Notes that the queue failed. The first failure in a row is worth a line.
    pub(crate) fn queue_failed(&self, error: &QueueError, failures: u32) {
        count(&self.counts.queue_errors);
        if failures == 0 {
            tracing::error!("{error}; webhooks wait until it works again");
        }
    }
}

/// How long to wait when the queue has failed so often in a row.
pub(crate) fn queue_wait(failures: u32) -> Duration {
    let (least, most) = QUEUE_WAITS;
    least.saturating_mul(1 << failures.min(10)).min(most)
}

/// The worker.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    running: JoinSet<()>,
    under_way: HashMap<Id, UnderWay>,
    /// Times in a row that the queue could not be read.
    failures: u32,
    /// Nothing is begun before.
    pause: Instant,
}

/// How long nothing is sent after a broken invariant: what caused it is still there.
const PAUSE: Duration = Duration::from_secs(30);

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (running, under_way) = Default::default();
        Self { shared, running, under_way, failures: 0, pause: Instant::now() }
    }

    /// Sends until it is told to stop, then lets what is under way come to its end.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let shared = self.shared.clone();
        loop {
            let look_at = Instant::now() + self.fill().await;
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(ended) = self.running.join_next_with_id() => self.ended(ended),
                () = shared.wake.notified() => {}
                () = tokio::time::sleep_until(look_at) => {}
            }
        }
        while let Some(ended) = self.running.join_next_with_id().await {
            self.ended(ended);
        }
    }

    /// Begins what is due, as far as there is room; how long there is nothing else to begin.
    async fn fill(&mut self) -> Duration {
        let options = &self.shared.options;
        let room = options.at_once.saturating_sub(self.running.len());
        if room == 0 {
            return LOOK;
        }
        if let Some(pause) = self.pause.checked_duration_since(Instant::now())
            && !pause.is_zero()
        {
            return pause;
        }
        let now = self.shared.now();
        let under_way: Vec<_> = self.under_way.values().cloned().collect();
        let per_webhook = options.per_webhook;
        let ask = Ask { now, under_way: &under_way, most: room, per_webhook };
        let due = match self.shared.queue.due(ask).await {
            Ok(due) => due,
            Err(error) => {
                self.shared.queue_failed(&error, self.failures);
                self.failures = self.failures.saturating_add(1);
                return queue_wait(self.failures);
            }
        };
        self.failures = 0;
        for delivery in due.deliveries {
            self.begin(delivery);
        }
        let wait = due.next_at.map(|at| at.duration_since(now).unwrap_or_default());
        wait.map_or(LOOK, |wait| wait.min(LOOK))
    }

    fn begin(&mut self, delivery: Delivery) {
        let known = UnderWay { delivery: delivery.id.clone(), webhook: delivery.webhook.clone() };
        let shared = self.shared.clone();
        self.shared.counts.under_way.fetch_add(1, Ordering::Relaxed);
        let task = self.running.spawn(async move { attempt(&shared, delivery).await });
        self.under_way.insert(task.id(), known);
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.under_way.remove(&id);
        self.shared.counts.under_way.fetch_sub(1, Ordering::Relaxed);
        if let Err(error) = ended
            && error.is_panic()
        {
            tracing::error!("the queue of webhooks ended in a panic: {error}");
            self.pause = Instant::now() + PAUSE;
        }
    }
}

/// Sends one delivery and writes down what came of it. Until that is written the delivery stays
/// under way, so that nobody sends it in the meantime.
async fn attempt(shared: &Shared, delivery: Delivery) {
    let began = Instant::now();
    let at = shared.now();
    let sent = carry(shared, &delivery, at).await;
    let number = delivery.attempts.saturating_add(1);
    let verdict = shared.verdict(&sent, number);
    tell(&delivery, &sent, verdict);
    let counts = &shared.counts;
    count(match verdict {
        Verdict::Delivered => &counts.delivered,
        Verdict::Retry { .. } => &counts.retried,
        Verdict::GaveUp | Verdict::Gone => &counts.given_up,
    });
    let attempt = sent.attempt(number, at, began.elapsed());
    let mut failures = 0;
    loop {
        match shared.queue.settle(&delivery.id, &attempt, verdict).await {
            Ok(others) => {
                counts.given_up.fetch_add(others, Ordering::Relaxed);
                return;
            }
            Err(error) => shared.queue_failed(&error, failures),
        }
        failures = failures.saturating_add(1);
        tokio::time::sleep(queue_wait(failures)).await;
    }
}

/// A panic costs this attempt only.
async fn carry(shared: &Shared, delivery: &Delivery, at: SystemTime) -> Sent {
    let (carrier, within) = (shared.carrier.load_full(), shared.options.timeout);
    let (id, body) = (delivery.event_id.clone(), delivery.body.clone());
    let receiver = match &delivery.receiver {
        Ok(receiver) => receiver.clone(),
        Err(why) => return Sent::failed(why),
    };
    let carrying = tokio::spawn(async move {
        carrier.carry(Parcel { id: &id, body: &body, receiver: &receiver, at }, within).await
    });
    let sent = Task(carrying).await;
    sent.unwrap_or_else(|_| Sent::failed("an error inside this server: see its log"))
}

/// A line where somebody may have to act: the first failure, and the end.
fn tell(delivery: &Delivery, sent: &Sent, verdict: Verdict) {
    let Some(error) = &sent.error else { return };
    let (webhook, event) = (&delivery.webhook, &delivery.event_id);
    match verdict {
        Verdict::Delivered => {}
        Verdict::Retry { .. } if delivery.attempts > 0 => {}
        Verdict::Retry { .. } => {
            tracing::info!(webhook, event, "webhook not delivered, it is sent again: {error}");
        }
        Verdict::GaveUp | Verdict::Gone => {
            tracing::warn!(webhook, event, "webhook {verdict}: {error}");
        }
    }
}
