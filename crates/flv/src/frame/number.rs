//! A Track under another number: taken out of several and written alone, or put beside others.
//!
//! ```text
//! as number 0   what a plain player takes: a legacy tag for H.264, AAC and MP3, an enhanced one
//!               without multitrack and ModEx for all else
//! as number n   an enhanced tag with one track and its number (E-RTMP v2 "Multitrack", OneTrack)
//! ```
//! What already has the form asked for leaves as it came, without a copy. Who asked for nothing and
//! said nothing of itself is sent the default Track as it came, only never with its number.
//!
//! Belongs here: the change of number. Must not come here: which Track somebody wants.

use super::write::{
    enhanced, enhanced_frame, is_legacy, legacy_config, legacy_frame, ours, write_config,
    write_frame,
};
use super::{FLV_AUDIO, FLV_VIDEO, tag_kind};
use crate::{
    FourCc, TagKind,
    audio::{self, AudioPacketType, AudioTag, EnhancedAudio},
    enhanced::{Layout, MOD_EX, ModEx, ModExes, TrackBody, Tracks},
    video::{
        self, EnhancedVideo, FrameType, VideoPacketType, VideoTag, enhanced::EnhancedVideoBody,
    },
};
use manycast_media::{Codec, CodecConfig, Frame, TrackId, TrackKind, Wire};

/// The body that carries a Frame as number `index` of its kind; `None` when no tag can.
///
/// As number 0 a player needs to know nothing but the codec: nanoseconds (ModEx) are left out, and
/// so is a message that is not understood, unless it has a legacy header. Messages of the data Track
/// are written as [`write_about_as`] does.
#[must_use]
pub fn write_frame_as(frame: &Frame, index: u8) -> Option<Wire> {
    if frame.track.kind == TrackKind::Data {
        return write_about_as(&write_frame(frame)?, index);
    }
    let track = TrackId { index, ..frame.track };
    let renumbered = Frame { track, wire: None, ..frame.clone() };
    let Some(wire) = ours(frame.wire.as_ref()) else { return write_frame(&renumbered) };
    match Form::of(wire) {
        Form::Legacy if index == 0 => Some(wire.clone()),
        Form::Legacy => enhanced_frame(&renumbered, ModExes::new()),
        // Its header says what it is, its body is cut short.
        Form::Enhanced(message) if frame.codec == Codec::Opaque && message.is_named() => {
            (index != 0).then(|| message.numbered(index, wire, |_| None))?
        }
        Form::Enhanced(message) => message.numbered(index, wire, |mod_ex| {
            let known = FourCc::of(frame.codec).is_some();
            known.then(|| {
                legacy_frame(&renumbered).or_else(|| enhanced_frame(&renumbered, mod_ex))
            })?
        }),
        Form::Unknown => {
            (index == 0 && frame.track.index == 0 && is_legacy(wire)).then(|| wire.clone())
        }
    }
}

/// The body that carries a configuration as that of `track`, whatever its number was; `None` when
/// no tag can. As number 0 this is so for MP3, which has none in its legacy form: an enhanced tag
/// would be taken for another codec there.
#[must_use]
pub fn write_config_as(config: &CodecConfig, track: TrackId) -> Option<Wire> {
    let plain = track.index == 0;
    let types = (VideoPacketType::SequenceStart, AudioPacketType::SequenceStart);
    let built = |mod_ex| {
        legacy_config(config, track).or_else(|| {
            let record = config.record.clone();
            enhanced(track, config.codec, FrameType::KEY, types, mod_ex, record)
        })
    };
    match ours(config.wire.as_ref()).map(|wire| (wire, Form::of(wire))) {
        Some((wire, Form::Legacy)) if plain => Some(wire.clone()),
        _ if plain && has_legacy_form(config.codec) => legacy_config(config, track),
        Some((wire, Form::Enhanced(message))) => message.numbered(track.index, wire, built),
        _ => built(ModExes::new()),
    }
}

