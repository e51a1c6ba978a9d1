//! Who may publish and play.
//!
//! ```text
//! publish: key --its hash compared with that of every key, in constant time--> Stream
//!          (or, if open, the name itself), and the user that the Stream asks for, if it does
//! play:    name --> Stream, unless play = false
//! apply:   sessions end whose key, user or Stream is gone; all others stay
//! ```
//!
//! A session belongs to the key that it came in with: to withdraw a key ends its session and no
//! other. A stranger hears the same answer whatever was wrong about the key; what was, hears whoever
//! observes. Wrong answers wait, more the more there are; right ones never (B11).

mod attempt;
mod blocks;
mod counters;
mod hint;
mod key;
mod table;

pub use attempt::{Attempt, AttemptKey, AttemptOutcome, GateObserver, RefusalReason};
pub use blocks::Block;
pub use counters::GateCounters;
pub(crate) use key::PREFIX;
pub use table::{AccessKey, AccessTable, IpNet, KeyMaterial, RetiredKey, StreamAccess};

use crate::clock::Clock;
use crate::throttle::{GUESSES, Subject, Throttle};
use arc_swap::ArcSwap;
use blocks::Blocks;
use key::{Key, Sent};
use manycast_hub::{
    AccessRequest, Action, Admission, Denial, DenialKind, Gate, Grant, Hub, Login, Secret,
    Takeover, TurnedAway, TurnedAwayFor,
};
use manycast_media::StreamName;
use manycast_store::UnixMs;
use parking_lot::{Mutex, RwLock};
use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConditionallySelectable;
use table::{Entry, Table};

/// Streams at a time that strangers may open under names of their own choice.
const MAX_OPEN: usize = 1024;
/// No key of the table.
const NOBODY: u32 = u32::MAX;
/// The longest that a wrong answer waits: encoders call again by themselves, so that more would
/// only hold connections.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Refused attempts that are kept to be looked at.
const ATTEMPTS: usize = 128;

const WRONG_KEY: &str = "the stream key is wrong: copy it again from where it was made (the stream's page Connect \
                         in the dashboard, or the server's configuration file)";

/// The gate of a server.
pub struct AccessGate {
    hub: Arc<Hub>,
    table: ArcSwap<Table>,
    /// One table at a time is applied.
    applying: Mutex<()>,
    counters: Arc<GateCounters>,
    observers: RwLock<Vec<Arc<dyn GateObserver>>>,
    attempts: Mutex<VecDeque<Attempt>>,
    blocks: Blocks,
    throttle: Throttle,
    clock: Clock,
}

/// A publisher that is let in.
struct Admitted {
    grant: Grant,
    key: Option<AttemptKey>,
    new_address: bool,
}

/// A publisher that is not, and why in truth.
struct Refused {
    denial: Denial,
    reason: RefusalReason,
    stream: Option<StreamName>,
    key: Option<AttemptKey>,
    hint: Option<String>,
    begins: Option<String>,
}

impl AccessGate {
    /// A gate that lets nobody in, until a table is applied.
    #[must_use]
    pub fn new(hub: Arc<Hub>) -> Arc<Self> {
        Self::with_clock(hub, Clock::system())
    }

