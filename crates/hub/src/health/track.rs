//! The meter of one Track: a few additions per Frame, the rest once per second or when read.

use super::pictures::PictureMeter;
use super::second::{Second, Seconds};
use super::{Bitrate, LATE, TrackHealth, WINDOW_SECONDS, duration};
use crate::ClockFault;
use manycast_media::{Frame, TICKS_PER_SECOND, TimeDelta, TrackId, TrackKind};
use std::time::Duration;

/// Seconds over which a transit is averaged.
const TRANSIT_SECONDS: u32 = 5;
/// The seconds of a clock by whose mean transit later ones are judged: it has settled by then.
const SETTLED: std::ops::Range<u32> = 5..10;
/// A distance of Frames of more than so many halves of the mean is uneven.
const UNEVEN_HALVES: i64 = 5;
/// Full seconds before a speed is told.
const SPEED_SECONDS: u32 = 5;
/// Sound of at most so many bytes per Frame is silence in every codec.
const EMPTY_SOUND: usize = 16;
/// A picture of at most so many bytes repeats the one before, whatever its size ...
const EMPTY_PICTURE: usize = 96;
/// ... and one of at most so many does if the last key frame was `KEY_RATIO` times as large.
const SMALL_PICTURE: usize = 512;
const KEY_RATIO: usize = 16;
/// The longest step of the transit that the jitter follows.
const MAX_STEP: i64 = 10 * TICKS_PER_SECOND;

/// Times are ticks since the first Frame of the Run: of arrival, and of the Stream's timeline.
#[derive(Debug)]
pub(crate) struct TrackMeter {
    id: TrackId,
    seconds: Seconds,
    dts: i64,
    transit: i64,
    /// Sixteen times the jitter (RFC 3550 A.8).
    jitter: i64,
    /// The smallest transit of the full seconds of the window.
    base: i64,
    late: u64,
    levelled: u64,
    rebased: u64,
    /// The second in which the clock in force began, and its transit once it had settled.
    clock_second: u32,
    settling: (i64, i64),
    settled: Option<i64>,
    still_seconds: u32,
    /// The first and last bytes of the last Frame of sound.
    mark: [u64; 2],
    pictures: PictureMeter,
}

impl TrackMeter {
    /// Of a Track whose first Frame arrives at `at` with the time `dts`.
    pub(crate) fn new(id: TrackId, at: i64, dts: i64) -> Self {
        Self {
            id,
            seconds: Seconds::new(at),
            dts,
            transit: at.saturating_sub(dts),
            jitter: 0,
            base: i64::MAX,
            late: 0,
            levelled: 0,
            rebased: 0,
            clock_second: 0,
            settling: (0, 0),
            settled: None,
            still_seconds: 0,
            mark: [0; 2],
            pictures: PictureMeter::default(),
        }
    }

    /// Takes one Frame; whether it is late.
    pub(crate) fn frame(&mut self, at: i64, dts: i64, frame: &Frame, fault: ClockFault) -> bool {
        if self.seconds.is_over(at) {
            self.turn(at);
        }
        if fault != ClockFault::None {
            self.fault(fault);
        }
        let transit = at.saturating_sub(dts);
        let step = transit.saturating_sub(self.transit).saturating_abs().min(MAX_STEP);
        self.jitter += step - ((self.jitter + 8) >> 4);
        let empty = self.is_empty(frame);
        let second = &mut self.seconds.current;
        if second.frames == 0 {
            (second.first_at, second.first_dts) = (at, dts);
        }
        second.frames = second.frames.saturating_add(1);
        second.bytes += frame.size() as u64;
        second.transit_sum = second.transit_sum.saturating_add(transit);
        second.transit_min = second.transit_min.min(transit);
        second.gap_max = second.gap_max.max(dts.saturating_sub(self.dts));
        if let Some(empty) = empty {
            second.deltas = second.deltas.saturating_add(1);
            second.empty = second.empty.saturating_add(u32::from(empty));
        }
        let due = self.base.min(second.transit_min);
        let late = transit.saturating_sub(due) > LATE.ticks();
        second.late = second.late.saturating_add(u32::from(late));
        self.late += u64::from(late);
        (self.dts, self.transit) = (dts, transit);
        if self.id.kind == TrackKind::Video {
            let reorder = (frame.pts - frame.dts).ticks();
            self.pictures.picture(dts, reorder, frame.key, frame.payload.len());
        }
        late
    }

