//! Carrying a Stream to a remote: what a Delivery asks of a protocol, and what it is told.
//!
//! Declared here, implemented by each protocol's network crate, driven by the restream service.

use crate::{Secret, Subscriber};
use manycast_media::TrackRule;
use parking_lot::Mutex;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Where to. Prints neither the key nor what else of the address may be secret.
#[derive(Clone)]
pub struct Target {
    /// The address as configured, without the key, for example `rtmps://host/app`.
    pub url: String,
    /// The key that the remote knows us by.
    pub key: Secret,
    /// Who we are, for remotes that ask for it.
    pub login: Option<Login>,
    /// What the remote bears.
    pub config_change: ConfigChange,
    /// Whether the remote is told what we can.
    pub announce: Announce,
    /// Which Tracks it is sent.
    pub tracks: WantedTracks,
}

/// Which Tracks a remote is sent. Where nothing is said the default Track, or all of them if the
/// remote says that it takes several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WantedTracks {
    /// Of the video Tracks.
    pub video: Option<TrackRule>,
    /// Of the audio Tracks.
    pub audio: Option<TrackRule>,
}

/// A user and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name of the user.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

/// Whether a remote is told of what goes beyond the oldest form of its protocol. Some front ends
/// refuse whoever says what they do not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Announce {
    /// Only when the Stream holds what the oldest form cannot carry; and once without, if a remote
    /// refuses to hear of it.
    #[default]
    Auto,
    /// Never.
    Nothing,
    /// Always.
    Everything,
}

impl Target {
    /// An address and a key, with the defaults for the rest.
    #[must_use]
    pub fn new(url: &str, key: Secret) -> Self {
        Self {
            url: url.to_owned(),
            key,
            login: None,
            config_change: ConfigChange::default(),
            announce: Announce::default(),
            tracks: WantedTracks::default(),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let Self { config_change, announce, tracks, .. } = self;
        f.debug_struct("Target")
            .field("url", &format_args!("{scheme}://{host}/..."))
            .field("config_change", config_change)
            .field("announce", announce)
            .field("tracks", tracks)
            .finish_non_exhaustive()
    }
}

/// What to do when the configuration of a Track changes while a remote is being fed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConfigChange {
    /// Send the new configuration within the session: no gap, if the remote bears it.
    #[default]
    Headers,
    /// End the session with [`Fault::Renewed`], so that a new one begins with the new configuration:
    /// for remotes that freeze or refuse otherwise.
    Redial,
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Looking up the name.
    Resolving,
    /// Opening the connection.
    Connecting,
    /// Setting up encryption.
    Securing,
    /// The protocol's own greeting.
    Handshake,
    /// Asking to publish.
    Publishing,
    /// The remote said yes; media may flow.
    Accepted,
}

/// Whose fault an end was and what it was, in the sense that decides about the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// We were told to stop, or the Stream was closed.
    None,
    /// The address or our own settings forbid it; waiting does not help.
    Configuration,
    /// The name could not be resolved.
    Dns,
    /// Nobody listens there, or the network says no.
    Unreachable,
    /// No answer in time while connecting.
    ConnectTimeout,
    /// Encryption could not be set up.
    Tls,
    /// The far end did not speak the protocol, or broke it.
    Handshake,
    /// The far end said no, in its own words.
    Rejected,
    /// The far end said that somebody publishes under the name already.
    Occupied,
    /// The far end said no in a way that some use for a name that is in use, and others for one that
    /// they do not know (`NetStream.Publish.BadName`): only the circumstances tell the two apart.
    BadName,
    /// The far end sends us to [`LinkEnd::redirect`].
    Redirected,
    /// We ended the session for the sake of [`ConfigChange::Redial`], without the goodbye that would
    /// end the broadcast.
    Renewed,
    /// The connection broke.
    Reset,
    /// The far end closed without a word.
    Closed,
}

/// Why an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LinkEnd {
    /// For the supervisor.
    pub fault: Fault,
    /// For people; no secrets in it.
    pub message: String,
    /// With [`Fault::Redirected`]: the address to try instead, in the form of [`Target::url`]. The
    /// far end's word, not judged yet; it may hold a token.
    pub redirect: Option<Secret>,
}

impl LinkEnd {
    /// An end that leads nowhere else.
    #[must_use]
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), redirect: None }
    }
}

/// Counters of one attempt, written by the Link and read by anybody.
#[derive(Debug, Default)]
pub struct LinkMonitor {
    stage: watch::Sender<Option<Stage>>,
    /// The last report, and the bytes counted by then.
    progress: Mutex<(Progress, u64)>,
    reports: AtomicU64,
    left_out: Mutex<Option<Arc<str>>>,
    unfed: AtomicBool,
    /// Frames handed to the connection.
    pub frames: AtomicU64,
    /// Bytes handed to the connection.
    pub bytes: AtomicU64,
    /// Gops left out because the connection was too slow.
    pub dropped_gops: AtomicU64,
    /// Frames left out because the connection was too slow.
    pub dropped_frames: AtomicU64,
}

