//! Whom the other server let in: good for nothing but the time in which it does not answer (K8).
//!
//! While it answers, each session is asked about anew, so that whoever was thrown out stays out.

use std::collections::HashMap;

use manycast_hub::{AccessRequest, Action};
use manycast_media::StreamName;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Most askers that are remembered; more are let in as before, and not remembered.
const MOST: usize = 10_000;

/// What makes two requests the same: everything that the answer may have depended on, the port of
/// the asker apart. A digest, since it covers a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mark([u8; 32]);

impl Mark {
    pub(super) fn of(request: &AccessRequest) -> Self {
        let user = request.user.as_ref().or(request.login.as_ref().map(|login| &login.user));
        let password = request.login.as_ref().map(|login| &login.password);
        let secret = |secret: Option<&manycast_hub::Secret>| {
            secret.map(|secret| secret.expose().to_owned()).unwrap_or_default()
        };
        let action = match request.action {
            Action::Publish => "publish",
            Action::Play => "play",
        };
        let parts = [
            action.to_owned(),
            request.protocol.to_owned(),
            request.app.clone(),
            request.peer.ip().to_canonical().to_string(),
            secret(Some(&request.name)),
            secret(Some(&request.query)),
            secret(Some(&request.client.tc_url)),
            secret(user),
            secret(password),
        ];
        let mut digest = Sha256::new();
        for part in parts {
            // with its length before it, so that no two lists look alike
            digest.update(part.len().to_be_bytes());
            digest.update(part.as_bytes());
        }
        Self(digest.finalize().into())
    }
}

struct Known {
    /// The name that it was let in under, if another.
    name: Option<StreamName>,
    /// Sessions that run.
    running: u32,
    /// When the last of them is forgotten.
    until: Instant,
}

impl Known {
    fn holds(&self, now: Instant) -> bool {
        self.running > 0 || now < self.until
    }
}

/// The askers that were let in.
#[derive(Default)]
pub(super) struct Memory(HashMap<Mark, Known>);

impl Memory {
    /// A session begins that was let in. `false`: there is no room to remember it.
    pub(super) fn begun(&mut self, mark: &Mark, name: Option<StreamName>, now: Instant) -> bool {
        if !self.0.contains_key(mark) && self.0.len() >= MOST {
            self.0.retain(|_, known| known.holds(now));
            if self.0.len() >= MOST {
                return false;
            }
        }
        let fresh = || Known { name: None, running: 0, until: now };
        let known = self.0.entry(*mark).or_insert_with(fresh);
        known.name = name;
        known.running = known.running.saturating_add(1);
        true
    }

    /// One of its sessions is over.
    pub(super) fn ended(&mut self, mark: &Mark, until: Instant) {
        if let Some(known) = self.0.get_mut(mark) {
            known.running = known.running.saturating_sub(1);
            known.until = known.until.max(until);
        }
    }

    /// Whether it was let in, and runs or ran just now; with the name, if another.
    pub(super) fn recall(&self, mark: &Mark, now: Instant) -> Option<Option<StreamName>> {
        self.0.get(mark).filter(|known| known.holds(now)).map(|known| known.name.clone())
    }

    pub(super) fn forget(&mut self, mark: &Mark) {
        self.0.remove(mark);
    }

    pub(super) fn forget_all(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn mark(n: usize) -> Mark {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        Mark(bytes)
    }

    #[test]
    fn a_yes_lasts_as_long_as_its_sessions_and_a_little_longer() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut memory = Memory::default();
        assert_eq!(memory.recall(&mark(1), now), None);
        assert!(memory.begun(&mark(1), None, now));
        assert!(memory.begun(&mark(1), None, now));
        let much_later = now + 100_000 * second;
        assert_eq!(memory.recall(&mark(1), much_later), Some(None));
        memory.ended(&mark(1), much_later + 10 * second);
        assert_eq!(memory.recall(&mark(1), much_later + 60 * second), Some(None), "one runs");
        memory.ended(&mark(1), much_later + 20 * second);
        assert_eq!(memory.recall(&mark(1), much_later + 19 * second), Some(None));
        assert_eq!(memory.recall(&mark(1), much_later + 20 * second), None);
        assert_eq!(memory.recall(&mark(2), now), None);
    }

    #[test]
    fn the_name_is_remembered_and_a_no_forgets() {
        let now = Instant::now();
        let mut memory = Memory::default();
        let name = StreamName::new("other").unwrap();
        assert!(memory.begun(&mark(1), Some(name.clone()), now));
        assert_eq!(memory.recall(&mark(1), now), Some(Some(name)));
        memory.forget(&mark(1));
        assert_eq!(memory.recall(&mark(1), now), None);
        memory.ended(&mark(1), now + Duration::from_secs(10));
        assert_eq!(memory.recall(&mark(1), now), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let now = Instant::now();
        let mut memory = Memory::default();
        for n in 0..MOST {
            assert!(memory.begun(&mark(n), None, now));
        }
        assert!(!memory.begun(&mark(MOST), None, now), "all of them run");
        assert!(memory.begun(&mark(1), None, now), "known already");
        memory.ended(&mark(0), now);
        assert!(memory.begun(&mark(MOST), None, now), "one is over");
        assert_eq!(memory.0.len(), MOST);
    }
}
