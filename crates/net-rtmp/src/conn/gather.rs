//! How much has to come from an encoder before its connection wakes.
//!
//! Sound waits for the next picture in any case. It may do so in the kernel: while pictures come
//! often, a connection that wakes for them alone wakes a third as often, which is most of what a
//! publisher costs.
//!
//! Belongs here: the mark (`SO_RCVLOWAT`) as a value. Must not come here: sockets.

use manycast_rtmp::session::MediaKind;
use std::time::{Duration, Instant};

/// Pictures that come at least so often are worth waiting for.
const OFTEN: Duration = Duration::from_millis(60);
/// So many of them in a row show it.
const ENOUGH: u32 = 15;
/// Without a picture for so long nothing is waited for any more.
pub(crate) const OVERDUE: Duration = Duration::from_millis(150);
/// Sizes are remembered over this many pictures, and as many before them.
const SPAN: u32 = 32;
/// Chunk headers and what else comes with a message.
const HEADERS: usize = 24;
/// The highest mark.
const MOST: usize = 16 * 1024;

/// What is known of an encoder's messages.
#[derive(Debug)]
pub(crate) struct Gather {
    last_picture: Option<Instant>,
    often: u32,
    spans: [Sizes; 2],
    pictures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    smallest_picture: usize,
    largest_sound: usize,
}

impl Sizes {
    const NONE: Self = Self { smallest_picture: usize::MAX, largest_sound: 0 };
}

impl Default for Gather {
    fn default() -> Self {
        Self { last_picture: None, often: 0, spans: [Sizes::NONE; 2], pictures: 0 }
    }
}

impl Gather {
    /// Notes a message of so many bytes.
    pub(crate) fn note(&mut self, now: Instant, kind: MediaKind, bytes: usize) {
        let [span, _] = &mut self.spans;
        match kind {
            MediaKind::Audio => span.largest_sound = span.largest_sound.max(bytes),
            MediaKind::Data => {}
            MediaKind::Video => {
                span.smallest_picture = span.smallest_picture.min(bytes);
                self.pictures += 1;
                if self.pictures.is_multiple_of(SPAN) {
                    self.spans = [Sizes::NONE, self.spans[0]];
                }
                let last = self.last_picture.replace(now);
                let often = last.is_some_and(|at| now.saturating_duration_since(at) <= OFTEN);
                self.often = if often { self.often.saturating_add(1) } else { 0 };
            }
        }
    }

    /// When to look whether a picture is overdue, if anything waits for one.
    pub(crate) fn overdue(&self) -> Option<Instant> {
        self.last_picture.filter(|_| self.often >= ENOUGH).map(|at| at + OVERDUE)
    }

    /// The mark: a picture reaches it, two sounds do not. 1 where that cannot be had.
    /// `missing`: bytes that the message under way lacks.
    pub(crate) fn mark(&mut self, now: Instant, missing: Option<usize>) -> u32 {
        if self.overdue().is_none_or(|at| at <= now) {
            self.often = self.often.min(ENOUGH - 1);
            return 1;
        }
        let picture = self.spans.iter().map(|span| span.smallest_picture).min().unwrap_or(0);
        let sound = self.spans.iter().map(|span| span.largest_sound).max().unwrap_or(0);
        let mark = (picture / 4 * 3).min(MOST);
        if sound == 0 || mark <= 2 * (sound + HEADERS) {
            return 1;
        }
        // In steps, so that it is not set anew for each picture.
        let mark = 1 << mark.ilog2();
        let mark = if mark <= 2 * (sound + HEADERS) { 2 * (sound + HEADERS) + 1 } else { mark };
        u32::try_from(missing.map_or(mark, |missing| mark.min(missing)).max(1)).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a minute of pictures and sound; the mark at its end.
    fn play(picture: usize, sound: usize, every: u64) -> (Gather, Instant, u32) {
        let mut gather = Gather::default();
        let start = Instant::now();
        let mut now = start;
        for n in 0..30_000 / every {
            now = start + Duration::from_millis(n * every);
            gather.note(now, MediaKind::Video, picture);
            if sound > 0 {
                gather.note(now, MediaKind::Audio, sound);
            }
        }
        let mark = gather.mark(now, None);
        (gather, now, mark)
    }

    #[test]
    fn a_picture_reaches_the_mark_and_two_sounds_do_not() {
        let rows = [
            (8_900, 350, 33, 4096),
            (1_400, 170, 33, 1024),
            (100_000, 800, 16, 16384),
            (1_500, 350, 40, 1024),
            // too small to be told from sound, too seldom, no sound to wait
            (900, 350, 33, 1),
            (8_900, 350, 100, 1),
            (8_900, 0, 33, 1),
        ];
        for (picture, sound, every, want) in rows {
            let (_, _, mark) = play(picture, sound, every);
            assert_eq!(mark, want, "{picture} {sound} {every}");
            assert!(mark == 1 || (mark as usize) < picture && mark as usize > 2 * sound);
        }
    }

    #[test]
    fn the_rest_of_a_message_is_waited_for_and_no_more() {
        let (mut gather, now, _) = play(8_900, 350, 33);
        assert_eq!(gather.mark(now, Some(700)), 700);
        assert_eq!(gather.mark(now, Some(70_000)), 4096);
    }

    #[test]
    fn a_smaller_picture_lowers_the_mark_at_once() {
        let (mut gather, now, _) = play(8_900, 100, 33);
        gather.note(now + Duration::from_millis(33), MediaKind::Video, 1_000);
        assert_eq!(gather.mark(now + Duration::from_millis(33), None), 512);
    }

    #[test]
    fn pictures_that_stay_away_are_not_waited_for() {
        let (mut gather, now, mark) = play(8_900, 350, 33);
        assert!(mark > 1);
        assert_eq!(gather.overdue(), Some(now + OVERDUE));
        assert_eq!(gather.mark(now + OVERDUE, None), 1);
        assert_eq!(gather.overdue(), None, "until they come often again");
        for n in 1..=u64::from(ENOUGH) + 1 {
            let at = now + Duration::from_secs(5) + Duration::from_millis(33 * n);
            gather.note(at, MediaKind::Video, 8_900);
        }
        assert!(gather.overdue().is_some());
    }
}
