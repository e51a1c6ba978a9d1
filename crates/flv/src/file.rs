//! The FLV file: a header, then tags (FLV E.2, E.3).
//!
//! ```text
//! "FLV" u8 version, u8 flags, u32 header length | u32 0 | tag, u32 its size | tag, u32 its size ...
//! tag: u8 type, u24 body length, u24 + u8 timestamp, u24 stream id | body
//! ```
//!
//! Belongs here: the container, in and out. Must not come here: what a body means, files.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{FileError, FileHeader, FileReader};
pub use writer::{file_header, tag_header, write_tag};

/// Bytes of a tag before its body.
pub const TAG_HEADER: usize = 11;
