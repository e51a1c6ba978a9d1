//! What there is to see of the demo at a moment, as plain values, and its outcome.

use super::verify::Faults;
use manycast_restream::State;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The demo at a moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// Since the encoder began.
    pub(super) elapsed: Duration,
    /// When it ends by itself.
    pub(super) limit: Option<Duration>,
    /// The stream that the demo's encoder sends.
    pub(super) stream: StreamView,
    /// The stream that the audience may send.
    pub(super) own: StreamView,
    pub(super) viewers: u64,
    pub(super) destinations: Vec<DestinationView>,
    pub(super) rtmp: SocketAddr,
    /// Where to click: the dashboard, at its first visit with the link that makes an account.
    pub(super) dashboard: Option<String>,
    /// Why the port is not the usual one.
    pub(super) port_taken: bool,
}

/// A stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamView {
    pub(super) live: bool,
    /// Since it came on air.
    pub(super) time: Duration,
    pub(super) bitrate: u64,
    /// Codec and measures.
    pub(super) video: Option<String>,
    /// Pictures per second and distance of key frames.
    pub(super) pictures: Option<String>,
    pub(super) audio: Option<String>,
    pub(super) trouble: Option<&'static str>,
}

/// A destination.
#[derive(Clone, Debug)]
pub(super) struct DestinationView {
    pub(super) name: String,
    pub(super) state: State,
    pub(super) since: Duration,
    pub(super) bitrate: u64,
    pub(super) frames: u64,
    pub(super) dropped_gops: u64,
    pub(super) dials: u64,
    pub(super) last_error: Option<String>,
    /// What a destination that verifies found; `None` for the ill one.
    pub(super) check: Option<Check>,
}

/// What a destination found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// Frames that came as they were sent.
    pub(super) good: u64,
    pub(super) faults: Faults,
    /// The longest time without a frame.
    pub(super) silence: Duration,
}

/// The outcome at one destination.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) name: String,
    /// Everything that was sent came from its first key frame on, in order, once, unchanged.
    pub(super) whole: bool,
    /// Frames that it should have.
    pub(super) due: u64,
    /// Frames of these that it has not.
    pub(super) missing: u64,
    pub(super) check: Check,
}

/// The outcome of the demo. `Display` gives the last lines.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) outcomes: Vec<Outcome>,
}

impl Summary {
    /// Whether every destination has everything.
    pub(super) fn is_whole(&self) -> bool {
        !self.outcomes.is_empty() && self.outcomes.iter().all(|outcome| outcome.whole)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            let Outcome { name, due, missing, check, .. } = outcome;
            let Check { good, faults, silence } = check;
            let silence = silence.as_millis();
            writeln!(
                f,
                "{name}: {good} of {due} frames, bit by bit; longest silence {silence} ms"
            )?;
            if !outcome.whole {
                let Faults { doubled, changed, mistimed, .. } = faults;
                write!(f, "{name}: {missing} missing, {doubled} doubled, {changed} changed, ")?;
                writeln!(f, "{mistimed} at another time")?;
            }
        }
        let whole = self.outcomes.iter().filter(|outcome| outcome.whole).count();
        let due: u64 = self.outcomes.iter().map(|outcome| outcome.due).sum();
        let missing: u64 = self.outcomes.iter().map(|outcome| outcome.missing).sum();
        writeln!(f, "demo: {whole}/{} whole, {due} frames, {missing} missing", self.outcomes.len())
    }
}
