//! All Destinations of the server: a list of wishes in, tasks that fulfil them, a status out.
//!
//! Belongs here: who exists. What each does is its supervisor's business, and none ever waits for
//! another.

use crate::board::{Board, DestinationEvent, DestinationStatus};
use crate::destination::{Duty, Order, Shared, Supervisor, Wish, now};
use crate::failover::Failover;
use crate::machine::Machine;
use crate::uplink::{Seat, Uplink, UplinkTrouble};
use crate::{DestinationId, DestinationSpec, Leg};
use manycast_hub::{Hub, Link};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{Instrument, info_span, warn};

/// Events that a slow listener may be behind before it loses the oldest.
const EVENTS: usize = 1024;
/// Destinations that are added together make their first dials this far apart ...
const SPREAD_STEP: Duration = Duration::from_millis(100);
/// ... but all of them within this, ...
const SPREAD_MAX: Duration = Duration::from_secs(2);
/// ... if their Stream comes on air within this.
const SPREAD_FOR: Duration = Duration::from_secs(30);
/// How long a task that was told to die at once may take to do so.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// The service. Dropping it drops all sessions without a goodbye; see [`Restream::shutdown`].
pub struct Restream {
    shared: Arc<Shared>,
    seed: u64,
    crew: Mutex<Crew>,
}

#[derive(Default)]
struct Crew {
    members: BTreeMap<Seat, Member>,
    /// Removed ones that still say goodbye.
    leaving: Vec<Member>,
    closed: bool,
}

/// One leg of a Destination.
struct Member {
    leg: Leg,
    board: Arc<Board>,
    /// Of a primary: whether it calls the backup.
    call: Option<watch::Receiver<bool>>,
    orders: Arc<watch::Sender<Order>>,
    task: Option<JoinHandle<()>>,
}

impl Restream {
    /// No Destinations yet. `links` finds what carries a Stream to addresses of a scheme (`rtmp`,
    /// `rtmps`, ...); `seed` is all the randomness of the waits.
    pub fn new<F>(hub: Arc<Hub>, links: F, seed: u64) -> Self
    where
        F: Fn(&str) -> Option<Arc<dyn Link>> + Send + Sync + 'static,
    {
        let (events, _) = broadcast::channel(EVENTS);
        let shared = Arc::new(Shared {
            hub,
            links: Box::new(links),
            events,
            sequence: AtomicU64::new(0),
            uplink: Mutex::new(Uplink::default()),
            panics: AtomicU64::new(0),
            epoch: Instant::now(),
        });
        Self { shared, seed, crew: Mutex::default() }
    }

    /// Makes the Destinations what `specs` says, compared by id: new ones start, missing ones say
    /// goodbye, changed ones do what the change asks for, and nobody else notices. Must be called
    /// within the runtime. Does nothing after [`Restream::shutdown`].
    pub fn apply(&self, specs: Vec<DestinationSpec>) {
        let mut crew = self.crew.lock();
        if crew.closed {
            return;
        }
        let wanted = legs(distinct(specs));
        crew.leaving.retain(|member| !member.is_finished());
        let gone = |member: &Member, seat: &Seat| {
            let stream = &member.orders.borrow().spec.stream;
            wanted.get(seat).is_none_or(|spec| spec.stream != *stream)
        };
        let gone: Vec<_> = crew.members.extract_if(.., |seat, member| gone(member, seat)).collect();
        for (_, member) in gone {
            member.wish(Wish::Leave);
            crew.leaving.push(member);
        }
        let (known, new): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(seat, _)| crew.members.contains_key(seat));
        for (seat, spec) in known {
            if let Some(member) = crew.members.get(&seat) {
                member.orders.send_modify(|order| order.spec = spec);
            }
        }
        let count = new.len();
        for (n, (seat, spec)) in new.into_iter().enumerate() {
            let member = self.hire(&crew, &seat, spec, spread(n, count));
            crew.members.insert(seat, member);
        }
    }

    /// Has a Destination that waits for its next dial make it now. Its waits go on as before if that
    /// fails too. `false`: there is none of this id.
    pub fn retry(&self, id: &DestinationId) -> bool {
        let crew = self.crew.lock();
        let legs = [Leg::Primary, Leg::Backup].map(|leg| (id.clone(), leg));
        let members = legs.iter().filter_map(|seat| crew.members.get(seat));
        members.map(|member| member.orders.send_modify(|order| order.retries += 1)).count() > 0
    }

    /// What each Destination is doing, in order of their ids.
    #[must_use]
    pub fn status(&self) -> Vec<DestinationStatus> {
        let now = now();
        let crew = self.crew.lock();
        let primaries = crew.members.iter().filter(|((_, leg), _)| *leg == Leg::Primary);
        primaries.map(|(seat, member)| self.status_of(&crew, seat, member, now)).collect()
    }

    /// What one Destination is doing.
    #[must_use]
    pub fn status_of_one(&self, id: &DestinationId) -> Option<DestinationStatus> {
        let crew = self.crew.lock();
        let seat = (id.clone(), Leg::Primary);
        let member = crew.members.get(&seat)?;
        Some(self.status_of(&crew, &seat, member, now()))
    }

    fn status_of(
        &self,
        crew: &Crew,
        seat: &Seat,
        member: &Member,
        now: std::time::Instant,
    ) -> DestinationStatus {
        let spec = member.board.spec();
        let backup = (seat.0.clone(), Leg::Backup);
        let uplink = self.shared.uplink.lock();
        DestinationStatus {
            id: spec.id.clone(),
            name: spec.name.clone(),
            stream: spec.stream.clone(),
            primary: member.board.status(now),
            uplink_trouble: uplink.blames(now, seat) || uplink.blames(now, &backup),
            backup: crew.members.get(&backup).map(|member| member.board.status(now)),
        }
    }

    /// What is wrong with the way that all Destinations share, if anything is.
    #[must_use]
    pub fn uplink_trouble(&self) -> Option<UplinkTrouble> {
        self.shared.uplink.lock().trouble(now())
    }

    /// Follows the changes of state of all Destinations. A listener that is too slow loses the
    /// oldest, and is told how many.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<DestinationEvent> {
        self.shared.events.subscribe()
    }

    /// Attempts that ended by a defect of ours.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// Has all Destinations say goodbye at the same time, drops those that are not done within
    /// `bound`, and returns when every task has ended.
    pub async fn shutdown(&self, bound: Duration) {
        let deadline = Instant::now() + bound;
        let mut tasks: Vec<_> = {
            let mut crew = self.crew.lock();
            crew.closed = true;
            let Crew { members, leaving, .. } = &mut *crew;
            members.values_mut().chain(leaving).filter_map(Member::dismiss).collect()
        };
        for (_, task) in &mut tasks {
            let _ = timeout_at(deadline, task).await; // the rest is dealt with below
        }
        tasks.retain(|(_, task)| !task.is_finished());
        for (orders, _) in &tasks {
            orders.send_modify(|order| order.wish = Wish::Drop);
        }
        for (_, mut task) in tasks {
            if timeout(LAST_GRACE, &mut task).await.is_err() {
                task.abort();
            }
        }
    }

    fn hire(
        &self,
        crew: &Crew,
        seat: &Seat,
        spec: Arc<DestinationSpec>,
        delay: Duration,
    ) -> Member {
        let (start, leg) = (now(), seat.1);
        let mut hasher = DefaultHasher::new();
        (self.seed, seat).hash(&mut hasher);
        let mut machine = Machine::new(spec.timings, hasher.finish());
        if delay > Duration::ZERO {
            machine.spread_start(delay, start + SPREAD_FOR);
        }
        let (duty, call) = duty(crew, seat);
        // One of the same seat that still says goodbye is waited for: never two sessions at once.
        let predecessors: Vec<_> =
            crew.leaving.iter().filter(|m| m.seat() == *seat).map(|m| m.orders.clone()).collect();
        let span = info_span!("destination", id = %spec.id, leg = leg.name());
        let board = Board::new(spec.clone(), leg, start);
        let (orders, receiver) = watch::channel(Order { spec, wish: Wish::Run, retries: 0 });
        let (shared, shown) = (self.shared.clone(), board.clone());
        let life = async move {
            for predecessor in predecessors {
                predecessor.closed().await;
            }
            Supervisor::new(shared, shown, duty, machine, receiver).run().await;
        };
        let task = Some(tokio::spawn(life.instrument(span)));
        Member { leg, board, call, orders: Arc::new(orders), task }
    }
}

