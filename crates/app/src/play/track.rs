//! What came of one track, counted in bounded memory.

use manycast_codec::Description;
use manycast_media::{Codec, CodecConfig, TrackId, TrackKind};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer steps between two frames are counted as this long.
const MAX_STEP_MS: u32 = 60_000;
/// A rate counts as constant if so many of a hundred steps are alike.
const ALIKE: u64 = 80;

/// One track.
#[derive(Clone, Debug)]
pub(super) struct TrackWatch {
    pub(super) id: TrackId,
    /// Of its frames, or of its configuration as long as none came.
    pub(super) codec: Codec,
    pub(super) config: Option<CodecConfig>,
    pub(super) frames: u64,
    pub(super) key_frames: u64,
    pub(super) bytes: u64,
    /// Since the start of the dial.
    pub(super) first_frame: Option<Duration>,
    pub(super) first_key_frame: Option<Duration>,
    /// Time stamps that are smaller than the one before.
    pub(super) backward: u64,
    /// Milliseconds of the stream's time that were covered.
    covered: u64,
    last: Option<i64>,
    /// Steps between the time stamps of neighbours, and how often each came.
    steps: BTreeMap<u32, u64>,
    last_key: Option<i64>,
    gops: u64,
    gop_sum: u64,
    gop_max: u64,
}

impl TrackWatch {
    pub(super) fn new(id: TrackId, codec: Codec) -> Self {
        Self {
            id,
            codec,
            config: None,
            frames: 0,
            key_frames: 0,
            bytes: 0,
            first_frame: None,
            first_key_frame: None,
            backward: 0,
            covered: 0,
            last: None,
            steps: BTreeMap::new(),
            last_key: None,
            gops: 0,
            gop_sum: 0,
            gop_max: 0,
        }
    }

    /// A frame of `bytes` came at `now`, stamped with `at` ms.
    pub(super) fn frame(&mut self, now: Duration, at: i64, key: bool, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
        self.first_frame.get_or_insert(now);
        if let Some(last) = self.last {
            match u64::try_from(at - last) {
                Ok(step) => {
                    self.covered += step;
                    let step = u32::try_from(step).unwrap_or(u32::MAX).min(MAX_STEP_MS);
                    *self.steps.entry(step).or_default() += 1;
                }
                Err(_) => self.backward += 1,
            }
        }
        self.last = Some(at);
        if key {
            self.key_frame(now, at);
        }
    }

    fn key_frame(&mut self, now: Duration, at: i64) {
        self.key_frames += 1;
        self.first_key_frame.get_or_insert(now);
        if let Some(gop) = self.last_key.and_then(|last| u64::try_from(at - last).ok()) {
            self.gops += 1;
            self.gop_sum += gop;
            self.gop_max = self.gop_max.max(gop);
        }
        self.last_key = Some(at);
    }

    /// The encoder went; whoever comes next has a clock of its own.
    pub(super) fn run_ended(&mut self) {
        (self.last, self.last_key) = (None, None);
    }

    /// What its configuration says.
    pub(super) fn description(&self) -> Option<Description> {
        let config = self.config.as_ref()?;
        manycast_codec::describe(config.codec, &config.record)
    }

    /// Bits per second of the stream's own time: what is sent ahead at the start does not count as
    /// a higher rate.
    pub(super) fn bitrate(&self) -> Option<u64> {
        let steps = self.measured()?;
        // The last frame lasts as long as the others on average.
        let covered = self.covered + self.covered / steps;
        (covered > 0).then(|| self.bytes * 8_000 / covered)
    }

    /// Frames per second of the stream's own time.
    pub(super) fn rate(&self) -> Option<f64> {
        let steps = self.measured()?;
        #[allow(clippy::cast_precision_loss)] // exact up to 2^53
        let (steps, covered) = (steps as f64, self.covered as f64);
        (covered > 0.0).then(|| (steps * 100_000.0 / covered).round() / 100.0)
    }

    fn measured(&self) -> Option<u64> {
        Some(self.steps.values().sum()).filter(|steps| *steps > 0)
    }

    /// The mean and the largest distance of two key frames, in ms. Pictures only: of sound every
    /// frame is one.
    pub(super) fn gop(&self) -> Option<(u64, u64)> {
        let pictures = self.id.kind == TrackKind::Video && self.gops > 0;
        pictures.then(|| ((self.gop_sum + self.gops / 2) / self.gops, self.gop_max))
    }

    /// The largest step between two time stamps, in ms.
    pub(super) fn largest_step(&self) -> Option<u32> {
        self.steps.last_key_value().map(|(step, _)| *step)
    }

    /// Frames that are not there by their neighbours' time stamps; `None` where the rate is not
    /// constant and so nothing can be told.
    pub(super) fn missing(&self) -> Option<u64> {
        let total = self.measured()?;
        let usual = self.median(total);
        if usual == 0 {
            return None;
        }
        // Time stamps are whole milliseconds: 33 and 34 are the same step.
        let near = |step: u32| step.abs_diff(usual) <= (usual / 5).max(1);
        let alike: u64 = self.steps.iter().filter(|(step, _)| near(**step)).map(|(_, n)| n).sum();
        if alike * 100 < total * ALIKE {
            return None;
        }
        let left_out = |step: u32| u64::from(((step + usual / 2) / usual).saturating_sub(1));
        Some(self.steps.iter().map(|(step, count)| left_out(*step) * count).sum())
    }

    fn median(&self, total: u64) -> u32 {
        let mut seen = 0;
        for (step, count) in &self.steps {
            seen += count;
            if seen * 2 >= total {
                return *step;
            }
        }
        0
    }

    /// What a decoder lacks of this track, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        let id = self.id;
        if self.frames == 0 {
            return Some(format!("{id}: a configuration came, and no frame"));
        }
        if self.codec.needs_config() && self.config.is_none() {
            return Some(format!("{id}: no configuration came, and {} needs one", self.codec));
        }
        // Of a codec that nobody here understands nobody can tell.
        if self.key_frames == 0 && self.codec != Codec::Opaque {
            return Some(format!("{id}: no key frame came"));
        }
        None
    }
}
