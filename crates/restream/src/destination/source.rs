//! Follows one Stream by name through its life in the hub, and says it in the machine's words.

use crate::machine::Input;
use manycast_hub::{Hub, Liveness, OnAir, RunEnd, Stream};
use manycast_media::StreamName;
use std::sync::Arc;
use std::time::{Duration, Instant};
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
    /// The encoder is connected and sends nothing.
    silent: bool,
}

/// An encoder that has sent nothing for so long is away, though its connection may stand: one that
/// froze, or whose network is gone without a word.
const QUIET: Duration = Duration::from_secs(3);
/// How soon it is noticed that it sends again.
const HEARD_WITHIN: Duration = Duration::from_millis(250);

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

    /// Whether the encoder fell silent or was heard again since the last time.
    pub fn listen(&mut self, now: Instant) -> Option<Input> {
        let attached = self.attached.as_mut()?;
        let quiet = attached.stream.silence(now).is_some_and(|silence| silence >= QUIET);
        let silent = attached.is_live() && quiet;
        let changed = std::mem::replace(&mut attached.silent, silent) != silent;
        let input = if silent { Input::StreamSilent } else { Input::StreamLive };
        (changed && attached.is_live()).then_some(input)
    }

    /// When to [`Source::listen`] at the latest.
    #[must_use]
    pub fn listen_at(&self, now: Instant) -> Option<Instant> {
        let attached = self.attached.as_ref().filter(|attached| attached.is_live())?;
        if attached.silent {
            return Some(now + HEARD_WITHIN);
        }
        let silence = attached.stream.silence(now)?;
        Some(now + QUIET.saturating_sub(silence).max(HEARD_WITHIN))
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
        Self { stream, liveness, seen, silent: false }
    }

    fn is_live(&self) -> bool {
        matches!(self.seen.on_air, OnAir::Live { .. })
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
