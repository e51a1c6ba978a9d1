//! The media half of a publishing client, to be used apart from the session.
//!
//! Belongs here: media messages in the chunks of one stream.
//! Must not come here: commands and control, which stay with the session and on other chunk
//! streams, so that both can write to one connection message by message.

use bytes::Bytes;

use crate::{
    chunk::ChunkWriter,
    command::with_set_data_frame,
    message::{ChunkStreamId, MessageStreamId},
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
    /// Returns whether every writer of the same [`Self::stand`] would have written these bytes.
    pub fn write(
        &mut self,
        kind: MediaKind,
        timestamp: u32,
        body: Bytes,
        out: &mut Vec<Bytes>,
    ) -> bool {
        let is_data = kind == MediaKind::Data;
        let body = if is_data { with_set_data_frame(&body) } else { body };
        let told = self.chunks.write(&media::to_message(self.stream, kind, timestamp, body), out);
        told && !is_data
    }

    /// What the bytes of the next messages depend on beside these messages: stream and chunk size,
    /// then time and length of the last video and the last audio message. Times count from `base`,
    /// so that writers that began at other times are comparable. `None` before the first message of
    /// each kind.
    #[must_use]
    pub fn stand(&self, base: u32) -> Option<[u64; 3]> {
        let last = |id| {
            let (timestamp, length) = self.chunks.last(id)?;
            Some(pair(timestamp.wrapping_add(base), length))
        };
        let fixed = pair(self.stream.0, self.chunks.chunk_size());
        Some([fixed, last(ChunkStreamId::VIDEO)?, last(ChunkStreamId::AUDIO)?])
    }

    /// Goes on where a writer of the same stand arrived by writing for both.
    pub fn follow(&mut self, stand: [u64; 3], base: u32) {
        let [_, video, audio] = stand;
        for (id, last) in [(ChunkStreamId::VIDEO, video), (ChunkStreamId::AUDIO, audio)] {
            let (timestamp, length) = halves(last);
            self.chunks.set_last(id, timestamp.wrapping_sub(base), length);
        }
    }
}

fn pair(high: u32, low: u32) -> u64 {
    (u64::from(high) << 32) | u64::from(low)
}

fn halves(pair: u64) -> (u32, u32) {
    let half = |value| u32::try_from(value & 0xFFFF_FFFF).unwrap_or_default();
    (half(pair >> 32), half(pair))
}
