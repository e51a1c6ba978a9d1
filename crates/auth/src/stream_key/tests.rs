//! Keys over a real database, and the gate that they open.

use super::*;
use crate::gate::{AccessGate, AccessTable, StreamAccess};
use manycast_hub::{AccessRequest, Action, Gate, Grant, Hub, Takeover};
use manycast_store::Options;
use std::sync::Arc;
use tempfile::TempDir;

const T0: UnixMs = UnixMs(1_800_000_000_000);

struct House {
    dir: TempDir,
    store: Store,
    clock: Clock,
    keys: StreamKeys,
    gate: Arc<AccessGate>,
}

async fn house() -> House {
    let (dir, clock) = (TempDir::new().unwrap(), Clock::fixed(T0));
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let keys = StreamKeys::new(store.clone(), clock.clone());
    let gate = AccessGate::with_clock(Hub::new(), clock.clone());
    House { dir, store, clock, keys, gate }
}

fn main() -> StreamName {
    StreamName::new("main").unwrap()
}

fn new(label: &str) -> NewStreamKey {
    let label = label.to_owned();
    NewStreamKey { stream: main(), label, addresses: Vec::new(), expires_at: None }
}

impl House {
    /// What whoever keeps streams does after each change.
    async fn apply(&self) {
        let mut keys = self.keys.access_all().await.unwrap();
        let keys = keys.remove("main").unwrap_or_default();
        let main = StreamAccess {
            name: main(),
            keys,
            login: None,
            play: true,
            takeover: Takeover::default(),
        };
        self.gate.apply(AccessTable { streams: vec![main], ..AccessTable::default() });
    }

    async fn publish(&self, key: &Secret) -> Option<Grant> {
        let request = AccessRequest {
            action: Action::Publish,
            protocol: "rtmp",
            app: "live".to_owned(),
            name: key.clone(),
            keys: Vec::new(),
            query: Secret::default(),
            user: None,
            login: None,
            peer: "192.0.2.1:5000".parse().unwrap(),
            secure: false,
            client: manycast_hub::ClientFacts::default(),
        };
        self.gate.admit(request).await.ok()
    }

    async fn make(&self, label: &str) -> (StreamKey, Secret) {
        let made = self.keys.create(new(label), &Actor::system()).await.unwrap();
        self.apply().await;
        made
    }
}

fn is_over(grant: &mut Grant) -> bool {
    let mut revoked = std::pin::pin!(grant.lease.revoked());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    revoked.as_mut().poll(&mut context).is_ready()
}

