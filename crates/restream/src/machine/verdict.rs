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
        Fault::Rejected | Fault::Occupied | Fault::Redirected | Fault::Configuration => {
            Verdict::Refused
        }
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

/// Whether the far end hung up on us without a word before it took any media: many platforms tell
/// a wrong key in no other way.
pub(super) fn is_early_close(end: &LinkEnd, attempt: &Attempt) -> bool {
    matches!(end.fault, Fault::Closed | Fault::Reset)
        && attempt.stage >= Stage::Handshake
        && !attempt.is_proven()
}

/// The words for people.
pub(super) fn words(end: &LinkEnd, early_closes: u32, stage: Stage) -> String {
    if early_closes < SUSPICIOUS_CLOSES {
        return end.message.clone();
    }
    // Whoever hangs up before we could ask may also be somebody else than we think.
    let suspects = if stage < Stage::Publishing { "the key or the address" } else { "the key" };
    let LinkEnd { message, .. } = end;
    format!(
        "{message} ({early_closes} times in a row before any media was acknowledged: probably \
         {suspects})"
    )
}
