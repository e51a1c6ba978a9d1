//! What the end of an attempt means for the next one, and in which words.

use super::attempt::Attempt;
use crate::Timings;
use manycast_hub::{Fault, LinkEnd, Stage};
use std::time::Duration;

/// So many closes in a row on trial, and it is probably the key.
pub(super) const SUSPICIOUS_CLOSES: u32 = 3;

/// A session that the far end closes before it had so much time with media was not wanted there:
/// some platforms take a while to find a key wrong.
pub(super) const TRIAL: Duration = Duration::from_secs(15);

/// What to do about an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Time heals it: take the ladder.
    Ladder,
    /// A person must act: wait long.
    Refused,
    /// As refused, but there is reason to ask once more before long.
    Doubtful,
    /// Go at once to where the far end says.
    Follow,
    /// Begin a new session at once.
    Anew,
}

/// Judges by whose fault it was, the circumstances apart.
pub(super) fn of(fault: Fault) -> Verdict {
    match fault {
        Fault::Rejected
        | Fault::Occupied
        | Fault::BadName
        | Fault::Redirected
        | Fault::Configuration => Verdict::Refused,
        Fault::None
        | Fault::Renewed
        | Fault::Dns
        | Fault::Unreachable
        | Fault::ConnectTimeout
        | Fault::Tls
        | Fault::Handshake
        | Fault::Reset
        | Fault::Closed => Verdict::Ladder,
    }
}

/// Whether the far end hung up on us without a word on trial: many platforms tell a wrong key in no
/// other way, and some only after a moment of media. A reset may also be the network's, and proves
/// less.
pub(super) fn is_early_close(end: &LinkEnd, attempt: &Attempt, timings: &Timings) -> bool {
    attempt.stage >= Stage::Handshake
        && match end.fault {
            Fault::Closed => !attempt.lasted(TRIAL),
            Fault::Reset => !attempt.is_settled(timings),
            _ => false,
        }
}

/// The words for people.
pub(super) fn words(end: &LinkEnd, early_closes: u32, attempt: &Attempt) -> String {
    let LinkEnd { message, .. } = end;
    if early_closes < SUSPICIOUS_CLOSES {
        return message.clone();
    }
    let when = if attempt.is_proven() {
        "within seconds of the first media"
    } else {
        "before any media was acknowledged"
    };
    // Whoever hangs up before we could ask may also be somebody else than we think.
    let early = attempt.stage < Stage::Publishing;
    let suspects = if early { "the key or the address" } else { "the key" };
    format!("{message} ({early_closes} times in a row {when}: probably {suspects})")
}
