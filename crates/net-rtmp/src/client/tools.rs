//! A publisher and a player for tools: one connection each, no retries.

use super::conn::{Address, ClientConn, ClientSettings, Farewell};
use super::login::Approach;
use crate::conn::now;
use bytes::Bytes;
use manycast_hub::{Announce, LinkEnd};
use manycast_rtmp::session::{ClientEvent, ClientRole, Media, MediaKind};
use std::time::{Duration, Instant};

/// Why a tool's connection ended, in words.
pub type PlayerError = LinkEnd;

/// One message of a played stream.
#[derive(Clone, Debug)]
pub struct MediaEvent {
    /// When it was complete.
    pub at: Instant,
    /// The message.
    pub media: Media,
}

/// What a player meets.
#[derive(Clone, Debug)]
pub enum PlayerEvent {
    /// A message came.
    Media(MediaEvent),
    /// The publisher left; the stream may go on later.
    Unpublished,
    /// The far end closed.
    Ended,
}

/// Tools announce nothing, as most programs do.
async fn open(
    settings: &ClientSettings,
    address: &Address,
    role: ClientRole,
) -> Result<ClientConn, PlayerError> {
    let announce = Announce::Nothing;
    Approach { settings, address, role, announce, enhanced: false }.open(|_| ()).await
}

/// Watches a stream.
pub struct Player {
    conn: ClientConn,
}

impl Player {
    /// Connects and plays.
    ///
    /// # Errors
    /// Why it came to nothing, in words.
    pub async fn connect(
        settings: &ClientSettings,
        address: &Address,
    ) -> Result<Self, PlayerError> {
        let mut conn = open(settings, address, ClientRole::Play).await?;
        loop {
            let event = conn.event().await?;
            if let Some(end) = conn.verdict(&event) {
                return Err(end);
            }
            if matches!(event, ClientEvent::Playing) {
                return Ok(Self { conn });
            }
        }
    }

    /// The next thing that happens. Cancel-safe.
    ///
    /// # Errors
    /// Why the connection ended without a word.
    pub async fn next(&mut self) -> Result<PlayerEvent, PlayerError> {
        loop {
            match self.conn.event().await? {
                ClientEvent::Media { media } => {
                    return Ok(PlayerEvent::Media(MediaEvent { at: now(), media }));
                }
                ClientEvent::Status { code, .. } if code == "NetStream.Play.UnpublishNotify" => {
                    return Ok(PlayerEvent::Unpublished);
                }
                ClientEvent::Closed => return Ok(PlayerEvent::Ended),
                event => {
                    if let Some(end) = self.conn.verdict(&event) {
                        return Err(end);
                    }
                }
            }
        }
    }

    /// Leaves in order.
    pub async fn close(self) {
        self.conn.close(Farewell::EndStream).await;
    }
}

/// Publishes a stream.
pub struct Sender {
    conn: ClientConn,
}

impl Sender {
    /// Connects and publishes.
    ///
    /// # Errors
    /// Why it came to nothing, in words.
    pub async fn connect(
        settings: &ClientSettings,
        address: &Address,
    ) -> Result<Self, PlayerError> {
        let mut conn = open(settings, address, ClientRole::Publish).await?;
        loop {
            let event = conn.event().await?;
            if let Some(end) = conn.verdict(&event) {
                return Err(end);
            }
            if matches!(event, ClientEvent::Publishing) {
                return Ok(Self { conn });
            }
        }
    }

    /// Sends one message; waits until the connection has taken it.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn send(
        &mut self,
        kind: MediaKind,
        timestamp: u32,
        body: Bytes,
    ) -> Result<(), PlayerError> {
        self.conn.send(kind, timestamp, body);
        self.conn.cleared().await
    }

    /// Lets time pass while the connection is cared for.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn idle(&mut self, time: Duration) -> Result<(), PlayerError> {
        let until = now() + time;
        loop {
            let event = tokio::select! {
                event = self.conn.event() => event?,
                () = tokio::time::sleep_until(until.into()) => return Ok(()),
            };
            if let Some(end) = self.conn.verdict(&event) {
                return Err(end);
            }
        }
    }

    /// Ends in order.
    pub async fn close(self) {
        self.conn.close(Farewell::EndStream).await;
    }
}
