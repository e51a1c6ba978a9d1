//! Who may publish and play: the configuration's answer.
//!
//! ```text
//! publish: key --compared with every key, in constant time--> Stream (or, if open, the name itself)
//!          and the user that the Stream asks for, if it does
//! play:    name --> Stream, unless play = false
//! reload:  leases of streams that are gone, or have another key, are taken back
//! ```

use crate::config::{Config, StreamConfig};
use arc_swap::ArcSwap;
use manycast_hub::{
    AccessRequest, Action, Admission, Denial, DenialKind, Gate, Grant, Hub, LeaseHolder, Login,
    Secret, Takeover, WindowLimits,
};
use manycast_media::StreamName;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// Streams at a time that strangers may open under names of their own choice.
const MAX_OPEN: usize = 1024;
/// No entry of the table.
const NOBODY: u32 = u32::MAX;

/// What is counted of the answers.
#[derive(Debug, Default)]
pub(super) struct GateCounters {
    granted: [AtomicU64; 2],
    denied: [[AtomicU64; 4]; 2],
}

const ACTIONS: [(Action, &str); 2] = [(Action::Publish, "publish"), (Action::Play, "play")];
const DENIALS: [(DenialKind, &str); 4] = [
    (DenialKind::UnknownKey, "unknown_key"),
    (DenialKind::UnknownStream, "unknown_stream"),
    (DenialKind::Forbidden, "forbidden"),
    (DenialKind::Full, "full"),
];