/// What a new leg has to do with the other one; a primary's call can be heard.
fn duty(crew: &Crew, seat: &Seat) -> (Duty, Option<watch::Receiver<bool>>) {
    if seat.1 == Leg::Primary {
        let (call, heard) = watch::channel(false);
        return (Duty::Primary { failover: Failover::default(), call }, Some(heard));
    }
    let primary = crew.members.get(&(seat.0.clone(), Leg::Primary));
    let heard = primary.and_then(|member| member.call.clone());
    let called = heard.unwrap_or_else(|| watch::channel(false).1);
    (Duty::Backup { called }, None)
}

impl Member {
    fn seat(&self) -> Seat {
        (self.orders.borrow().spec.id.clone(), self.leg)
    }

    fn wish(&self, wish: Wish) {
        self.orders.send_modify(|order| order.wish = wish);
    }

    fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Tells it to leave, and hands out its task.
    fn dismiss(&mut self) -> Option<(Arc<watch::Sender<Order>>, JoinHandle<()>)> {
        self.wish(Wish::Leave);
        Some((self.orders.clone(), self.task.take()?))
    }
}

/// The specs by id; of two with the same id the first holds.
fn distinct(specs: Vec<DestinationSpec>) -> BTreeMap<DestinationId, DestinationSpec> {
    let mut distinct = BTreeMap::new();
    for spec in specs {
        if distinct.contains_key(&spec.id) {
            warn!(id = %spec.id, "two destinations of the same name, the second is left out");
            continue;
        }
        distinct.insert(spec.id.clone(), spec);
    }
    distinct
}

/// The legs that there shall be. A primary comes before its backup.
fn legs(specs: BTreeMap<DestinationId, DestinationSpec>) -> BTreeMap<Seat, Arc<DestinationSpec>> {
    let mut legs = BTreeMap::new();
    for (id, spec) in specs {
        let spec = Arc::new(spec);
        legs.insert((id.clone(), Leg::Primary), spec.clone());
        if spec.backup.is_some() {
            legs.insert((id, Leg::Backup), spec);
        }
    }
    legs
}

/// The delay of the first dial of the `n`th of `count` that start together.
fn spread(n: usize, count: usize) -> Duration {
    let (n, gaps) =
        (u32::try_from(n).unwrap_or(u32::MAX), u32::try_from(count).unwrap_or(u32::MAX));
    let gaps = gaps.saturating_sub(1).max(1);
    let whole = SPREAD_STEP.saturating_mul(gaps).min(SPREAD_MAX);
    (whole / gaps).saturating_mul(n).min(SPREAD_MAX)
}

#[cfg(test)]
mod tests;
