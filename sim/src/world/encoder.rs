//! Encoders: one that publishes and comes back as OBS does, and a rival with the same key.
//!
//! Belongs here: frames, reconnects, and what the server hears of them. Must not come here: when an
//! encoder is struck by trouble.

use super::{Event, Shape, World};
use crate::frame::{self, Stamp};
use bytes::Bytes;
use manycast_net_rtmp::parts::Ingest;
use manycast_rtmp::session::{DataEncoding, Media, MediaKind};
use std::time::{Duration, Instant};

/// The first wait before a reconnect; each further one is half as long again.
const RECONNECT: Duration = Duration::from_secs(2);
const SLOWEST: Duration = Duration::from_secs(8);
/// A publisher that the server hears nothing of for so long is let go.
const IDLE: Duration = Duration::from_secs(30);

pub(super) struct Encoder {
    shape: Shape,
    /// Whether it shall publish.
    pub(super) wanted: bool,
    /// Until when it cannot reach the server.
    pub(super) away_until: Option<Instant>,
    publish: Option<Publish>,
    retry: Duration,
    /// Tells the newest tick from older ones.
    turn: u32,
    pub(super) variant: u8,
    changed: bool,
}

struct Publish {
    ingest: Ingest,
    source: u32,
    number: u32,
    /// Counted from a key frame that was perhaps never sent.
    pictures: u32,
    /// When the first of these would have been sent.
    began: Instant,
}

/// A publisher whose encoder is gone without the server knowing.
pub(super) struct Ghost {
    ingest: Ingest,
    source: u32,
    number: u32,
    until: Instant,
}

impl Encoder {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            shape: *shape,
            wanted: true,
            away_until: None,
            publish: None,
            retry: RECONNECT,
            turn: 0,
            variant: 0,
            changed: false,
        }
    }

    pub(super) fn rival(shape: &Shape) -> Self {
        Self { wanted: false, ..Self::new(shape) }
    }

    /// What it sent last: its source and the number of the last frame.
    pub(super) fn newest(&self) -> Option<(u32, u32)> {
        self.publish.as_ref().and_then(|p| Some((p.source, p.number.checked_sub(1)?)))
    }
}

impl Publish {
    /// The time on the encoder's clock, by the number of the picture.
    fn clock(&self, shape: &Shape) -> u32 {
        let ms = shape.interval.as_millis() as u64 * u64::from(self.pictures);
        shape.clock.wrapping_add(ms as u32)
    }

    fn send(&mut self, now: Instant, kind: MediaKind, timestamp: u32, body: Bytes) -> bool {
        let media = Media { kind, timestamp, body, encoding: DataEncoding::Amf0 };
        self.ingest.media(now, &media).is_ok()
    }

    fn headers(&mut self, now: Instant, shape: &Shape, variant: u8, whole: bool) {
        let at = self.clock(shape);
        if whole {
            self.send(now, MediaKind::Data, at, frame::metadata());
            self.send(now, MediaKind::Audio, at, frame::audio_header());
        }
        self.send(now, MediaKind::Video, at, frame::video_header(variant));
    }

    fn stamp(&mut self, clock: u32) -> Stamp {
        let stamp = Stamp { source: self.source, number: self.number, clock };
        self.number += 1;
        stamp
    }

    /// One picture and one piece of sound; `false` when it was displaced.
    fn frames(&mut self, now: Instant, shape: &Shape) -> bool {
        let clock = self.clock(shape);
        let key = self.pictures.is_multiple_of(shape.gop);
        let picture = frame::video(self.stamp(clock), key, shape.size * if key { 4 } else { 1 });
        let mut taken = self.send(now, MediaKind::Video, clock, picture);
        if taken {
            let sound = frame::audio(self.stamp(clock), shape.size / 4);
            taken = self.send(now, MediaKind::Audio, clock, sound);
        }
        self.pictures += 1;
        taken
    }
}

impl World {
    /// An encoder's next frame, or its next try to publish.
    pub(super) fn encoder(&mut self, n: usize, turn: u32) {
        if self.encoders[n].turn != turn {
            return;
        }
        let now = self.now;
        let encoder = &mut self.encoders[n];
        let away = encoder.away_until.is_some_and(|until| now < until);
        if !encoder.wanted {
            return;
        }
        if encoder.publish.is_some() {
            return self.encode(n);
        }
        if away || self.process.is_none() {
            return self.try_later(n);
        }
        self.encoders[n].away_until = None;
        self.connect(n);
    }

    fn try_later(&mut self, n: usize) {
        let encoder = &mut self.encoders[n];
        encoder.turn += 1;
        let (turn, retry) = (encoder.turn, encoder.retry);
        encoder.retry = (retry * 3 / 2).min(SLOWEST);
        self.post(self.now + retry, Event::Encoder(n, turn));
    }

    fn connect(&mut self, n: usize) {
        let now = self.now;
        let Some(process) = &self.process else { return };
        let who = format!("encoder {n}");
        let takeover = self.setup.takeover;
        let Ok(publisher) = process.stream.publish(now, takeover, &who) else {
            self.note(&who, format_args!("refused: another one publishes"));
            return self.try_later(n);
        };
        self.sources += 1;
        self.owner = Some(self.sources);
        let (source, ingest) = (self.sources, Ingest::new(publisher));
        self.note(&who, format_args!("publishes as source {source}"));
        let encoder = &mut self.encoders[n];
        let shape = encoder.shape;
        let midway = shape.midway && self.fate_rng.chance(30);
        let pictures = if midway { self.fate_rng.below(shape.gop.into()) as u32 } else { 0 };
        let began = now - shape.interval * pictures;
        self.key_frames.insert(source, (shape.gop - pictures) % shape.gop * 2);
        let mut publish = Publish { ingest, source, number: 0, pictures, began };
        publish.headers(now, &encoder.shape, encoder.variant, true);
        encoder.retry = RECONNECT;
        encoder.publish = Some(publish);
        encoder.changed = false;
        self.follow_stream();
        self.encode(n);
    }