#[tokio::test]
async fn j2_a_key_is_shown_once_and_kept_as_a_hash() {
    let house = house().await;
    let (key, text) = house.make("Studio").await;
    assert_eq!(text.expose().len(), 26);
    assert_eq!(key.prefix, text.expose()[..8]);
    assert!(house.publish(&text).await.is_some());
    let (of_main, all) = (house.keys.of(&main()).await.unwrap(), house.keys.all().await.unwrap());
    assert_eq!((of_main.len(), all.len()), (1, 1));
    assert!(of_main[0].id == key.id && all[0].id == key.id);
    let files = std::fs::read_dir(house.dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap()).collect();
    let holds = |text: &str| {
        files.iter().any(|file| file.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    assert!(holds(&key.prefix), "the files were read");
    assert!(!holds(text.expose()) && !holds(&text.expose()[8..]));
}

#[tokio::test]
async fn j7_rotating_with_a_grace_cuts_nobody() {
    let house = house().await;
    let (old, old_text) = house.make("Studio").await;
    let mut live = house.publish(&old_text).await.unwrap();
    let grace = Duration::from_secs(3600);
    let (new, new_text) = house.keys.rotate(&old.id, grace, &Actor::system()).await.unwrap();
    house.apply().await;
    assert_eq!((new.label.as_str(), new.expires_at), ("Studio", None));
    assert!(house.publish(&old_text).await.is_some(), "within the grace");
    let mut next = house.publish(&new_text).await.unwrap();
    house.clock.advance(grace);
    house.apply().await;
    assert!(house.publish(&old_text).await.is_none(), "after the grace");
    assert!(!is_over(&mut live) && !is_over(&mut next));
    house.keys.revoke(&old.id, &Actor::system()).await.unwrap();
    house.apply().await;
    assert!(is_over(&mut live) && !is_over(&mut next));
}

#[tokio::test]
async fn rotating_without_a_grace_ends_what_runs() {
    let house = house().await;
    let (old, old_text) = house.make("Studio").await;
    let (_, other_text) = house.make("Backup").await;
    let mut live = house.publish(&old_text).await.unwrap();
    let mut other = house.publish(&other_text).await.unwrap();
    let (_, text) = house.keys.rotate(&old.id, Duration::ZERO, &Actor::system()).await.unwrap();
    house.apply().await;
    assert!(is_over(&mut live) && !is_over(&mut other));
    assert!(house.publish(&old_text).await.is_none() && house.publish(&text).await.is_some());
    assert!(house.keys.rotate(&old.id, Duration::ZERO, &Actor::system()).await.is_err());
    assert!(house.keys.revoke(&old.id, &Actor::system()).await.is_err());
}

#[tokio::test]
async fn a_key_is_edited_within_the_rules() {
    let house = house().await;
    let (key, text) = house.make("Studio").await;
    let edit = async |seen, change| house.keys.edit(&key.id, seen, change, &Actor::system()).await;
    let net: IpNet = "198.51.100.0/24".parse().unwrap();
    let addresses = Some(vec![net]);
    let bound = edit(Some(key.version), StreamKeyEdit { addresses, ..StreamKeyEdit::default() });
    let bound = bound.await.unwrap();
    assert_eq!((bound.addresses.as_slice(), bound.label.as_str()), (&[net][..], "Studio"));
    house.apply().await;
    assert!(house.publish(&text).await.is_none());
    let label = |text: &str| StreamKeyEdit { label: Some(text.to_owned()), ..Default::default() };
    let conflict = edit(Some(key.version), label("x")).await.unwrap_err();
    assert_eq!(conflict.word(), "conflict");
    assert_eq!(edit(None, label("")).await.unwrap_err().field(), Some("label"));
    let many = StreamKeyEdit { addresses: Some(vec![net; 33]), ..StreamKeyEdit::default() };
    assert_eq!(edit(None, many).await.unwrap_err().field(), Some("addresses"));
    let past = NewStreamKey { expires_at: Some(T0), ..new("x") };
    let refused = house.keys.create(past, &Actor::system()).await.unwrap_err();
    assert_eq!(refused.field(), Some("expires_at"));
}

#[tokio::test]
async fn a_stream_has_a_bounded_number_of_keys() {
    let house = house().await;
    for n in 0..MOST {
        house.keys.create(new(&n.to_string()), &Actor::system()).await.unwrap();
    }
    let full = house.keys.create(new("more"), &Actor::system()).await.unwrap_err();
    assert_eq!(full.word(), "limit");
    let one = house.keys.all().await.unwrap()[0].id;
    let grace = Duration::from_secs(1);
    assert!(house.keys.rotate(&one, grace, &Actor::system()).await.is_err());
    assert!(house.keys.rotate(&one, Duration::ZERO, &Actor::system()).await.is_ok());
}

#[tokio::test]
async fn the_last_use_is_written_and_remembered() {
    let house = house().await;
    let (key, text) = house.make("Studio").await;
    let ledger = KeyLedger::new(house.store.clone(), &house.gate);
    house.publish(&text).await.unwrap();
    ledger.flush().await;
    let row = house.keys.all().await.unwrap().remove(0);
    assert_eq!((row.last_used_at, row.last_address.as_deref()), (Some(T0), Some("192.0.2.1")));
    assert_eq!(row.known_addresses, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(row.version, key.version, "to be used is no edit");
}

#[tokio::test]
async fn expired_keys_that_nobody_uses_are_swept() {
    let house = house().await;
    let end = Some(T0.plus(Duration::from_secs(60)));
    for label in ["used", "unused"] {
        let new = NewStreamKey { expires_at: end, ..new(label) };
        house.keys.create(new, &Actor::system()).await.unwrap();
    }
    house.make("lasting").await;
    let used = house.keys.all().await.unwrap();
    let used = used.iter().find(|key| key.label == "used").unwrap().id.to_string();
    house.clock.advance(KEPT);
    assert_eq!(house.keys.sweep(|id| id == used).await.unwrap(), 0, "a week is not over");
    house.clock.advance(Duration::from_secs(61));
    assert_eq!(house.keys.sweep(|id| id == used).await.unwrap(), 1);
    let mut left: Vec<_> =
        house.keys.all().await.unwrap().into_iter().map(|key| key.label).collect();
    left.sort();
    assert_eq!(left, ["lasting", "used"]);
}

/// A key for a guest: given an end, prolonged, and refused afterwards; whoever is on air stays.
#[tokio::test]
async fn a_key_ends_when_it_was_said_to() {
    let house = house().await;
    let at = |seconds| T0.plus(Duration::from_secs(seconds));
    let guest = NewStreamKey { expires_at: Some(at(60)), ..new("Guest") };
    let (key, text) = house.keys.create(guest, &Actor::system()).await.unwrap();
    let end = async |expires_at| {
        let change = StreamKeyEdit { expires_at: Some(expires_at), ..StreamKeyEdit::default() };
        house.keys.edit(&key.id, None, change, &Actor::system()).await
    };
    assert_eq!(end(Some(T0)).await.unwrap_err().field(), Some("expires_at"));
    assert_eq!(end(None).await.unwrap().expires_at, None);
    assert_eq!(end(Some(at(90))).await.unwrap().expires_at, Some(at(90)));
    house.apply().await;
    let mut live = house.publish(&text).await.unwrap();
    house.clock.advance(Duration::from_secs(90));
    house.apply().await;
    assert!(!is_over(&mut live), "whoever is on air stays");
    assert!(house.publish(&text).await.is_none(), "nobody new");
}
