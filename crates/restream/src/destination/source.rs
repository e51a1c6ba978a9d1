//! Follows one Stream by name through its life in the hub, and says it in the machine's words.

use crate::machine::Input;
use manycast_hub::{Hub, Liveness, OnAir, RunEnd, Stream};
use manycast_media::StreamName;
use std::sync::Arc;
use tokio::sync::watch;

/// What the Stream of one name does, in the order it does it.
pub struct Source {
    hub: Arc<Hub>,
    name: StreamName,
    /// Streams may have come to the hub.
    arrivals: watch::Receiver<u64>,
    attached: Option<Attached>,
}

struct Attached {
    stream: Arc<Stream>,
    liveness: watch::Receiver<Liveness>,
    seen: Liveness,
}

impl Source {
    /// Follows the Stream of this name.
    #[must_use]
    pub fn new(hub: Arc<Hub>, name: StreamName) -> Self {
        let arrivals = hub.changes();
        Self { hub, name, arrivals, attached: None }
    }

    /// The Stream, if there is one.
    #[must_use]
    pub fn stream(&self) -> Option<&Arc<Stream>> {
        self.attached.as_ref().map(|attached| &attached.stream)
    }

    /// Waits until there may be something to [`Source::look`] at. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        // Neither sender can go: we hold the hub, and the Stream.
        let _ = match &mut self.attached {
            Some(attached) => attached.liveness.changed().await,
            None => self.arrivals.changed().await,
        };
    }

    /// What happened since the last look.
    pub fn look(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        loop {
            if self.attached.is_none() {
                self.arrivals.borrow_and_update();
                let Some(stream) = self.hub.get(&self.name).filter(|s| !s.is_closed()) else {
                    return inputs;
                };
                self.attached = Some(Attached::new(stream));
            }
            let Some(attached) = &mut self.attached else { return inputs };
            attached.look(&mut inputs);
            if attached.seen.on_air != OnAir::Closed {
                return inputs;
            }
            self.attached = None;
        }
    }
}

impl Attached {
    fn new(stream: Arc<Stream>) -> Self {
        let liveness = stream.liveness();
        // What ended before our time is no news.
        let orderly_ends = liveness.borrow().orderly_ends;
        let seen = Liveness { on_air: OnAir::Offline, orderly_ends };
        Self { stream, liveness, seen }
    }

    fn look(&mut self, inputs: &mut Vec<Input>) {
        let new = *self.liveness.borrow_and_update();
        let old = std::mem::replace(&mut self.seen, new);
        if new.orderly_ends != old.orderly_ends || new.on_air == OnAir::Closed {
            inputs.push(Input::StreamEnded(RunEnd::Orderly));
        }
        if new == old {
            return;
        }
        match new.on_air {
            OnAir::Live { .. } => inputs.push(Input::StreamLive),
            OnAir::Ended(RunEnd::Lost) => inputs.push(Input::StreamEnded(RunEnd::Lost)),
            OnAir::Offline | OnAir::Ended(RunEnd::Orderly) | OnAir::Closed => {}
        }
    }
}
