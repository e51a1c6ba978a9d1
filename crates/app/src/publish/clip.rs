//! A file as the sequence of messages to send: a source and the script over it.

use super::script::{Outgoing, Script};
use super::source::{Source, SourceError};
use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncSeek};

/// The messages of a file, once or without end.
pub(crate) struct Clip<R> {
    source: Source<R>,
    script: Script,
    repeat: bool,
    /// Read already: everything up to the first frame.
    ready: VecDeque<Outgoing>,
}

impl<R: AsyncRead + AsyncSeek + Unpin> Clip<R> {
    /// Reads up to the first frame, so that a file without any is found before anybody is dialled.
    ///
    /// # Errors
    /// Why the file cannot be published.
    pub(crate) async fn open(input: R, repeat: bool) -> Result<Self, SourceError> {
        let (source, script) = (Source::new(input), Script::default());
        let mut clip = Self { source, script, repeat, ready: VecDeque::new() };
        loop {
            let Some(tag) = clip.source.next().await? else { return Err(SourceError::NoFrames) };
            let message = clip.script.take(&tag);
            let framed = message.as_ref().is_some_and(|message| message.frame);
            clip.ready.extend(message);
            if framed {
                return Ok(clip);
            }
        }
    }

    /// The next message; `None` at the end. Cancel-safe up to the loss of a pass's end.
    pub(crate) async fn next(&mut self) -> Result<Option<Outgoing>, SourceError> {
        if let Some(message) = self.ready.pop_front() {
            return Ok(Some(message));
        }
        loop {
            let Some(tag) = self.source.next().await? else {
                if !self.repeat {
                    return Ok(None);
                }
                if !self.script.again() {
                    return Err(SourceError::NoFrames);
                }
                self.source.rewind().await?;
                continue;
            };
            if let Some(message) = self.script.take(&tag) {
                return Ok(Some(message));
            }
        }
    }

    /// When what was handed out so far is over, in milliseconds since the first message.
    pub(crate) fn end(&self) -> i64 {
        self.script.end()
    }

    /// What is to be said at the very end.
    pub(crate) fn last_words(&mut self) -> Vec<Outgoing> {
        self.script.last_words()
    }
}
