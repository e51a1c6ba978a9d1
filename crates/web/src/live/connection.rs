//! What one page is sent, and the body that carries it.

use super::feed::Seat;
use super::message;
use crate::api::Who;
use crate::readiness::Readiness;
use crate::shape::EventShape;
use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::Frame;
use manycast_auth::{Accounts, Permission};
use manycast_control::{Follow, Followed};
use serde_json::json;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often it is asked whether the session or token still holds (I16: closed within 5 s).
const RECHECK: Duration = Duration::from_secs(4);
/// How often a line goes out in any case, so that both ends notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a page waits before it comes again, in milliseconds.
const OPENING: &[u8] = b"retry: 2000\n\n";

/// One page that listens.
pub(crate) struct Connection {
    accounts: Accounts,
    readiness: Readiness,
    who: Who,
    seat: Seat,
    follow: Follow,
    recheck: Interval,
    heartbeat: Interval,
    opened: bool,
    over: bool,
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.reset();
    interval
}

impl Connection {
    pub(crate) fn new(
        accounts: Accounts,
        readiness: Readiness,
        who: Who,
        mut seat: Seat,
        follow: Follow,
    ) -> Self {
        // what is there already is sent first
        seat.overview.mark_changed();
        if let Some(close) = &mut seat.close {
            close.mark_changed();
        }
        Self {
            accounts,
            readiness,
            who,
            seat,
            follow,
            recheck: every(RECHECK),
            heartbeat: every(HEARTBEAT),
            opened: false,
            over: false,
        }
    }

    /// What goes out next; `None`: it is over.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if !std::mem::replace(&mut self.opened, true) {
            return Some(Bytes::from_static(OPENING));
        }
        let people = self.who.may(Permission::ReadPeople);
        loop {
            tokio::select! {
                () = self.readiness.ending() => {
                    self.over = true;
                    return Some(message("restart", None, &json!({})));
                }
                _ = self.recheck.tick() => {
                    // when the database does not answer, what was true a moment ago holds
                    if let Ok(false) = self.who.holds(&self.accounts, Permission::ReadState).await {
                        self.over = true;
                        return Some(message("signed_out", None, &json!({})));
                    }
                }
                followed = self.follow.next() => match followed {
                    Some(Followed::Event(event)) => {
                        if let Some(shape) = EventShape::of(&event, people) {
                            let id = event.id.to_string();
                            return Some(message("activity", Some(&id), &shape));
                        }
                    }
                    Some(Followed::Missed(count)) => {
                        return Some(message("missed", None, &json!({ "missed": count })));
                    }
                    None => {
                        self.over = true;
                        return Some(message("restart", None, &json!({})));
                    }
                },
                bytes = latest(Some(&mut self.seat.overview)) => {
                    if !bytes.is_empty() {
                        return Some(bytes);
                    }
                }
                bytes = latest(self.seat.close.as_mut()) => {
                    if !bytes.is_empty() {
                        return Some(bytes);
                    }
                }
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }
}

/// Resolves with the latest snapshot once it changed. Cancel-safe.
async fn latest(from: Option<&mut watch::Receiver<Bytes>>) -> Bytes {
    if let Some(from) = from
        && from.changed().await.is_ok()
    {
        return from.borrow_and_update().clone();
    }
    std::future::pending().await
}

type Step = Pin<Box<dyn Future<Output = (Box<Connection>, Option<Bytes>)> + Send>>;

/// The body of a page's answer: it makes the next message only when there is room for it.
pub(crate) struct Frames {
    step: Option<Step>,
}

impl Frames {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { step: Some(step(Box::new(connection))) }
    }
}

fn step(mut connection: Box<Connection>) -> Step {
    Box::pin(async move {
        let bytes = connection.next().await;
        (connection, bytes)
    })
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(running) = &mut self.step else { return Poll::Ready(None) };
        let (connection, bytes) = std::task::ready!(running.as_mut().poll(context));
        self.step = bytes.is_some().then(|| step(connection));
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