    /// The same by another clock, for tests.
    #[must_use]
    pub fn with_clock(hub: Arc<Hub>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            hub,
            table: ArcSwap::from_pointee(Table::empty()),
            applying: Mutex::default(),
            counters: Arc::default(),
            observers: RwLock::default(),
            attempts: Mutex::default(),
            blocks: Blocks::default(),
            throttle: Throttle::new(GUESSES, LONGEST_WAIT),
            clock,
        })
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> Arc<GateCounters> {
        self.counters.clone()
    }

    /// From now on this table answers. Sessions that it would not have let in end; all others keep
    /// their lease. A key that has expired but is still in the table ends nobody (J7).
    pub fn apply(&self, table: AccessTable) {
        let _one = self.applying.lock();
        let old = self.table.load_full();
        let new = Arc::new(Table::after(&old, table));
        self.table.store(new.clone());
        old.give_way_to(&new);
    }

    /// From now on `observer` hears of each attempt to publish.
    pub fn observe(&self, observer: Arc<dyn GateObserver>) {
        self.observers.write().push(observer);
    }

    /// The last attempts that were refused, the newest first; at most 128.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().iter().rev().cloned().collect()
    }

    /// Ids of the keys that a session runs under.
    #[must_use]
    pub fn keys_in_use(&self) -> HashSet<String> {
        let table = self.table.load();
        let used = table.keys().filter(|(_, key)| key.sessions.is_used());
        used.filter_map(|(_, key)| key.id.clone()).collect()
    }

    /// Whether a session runs under the key with this id.
    #[must_use]
    pub fn key_in_use(&self, id: &str) -> bool {
        let table = self.table.load();
        table.keys().any(|(_, key)| key.id.as_deref() == Some(id) && key.sessions.is_used())
    }

    /// From where the key with this id was used, the newest last; at most 64.
    #[must_use]
    pub fn known_addresses(&self, id: &str) -> Vec<IpAddr> {
        let table = self.table.load();
        let key = table.keys().find(|(_, key)| key.id.as_deref() == Some(id));
        key.map(|(_, key)| key.known()).unwrap_or_default()
    }

    /// Keeps an address out, and ends what it publishes. Viewers that are there are ended by whoever
    /// ends sessions; new ones do not come in. Returns it with the address that stands for the host.
    pub fn block(&self, block: Block) -> Block {
        let block = Block { address: crate::address::subject(block.address), ..block };
        self.blocks.add(block.clone());
        let table = self.table.load();
        let is_it = |other: IpAddr| crate::address::subject(other) == block.address;
        let keyed = table.keys().map(|(_, key)| &key.sessions);
        for sessions in keyed.chain([&table.opened]) {
            sessions.revoke_where("this address was blocked on the server", is_it);
        }
        block
    }

    /// Lets an address in again. False: it was not blocked.
    pub fn unblock(&self, address: IpAddr) -> bool {
        self.blocks.remove(address)
    }

    /// The addresses that are kept out.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        self.blocks.list(self.clock.now())
    }

    fn publish(&self, table: &Table, request: &AccessRequest) -> Result<Admitted, Box<Refused>> {
        let name = cut(&request.name);
        if self.blocks.holds(request.peer.ip(), self.clock.now()) {
            return Err(Refused::new(blocked(), RefusalReason::AddressBlocked));
        }
        if let Some((entry, key)) = table.opened_by(request)? {
            let told = key.told();
            let refuse = |refused: Box<Refused>| refused.about(&entry.name, &told);
            key.usable(self.clock.now(), request).map_err(refuse)?;
            identified(entry.login.as_ref(), request).map_err(refuse)?;
            let stream = self.hub.open(&entry.name, table.window);
            self.room(table, stream.is_live()).map_err(refuse)?;
            let lease = key.sessions.lease(request.peer.ip());
            let new_address = key.used_from(request.peer.ip());
            let grant = Grant { stream, takeover: entry.takeover, lease };
            return Ok(Admitted { grant, key: Some(told), new_address });
        }
        if let Some(refused) = table.withdrawn(request) {
            return Err(refused);
        }
        if !table.open {
            let near = hint::near(table, &name, request);
            let hint::Hint { stream, key, words: hint, begins } = near;
            return Err(Box::new(Refused { hint, stream, key, begins, ..unknown() }));
        }
        let name = StreamName::new(name.expose()).map_err(|error| {
            let message = format!("{error}: use another key");
            Refused::new(denial(DenialKind::UnknownKey, &message), RefusalReason::BadName)
        })?;
        self.publish_open(table, name, request)
    }

    /// Any name, which is its own key.
    fn publish_open(
        &self,
        table: &Table,
        name: StreamName,
        request: &AccessRequest,
    ) -> Result<Admitted, Box<Refused>> {
        identified(table.login.as_ref(), request)?;
        let known = self.hub.get(&name);
        if known.is_none() && self.hub.streams().len() >= MAX_OPEN + table.entries.len() {
            return Err(full("the server carries too many streams already"));
        }
        self.room(table, known.is_some_and(|stream| stream.is_live()))?;
        let stream = self.hub.open(&name, table.window);
        let takeover = table.entry(&name).map_or_else(Takeover::default, |entry| entry.takeover);
        let lease = table.opened.lease(request.peer.ip());
        let grant = Grant { stream, takeover, lease };
        Ok(Admitted { grant, key: None, new_address: false })
    }

    /// Whether one more may publish; whoever displaces another takes no new place.
    fn room(&self, table: &Table, displaces: bool) -> Result<(), Box<Refused>> {
        let Some(most) = table.publishers.filter(|_| !displaces) else { return Ok(()) };
        let live = self.hub.streams().iter().filter(|stream| stream.is_live()).count();
        if u32::try_from(live).is_ok_and(|live| live < most) {
            return Ok(());
        }
        Err(full("the server takes no more streams at the moment"))
    }

    fn play(&self, table: &Table, request: &AccessRequest) -> Result<Grant, Denial> {
        if self.blocks.holds(request.peer.ip(), self.clock.now()) {
            return Err(blocked());
        }
        let unknown = || denial(DenialKind::UnknownStream, "there is no stream of this name");
        let name = StreamName::new(cut(&request.name).expose()).map_err(|_| unknown())?;
        if let Some(entry) = table.entry(&name) {
            if !entry.play {
                return Err(denial(DenialKind::Forbidden, "this stream cannot be watched here"));
            }
            let stream = self.hub.open(&name, table.window);
            return Ok(Grant { stream, takeover: entry.takeover, lease: entry.playing.lease() });
        }
        // viewers do not make streams: they may wait for a configured one only
        let stream = self.hub.get(&name).filter(|_| table.open).ok_or_else(unknown)?;
        Ok(Grant { stream, takeover: Takeover::default(), lease: table.guests.lease() })
    }

    /// The answer to a publisher, told to whoever observes.
    fn decide_publish(&self, table: &Table, request: &AccessRequest) -> Result<Grant, Denial> {
        let (grant, stream, key, outcome) = match self.publish(table, request) {
            Ok(Admitted { grant, key, new_address }) => {
                let stream = Some(grant.stream.name().clone());
                (Ok(grant), stream, key, AttemptOutcome::Admitted { new_address })
            }
            Err(refused) => {
                let Refused { denial, reason, stream, key, hint, begins } = *refused;
                let kind = denial.kind;
                (Err(denial), stream, key, AttemptOutcome::Refused { kind, reason, hint, begins })
            }
        };
        let (at, peer) = (self.clock.now(), request.peer);
        let (protocol, secure) = (request.protocol, request.secure);
        let software = request.client.software.clone();
        self.tell(Attempt { at, protocol, stream, key, peer, secure, software, outcome });
        grant
    }

    /// Tells whoever observes, and keeps what was refused.
    fn tell(&self, attempt: Attempt) {
        for observer in self.observers.read().iter() {
            observer.attempted(&attempt);
        }
        if matches!(attempt.outcome, AttemptOutcome::Refused { .. }) {
            let mut attempts = self.attempts.lock();
            if attempts.len() >= ATTEMPTS {
                attempts.pop_front();
            }
            attempts.push_back(attempt);
        }
    }

    fn decide(&self, request: &AccessRequest) -> Result<Grant, Denial> {
        let table = self.table.load();
        let answer = match request.action {
            Action::Publish => self.decide_publish(&table, request),
            Action::Play => self.play(&table, request),
        };
        self.counters.note(request.action, answer.as_ref().err().map(|denial| denial.kind));
        if let Err(denial) = &answer {
            let (peer, protocol, action) = (request.peer, request.protocol, request.action);
            // each transport logs what it refuses, within its bounds
            tracing::debug!(%peer, protocol, ?action, "refused: {denial}");
        }
        answer
    }

    /// How long a publisher's answer no waits.
    fn wait(&self, request: &AccessRequest, denial: &Denial) -> Duration {
        let guess = matches!(denial.kind, DenialKind::UnknownKey | DenialKind::Forbidden);
        if request.action != Action::Publish || !guess {
            return Duration::ZERO;
        }
        let now = tokio::time::Instant::now().into_std();
        self.throttle.wrong(now, &[Subject::address(request.peer.ip())])
    }
}

