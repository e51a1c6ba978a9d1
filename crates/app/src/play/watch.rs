//! What a viewer got, as it comes: pure counting.

use super::track::TrackWatch;
use manycast_flv::frame::{Unit, read_audio, read_video};
use manycast_flv::script::{DataMessage, Metadata};
use manycast_media::{Codec, TrackId, TrackKind};
use manycast_rtmp::session::{Media, MediaKind};
use std::time::Duration;

/// Tracks that are counted; of further ones nothing is told.
const MAX_TRACKS: usize = 32;

/// Everything that came so far. Moments are times since the start of the dial.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    pub(super) tracks: Vec<TrackWatch>,
    pub(super) metadata: Option<Metadata>,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) data_messages: u64,
    pub(super) connected: Option<Duration>,
    pub(super) first_message: Option<Duration>,
    /// The longest time without sound and pictures, once there were any.
    pub(super) silence: Duration,
    /// How often the encoder went.
    pub(super) runs_ended: u64,
    last_frame: Option<Duration>,
    /// The newest time stamp in ms, over the wraps of the wire's clock.
    clock: Option<i64>,
}

impl Watch {
    pub(super) fn connected(&mut self, now: Duration) {
        self.connected = Some(now);
    }

    /// A message came.
    pub(super) fn media(&mut self, now: Duration, media: &Media) {
        self.messages += 1;
        self.bytes += media.body.len() as u64;
        self.first_message.get_or_insert(now);
        let body = &media.body;
        match media.kind {
            MediaKind::Data => {
                self.data_messages += 1;
                // The session took the selector of AMF3 off.
                let about = DataMessage::read(body, false).metadata();
                self.metadata = about.or(self.metadata.take());
            }
            MediaKind::Video => self.units(now, media.timestamp, read_video(body)),
            MediaKind::Audio => self.units(now, media.timestamp, read_audio(body)),
        }
    }

    fn units(&mut self, now: Duration, timestamp: u32, units: impl IntoIterator<Item = Unit>) {
        for unit in units {
            match unit {
                Unit::Config { track, config } => {
                    if let Some(watch) = self.track(track, config.codec) {
                        watch.config = Some(config);
                    }
                }
                Unit::Frame { track, codec, key, wire, .. } if track.kind != TrackKind::Data => {
                    self.frame(now, timestamp, (track, codec), key, wire.body.len());
                }
                Unit::Opaque { track, wire } => {
                    self.frame(now, timestamp, (track, Codec::Opaque), false, wire.body.len());
                }
                _ => {}
            }
        }
    }

    fn frame(
        &mut self,
        now: Duration,
        timestamp: u32,
        (track, codec): (TrackId, Codec),
        key: bool,
        size: usize,
    ) {
        let at = self.unwrap(timestamp);
        let before = self.last_frame.replace(now).unwrap_or(now);
        self.silence = self.silence.max(now.saturating_sub(before));
        let Some(watch) = self.track(track, codec) else { return };
        if codec != Codec::Opaque {
            watch.codec = codec;
        }
        watch.frame(now, at, key, size);
    }

    /// The track of this identity, new if it is the first time.
    fn track(&mut self, id: TrackId, codec: Codec) -> Option<&mut TrackWatch> {
        let at = match self.tracks.binary_search_by_key(&id, |track| track.id) {
            Ok(at) => at,
            Err(_) if self.tracks.len() >= MAX_TRACKS => return None,
            Err(at) => {
                self.tracks.insert(at, TrackWatch::new(id, codec));
                at
            }
        };
        self.tracks.get_mut(at)
    }

    /// The 32 bits of the wire wrap after 49.7 days; a step below half the range counts as signed
    /// (RTMP 5.3.1).
    fn unwrap(&mut self, wire: u32) -> i64 {
        let Some(last) = self.clock else { return *self.clock.insert(i64::from(wire)) };
        let low = u32::try_from(last.rem_euclid(1 << 32)).unwrap_or(0);
        *self.clock.insert(last + i64::from(wire.wrapping_sub(low).cast_signed()))
    }

    /// The encoder went.
    pub(super) fn unpublished(&mut self) {
        self.runs_ended += 1;
        for track in &mut self.tracks {
            track.run_ended();
        }
    }

    /// The time to watch is over: silence up to here counts too.
    pub(super) fn ended(&mut self, now: Duration) {
        if let Some(last) = self.last_frame {
            self.silence = self.silence.max(now.saturating_sub(last));
        }
    }

    /// Sound and pictures.
    pub(super) fn frames(&self) -> u64 {
        self.tracks.iter().map(|track| track.frames).sum()
    }

    pub(super) fn bitrate(&self) -> u64 {
        self.tracks.iter().filter_map(TrackWatch::bitrate).sum()
    }

    pub(super) fn backward(&self) -> u64 {
        self.tracks.iter().map(|track| track.backward).sum()
    }

    pub(super) fn missing(&self) -> u64 {
        self.tracks.iter().filter_map(TrackWatch::missing).sum()
    }
}
