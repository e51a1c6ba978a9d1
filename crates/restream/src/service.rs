//! All Destinations of the server: a list of wishes in, tasks that fulfil them, a status out.
//!
//! Belongs here: who exists. What each does is its supervisor's business, and none ever waits for
//! another.

use crate::board::{Board, DestinationEvent, DestinationStatus};
use crate::destination::{Order, Shared, Supervisor, Wish, now};
use crate::machine::Machine;
use crate::{DestinationId, DestinationSpec};
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
    members: BTreeMap<DestinationId, Member>,
    /// Removed ones that still say goodbye.
    leaving: Vec<Member>,
    closed: bool,
}

struct Member {
    board: Arc<Board>,
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
        let panics = AtomicU64::new(0);
        let epoch = Instant::now();
        let shared = Arc::new(Shared { hub, links: Box::new(links), events, panics, epoch });
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
        let specs = distinct(specs);
        crew.leaving.retain(|member| !member.is_finished());
        let gone = |member: &Member, id: &DestinationId| {
            let stream = &member.orders.borrow().spec.stream;
            specs.get(id).is_none_or(|spec| spec.stream != *stream)
        };
        let gone: Vec<_> = crew.members.extract_if(.., |id, member| gone(member, id)).collect();
        for (_, member) in gone {
            member.wish(Wish::Leave);
            crew.leaving.push(member);
        }
        let (known, new): (Vec<_>, Vec<_>) =
            specs.into_values().partition(|spec| crew.members.contains_key(&spec.id));
        for spec in known {
            if let Some(member) = crew.members.get(&spec.id) {
                member.orders.send_modify(|order| order.spec = Arc::new(spec));
            }
        }
        let count = new.len();
        for (n, spec) in new.into_iter().enumerate() {
            let id = spec.id.clone();
            let member = self.hire(&crew, spec, spread(n, count));
            crew.members.insert(id, member);
        }
    }

    /// What each Destination is doing, in order of their ids.
    #[must_use]
    pub fn status(&self) -> Vec<DestinationStatus> {
        let now = now();
        self.crew.lock().members.values().map(|member| member.board.status(now)).collect()
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

    fn hire(&self, crew: &Crew, spec: DestinationSpec, delay: Duration) -> Member {
        let start = now();
        let mut hasher = DefaultHasher::new();
        (self.seed, &spec.id).hash(&mut hasher);
        let mut machine = Machine::new(spec.timings, hasher.finish());
        if delay > Duration::ZERO {
            machine.spread_start(delay, start + SPREAD_FOR);
        }
        // One of the same id that still says goodbye is waited for: never two sessions at once.
        let predecessors: Vec<_> =
            crew.leaving.iter().filter(|m| m.id() == spec.id).map(|m| m.orders.clone()).collect();
        let span = info_span!("destination", id = %spec.id);
        let spec = Arc::new(spec);
        let board = Board::new(spec.clone(), start);
        let (orders, receiver) = watch::channel(Order { spec, wish: Wish::Run });
        let (shared, shown) = (self.shared.clone(), board.clone());
        let life = async move {
            for predecessor in predecessors {
                predecessor.closed().await;
            }
            Supervisor::new(shared, shown, machine, receiver).run().await;
        };
        let task = Some(tokio::spawn(life.instrument(span)));
        Member { board, orders: Arc::new(orders), task }
    }
}

impl Member {
    fn id(&self) -> DestinationId {
        self.orders.borrow().spec.id.clone()
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
