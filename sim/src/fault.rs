//! What goes wrong, when, where and for how long: drawn from a seed before the run, so that a list
//! can be cut and run again.
//!
//! Belongs here: kinds of trouble and how a run draws its own. Must not come here: what they do.

use crate::rng::Rng;
use std::fmt;
use std::time::Duration;

/// One piece of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins, from the start of the run.
    pub at: Duration,
    /// How long it lasts, where it lasts.
    pub lasts: Duration,
    /// Which destination it strikes, where it strikes one.
    pub place: usize,
    /// What it is.
    pub kind: Kind,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name cannot be resolved.
    DnsNone,
    /// The resolver takes so many milliseconds.
    DnsLate(u64),
    /// The name leads to an address that the egress gate forbids.
    DnsPrivate,
    /// Nobody listens.
    Refuse,
    /// Nothing gets through, in both directions; sessions go on if it ends in time.
    Blackhole,
    /// Sessions are reset, once.
    Reset,
    /// The platform closes its sessions in order without a word, once.
    Close,
    /// Sessions die without either end being told; the platform finds out after `lasts`.
    HalfOpen,
    /// The platform reads nothing.
    Stall,
    /// The platform reads so many bytes per second.
    Slow(u64),
    /// Bytes arrive in small random pieces.
    Split,
    /// The certificate is wrong.
    TlsBad,
    /// The TLS handshake is not answered.
    TlsHangs,
    /// The far end accepts and says nothing.
    Mute,
    /// The platform knows the key no more.
    BadKey,
    /// The platform sends its clients elsewhere so many times in a row.
    Redirect(u32),
    /// The platform ends each session after so many seconds.
    Cuts(u64),
    /// The platform's servers are replaced.
    Restart,
    /// The task of the attempt reports no more.
    LinkHangs,
    /// The task of the attempt panics, once.
    LinkPanics,
    /// The encoder's connection breaks; it comes back after `lasts`.
    EncoderLost,
    /// The encoder vanishes without the server being told; it comes back after `lasts`.
    EncoderGone,
    /// The person at the encoder ends the stream, and starts it again after `lasts`.
    EncoderStops,
    /// The encoder changes its parameters in mid-stream.
    EncoderChanges,
    /// A second encoder with the same key tries to publish.
    Rival,
    /// A person switches the destination off, and on again after `lasts`.
    Disable,
    /// A person changes the destination's address or key and back.
    Edit,
    /// A person changes how long the destination is held for a lost encoder, and changes it back.
    Patience,
    /// A person removes the destination, and adds it again after `lasts`.
    Remove,
    /// The process is stopped in order, and started again `lasts` after it is gone.
    Shutdown,
    /// The process is killed and started again after `lasts`; its sockets are closed.
    Crash,
    /// The machine loses power, and is back after `lasts`; nobody is told.
    PowerLoss,
}

impl Kind {
    /// Whether bytes on their way to the destination are late or lost because of it.
    #[must_use]
    pub fn hurts_the_path(self) -> bool {
        matches!(self, Self::Blackhole | Self::HalfOpen | Self::Stall | Self::Slow(_))
    }

    /// Whether it strikes the encoder or the process, and with them all destinations.
    #[must_use]
    pub fn is_common(self) -> bool {
        let process = matches!(self, Self::Crash | Self::PowerLoss | Self::Shutdown);
        let stream = matches!(self, Self::EncoderLost | Self::EncoderGone | Self::EncoderStops);
        process || stream || matches!(self, Self::EncoderChanges | Self::Rival)
    }

    fn draw(rng: &mut Rng) -> Self {
        match rng.below(32) {
            0 => Self::DnsNone,
            1 => Self::DnsLate(rng.pick(&[300, 2000, 9000, 20_000])),
            2 => Self::DnsPrivate,
            3 => Self::Refuse,
            4 => Self::Blackhole,
            5 => Self::Reset,
            6 => Self::Close,
            7 => Self::HalfOpen,
            8 => Self::Stall,
            9 => Self::Slow(rng.pick(&[200, 800, 2000, 6000])),
            10 => Self::Split,
            11 => Self::TlsBad,
            12 => Self::TlsHangs,
            13 => Self::Mute,
            14 => Self::BadKey,
            15 => Self::Redirect(rng.pick(&[1, 2, 3, 4, 9])),
            16 => Self::Cuts(rng.pick(&[2, 5, 20])),
            17 => Self::Restart,
            18 => Self::LinkHangs,
            19 => Self::LinkPanics,
            20 => Self::EncoderLost,
            21 => Self::EncoderGone,
            22 => Self::EncoderStops,
            23 => Self::EncoderChanges,
            24 => Self::Rival,
            25 => Self::Disable,
            26 => Self::Edit,
            27 => Self::Remove,
            28 => Self::Crash,
            29 => Self::Patience,
            30 => Self::Shutdown,
            _ => Self::PowerLoss,
        }
    }

    fn lasts(self, rng: &mut Rng) -> Duration {
        match self {
            Self::EncoderLost | Self::EncoderGone | Self::EncoderStops => {
                rng.pick(&[500, 1000, 5000, 12_000, 20_000, 29_000, 31_000, 40_000])
            }
            Self::HalfOpen => rng.pick(&[3000, 12_000, 25_000]),
            Self::Crash | Self::PowerLoss | Self::Shutdown => rng.pick(&[300, 1000, 4000]),
            Self::Disable | Self::Remove | Self::Edit => rng.pick(&[0, 200, 2500, 9000]),
            _ => rng.pick(&[400, 2000, 6000, 11_000, 25_000, 60_000]),
        }
        .into_millis(rng)
    }
}

trait Jitter {
    fn into_millis(self, rng: &mut Rng) -> Duration;
}

impl Jitter for u64 {
    /// The number, 12 % up or down.
    fn into_millis(self, rng: &mut Rng) -> Duration {
        rng.millis(self - self / 8, self + self / 8)
    }
}

/// The trouble of one run: a few kinds, each at its own rate, so that some runs have one kind and
/// some have ten.
#[must_use]
pub(crate) fn swarm(rng: &mut Rng, places: usize, from: Duration, to: Duration) -> Vec<Fault> {
    let kinds = rng.pick(&[1, 1, 2, 3, 4, 6, 10]);
    let mut list = Vec::new();
    for _ in 0..kinds {
        let kind = Kind::draw(rng);
        // Trouble that strikes all the time at one place, or now and then anywhere.
        let fixed = rng.chance(50).then(|| rng.below(places as u64));
        for _ in 0..=rng.below(4) {
            let place = fixed.unwrap_or_else(|| rng.below(places as u64));
            let span = (to - from).as_millis() as u64;
            list.push(Fault {
                at: from + Duration::from_millis(rng.below(span)),
                lasts: kind.lasts(rng),
                place: usize::try_from(place).unwrap_or(0),
                kind,
            });
        }
    }
    list.sort_by_key(|fault| fault.at);
    list
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, lasts, place, kind } = self;
        write!(f, "{:>8.3} s  {kind:?}", at.as_secs_f64())?;
        if !kind.is_common() {
            write!(f, " at destination {place}")?;
        }
        write!(f, ", {:.3} s", lasts.as_secs_f64())
    }
}
