//! What a receiver of numbered frames saw.

use crate::media::{is_config, is_key, mark};
use manycast_rtmp::session::{Media, MediaKind};
use std::time::{Duration, Instant};

/// Frames that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last one before.
    pub after: u32,
    /// The first one behind.
    pub next: u32,
    /// Whether it goes on with a key frame.
    pub at_key: bool,
}

/// The figures of one receiver.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Numbered frames that came.
    pub frames: u32,
    /// Other media messages: headers, metadata, frames that carry no number.
    pub others: u32,
    /// The first and the last number.
    pub range: Option<(u32, u32)>,
    /// Numbers left out.
    pub gaps: Vec<Gap>,
    /// Numbers that came again or too late.
    pub disorder: u32,
    /// Frames with a changed byte.
    pub altered: u32,
    /// Sources of the frames, in the order of their appearance.
    pub sources: Vec<u8>,
    /// Time stamps below the one before, of the same kind.
    pub backward: u32,
    /// The largest step between time stamps of pictures, in ms.
    pub largest_step: u32,
    /// Whether the first picture was a key frame with its sequence header before it.
    pub began_well: Option<bool>,
    /// Sequence headers of pictures.
    pub video_configs: Vec<bytes::Bytes>,
    /// The first and the last time stamp, in ms.
    pub times: Option<(u32, u32)>,
    /// The longest time without any message.
    pub silence: Duration,
    /// When the first and the last message came.
    pub seen: Option<(Instant, Instant)>,
    last: [Option<u32>; 2],
    audio_configured: bool,
}

impl Tally {
    /// Takes a message that came at `at`.
    pub fn take(&mut self, at: Instant, media: &Media) {
        let began = self.seen.map_or(at, |(first, last)| {
            self.silence = self.silence.max(at.saturating_duration_since(last));
            first
        });
        self.seen = Some((began, at));
        let (kind, body) = (media.kind, &media.body);
        if kind == MediaKind::Data {
            self.others += 1;
            return;
        }
        if is_config(kind, body) {
            match kind {
                MediaKind::Video => self.video_configs.push(body.clone()),
                _ => self.audio_configured = true,
            }
            self.others += 1;
            return;
        }
        self.time(kind, media.timestamp);
        if kind == MediaKind::Video && self.began_well.is_none() {
            self.began_well = Some(is_key(kind, body) && !self.video_configs.is_empty());
        }
        let Some(mark) = mark(kind, body) else {
            self.others += 1;
            return;
        };
        self.frames += 1;
        self.altered += u32::from(!mark.whole);
        if self.sources.last() != Some(&mark.source) {
            self.sources.push(mark.source);
            self.range = None;
        }
        self.number(mark.number, is_key(kind, body));
    }

    fn number(&mut self, number: u32, at_key: bool) {
        let Some((first, last)) = self.range else {
            self.range = Some((number, number));
            return;
        };
        if number <= last {
            self.disorder += 1;
            return;
        }
        if number > last + 1 {
            self.gaps.push(Gap { after: last, next: number, at_key });
        }
        self.range = Some((first, number));
    }

    fn time(&mut self, kind: MediaKind, timestamp: u32) {
        let slot = &mut self.last[usize::from(kind == MediaKind::Video)];
        if let Some(last) = slot.replace(timestamp) {
            let step = timestamp.wrapping_sub(last);
            if step > u32::MAX / 2 {
                self.backward += 1;
            } else if kind == MediaKind::Video {
                self.largest_step = self.largest_step.max(step);
            }
        }
        let first = self.times.map_or(timestamp, |(first, _)| first);
        self.times = Some((first, timestamp));
    }

    /// How many frames are missing between the first and the last.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.gaps.iter().map(|gap| gap.next - gap.after - 1).sum()
    }

    /// The last number that came.
    #[must_use]
    pub fn newest(&self) -> Option<u32> {
        self.range.map(|(_, last)| last)
    }

    /// Whether sound had its header, if any sound was to come.
    #[must_use]
    pub fn audio_configured(&self) -> bool {
        self.audio_configured
    }

    /// Everything that came is whole, in order, of one source, and began at a key frame.
    ///
    /// # Panics
    /// When not; `who` says whose tally it is.
    pub fn assert_whole(&self, who: &str) {
        assert!(self.frames > 0, "{who}: nothing came");
        assert_eq!(self.missing(), 0, "{who}: frames are missing: {:?}", self.gaps);
        assert_eq!((self.disorder, self.altered, self.backward), (0, 0, 0), "{who}: {self:?}");
        assert_eq!(self.sources.len(), 1, "{who}: frames of several publishers");
        assert_ne!(self.began_well, Some(false), "{who}: no key frame with its header at first");
    }
}