    /// Whether a Frame says nothing; `None` for those that tell nothing about it.
    fn is_empty(&mut self, frame: &Frame) -> Option<bool> {
        let payload = &*frame.payload;
        match self.id.kind {
            TrackKind::Audio => {
                let mark = mark(payload);
                let alike = std::mem::replace(&mut self.mark, mark) == mark;
                Some(alike || payload.len() <= EMPTY_SOUND)
            }
            TrackKind::Video if frame.key => None,
            TrackKind::Video => {
                let size = without_padding(payload);
                let small = size <= SMALL_PICTURE && size * KEY_RATIO <= self.pictures.key_size;
                Some(small || size <= EMPTY_PICTURE)
            }
            TrackKind::Data => None,
        }
    }

    fn turn(&mut self, at: i64) {
        let closed = self.seconds.turn(at);
        self.still_seconds = self.still_after(&closed);
        let window = self.seconds.last(at, WINDOW_SECONDS).flatten();
        self.base = window.map(|second| second.transit_min).min().unwrap_or(i64::MAX);
        if self.settled.is_none() {
            let age = closed.number.saturating_sub(self.clock_second);
            if SETTLED.contains(&age) {
                let (sum, frames) = &mut self.settling;
                *sum = sum.saturating_add(closed.transit_sum);
                *frames += i64::from(closed.frames);
            }
            if self.seconds.current.number.saturating_sub(self.clock_second) >= SETTLED.end {
                self.settled = self.settling.0.checked_div(self.settling.1);
            }
        }
    }

    fn still_after(&self, second: &Second) -> u32 {
        match second.is_still() {
            Some(true) => self.still_seconds.saturating_add(1),
            Some(false) => 0,
            None => self.still_seconds,
        }
    }

    fn fault(&mut self, fault: ClockFault) {
        match fault {
            ClockFault::None => {}
            ClockFault::Levelled => self.levelled += 1,
            ClockFault::Rebased => {
                self.rebased += 1;
                self.clock_second = self.seconds.current.number;
                self.settling = (0, 0);
                self.settled = None;
            }
        }
    }

    /// Mean transit of the last full seconds.
    pub(super) fn transit(&self, at: i64) -> Option<i64> {
        let seconds = self.seconds.last(at, TRANSIT_SECONDS).flatten();
        let add = |(sum, frames): (i64, i64), second: &Second| {
            (sum.saturating_add(second.transit_sum), frames + i64::from(second.frames))
        };
        let (sum, frames) = seconds.fold((0, 0), add);
        sum.checked_div(frames)
    }

    /// Mean transit when the clock in force had settled.
    pub(super) fn first_transit(&self) -> Option<i64> {
        self.settled
    }

    /// The last distance of two key frames.
    pub(crate) fn gop(&self) -> Option<TimeDelta> {
        self.pictures.gop()
    }

    /// Mean bits per second of the last five full seconds; before the first is over, of what came
    /// so far.
    pub(crate) fn bits_per_second(&self, at: i64) -> u64 {
        self.bitrate(at, 5).mean
    }

