//! The way from the encoder to the server, and the encoder's clock.

use crate::words::{length, rate, time};
use crate::{Finding, Rule};
use manycast_hub::health::WINDOW_SECONDS;
use manycast_hub::{Health, TrackHealth};
use manycast_media::{TimeDelta, TrackKind};
use std::time::Duration;

const JITTER: Duration = Duration::from_millis(100);
const SLOW: f64 = 0.9;
/// Full seconds before a speed is judged.
const SLOW_SECONDS: u32 = 8;
const LATE_FRAMES: u64 = 5;
const LATE_ONE_IN: u64 = 20;
const RECENT: Duration = Duration::from_secs(60);
const OFFSET_GROWING: TimeDelta = TimeDelta::from_millis(100);
const OFFSET_GREW: TimeDelta = TimeDelta::from_millis(50);
const OFFSET_LARGE: TimeDelta = TimeDelta::from_millis(500);

pub(super) fn judge(health: &Health, found: &mut Vec<Finding>) {
    let lead = health.lead(TrackKind::Video).or_else(|| health.lead(TrackKind::Audio));
    if let Some(track) = lead.filter(|track| super::flows(track)) {
        arrival(track, found);
    }
    offset(health, found);
    clock(health, found);
}

fn arrival(track: &TrackHealth, found: &mut Vec<Finding>) {
    let mut find = |rule, figures: &[(&str, String)]| {
        found.push(Finding::new(rule, Some(track.id), figures));
    };
    if let Some(speed) = track.speed.filter(|speed| *speed < SLOW)
        && track.seconds >= SLOW_SECONDS
    {
        find(Rule::TooSlow, &[("speed", rate(speed))]);
    }
    // what an encoder does while it connects says nothing about the way
    if track.seconds < WINDOW_SECONDS {
        return;
    }
    if track.jitter > JITTER {
        find(Rule::JitterHigh, &[("jitter", time(track.jitter))]);
    }
    if track.late_now >= LATE_FRAMES && track.late_now * LATE_ONE_IN >= track.frames {
        let frames = track.frames.max(track.late_now).to_string();
        find(Rule::FramesLate, &[("late", track.late_now.to_string()), ("frames", frames)]);
    }
}

fn offset(health: &Health, found: &mut Vec<Finding>) {
    let Some(offset) = health.av_offset else { return };
    let size = |delta: TimeDelta| delta.max(-delta);
    let away = |drift: &TimeDelta| (*drift > TimeDelta::ZERO) == (offset > TimeDelta::ZERO);
    let grew = health.av_drift.filter(|drift| size(*drift) > OFFSET_GREW && away(drift));
    let side = if offset > TimeDelta::ZERO { "after" } else { "before" };
    let figures = [("offset", length(offset)), ("side", side.to_owned())];
    if let Some(drift) = grew.filter(|_| size(offset) > OFFSET_GROWING) {
        let [offset, side] = figures;
        let figures = [offset, side, ("drift", length(drift))];
        found.push(Finding::new(Rule::AvOffsetGrowing, None, &figures));
    } else if size(offset) > OFFSET_LARGE {
        found.push(Finding::new(Rule::AvOffsetLarge, None, &figures));
    }
}

fn clock(health: &Health, found: &mut Vec<Finding>) {
    let Some(ago) = health.clock_fault_ago.filter(|ago| *ago <= RECENT) else { return };
    let figures = [
        ("rebased", health.clock_rebased.to_string()),
        ("levelled", health.clock_levelled.to_string()),
        ("ago", time(ago)),
    ];
    found.push(Finding::new(Rule::ClockJumps, None, &figures));
}