/// What is known of the connection at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes handed to the connection and not yet acknowledged by the far end, wherever they wait.
    pub unacked_bytes: u64,
    /// Bytes that the far end's host acknowledged, over the whole connection.
    pub acked_bytes: u64,
    /// Round-trip time.
    pub rtt: Duration,
    /// How old the oldest Frame is that was not yet handed to the connection.
    pub lag: Duration,
}

impl LinkMonitor {
    /// Counters of a new attempt.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Tells how far the attempt is.
    pub fn reach(&self, stage: Stage) {
        self.stage.send_replace(Some(stage));
    }

    /// Follows the stages.
    #[must_use]
    pub fn stages(&self) -> watch::Receiver<Option<Stage>> {
        self.stage.subscribe()
    }

    /// Notes the state of the connection, as it is after all that was counted with
    /// [`LinkMonitor::sent`] until now.
    pub fn report(&self, progress: Progress) {
        *self.progress.lock() = (progress, self.bytes.load(Ordering::Relaxed));
        self.reports.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the state of the connection was noted: a sign that the Link itself is alive.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.reports.load(Ordering::Relaxed)
    }

    /// The last state noted.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.lock().0
    }

    /// The bytes that had been handed to the connection when its state was last noted: the two can
    /// be set against each other.
    #[must_use]
    pub fn bytes_at_report(&self) -> u64 {
        self.progress.lock().1
    }

    /// Notes what is not sent because the far end cannot take it, in a sentence; `None`: nothing.
    pub fn leave_out(&self, words: Option<&str>) {
        *self.left_out.lock() = words.map(Arc::from);
    }

    /// What is not sent because the far end cannot take it.
    #[must_use]
    pub fn left_out(&self) -> Option<Arc<str>> {
        self.left_out.lock().clone()
    }

    /// Notes whether nothing at all of what flows can be sent; the words are those of
    /// [`LinkMonitor::leave_out`].
    pub fn set_unfed(&self, unfed: bool) {
        self.unfed.store(unfed, Ordering::Relaxed);
    }

    /// Whether the Stream flows, and nothing of it can be sent.
    #[must_use]
    pub fn is_unfed(&self) -> bool {
        self.unfed.load(Ordering::Relaxed)
    }

    /// Counts what was handed to the connection.
    pub fn sent(&self, frames: u64, bytes: u64) {
        self.frames.fetch_add(frames, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts what was left out.
    pub fn skipped(&self, frames: u64, gops: u64) {
        self.dropped_frames.fetch_add(frames, Ordering::Relaxed);
        self.dropped_gops.fetch_add(gops, Ordering::Relaxed);
    }
}

/// The order to stop, as seen by the Link.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Gives the order to stop. Dropping it gives it too.
#[derive(Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl StopHandle {
    /// A pair of giver and follower.
    #[must_use]
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Orders an orderly goodbye.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Resolves at the order. Cancel-safe.
    pub async fn ordered(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// An attempt under way.
pub type Running = Pin<Box<dyn Future<Output = LinkEnd> + Send>>;

/// Carries a Stream to a remote.
pub trait Link: Send + Sync + 'static {
    /// Connects, greets, publishes and then sends whatever `source` yields until it ends, the far
    /// end ends it, or `stop` is ordered; then says goodbye as the protocol wants it. Reports to
    /// `monitor` on the way: stages, counters, and the state of the connection at least twice per
    /// second. Begins with the configuration and a key frame, times from zero and rising.
    fn deliver(
        &self,
        target: Target,
        source: Subscriber,
        monitor: Arc<LinkMonitor>,
        stop: Stop,
    ) -> Running;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_a_target_prints_no_secret() {
        let target = Target::new("rtmps://user:pass@host:443/app/x?token=t0k", Secret::new("sk_1"));
        let shown = format!("{target:?}");
        assert!(shown.contains("rtmps://host:443/..."), "{shown}");
        assert!(
            !["user", "pass", "t0k", "sk_1", "app"].iter().any(|s| shown.contains(s)),
            "{shown}"
        );
    }

    #[test]
    fn a_report_keeps_the_bytes_counted_by_then() {
        let monitor = LinkMonitor::new();
        assert_eq!((monitor.reports(), monitor.bytes_at_report()), (0, 0));
        monitor.sent(1, 700);
        monitor.report(Progress { unacked_bytes: 300, ..Progress::default() });
        monitor.sent(1, 900);
        assert_eq!((monitor.reports(), monitor.bytes_at_report()), (1, 700));
        assert_eq!(monitor.progress().unacked_bytes, 300);
    }
}
