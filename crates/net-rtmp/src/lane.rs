//! The lanes of finished RTMP bytes that viewers of a Stream share: one for those who get the default
//! Tracks, which are nearly all, and one for those who get everything; and both of them without ModEx,
//! for those who say that they know none. No lane is made that nobody reads.

use crate::egress::{self, Outgoing, Share};
use manycast_amf::Value;
use manycast_hub::{Content, Lane, LaneBytes, LaneId, RunEnd};
use manycast_media::{Timestamp, TrackSet};
use manycast_rtmp::chunk::{Part, write_parts};
use manycast_rtmp::message::{
    ChunkStreamId, Control, Message, MessageStreamId, MessageType, UserControl,
};
use manycast_rtmp::session::MediaKind;

/// The number of the lane of the default Tracks in the hub.
pub const RTMP_LANE: LaneId = LaneId(0);
/// The number of the lane of all Tracks.
pub const RTMP_ALL_LANE: LaneId = LaneId(1);
/// The number of the lane of the default Tracks without ModEx.
pub const RTMP_PLAIN_LANE: LaneId = LaneId(2);
/// The number of the lane of all Tracks without ModEx.
pub const RTMP_PLAIN_ALL_LANE: LaneId = LaneId(3);

/// The message stream that plain viewers play on.
pub(crate) const STREAM: MessageStreamId = MessageStreamId(1);

/// Full headers, message stream 1, one chunk size: the same bytes for every viewer of the same share.
#[derive(Clone, Copy, Debug)]
pub struct RtmpLane {
    chunk_size: usize,
    share: Share,
}

impl RtmpLane {
    /// A lane of these Tracks for viewers who were told this chunk size.
    #[must_use]
    pub fn new(chunk_size: u32, share: Share) -> Self {
        Self { chunk_size: usize::try_from(chunk_size).unwrap_or(usize::MAX).max(1), share }
    }

    fn put(self, message: Outgoing, out: &mut LaneBytes) {
        let (chunk_stream, kind) = match message.kind {
            MediaKind::Audio => (ChunkStreamId::AUDIO, MessageType::AUDIO),
            MediaKind::Video => (ChunkStreamId::VIDEO, MessageType::VIDEO),
            MediaKind::Data => (ChunkStreamId::DATA, MessageType::DATA_AMF0),
        };
        let (timestamp, body) = (message.timestamp, message.body);
        self.write(&Message { chunk_stream, timestamp, kind, stream: STREAM, body }, out);
    }

    fn write(self, message: &Message, out: &mut LaneBytes) {
        write_parts(message, self.chunk_size, |part| match part {
            Part::Header(header) => out.put(header),
            Part::Payload(payload) => out.share(payload),
        });
    }

    /// RTMP 7.1.7 Stream EOF, then the status that players know.
    fn put_end(self, out: &mut LaneBytes) {
        let eof = Control::User(UserControl::StreamEof(STREAM)).to_message();
        self.write(&eof, out);
        let status = manycast_amf::object([
            ("level", Value::from("status")),
            ("code", Value::from("NetStream.Play.UnpublishNotify")),
            ("description", Value::from("The publisher has ended the stream.")),
        ]);
        let mut body = Vec::new();
        for value in [Value::from("onStatus"), Value::Number(0.0), Value::Null, status] {
            manycast_amf::encode(&value, &mut body);
        }
        let message = Message {
            chunk_stream: ChunkStreamId::DATA,
            timestamp: 0,
            kind: MessageType::COMMAND_AMF0,
            stream: STREAM,
            body: body.into(),
        };
        self.write(&message, out);
    }
}

impl Lane for RtmpLane {
    fn id(&self) -> LaneId {
        match (self.share.all, self.share.mod_ex) {
            (false, true) => RTMP_LANE,
            (true, true) => RTMP_ALL_LANE,
            (false, false) => RTMP_PLAIN_LANE,
            (true, false) => RTMP_PLAIN_ALL_LANE,
        }
    }

    fn write(&self, content: &Content, out: &mut LaneBytes) {
        if let Content::RunEnded(RunEnd::Orderly) = content {
            return self.put_end(out);
        }
        egress::content(content, self.share, |message| self.put(message, out));
    }

    fn write_joiner(&self, tracks: &TrackSet, at: Timestamp, out: &mut LaneBytes) {
        egress::joiner(tracks, self.share, at, |message| self.put(message, out));
    }
}