/// The body of a message about a Track (a colour description, an order of channels), as one about
/// number `index`. Script messages are about the whole and stay as they are.
///
/// As number 0, `None` for a Track that goes out in legacy tags, since who knows only these would
/// take the message for a codec; and for a command to the player in an enhanced tag.
#[must_use]
pub fn write_about_as(wire: &Wire, index: u8) -> Option<Wire> {
    match Form::of(wire) {
        Form::Legacy => (index == 0 || !is_media(wire)).then(|| wire.clone()),
        Form::Enhanced(message) if index == 0 && has_legacy_form(message.codec()) => None,
        Form::Enhanced(message) => message.numbered(index, wire, |_| None),
        Form::Unknown => None,
    }
}

/// The body that carries a Frame to somebody who asked for nothing: of the default Track as it came,
/// except that it is alone (E-RTMP v2 "Multitrack"); `None` of all others.
#[must_use]
pub fn write_frame_alone(frame: &Frame) -> Option<Wire> {
    if frame.track.kind == TrackKind::Data {
        // What is not understood goes to those who take the whole.
        let understood = frame.codec != Codec::Opaque;
        return write_frame(frame).filter(|_| understood).and_then(|w| write_about_alone(&w));
    }
    if frame.track.index != 0 {
        return None;
    }
    if frame.wire.as_ref().is_some_and(has_number) {
        return write_frame_as(frame, 0);
    }
    write_frame(frame)
}

/// As [`write_frame_alone`], for a configuration of a default Track.
#[must_use]
pub fn write_config_alone(config: &CodecConfig, track: TrackId) -> Option<Wire> {
    if track.index != 0 {
        return None;
    }
    if config.wire.as_ref().is_some_and(has_number) {
        return write_config_as(config, track);
    }
    write_config(config, track)
}

/// As [`write_frame_alone`], for a message about Tracks or about the whole.
#[must_use]
pub fn write_about_alone(wire: &Wire) -> Option<Wire> {
    if !has_number(wire) {
        return Some(wire.clone());
    }
    subject(wire).filter(|track| track.index == 0).and_then(|_| write_about_as(wire, 0))
}

/// Whether a message is of the kind that holds numbered Tracks.
#[must_use]
pub fn has_number(wire: &Wire) -> bool {
    // An enhanced header says so in its first byte; the common ones need no more of a look.
    let first = wire.body.first().copied().unwrap_or(0);
    let multitrack = match wire.dialect {
        FLV_VIDEO if first & 0x80 != 0 => video::enhanced::MULTITRACK,
        FLV_AUDIO if first >> 4 == 9 => audio::enhanced::MULTITRACK,
        _ => return false,
    };
    match first & 0x0F {
        kind if kind != multitrack && kind != MOD_EX => false,
        kind => match Form::of(wire) {
            Form::Enhanced(message) => message.is_numbered(),
            Form::Legacy | Form::Unknown => kind == multitrack,
        },
    }
}

/// The Track that a message about a Track speaks of; `None` for script messages, which speak of the
/// whole.
#[must_use]
pub fn subject(wire: &Wire) -> Option<TrackId> {
    let default = match tag_kind(wire.dialect)? {
        TagKind::Video => TrackId::VIDEO,
        TagKind::Audio => TrackId::AUDIO,
        TagKind::Script | TagKind::ScriptAmf3 => return None,
    };
    let index = match Form::of(wire) {
        Form::Enhanced(message) => message.track().map_or(0, |track| track.id),
        Form::Legacy | Form::Unknown => 0,
    };
    Some(TrackId { index, ..default })
}

/// The codec that a message about a Track names; `None` where it names none.
#[must_use]
pub fn subject_codec(wire: &Wire) -> Option<Codec> {
    match Form::of(wire) {
        Form::Enhanced(message) => Some(message.codec()),
        Form::Legacy | Form::Unknown => None,
    }
}

/// Whether plain players take this codec in a legacy tag.
const fn has_legacy_form(codec: Codec) -> bool {
    matches!(codec, Codec::H264 | Codec::Aac | Codec::Mp3)
}

fn is_media(wire: &Wire) -> bool {
    matches!(tag_kind(wire.dialect), Some(TagKind::Video | TagKind::Audio))
}

/// How a message names its Track.
enum Form {
    /// Not at all: a legacy tag, or a script message.
    Legacy,
    /// By a FourCC, with or without a number.
    Enhanced(Message),
    /// Nobody knows.
    Unknown,
}

/// An enhanced message about one Track.
enum Message {
    Video(EnhancedVideo),
    Audio(EnhancedAudio),
}

