//! From bytes to tags. Lenient, since files of every age and of broken-off recordings come here.

use super::TAG_HEADER;
use crate::{Tag, TagKind, limits};
use bytes::{Buf, Bytes, BytesMut};
use manycast_bits::{Reader, UnexpectedEnd};

/// Why bytes are no FLV file. The fault is the file's; reading it again does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It does not open with `FLV`.
    #[error("not an FLV file")]
    NotFlv,
    /// Its header says that it is shorter than a header or absurdly long.
    #[error("FLV header length {0} is out of range")]
    HeaderLength(u32),
}

/// The file header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// 1 in every file so far.
    pub version: u8,
    /// The file claims to have sound. Often wrong.
    pub claims_audio: bool,
    /// The file claims to have pictures. Often wrong.
    pub claims_video: bool,
}

/// Reads an FLV file that comes in pieces of any size.
///
/// The size that follows each tag is not looked at, since some writers get it wrong. Where no tag
/// can start, it is used to find the next one.
#[derive(Debug, Default)]
pub struct FileReader {
    buffer: BytesMut,
    header: Option<FileHeader>,
    /// Bytes to pass over before the next tag header.
    skip: usize,
    /// Bytes passed over where no tag could start.
    lost: u64,
    searching: bool,
    /// No more bytes come.
    finished: bool,
}

impl FileReader {
    /// A reader at the start of a file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file in. What no tag was made of yet is kept, which is at most
    /// one tag (16 MiB) if [`Self::next_tag`] is called until it gives `None`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Tells that no more bytes come: behind damage, what only more bytes could have made a tag is
    /// passed over now. Call [`Self::next_tag`] again after it.
    pub const fn finish(&mut self) {
        self.finished = true;
    }

    /// The header, once enough bytes came.
    #[must_use]
    pub const fn header(&self) -> Option<FileHeader> {
        self.header
    }

    /// Bytes that were passed over because no tag could start there.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Bytes of an incomplete tag at hand; at the end of the file, what is cut off.
    #[must_use]
    pub fn incomplete(&self) -> usize {
        self.buffer.len()
    }

    /// The next tag; `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`FileError`] when this is no FLV file. Damage after the header is no error.
    pub fn next_tag(&mut self) -> Result<Option<Tag>, FileError> {
        if self.header.is_none() && !self.read_header()? {
            return Ok(None);
        }
        let passed = self.skip.min(self.buffer.len());
        self.buffer.advance(passed);
        self.skip = self.skip.saturating_sub(passed);
        if !self.searching {
            match TagHead::read(&self.buffer) {
                Ok(Some(head)) => return Ok(self.take(head)),
                Ok(None) => self.searching = true,
                Err(UnexpectedEnd) => return Ok(None),
            }
        }
        Ok(self.search().and_then(|head| self.take(head)))
    }

    /// The first place where a tag starts for sure, since its size stands behind it. Without one,
    /// keeps what may become one with more bytes.
    fn search(&mut self) -> Option<TagHead> {
        let mut keep = None;
        let mut found = None;
        for at in 0..self.buffer.len() {
            let rest = self.buffer.get(at..).unwrap_or_default();
            let confirmed = match TagHead::read(rest) {
                Ok(Some(head)) if head.is_plausible() => {
                    head.is_confirmed(rest).map(|is| (is, head))
                }
                Ok(_) => continue,
                Err(UnexpectedEnd) => Err(UnexpectedEnd),
            };
            match confirmed {
                Ok((true, head)) => {
                    (keep, found) = (Some(at), Some(head));
                    break;
                }
                Ok((false, _)) => {}
                // It may be the one: what comes behind it is not looked at before that is known,
                // or the tags found would depend on how the file was cut.
                Err(UnexpectedEnd) if !self.finished => {
                    keep = Some(at);
                    break;
                }
                Err(UnexpectedEnd) => keep = keep.or(Some(at)),
            }
        }
        let lost = keep.unwrap_or(self.buffer.len());
        self.buffer.advance(lost);
        self.lost = self.lost.saturating_add(u64::try_from(lost).unwrap_or(u64::MAX));
        self.searching = found.is_none();
        found
    }

    /// The tag of this header, once it is there whole.
    fn take(&mut self, head: TagHead) -> Option<Tag> {
        let end = TAG_HEADER.saturating_add(head.length);
        if self.buffer.len() < end {
            return None;
        }
        let mut body: Bytes = self.buffer.split_to(end).freeze();
        body.advance(TAG_HEADER);
        self.skip = 4;
        Some(Tag { kind: head.kind, timestamp: head.timestamp, body })
    }

    fn read_header(&mut self) -> Result<bool, FileError> {
        let magic = b"FLV".iter().zip(&self.buffer);
        if magic.clone().any(|(want, have)| want != have) {
            return Err(FileError::NotFlv);
        }
        let mut reader = Reader::new(&self.buffer);
        let Ok((header, length)) = read_header(&mut reader) else { return Ok(false) };
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if !(9..=limits::MAX_FILE_HEADER).contains(&size) {
            return Err(FileError::HeaderLength(length));
        }
        self.header = Some(header);
        self.skip = size.saturating_add(4);
        Ok(true)
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<(FileHeader, u32), UnexpectedEnd> {
    reader.skip(3)?;
    let version = reader.u8()?;
    let flags = reader.u8()?;
    let header = FileHeader { version, claims_audio: flags & 4 != 0, claims_video: flags & 1 != 0 };
    Ok((header, reader.u32_be()?))
}

#[derive(Clone, Copy, Debug)]
struct TagHead {
    kind: TagKind,
    length: usize,
    timestamp: u32,
    stream_id: u32,
}

impl TagHead {
    /// The header of a tag; `None` where none can start: an unknown type, encryption.
    fn read(bytes: &[u8]) -> Result<Option<Self>, UnexpectedEnd> {
        let mut reader = Reader::new(bytes);
        let kind = TagKind::from_code(reader.u8()?);
        let length = reader.u24_be()?;
        let [b, c, d, a] = reader.array()?;
        let timestamp = u32::from_be_bytes([a, b, c, d]);
        let stream_id = reader.u24_be()?;
        let length = usize::try_from(length).map_err(|_| UnexpectedEnd)?;
        Ok(kind.map(|kind| Self { kind, length, timestamp, stream_id }))
    }

    /// Whether it may be a tag, in a place where that is in doubt.
    const fn is_plausible(&self) -> bool {
        self.stream_id == 0 && self.length <= limits::MAX_SEARCHED_TAG
    }

    /// Whether the size behind the tag is the size of the tag.
    fn is_confirmed(&self, bytes: &[u8]) -> Result<bool, UnexpectedEnd> {
        let size = TAG_HEADER.saturating_add(self.length);
        let mut reader = Reader::new(bytes);
        reader.skip(size)?;
        Ok(usize::try_from(reader.u32_be()?).is_ok_and(|claimed| claimed == size))
    }
}
