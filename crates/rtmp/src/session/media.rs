//! Media messages on their way through a session, and those that came before they were allowed.
//!
//! Belongs here: from message to [`Media`] and back, and a bounded waiting room.
//! Must not come here: codecs, beyond telling a decoder configuration from a frame.

use std::collections::VecDeque;

use bytes::Bytes;

use super::event::{DataEncoding, Media, MediaKind};
use crate::message::{ChunkStreamId, Message, MessageStreamId, MessageType};

/// What one waiting message costs beside its body.
const OVERHEAD: usize = 64;

/// Reads a media message; `None` for other types and for empty ones, which mean nothing (trap C10).
pub(crate) fn from_message(message: &Message) -> Option<Media> {
    let (kind, encoding) = match message.kind {
        MessageType::AUDIO => (MediaKind::Audio, DataEncoding::Amf0),
        MessageType::VIDEO => (MediaKind::Video, DataEncoding::Amf0),
        MessageType::DATA_AMF0 => (MediaKind::Data, DataEncoding::Amf0),
        MessageType::DATA_AMF3 => (MediaKind::Data, DataEncoding::Amf3),
        _ => return None,
    };
    let body = match encoding {
        DataEncoding::Amf3 => {
            message.body.slice_ref(crate::command::without_selector(&message.body))
        }
        DataEncoding::Amf0 => message.body.clone(),
    };
    let timestamp = message.timestamp;
    (!body.is_empty()).then_some(Media { kind, timestamp, body, encoding })
}

/// Makes a media message to send; data always goes as AMF0, which every player reads.
pub(crate) fn to_message(
    stream: MessageStreamId,
    kind: MediaKind,
    timestamp: u32,
    body: Bytes,
) -> Message {
    let (chunk_stream, kind) = match kind {
        MediaKind::Audio => (ChunkStreamId::AUDIO, MessageType::AUDIO),
        MediaKind::Video => (ChunkStreamId::VIDEO, MessageType::VIDEO),
        MediaKind::Data => (ChunkStreamId::DATA, MessageType::DATA_AMF0),
    };
    Message { chunk_stream, timestamp, kind, stream, body }
}

/// Media that came before its stream was accepted: some phone libraries do not wait for
/// `NetStream.Publish.Start`. It is kept within a bound; beyond it only headers are, since without
/// them nothing that follows could be decoded.
#[derive(Debug, Default)]
pub(crate) struct Early {
    held: VecDeque<Media>,
    bytes: usize,
    shed: bool,
}

impl Early {
    /// Bytes that it costs.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps `media` if `room` bytes are enough.
    pub(crate) fn hold(&mut self, media: Media, room: usize) {
        let wanted = cost(&media);
        let mut room = room;
        if wanted > room && !self.shed {
            self.shed = true;
            let before = self.bytes;
            self.held.retain(is_header);
            self.bytes = self.held.iter().map(cost).sum();
            room = room.saturating_add(before.saturating_sub(self.bytes));
        }
        if wanted > room || (self.shed && !is_header(&media)) {
            return;
        }
        self.bytes = self.bytes.saturating_add(wanted);
        self.held.push_back(media);
    }

    /// What was kept, in order.
    pub(crate) fn release(self) -> impl Iterator<Item = Media> {
        self.held.into_iter()
    }
}

fn cost(media: &Media) -> usize {
    media.body.len().saturating_add(OVERHEAD)
}

