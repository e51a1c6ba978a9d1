//! The chunk stream: messages cut into chunks that interleave (RTMP 5.3).
//!
//! Belongs here: the two directions, which share nothing but the format of headers.
//! Must not come here: acting on messages. Set Chunk Size and Abort are told to a reader by the
//! session that reads them, since only it knows in which order things happened.

mod body;
mod header;
mod reader;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{ChunkReader, Counts, OpenMessage};
pub use writer::{ChunkWriter, Part, write_full, write_parts};

use crate::message::ChunkStreamId;

/// Largest payload of a chunk until Set Chunk Size says otherwise (RTMP 5.4.1).
pub const DEFAULT_CHUNK_SIZE: u32 = 128;

/// Why nothing after this point of the chunk stream can be understood. Always the peer's fault;
/// the connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// One chunk stream more than the limit.
    #[error("more than {limit} chunk streams")]
    TooManyChunkStreams {
        /// How many are allowed.
        limit: usize,
    },
    /// A message announced itself with more bytes than the limit.
    #[error("message of {length} bytes on chunk stream {}, {limit} are allowed", chunk_stream.0)]
    MessageTooLong {
        /// Where.
        chunk_stream: ChunkStreamId,
        /// The length it announced.
        length: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// The unfinished messages of all chunk streams together exceed the longest message allowed.
    #[error("unfinished messages of more than {limit} bytes in all")]
    TooMuchUnfinished {
        /// How many bytes are allowed.
        limit: usize,
    },
    /// A header of type 2 or 3 that refers to a message before it, but there was none: the peer is
    /// out of step.
    #[error("type {format} header on chunk stream {} refers to nothing", chunk_stream.0)]
    NothingBefore {
        /// Where.
        chunk_stream: ChunkStreamId,
        /// The header type.
        format: u8,
    },
    /// A header changed length or type of a message that was not finished.
    #[error("type {format} header changes an unfinished message on chunk stream {}", chunk_stream.0)]
    Changed {
        /// Where.
        chunk_stream: ChunkStreamId,
        /// The header type.
        format: u8,
    },
    /// A chunk size of 0, or of 2^31 and more.
    #[error("chunk size {0} is not allowed")]
    ChunkSize(u32),
}
