//! The figures of the last minutes and hours, for charts.
//!
//! Belongs here: bounded rings of compact samples, and how they are read. Must not come here: what
//! a figure means (hub), what is good or bad (coach).
//!
//! Memory: at most 2,340 samples of 20 bytes per Stream (47 kB), nothing for a Stream that never had
//! input, and nothing any more four hours after its last one; 240 bytes per Destination that was fed
//! within the last minute.

use manycast_hub::{PublisherStats, TrackHealth};
use manycast_media::{StreamName, TrackKind};
use manycast_restream::DestinationId;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// Samples one second apart: a quarter of an hour.
const FINE: usize = 900;
/// Seconds of one coarse sample.
const STEP: u32 = 10;
/// Samples ten seconds apart: four hours.
const COARSE: usize = 1440;
/// Seconds of a Destination's bitrate.
const RECENT: usize = 60;

/// The figures of one second, or their mean over ten.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// Bits per second.
    pub(crate) bitrate: u32,
    /// Pictures per second; not a number without pictures.
    pub(crate) fps: f32,
    /// Distance of the last two key frames; 0 while unknown.
    pub(crate) key_frame_ms: u32,
    pub(crate) jitter_ms: f32,
    pub(crate) viewers: u32,
}

/// Figures with the second they are of, counted from the start of the server.
type Entry = (u32, Figures);

/// One Stream's.
#[derive(Debug, Default)]
struct Ring {
    fine: VecDeque<Entry>,
    coarse: VecDeque<Entry>,
    /// Of the coarse sample under way: figures, and how many.
    sum: Vec<Figures>,
}

/// All Streams' and Destinations'.
#[derive(Debug, Default)]
pub(crate) struct History {
    streams: BTreeMap<StreamName, Ring>,
    recent: HashMap<DestinationId, VecDeque<u32>>,
}

impl Figures {
    /// Those of the encoder that publishes, with the audience.
    pub(crate) fn of(publisher: &PublisherStats, viewers: u64) -> Self {
        let health = &publisher.health;
        let video = health.lead(TrackKind::Video);
        let paced = video.or_else(|| health.lead(TrackKind::Audio));
        let interval = |track: &TrackHealth| {
            let key_frames = track.pictures.as_ref()?.key_frames?;
            u32::try_from(key_frames.now.as_millis()).ok()
        };
        Self {
            bitrate: u32::try_from(publisher.bitrate).unwrap_or(u32::MAX),
            fps: video.and_then(|track| track.frame_rate).map_or(f32::NAN, narrow),
            key_frame_ms: video.and_then(interval).unwrap_or(0),
            jitter_ms: paced.map_or(f32::NAN, |track| track.jitter.as_secs_f32() * 1000.0),
            viewers: u32::try_from(viewers).unwrap_or(u32::MAX),
        }
    }

    /// The mean, the longest distance of key frames, the largest audience.
    fn mean(figures: &[Self]) -> Self {
        let count = u64::try_from(figures.len()).unwrap_or(1).max(1);
        let bits: u64 = figures.iter().map(|one| u64::from(one.bitrate)).sum();
        let mean = |of: fn(&Self) -> f32| {
            let known: Vec<_> = figures.iter().map(of).filter(|value| !value.is_nan()).collect();
            let parts = f32::from(u16::try_from(known.len()).unwrap_or(u16::MAX));
            known.iter().sum::<f32>() / parts
        };
        Self {
            bitrate: u32::try_from(bits / count).unwrap_or(u32::MAX),
            fps: mean(|one| one.fps),
            key_frame_ms: figures.iter().map(|one| one.key_frame_ms).max().unwrap_or(0),
            jitter_ms: mean(|one| one.jitter_ms),
            viewers: figures.iter().map(|one| one.viewers).max().unwrap_or(0),
        }
    }
}

/// Charts need no more digits.
#[allow(clippy::cast_possible_truncation, clippy::as_conversions)]
fn narrow(value: f64) -> f32 {
    value as f32
}

impl Ring {
    fn push(&mut self, second: u32, figures: Figures) {
        let begins = self.fine.back().is_some_and(|(last, _)| last / STEP != second / STEP);
        if begins {
            self.fold();
        }
        self.sum.push(figures);
        keep(&mut self.fine, (second, figures), FINE);
    }

    /// Ends the coarse sample under way.
    fn fold(&mut self) {
        let Some((last, _)) = self.fine.back() else { return };
        let entry = (last / STEP * STEP, Figures::mean(&self.sum));
        self.sum.clear();
        keep(&mut self.coarse, entry, COARSE);
    }
}

fn keep<T>(ring: &mut VecDeque<T>, entry: T, most: usize) {
    if ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(entry);
}

impl History {
    /// Takes the figures of one second; at most one call per Stream and second.
    pub(crate) fn push(&mut self, stream: &StreamName, second: u32, figures: Figures) {
        match self.streams.get_mut(stream) {
            Some(ring) => ring.push(second, figures),
            None => {
                let mut ring = Ring::default();
                ring.push(second, figures);
                self.streams.insert(stream.clone(), ring);
            }
        }
    }