/// Whether a message configures a decoder or describes the stream, as told by its first two bytes
/// (FLV E.4.2.1, E.4.3.1; E-RTMP v2 `ExVideoTagHeader`, `ExAudioTagHeader`).
fn is_header(media: &Media) -> bool {
    let first = media.body.first().copied().unwrap_or_default();
    let second = media.body.get(1).copied().unwrap_or_default();
    match media.kind {
        MediaKind::Data => true,
        MediaKind::Video if first & 0x80 != 0 => match first & 0x0f {
            6 => matches!(second & 0x0f, 0 | 4 | 5),
            packet_type => matches!(packet_type, 0 | 4 | 5),
        },
        MediaKind::Video => matches!(first & 0x0f, 7 | 12) && second == 0,
        MediaKind::Audio if first >> 4 == 9 => match first & 0x0f {
            5 => matches!(second & 0x0f, 0 | 4),
            packet_type => matches!(packet_type, 0 | 4),
        },
        MediaKind::Audio => first >> 4 == 10 && second == 0,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Early, from_message, to_message};
    use crate::{
        message::{ChunkStreamId, Message, MessageStreamId, MessageType},
        session::{DataEncoding, Media, MediaKind},
    };

    fn media(kind: MediaKind, head: &[u8], length: usize) -> Media {
        let mut body = head.to_vec();
        body.resize(length, 0xee);
        Media { kind, timestamp: 0, body: body.into(), encoding: DataEncoding::Amf0 }
    }

    #[test]
    fn section11_media_before_publish_is_held_in_order() {
        let mut early = Early::default();
        let rows = [
            media(MediaKind::Video, &[0x17, 0], 40),
            media(MediaKind::Audio, &[0xaf, 0], 4),
            media(MediaKind::Video, &[0x17, 1], 1000),
        ];
        for row in &rows {
            let room = 10_000 - early.bytes();
            early.hold(row.clone(), room);
        }
        assert!(early.release().eq(rows));
    }

    #[test]
    fn a3_beyond_the_bound_only_headers_are_held() {
        let headers = [
            media(MediaKind::Video, &[0x17, 0], 40),
            media(MediaKind::Audio, &[0xaf, 0], 4),
            media(MediaKind::Video, &[0x90, b'h'], 40),
            media(MediaKind::Video, &[0x96, 0x00], 40),
            media(MediaKind::Audio, &[0x90, b'O'], 20),
            media(MediaKind::Audio, &[0x95, 0x04], 20),
            media(MediaKind::Data, &[2, 0, 10], 100),
        ];
        let frame = media(MediaKind::Video, &[0x27, 1], 900);
        let mut early = Early::default();
        for header in &headers {
            for item in [header, &frame, &frame, &frame] {
                let room = 2048_usize.saturating_sub(early.bytes());
                early.hold(item.clone(), room);
                assert!(early.bytes() <= 2048, "{}", early.bytes());
            }
        }
        assert!(early.release().eq(headers));
    }

    #[test]
    fn a3_empty_messages_cost_room_too() {
        let mut early = Early::default();
        for _ in 0..10_000 {
            let room = 65_536_usize.saturating_sub(early.bytes());
            early.hold(media(MediaKind::Data, &[5], 1), room);
        }
        assert!(early.release().count() <= 1024);
    }

    #[test]
    fn trap_c10_empty_messages_are_no_media() {
        for kind in [MessageType::AUDIO, MessageType::VIDEO, MessageType::DATA_AMF0] {
            let mut message =
                to_message(MessageStreamId(1), MediaKind::Audio, 7, Bytes::from_static(b"x"));
            message.kind = kind;
            assert!(from_message(&message).is_some());
            message.body = Bytes::new();
            assert!(from_message(&message).is_none());
        }
    }

    #[test]
    fn section5_amf3_data_loses_its_selector_alone() {
        let message = |body: &'static [u8]| Message {
            chunk_stream: ChunkStreamId(4),
            timestamp: 0,
            kind: MessageType::DATA_AMF3,
            stream: MessageStreamId(1),
            body: Bytes::from_static(body),
        };
        for body in [&b"\x00\x02\x00\x01x\x11\x04\x05"[..], b"\x02\x00\x01x\x11\x04\x05"] {
            let media = from_message(&message(body)).expect("not empty");
            assert_eq!(media.body, &b"\x02\x00\x01x\x11\x04\x05"[..]);
            assert_eq!(media.encoding, DataEncoding::Amf3);
        }
        assert!(from_message(&message(b"\x00")).is_none());
    }
}
