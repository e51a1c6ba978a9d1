//! FLV tags, which are also the payloads of RTMP's audio, video and data messages, and what they
//! mean as media frames.
//!
//! ```text
//! file    bytes <-> Tag                          the container on disk and over HTTP
//! video   body  <-> VideoTag   legacy | enhanced  \
//! audio   body  <-> AudioTag   legacy | enhanced   > header layouts, bit-exact both ways
//! script  body  <-> name, onMetaData              /
//! frame   body  <-> Config, Frame, Sticky ...     the only place that knows media's nouns
//! ```
//!
//! Must not come here: chunks and sessions of RTMP, timelines, sockets.
//!
//! Sources: Adobe FLV 10.1 (`FLV E.4`), Enhanced RTMP v2 (`E-RTMP v2`). Reading is total, and
//! bounded by its input and by [`limits`].
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

pub mod audio;
pub mod enhanced;
pub mod file;
mod four_cc;
pub mod frame;
pub mod limits;
pub mod script;
mod tag;
#[cfg(test)]
mod testing;
pub mod video;

pub use four_cc::FourCc;
pub use tag::{Tag, TagKind};
