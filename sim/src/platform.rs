//! Stand-ins of platforms: an ingest that behaves as one, as a value.
//!
//! ```text
//! carrier (simulator, or a test with sockets)        Platform
//!   accept(now, security) ------------------------->  a connection of its own number
//!   arrive(now, number, bytes | end | reset) ------>  ServerSession, keys, broadcasts
//!   tick(now, number) at deadline(number) --------->
//!   <---- next_action(number): send, close, reset     drain it after each of these
//! ```
//!
//! Belongs here: what the sessions of one platform mean to each other. Must not come here: sockets,
//! TLS, clocks. Who carries a stand-in over sockets terminates TLS for it and tells it, as
//! [`Security`], whether a server name was asked for; [`Profile::transport`] says what it demands.
//!
//! The wire is the product's own server session; that it speaks the protocol of others is proved
//! with real programs elsewhere. The stand-in adds what the session leaves to its owner.

mod connection;
mod profile;
mod record;
mod tap;
#[cfg(test)]
mod tests;

pub use profile::{AfterEnd, BadKey, HangUp, InUse, Parameters, Profile, Security, Transport};
pub use record::{Broadcast, BroadcastEnd, End, Frames, Intake, Run, Session};

use crate::frame::Reader;
use bytes::Bytes;
use connection::{Connection, Wish};
use manycast_rtmp::session::{RefusalCode, RequestId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

/// One connection of a platform; also its place in [`Platform::session`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub usize);

/// What came in on a connection.
#[derive(Clone, Copy, Debug)]
pub enum Arrival<'a> {
    /// Bytes, in any pieces; under TLS the decrypted ones.
    Bytes(&'a [u8]),
    /// The peer closed its side.
    Eof,
    /// The peer reset the connection, or it broke.
    Reset,
}

/// What to do with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write this.
    Send(Bytes),
    /// Write what came before, then close in order. Nothing follows.
    Close,
    /// Reset. Nothing follows.
    Reset,
}

/// What a platform knows of one key.
#[derive(Debug, Default)]
struct Slot {
    active: Option<usize>,
    lingers_until: Option<Instant>,
    broadcast: Option<usize>,
    dead: bool,
}

/// A stand-in.
#[derive(Debug)]
pub struct Platform {
    profile: Profile,
    connections: Vec<Connection>,
    slots: BTreeMap<String, Slot>,
    broadcasts: Vec<Broadcast>,
    /// Connections that are not over.
    open: BTreeSet<usize>,
    reader: Reader,
}

impl Platform {
    /// One that behaves so. `reader` tells the number of a frame, see [`crate::frame`].
    #[must_use]
    pub fn new(profile: Profile, reader: Reader) -> Self {
        Self {
            profile,
            connections: Vec::new(),
            slots: BTreeMap::new(),
            broadcasts: Vec::new(),
            open: BTreeSet::new(),
            reader,
        }
    }

    /// How it behaves.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Has it behave otherwise from now on.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// Somebody connected.
    pub fn accept(&mut self, now: Instant, security: Security) -> ConnectionId {
        let number = self.connections.len();
        let admitted = self.profile.transport.admits(&security);
        let seed = [u8::try_from(number % 251).unwrap_or(0); 32];
        let mut connection = Connection::new(now, security, seed, self.reader);
        if admitted {
            self.open.insert(number);
        } else {
            connection.hang_up(now, End::Transport, HangUp::Reset);
        }
        self.connections.push(connection);
        ConnectionId(number)
    }

    /// Something came in. What comes on a connection that is over is ignored.
    ///
    /// # Panics
    /// On a number that this platform did not give.
    pub fn arrive(&mut self, now: Instant, id: ConnectionId, arrival: Arrival<'_>) {
        self.settle(now);
        let wishes = self.connections[id.0].arrive(now, arrival, &self.profile);
        self.grant(now, id.0, wishes);
    }

    /// When [`Platform::tick`] is due for a connection. Look again after each call.
    ///
    /// # Panics
    /// As [`Platform::arrive`].
    #[must_use]
    pub fn deadline(&self, id: ConnectionId) -> Option<Instant> {
        self.connections[id.0].deadline(&self.profile)
    }

    /// Time has passed. Earlier or later than the deadline is harmless.
    ///
    /// # Panics
    /// As [`Platform::arrive`].
    pub fn tick(&mut self, now: Instant, id: ConnectionId) {
        self.settle(now);
        let wishes = self.connections[id.0].tick(now, &self.profile);
        self.grant(now, id.0, wishes);
    }

    /// What to do next with a connection. To be drained after each call above, and now and then
    /// besides: a session may be closed because another one took its place.
    ///
    /// # Panics
    /// As [`Platform::arrive`].
    pub fn next_action(&mut self, id: ConnectionId) -> Option<Action> {
        self.connections[id.0].next_action()
    }

    /// Connections that may have something to do.
    pub fn open(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.open.iter().copied().map(ConnectionId)
    }

    /// What one connection brought.
    ///
    /// # Panics
    /// As [`Platform::arrive`].
    #[must_use]
    pub fn session(&self, id: ConnectionId) -> &Session {
        &self.connections[id.0].record
    }

    /// All connections so far, in the order they came.
    pub fn sessions(&self) -> impl DoubleEndedIterator<Item = &Session> + ExactSizeIterator {
        self.connections.iter().map(|connection| &connection.record)
    }

    /// Those of them that were accepted with a key that the platform knows.
    pub fn published(&self) -> impl DoubleEndedIterator<Item = &Session> {
        let known = |c: &&Connection| c.key.is_some();
        self.connections.iter().filter(known).map(|connection| &connection.record)
    }

