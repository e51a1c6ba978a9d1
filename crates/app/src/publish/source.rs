//! From a file to its tags, again and again.
//!
//! Belongs here: reading in pieces, so that a file of any length costs one tag of memory. Must not
//! come here: what tags mean.

use manycast_flv::Tag;
use manycast_flv::file::{FileError, FileReader};
use std::io::{self, SeekFrom};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};

const PIECE: usize = 64 * 1024;

/// Why a file cannot be published. Trying again does not help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// No byte in it.
    #[error("is empty")]
    Empty,
    /// Something else.
    #[error("{0}; `ffmpeg -i FILE -c copy OUT.flv` makes an FLV file of most others")]
    File(#[from] FileError),
    /// An FLV file without anything to send.
    #[error("holds no sound and no pictures")]
    NoFrames,
}

/// An FLV file that is read from its beginning any number of times.
pub(crate) struct Source<R> {
    input: R,
    reader: FileReader,
    piece: Vec<u8>,
    bytes: u64,
    ended: bool,
}

impl<R: AsyncRead + AsyncSeek + Unpin> Source<R> {
    pub(crate) fn new(input: R) -> Self {
        let piece = vec![0; PIECE];
        Self { input, reader: FileReader::new(), piece, bytes: 0, ended: false }
    }

    /// The next tag; `None` at the end of the file. A tag that is cut off there is left out.
    /// Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Tag>, SourceError> {
        loop {
            if let Some(tag) = self.reader.next_tag()? {
                return Ok(Some(tag));
            }
            if self.ended {
                return Ok(None);
            }
            let count = self.input.read(&mut self.piece).await?;
            self.bytes += count as u64;
            if count == 0 {
                self.ended = true;
                self.reader.finish();
                match (self.bytes, self.reader.header()) {
                    (0, _) => return Err(SourceError::Empty),
                    (_, None) => return Err(FileError::NotFlv.into()),
                    _ => {}
                }
            }
            self.reader.push(&self.piece[..count]);
        }
    }

    /// Goes back to the beginning.
    pub(crate) async fn rewind(&mut self) -> Result<(), SourceError> {
        self.input.seek(SeekFrom::Start(0)).await?;
        (self.reader, self.bytes, self.ended) = (FileReader::new(), 0, false);
        Ok(())
    }
}
