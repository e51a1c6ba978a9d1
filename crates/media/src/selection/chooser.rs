//! A choice over time, as Tracks come and Frames pass.

use super::{Choice, Facts, Selection, TrackRules};
use crate::{Frame, TimeDelta, Timestamp, Track, TrackId, TrackKind, TrackSet};

/// How long pictures that were announced are waited for, where they are the ones to be taken. Encoders
/// send all configurations before the first Frame.
const WAIT: TimeDelta = TimeDelta::from_millis(500);

/// Follows the Tracks of a Stream for one viewer or Delivery. Sound changes at once; pictures begin
/// with a key frame, and change at the next one of the new Track, while those of the old one go on
/// until then. Where those have ended, the best of what flows takes their place in the same way.
#[derive(Clone, Copy, Debug)]
pub struct Chooser {
    rules: TrackRules,
    current: Selection,
    /// The video Track to change to.
    next: Option<u8>,
    /// A key frame was taken since the choice fell on its Track.
    showing: bool,
    /// What to take of the video Tracks if the one that is waited for does not come.
    instead: Option<Choice>,
    /// Since when it is waited for.
    since: Option<Timestamp>,
    /// The video Track that was shown has ended, and nothing has taken its place yet.
    lost: bool,
}

impl Chooser {
    /// For somebody who asks for this.
    #[must_use]
    pub fn new(rules: TrackRules) -> Self {
        let current = rules.choose(&TrackSet::default(), |_| Facts::UNKNOWN);
        Self { rules, current, next: None, showing: false, instead: None, since: None, lost: false }
    }

    /// What is taken now.
    #[must_use]
    pub const fn selection(&self) -> Selection {
        self.current
    }

    /// Whether the pictures that were shown have ended, and no others have begun yet.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Pictures were shown before: they go on without a key frame.
    pub const fn go_on(&mut self) {
        self.showing = true;
    }

    /// Takes note of the Tracks that flow. True if what is taken is another at once, so that their
    /// configurations are to be said; a change of pictures is told by [`Chooser::takes`].
    pub fn tracks(&mut self, set: &TrackSet, facts: impl Fn(&Track) -> Facts) -> bool {
        let mut wanted = self.rules.choose(set, &facts);
        let before = self.current;
        self.next = None;
        let gone = match before.video {
            Choice::One(index) => set.get(TrackId { kind: TrackKind::Video, index }).is_none(),
            Choice::None | Choice::All => false,
        };
        // What comes back may lack what came meanwhile: it begins with a key frame.
        self.showing &= gone || !self.lost;
        self.lost = gone && (self.lost || self.showing);
        if self.instead.is_none() {
            self.since = None;
        }
        // Nobody without pictures waits for what may never come.
        let preferred = match self.lost {
            true => wanted.video,
            false => self.rules.prefer(set, &facts),
        };
        self.instead = (preferred != wanted.video).then_some(wanted.video);
        wanted.video = preferred;
        match (before.video, wanted.video) {
            (Choice::One(old), Choice::One(new)) if old != new && self.showing => {
                self.next = Some(new);
            }
            _ => self.current.video = wanted.video,
        }
        self.current.audio = wanted.audio;
        self.current.data = wanted.data;
        if self.current.video != before.video {
            self.showing = false;
            self.lost = false;
        }
        self.current != before
    }

    /// Whether a Frame is taken, and whether the pictures change with it: then its configuration is
    /// to be said first.
    pub fn takes(&mut self, frame: &Frame) -> Taken {
        self.give_up(frame.dts);
        let of = |index| TrackId { kind: TrackKind::Video, index };
        if frame.key && self.next.is_some_and(|next| frame.track == of(next)) {
            self.current.video = Choice::One(frame.track.index);
            self.next = None;
            self.showing = true;
            self.lost = false;
            return Taken::Changed;
        }
        if !self.current.takes(frame.track) {
            return Taken::No;
        }
        if frame.track.kind == TrackKind::Video && self.current.is_alone(TrackKind::Video) {
            self.showing |= frame.key;
            return if self.showing { Taken::Yes } else { Taken::No };
        }
        Taken::Yes
    }

    /// Takes what there is in place of pictures that were announced and do not come.
    fn give_up(&mut self, now: Timestamp) {
        let Some(instead) = self.instead else { return };
        if now - *self.since.get_or_insert(now) < WAIT {
            return;
        }
        self.instead = None;
        match instead {
            Choice::One(index) if !self.showing => self.next = Some(index),
            Choice::One(_) => {}
            Choice::None | Choice::All => self.current.video = instead,
        }
    }

    /// Frames were left out: the pictures of a Track that is taken alone go on at its next key
    /// frame. (Gops are cut by the lead Track; those of another one may begin elsewhere.)
    pub const fn restart(&mut self) {
        self.showing = false;
    }
}

/// What becomes of a Frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is left out.
    No,
    /// It is taken.
    Yes,
    /// It is taken, and is the first of another video Track.
    Changed,
}
