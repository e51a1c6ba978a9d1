//! The attempt under way: one task with a Link in it, and what can be seen of it from outside.

use super::Links;
use crate::board::Totals;
use crate::machine::Sample;
use manycast_hub::{Bounds, Fault, LinkEnd, LinkMonitor, Stage, Start, StopHandle, Stream, Target};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use tracing::{Instrument, info_span};

/// How often the state of the connection is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Ticks each [`LOOK`], at the same moments for all destinations: fifty tasks that wake together
/// cost a fraction of fifty that wake one by one.
fn looks(epoch: tokio::time::Instant) -> Interval {
    let now = tokio::time::Instant::now();
    let since = now.saturating_duration_since(epoch).as_millis();
    let since = Duration::from_millis((since % LOOK.as_millis()).try_into().unwrap_or(0));
    let mut looks = interval_at(now + (LOOK - since), LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    looks
}

/// How an attempt's task ended.
pub(super) enum Ended {
    /// The Link says why.
    Said(LinkEnd),
    /// We dropped it.
    Dropped,
    /// A defect of ours.
    Panicked,
}

pub(super) struct Session {
    /// Holds one task, and aborts it when dropped.
    task: JoinSet<LinkEnd>,
    stop: StopHandle,
    pub(super) monitor: Arc<LinkMonitor>,
    pub(super) target: Target,
    /// Whether the address is one that a far end sent us to.
    pub(super) redirected: bool,
    stages: watch::Receiver<Option<Stage>>,
    told: Option<Stage>,
    look: Interval,
    pub(super) began: Instant,
    /// The number of this attempt.
    pub(super) dial: u64,
}

impl Session {
    pub(super) fn start(
        target: Target,
        bounds: Bounds,
        links: &Links,
        stream: Option<&Arc<Stream>>,
        now: Instant,
        epoch: tokio::time::Instant,
    ) -> Self {
        let monitor = LinkMonitor::new();
        let (stop, stopped) = StopHandle::new();
        let source = stream.map(|stream| stream.subscribe(Start::CurrentGop, bounds, now));
        let link = links(scheme(&target.url));
        let span = info_span!("delivery");
        let mut task = JoinSet::new();
        let (used, counters) = (target.clone(), monitor.clone());
        let attempt = async move {
            match (link, source) {
                (Some(link), Some(source)) => link.deliver(used, source, counters, stopped).await,
                (None, _) => no_link(&used),
                (_, None) => gone(),
            }
        };
        task.spawn(attempt.instrument(span));
        let stages = monitor.stages();
        Self {
            task,
            stop,
            monitor,
            target,
            redirected: false,
            stages,
            told: None,
            look: looks(epoch),
            began: now,
            dial: 0,
        }
    }

    /// Waits for its end, or until there is something to [`Session::observe`]. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        tokio::select! {
            end = self.task.join_next() => Some(end.map_or(Ended::Dropped, Ended::from)),
            _ = self.stages.changed() => None,
            _ = self.look.tick() => None,
        }
    }

    /// The stage, if it is a new one, and the state of the connection.
    pub(super) fn observe(&mut self) -> (Option<Stage>, Sample) {
        let stage = *self.stages.borrow_and_update();
        let new = stage.filter(|_| stage > self.told);
        self.told = stage.max(self.told);
        let progress = self.monitor.progress();
        let sample = Sample {
            written: self.monitor.bytes_at_report(),
            acked: progress.acked_bytes,
            unacked: progress.unacked_bytes,
            lag: progress.lag,
            unfed: self.monitor.is_unfed(),
            reports: self.monitor.reports(),
        };
        (new, sample)
    }

    pub(super) fn was_accepted(&self) -> bool {
        self.told == Some(Stage::Accepted)
    }

    pub(super) fn totals(&self) -> Totals {
        Totals::of(&self.monitor)
    }

    pub(super) fn stop(&mut self, orderly: bool) {
        if orderly {
            self.stop.stop();
        } else {
            self.task.abort_all();
        }
    }

    /// Ends it at once and waits until it is gone.
    pub(super) async fn kill(&mut self) {
        self.task.shutdown().await;
    }
}

impl From<Result<LinkEnd, JoinError>> for Ended {
    fn from(end: Result<LinkEnd, JoinError>) -> Self {
        match end {
            Ok(end) => Self::Said(end),
            Err(error) if error.is_panic() => Self::Panicked,
            Err(_) => Self::Dropped,
        }
    }
}

fn scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(scheme, _)| scheme)
}

fn no_link(target: &Target) -> LinkEnd {
    let message = match scheme(&target.url) {
        "" => "the address has no scheme, it should begin like rtmp://".into(),
        scheme => format!("{scheme}:// is no address that a stream can be sent to"),
    };
    LinkEnd::new(Fault::Configuration, message)
}

fn gone() -> LinkEnd {
    LinkEnd::new(Fault::None, "the stream was removed")
}
