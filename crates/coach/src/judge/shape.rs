//! What the configuration of a Track says, whether it flows well or not.

use super::{Shape, Subject};
use crate::{Finding, Rule};
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
        codec if is_read(codec) && subject.configured && subject.shape.is_none() => {
            find(Rule::ConfigUnreadable, &[("codec", codec.to_string())]);
        }
        _ => {}
    }
    match &subject.shape {
        Some(Shape::Picture { width, height, profile, .. }) => {
            let profile = profile.as_deref().filter(|name| UNPLAYABLE.contains(name));
            if let Some(profile) = profile.filter(|_| subject.codec == Codec::H264) {
                find(Rule::ProfileUnplayable, &[("profile", profile.to_owned())]);
            }
            if width % 2 == 1 || height % 2 == 1 {
                let figures = [("width", width.to_string()), ("height", height.to_string())];
                find(Rule::PictureSizeOdd, &figures);
            }
        }
        Some(Shape::Sound { sample_rate }) if !matches!(sample_rate, 44_100 | 48_000) => {
            find(Rule::SampleRateUnusual, &[("rate", sample_rate.to_string())]);
        }
        _ => {}
    }
}

/// Codecs whose records `codec` has read from the start.
fn is_read(codec: Codec) -> bool {
    matches!(codec, Codec::H264 | Codec::H265 | Codec::Av1 | Codec::Aac)
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
