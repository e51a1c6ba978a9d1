//! Waiting for the handshake.
//!
//! Belongs here: its deadline and what follows it.
//! Must not come here: its bytes, see `handshake.rs`.

use std::time::Instant;

use super::{Context, ServerConfig, State, connecting::Connecting};
use crate::{
    handshake::{HandshakeStatus, ServerHandshake},
    session::{error::SessionError, link::Link, pace::after},
};

/// C0 to C2 are not complete.
#[derive(Debug)]
pub(super) struct Handshaking {
    handshake: ServerHandshake,
    pub(super) deadline: Instant,
}

impl Handshaking {
    pub(super) fn new(now: Instant, config: &ServerConfig) -> Self {
        Self {
            handshake: ServerHandshake::new(config.epoch_ms, config.seed),
            deadline: after(now, config.limits.handshake),
        }
    }

    pub(super) fn read(
        mut self: Box<Self>,
        context: &mut Context<'_>,
        input: &mut &[u8],
    ) -> Result<State, SessionError> {
        let mut pieces = Vec::new();
        let status = self.handshake.read(input, &mut pieces)?;
        context.out.handshake(pieces);
        if status != HandshakeStatus::Done {
            return Ok(State::Handshaking(self));
        }
        let limits = &context.config.limits;
        let mut link = Link::new(context.now, limits, context.config.counted);
        link.count(context.now, input.len());
        let deadline = after(context.now, limits.connect_to_media);
        Ok(State::Connecting(Box::new(Connecting { link, deadline })))
    }
}
