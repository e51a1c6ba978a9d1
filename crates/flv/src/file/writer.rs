//! From tags to bytes.

use super::TAG_HEADER;
use crate::{Tag, TagKind};
use bytes::{BufMut, BytesMut};

/// The file header with the empty size that follows it. Some players wait for a kind of track that
/// is announced and never comes, so that the flags have to be true.
#[must_use]
pub const fn file_header(has_audio: bool, has_video: bool) -> [u8; 13] {
    let flags = match (has_audio, has_video) {
        (true, true) => 5,
        (true, false) => 4,
        (false, true) => 1,
        (false, false) => 0,
    };
    [b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]
}

/// The bytes before and after a body of this length, so that the body itself need not be copied.
/// `None` when it is 16 MiB or longer, which no tag can be.
#[must_use]
pub fn tag_header(
    kind: TagKind,
    timestamp: u32,
    length: usize,
) -> Option<([u8; TAG_HEADER], [u8; 4])> {
    let size = u32::try_from(length).ok().filter(|n| *n < 1 << 24)?;
    let [_, l0, l1, l2] = size.to_be_bytes();
    let [high, t0, t1, t2] = timestamp.to_be_bytes();
    let before = [kind.code(), l0, l1, l2, t0, t1, t2, high, 0, 0, 0];
    let whole = size.saturating_add(11);
    Some((before, whole.to_be_bytes()))
}

/// Appends a tag; `None`, with nothing written, when its body is 16 MiB or longer.
#[must_use = "a tag that is too long is not written"]
pub fn write_tag(tag: &Tag, out: &mut BytesMut) -> Option<()> {
    let (before, after) = tag_header(tag.kind, tag.timestamp, tag.body.len())?;
    out.reserve(tag.body.len().saturating_add(15));
    out.put_slice(&before);
    out.put_slice(&tag.body);
    out.put_slice(&after);
    Some(())
}