impl Form {
    fn of(wire: &Wire) -> Self {
        let message = match tag_kind(wire.dialect) {
            Some(TagKind::Video) => match VideoTag::read(&wire.body) {
                Some(VideoTag::Legacy(_)) => return Self::Legacy,
                Some(VideoTag::Enhanced(tag)) => Message::Video(tag),
                None => return Self::Unknown,
            },
            Some(TagKind::Audio) => match AudioTag::read(&wire.body) {
                Some(AudioTag::Legacy(_)) => return Self::Legacy,
                Some(AudioTag::Enhanced(tag)) => Message::Audio(tag),
                None => return Self::Unknown,
            },
            Some(TagKind::Script | TagKind::ScriptAmf3) => return Self::Legacy,
            None => return Self::Unknown,
        };
        if message.track().is_some() { Self::Enhanced(message) } else { Self::Unknown }
    }
}

impl Message {
    fn tracks(&self) -> Option<&Tracks> {
        match self {
            Self::Video(EnhancedVideo {
                body: EnhancedVideoBody::Tracks { tracks, .. }, ..
            }) => Some(tracks),
            Self::Video(_) => None,
            Self::Audio(tag) => Some(&tag.tracks),
        }
    }

    fn track(&self) -> Option<&TrackBody> {
        self.tracks()?.only()
    }

    fn is_numbered(&self) -> bool {
        self.tracks().is_some_and(|tracks| tracks.layout != Layout::Single)
    }

    fn mod_ex(&self) -> &[ModEx] {
        match self {
            Self::Video(tag) => &tag.mod_ex,
            Self::Audio(tag) => &tag.mod_ex,
        }
    }

    fn codec(&self) -> Codec {
        match (self, self.track()) {
            (Self::Video(_), Some(track)) => track.four_cc.video_codec(),
            (Self::Audio(_), Some(track)) => track.four_cc.audio_codec(),
            (_, None) => Codec::Opaque,
        }
    }

    /// Whether its codec has a name here.
    fn is_named(&self) -> bool {
        self.codec() != Codec::Opaque
    }

    /// As number `index`: as it came where that is the form, else as `built`, and where that builds
    /// nothing with another header around the same body. `built` gets the prefixes to write.
    fn numbered(
        self,
        index: u8,
        wire: &Wire,
        built: impl FnOnce(ModExes) -> Option<Wire>,
    ) -> Option<Wire> {
        if self.is_number(index) {
            return Some(wire.clone());
        }
        let mod_ex =
            if index == 0 { ModExes::new() } else { self.mod_ex().iter().cloned().collect() };
        built(mod_ex.clone()).or_else(|| self.with_header(index, mod_ex))
    }

    /// Whether this is the form of number `index` already.
    fn is_number(&self, index: u8) -> bool {
        let Some((tracks, track)) = self.tracks().zip(self.track()) else { return false };
        match tracks.layout {
            Layout::Single => {
                index == 0 && self.mod_ex().is_empty() && !has_legacy_form(self.codec())
            }
            Layout::OneTrack => index != 0 && track.id == index,
            Layout::ManyTracks | Layout::ManyTracksManyCodecs => false,
        }
    }

    fn with_header(self, index: u8, mod_ex: ModExes) -> Option<Wire> {
        let TrackBody { four_cc, body, .. } = self.track()?.clone();
        let tracks = Tracks::one(index, four_cc, body);
        Some(match self {
            Self::Video(EnhancedVideo { frame_type, body, .. }) => {
                let EnhancedVideoBody::Tracks { packet_type, .. } = body else { return None };
                let body = EnhancedVideoBody::Tracks { packet_type, tracks };
                // With a number a frame type of 5 would make a command of it (E-RTMP v2
                // "ExVideoTagHeader"); metadata may have any.
                let is_command = frame_type == FrameType::COMMAND && index != 0;
                let frame_type = if is_command { FrameType::KEY } else { frame_type };
                let body = EnhancedVideo { frame_type, mod_ex, body }.write();
                Wire { dialect: FLV_VIDEO, body }
            }
            Self::Audio(EnhancedAudio { packet_type, .. }) => {
                let body = EnhancedAudio { mod_ex, packet_type, tracks }.write();
                Wire { dialect: FLV_AUDIO, body }
            }
        })
    }
}

#[cfg(test)]
mod tests;
