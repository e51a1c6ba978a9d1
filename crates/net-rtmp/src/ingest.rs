//! From a publishing session into the hub.

mod subjects;

use self::subjects::Subjects;
use crate::clock::Unwrapper;
use manycast_flv::frame::{Unit, read_audio, read_data, read_video};
use manycast_hub::{Displaced, Publisher, RunEnd};
use manycast_rtmp::session::{DataEncoding, Media, MediaKind};
use std::time::{Duration, Instant};
use tracing::info;

const HEAR_EVERY: Duration = Duration::from_millis(500);

/// One publish on its way into a Stream.
#[derive(Debug)]
pub(crate) struct Ingest {
    publisher: Publisher,
    clock: Unwrapper,
    subjects: Subjects,
    heard: Option<Instant>,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Units that are passed on without being understood.
    not_understood: u64,
}

impl Ingest {
    pub(crate) fn new(publisher: Publisher) -> Self {
        Self {
            publisher,
            clock: Unwrapper::default(),
            subjects: Subjects::default(),
            heard: None,
            messages: 0,
            bytes: 0,
            not_understood: 0,
        }
    }

    pub(crate) fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// Takes one message.
    pub(crate) fn media(&mut self, now: Instant, media: &Media) -> Result<(), Displaced> {
        self.messages += 1;
        self.bytes += media.body.len() as u64;
        let body = &media.body;
        let units = match media.kind {
            MediaKind::Video => read_video(body),
            MediaKind::Audio => read_audio(body),
            MediaKind::Data => read_data(body, media.encoding == DataEncoding::Amf3),
        };
        for unit in units {
            self.not_understood += u64::from(unit.is_opaque());
            self.unit(now, media, unit)?;
        }
        Ok(())
    }

    fn unit(&mut self, now: Instant, media: &Media, unit: Unit) -> Result<(), Displaced> {
        match unit {
            Unit::Config { track, config } => {
                self.subjects.note(track, config.codec);
                self.publisher.configure(now, track, config.detached())
            }
            Unit::Sticky(sticky) => match self.subjects.kept(sticky) {
                Some(sticky) => self.publisher.stick(now, sticky.detached()),
                None => Ok(()),
            },
            // The sequence of a Track ends, not the Stream: players that get it stop (FLV E.4.3.1).
            Unit::SequenceEnd { track, .. } => self.publisher.end_track(now, track),
            Unit::Empty => self.publisher.hear(now),
            Unit::Frame { .. } | Unit::Opaque { .. } => {
                let at = match media.kind {
                    MediaKind::Data => self.clock.peek(media.timestamp),
                    _ => self.clock.unwrap(media.timestamp),
                };
                match unit.into_frame(at) {
                    Some(frame) => self.publisher.push(now, self.subjects.passed(frame)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Notes that bytes came, whole message or not; at most twice per second.
    pub(crate) fn hear(&mut self, now: Instant) {
        if self.heard.is_none_or(|at| now.saturating_duration_since(at) >= HEAR_EVERY) {
            self.heard = Some(now);
            // One that was displaced learns of it by its lease.
            let _ = self.publisher.hear(now);
        }
    }

    /// Wakes readers if it is time; when to come back otherwise.
    pub(crate) fn commit(&mut self, now: Instant) -> Option<Instant> {
        self.publisher.commit(now)
    }

    /// Ends the Run.
    pub(crate) fn end(self, now: Instant, orderly: bool) {
        if self.not_understood > 0 {
            let stream = self.publisher.stream().name();
            info!(%stream, messages = self.not_understood, "passed on without being understood");
        }
        self.publisher.end(now, if orderly { RunEnd::Orderly } else { RunEnd::Lost });
    }
}

#[cfg(test)]
mod tests;
