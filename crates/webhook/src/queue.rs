//! What waits to be sent, as the worker sees it. The queue itself is on disk and belongs to others.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::endpoint::{Endpoint, EndpointError};
use crate::event::Message;
use crate::secret::Secrets;

/// Work on the queue, under way.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, QueueError>> + Send + 'a>>;

/// The queue could not be read or written; what was asked for did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue of webhooks: {0}")]
pub struct QueueError(pub String);

/// Deliveries that outlive the process, in order for each webhook and Stream.
///
/// Ids are text as the owner of the queue writes it. All changes are on disk when their future is
/// done.
pub trait Queue: Send + Sync + 'static {
    /// Writes one pending delivery for each enabled webhook that wants this type and Stream, all or
    /// none. At most 10,000 wait: beyond it the oldest give way, and the log says so.
    fn file<'a>(&'a self, message: &'a Message, now: SystemTime) -> Work<'a, Filed>;

    /// What can be sent now: of each webhook that is enabled and each Stream the oldest pending
    /// delivery, if its time has come. Those under way count as pending still.
    fn due<'a>(&'a self, ask: Ask<'a>) -> Work<'a, Due>;

    /// Writes down how an attempt ended. Answers how many others are over with it, untried: after
    /// [`Verdict::Gone`] all that wait for the webhook.
    fn settle<'a>(
        &'a self,
        delivery: &'a str,
        attempt: &'a Attempt,
        verdict: Verdict,
    ) -> Work<'a, u64>;

    /// Queues a delivery of the log once more, as a new one with the same event and body, behind
    /// what waits for the same Stream. `false`: it is not in the log.
    fn redeliver<'a>(&'a self, delivery: &'a str, now: SystemTime) -> Work<'a, bool>;

    /// Writes an attempt that was made beside the queue into the log of a webhook.
    fn log<'a>(
        &'a self,
        webhook: &'a str,
        message: &'a Message,
        attempt: &'a Attempt,
    ) -> Work<'a, ()>;
}

/// What came of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filed {
    /// Deliveries that wait now.
    pub queued: usize,
    /// Older ones that gave way.
    pub dropped: usize,
}

/// A question for due deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The time.
    pub now: SystemTime,
    /// Deliveries under way: neither these nor what waits behind them.
    pub under_way: &'a [UnderWay],
    /// How many at most.
    pub most: usize,
    /// How many of one webhook at most, those under way included.
    pub per_webhook: usize,
}

/// A delivery that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// Its id.
    pub delivery: String,
    /// Whose.
    pub webhook: String,
}

/// Deliveries that can be sent.
#[derive(Debug, Default)]
pub struct Due {
    /// The oldest first.
    pub deliveries: Vec<Delivery>,
    /// When the next of those that have to wait can be sent; `None`: there are none.
    pub next_at: Option<SystemTime>,
}

/// One message for one receiver.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id in the log.
    pub id: String,
    /// The webhook.
    pub webhook: String,
    /// The event's id, the same at each attempt.
    pub event_id: String,
    /// The body, the same at each attempt.
    pub body: Arc<str>,
    /// Attempts that were made.
    pub attempts: u32,
    /// Where it goes, or why it cannot be sent as things are.
    pub receiver: Result<Receiver, String>,
}

/// Where messages go, and what they are signed with.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The address; a stored one that no longer passes the checks is not dialled.
    pub endpoint: Result<Endpoint, EndpointError>,
    /// The secrets.
    pub secrets: Secrets,
}

/// One attempt, as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which one it was, counted from 1.
    pub number: u32,
    /// When it began.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What the receiver answered, if it did.
    pub status: Option<u16>,
    /// What went wrong, in words; `None`: it was taken.
    pub error: Option<String>,
    /// The beginning of the answer's body, 1 kB at most.
    pub answer: String,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver took it.
    Delivered,
    /// It is sent again.
    Retry {
        /// Not before.
        next_at: SystemTime,
    },
    /// That was the last attempt.
    GaveUp,
    /// The receiver wants nothing any more (410): this one failed, and the webhook is disabled, and
    /// what waits for it is given up.
    Gone,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delivered => "delivered",
            Self::Retry { .. } => "sent again later",
            Self::GaveUp => "given up",
            Self::Gone => "the receiver is gone",
        })
    }
}
