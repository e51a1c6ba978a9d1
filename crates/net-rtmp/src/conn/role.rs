//! What one message stream of a connection is doing.

use super::admission::Outcome;
use super::wish::Wish;
use crate::egress::{Egress, Outgoing};
use crate::ingest::Ingest;
use crate::lane::STREAM;
use crate::seldom::{Bell, Seldom};
use crate::server::Shared;
use crate::stats::count;
use bytes::Bytes;
use manycast_fanout::{Detached, Membership, ViewerEnd};
use manycast_hub::{Bounds, Content, Item, Lease, RunEnd, Start, Stream, Subscriber, Viewing};
use manycast_rtmp::message::MessageStreamId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

/// Most items that a viewer with headers of its own is given at once.
const BATCH: usize = 64;

/// What a message stream is told from outside.
pub(crate) enum Signal {
    /// The right to be here was taken back, or another publisher took over.
    Revoked(Arc<str>),
    /// The fan-out let go of the viewer.
    Ended(ViewerEnd),
    /// The Tracks whose bytes are shared have ended, and others go on.
    FirstsEnded,
    /// There may be something to read.
    Ready,
}

type SignalFuture = Seldom<dyn Future<Output = Signal> + Send>;

/// What a message stream does.
pub(crate) enum Role {
    /// Publishes.
    Ingest(Box<Ingest>),
    /// Plays from shared bytes, together with everybody else.
    Shared { member: Membership, stream: Arc<Stream>, paused: bool },
    /// Plays with headers of its own.
    Direct { subscriber: Box<Subscriber>, egress: Box<Egress>, paused: bool, ready: SignalFuture },
}

/// One message stream in use.
pub(crate) struct Slot {
    pub(crate) id: MessageStreamId,
    pub(crate) role: Role,
    lease: Lease,
    signal: SignalFuture,
    /// The Tracks that a viewer gets.
    wish: Wish,
    pub(crate) began: Instant,
    /// Bytes sent before this slot was served in its present way.
    sent_before: u64,
    /// Where the count of the connection's own bytes stood when it began to serve this slot.
    written_before: u64,
    /// Has a viewer counted.
    _viewing: Option<Viewing>,
}

fn revoked(bell: &Bell, mut lease: Lease) -> SignalFuture {
    Seldom::new(bell, Box::pin(async move { Signal::Revoked(lease.revoked().await) }))
}

