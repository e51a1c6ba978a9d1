//! Which Tracks of a Stream somebody takes: what was asked for, and what that means for the Tracks
//! that flow.
//!
//! ```text
//! "?video_track=portrait&audio_track=2"   TrackRules   asked once, by a viewer or for a destination
//!                    + TrackSet, Facts -> Selection    what is taken of the Tracks there are
//!                    + every Frame     -> Chooser      the same over time: pictures change at key frames
//! ```
//! A rule about pictures (`largest up to 720p`, `portrait`) is a preference: where no Track has what
//! it asks for, the default Track is taken. A number is not: somebody who asks for sound without
//! music must never be sent the sound with it because the other is missing.
//!
//! Belongs here: rules, their words, and the choice. Must not come here: what a codec is, what a peer
//! announces (both come in as [`Facts`]), how Tracks are written.

mod chooser;
mod rules;
#[cfg(test)]
mod tests;

pub use chooser::{Chooser, Taken};
pub use rules::{Orientation, PictureRule, RuleError, TrackRule, TrackRules};

use crate::{TrackId, TrackKind};

/// What is taken of the Tracks of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// None of them.
    None,
    /// This one, whether it flows or not; written alone, as a plain player takes it.
    One(u8),
    /// All of them, each with its number.
    All,
}

impl Choice {
    const fn takes(self, index: u8) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == index,
            Self::All => true,
        }
    }
}

/// What a Delivery or a viewer takes of the Tracks of a Stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Selection {
    /// Of the video Tracks.
    pub video: Choice,
    /// Of the audio Tracks.
    pub audio: Choice,
    /// Whether data messages are taken.
    pub data: bool,
}

impl Selection {
    /// The whole Stream as it came.
    pub const ALL: Self = Self { video: Choice::All, audio: Choice::All, data: true };

    /// The default Track of each kind.
    pub const DEFAULT: Self = Self { video: Choice::One(0), audio: Choice::One(0), data: true };

    /// Whether a Track is taken.
    #[must_use]
    pub const fn takes(&self, id: TrackId) -> bool {
        match id.kind {
            TrackKind::Data => self.data,
            TrackKind::Video => self.video.takes(id.index),
            TrackKind::Audio => self.audio.takes(id.index),
        }
    }

    /// Whether Tracks of this kind are taken one at a time, and so are to be written without their
    /// number.
    #[must_use]
    pub const fn is_alone(&self, kind: TrackKind) -> bool {
        let choice = match kind {
            TrackKind::Data => return false,
            TrackKind::Video => self.video,
            TrackKind::Audio => self.audio,
        };
        matches!(choice, Choice::One(_))
    }
}

/// What a rule looks at in a Track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Width and height in pixels as shown, once they are known.
    pub size: Option<(u32, u32)>,
    /// Whether whoever asks can play its codec, as far as is known. A Track that cannot be played is
    /// taken by its number only.
    pub playable: bool,
}

impl Facts {
    /// A Track of which nothing is known.
    pub const UNKNOWN: Self = Self { size: None, playable: true };
}
