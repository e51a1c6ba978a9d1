//! Snapshots: made once a second for all open pages together, and not at all while none is open.

use super::message;
use crate::shape::{CardShape, Look, StreamShape};
use crate::source::Source;
use crate::time::Clock;
use bytes::Bytes;
use manycast_control::Control;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// How often pages are told.
const PERIOD: Duration = Duration::from_secs(1);
/// How often all is looked at while nothing is known to change.
const QUIET: Duration = Duration::from_secs(5);
/// Pages at a time, of all people together.
const MOST: usize = 128;
/// Pages at a time of one person or token.
const MOST_EACH: usize = 16;

/// Too many pages are open.
#[derive(Debug)]
pub(crate) struct Crowded;

/// The snapshots that pages share.
pub(crate) struct Feed {
    control: Arc<Control>,
    source: Arc<dyn Source>,
    seats: Mutex<Seats>,
    /// All Streams at a glance, as a finished message; empty: none was made yet.
    overview: watch::Sender<Bytes>,
    /// The revision that the overview shows, and when it was made.
    shown: Mutex<Option<(u64, Instant)>>,
}

#[derive(Default)]
struct Seats {
    /// Pages by person or token.
    by: HashMap<String, usize>,
    total: usize,
    /// The task that makes snapshots runs.
    ticking: bool,
    /// The Streams that are watched closely.
    close: HashMap<Close, Watched>,
}

/// A Stream as somebody looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Close {
    stream: String,
    look: Look,
}

struct Watched {
    pages: usize,
    latest: watch::Sender<Bytes>,
}

#[derive(Serialize)]
struct Overview {
    streams: Vec<CardShape>,
}

impl Feed {
    pub(crate) fn new(control: Arc<Control>, source: Arc<dyn Source>) -> Arc<Self> {
        let (seats, overview) = (Mutex::default(), watch::Sender::new(Bytes::new()));
        Arc::new(Self { control, source, seats, overview, shown: Mutex::default() })
    }

    /// A place for one page of this person or token, which may watch one Stream closely.
    pub(crate) fn join(
        self: &Arc<Self>,
        by: &str,
        close: Option<(String, Look)>,
    ) -> Result<Seat, Crowded> {
        let close = close.map(|(stream, look)| Close { stream, look });
        let (first, receiver) = {
            let mut seats = self.seats.lock();
            let own = seats.by.get(by).copied().unwrap_or(0);
            if seats.total >= MOST || own >= MOST_EACH {
                return Err(Crowded);
            }
            seats.total += 1;
            *seats.by.entry(by.to_owned()).or_default() += 1;
            let receiver = close.as_ref().map(|close| {
                let watched = seats.close.entry(close.clone()).or_insert_with(|| Watched {
                    pages: 0,
                    latest: watch::Sender::new(Bytes::new()),
                });
                watched.pages += 1;
                watched.latest.subscribe()
            });
            (!std::mem::replace(&mut seats.ticking, true), receiver)
        };
        let seat = Seat {
            overview: self.overview.subscribe(),
            close: receiver,
            _place: Place { feed: self.clone(), by: by.to_owned(), close },
        };
        if first {
            tokio::spawn(tick(Arc::downgrade(self)));
        } else {
            self.look_close();
        }
        Ok(seat)
    }

    /// Makes the snapshots anew. Nothing is sent where nothing changed, and nothing is made where
    /// nothing can have: of many Streams, an overview is the most that an open page costs.
    fn refresh(&self) {
        {
            let (revision, now) = (*self.control.revision().borrow(), Instant::now());
            let mut shown = self.shown.lock();
            let fresh = |(of, made): (u64, Instant)| of == revision && now - made < QUIET;
            if shown.is_some_and(fresh) && !self.control.is_busy() {
                return;
            }
            *shown = Some((revision, now));
        }
        let clock = Clock::read();
        let streams = self.control.streams();
        let cards = streams.iter().map(|view| CardShape::of(view, &clock)).collect();
        put(&self.overview, message("streams", None, &Overview { streams: cards }));
        self.look_close();
    }

    fn look_close(&self) {
        let (clock, listeners) = (Clock::read(), self.source.listeners());
        let watched: Vec<_> = {
            let seats = self.seats.lock();
            let pairs = seats.close.iter();
            pairs.map(|(close, watched)| (close.clone(), watched.latest.clone())).collect()
        };
        for (close, latest) in watched {
            let bytes = match self.control.stream(&close.stream) {
                Ok(view) => {
                    let shape = StreamShape::of(&view, &close.look, &listeners, &clock);
                    message("stream", None, &shape)
                }
                // it was removed; the overview tells
                Err(_) => continue,
            };
            put(&latest, bytes);
        }
    }

    /// Whether a page is open. The task that asks ends when there is none.
    fn wanted(&self) -> bool {
        let mut seats = self.seats.lock();
        seats.ticking = seats.total > 0;
        if !seats.ticking {
            self.overview.send_replace(Bytes::new());
            *self.shown.lock() = None;
        }
        seats.ticking
    }
}

fn put(to: &watch::Sender<Bytes>, bytes: Bytes) {
    to.send_if_modified(|latest| {
        let changed = *latest != bytes;
        if changed {
            *latest = bytes;
        }
        changed
    });
}

/// Runs while a page is open.
async fn tick(feed: Weak<Feed>) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(feed) = feed.upgrade() else { return };
        if !feed.wanted() {
            return;
        }
        feed.refresh();
    }
}

/// The place of one page; dropping it gives it back.
pub(crate) struct Seat {
    pub(super) overview: watch::Receiver<Bytes>,
    pub(super) close: Option<watch::Receiver<Bytes>>,
    _place: Place,
}

struct Place {
    feed: Arc<Feed>,
    by: String,
    close: Option<Close>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut seats = self.feed.seats.lock();
        seats.total = seats.total.saturating_sub(1);
        if let Some(own) = seats.by.get_mut(&self.by) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                seats.by.remove(&self.by);
            }
        }
        let Some(close) = &self.close else { return };
        if let Some(watched) = seats.close.get_mut(close) {
            watched.pages = watched.pages.saturating_sub(1);
            if watched.pages == 0 {
                seats.close.remove(close);
            }
        }
    }
}
