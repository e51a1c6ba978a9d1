//! What the end of an attempt means for the next one.

use super::attempt::Attempt;
use manycast_hub::{Fault, LinkEnd, Stage};

/// So many closes in a row before any media was acknowledged, and it is probably the key.
pub(super) const SUSPICIOUS_CLOSES: u32 = 3;

/// What to do about an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Time heals it: take the ladder.
    Ladder,
    /// A person must act: wait long.
    Refused,
}

/// Judges by whose fault it was.
pub(super) fn judge(fault: Fault) -> Verdict {
    match fault {
        Fault::Rejected | Fault::Configuration => Verdict::Refused,
        Fault::None
        | Fault::Dns
        | Fault::Unreachable
        | Fault::ConnectTimeout
        | Fault::Tls
        | Fault::Handshake
        | Fault::Reset
        | Fault::Closed => Verdict::Ladder,
    }
}

/// Whether the far end hung up on our wish to publish without a word: many platforms tell a wrong
/// key in no other way.
pub(super) fn is_early_close(end: &LinkEnd, attempt: &Attempt) -> bool {
    matches!(end.fault, Fault::Closed | Fault::Reset)
        && attempt.stage >= Stage::Publishing
        && !attempt.is_proven()
}

/// The words for people.
pub(super) fn words(end: &LinkEnd, early_closes: u32) -> String {
    if early_closes < SUSPICIOUS_CLOSES {
        return end.message.clone();
    }
    format!(
        "{} ({early_closes} times in a row before any media was acknowledged: probably the key)",
        end.message
    )
}
