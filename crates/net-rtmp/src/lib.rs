//! RTMP and RTMPS over sockets.
//!
//! ```text
//! Server -accept-> Conn (one task: socket + ServerSession)
//!                    publish -> Ingest -> hub Publisher
//!                    play    -> fan-out membership (shared bytes) or Direct (own headers)
//! RtmpLink (hub::Link)  -> ClientSession + Subscriber   one Delivery
//! Player                -> ClientSession                what `manycast play` watches with
//! ```
//! Belongs here: sockets, tasks, deadlines of RTMP; the map between its messages and the hub.
//! Must not come here: what a key means (the Gate knows), retries (restream knows), the bytes of
//! the protocol (crate `rtmp`).

#[cfg(test)]
extern crate self as manycast_net_rtmp;

mod alarm;
mod client;
mod clock;
mod conn;
mod egress;
mod ingest;
mod lane;
mod outbox;
#[doc(hidden)]
pub mod parts;
mod policy;
mod reactors;
mod registry;
mod seldom;
mod server;
mod socket;
mod stats;
#[cfg(test)]
mod tests;

pub use client::{
    Address, ClientSettings, MediaEvent, Player, PlayerError, PlayerEvent, RtmpLink, Sender,
    rehearse,
};
pub use egress::Share;
pub use lane::{RTMP_ALL_LANE, RTMP_LANE, RTMP_PLAIN_ALL_LANE, RTMP_PLAIN_LANE, RtmpLane};
pub use policy::{Asks, Policies, Policy};
pub use reactors::Reactors;
pub use registry::{Admitted, ConnectionLimits, Connections};
pub use server::{Server, ServerSettings};
pub use stats::{RtmpStats, RtmpStatsSnapshot};