    fn encode(&mut self, n: usize) {
        let now = self.now;
        let encoder = &mut self.encoders[n];
        let Some(publish) = &mut encoder.publish else { return };
        let key = publish.pictures.is_multiple_of(encoder.shape.gop);
        if key && std::mem::take(&mut encoder.changed) {
            publish.headers(now, &encoder.shape, encoder.variant, false);
        }
        let source = publish.source;
        let taken = publish.frames(now, &encoder.shape);
        let owner = self.owner;
        self.check(!taken || owner == Some(source), || {
            format!("a frame of source {source} was taken after {owner:?} had taken over")
        });
        if !taken {
            // Displaced: the server closes the connection.
            self.note(&format!("encoder {n}"), format_args!("displaced"));
            self.encoders[n].publish = None;
            return self.try_later(n);
        }
        self.commit();
        let encoder = &mut self.encoders[n];
        let Some(publish) = &encoder.publish else { return };
        encoder.turn += 1;
        let (turn, next) =
            (encoder.turn, publish.began + encoder.shape.interval * publish.pictures);
        self.post(next, Event::Encoder(n, turn));
    }

    /// Wakes the readers, as the connection of a publisher does.
    pub(super) fn commit(&mut self) {
        let now = self.now;
        let mut later = None;
        for encoder in &mut self.encoders {
            if let Some(publish) = &mut encoder.publish {
                later = publish.ingest.commit(now).into_iter().chain(later).min();
            }
        }
        if let Some(at) = later {
            self.post(at, Event::Commit);
        }
        self.follow_stream();
        for seat in 0..self.seats.len() {
            self.pump(seat);
        }
        self.watch_window();
    }

    /// Ends an encoder's publish. `silent`: the server is not told.
    pub(super) fn cut_encoder(&mut self, n: usize, orderly: bool, silent: bool) {
        let now = self.now;
        let encoder = &mut self.encoders[n];
        encoder.turn += 1;
        let turn = encoder.turn;
        let back = match encoder.away_until {
            Some(until) if encoder.shape.prompt => until,
            _ => now + RECONNECT,
        };
        let Some(Publish { ingest, source, number, .. }) = encoder.publish.take() else {
            return self.post(back, Event::Encoder(n, turn));
        };
        self.note(
            &format!("encoder {n}"),
            format_args!("gone, orderly {orderly}, silent {silent}"),
        );
        if silent && self.process.is_some() {
            self.ghosts.push(Some(Ghost { ingest, source, number, until: now + IDLE }));
            let ghost = self.ghosts.len() - 1;
            let at = now + self.fate_rng.millis(500, 6000);
            self.post(at, Event::Ghost(ghost));
        } else {
            ingest.end(now, orderly);
            self.follow_stream();
        }
        self.post(back, Event::Encoder(n, turn));
    }

    /// What was on its way when an encoder vanished comes late, or not at all.
    pub(super) fn ghost(&mut self, n: usize) {
        let now = self.now;
        let Some(mut ghost) = self.ghosts[n].take() else { return };
        if now >= ghost.until {
            ghost.ingest.end(now, false);
            return self.follow_stream();
        }
        let Ghost { source, number, until, .. } = ghost;
        // A piece of a configuration: nothing that a viewer would see, but a sign of life.
        let late = Media {
            kind: MediaKind::Data,
            timestamp: 0,
            body: frame::metadata(),
            encoding: DataEncoding::Amf0,
        };
        let taken = ghost.ingest.media(now, &late).is_ok();
        let owner = self.owner;
        self.check(!taken || owner == Some(source), || {
            format!("source {source} was heard at {number} after {owner:?} had taken over")
        });
        if taken {
            self.ghosts[n] = Some(ghost);
            self.post(until, Event::Ghost(n));
        }
        self.commit();
    }

    /// The process is gone, and with it whatever it knew of encoders.
    pub(super) fn forget_encoders(&mut self) {
        self.ghosts.iter_mut().for_each(|ghost| *ghost = None);
        self.owner = None;
        for n in 0..self.encoders.len() {
            self.encoders[n].publish = None;
            self.encoders[n].retry = RECONNECT;
            if self.encoders[n].wanted {
                self.try_later(n);
            }
        }
    }

    /// Has an encoder publish, or try to.
    pub(super) fn call_encoder(&mut self, n: usize) {
        let encoder = &mut self.encoders[n];
        encoder.wanted = true;
        encoder.away_until = None;
        if encoder.publish.is_none() {
            encoder.turn += 1;
            let turn = encoder.turn;
            self.post(self.now, Event::Encoder(n, turn));
        }
    }

    /// Changes the parameters of what an encoder sends, from its next key frame on.
    pub(super) fn change_encoder(&mut self, n: usize) {
        let encoder = &mut self.encoders[n];
        encoder.variant = encoder.variant.wrapping_add(1);
        encoder.changed = true;
    }
}
