//! The task of one Destination: carries out what its [`Machine`] orders, and tells it what happens.
//!
//! Belongs here: the attempt's task, the Stream's life, timers, and what is logged. Must not come
//! here: any decision about when to dial or give up.

mod session;
mod source;

use crate::board::{Board, DestinationEvent, Totals};
use crate::machine::{Input, Machine, Output, State};
use crate::{DestinationSpec, redact};
use manycast_hub::{Fault, Hub, Link, LinkEnd, Stage};
use session::{Ended, Session};
use source::Source;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, watch};
use tokio::time::sleep_until;
use tracing::{debug, error, info};

/// The same failure is logged at most once in this time.
const SAME_FAILURE: Duration = Duration::from_secs(60);

/// Finds what carries a Stream to addresses of a scheme.
pub(crate) type Links = dyn Fn(&str) -> Option<Arc<dyn Link>> + Send + Sync;

/// What all Destinations have in common.
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) links: Box<Links>,
    pub(crate) events: broadcast::Sender<DestinationEvent>,
    pub(crate) panics: AtomicU64,
    /// The attempts of all Destinations are looked at at whole steps of time after this.
    pub(crate) epoch: tokio::time::Instant,
}

/// What the service wants of a Destination.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) spec: Arc<DestinationSpec>,
    pub(crate) wish: Wish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// Be there.
    Run,
    /// Say goodbye and end.
    Leave,
    /// End at once.
    Drop,
}

enum Event {
    Order,
    Abandoned,
    Source,
    Progress,
    Ended(Ended),
    Deadline,
}

pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    board: Arc<Board>,
    spec: Arc<DestinationSpec>,
    wish: Wish,
    machine: Machine,
    source: Source,
    session: Option<Session>,
    /// The last failure that was logged, and when.
    logged: Option<(String, Instant)>,
    /// Last, so that the service sees it closed only when everything else is gone.
    orders: watch::Receiver<Order>,
}