impl Gate for AccessGate {
    fn admit(&self, request: AccessRequest) -> Admission<'_> {
        Box::pin(async move {
            let answer = self.decide(&request);
            if let Err(denial) = &answer {
                let wait = self.wait(&request, denial);
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
            }
            answer
        })
    }

    fn turned_away(&self, told: &TurnedAway) {
        let (kind, reason) = match told.why {
            TurnedAwayFor::Busy => (DenialKind::Forbidden, RefusalReason::Busy),
            TurnedAwayFor::Login => (DenialKind::Forbidden, RefusalReason::LoginMissing),
            TurnedAwayFor::Service => (DenialKind::Forbidden, RefusalReason::ServiceRefused),
            TurnedAwayFor::ServiceSilent => (DenialKind::Full, RefusalReason::ServiceSilent),
        };
        self.tell(Attempt {
            at: self.clock.now(),
            protocol: told.protocol,
            stream: told.stream.clone(),
            key: None,
            peer: told.peer,
            secure: told.secure,
            software: told.software.clone(),
            outcome: AttemptOutcome::Refused { kind, reason, hint: None, begins: None },
        });
    }
}

impl Table {
    /// Whether a key was sent that was withdrawn. Those in force were looked at before: a key that
    /// was moved to another Stream is one of them.
    fn withdrawn(&self, request: &AccessRequest) -> Option<Box<Refused>> {
        let name = cut(&request.name);
        let sent = request.keys.iter().chain([&name]).map(|key| Sent::new(key.expose()));
        let found = sent.fold(None, |found, sent| {
            let is = |key: &&RetiredKey| bool::from(sent.is(&key.digest));
            let one = self.retired.iter().filter(is).fold(None, |_, key| Some(key));
            found.or(one)
        })?;
        let hint = "the encoder still has the old key: give it the new one".to_owned();
        let mut refused = Refused::wrong_key(RefusalReason::RevokedKey, hint);
        let streams = self.entries.iter().map(|entry| &entry.name);
        refused.stream = streams.into_iter().find(|name| name.as_str() == found.stream).cloned();
        refused.key = Some(AttemptKey { id: Some(found.id.clone()), label: found.label.clone() });
        Some(refused)
    }

