//! The handle that events are given to.
//!
//! Belongs here: the way from an event to the queue, tests, the end. Must not come here: who is told
//! what (the queue knows the webhooks), how a message is sent.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::HttpClient;
use crate::event::{Event, EventKind, Message};
use crate::queue::{Attempt, Filed, Queue, QueueError, Receiver};
use crate::send::{Carrier, Parcel};
use crate::worker::{Options, Shared, Worker, count, queue_wait};

/// Events that may wait for the queue.
const WAITING: usize = 1_024;
/// Tests at a time, of one webhook each: people make them.
const TESTS: usize = 32;

/// Webhooks, running.
pub struct Webhooks {
    shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    /// The webhooks that are being tested.
    tests: Mutex<HashSet<String>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that a receiver took.
    pub delivered: u64,
    /// Attempts that failed and are made again.
    pub retried: u64,
    /// Messages that were given up.
    pub given_up: u64,
    /// Events that found no room on the way to the queue.
    pub lost: u64,
    /// Deliveries that gave way to newer ones.
    pub dropped: u64,
    /// Times that the queue could not be read or written.
    pub queue_errors: u64,
    /// Exchanges at the moment.
    pub under_way: u64,
}

impl Webhooks {
    /// Starts to send what the queue holds. Must be called inside a runtime.
    #[must_use]
    pub fn start(queue: Arc<dyn Queue>, client: HttpClient, options: Options) -> Arc<Self> {
        Self::over(queue, Box::new(client), options)
    }

    pub(crate) fn over(
        queue: Arc<dyn Queue>,
        carrier: Box<dyn Carrier>,
        options: Options,
    ) -> Arc<Self> {
        let shared = Shared::new(queue, carrier, options);
        let (events, waiting) = mpsc::channel(WAITING);
        let (stop, stopped) = watch::channel(false);
        let worker = tokio::spawn(Worker::new(shared.clone()).run(stopped.clone()));
        let filer = tokio::spawn(file_all(shared.clone(), waiting, stopped));
        let tests = Mutex::default();
        Arc::new(Self { shared, events, tests, stop, tasks: Mutex::new(vec![filer, worker]) })
    }

    /// Hands an event over and never waits. `false`: there was no room, and nobody will hear of it.
    pub fn publish(&self, event: Event) -> bool {
        let taken = self.events.try_send(event).is_ok();
        if !taken {
            count(&self.shared.counts.lost);
        }
        taken
    }

    /// Queues an event; when this is done, it is on disk.
    ///
    /// # Errors
    /// When the queue cannot be written. Nothing is queued then.
    pub async fn file(&self, event: &Event) -> Result<Filed, QueueError> {
        file(&self.shared, event).await
    }

    /// Sends a message of the log once more, behind what waits for the same Stream. `false`: it is
    /// not in the log.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub async fn redeliver(&self, delivery: &str) -> Result<bool, QueueError> {
        let known = self.shared.queue.redeliver(delivery, self.shared.now()).await?;
        self.wake();
        Ok(known)
    }

    /// Sends `webhook.test` to a receiver at once, and writes into the webhook's log how it went. A
    /// receiver that does not take it is no error here: the attempt says so.
    ///
    /// # Errors
    /// [`TestError`]: it is being tested already, too many are, the log cannot be written.
    pub async fn test(&self, webhook: &str, receiver: &Receiver) -> Result<Attempt, TestError> {
        let _turn = Turn::take(&self.tests, webhook)?;
        let (began, at) = (Instant::now(), self.shared.now());
        let message = test_message(webhook, at);
        let parcel = Parcel { id: &message.id, body: &message.body, receiver, at };
        let carrier = self.shared.carrier.load_full();
        let sent = carrier.carry(parcel, self.shared.options.timeout).await;
        let attempt = sent.attempt(1, at, began.elapsed());
        self.shared.queue.log(webhook, &message, &attempt).await?;
        Ok(attempt)
    }

    /// Looks at the queue anew: a webhook was enabled, or has another address.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Uses another way out from the next exchange on.
    pub fn set_client(&self, client: HttpClient) {
        self.shared.carrier.store(Arc::new(Box::new(client)));
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let counts = &self.shared.counts;
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            delivered: read(&counts.delivered),
            retried: read(&counts.retried),
            given_up: read(&counts.given_up),
            lost: read(&counts.lost),
            dropped: read(&counts.dropped),
            queue_errors: read(&counts.queue_errors),
            under_way: read(&counts.under_way),
        }
    }

    /// Ends: events handed over before are queued, exchanges under way may finish within `bound`.
    /// What is still pending stays on disk for the next start.
    pub async fn shutdown(&self, bound: Duration) {
        self.stop.send_replace(true);
        let deadline = Instant::now() + bound;
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for mut task in tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                let _ = task.await;
            }
        }
    }
}

/// Why nothing was sent for a test, or nothing is known of it.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// A sentence that says what is under way.
    #[error("{0}")]
    Busy(&'static str),
    /// The log.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// That a webhook is being tested, until this is dropped.
struct Turn<'a> {
    tests: &'a Mutex<HashSet<String>>,
    webhook: &'a str,
}

impl<'a> Turn<'a> {
    /// A receiver that is slow makes nobody wait but those who test it.
    fn take(tests: &'a Mutex<HashSet<String>>, webhook: &'a str) -> Result<Self, TestError> {
        let mut under_way = tests.lock();
        if under_way.contains(webhook) {
            return Err(TestError::Busy("this webhook is being tested at the moment"));
        }
        if under_way.len() >= TESTS {
            return Err(TestError::Busy("too many webhooks are being tested at the moment"));
        }
        under_way.insert(webhook.to_owned());
        Ok(Self { tests, webhook })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.tests.lock().remove(self.webhook);
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        for task in self.tasks.lock().drain(..) {
            task.abort();
        }
    }
}

async fn file(shared: &Shared, event: &Event) -> Result<Filed, QueueError> {
    let filed = shared.queue.file(&event.message(), shared.now()).await?;
    if filed.dropped > 0 {
        let dropped = u64::try_from(filed.dropped).unwrap_or(u64::MAX);
        shared.counts.dropped.fetch_add(dropped, Ordering::Relaxed);
    }
    if filed.queued > 0 {
        shared.wake.notify_one();
    }
    Ok(filed)
}

/// Queues what [`Webhooks::publish`] took. While the queue cannot be written, events wait in the
/// channel as far as there is room.
async fn file_all(
    shared: Arc<Shared>,
    mut events: mpsc::Receiver<Event>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some(event) = event else { break };
        let mut failures = 0;
        while let Err(error) = file(&shared, &event).await {
            shared.queue_failed(&error, failures);
            failures += 1;
            tokio::time::sleep(queue_wait(failures)).await;
        }
    }
}

fn test_message(webhook: &str, at: SystemTime) -> Message {
    let ns = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let id = format!("test_{webhook}_{ns:x}");
    Event { id, at, kind: EventKind::Test { webhook: webhook.to_owned() } }.message()
}
