//! What the frames of a Track tell while they flow.
//!
//! Belongs here: one Track's state between its configuration and its frames; description, random
//! access, captions, timecode and kind of picture of each frame.
//! Must not come here: time, rates, anything about more than one Track.

use crate::{
    CaptionPresence, CcTriplet, Description, FrameFault, Hdr, PictureKind, Problem, RandomAccess,
    Shape, Timecode, VideoShape,
    aac::AdtsHeader,
    av1, describe_frame, examine, h264, h265, h266,
    nal::{Framing, NalUnits, starts_with_code},
    random_access, sei,
};
use manycast_media::Codec;

/// What a frame tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameInfo {
    /// Whether decoding can start here; `None`: it does not tell.
    pub random_access: Option<RandomAccess>,
    /// How its first slice is predicted; `None` for sound, and where it does not tell.
    pub picture: Option<PictureKind>,
    /// The description of the Track changed with this frame.
    pub changed: bool,
    /// Byte pairs of closed captions, in the order of decoding.
    pub captions: Vec<CcTriplet>,
    /// The time that the encoder stamped on it.
    pub timecode: Option<Timecode>,
}

/// Follows one Track from its configuration on.
///
/// Each frame costs a walk over its NAL units or OBUs, headers only, and reading its SEI messages;
/// memory is the description and the last configuration record.
#[derive(Clone, Debug)]
pub struct Inspector {
    codec: Codec,
    record: Option<Vec<u8>>,
    framing: Option<Framing>,
    vui: Option<h264::Vui>,
    extra_slice_bits: u8,
    description: Option<Description>,
    captions: CaptionPresence,
}

/// Larger records are not kept: they still are described, frames do without them.
const MAX_RECORD: usize = 64 * 1024;

impl Inspector {
    /// Of a Track of this codec, without a configuration yet.
    #[must_use]
    pub const fn new(codec: Codec) -> Self {
        Self {
            codec,
            record: None,
            framing: None,
            vui: None,
            extra_slice_bits: 0,
            description: None,
            captions: CaptionPresence { cea608_field1: false, cea608_field2: false, cea708: false },
        }
    }

