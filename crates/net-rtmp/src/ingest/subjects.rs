//! Which Track a message about a Track speaks of.
//!
//! Encoders of several Tracks leave the number out of colour descriptions: that of the AV1 Track then
//! reads as one of Track 0, and plain players of Track 0 take its FourCC for the codec. The codec
//! that the message names tells which Track it means.

use manycast_flv::frame::{subject, subject_codec};
use manycast_media::{Codec, Frame, Sticky, TrackId, TrackKind, Wire};

/// Most Tracks that are looked at.
const MAX_TRACKS: usize = 64;

/// The codecs that the Tracks of a connection were configured with.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    codecs: Vec<(TrackId, Codec)>,
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

    /// What is to be kept for those who join later, about the Track that it means; nothing about one
    /// that is not known. The message stays as it came.
    pub(super) fn kept(&self, sticky: Sticky) -> Option<Sticky> {
        let Some(codec) = self.stray(&sticky.wire) else { return Some(sticky) };
        let kind = sticky.track.kind;
        let same = |(track, its): &&(TrackId, Codec)| track.kind == kind && *its == codec;
        let track = self.codecs.iter().filter(same).map(|(track, _)| *track).min()?;
        Some(Sticky { track, ..sticky })
    }

    /// What is passed on. A message that names another codec than its Track has goes to those who
    /// take the whole Stream, and to nobody else.
    pub(super) fn passed(&self, frame: Frame) -> Frame {
        let is_about = frame.track.kind == TrackKind::Data;
        let stray = frame.wire.as_ref().filter(|_| is_about).and_then(|wire| self.stray(wire));
        Frame { codec: stray.map_or(frame.codec, |_| Codec::Opaque), ..frame }
    }

    /// The codec that a message names, where that is not the one of the Track that it names.
    fn stray(&self, wire: &Wire) -> Option<Codec> {
        let (named, codec) = subject(wire).zip(subject_codec(wire))?;
        let own = self.codecs.iter().find(|(track, _)| *track == named).map(|(_, codec)| *codec);
        own.filter(|own| *own != codec && codec != Codec::Opaque).map(|_| codec)
    }
}