    /// Takes the bits per second of a Destination. Those that were idle for a minute are forgotten.
    pub(crate) fn push_recent(&mut self, id: &DestinationId, bitrate: u64) {
        let bitrate = u32::try_from(bitrate).unwrap_or(u32::MAX);
        match self.recent.get_mut(id) {
            Some(ring) => keep(ring, bitrate, RECENT),
            None if bitrate > 0 => {
                self.recent.insert(id.clone(), VecDeque::from([bitrate]));
            }
            None => {}
        }
    }

    /// Forgets what is too old to be shown, and Destinations that are not `known`.
    pub(crate) fn prune(&mut self, second: u32, known: impl Fn(&DestinationId) -> bool) {
        let oldest = second.saturating_sub(STEP * u32::try_from(COARSE).unwrap_or(u32::MAX));
        self.streams.retain(|_, ring| ring.fine.back().is_some_and(|(last, _)| *last >= oldest));
        self.recent.retain(|id, ring| known(id) && ring.iter().any(|bits| *bits > 0));
    }

    /// The samples of the last `window`, oldest first, and how far they are apart.
    pub(crate) fn read(
        &self,
        stream: &StreamName,
        second: u32,
        window: Duration,
    ) -> (u32, Vec<Entry>) {
        let window = u32::try_from(window.as_secs()).unwrap_or(u32::MAX);
        let fine = usize::try_from(window).is_ok_and(|window| window <= FINE);
        let every = if fine { 1 } else { STEP };
        let Some(ring) = self.streams.get(stream) else { return (every, Vec::new()) };
        let from = (second + 1).saturating_sub(window);
        let ring = if fine { &ring.fine } else { &ring.coarse };
        (every, ring.iter().filter(|(at, _)| *at >= from).copied().collect())
    }

    /// The bitrate of a Destination over the last minute, oldest first.
    pub(crate) fn recent(&self, id: &DestinationId) -> Vec<u64> {
        let ring = self.recent.get(id);
        ring.map(|ring| ring.iter().map(|bits| u64::from(*bits)).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(n: u32) -> Figures {
        Figures { bitrate: n, fps: 25.0, key_frame_ms: 2000 + n % 10, jitter_ms: 1.5, viewers: n }
    }

    #[test]
    fn seconds_are_kept_for_a_quarter_of_an_hour_and_tens_for_four_hours() {
        let name = StreamName::new("main").unwrap();
        let mut history = History::default();
        for second in 0..20_000 {
            history.push(&name, second, figures(second));
        }
        let (every, fine) = history.read(&name, 19_999, Duration::from_secs(900));
        assert_eq!((every, fine.len()), (1, 900));
        assert_eq!((fine[0].0, fine[899].0), (19_100, 19_999));
        let (every, some) = history.read(&name, 19_999, Duration::from_secs(60));
        assert_eq!((every, some.len()), (1, 60));
        let (every, coarse) = history.read(&name, 19_999, Duration::from_secs(4 * 3600));
        assert_eq!(every, 10);
        assert_eq!(coarse.len(), 1439, "the one under way is not told yet");
        let (at, mean) = coarse[0];
        assert_eq!((at, mean.bitrate, mean.viewers), (5_600, 5_604, 5_609));
        assert_eq!((mean.key_frame_ms, mean.fps, mean.jitter_ms), (2009, 25.0, 1.5));
        let ring = &history.streams[&name];
        assert_eq!((ring.fine.len(), ring.coarse.len()), (FINE, COARSE), "bounded");
        assert!(ring.sum.len() <= 10, "bounded");
    }

    #[test]
    fn a_gap_is_a_gap_and_old_figures_go() {
        let name = StreamName::new("main").unwrap();
        let mut history = History::default();
        for second in (0..20).chain(100..105) {
            history.push(&name, second, figures(second));
        }
        let (_, fine) = history.read(&name, 110, Duration::from_secs(900));
        assert_eq!(fine.len(), 25);
        let (_, coarse) = history.read(&name, 110, Duration::from_secs(3600));
        assert_eq!(coarse.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 10]);
        history.prune(15_000, |_| true);
        assert!(history.streams.is_empty(), "nothing of it can be shown any more");
    }

    #[test]
    fn a_destination_has_its_last_minute_while_it_is_fed() {
        let name = StreamName::new("main").unwrap();
        let id = DestinationId::new(&name, "one");
        let mut history = History::default();
        history.push_recent(&id, 0);
        assert!(history.recent(&id).is_empty());
        for n in 1..100 {
            history.push_recent(&id, n);
        }
        let recent = history.recent(&id);
        assert_eq!((recent.len(), recent[0], recent[59]), (60, 40, 99));
        for _ in 0..60 {
            history.push_recent(&id, 0);
        }
        history.prune(200, |_| true);
        assert!(history.recent(&id).is_empty());
        history.push_recent(&id, 7);
        history.prune(201, |_| false);
        assert!(history.recent(&id).is_empty(), "removed");
    }

    #[test]
    fn a_mean_of_nothing_known_is_not_a_number() {
        let silent = Figures { fps: f32::NAN, ..figures(1) };
        assert!(Figures::mean(&[silent, silent]).fps.is_nan());
        assert_eq!(Figures::mean(&[silent, figures(1)]).fps, 25.0);
    }
}
