//! Which Track a message about a Track speaks of.
//!
//! Encoders of several Tracks leave the number out of colour descriptions: that of the AV1 Track then
//! reads as one of Track 0, and plain players of Track 0 take its FourCC for the codec. The codec
//! that the message names tells which Track it means.

use manycast_flv::frame::{Unit, subject, subject_codec, write_about_as};
use manycast_media::{Codec, Sticky, TrackId, TrackKind, Wire};

/// Most Tracks that are looked at.
const MAX_TRACKS: usize = 64;

/// The codecs that the Tracks of a connection were configured with.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    codecs: Vec<(TrackId, Codec)>,
}

/// Whom a message is for.
enum Meant {
    /// Whom it names.
    Named,
    /// The Track of its codec.
    Other(TrackId, Wire),
    /// No Track that is known.
    Nobody,
}

impl Subjects {
    /// Notes what a Track was configured with.
    pub(super) fn note(&mut self, track: TrackId, codec: Codec) {
        if let Some((_, known)) = self.codecs.iter_mut().find(|(known, _)| *known == track) {
            *known = codec;
        } else if self.codecs.len() < MAX_TRACKS {
            self.codecs.push((track, codec));
        }
    }

    /// The same unit, about the Track that it means. About none that is known it is carried without
    /// being understood: to those who take the whole Stream, and to nobody else.
    pub(super) fn right(&self, unit: Unit) -> Unit {
        let wire = match &unit {
            Unit::Sticky(sticky) if sticky.track.kind != TrackKind::Data => &sticky.wire,
            Unit::Frame { track: TrackId::DATA, wire, .. } => wire,
            _ => return unit,
        };
        match (self.meant(wire), unit) {
            (Meant::Named, unit) => unit,
            (Meant::Other(track, wire), Unit::Sticky(sticky)) => {
                Unit::Sticky(Sticky { track, wire, ..sticky })
            }
            (Meant::Other(_, wire), Unit::Frame { track, codec, pts_offset, key, payload, .. }) => {
                Unit::Frame { track, codec, pts_offset, key, payload, wire }
            }
            (Meant::Nobody, Unit::Frame { track, pts_offset, key, payload, wire, .. }) => {
                Unit::Frame { track, codec: Codec::Opaque, pts_offset, key, payload, wire }
            }
            _ => Unit::Empty,
        }
    }

    fn meant(&self, wire: &Wire) -> Meant {
        let Some((named, codec)) = subject(wire).zip(subject_codec(wire)) else {
            return Meant::Named;
        };
        let own = self.codecs.iter().find(|(track, _)| *track == named).map(|(_, codec)| *codec);
        if codec == Codec::Opaque || own.is_none_or(|own| own == codec) {
            return Meant::Named;
        }
        let same = |(track, its): &&(TrackId, Codec)| track.kind == named.kind && *its == codec;
        let track = self.codecs.iter().filter(same).map(|(track, _)| *track).min();
        let wire = track.and_then(|track| write_about_as(wire, track.index));
        track.zip(wire).map_or(Meant::Nobody, |(track, wire)| Meant::Other(track, wire))
    }
}
