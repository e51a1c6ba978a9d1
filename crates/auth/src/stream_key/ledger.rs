//! Writes down when and from where stream keys were used, without costing an admission anything.

use crate::gate::{AccessGate, Attempt, AttemptOutcome, GateObserver};
use manycast_store::{KeyUse, Store, StreamKeyId, UnixMs};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// A key is written at most once in this time.
const EVERY: Duration = Duration::from_secs(60);

/// The last use of each key that is not written yet: at most one for each key of the gate's table.
pub struct KeyLedger {
    store: Store,
    gate: Weak<AccessGate>,
    unwritten: Mutex<HashMap<StreamKeyId, (UnixMs, IpAddr)>>,
    woken: Notify,
}

impl KeyLedger {
    /// A ledger that observes `gate`. Spawn [`KeyLedger::run`] and call [`KeyLedger::flush`] at the
    /// end.
    #[must_use]
    pub fn new(store: Store, gate: &Arc<AccessGate>) -> Arc<Self> {
        let (unwritten, woken) = (Mutex::default(), Notify::new());
        let ledger = Arc::new(Self { store, gate: Arc::downgrade(gate), unwritten, woken });
        gate.observe(ledger.clone());
        ledger
    }

    /// Writes, at once after a quiet minute and then once a minute, for ever.
    pub async fn run(self: Arc<Self>) {
        loop {
            self.woken.notified().await;
            self.flush().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Writes what is not written yet. What cannot be written is kept for the next time.
    pub async fn flush(&self) {
        let Some(gate) = self.gate.upgrade() else { return };
        let unwritten = std::mem::take(&mut *self.unwritten.lock());
        if unwritten.is_empty() {
            return;
        }
        let use_of = |(id, (at, address)): (&StreamKeyId, &(UnixMs, IpAddr))| {
            let known = gate.known_addresses(&id.to_string());
            let known_addresses = known.iter().map(IpAddr::to_string).collect();
            let address = address.to_canonical().to_string();
            KeyUse { id: *id, at: *at, address, known_addresses }
        };
        let uses: Vec<KeyUse> = unwritten.iter().map(use_of).collect();
        if let Err(error) = self.store.touch_stream_keys(&uses).await {
            tracing::warn!(%error, "the last use of stream keys is not written");
            let mut now = self.unwritten.lock();
            for (id, used) in unwritten {
                now.entry(id).or_insert(used);
            }
            drop(now);
            self.woken.notify_one();
        }
    }
}

impl GateObserver for KeyLedger {
    fn attempted(&self, attempt: &Attempt) {
        let AttemptOutcome::Admitted { .. } = attempt.outcome else { return };
        let id = attempt.key.as_ref().and_then(|key| key.id.as_deref());
        let Some(id) = id.and_then(StreamKeyId::parse) else { return };
        self.unwritten.lock().insert(id, (attempt.at, attempt.peer.ip()));
        self.woken.notify_one();
    }
}
