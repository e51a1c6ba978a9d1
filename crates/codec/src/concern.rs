//! What is right by the standards and still goes wrong at players and platforms.
//!
//! Belongs here: one list of such things, each with a sentence and the setting that mends it, read
//! from the description of a Track alone. Must not come here: rates and gaps, which only time shows.

use crate::{AudioShape, Chroma, Description, DynamicRange, Ratio, Shape, VideoShape};
use manycast_media::Codec;

/// Something about a Track that many players or platforms do not take well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Concern {
    /// Chroma other than 4:2:0.
    Chroma,
    /// H.264 with more than 8 bits.
    DeepH264,
    /// Pictures made of fields.
    Interlaced,
    /// All sample values are used.
    FullRange,
    /// Width or height is odd.
    OddSize,
    /// Samples are not square.
    NotSquare,
    /// HDR transfer characteristics in a codec or depth that platforms do not take for HDR.
    HdrUnusual,
    /// More than two B-frames deep.
    DeepReorder,
    /// More than 60 frames per second.
    FastPictures,
    /// Neither 44100 nor 48000 samples per second.
    SampleRate,
    /// More than two channels.
    ManyChannels,
    /// HE-AAC, with or without parametric stereo.
    HighEfficiency,
}

impl Concern {
    /// A stable name for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Chroma => "chroma",
            Self::DeepH264 => "deep_h264",
            Self::Interlaced => "interlaced",
            Self::FullRange => "full_range",
            Self::OddSize => "odd_size",
            Self::NotSquare => "not_square",
            Self::HdrUnusual => "hdr_unusual",
            Self::DeepReorder => "deep_reorder",
            Self::FastPictures => "fast_pictures",
            Self::SampleRate => "sample_rate",
            Self::ManyChannels => "many_channels",
            Self::HighEfficiency => "high_efficiency",
        }
    }

    /// What is meant, for people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Chroma => {
                "the colour format is not 4:2:0, which most players and platforms refuse"
            }
            Self::DeepH264 => "H.264 with 10 bits plays in no browser and on few devices",
            Self::Interlaced => {
                "pictures are interlaced: platforms and browsers show combs or refuse"
            }
            Self::FullRange => "full range colours: many players show them with crushed blacks",
            Self::OddSize => "width or height is odd, which many decoders refuse",
            Self::NotSquare => "pixels are not square: some players show the picture squeezed",
            Self::HdrUnusual => "HDR in a form that platforms do not take for HDR",
            Self::DeepReorder => "more than two B-frames in a row add delay, and browsers stutter",
            Self::FastPictures => "more than 60 pictures per second, which most platforms refuse",
            Self::SampleRate => {
                "the sample rate is neither 44.1 nor 48 kHz, which platforms resample or refuse"
            }
            Self::ManyChannels => "more than two channels: many platforms take stereo only",
            Self::HighEfficiency => "HE-AAC: some platforms take AAC-LC only",
        }
    }

    /// Which setting of the encoder mends it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Chroma => "set the colour format to NV12 or I420 (4:2:0)",
            Self::DeepH264 => {
                "set 8 bits (NV12, profile High), or change to HEVC or AV1 for 10 bits"
            }
            Self::Interlaced => "set progressive output, and deinterlacing on the source",
            Self::FullRange => "set the colour range to limited (partial)",
            Self::OddSize => {
                "set an output resolution with even width and height, such as 1280x720"
            }
            Self::NotSquare => {
                "set an output resolution of the shape of the picture, such as 1024x576 for 720x576"
            }
            Self::HdrUnusual => {
                "set HEVC or AV1 with 10 bits (P010) for HDR, or the colour space to Rec. 709"
            }
            Self::DeepReorder => {
                "set at most 2 B-frames; 0 for the lowest delay and for WebRTC viewers"
            }
            Self::FastPictures => "set 30 or 60 frames per second",
            Self::SampleRate => "set the sample rate to 48 kHz (or 44.1 kHz)",
            Self::ManyChannels => "set stereo, or send surround as a second audio track",
            Self::HighEfficiency => "set AAC-LC at 128 kbit/s or more",
        }
    }
}

/// What about this Track many players or platforms do not take well, in the order of [`Concern`].
#[must_use]
pub fn concerns(codec: Codec, description: &Description) -> Vec<Concern> {
    let tests: &[(Concern, bool)] = match &description.shape {
        Shape::Video(video) => &video_concerns(codec, video),
        Shape::Audio(audio) => &audio_concerns(audio),
    };
    tests.iter().filter(|(_, applies)| *applies).map(|(concern, _)| *concern).collect()
}

fn video_concerns(codec: Codec, video: &VideoShape) -> [(Concern, bool); 9] {
    let deep = video.bit_depth.is_some_and(|depth| depth > 8);
    let hdr = video.dynamic_range() != DynamicRange::Sdr;
    let odd = (video.width | video.height) & 1 == 1;
    // beyond that it is the clock of a variable rate
    let fast = video.fps.is_some_and(|fps| (60.5..=300.0).contains(&fps));
    [
        (Concern::Chroma, video.chroma.is_some_and(|chroma| chroma != Chroma::Yuv420)),
        (Concern::DeepH264, codec == Codec::H264 && deep),
        (Concern::Interlaced, video.interlaced == Some(true)),
        (Concern::FullRange, video.colour.full_range == Some(true)),
        (Concern::OddSize, odd),
        (Concern::NotSquare, video.sample_aspect.is_some_and(|aspect| aspect != Ratio::ONE)),
        (Concern::HdrUnusual, hdr && (codec == Codec::H264 || !deep)),
        (Concern::DeepReorder, video.reorder.is_some_and(|depth| depth > 2)),
        (Concern::FastPictures, fast),
    ]
}

fn audio_concerns(audio: &AudioShape) -> [(Concern, bool); 3] {
    let efficient = audio.profile.as_deref().is_some_and(|profile| profile.starts_with("HE"));
    [
        (Concern::SampleRate, !matches!(audio.sample_rate, 44_100 | 48_000)),
        (Concern::ManyChannels, audio.channels.is_some_and(|channels| channels > 2)),
        (Concern::HighEfficiency, efficient),
    ]
}
