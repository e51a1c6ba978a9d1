//! The media half of a publishing client, to be used apart from the session.
//!
//! Belongs here: media messages in the chunks of one stream.
//! Must not come here: commands and control, which stay with the session and on other chunk
//! streams, so that both can write to one connection message by message.

use bytes::Bytes;

use crate::{
    chunk::ChunkWriter,
    command::with_set_data_frame,
    message::MessageStreamId,
    session::{event::MediaKind, media},
};

/// Writes the media of one published stream, with headers of its own over shared payloads.
#[derive(Debug)]
pub struct MediaWriter {
    chunks: ChunkWriter,
    stream: MessageStreamId,
}

impl MediaWriter {
    pub(super) fn new(stream: MessageStreamId, chunk_size: u32) -> Self {
        let mut chunks = ChunkWriter::new();
        chunks.set_chunk_size(chunk_size);
        Self { chunks, stream }
    }

    /// Appends the chunks of one message. Metadata gets the `@setDataFrame` that servers want.
    pub fn write(&mut self, kind: MediaKind, timestamp: u32, body: Bytes, out: &mut Vec<Bytes>) {
        let body = if kind == MediaKind::Data { with_set_data_frame(&body) } else { body };
        self.chunks.write(&media::to_message(self.stream, kind, timestamp, body), out);
    }
}
