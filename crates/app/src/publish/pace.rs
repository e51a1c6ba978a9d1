//! Sending in real time: each message when its time has come, by one clock from the first to the
//! last, so that neither slow writes nor late timers add up.

use super::clip::Clip;
use super::script::Outgoing;
use crate::tool::Failure;
use crate::tool::format::millis;
use manycast_hub::LinkEnd;
use manycast_net_rtmp::Sender;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncSeek};
use tokio::time::Instant;

/// Where the messages go.
pub(crate) trait Feed: Send {
    /// Sends a message.
    fn send(&mut self, message: Outgoing) -> impl Future<Output = Result<(), LinkEnd>> + Send;

    /// Lets time pass.
    fn idle(&mut self, time: Duration) -> impl Future<Output = Result<(), LinkEnd>> + Send;
}

impl Feed for Sender {
    async fn send(&mut self, message: Outgoing) -> Result<(), LinkEnd> {
        Self::send(self, message.kind, message.wire_time(), message.body).await
    }

    async fn idle(&mut self, time: Duration) -> Result<(), LinkEnd> {
        Self::idle(self, time).await
    }
}

/// What was sent so far.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) frames: AtomicU64,
    pub(crate) bytes: AtomicU64,
    /// Milliseconds of the file's time.
    pub(crate) time: AtomicU64,
    /// Milliseconds that the last message was late.
    pub(crate) lag: AtomicU64,
}

impl Meter {
    fn note(&self, message: &Outgoing, late: Duration) {
        self.frames.fetch_add(u64::from(message.frame), Ordering::Relaxed);
        self.bytes.fetch_add(message.body.len() as u64, Ordering::Relaxed);
        self.time.fetch_max(u64::try_from(message.at).unwrap_or(0), Ordering::Relaxed);
        self.lag.store(millis(late), Ordering::Relaxed);
    }
}

/// Sends a clip to its end, each message at its time. Cancel-safe: whatever was handed to the feed
/// is whole.
pub(crate) async fn pace<R, F>(
    clip: &mut Clip<R>,
    feed: &mut F,
    meter: &Meter,
) -> Result<(), Failure>
where
    R: AsyncRead + AsyncSeek + Unpin + Send,
    F: Feed,
{
    let start = Instant::now();
    loop {
        let next =
            clip.next().await.map_err(|error| Failure::failed(format!("the file {error}")))?;
        let Some(message) = next else { return Ok(()) };
        let due = start + Duration::from_millis(u64::try_from(message.at).unwrap_or(0));
        // Also when there is nothing to wait for: this is where the server is listened to.
        feed.idle(due.saturating_duration_since(Instant::now())).await?;
        meter.note(&message, Instant::now().saturating_duration_since(due));
        feed.send(message).await?;
    }
}
