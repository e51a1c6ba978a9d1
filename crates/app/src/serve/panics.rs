//! Panics are counted and logged; what they end is one session (A8, G10).

use std::sync::atomic::{AtomicU64, Ordering};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// From now on every panic is counted and becomes one log line.
pub(super) fn count() {
    std::panic::set_hook(Box::new(|info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let what = info.payload_as_str().unwrap_or("without a word");
        tracing::error!(place, "a panic, which is a defect of this program: {what}");
    }));
}

/// How many there were.
pub(super) fn counted() -> u64 {
    PANICS.load(Ordering::Relaxed)
}
