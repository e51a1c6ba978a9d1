//! The clip that the demo plays, as the frames that have to arrive.

use crate::publish::Clip;
use crate::tool::Failure;
use bytes::Bytes;
use manycast_media::TrackKind;
use manycast_rtmp::session::MediaKind;
use std::io::Cursor;

/// Eight seconds of H.264 and AAC that loop without a seam.
const ASSET: &[u8] = include_bytes!("../../../../assets/demo.flv");

/// One frame of the clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReelFrame {
    pub(super) kind: TrackKind,
    /// Milliseconds since the start of the clip.
    pub(super) at: i64,
    pub(super) key: bool,
    /// The whole message, which arrives bit by bit as it was sent.
    pub(super) body: Bytes,
}

/// The frames of the clip without end: frame `n` is the same as `n + len`, one round later.
#[derive(Clone, Debug)]
pub(super) struct Reel {
    frames: Vec<ReelFrame>,
    /// Milliseconds of one round.
    round: i64,
}

/// The clip as a file that is played in a loop.
pub(super) async fn open(repeat: bool) -> Result<Clip<Cursor<&'static [u8]>>, Failure> {
    let opened = Clip::open(Cursor::new(ASSET), repeat).await;
    opened.map_err(|error| Failure::failed(format!("the clip inside the program {error}")))
}

impl Reel {
    /// Reads the clip once.
    pub(super) async fn load() -> Result<Self, Failure> {
        let mut clip = open(false).await?;
        let mut frames = Vec::new();
        let damaged = |error| Failure::failed(format!("the clip inside the program {error}"));
        while let Some(message) = clip.next().await.map_err(damaged)? {
            let kind = match message.kind {
                MediaKind::Video => TrackKind::Video,
                MediaKind::Audio => TrackKind::Audio,
                MediaKind::Data => continue,
            };
            if message.frame {
                let (at, key, body) = (message.at, message.key, message.body);
                frames.push(ReelFrame { kind, at, key, body });
            }
        }
        Ok(Self { frames, round: clip.end() })
    }

    #[cfg(test)]
    pub(super) fn of(frames: Vec<ReelFrame>, round: i64) -> Self {
        Self { frames, round }
    }

    /// Frames of one round.
    pub(super) fn len(&self) -> u64 {
        self.frames.len() as u64
    }

    /// Frame `n`, and when it is due in milliseconds since the start of the first round.
    pub(super) fn frame(&self, n: u64) -> (&ReelFrame, i64) {
        let (round, place) = (n / self.len(), n % self.len());
        let frame = &self.frames[usize::try_from(place).unwrap_or(0)];
        (frame, i64::try_from(round).unwrap_or(i64::MAX).saturating_mul(self.round) + frame.at)
    }
}
