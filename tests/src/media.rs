//! What is sent: the project's clip, and frames that carry a number.
//!
//! A numbered frame is a whole FLV body with real codec headers around bytes that follow from its
//! source and its number, so that a receiver knows without any talk which one it is and whether a
//! single byte of it changed.

use bytes::{BufMut, Bytes, BytesMut};
use manycast_flv::TagKind;
use manycast_flv::file::FileReader;
use manycast_rtmp::session::MediaKind;
use std::sync::OnceLock;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: MediaKind,
    /// Milliseconds.
    pub timestamp: u32,
    /// The FLV body.
    pub body: Bytes,
}

/// All messages of an FLV file.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn flv(bytes: &[u8]) -> Vec<Message> {
    let mut reader = FileReader::new();
    reader.push(bytes);
    let mut messages = Vec::new();
    while let Some(tag) = reader.next_tag().unwrap_or_else(|e| panic!("no FLV: {e}")) {
        let kind = match tag.kind {
            TagKind::Video => MediaKind::Video,
            TagKind::Audio => MediaKind::Audio,
            TagKind::Script | TagKind::ScriptAmf3 => MediaKind::Data,
        };
        messages.push(Message { kind, timestamp: tag.timestamp, body: tag.body });
    }
    messages
}

/// The clip that the project ships: 8 s of H.264 and AAC.
///
/// # Panics
/// When it is missing.
#[must_use]
pub fn clip() -> &'static [Message] {
    static CLIP: OnceLock<Vec<Message>> = OnceLock::new();
    CLIP.get_or_init(|| {
        let path = crate::root().join("assets/demo.flv");
        flv(&std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    })
}

fn first(kind: MediaKind) -> Bytes {
    let found = clip().iter().find(|m| m.kind == kind);
    found.map(|m| m.body.clone()).unwrap_or_default()
}

/// The metadata of the clip, as a data body.
#[must_use]
pub fn metadata() -> Bytes {
    first(MediaKind::Data)
}

/// An H.264 sequence header.
#[must_use]
pub fn avc_config() -> Bytes {
    first(MediaKind::Video)
}

/// The same of another level: parameters that a decoder has to be told of anew.
#[must_use]
pub fn avc_config_of_level(level: u8) -> Bytes {
    let mut body = BytesMut::from(&avc_config()[..]);
    // AVCDecoderConfigurationRecord behind five bytes: AVCLevelIndication, then, behind the length of
    // the first sequence parameter set, its NAL header, profile_idc, constraints and level_idc
    for at in [8, 16] {
        if let Some(byte) = body.get_mut(at) {
            *byte = level;
        }
    }
    body.freeze()
}

/// An AAC sequence header.
#[must_use]
pub fn aac_config() -> Bytes {
    first(MediaKind::Audio)
}

/// Whether a legacy body is a sequence header.
#[must_use]
pub fn is_config(kind: MediaKind, body: &[u8]) -> bool {
    let avc_or_aac = match kind {
        MediaKind::Video => body.first().is_some_and(|b| b & 0x0f == 7),
        MediaKind::Audio => body.first().is_some_and(|b| b >> 4 == 10),
        MediaKind::Data => false,
    };
    avc_or_aac && body.get(1) == Some(&0)
}

/// Whether a video body holds a key frame.
#[must_use]
pub fn is_key(kind: MediaKind, body: &[u8]) -> bool {
    kind == MediaKind::Video && body.first().is_some_and(|b| b >> 4 == 1) && !is_config(kind, body)
}

const MARK: [u8; 4] = *b"MANY";
const VIDEO_HEAD: usize = 10;
const AUDIO_HEAD: usize = 2;

/// What a numbered frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Who made it.
    pub source: u8,
    /// Counted over sound and pictures together, from 0.
    pub number: u32,
    /// Every byte is as it was made.
    pub whole: bool,
}

fn pattern(body: &mut BytesMut, source: u8, number: u32, size: usize) {
    body.put_slice(&MARK);
    body.put_u8(source);
    body.put_u32(number);
    let mut state = number.wrapping_mul(0x9e37_79b9) ^ u32::from(source);
    while body.len() < size {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        body.put_u8(state.to_be_bytes()[0]);
    }
}

/// A numbered picture of `size` bytes, `delay` ms shown after it is decoded.
#[must_use]
pub fn video(source: u8, number: u32, key: bool, size: usize, delay: i32) -> Bytes {
    let size = size.max(32);
    let mut body = BytesMut::with_capacity(size);
    body.put_slice(&[if key { 0x17 } else { 0x27 }, 1]);
    body.put_slice(&delay.to_be_bytes()[1..]);
    body.put_u32(u32::try_from(size - 9).unwrap_or(0));
    body.put_u8(if key { 0x65 } else { 0x41 });
    pattern(&mut body, source, number, size);
    body.freeze()
}

/// A numbered piece of sound of `size` bytes.
#[must_use]
pub fn audio(source: u8, number: u32, size: usize) -> Bytes {
    let size = size.max(16);
    let mut body = BytesMut::with_capacity(size);
    body.put_slice(&[0xaf, 1]);
    pattern(&mut body, source, number, size);
    body.freeze()
}

/// Reads a numbered frame; `None`: it is something else.
#[must_use]
pub fn mark(kind: MediaKind, body: &Bytes) -> Option<Mark> {
    let head = match kind {
        MediaKind::Video => VIDEO_HEAD,
        MediaKind::Audio => AUDIO_HEAD,
        MediaKind::Data => return None,
    };
    if body.get(1) != Some(&1) {
        return None;
    }
    let rest = body.get(head..)?.strip_prefix(&MARK)?;
    let (source, number) = (*rest.first()?, rest.get(1..5)?);
    let number = u32::from_be_bytes(number.try_into().ok()?);
    let mut again = BytesMut::with_capacity(body.len());
    again.put_slice(&body[..head]);
    pattern(&mut again, source, number, body.len());
    Some(Mark { source, number, whole: again == *body })
}
