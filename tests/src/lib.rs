//! What the end-to-end tests are made of: the program under test, real programs around it, peers
//! that check every frame, destinations that are ill, and strangers with bad intentions.
//!
//! ```text
//! manycast   the binary with a configuration of its own, its log, its figures from /proc
//! programs   ffmpeg, ffprobe, rtmpdump, openssl
//! elementary what ffmpeg takes out of a file or a connection, each access unit by its hash
//! servers    nginx-rtmp, node-media-server
//! media      numbered frames, so that a receiver sees what is missing, altered or out of order
//! peer       RTMP clients over blocking sockets: Live publishes, Watcher plays
//! sink       destinations: one that verifies, and the ill ones
//! authority  certificates for encrypted destinations, good and bad
//! dns        a name server that answers what a test wants
//! raw        hand-written bytes for attacks
//! corpus     malformed input by rule
//! witness    how late the machine lets anybody run
//! control    a healthy stream with viewer and destination, watched while something else goes wrong
//! ```
//!
//! Belongs here: means. Must not come here: what is asserted of the product; that is in `tests/`.

pub mod authority;
pub mod control;
pub mod corpus;
pub mod dns;
pub mod elementary;
pub mod http;
pub mod manycast;
pub mod media;
pub mod peer;
pub mod ports;
pub mod process;
pub mod programs;
pub mod raw;
pub mod servers;
pub mod sink;
pub mod tally;
pub mod witness;

pub use control::Control;
pub use manycast::{Manycast, Setup};
pub use peer::{Client, Live, Publisher, Shape, Watcher};
pub use sink::{Behaviour, Sink};
pub use tally::Tally;
pub use witness::Witness;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The project's folder.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Whether the long variants are asked for: `MANYCAST_FULL=1`.
#[must_use]
pub fn full() -> bool {
    std::env::var_os("MANYCAST_FULL").is_some_and(|value| value == "1")
}

/// Waits until `condition` holds, looking every 20 ms.
///
/// # Panics
/// When it does not hold within `limit`; `what` says what never came.
pub fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) -> Duration {
    let from = Instant::now();
    while !condition() {
        assert!(from.elapsed() < limit, "never within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    from.elapsed()
}

/// Lets time pass.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// So many seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many milliseconds.
#[must_use]
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Raises the limit of open files of this test to what the system allows.
pub fn many_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
