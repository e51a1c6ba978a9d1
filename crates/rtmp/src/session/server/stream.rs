//! What one message stream of a connection is doing.
//!
//! Belongs here: one struct per state.
//! Must not come here: the commands that change them, see `publish.rs` and `play.rs`.

use std::time::Instant;

use crate::{
    command::StreamKeyText,
    session::{event::RequestId, media::Early},
};

/// A message stream, RTMP 7.2.2.
#[derive(Debug)]
pub(super) enum Stream {
    /// Created, or between two uses. Holds what came before `publish`.
    Idle(Early),
    AwaitPublish(AwaitPublish),
    Publishing(Publishing),
    AwaitPlay(AwaitPlay),
    Playing(Playing),
}

/// `publish` waits for its verdict, media with it.
#[derive(Debug)]
pub(super) struct AwaitPublish {
    pub(super) request: RequestId,
    pub(super) name: StreamKeyText,
    pub(super) early: Early,
    pub(super) deadline: Instant,
}

/// Media flows in.
#[derive(Debug)]
pub(super) struct Publishing {
    pub(super) name: StreamKeyText,
    /// When the last media message was complete.
    pub(super) last_media: Instant,
}

/// `play` waits for its verdict.
#[derive(Debug)]
pub(super) struct AwaitPlay {
    pub(super) request: RequestId,
    pub(super) name: StreamKeyText,
    pub(super) opening: Opening,
    pub(super) deadline: Instant,
}

/// With which status a play opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// `NetStream.Play.Reset`, then `Play.Start`.
    Reset,
    /// `NetStream.Play.Start` alone.
    Plain,
    /// `NetStream.Play.Transition`, the answer to `play2`.
    Transition,
}

/// Media flows out.
#[derive(Debug)]
pub(super) struct Playing {
    pub(super) paused: bool,
    pub(super) audio: bool,
    pub(super) video: bool,
}

impl Stream {
    pub(super) fn idle() -> Self {
        Self::Idle(Early::default())
    }

    /// Whether it is used or about to be.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self, Self::Idle(_))
    }

    pub(super) fn is_publish(&self) -> bool {
        matches!(self, Self::AwaitPublish(_) | Self::Publishing(_))
    }

    /// Bytes of media that wait.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Idle(early) => early.bytes(),
            Self::AwaitPublish(waiting) => waiting.early.bytes(),
            _ => 0,
        }
    }

    /// The request that waits here.
    pub(super) fn request(&self) -> Option<RequestId> {
        match self {
            Self::AwaitPublish(waiting) => Some(waiting.request),
            Self::AwaitPlay(waiting) => Some(waiting.request),
            _ => None,
        }
    }
}
