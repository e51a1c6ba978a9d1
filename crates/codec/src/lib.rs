//! What elementary streams say about themselves.
//!
//! Belongs here: decoder configuration records, parameter sets and frame headers as far as they say
//! what a Track is; NAL units and their framing, key-frame tests, SEI messages, RFC 6381 strings; in
//! plain sentences what is wrong with a bitstream. Must not come here: containers, decoding, I/O.
//!
//! Everything reads untrusted bytes: total, bounded by its input, and lenient where the field is
//! (reserved bits, missing tails, records in byte-stream form).
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

pub mod aac;
pub mod ac3;
pub mod av1;
mod concern;
mod description;
mod error;
pub mod flac;
pub mod h264;
pub mod h265;
pub mod h266;
mod hdr;
mod inspect;
mod key_frame;
mod layout;
pub mod mp3;
pub mod nal;
pub mod opus;
mod picture;
pub mod sei;
#[cfg(test)]
mod testing;
pub mod vp8;
pub mod vp9;

pub use concern::{Concern, concerns};
pub use description::{
    AudioShape, Description, Shape, VideoShape, describe, describe_frame, examine,
};
pub use error::{FrameFault, Problem, RecordError};
pub use hdr::{Chromaticity, ContentLight, Hdr, MasteringDisplay};
pub use inspect::{FrameInfo, Inspector};
pub use key_frame::{PictureKind, RandomAccess, random_access, starts_decoding};
pub use layout::ChannelLayout;
pub use picture::{Chroma, Colour, DynamicRange, Ratio};
pub use sei::{CaptionPresence, CcKind, CcTriplet, Timecode};
