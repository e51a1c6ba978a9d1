//! RTMP sessions as values: bytes, time and verdicts in; bytes, events and a deadline out.
//!
//! Belongs here: the state of one peer, as a server ([`ServerSession`]) and as a client
//! ([`ClientSession`]), and the bounds that keep a hostile peer cheap.
//! Must not come here: sockets, tasks, clocks, and what a stream name means.
//!
//! ```text
//! ServerSession: Handshaking -> Connecting (-> Deciding) -> Ready -> Draining
//!                each stream of Ready: Idle -> AwaitPublish -> Publishing -> Idle
//!                                      Idle -> AwaitPlay    -> Playing    -> Idle
//! ClientSession: Handshaking -> Connecting -> Creating -> Starting -> Running -> Ended
//! ```

mod acks;
mod capabilities;
mod client;
mod error;
mod event;
mod link;
mod media;
mod outbox;
mod pace;
mod server;

pub use capabilities::Capabilities;
pub use client::{ClientConfig, ClientEvent, ClientRole, ClientSession, MediaWriter, Stage};
pub use error::{Fault, SessionError, Wait};
pub use event::{
    CloseReason, DataEncoding, DrainReason, Event, Input, Media, MediaKind, Output, PublishKind,
    RefusalCode, RequestId, Verdict,
};
pub use server::{ServerConfig, ServerSession};

/// Where the virtual time of a unit test begins.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "there is no other way to make the first Instant")]
pub(crate) fn origin() -> std::time::Instant {
    std::time::Instant::now()
}
