//! Key frames and the order of pictures of one video Track.

use super::{KeyFrames, Pictures};
use manycast_media::TimeDelta;

/// Distances of key frames that are kept.
const KEPT: usize = 8;

/// Times are ticks.
#[derive(Debug)]
pub(crate) struct PictureMeter {
    /// Decode time of the last key frame.
    last_key: Option<i64>,
    distances: [i64; KEPT],
    known: usize,
    worst: i64,
    /// Pictures since the last key frame, it included, and of the Gop before.
    frames: u32,
    gop_frames: u32,
    /// Bytes of the last key frame.
    pub(super) key_size: usize,
    /// The latest presentation time since the last key frame.
    newest_pts: i64,
    /// Pictures in a row that are shown before that one.
    run: u32,
    depth: [u32; 2],
    reorder: [i64; 2],
}

impl Default for PictureMeter {
    fn default() -> Self {
        Self {
            last_key: None,
            distances: [0; KEPT],
            known: 0,
            worst: 0,
            frames: 0,
            gop_frames: 0,
            key_size: 0,
            newest_pts: i64::MIN,
            run: 0,
            depth: [0; 2],
            reorder: [0; 2],
        }
    }
}

impl PictureMeter {
    /// Takes one picture. `reorder` is its presentation time less its decode time.
    pub(super) fn picture(&mut self, dts: i64, reorder: i64, key: bool, size: usize) {
        if key {
            self.key(dts, size);
        }
        self.frames = self.frames.saturating_add(1);
        let pts = dts.saturating_add(reorder);
        if pts < self.newest_pts {
            self.run = self.run.saturating_add(1);
            self.depth[0] = self.depth[0].max(self.run);
        } else {
            self.newest_pts = pts;
            self.run = 0;
        }
        self.reorder[0] = self.reorder[0].max(reorder);
    }

    fn key(&mut self, dts: i64, size: usize) {
        if let Some(last) = self.last_key.replace(dts) {
            let distance = dts.saturating_sub(last);
            self.distances[self.known % KEPT] = distance;
            self.known += 1;
            self.worst = self.worst.max(distance);
        }
        self.gop_frames = std::mem::take(&mut self.frames);
        self.key_size = size;
        // Whatever was announced for later, a key frame begins a new order.
        self.newest_pts = i64::MIN;
        self.depth = [0, self.depth[0]];
        self.reorder = [0, self.reorder[0]];
    }

    /// The last distance of two key frames.
    pub(super) fn gop(&self) -> Option<TimeDelta> {
        let last = self.known.checked_sub(1)?;
        Some(TimeDelta::from_ticks(self.distances[last % KEPT]))
    }

    /// What it shows when the Track has come to `dts`.
    pub(super) fn read(&self, dts: i64) -> Pictures {
        Pictures {
            key_frames: self.key_frames(dts),
            b_frames: self.depth[0].max(self.depth[1]),
            reorder: TimeDelta::from_ticks(self.reorder[0].max(self.reorder[1])),
        }
    }

    fn key_frames(&self, dts: i64) -> Option<KeyFrames> {
        let last = self.gop()?;
        let waiting = TimeDelta::from_ticks(dts.saturating_sub(self.last_key?));
        let kept = &self.distances[..self.known.min(KEPT)];
        let ticks = |ticks: Option<&i64>| TimeDelta::from_ticks(ticks.copied().unwrap_or(0));
        Some(KeyFrames {
            now: last.max(waiting),
            worst: TimeDelta::from_ticks(self.worst).max(waiting),
            shortest: ticks(kept.iter().min()),
            longest: ticks(kept.iter().max()).max(waiting),
            known: u32::try_from(kept.len()).unwrap_or(0),
            frames: self.gop_frames,
        })
    }
}
