//! When each rule strikes.
//!
//! Belongs here: bounds and conditions, one function for each thing that is looked at. Must not come
//! here: words.

mod shape;
mod sound;
mod video;
mod way;

use crate::{Finding, Rule};
use manycast_codec::{CaptionPresence, Description, FrameFault, Inspector, Problem, VideoShape};
use manycast_hub::{Health, TrackHealth, Trouble};
use manycast_media::{Codec, Frame, Track, TrackId, TrackKind};
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
    /// What its configuration and a Frame of it say, where they can be read.
    pub description: Option<Description>,
    /// Which captions that Frame carries.
    pub captions: CaptionPresence,
    /// What is wrong with the configuration.
    pub problem: Option<Problem>,
    /// What is wrong with the Frame.
    pub fault: Option<FrameFault>,
}

impl Subject {
    /// What the Track's configuration says, and one of its newest Frames; of pictures one where
    /// decoding can start.
    #[must_use]
    pub fn of(track: &Track, sample: Option<&Frame>) -> Self {
        let mut inspector = Inspector::new(track.codec);
        let record = track.config.as_ref().map(|config| &config.record);
        let problem = record.and_then(|record| inspector.configure(record).err());
        let sample = sample.filter(|frame| frame.codec == track.codec);
        let mut fault = None;
        // What nobody understands, and what is empty, says nothing.
        if let Some(frame) = sample.filter(|f| !f.payload.is_empty() && f.codec != Codec::Opaque) {
            inspector.frame(&frame.payload);
            // A missing configuration is told as trouble of the Stream.
            let check = inspector.check(&frame.payload).err();
            fault = check.filter(|fault| !matches!(fault, FrameFault::NoConfig(_)));
        }
        Self {
            id: track.id,
            codec: track.codec,
            description: inspector.description().cloned(),
            captions: inspector.captions(),
            problem,
            fault,
        }
    }

    /// Its pictures, if it is of pictures and they are known.
    fn video(&self) -> Option<&VideoShape> {
        self.description.as_ref().and_then(Description::as_video)
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
    for track in health.tracks.iter().filter(|track| track.ended) {
        let figures = [("idle", crate::words::time(track.idle))];
        found.push(Finding::new(Rule::TrackEnded, Some(track.id), &figures));
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