    /// The broadcasts as they stand at `now`.
    pub fn broadcasts(&mut self, now: Instant) -> &[Broadcast] {
        self.settle(now);
        &self.broadcasts
    }

    /// The broadcasts as of the last call.
    #[must_use]
    pub fn broadcasts_so_far(&self) -> &[Broadcast] {
        &self.broadcasts
    }

    /// Ends all its sessions without a word, so or so.
    pub fn break_off(&mut self, now: Instant, how: HangUp) {
        for number in std::mem::take(&mut self.open) {
            let wishes = self.connections[number].hang_up(now, End::Cut, how);
            self.grant(now, number, wishes);
        }
    }

    /// Forgets what it held against its sessions: lengths, names in use; a session under a key that
    /// it did not know ends now.
    pub fn pardon(&mut self, now: Instant) {
        self.slots.values_mut().for_each(|slot| slot.lingers_until = None);
        for number in self.open.clone() {
            let connection = &mut self.connections[number];
            match connection.doom.take() {
                Some((_, End::BadKey)) => {
                    let wishes = connection.hang_up(now, End::BadKey, self.profile.hang_up);
                    self.grant(now, number, wishes);
                }
                Some(_) => connection.doom = self.profile.cut.map(|after| (now + after, End::Cut)),
                None => {}
            }
        }
    }

    fn grant(&mut self, now: Instant, number: usize, wishes: Vec<Wish>) {
        let mut wishes = VecDeque::from(wishes);
        while let Some(wish) = wishes.pop_front() {
            match wish {
                Wish::Publish(request, name) => {
                    wishes.extend(self.publish(now, number, request, &name))
                }
                Wish::Ended(end) => self.ended(now, number, end),
            }
        }
    }

    /// Decides about a publish.
    fn publish(
        &mut self,
        now: Instant,
        number: usize,
        request: RequestId,
        name: &str,
    ) -> Vec<Wish> {
        let key = name
            .split_once('?')
            .map_or(name, |(key, query)| if key.is_empty() { query } else { key });
        let known = self.profile.keys.iter().any(|own| own.as_str() == key || own == name);
        let slot = self.slots.entry(key.to_owned()).or_default();
        if !known || slot.dead {
            return self.bad_key(now, number, request);
        }
        let lingers = slot.lingers_until.is_some_and(|until| now < until);
        let rival = slot.active;
        if let InUse::Refuse(words) = self.profile.in_use
            && (rival.is_some() || lingers)
        {
            let refusal = (RefusalCode::BadName, words, End::Refused);
            return self.connections[number].refuse(now, request, refusal, &self.profile);
        }
        if let Some(rival) = rival {
            let wishes = self.connections[rival].hang_up(now, End::Replaced, HangUp::Fin);
            self.grant(now, rival, wishes);
        }
        self.take(now, number, key);
        self.connections[number].accept(now, request, &self.profile)
    }

    /// Makes a connection the session of a key.
    fn take(&mut self, now: Instant, number: usize, key: &str) {
        let slot = self.slots.entry(key.to_owned()).or_default();
        slot.active = Some(number);
        slot.lingers_until = None;
        self.connections[number].key = Some(key.to_owned());
        let place = slot.broadcast.filter(|place| self.broadcasts[*place].ended.is_none());
        let place = place.unwrap_or_else(|| {
            self.broadcasts.push(Broadcast {
                key: key.to_owned(),
                began: now,
                sessions: Vec::new(),
                ended: None,
                alone_since: None,
            });
            self.broadcasts.len() - 1
        });
        slot.broadcast = Some(place);
        let broadcast = &mut self.broadcasts[place];
        broadcast.sessions.push(number);
        broadcast.alone_since = None;
    }

    fn bad_key(&mut self, now: Instant, number: usize, request: RequestId) -> Vec<Wish> {
        let (profile, connection) = (&self.profile, &mut self.connections[number]);
        match profile.bad_key {
            BadKey::Close => connection.hang_up(now, End::BadKey, profile.hang_up),
            BadKey::TakeThenClose(after) => {
                let wishes = connection.accept(now, request, profile);
                connection.doom = Some((now + after, End::BadKey));
                wishes
            }
            BadKey::Refuse { code, words } => {
                connection.refuse(now, request, (code, words, End::BadKey), profile)
            }
        }
    }

    fn ended(&mut self, now: Instant, number: usize, end: End) {
        self.open.remove(&number);
        let Some(key) = self.connections[number].key.clone() else { return };
        let Some(slot) = self.slots.get_mut(&key).filter(|slot| slot.active == Some(number)) else {
            return;
        };
        slot.active = None;
        let Some(broadcast) = slot.broadcast.and_then(|place| self.broadcasts.get_mut(place))
        else {
            return;
        };
        match end {
            End::Goodbye => {
                broadcast.ended = Some((now, BroadcastEnd::Goodbye));
                slot.dead = self.profile.after_end == AfterEnd::KeyDead;
            }
            End::Lost | End::Protocol => {
                slot.lingers_until = Some(now + self.profile.linger);
                broadcast.alone_since = Some(now);
            }
            _ => broadcast.alone_since = Some(now),
        }
        self.settle(now);
    }

    /// Ends the broadcasts that nobody came back to.
    fn settle(&mut self, now: Instant) {
        for slot in self.slots.values_mut() {
            let Some(broadcast) = slot.broadcast.and_then(|place| self.broadcasts.get_mut(place))
            else {
                continue;
            };
            if let Some(at) = broadcast.due(self.profile.reconnect).filter(|at| *at <= now) {
                broadcast.ended = Some((at, BroadcastEnd::Abandoned));
                slot.dead |= self.profile.after_end == AfterEnd::KeyDead;
            }
        }
    }
}
