//! A reader of events: first those that it missed, then each as it comes.

use super::Event;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Follows all events. One that is too slow loses the oldest, and is told how many.
#[derive(Debug)]
pub struct Follow {
    missed: VecDeque<Arc<Event>>,
    /// The last one that was handed out.
    last: i64,
    live: Receiver<Arc<Event>>,
}

/// What a follower gets.
#[derive(Clone, Debug)]
pub enum Followed {
    /// The next event.
    Event(Arc<Event>),
    /// So many were lost: ask the list for them.
    Missed(u64),
}

impl Follow {
    pub(super) fn new(missed: Vec<Event>, last: i64, live: Receiver<Arc<Event>>) -> Self {
        Self { missed: missed.into_iter().map(Arc::new).collect(), last, live }
    }

    /// The next event; `None` when the server ends. Cancel-safe.
    pub async fn next(&mut self) -> Option<Followed> {
        if let Some(event) = self.missed.pop_front() {
            self.last = event.id;
            return Some(Followed::Event(event));
        }
        loop {
            match self.live.recv().await {
                // it was among those that were missed
                Ok(event) if event.id <= self.last => {}
                Ok(event) => {
                    self.last = event.id;
                    return Some(Followed::Event(event));
                }
                Err(RecvError::Lagged(count)) => return Some(Followed::Missed(count)),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