    fn bitrate(&self, at: i64, most: u32) -> Bitrate {
        let full = u64::from(self.seconds.full(at, most));
        if full == 0 {
            let so_far = self.seconds.current.bytes * 8;
            return Bitrate { last: so_far, mean: so_far, low: so_far, peak: so_far };
        }
        let bits = |second: Option<&Second>| second.map_or(0, |second| second.bytes * 8);
        let each = || self.seconds.last(at, most).map(bits);
        Bitrate {
            last: each().last().unwrap_or(0),
            mean: each().sum::<u64>() / full,
            low: each().min().unwrap_or(0),
            peak: each().max().unwrap_or(0),
        }
    }

    /// The figures at `at`.
    pub(crate) fn read(&self, at: i64) -> TrackHealth {
        let window = || self.seconds.last(at, WINDOW_SECONDS).flatten();
        let seconds = self.seconds.full(at, WINDOW_SECONDS);
        let frames = window().map(|second| u64::from(second.frames)).sum();
        let (frame_rate, speed) = self.rates(at, seconds, frames);
        let mean = frame_rate.map_or(i64::MAX, |rate| (TICKS_PER_SECOND as f64 / rate) as i64);
        let uneven = |second: &&Second| second.gap_max > mean.saturating_mul(UNEVEN_HALVES) / 2;
        let late = |second: &Second| u64::from(second.late);
        let running = self.seconds.get(self.seconds.number(at));
        let open = self.seconds.current.number < self.seconds.number(at);
        let still = if open { self.still_after(&self.seconds.current) } else { self.still_seconds };
        TrackHealth {
            id: self.id,
            seconds,
            frames,
            bitrate: self.bitrate(at, WINDOW_SECONDS),
            frame_rate,
            speed,
            longest_gap: TimeDelta::from_ticks(window().map(|s| s.gap_max).max().unwrap_or(0)),
            uneven_seconds: u32::try_from(window().filter(uneven).count()).unwrap_or(0),
            jitter: duration(self.jitter >> 4),
            late: self.late,
            late_now: window().chain(running).map(late).sum(),
            clock_levelled: self.levelled,
            clock_rebased: self.rebased,
            still: Duration::from_secs(still.into()),
            idle: duration(at.saturating_sub(self.dts.saturating_add(self.transit))),
            ended: false,
            pictures: (self.id.kind == TrackKind::Video).then(|| self.pictures.read(self.dts)),
        }
    }

    /// Frames per second of media, and seconds of media per second of arrival.
    fn rates(&self, at: i64, seconds: u32, frames: u64) -> (Option<f64>, Option<f64>) {
        let Some(first) = self.seconds.last(at, WINDOW_SECONDS).flatten().next() else {
            return (None, None);
        };
        let (end_at, end_dts, between) = match self.seconds.get(self.seconds.number(at)) {
            Some(next) => (next.first_at, next.first_dts, frames),
            None => (self.dts.saturating_add(self.transit), self.dts, frames.saturating_sub(1)),
        };
        let media = end_dts.saturating_sub(first.first_dts) as f64;
        let arrival = end_at.saturating_sub(first.first_at) as f64;
        let rate = between as f64 * TICKS_PER_SECOND as f64 / media;
        let speed = media / arrival;
        let told = seconds >= SPEED_SECONDS && arrival > 0.0;
        ((media > 0.0 && between > 0).then_some(rate), told.then_some(speed))
    }
}

/// The first and the last eight bytes, which differ from Frame to Frame where there is any sound.
fn mark(payload: &[u8]) -> [u64; 2] {
    let first = payload.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let last = payload.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    [first, last]
}

/// The length of a picture; [`SMALL_PICTURE`] where what follows that is padding (bytes of all
/// ones), with which encoders of constant bitrate fill up.
fn without_padding(payload: &[u8]) -> usize {
    let padded = |at: usize| payload.get(at..at + 8).is_some_and(|bytes| bytes == [0xFF; 8]);
    let length = payload.len();
    if length > SMALL_PICTURE + 64 && padded(SMALL_PICTURE) && padded(length / 4 * 3) {
        return SMALL_PICTURE;
    }
    length
}