    /// Takes a configuration record; what frames told of another one is forgotten. The same record
    /// again only takes back what it tells otherwise: some encoders repeat it every few seconds.
    ///
    /// # Errors
    /// [`Problem`] when it is damaged or leaves out what it has to tell. Frames are inspected all the
    /// same: they may tell.
    pub fn configure(&mut self, record: &[u8]) -> Result<(), Problem> {
        let repeated = self.record.as_deref() == Some(record);
        let known = self.description.take().filter(|_| repeated);
        *self = Self { captions: self.captions, ..Self::new(self.codec) };
        if record.len() <= MAX_RECORD {
            self.record = Some(record.to_vec());
        }
        match self.codec {
            Codec::H264 => {
                if let Ok(config) = h264::AvcConfig::parse(record) {
                    self.framing = Some(config.framing);
                    config.sps.first().iter().for_each(|unit| self.note_h264_sps(unit));
                }
            }
            Codec::H265 => {
                if let Ok(config) = h265::HevcConfig::parse(record) {
                    self.framing = Some(config.framing);
                    config.pps().iter().for_each(|unit| self.note_h265_pps(unit));
                }
            }
            Codec::H266 => {
                self.framing = h266::VvcConfig::parse(record).ok().map(|config| config.framing);
            }
            _ => {}
        }
        match examine(self.codec, record) {
            Ok(mut told) => {
                known.iter().for_each(|known| keep(&mut told, known));
                self.description = Some(told);
            }
            Err(problem) if problem.frames_tell() => self.description = known,
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    /// What is known of the Track so far.
    #[must_use]
    pub const fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    /// Which captions have come so far.
    #[must_use]
    pub const fn captions(&self) -> CaptionPresence {
        self.captions
    }

    /// Looks at a frame.
    pub fn frame(&mut self, payload: &[u8]) -> FrameInfo {
        let mut info =
            FrameInfo { random_access: random_access(self.codec, payload), ..FrameInfo::default() };
        match self.codec {
            Codec::H264 | Codec::H265 | Codec::H266 => self.units(payload, &mut info),
            Codec::Av1 => {
                let metadata = av1::Metadata::read(payload);
                (info.captions, info.timecode) = (metadata.captions, metadata.timecode);
            }
            _ => {}
        }
        if matches!(self.codec, Codec::Av1 | Codec::Vp8 | Codec::Vp9) {
            info.picture = info.random_access.map(|access| match access {
                RandomAccess::No => PictureKind::Predicted,
                _ => PictureKind::Intra,
            });
        }
        self.captions.note(&info.captions);
        info.changed = self.refine(payload, info.random_access);
        info
    }

    fn units(&mut self, payload: &[u8], info: &mut FrameInfo) {
        for unit in NalUnits::detect(payload) {
            match self.codec {
                Codec::H264 if h264::unit_type(unit) == Some(h264::NAL_SPS) => {
                    self.note_h264_sps(unit)
                }
                Codec::H265 if h265::unit_type(unit) == Some(h265::NAL_PPS) => {
                    self.note_h265_pps(unit)
                }
                Codec::H264 if h264::is_slice(unit) => {
                    info.picture = info.picture.or_else(|| h264::picture_kind(unit));
                }
                Codec::H265 if h265::is_slice(unit) => {
                    info.picture =
                        info.picture.or_else(|| h265::picture_kind(unit, self.extra_slice_bits));
                }
                _ => {}
            }
            sei::messages(self.codec, unit, |kind, payload| match (kind, self.codec) {
                (sei::REGISTERED_T35, _) => CcTriplet::read_t35(payload, &mut info.captions),
                (sei::PIC_TIMING, Codec::H264) => {
                    let timing = self.vui.and_then(|vui| h264::PicTiming::read(payload, &vui).ok());
                    info.timecode = timing.and_then(|timing| timing.timecode).or(info.timecode);
                }
                (sei::TIME_CODE, Codec::H265) => {
                    info.timecode = Timecode::read_h265(payload).ok().flatten().or(info.timecode);
                }
                _ => {}
            });
        }
    }

    fn note_h264_sps(&mut self, unit: &[u8]) {
        if let Ok(sps) = h264::Sps::parse(unit) {
            self.vui = sps.vui;
        }
    }

    fn note_h265_pps(&mut self, unit: &[u8]) {
        if let Ok(pps) = h265::Pps::parse(unit) {
            self.extra_slice_bits = pps.extra_slice_bits;
        }
    }

    /// Puts what the frame tells in place of what was known. Of pictures only those tell where
    /// decoding can start.
    fn refine(&mut self, payload: &[u8], access: Option<RandomAccess>) -> bool {
        if access.is_none_or(|access| access == RandomAccess::No) {
            return false;
        }
        // Sound: once it is known, only a new record changes it, where there are any. Opus encoders
        // go from stereo to mono and back as they like.
        let by_record = self.record.is_some() || self.codec == Codec::Opus;
        let complete = self
            .description
            .as_ref()
            .and_then(Description::as_audio)
            .is_some_and(|a| by_record && a.channels.is_some() && a.frame_samples.is_some());
        if complete {
            return false;
        }
        let Some(mut told) = describe_frame(self.codec, self.record.as_deref(), payload) else {
            return false;
        };
        if let Some(known) = &self.description {
            keep(&mut told, known);
        }
        let changed = self.description.as_ref() != Some(&told);
        if changed {
            self.description = Some(told);
        }
        changed
    }

    /// What is wrong with a frame, as far as its first bytes and its framing tell.
    ///
    /// # Errors
    /// [`FrameFault`], which says in a sentence what is wrong and which setting mends it.
    pub fn check(&self, payload: &[u8]) -> Result<(), FrameFault> {
        let codec = self.codec;
        match codec {
            Codec::Aac if AdtsHeader::parse(payload).is_some() => return Err(FrameFault::Adts),
            Codec::H264 | Codec::H265 | Codec::H266 => self.check_framing(payload)?,
            Codec::Vp8 | Codec::Vp9 if random_access(codec, payload).is_none() => {
                return Err(FrameFault::OtherCodec(codec));
            }
            Codec::Av1 if av1::Obus::new(payload).next().is_none() => {
                return Err(FrameFault::OtherCodec(codec));
            }
            Codec::Opus | Codec::Ac3 | Codec::Eac3 | Codec::Mp3
                if describe_frame(codec, None, payload).is_none() =>
            {
                return Err(FrameFault::OtherCodec(codec));
            }
            Codec::Flac if crate::flac::FrameHeader::parse(payload).is_none() => {
                return Err(FrameFault::OtherCodec(codec));
            }
            _ => {}
        }
        if codec.needs_config() && self.record.is_none() && self.description.is_none() {
            return Err(FrameFault::NoConfig(codec));
        }
        Ok(())
    }

    fn check_framing(&self, payload: &[u8]) -> Result<(), FrameFault> {
        let announced = self.framing.or_else(|| Framing::detect(payload));
        match announced {
            Some(framing) if framing.fits(payload) => Ok(()),
            Some(Framing::Length(_)) if starts_with_code(payload) => {
                Err(FrameFault::ByteStream(self.codec))
            }
            _ => Err(FrameFault::Cut(self.codec)),
        }
    }
}

/// What a frame or a repeated record leaves open stays as it was known: a rate in the record, HDR messages of the last
/// key frame.
fn keep(told: &mut Description, known: &Description) {
    match (&mut told.shape, &known.shape) {
        (Shape::Video(told), Shape::Video(known)) => keep_video(told, known),
        (Shape::Audio(told), Shape::Audio(known)) => {
            let same = told.sample_rate == known.sample_rate && told.channels == known.channels;
            if same {
                told.layout = told.layout.or(known.layout);
                // variable bit rates and blocks: the first frame stands for all
                told.bitrate = known.bitrate.or(told.bitrate);
                told.frame_samples = known.frame_samples.or(told.frame_samples);
            }
            told.bit_depth = told.bit_depth.or(known.bit_depth);
            told.profile = told.profile.take().or_else(|| known.profile.clone());
        }
        _ => return,
    }
    if told.rfc6381.is_none() {
        told.rfc6381.clone_from(&known.rfc6381);
    }
}

fn keep_video(told: &mut VideoShape, known: &VideoShape) {
    told.fps = told.fps.or(known.fps);
    told.sample_aspect = told.sample_aspect.or(known.sample_aspect);
    told.interlaced = told.interlaced.or(known.interlaced);
    told.level = told.level.take().or_else(|| known.level.clone());
    told.chroma = told.chroma.or(known.chroma);
    told.bit_depth = told.bit_depth.or(known.bit_depth);
    told.reorder = told.reorder.or(known.reorder);
    // a stream that leaves HDR has no use for the light of before
    let same = told.colour.or(known.colour).transfer == known.colour.transfer;
    told.colour = if same { told.colour.or(known.colour) } else { told.colour };
    told.hdr = told.hdr.or(if same { known.hdr } else { Hdr::default() });
}
