//! RTMP 1.0 as plain values: bytes and time go in; bytes, events and a deadline come out.
//!
//! Belongs here: the handshake, the chunk stream, messages, the sessions made of them, user and
//! password at `connect`.
//! Must not come here: sockets, async, a clock, randomness (a seed is an argument), FLV tags.
//!
//! ```text
//! bytes -> handshake -> chunk::ChunkReader -> message::Message -> session
//! bytes <-------------- chunk::ChunkWriter <- message::Message <- session
//! ```
//!
//! "RTMP n.n" in comments is Adobe's RTMP 1.0 of December 2012, "Errata" the RTMP Errata and
//! Addenda of July 2024. What real peers do otherwise is in `quirks.rs`, one name for each.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

pub mod auth;
pub mod chunk;
pub mod command;
pub mod handshake;
pub mod limits;
pub mod message;
mod quirks;
pub mod session;

pub use limits::Limits;