    /// The key that a publisher means: the one that its name is, else one elsewhere in its address,
    /// unless it names another Stream.
    fn opened_by(&self, request: &AccessRequest) -> Result<Option<(&Entry, &Key)>, Box<Refused>> {
        let name = cut(&request.name);
        let elsewhere = request.keys.iter().map(|key| self.by_key(key));
        // every key is looked up, so that the time taken tells nothing
        let elsewhere = elsewhere.fold(None, |found, entry| found.or(entry));
        let by_name = self.by_key(&name);
        let Some((entry, key)) = by_name.or(elsewhere) else { return Ok(None) };
        let text = name.expose();
        let named = self.entries.iter().find(|other| other.name.as_str() == text);
        match named {
            Some(named) if by_name.is_none() && named.name != entry.name => {
                let message = "the key in the address is that of another stream than the named one";
                let denial = denial(DenialKind::UnknownKey, message);
                let refused = Refused::new(denial, RefusalReason::WrongStream);
                Err(refused.about(&entry.name, &key.told()))
            }
            _ => Ok(Some((entry, key))),
        }
    }

    /// The key that was sent. Every key is compared, and compared whole, so that the time taken
    /// tells nothing about any of them (C4, J6).
    fn by_key(&self, sent: &Secret) -> Option<(&Entry, &Key)> {
        let sent = Sent::new(sent.expose());
        let mut found = NOBODY;
        for (number, (_, key)) in self.keys().enumerate() {
            let number = u32::try_from(number).unwrap_or(NOBODY);
            found.conditional_assign(&number, key.opens(&sent));
        }
        self.keys().nth(usize::try_from(found).ok()?)
    }
}

