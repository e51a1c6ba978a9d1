//! Counters of all RTMP connections.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of all RTMP connections, written by them and read by anybody.
        #[derive(Debug, Default)]
        pub struct RtmpStats {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        /// A plain copy of [`RtmpStats`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct RtmpStatsSnapshot {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl RtmpStats {
            /// The values of now.
            #[must_use]
            pub fn snapshot(&self) -> RtmpStatsSnapshot {
                RtmpStatsSnapshot { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Connections open now.
    connections,
    /// Connections accepted since the start.
    accepted,
    /// Publishers on air now.
    publishers,
    /// Viewers now.
    viewers,
    /// Connections turned away at accept: too many in all or from one address.
    refused_limit,
    /// Times that no file descriptor was left for a new connection.
    refused_descriptors,
    /// Connections that made room for newer ones before they had been let in.
    made_room,
    /// Publishers refused: wrong key.
    refused_key,
    /// Publishers refused: another one is on air.
    refused_busy,
    /// Viewers refused.
    refused_play,
    /// Connections ended because the peer broke the protocol.
    protocol_errors,
    /// Connections ended because a deadline passed.
    timeouts,
    /// TLS handshakes that failed.
    tls_errors,
    /// Viewers let go because they took nothing.
    stalled_viewers,
    /// Frames that viewers lost because they were too slow.
    skipped_frames,
    /// Gops that viewers lost, whole or in part.
    skipped_gops,
    /// Sessions that ended in a panic: defects of ours.
    panics,
    /// Log lines left out because there were too many.
    log_suppressed,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counts something that is there as long as this lives.
pub(crate) struct Gauge<'a>(&'a AtomicU64);

impl<'a> Gauge<'a> {
    pub(crate) fn raise(counter: &'a AtomicU64) -> Self {
        count(counter);
        Self(counter)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
