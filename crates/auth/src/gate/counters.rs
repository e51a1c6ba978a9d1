//! What is counted of the gate's answers.

use manycast_hub::{Action, DenialKind};
use std::sync::atomic::{AtomicU64, Ordering};

const ACTIONS: [(Action, &str); 2] = [(Action::Publish, "publish"), (Action::Play, "play")];
const DENIALS: [(DenialKind, &str); 4] = [
    (DenialKind::UnknownKey, "unknown_key"),
    (DenialKind::UnknownStream, "unknown_stream"),
    (DenialKind::Forbidden, "forbidden"),
    (DenialKind::Full, "full"),
];

/// How often the answer was yes and no.
#[derive(Debug, Default)]
pub struct GateCounters {
    granted: [AtomicU64; 2],
    denied: [[AtomicU64; 4]; 2],
}

impl GateCounters {
    pub(super) fn note(&self, action: Action, denied: Option<DenialKind>) {
        let row = ACTIONS.iter().position(|(other, _)| *other == action).unwrap_or(0);
        let counter = match denied {
            None => &self.granted[row],
            Some(kind) => {
                let column = DENIALS.iter().position(|(other, _)| *other == kind).unwrap_or(0);
                &self.denied[row][column]
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Each action with the number of times that the answer was yes.
    pub fn granted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ACTIONS.iter().zip(&self.granted).map(|((_, word), n)| (*word, n.load(Ordering::Relaxed)))
    }

    /// Each action and reason with the number of times that the answer was no.
    pub fn denied(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        ACTIONS.iter().zip(&self.denied).flat_map(|((_, action), row)| {
            let cell = |((_, reason), n): (&(_, &'static str), &AtomicU64)| {
                (*action, *reason, n.load(Ordering::Relaxed))
            };
            DENIALS.iter().zip(row).map(cell)
        })
    }
}
