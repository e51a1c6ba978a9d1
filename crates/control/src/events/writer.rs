//! The desk where happenings are handed in, and the task that writes them down.

use super::{Event, Follow, Happening, Herald, NewEvent};
use manycast_media::StreamName;
use manycast_store::{EventRow, Store, UnixMs};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tracing::warn;

/// Happenings that may wait for the disk.
const WAITING: usize = 1024;
/// Written in one transaction.
const BATCH: usize = 64;
/// Events that a follower may be behind.
const FOLLOWERS: usize = 1024;
/// Events that a follower is told of those that it missed.
const REPLAYED: u32 = 1000;
/// After the disk refused.
const AGAIN: Duration = Duration::from_secs(1);

/// What is to be written.
#[derive(Debug)]
pub(crate) enum Job {
    Happened(UnixMs, Happening),
    Told(UnixMs, NewEvent),
    /// What has to be remembered of a Stream's air, changed by the server itself.
    Air(StreamName, Option<bool>),
    /// Nothing more comes.
    End,
}

/// Where events are handed in and followed. Never makes anybody wait.
pub(crate) struct Desk {
    store: Store,
    jobs: mpsc::Sender<Job>,
    live: broadcast::Sender<Arc<Event>>,
    heralds: OnceLock<Arc<dyn Herald>>,
    lost: AtomicU64,
}

impl Desk {
    pub(crate) fn new(store: Store) -> (Arc<Self>, mpsc::Receiver<Job>) {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let live = broadcast::channel(FOLLOWERS).0;
        let heralds = OnceLock::new();
        (Arc::new(Self { store, jobs, live, heralds, lost: AtomicU64::new(0) }), waiting)
    }

    pub(crate) fn set_herald(&self, herald: Arc<dyn Herald>) {
        let _ = self.heralds.set(herald);
    }

    pub(crate) fn hand_in(&self, job: Job) {
        if self.jobs.try_send(job).is_err() && self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!("events are lost: the database does not take them as fast as they come");
        }
    }

    pub(crate) fn happened(&self, happenings: Vec<Happening>) {
        for happening in happenings {
            self.hand_in(Job::Happened(UnixMs::now(), happening));
        }
    }

    /// Events that could not be kept, since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) async fn follow(&self, after: Option<i64>) -> Follow {
        let live = self.live.subscribe(); // first, so that nothing falls between the two
        let missed = match after {
            Some(after) => self.store.events_after(after, REPLAYED).await,
            None => Ok(Vec::new()),
        };
        let missed = missed.unwrap_or_else(|error| {
            warn!(%error, "a follower of events is not told what it missed");
            Vec::new()
        });
        Follow::new(missed.into_iter().map(Event::from).collect(), after.unwrap_or(0), live)
    }

    /// Nothing more comes: the writer ends after what waits.
    pub(crate) async fn close(&self, bound: Duration) {
        let _ = self.jobs.send_timeout(Job::End, bound).await; // else it is cut
    }

    /// Writes until [`Desk::close`].
    pub(crate) async fn write(self: Arc<Self>, mut waiting: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut open = true;
        while open && waiting.recv_many(&mut batch, BATCH).await > 0 {
            let mut events = Vec::new();
            for job in batch.drain(..) {
                match job {
                    Job::Happened(at, happening) => {
                        events.push((happening.event().row(at), Some(happening)));
                    }
                    Job::Told(at, event) => events.push((event.row(at), None)),
                    Job::Air(stream, wanted) => self.remember(&stream, wanted).await,
                    Job::End => open = false,
                }
            }
            if !events.is_empty() {
                self.keep(events).await;
            }
        }
    }

    /// Tried twice. What is not kept is not told either: an event without an id cannot be resumed at.
    async fn keep(&self, events: Vec<(manycast_store::NewEvent, Option<Happening>)>) {
        let rows: Vec<_> = events.iter().map(|(row, _)| row.clone()).collect();
        let mut kept = self.store.insert_events(&rows).await;
        if kept.is_err() {
            tokio::time::sleep(AGAIN).await;
            kept = self.store.insert_events(&rows).await;
        }
        let ids = match kept {
            Ok(ids) => ids,
            Err(error) => {
                let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
                self.lost.fetch_add(count, Ordering::Relaxed);
                warn!(%error, count, "events are lost");
                return;
            }
        };
        for (id, (event, happening)) in ids.into_iter().zip(events) {
            let at = event.at.system();
            let event = Event::from(EventRow { id, event });
            let _ = self.live.send(Arc::new(event)); // nobody may be listening
            if let (Some(herald), Some(happening)) = (self.heralds.get(), &happening) {
                herald.tell(id, at, happening).await;
            }
        }
    }

    async fn remember(&self, stream: &StreamName, wanted: Option<bool>) {
        let word = wanted.map(|on| if on { crate::def::ON } else { crate::def::OFF });
        let noted = self.store.note_runtime(stream.as_str(), "", crate::def::AIR, word).await;
        if let Err(error) = noted {
            warn!(%stream, %error, "whether the stream is on air is not remembered");
        }
    }
}
