//! Sound: whether there is any, and whether it says anything.

use crate::words::time;
use crate::{Finding, Rule};
use manycast_hub::{Health, TrackHealth};
use manycast_media::TrackKind;
use std::time::Duration;

const STILL: Duration = Duration::from_secs(10);
const MISSING: Duration = Duration::from_secs(5);
const AUDIO_STOPPED: Duration = Duration::from_secs(3);
const VIDEO_STOPPED: Duration = Duration::from_secs(5);

/// An audio Track that flows.
pub(super) fn judge(track: &TrackHealth, found: &mut Vec<Finding>) {
    if track.still >= STILL {
        let figures = [("time", time(track.still))];
        found.push(Finding::new(Rule::AudioSilent, Some(track.id), &figures));
    }
}

/// Sound without pictures and pictures without sound, where there were both or should be.
pub(super) fn judge_presence(health: &Health, found: &mut Vec<Finding>) {
    let Some(video) = health.lead(TrackKind::Video) else { return };
    let Some(audio) = health.lead(TrackKind::Audio) else {
        if super::flows(video) && health.age >= MISSING {
            found.push(Finding::new(Rule::AudioMissing, None, &[]));
        }
        return;
    };
    let mut stopped = |track: &TrackHealth, rule| {
        let figures = [("idle", time(track.idle))];
        found.push(Finding::new(rule, Some(track.id), &figures));
    };
    if super::flows(video) && audio.idle >= AUDIO_STOPPED {
        stopped(audio, Rule::AudioStopped);
    }
    if super::flows(audio) && video.idle >= VIDEO_STOPPED {
        stopped(video, Rule::VideoStopped);
    }
}