impl Key {
    fn told(&self) -> AttemptKey {
        AttemptKey { id: self.id.clone(), label: self.label.clone() }
    }

    /// Whether it may be used now and from where the publisher is. The answer to a stranger is that
    /// it is wrong: that it is somebody's key is nothing for whoever should not have it.
    fn usable(&self, now: UnixMs, request: &AccessRequest) -> Result<(), Box<Refused>> {
        if self.is_over(now) {
            let hint = "the encoder still has the old key: give it the new one";
            return Err(Refused::wrong_key(RefusalReason::ExpiredKey, hint.to_owned()));
        }
        if !self.is_for(request.peer.ip()) {
            let address = request.peer.ip().to_canonical();
            let hint = format!("add {address} to the key's addresses, if it is yours");
            return Err(Refused::wrong_key(RefusalReason::AddressNotAllowed, hint));
        }
        Ok(())
    }
}

impl Refused {
    fn new(denial: Denial, reason: RefusalReason) -> Box<Self> {
        let (stream, key, hint, begins) = (None, None, None, None);
        Box::new(Self { denial, reason, stream, key, hint, begins })
    }

    /// What a stranger hears of any key that he should not have.
    fn wrong_key(reason: RefusalReason, hint: String) -> Box<Self> {
        Box::new(Self { reason, hint: Some(hint), ..unknown() })
    }

    fn about(mut self: Box<Self>, stream: &StreamName, key: &AttemptKey) -> Box<Self> {
        self.stream = Some(stream.clone());
        self.key = Some(key.clone());
        self
    }
}

fn unknown() -> Refused {
    let denial = denial(DenialKind::UnknownKey, WRONG_KEY);
    *Refused::new(denial, RefusalReason::UnknownKey)
}

/// The key or name up to a query that an encoder left on it.
fn cut(name: &Secret) -> Secret {
    match name.expose().split_once('?') {
        Some((before, _)) => Secret::new(before),
        None => name.clone(),
    }
}

/// Who was asked for nothing has said nothing: only an address with the stream's name tells at
/// `connect` that this stream wants a user.
const LOGIN_MISSING: &str = "this stream asks for a user and a password: set them in the encoder; \
    if they are set, add the name of the stream to the server's address (rtmp://HOST/live/NAME)";

/// Whether a publisher is the user that is wanted: proved at `connect`, or in plain words.
fn identified(wanted: Option<&Login>, request: &AccessRequest) -> Result<(), Box<Refused>> {
    let Some(wanted) = wanted else { return Ok(()) };
    let proved = request.user.as_ref().is_some_and(|user| user.matches(&wanted.user));
    let said = request.login.as_ref() == Some(wanted);
    if proved | said {
        return Ok(());
    }
    let denial = denial(DenialKind::Forbidden, LOGIN_MISSING);
    Err(Refused::new(denial, RefusalReason::LoginMissing))
}

fn denial(kind: DenialKind, message: &str) -> Denial {
    Denial { kind, message: message.to_owned() }
}

fn blocked() -> Denial {
    denial(DenialKind::Forbidden, "this address is blocked on this server for a while")
}

fn full(message: &str) -> Box<Refused> {
    Refused::new(denial(DenialKind::Full, message), RefusalReason::TooMany)
}

#[cfg(test)]
mod tests;
