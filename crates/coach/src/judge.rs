//! When each rule strikes.
//!
//! Belongs here: bounds and conditions, one function for each thing that is looked at. Must not come
//! here: words.

mod shape;
mod sound;
mod video;
mod way;

use crate::{Finding, Rule};
use manycast_codec::describe;
use manycast_hub::{Health, TrackHealth, Trouble};
use manycast_media::{Codec, Track, TrackId, TrackKind};
use std::time::Duration;

/// A Track that nothing came of for this long is not judged by its rates.
const FLOWS: Duration = Duration::from_secs(2);

/// What is known of a Track besides its figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Its identity.
    pub id: TrackId,
    /// How it is coded.
    pub codec: Codec,
    /// Whether a configuration came.
    pub configured: bool,
    /// What that says, where it can be read.
    pub shape: Option<Shape>,
}

/// What a configuration says, as far as it is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Of pictures.
    Picture {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Pictures per second, if it says so.
        fps: Option<f64>,
        /// By its name, if it has one.
        profile: Option<String>,
    },
    /// Of sound.
    Sound {
        /// Samples per second.
        sample_rate: u32,
    },
}

impl Subject {
    /// What the Track's configuration says.
    #[must_use]
    pub fn of(track: &Track) -> Self {
        let config = track.config.as_ref();
        let found = config.and_then(|config| describe(config.codec, &config.record));
        let shape = found.map(|found| match found.shape {
            manycast_codec::Shape::Video(shape) => Shape::Picture {
                width: shape.width,
                height: shape.height,
                fps: shape.fps,
                profile: shape.profile,
            },
            manycast_codec::Shape::Audio(shape) => Shape::Sound { sample_rate: shape.sample_rate },
        });
        Self { id: track.id, codec: track.codec, configured: config.is_some(), shape }
    }
}

/// Everything that is wrong at this moment, the worst first.
#[must_use]
pub fn findings(health: &Health, trouble: Option<Trouble>, subjects: &[Subject]) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(trouble.map(|trouble| self::trouble(trouble, health)));
    for subject in subjects {
        shape::judge(subject, &mut found);
        let Some(figures) = health.track(subject.id).filter(|track| flows(track)) else { continue };
        match subject.id.kind {
            TrackKind::Video => video::judge(subject, figures, &mut found),
            TrackKind::Audio => sound::judge(figures, &mut found),
            TrackKind::Data => {}
        }
    }
    sound::judge_presence(health, &mut found);
    way::judge(health, &mut found);
    found.sort_by_key(|finding| std::cmp::Reverse(finding.rule.severity()));
    found
}

fn flows(track: &TrackHealth) -> bool {
    track.idle <= FLOWS
}

fn trouble(trouble: Trouble, health: &Health) -> Finding {
    let rule = match trouble {
        Trouble::Silent => Rule::Silent,
        Trouble::NoCodecConfig => Rule::NoCodecConfig,
        Trouble::WaitingForKeyFrame => Rule::WaitingForKeyFrame,
        Trouble::GopTooLarge => Rule::GopTooLarge,
    };
    Finding::new(rule, None, &[("idle", crate::words::time(health.silence))])
}

#[cfg(test)]
mod tests;