/// Waits for what there may be to wait for.
async fn maybe(future: Option<impl Future<Output = ()> + Unpin>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

fn ready(bell: &Bell, subscriber: &Subscriber) -> SignalFuture {
    let readiness = subscriber.readiness();
    let ready = async move {
        readiness.await;
        Signal::Ready
    };
    Seldom::new(bell, Box::pin(ready))
}

impl Slot {
    pub(crate) fn ingest(
        bell: &Bell,
        id: MessageStreamId,
        ingest: Ingest,
        mut lease: Lease,
        now: Instant,
    ) -> Self {
        let mut run = ingest.publisher().lease();
        let granted = lease.clone();
        let revoked = async move {
            tokio::select! {
                why = run.revoked() => Signal::Revoked(why),
                why = lease.revoked() => Signal::Revoked(why),
            }
        };
        let signal: SignalFuture = Seldom::new(bell, Box::pin(revoked));
        let role = Role::Ingest(Box::new(ingest));
        let wish = Wish::default();
        Self {
            id,
            role,
            lease: granted,
            signal,
            wish,
            began: now,
            sent_before: 0,
            written_before: 0,
            _viewing: None,
        }
    }

    /// A viewer that the fan-out serves.
    pub(crate) fn shared(
        bell: &Bell,
        member: Membership,
        stream: Arc<Stream>,
        lease: Lease,
        wish: Wish,
    ) -> Self {
        let ended = member.ended();
        let mut granted = lease.clone();
        let firsts = wish.is_of_firsts().then(|| Box::pin(stream.firsts_ended()));
        let told = async move {
            tokio::select! {
                end = ended => Signal::Ended(end),
                () = maybe(firsts) => Signal::FirstsEnded,
                why = granted.revoked() => Signal::Revoked(why),
            }
        };
        let signal: SignalFuture = Seldom::new(bell, Box::pin(told));
        let viewing = Some(stream.viewing());
        let role = Role::Shared { member, stream, paused: false };
        Self {
            id: STREAM,
            role,
            lease,
            signal,
            wish,
            began: super::now(),
            sent_before: 0,
            written_before: 0,
            _viewing: viewing,
        }
    }

    /// A viewer with headers of its own, on a connection that took so many bytes before.
    pub(crate) fn direct(
        bell: &Bell,
        id: MessageStreamId,
        stream: &Arc<Stream>,
        lease: Lease,
        wish: Wish,
        written_before: u64,
    ) -> Self {
        let now = super::now();
        let subscriber = stream.subscribe(Start::CurrentGop, Bounds::default(), now);
        let role = Role::direct(bell, subscriber, wish.egress(), false);
        let signal = revoked(bell, lease.clone());
        let viewing = Some(stream.viewing());
        Self {
            id,
            role,
            signal,
            lease,
            wish,
            began: now,
            sent_before: 0,
            written_before,
            _viewing: viewing,
        }
    }

    /// Takes a viewer out of the fan-out, at the place where it stands; the bytes that must go
    /// out first. `written`: what the connection took by itself so far. `None` when the fan-out has
    /// let go of it meanwhile.
    pub(crate) async fn into_direct(self, bell: &Bell, written: u64) -> (Option<Self>, Vec<Bytes>) {
        let Role::Shared { member, stream, paused } = self.role else {
            return (Some(self), Vec::new());
        };
        let detached = member.detach().await;
        let sent_before = self.sent_before + member.stats().sent;
        let Some(Detached { rest, cursor }) = detached else {
            return (None, member.rest());
        };
        let mut egress = self.wish.egress();
        if cursor.position().is_some() {
            egress.go_on(&stream.tracks());
        }
        let role = Role::direct(bell, stream.subscribe_at(cursor), egress, paused);
        let signal = revoked(bell, self.lease.clone());
        (Some(Self { role, signal, sent_before, written_before: written, ..self }), rest)
    }

    /// Pauses, or goes on at the current Gop.
    pub(crate) fn set_paused(&mut self, bell: &Bell, on: bool) {
        match &mut self.role {
            Role::Shared { member, paused, .. } => {
                *paused = on;
                member.set_paused(on);
            }
            Role::Direct { subscriber, paused, ready: next, .. } => {
                if *paused && !on {
                    subscriber.rejoin(super::now());
                    *next = ready(bell, subscriber);
                }
                *paused = on;
            }
            Role::Ingest(_) => {}
        }
    }

    /// Jumps to the current Gop.
    pub(crate) fn seek_to_live(&mut self, bell: &Bell) {
        match &mut self.role {
            Role::Shared { member, .. } => member.rejoin(),
            Role::Direct { subscriber, ready: next, .. } => {
                subscriber.rejoin(super::now());
                *next = ready(bell, subscriber);
            }
            Role::Ingest(_) => {}
        }
    }

    /// What this viewer was sent, where the connection took so many bytes by itself so far. (Of two
    /// viewers with headers of their own on one connection, which no player opens, each has the
    /// bytes of both.)
    pub(crate) fn sent(&self, written: u64) -> u64 {
        self.sent_before
            + match &self.role {
                Role::Shared { member, .. } => member.stats().sent,
                _ => written.saturating_sub(self.written_before),
            }
    }

    /// Adds what this viewer lost to the server's counters.
    pub(crate) fn settle(&self, shared: &Shared) {
        let Role::Shared { member, .. } = &self.role else { return };
        let stats = member.stats();
        shared.stats.skipped_frames.fetch_add(stats.skipped_frames, Ordering::Relaxed);
        shared.stats.skipped_gops.fetch_add(stats.skipped_gops, Ordering::Relaxed);
    }
}

impl Role {
    fn direct(bell: &Bell, subscriber: Subscriber, egress: Egress, paused: bool) -> Self {
        let next = ready(bell, &subscriber);
        let egress = Box::new(egress);
        Self::Direct { subscriber: Box::new(subscriber), egress, paused, ready: next }
    }
}

/// What a viewer with headers of its own has to be sent.
#[derive(Default)]
pub(crate) struct DirectBatch {
    pub(crate) messages: Vec<Outgoing>,
    /// The publisher said goodbye.
    pub(crate) ended: bool,
    /// The Stream was removed.
    pub(crate) closed: bool,
}

impl Slot {
    /// Reads on for a viewer with headers of its own.
    pub(crate) fn read_direct(
        &mut self,
        bell: &Bell,
        shared: &Shared,
        now: Instant,
    ) -> DirectBatch {
        let mut batch = DirectBatch::default();
        let Role::Direct { subscriber, egress, paused, ready: next } = &mut self.role else {
            return batch;
        };
        let mut items = Vec::new();
        subscriber.read(now, BATCH, &mut items);
        *next = ready(bell, subscriber);
        for item in items.iter().filter(|_| !*paused) {
            egress.item(item, &mut batch.messages);
            match item {
                Item::Skipped { frames, gops } => {
                    shared.stats.skipped_frames.fetch_add(*frames, Ordering::Relaxed);
                    shared.stats.skipped_gops.fetch_add(*gops, Ordering::Relaxed);
                }
                Item::Entry(entry) => {
                    batch.ended |= matches!(entry.content, Content::RunEnded(RunEnd::Orderly));
                }
                Item::Joined { .. } => {}
            }
        }
        batch.closed = subscriber.is_ended();
        batch
    }
}

/// Whether any of them waits for something to read: that is asked for as soon as it can be given more.
pub(crate) fn is_direct(slots: &[Slot]) -> bool {
    slots.iter().any(|slot| matches!(slot.role, Role::Direct { .. }))
}

/// The first signal to any of the message streams, with its slot. `flowing`: whether viewers with
/// headers of their own can be given more.
pub(crate) fn poll(slots: &mut [Slot], flowing: bool) -> Poll<(usize, Signal)> {
    for (at, slot) in slots.iter_mut().enumerate() {
        if let Poll::Ready(signal) = slot.signal.poll() {
            return Poll::Ready((at, signal));
        }
        if let Role::Direct { ready, .. } = &mut slot.role
            && flowing
            && let Poll::Ready(signal) = ready.poll()
        {
            return Poll::Ready((at, signal));
        }
    }
    Poll::Pending
}

/// Counts a refusal.
pub(crate) fn count_refusal(shared: &Shared, outcome: &Outcome) {
    use super::admission::Why;
    if let Outcome::Refused(refusal) = outcome {
        count(match refusal.why {
            Why::Key => &shared.stats.refused_key,
            Why::Busy => &shared.stats.refused_busy,
            Why::Play => &shared.stats.refused_play,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_hub::{Hub, LeaseHolder, WindowLimits};

    /// What was sent before it was served in this way counts, what the connection sent before not.
    #[tokio::test]
    async fn a_viewer_with_headers_of_its_own_is_told_its_bytes() {
        let name = manycast_media::StreamName::new("main").unwrap();
        let stream = Hub::new().open(&name, WindowLimits::default());
        let holder = LeaseHolder::new();
        let bell = Bell::default();
        let slot = Slot::direct(&bell, STREAM, &stream, holder.lease(), Wish::default(), 3_000);
        assert_eq!((slot.sent(3_000), slot.sent(5_500)), (0, 2_500));
        assert_eq!(Slot { sent_before: 700, ..slot }.sent(5_500), 3_200);
    }
}
