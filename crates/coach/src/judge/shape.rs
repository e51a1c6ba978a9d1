//! What a Track says of itself, whether it flows well or not.

use super::Subject;
use crate::words::rate;
use crate::{Finding, Rule};
use manycast_codec::{
    AudioShape, Chroma, Concern, Description, DynamicRange, Shape, VideoShape, concerns,
};
use manycast_media::{Codec, TrackKind};

/// Profiles of H.264 beyond 8 bits or 4:2:0, as `codec` names them.
const UNPLAYABLE: [&str; 4] =
    ["High 10", "High 4:2:2", "High 4:4:4 Predictive", "CAVLC 4:4:4 Intra"];

pub(super) fn judge(subject: &Subject, found: &mut Vec<Finding>) {
    let mut find = |rule, figures: &[(&str, String)]| {
        found.push(Finding::new(rule, Some(subject.id), figures));
    };
    match subject.codec {
        Codec::Opaque if subject.id.kind != TrackKind::Data => {
            find(Rule::CodecUnknown, &[]);
        }
        codec if is_old(codec) => find(Rule::CodecOld, &[("codec", codec.to_string())]),
        _ => {}
    }
    match subject.description.as_ref().map(|description| &description.shape) {
        Some(Shape::Video(video)) => pictures(subject.codec, video, &mut find),
        Some(Shape::Audio(audio)) => sound(audio, &mut find),
        None => {}
    }
    broken(subject, found);
}

/// What is wrong by the standards; a fault of frames tells more than one of the configuration.
fn broken(subject: &Subject, found: &mut Vec<Finding>) {
    let of = |rule, fault: String, remedy| {
        Finding::new(rule, Some(subject.id), &[("fault", fault)]).mended_by(remedy)
    };
    if let Some(fault) = &subject.fault {
        found.push(of(Rule::FramesDamaged, fault.to_string(), fault.remedy()));
    } else if let Some(problem) = &subject.problem {
        found.push(of(Rule::ConfigUnreadable, problem.to_string(), problem.remedy()));
    }
}

type Find<'a> = &'a mut dyn FnMut(Rule, &[(&str, String)]);

fn pictures(codec: Codec, video: &VideoShape, find: Find<'_>) {
    let profile = video.profile.as_deref().filter(|name| UNPLAYABLE.contains(name));
    let unplayable = profile.filter(|_| codec == Codec::H264);
    if let Some(profile) = unplayable {
        find(Rule::ProfileUnplayable, &[("profile", profile.to_owned())]);
    }
    let range = [("range", video.dynamic_range().name().to_owned())];
    for concern in video_concerns(codec, video) {
        match concern {
            Concern::OddSize => {
                let sides = [("width", video.width), ("height", video.height)];
                find(Rule::PictureSizeOdd, &sides.map(|(name, side)| (name, side.to_string())));
            }
            Concern::Chroma if unplayable.is_none() => {
                let chroma = video.chroma.map_or("unknown", Chroma::name);
                find(Rule::ChromaUnusual, &[("chroma", chroma.to_owned())]);
            }
            Concern::Interlaced => find(Rule::Interlaced, &[]),
            Concern::FullRange => find(Rule::FullRange, &[]),
            Concern::NotSquare => find(Rule::PixelsNotSquare, &[]),
            Concern::HdrUnusual => find(Rule::HdrUnusual, &range),
            Concern::FastPictures => {
                let declared = video.fps.map(rate).unwrap_or_default();
                find(Rule::PicturesFast, &[("declared", declared)]);
            }
            // Told by the profile, and by the pictures themselves.
            _ => {}
        }
    }
    let fine = !video_concerns(codec, video).contains(&Concern::HdrUnusual);
    if fine && video.dynamic_range() != DynamicRange::Sdr {
        find(Rule::Hdr, &range);
    }
}

fn video_concerns(codec: Codec, video: &VideoShape) -> Vec<Concern> {
    concerns(codec, &Description { shape: Shape::Video(video.clone()), rfc6381: None })
}

fn sound(audio: &AudioShape, find: Find<'_>) {
    if !matches!(audio.sample_rate, 44_100 | 48_000) {
        find(Rule::SampleRateUnusual, &[("rate", audio.sample_rate.to_string())]);
    }
    if let Some(channels) = audio.channels.filter(|channels| *channels > 2) {
        find(Rule::ChannelsMany, &[("channels", channels.to_string())]);
    }
    if let Some(profile) = audio.profile.as_deref().filter(|profile| profile.starts_with("HE")) {
        find(Rule::AudioHighEfficiency, &[("profile", profile.to_owned())]);
    }
}

fn is_old(codec: Codec) -> bool {
    matches!(
        codec,
        Codec::SorensonH263
            | Codec::ScreenVideo
            | Codec::Vp6
            | Codec::Speex
            | Codec::Nellymoser
            | Codec::G711A
            | Codec::G711U
            | Codec::Pcm
            | Codec::Adpcm
    )
}
