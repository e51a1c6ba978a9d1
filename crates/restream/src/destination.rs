//! The task of one leg of a Destination: carries out what its [`Machine`] orders, and tells it what happens.
//!
//! Belongs here: the attempt's task, the Stream's life, timers, and what is logged. Must not come
//! here: any decision about when to dial or give up.

mod session;
pub(crate) mod source;

use crate::board::{Board, DestinationEvent, Totals};
use crate::failover::Failover;
use crate::machine::Sample;
use crate::machine::{Input, Machine, Output, State};
use crate::uplink::{self, Seat, Uplink};
use crate::{BackupMode, DestinationSpec, Leg, redact};
use manycast_hub::{Fault, Hub, Link, LinkEnd, Secret, Stage, Target};
use parking_lot::Mutex;
use session::{Ended, Session};
use source::Source;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, watch};
use tokio::time::sleep_until;
use tracing::{debug, error, info, warn};

/// With an attempt under way the task wakes each half second; whoever slept through this much stood
/// still altogether (a stopped process, a machine that was suspended or moved).
const STOOD_STILL: Duration = Duration::from_secs(2);

/// The same failure is logged at most once in this time.
const SAME_FAILURE: Duration = Duration::from_secs(60);

/// Finds what carries a Stream to addresses of a scheme.
pub(crate) type Links = dyn Fn(&str) -> Option<Arc<dyn Link>> + Send + Sync;

/// What all Destinations have in common.
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) links: Box<Links>,
    pub(crate) events: broadcast::Sender<DestinationEvent>,
    /// Events so far.
    pub(crate) sequence: AtomicU64,
    pub(crate) uplink: Mutex<Uplink>,
    pub(crate) panics: AtomicU64,
    /// The attempts of all Destinations are looked at at whole steps of time after this.
    pub(crate) epoch: tokio::time::Instant,
}

/// What the service wants of a Destination.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) spec: Arc<DestinationSpec>,
    pub(crate) wish: Wish,
    /// How often a person asked for a dial without waiting.
    pub(crate) retries: u64,
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

/// What a leg has to do with the other one.
pub(crate) enum Duty {
    /// Calls the backup, if there is one.
    Primary { failover: Failover, call: watch::Sender<bool> },
    /// Comes when it is called.
    Backup { called: watch::Receiver<bool> },
}

enum Event {
    Order,
    Abandoned,
    Called,
    Source,
    Progress,
    Ended(Ended),
    Deadline,
}

pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    board: Arc<Board>,
    seat: Seat,
    duty: Duty,
    spec: Arc<DestinationSpec>,
    wish: Wish,
    retries: u64,
    machine: Machine,
    /// Whether the machine was told to be on air.
    on: bool,
    source: Source,
    session: Option<Session>,
    /// Where the last end redirected to.
    redirect: Option<Secret>,
    /// Gops left out by the attempt until the last look.
    dropped_gops: u64,
    /// When an event was last handled while an attempt was under way.
    woke: Option<Instant>,
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
        duty: Duty,
        machine: Machine,
        mut orders: watch::Receiver<Order>,
    ) -> Self {
        let Order { spec, wish, retries } = orders.borrow_and_update().clone();
        let source = Source::new(shared.hub.clone(), spec.stream.clone());
        Self {
            shared,
            board,
            seat: (spec.id.clone(), duty.leg()),
            duty,
            spec,
            wish,
            retries,
            machine,
            on: false,
            source,
            session: None,
            redirect: None,
            dropped_gops: 0,
            woke: None,
            logged: None,
            orders,
        }
    }

    /// Runs until it is told to leave.
    pub(crate) async fn run(mut self) {
        self.look();
        self.steer();
        while self.wish < Wish::Drop && !self.is_gone() {
            let event = self.next().await;
            self.note_pause();
            match event {
                Event::Order => self.obey(),
                Event::Abandoned => self.wish = Wish::Drop,
                Event::Called => self.steer(),
                Event::Source => self.look(),
                Event::Progress => self.observe(),
                Event::Ended(end) => self.ended(end),
                Event::Deadline => {
                    self.listen();
                    self.handle(Input::Tick);
                }
            }
        }
        if let Some(session) = &mut self.session {
            session.kill().await;
            self.log_end("the time for goodbyes is over");
            self.end_session();
        }
    }

    /// Sees to it that a pause of our own costs nobody a session.
    fn note_pause(&mut self) {
        let now = now();
        let woke = std::mem::replace(&mut self.woke, self.session.is_some().then_some(now));
        if woke.is_some_and(|woke| now.saturating_duration_since(woke) >= STOOD_STILL) {
            self.machine.stood_still(now);
        }
    }

    fn is_gone(&self) -> bool {
        self.wish == Wish::Leave && self.machine.state() == State::Stopped
    }

    async fn next(&mut self) -> Event {
        let others = [self.duty.deadline(), self.source.listen_at(now())];
        let deadline =
            self.machine.deadline().into_iter().chain(others.into_iter().flatten()).min();
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
            () = self.duty.called() => Event::Called,
            () = self.source.changed() => Event::Source,
            ended = attempt => ended.map_or(Event::Progress, Event::Ended),
            () = due => Event::Deadline,
        }
    }

    /// Takes what the service wants, and finds out what that changes.
    fn obey(&mut self) {
        let Order { spec, wish, retries } = self.orders.borrow_and_update().clone();
        self.wish = wish;
        let retried = std::mem::replace(&mut self.retries, retries) != retries;
        let old = std::mem::replace(&mut self.spec, spec.clone());
        self.board.set_spec(spec.clone());
        self.machine.set_timings(spec.timings);
        if wish == Wish::Run && spec.needs_redial(&old, self.duty.leg()) {
            self.redirect = None;
            self.handle(Input::Edited);
        }
        if retried {
            self.handle(Input::Retried);
        }
        self.steer();
    }

    /// Switches on or off, as everything together wants it.
    fn steer(&mut self) {
        let called = match (&self.duty, &self.spec.backup) {
            (Duty::Primary { .. }, _) => true,
            (Duty::Backup { called }, Some(backup)) => {
                backup.mode == BackupMode::Both || *called.borrow()
            }
            (Duty::Backup { .. }, None) => false,
        };
        self.board.set_standby(self.spec.enabled && !called);
        let on = self.wish == Wish::Run && self.spec.enabled && called;
        if on != std::mem::replace(&mut self.on, on) {
            self.handle(if on { Input::Enabled } else { Input::Disabled });
        }
    }

    fn look(&mut self) {
        for input in self.source.look() {
            self.handle(input);
        }
        self.listen();
    }

    fn listen(&mut self) {
        if let Some(input) = self.source.listen(now()) {
            self.handle(input);
        }
    }

    /// Tells the machine how the attempt is doing.
    fn observe(&mut self) {
        self.listen();
        let Some(session) = &mut self.session else { return };
        let (stage, sample) = session.observe();
        let dial = session.dial;
        self.board.note(now());
        if let Some(stage) = stage {
            if stage == Stage::Accepted {
                let url = self.shown_address();
                let (destination, leg) = (self.spec.called(), self.leg());
                info!(destination, leg, url, dial, "session begins");
            }
            self.handle(Input::Stage(stage));
        }
        self.handle(Input::Progress(sample));
        self.note_pace(&sample);
    }

    /// Tells a slow far end from a slow uplink.
    fn note_pace(&mut self, sample: &Sample) {
        let now = now();
        let dropped = self.session.as_ref().map_or(0, |session| session.totals().dropped_gops);
        let lost = std::mem::replace(&mut self.dropped_gops, dropped) != dropped;
        let stuck = self.machine.stuck_since().is_some_and(|since| now >= since + uplink::BEHIND);
        let behind = lost || stuck || sample.lag >= uplink::BEHIND;
        let mut uplink = self.shared.uplink.lock();
        let changed = match self.machine.state() {
            State::Live => {
                let place = redact::place(&self.session_target().url);
                uplink.note(now, &self.seat, place, behind)
            }
            _ => uplink.leave(now, &self.seat),
        };
        self.machine.set_shared_trouble(uplink.blames(now, &self.seat));
        if changed {
            match uplink.trouble(now) {
                Some(trouble) => warn!(parent: None, "{}", trouble.advice()),
                None => info!(parent: None, "the destinations are no longer behind together"),
            }
        }
    }

    fn leg(&self) -> &'static str {
        self.duty.leg().name()
    }

    /// Where the session under way goes.
    fn session_target(&self) -> &Target {
        match &self.session {
            Some(session) => &session.target,
            None => self.spec.target(self.duty.leg()),
        }
    }

    /// For the log. Of an address that a far end gave nothing but the host: the rest may be a token.
    fn shown_address(&self) -> String {
        let used = &self.session_target().url;
        if self.session.as_ref().is_some_and(|session| session.redirected) {
            return format!("{} (redirected)", redact::place(used));
        }
        redact::address(used)
    }

    fn end_session(&mut self) {
        let now = now();
        self.session = None;
        self.board.end(now);
        self.shared.uplink.lock().leave(now, &self.seat);
    }

    fn ended(&mut self, end: Ended) {
        self.observe(); // what came last may decide what the end means
        let Some(session) = &self.session else { return };
        // The words may hold the key that was used, not one that was edited since.
        let (session_target, session_redirected) = (session.target.clone(), session.redirected);
        let input = match end {
            Ended::Panicked => {
                self.shared.panics.fetch_add(1, Ordering::Relaxed);
                error!(destination = self.spec.called(), "an attempt panicked");
                self.log_end("an internal error");
                Input::AttemptPanicked
            }
            Ended::Dropped => {
                let why = self.board.status(now()).reason; // such as that it stalled
                self.log_end(&why);
                Input::AttemptEnded(LinkEnd::new(Fault::None, "dropped"))
            }
            Ended::Said(end) => {
                let mut message = redact::words(&end.message, &session_target);
                if session_redirected {
                    message = format!("where the far end redirected to: {message}");
                }
                self.log_end(&message);
                self.redirect = end.redirect.clone();
                Input::AttemptEnded(LinkEnd { message, ..end })
            }
        };
        self.end_session();
        self.handle(input);
    }

    /// One line per session; attempts that came to nothing are told when they fail anew.
    fn log_end(&mut self, reason: &str) {
        let Some(session) = &self.session else { return };
        let (destination, dial, now) = (self.spec.called(), session.dial, now());
        if session.was_accepted() {
            let Totals { frames, bytes, dropped_gops, .. } = session.totals();
            let seconds = now.saturating_duration_since(session.began).as_secs();
            info!(destination, dial, seconds, frames, bytes, dropped_gops, reason, "session ended");
            self.logged = None;
            return;
        }
        let same = self.logged.as_ref().is_some_and(|(last, at)| {
            last == reason && now.saturating_duration_since(*at) < SAME_FAILURE
        });
        if !same {
            info!(destination, dial, reason, "attempt failed");
            self.logged = Some((reason.to_owned(), now));
        }
    }

    fn handle(&mut self, input: Input) {
        let now = now();
        let orders = self.machine.handle(now, input);
        self.board.follow(&self.machine);
        for order in orders {
            match order {
                Output::StartAttempt { redirected } => self.start(now, redirected),
                Output::StopAttempt { orderly } => {
                    if let Some(session) = &mut self.session {
                        session.stop(orderly);
                    }
                }
                Output::Changed { state, reason } => self.changed(now, state, reason),
            }
        }
        if let Duty::Primary { failover, call } = &mut self.duty {
            failover.observe(now, self.machine.state(), self.machine.stuck_since());
            let called = failover.is_called();
            call.send_if_modified(|call| std::mem::replace(call, called) != called);
        }
    }

    fn start(&mut self, now: Instant, redirected: bool) {
        let stream = self.source.stream();
        let (links, epoch) = (&*self.shared.links, self.shared.epoch);
        let mut target = self.spec.target(self.duty.leg()).clone();
        if let Some(redirect) = self.redirect.take().filter(|_| redirected) {
            target.url = redirect.expose().to_owned();
        }
        let bounds = self.spec.bounds;
        let mut session = Session::start(target, bounds, links, stream, now, epoch);
        session.redirected = redirected;
        session.dial = self.board.begin(now, session.monitor.clone());
        self.dropped_gops = 0;
        self.session = Some(session);
    }

    fn changed(&mut self, now: Instant, state: State, reason: Arc<str>) {
        let id = self.spec.id.clone();
        debug!(destination = self.spec.called(), leg = self.leg(), state = state.name(), %reason, "changed");
        let (from, totals) = self.board.set_state(now, state, reason.clone());
        let event = DestinationEvent {
            sequence: self.shared.sequence.fetch_add(1, Ordering::Relaxed),
            at: now,
            id,
            leg: self.duty.leg(),
            from,
            state,
            reason,
            last_failure: self.machine.last_failure().cloned(),
            totals,
        };
        let _ = self.shared.events.send(event); // nobody may be listening
    }
}

impl Duty {
    pub(crate) fn leg(&self) -> Leg {
        match self {
            Self::Primary { .. } => Leg::Primary,
            Self::Backup { .. } => Leg::Backup,
        }
    }

    /// When to look at the primary again.
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Primary { failover, .. } => failover.deadline(),
            Self::Backup { .. } => None,
        }
    }

    /// Waits until there may be a call, or the end of one. Cancel-safe.
    async fn called(&mut self) {
        if let Self::Backup { called } = self
            && called.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
