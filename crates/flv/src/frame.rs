//! The only place where a tag becomes Frames, configurations and sticky messages, and back.
//!
//! Reading: [`read_video`], [`read_audio`] and [`read_data`] turn a message body into [`Units`];
//! [`Unit::into_frame`] makes the [`Frame`]. Nothing is an error here: what is not understood is
//! [`Unit::Opaque`] and travels as it came. Payloads, records and wire forms are slices of the body.
//!
//! Writing: [`write_frame`] and [`write_config`] hand out the wire form of a Frame where it has one
//! in a dialect of ours, and build one where it came from elsewhere. [`write_frame_as`] and its like
//! write a Track under another number: as number 0 alone, as a plain player takes it, as another
//! one beside others. [`write_without_mod_ex`] takes off what a peer cannot step over.
//!
//! Must not come here: byte layouts (video, audio, script), timestamps of the wire, sockets.

mod number;
mod prefix;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use number::{
    has_number, subject, subject_codec, write_about_alone, write_about_as, write_config_alone,
    write_config_as, write_frame_alone, write_frame_as,
};
pub use prefix::{has_mod_ex, write_without_mod_ex};
pub use read::{AUDIO_CHANNELS, VIDEO_METADATA, read_audio, read_data, read_video};
pub use write::{
    write_channels, write_color_info, write_config, write_frame, write_legacy_config,
    write_legacy_frame, write_sequence_end,
};

use crate::TagKind;
use bytes::Bytes;
use manycast_media::{
    Codec, CodecConfig, Dialect, Frame, Sticky, TimeDelta, Timestamp, TrackId, Wire,
};
use smallvec::SmallVec;

/// Body of a video tag, an RTMP message of type 9.
pub const FLV_VIDEO: Dialect = Dialect(1);
/// Body of an audio tag, an RTMP message of type 8.
pub const FLV_AUDIO: Dialect = Dialect(2);
/// Body of a script tag in AMF0, an RTMP message of type 18, without `@setDataFrame`.
pub const FLV_DATA_AMF0: Dialect = Dialect(3);
/// Body of a script tag in AMF3, an RTMP message of type 15, without `@setDataFrame`.
pub const FLV_DATA_AMF3: Dialect = Dialect(4);

/// The kind of tag, and so the RTMP message type, that carries a body in this dialect; `None` when
/// the dialect is not one of ours.
///
/// This, not the kind of the Track, decides the message type. A Frame of the data Track is mostly a
/// script message of either kind, but the HDR description of pictures is one too, and that is a
/// video message; so is the sticky message of it.
#[must_use]
pub const fn tag_kind(dialect: Dialect) -> Option<TagKind> {
    match dialect {
        FLV_VIDEO => Some(TagKind::Video),
        FLV_AUDIO => Some(TagKind::Audio),
        FLV_DATA_AMF0 => Some(TagKind::Script),
        FLV_DATA_AMF3 => Some(TagKind::ScriptAmf3),
        _ => None,
    }
}

/// What one message holds, in order; mostly a single unit. A message with several Tracks gives the
/// units of each, every one with a message of its own as its wire form.
pub type Units = SmallVec<[Unit; 1]>;

/// One thing that a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The configuration of a Track.
    Config {
        /// The Track that it configures.
        track: TrackId,
        /// The configuration; its timestamp does not matter.
        config: CodecConfig,
    },
    /// One access unit.
    Frame {
        /// Its Track.
        track: TrackId,
        /// How it is coded; [`Codec::Opaque`] when the codec has no name here.
        codec: Codec,
        /// Presentation minus decoding time; may be negative.
        pts_offset: TimeDelta,
        /// Whether decoding can start here. Audio and data: always.
        key: bool,
        /// The coded bytes alone.
        payload: Bytes,
        /// The message that carries it.
        wire: Wire,
    },
    /// A message that joiners need; the Frame of the data Track that carries it live follows in the
    /// same [`Units`].
    Sticky(Sticky),
    /// The sequence of a Track ends. Not the end of the Stream, and not to be relayed while the
    /// Stream goes on, since some players stop at it.
    SequenceEnd {
        /// The Track that ends.
        track: TrackId,
        /// The codec that ends.
        codec: Codec,
    },
    /// Carried, not understood, and to be counted. The Frame made of it has [`Codec::Opaque`] and says nothing about
    /// the codec of its Track.
    Opaque {
        /// The Track that it travels on.
        track: TrackId,
        /// The whole message.
        wire: Wire,
    },
    /// Nothing: a zero-length message, or one that stands for silence. To be dropped.
    Empty,
}

impl Unit {
    /// Whether this is carried without being understood: the message, or only its codec.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        matches!(self, Self::Opaque { .. } | Self::Frame { codec: Codec::Opaque, .. })
    }

    /// The Frame to publish, for the two kinds of unit that make one ([`Unit::Frame`] and
    /// [`Unit::Opaque`]).
    #[must_use]
    pub fn into_frame(self, dts: Timestamp) -> Option<Frame> {
        match self {
            Self::Frame { track, codec, pts_offset, key, payload, wire } => Some(Frame {
                track,
                codec,
                dts,
                pts: dts + pts_offset,
                key,
                payload,
                wire: Some(wire),
            }),
            Self::Opaque { track, wire } => Some(Frame {
                track,
                codec: Codec::Opaque,
                dts,
                pts: dts,
                key: false,
                payload: wire.body.clone(),
                wire: Some(wire),
            }),
            Self::Config { .. } | Self::Sticky(_) | Self::SequenceEnd { .. } | Self::Empty => None,
        }
    }
}