/// Now, on the runtime's clock.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Supervisor {
    pub(crate) fn new(
        shared: Arc<Shared>,
        board: Arc<Board>,
        machine: Machine,
        mut orders: watch::Receiver<Order>,
    ) -> Self {
        let Order { spec, wish } = orders.borrow_and_update().clone();
        let source = Source::new(shared.hub.clone(), spec.stream.clone());
        Self { shared, board, spec, wish, machine, source, session: None, logged: None, orders }
    }

    /// Runs until it is told to leave.
    pub(crate) async fn run(mut self) {
        self.look();
        if self.wish == Wish::Run && self.spec.enabled {
            self.handle(Input::Enabled);
        }
        while self.wish < Wish::Drop && !self.is_gone() {
            match self.next().await {
                Event::Order => self.obey(),
                Event::Abandoned => self.wish = Wish::Drop,
                Event::Source => self.look(),
                Event::Progress => self.observe(),
                Event::Ended(end) => self.ended(end),
                Event::Deadline => self.handle(Input::Tick),
            }
        }
        if let Some(session) = &mut self.session {
            session.kill().await;
            self.log_end("the time for goodbyes is over");
            self.board.end(now());
        }
    }

    fn is_gone(&self) -> bool {
        self.wish == Wish::Leave && self.machine.state() == State::Stopped
    }

    async fn next(&mut self) -> Event {
        let deadline = self.machine.deadline();
        let due = async {
            match deadline {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let attempt = async {
            match &mut self.session {
                Some(session) => session.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.orders.changed() => match changed {
                Ok(()) => Event::Order,
                Err(_) => Event::Abandoned,
            },
            () = self.source.changed() => Event::Source,
            ended = attempt => ended.map_or(Event::Progress, Event::Ended),
            () = due => Event::Deadline,
        }
    }

    /// Takes what the service wants, and finds out what that changes.
    fn obey(&mut self) {
        let Order { spec, wish } = self.orders.borrow_and_update().clone();
        self.wish = wish;
        let old = std::mem::replace(&mut self.spec, spec.clone());
        self.board.set_spec(spec.clone());
        self.machine.set_timings(spec.timings);
        if wish > Wish::Run {
            self.handle(Input::Disabled);
            return;
        }
        if spec.needs_redial(&old) {
            self.handle(Input::Edited);
        }
        if spec.enabled != old.enabled {
            self.handle(if spec.enabled { Input::Enabled } else { Input::Disabled });
        }
    }

    fn look(&mut self) {
        for input in self.source.look() {
            self.handle(input);
        }
    }

    /// Tells the machine how the attempt is doing.
    fn observe(&mut self) {
        let Some(session) = &mut self.session else { return };
        let (stage, sample) = session.observe();
        let dial = session.dial;
        self.board.note(now());
        if let Some(stage) = stage {
            if stage == Stage::Accepted {
                let url = redact::address(&self.spec.target.url);
                info!(destination = %self.spec.id, url, dial, "session begins");
            }
            self.handle(Input::Stage(stage));
        }
        self.handle(Input::Progress(sample));
    }

    fn ended(&mut self, end: Ended) {
        self.observe(); // what came last may decide what the end means
        let Some(session) = &self.session else { return };
        // The words may hold the key that was used, not one that was edited since.
        let session_target = session.target.clone();
        let input = match end {
            Ended::Panicked => {
                self.shared.panics.fetch_add(1, Ordering::Relaxed);
                error!(destination = %self.spec.id, "an attempt panicked");
                self.log_end("an internal error");
                Input::AttemptPanicked
            }
            Ended::Dropped => {
                self.log_end("dropped");
                Input::AttemptEnded(LinkEnd::new(Fault::None, "dropped"))
            }
            Ended::Said(end) => {
                let message = redact::words(&end.message, &session_target);
                self.log_end(&message);
                Input::AttemptEnded(LinkEnd { message, ..end })
            }
        };
        self.session = None;
        self.board.end(now());
        self.handle(input);
    }

    /// One line per session; attempts that came to nothing are told when they fail anew.
    fn log_end(&mut self, reason: &str) {
        let Some(session) = &self.session else { return };
        let (destination, dial, now) = (&self.spec.id, session.dial, now());
        if session.was_accepted() {
            let Totals { frames, bytes, dropped_gops } = session.totals();
            let seconds = now.saturating_duration_since(session.began).as_secs();
            info!(
                %destination, dial, seconds, frames, bytes, dropped_gops, reason, "session ended"
            );
            self.logged = None;
            return;
        }
        let same = self.logged.as_ref().is_some_and(|(last, at)| {
            last == reason && now.saturating_duration_since(*at) < SAME_FAILURE
        });
        if !same {
            info!(%destination, dial, reason, "attempt failed");
            self.logged = Some((reason.to_owned(), now));
        }
    }

    fn handle(&mut self, input: Input) {
        let now = now();
        let orders = self.machine.handle(now, input);
        self.board.set_error(self.machine.last_error());
        for order in orders {
            match order {
                Output::StartAttempt => self.start(now),
                Output::StopAttempt { orderly } => {
                    if let Some(session) = &mut self.session {
                        session.stop(orderly);
                    }
                }
                Output::Changed { state, reason } => self.changed(now, state, reason),
            }
        }
    }

    fn start(&mut self, now: Instant) {
        let stream = self.source.stream();
        let (links, epoch) = (&*self.shared.links, self.shared.epoch);
        let mut session = Session::start(&self.spec, links, stream, now, epoch);
        session.dial = self.board.begin(now, session.monitor.clone());
        self.session = Some(session);
    }

    fn changed(&mut self, now: Instant, state: State, reason: Arc<str>) {
        debug!(destination = %self.spec.id, state = state.name(), %reason, "changed");
        self.board.set_state(now, state);
        let event = DestinationEvent { id: self.spec.id.clone(), state, reason };
        let _ = self.shared.events.send(event); // nobody may be listening
    }
}