impl GateCounters {
    fn note(&self, action: Action, denied: Option<DenialKind>) {
        let row = ACTIONS.iter().position(|(other, _)| *other == action).unwrap_or(0);
        let counter = match denied {
            None => &self.granted[row],
            Some(kind) => {
                let column = DENIALS.iter().position(|(other, _)| *other == kind).unwrap_or(0);
                &self.denied[row][column]
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Each action with the number of times that the answer was yes.
    pub(super) fn granted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ACTIONS.iter().zip(&self.granted).map(|((_, word), n)| (*word, n.load(Ordering::Relaxed)))
    }

    /// Each action and reason with the number of times that the answer was no.
    pub(super) fn denied(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        ACTIONS.iter().zip(&self.denied).flat_map(|((_, action), row)| {
            let cell = |((_, reason), n): (&(_, &'static str), &AtomicU64)| {
                (*action, *reason, n.load(Ordering::Relaxed))
            };
            DENIALS.iter().zip(row).map(cell)
        })
    }
}

/// What holds for one configured Stream.
struct Entry {
    name: StreamName,
    key: Secret,
    /// The user that its encoder has to be.
    login: Option<Login>,
    play: bool,
    takeover: Takeover,
    publishing: Arc<LeaseHolder>,
    playing: Arc<LeaseHolder>,
}

/// The answers that hold until the next reload.
struct Table {
    entries: Vec<Entry>,
    /// Any name may be published.
    open: bool,
    /// The user that has to publish under a name of its own choice.
    login: Option<Login>,
    opened: Arc<LeaseHolder>,
    publishers: Option<u32>,
    window: WindowLimits,
}

/// The gate of a server that is configured by a file.
pub struct ConfigGate {
    hub: Arc<Hub>,
    table: ArcSwap<Table>,
    counters: Arc<GateCounters>,
}

impl ConfigGate {
    /// A gate that lets nobody in, until a configuration is applied.
    #[must_use]
    pub fn new(hub: Arc<Hub>) -> Arc<Self> {
        let table = Table {
            entries: Vec::new(),
            open: false,
            login: None,
            opened: Arc::default(),
            publishers: None,
            window: WindowLimits::default(),
        };
        let table = ArcSwap::from_pointee(table);
        Arc::new(Self { hub, table, counters: Arc::default() })
    }

    pub(super) fn counters(&self) -> Arc<GateCounters> {
        self.counters.clone()
    }

    /// From now on this configuration answers. Sessions that it would not have let in end; all
    /// others keep their lease.
    pub fn apply(&self, config: &Config) {
        let old = self.table.load();
        let entries = config.streams.iter().map(|stream| {
            let before = old.entries.iter().find(|entry| entry.name == stream.name);
            Entry::new(stream, config.rtmp.login.as_ref(), before)
        });
        let login = config.rtmp.login.clone();
        let same = config.rtmp.open && old.login == login;
        let opened = if same { old.opened.clone() } else { Arc::default() };
        let new = Table {
            login,
            entries: entries.collect(),
            open: config.rtmp.open,
            opened,
            publishers: config.limits.publishers,
            window: config.limits.window,
        };
        let old = self.table.swap(Arc::new(new));
        let new = self.table.load();
        for gone in &old.entries {
            let now = new.entries.iter().find(|entry| entry.name == gone.name);
            gone.give_way_to(now);
        }
        if old.open && !Arc::ptr_eq(&old.opened, &new.opened) {
            old.opened.revoke("the server no longer takes streams of any name, or asks for a user");
        }
    }

    fn publish(&self, table: &Table, request: &AccessRequest) -> Result<Grant, Denial> {
        let key = cut(&request.name);
        if let Some(entry) = table.opened_by(request)? {
            admit(entry.login.as_ref(), request)?;
            let stream = self.hub.open(&entry.name, table.window);
            self.room(table, stream.is_live(), request)?;
            let lease = entry.publishing.lease();
            return Ok(Grant { stream, takeover: entry.takeover, lease });
        }
        if !table.open {
            let message = "the stream key is wrong: copy it again from the server's configuration";
            return Err(denial(DenialKind::UnknownKey, message));
        }
        let name = StreamName::new(key.expose()).map_err(|error| {
            denial(DenialKind::UnknownKey, &format!("{error}: use another key"))
        })?;
        admit(table.login.as_ref(), request)?;
        let known = self.hub.get(&name);
        if known.is_none() && self.hub.streams().len() >= MAX_OPEN + table.entries.len() {
            return Err(denial(DenialKind::Full, "the server carries too many streams already"));
        }
        self.room(table, known.is_some_and(|stream| stream.is_live()), request)?;
        let stream = self.hub.open(&name, table.window);
        let configured = table.entries.iter().find(|entry| entry.name == name);
        let takeover = configured.map_or_else(Takeover::default, |entry| entry.takeover);
        Ok(Grant { stream, takeover, lease: table.opened.lease() })
    }

    /// Whether one more may publish; whoever displaces another takes no new place.
    fn room(&self, table: &Table, displaces: bool, _: &AccessRequest) -> Result<(), Denial> {
        let Some(most) = table.publishers.filter(|_| !displaces) else { return Ok(()) };
        let live = self.hub.streams().iter().filter(|stream| stream.is_live()).count();
        if u32::try_from(live).is_ok_and(|live| live < most) {
            return Ok(());
        }
        Err(denial(DenialKind::Full, "the server takes no more streams at the moment"))
    }

    fn play(&self, table: &Table, request: &AccessRequest) -> Result<Grant, Denial> {
        let unknown = || denial(DenialKind::UnknownStream, "there is no stream of this name");
        let name = StreamName::new(cut(&request.name).expose()).map_err(|_| unknown())?;
        if let Some(entry) = table.entries.iter().find(|entry| entry.name == name) {
            if !entry.play {
                return Err(denial(DenialKind::Forbidden, "this stream cannot be watched here"));
            }
            let stream = self.hub.open(&name, table.window);
            return Ok(Grant { stream, takeover: entry.takeover, lease: entry.playing.lease() });
        }
        // viewers do not make streams: they may wait for a configured one only
        let stream = self.hub.get(&name).filter(|_| table.open).ok_or_else(unknown)?;
        Ok(Grant { stream, takeover: Takeover::default(), lease: table.opened.lease() })
    }

    fn decide(&self, request: &AccessRequest) -> Result<Grant, Denial> {
        let table = self.table.load();
        let answer = match request.action {
            Action::Publish => self.publish(&table, request),
            Action::Play => self.play(&table, request),
        };
        self.counters.note(request.action, answer.as_ref().err().map(|denial| denial.kind));
        if let Err(denial) = &answer {
            let (peer, protocol, action) = (request.peer, request.protocol, request.action);
            tracing::info!(%peer, protocol, ?action, "refused: {denial}");
        }
        answer
    }
}

impl Gate for ConfigGate {
    fn admit(&self, request: AccessRequest) -> Admission<'_> {
        Box::pin(async move { self.decide(&request) })
    }
}

impl Table {
    /// The Stream that a publisher means: the one that its name opens, else the one that a key
    /// elsewhere in its address opens, unless it names another Stream.
    fn opened_by(&self, request: &AccessRequest) -> Result<Option<&Entry>, Denial> {
        let name = cut(&request.name);
        let elsewhere = request.keys.iter().map(|key| self.by_key(key));
        // every key is looked up, so that the time taken tells nothing
        let elsewhere = elsewhere.fold(None, |found, entry| found.or(entry));
        let Some(entry) = self.by_key(&name).or(elsewhere) else { return Ok(None) };
        let text = name.expose();
        let named = self.entries.iter().find(|other| other.name.as_str() == text);
        match named {
            Some(named) if self.by_key(&name).is_none() && named.name != entry.name => {
                let message = "the key in the address is that of another stream than the named one";
                Err(denial(DenialKind::UnknownKey, message))
            }
            _ => Ok(Some(entry)),
        }
    }

    /// The Stream that a key opens. Every key is compared, and compared whole, so that the time
    /// taken tells nothing about any of them (C4, J6).
    fn by_key(&self, key: &Secret) -> Option<&Entry> {
        let mut found = NOBODY;
        for (number, entry) in self.entries.iter().enumerate() {
            let same = entry.key.expose().as_bytes().ct_eq(key.expose().as_bytes());
            let usable = subtle::Choice::from(u8::from(!entry.key.is_empty()));
            let number = u32::try_from(number).unwrap_or(NOBODY);
            found.conditional_assign(&number, same & usable);
        }
        self.entries.get(usize::try_from(found).ok()?)
    }
}

impl Entry {
    /// Keeps the leases of `before` that this configuration would have given too.
    fn new(stream: &StreamConfig, login: Option<&Login>, before: Option<&Self>) -> Self {
        let login = stream.login.as_ref().or(login).cloned();
        let same_key =
            before.filter(|before| before.key.matches(&stream.key) && before.login == login);
        let still_shown = before.filter(|before| before.play && stream.play);
        Self {
            name: stream.name.clone(),
            key: stream.key.clone(),
            login,
            play: stream.play,
            takeover: stream.takeover,
            publishing: same_key.map(|before| before.publishing.clone()).unwrap_or_default(),
            playing: still_shown.map(|before| before.playing.clone()).unwrap_or_default(),
        }
    }

    /// Takes back what the entry after the reload does not carry on.
    fn give_way_to(&self, next: Option<&Self>) {
        let Some(next) = next else {
            self.publishing.revoke("this stream was removed from the server");
            self.playing.revoke("this stream was removed from the server");
            return;
        };
        if !Arc::ptr_eq(&self.publishing, &next.publishing) {
            self.publishing.revoke("the stream key or user was changed on the server");
        }
        if self.play && !Arc::ptr_eq(&self.playing, &next.playing) {
            self.playing.revoke("this stream is no longer shown here");
        }
    }
}

/// The key or name up to a query that an encoder left on it.
fn cut(name: &Secret) -> Secret {
    match name.expose().split_once('?') {
        Some((before, _)) => Secret::new(before),
        None => name.clone(),
    }
}

/// Whether a publisher is the user that is wanted: proved at `connect`, or in plain words.
fn admit(wanted: Option<&Login>, request: &AccessRequest) -> Result<(), Denial> {
    let Some(wanted) = wanted else { return Ok(()) };
    let proved = request.user.as_ref().is_some_and(|user| user.matches(&wanted.user));
    let said = request.login.as_ref() == Some(wanted);
    if proved | said {
        return Ok(());
    }
    let message = "this stream asks for a user and a password: set them in the encoder";
    Err(denial(DenialKind::Forbidden, message))
}

fn denial(kind: DenialKind, message: &str) -> Denial {
    Denial { kind, message: message.to_owned() }
}

#[cfg(test)]
mod tests;
