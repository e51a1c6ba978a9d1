//! What is wrong with a bitstream, in sentences, and which setting of the encoder mends it.
//!
//! Belongs here: the errors of this crate's parsers, the faults of single frames, their words for
//! people. Must not come here: opinions on streams that are right; those are in `concern`.

use manycast_bits::{BitError, UnexpectedEnd};
use manycast_media::Codec;

/// A record or parameter set that its sender got wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It ends before its own fields do.
    #[error(transparent)]
    UnexpectedEnd(#[from] UnexpectedEnd),
    /// A bit-level code in it is malformed.
    #[error(transparent)]
    Bits(#[from] BitError),
    /// A field has a value that the standard does not allow.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// The parameter set that tells the wanted thing is not in it.
    #[error("no {0} in the record")]
    Missing(&'static str),
    /// Nothing here reads records of this codec, or it has none.
    #[error("no record of this codec is known")]
    NoRecord,
}

/// What is wrong with the configuration of a Track.
///
/// `Display` is a sentence for people; [`Problem::remedy`] says what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The codec it was announced as.
    pub codec: Codec,
    /// What exactly.
    pub error: RecordError,
}

impl std::error::Error for Problem {}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let codec = self.codec;
        match self.error {
            RecordError::UnexpectedEnd(_) | RecordError::Bits(BitError::UnexpectedEnd(_)) => {
                write!(f, "the {codec} configuration ends before it is complete")
            }
            RecordError::Bits(BitError::CodeTooLong) => {
                write!(f, "the {codec} configuration is damaged")
            }
            RecordError::OutOfRange("lengthSizeMinusOne") => {
                write!(f, "the {codec} configuration announces NAL units with lengths of 3 bytes")
            }
            RecordError::OutOfRange("picture size") => {
                write!(f, "the {codec} configuration announces a picture larger than 16384 pixels")
            }
            RecordError::OutOfRange(field) => {
                write!(
                    f,
                    "the {codec} configuration has a {field} that the standard does not allow"
                )
            }
            RecordError::Missing(what) => {
                write!(f, "the {codec} configuration carries no {what}")
            }
            RecordError::NoRecord => write!(f, "{codec} has no configuration that is read here"),
        }
    }
}

impl Problem {
    /// Whether nothing is wrong: records of this codec leave that to the frames.
    #[must_use]
    pub const fn frames_tell(&self) -> bool {
        match self.error {
            RecordError::Missing(_) => matches!(self.codec, Codec::Vp8 | Codec::Vp9 | Codec::Av1),
            RecordError::NoRecord => matches!(self.codec, Codec::Ac3 | Codec::Eac3 | Codec::Mp3),
            _ => false,
        }
    }

    /// What the operator of the encoder can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match (self.codec, self.error) {
            (_, RecordError::OutOfRange("lengthSizeMinusOne")) => {
                "set the size of NAL unit lengths to 4 bytes (stream format avc, not byte stream), or update the encoder"
            }
            (_, RecordError::OutOfRange("picture size")) => {
                "set an output resolution of at most 8192x8192 in the encoder"
            }
            (Codec::H264 | Codec::H265 | Codec::H266, RecordError::Missing(_)) => {
                "let the encoder send its parameter sets in the header (ffmpeg: -flags +global_header; GStreamer: stream-format=avc or hvc1)"
            }
            (Codec::Vp8 | Codec::Vp9 | Codec::Av1, RecordError::Missing(_)) => {
                "nothing to do: the first key frame carries it; if no picture appears, shorten the key-frame interval to 2 s"
            }
            (Codec::Aac, RecordError::OutOfRange(_)) => {
                "set AAC-LC with 44100 or 48000 Hz and one or two channels in the encoder"
            }
            (Codec::Aac, _) => {
                "let the encoder send its AudioSpecificConfig (raw AAC, not ADTS), or restart its audio"
            }
            (Codec::Opus | Codec::Flac | Codec::Ac3 | Codec::Eac3, _) => {
                "set AAC as the audio codec, or update the encoder"
            }
            (_, RecordError::NoRecord) => {
                "set H.264 and AAC in the encoder if players stay black or silent"
            }
            _ => {
                "restart the output of the encoder; if it stays, update the encoder or choose another one (such as x264 in place of a hardware encoder)"
            }
        }
    }
}

/// What is wrong with a frame of a Track. A fault of one frame is no reason to end a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameFault {
    /// Its decoder is lost without a configuration, and none came.
    #[error("frames of {0} came before their configuration (sequence header)")]
    NoConfig(Codec),
    /// It has start codes, where the configuration announces lengths.
    #[error("frames of {0} are in byte-stream form (start codes) where lengths were announced")]
    ByteStream(Codec),
    /// The length of a unit runs past its end.
    #[error("a frame of {0} is cut: a unit in it claims more bytes than came")]
    Cut(Codec),
    /// It has an ADTS header, where raw frames are due.
    #[error("AAC frames have ADTS headers where raw AAC is due")]
    Adts,
    /// Its first bytes are not those of a frame of this codec.
    #[error("what was announced as {0} is something else")]
    OtherCodec(Codec),
}

impl FrameFault {
    /// What the operator of the encoder can do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NoConfig(_) => {
                "restart the output of the encoder; with ffmpeg add -flags +global_header, with GStreamer a parser (h264parse, aacparse) before the muxer"
            }
            Self::ByteStream(_) => {
                "set the stream format to avc or hvc1 (lengths), not byte stream or Annex B, in the encoder"
            }
            Self::Cut(_) => {
                "look for packet loss between camera and encoder; lower the bitrate; update the encoder if it stays"
            }
            Self::Adts => {
                "set raw AAC (not ADTS) in the encoder; with ffmpeg add -bsf:a aac_adtstoasc"
            }
            Self::OtherCodec(_) => {
                "check that the codec set in the encoder is the one its output announces; restart the output after a change"
            }
        }
    }
}
