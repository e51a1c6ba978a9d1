//! The handshake: three packets each way before the chunk stream (RTMP 5.2).
//!
//! Belongs here: both sides, simple and with digests, the deadline excepted, which is the session's.
//! Must not come here: encrypted RTMP (trap H5), chunks.
//!
//! ```text
//! client  C0 C1 ------------>            C2 ------------>  chunks
//! server          <------------ S0 S1 S2        chunks
//! ```
//!
//! Nobody checks what the other echoes (Errata 3): ffmpeg and SRS would fail.

mod client;
mod digest;
mod random;
mod server;
#[cfg(test)]
mod tests;

pub use client::ClientHandshake;
pub use server::ServerHandshake;

use self::random::Random;
use crate::quirks::{ENCRYPTED_VERSIONS, FIRST_TEXT_VERSION};

/// Length of C1, C2, S1 and S2.
const PACKET: usize = 1536;

/// C0 and S0: plain RTMP.
const VERSION: u8 = 3;

type Packet = [u8; PACKET];

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeStatus {
    /// It needs more bytes; all input was consumed.
    Pending,
    /// It is over; what is left of the input is the chunk stream.
    Done,
}

/// The peer does not speak plain RTMP. Close without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The first byte is one that only text begins with (trap H6).
    #[error("first byte {first:#04x} is not RTMP")]
    NotRtmp {
        /// The byte.
        first: u8,
    },
    /// The peer wants encrypted RTMP (trap H5).
    #[error("version {version} is encrypted RTMP")]
    Encrypted {
        /// The version.
        version: u8,
    },
}

/// Judges C0 or S0. Other versions than 3 are answered with 3, and the peer decides (RTMP 5.2.2).
fn check_version(first: u8) -> Result<(), HandshakeError> {
    if first >= FIRST_TEXT_VERSION {
        return Err(HandshakeError::NotRtmp { first });
    }
    if ENCRYPTED_VERSIONS.contains(&first) {
        return Err(HandshakeError::Encrypted { version: first });
    }
    Ok(())
}

/// What both sides do: read two packets, answer, pass over the echo.
#[derive(Debug)]
enum Exchange {
    /// The first two packets of the peer, as far as they came.
    Greeting(Vec<u8>),
    /// Bytes of the peer's third packet that are missing. It is not looked at.
    Echo(usize),
    Done,
    Failed(HandshakeError),
}

impl Exchange {
    const fn new() -> Self {
        Self::Greeting(Vec::new())
    }

    /// Consumes from the front of `input`. `answer` is asked once, with the peer's second packet.
    fn read(
        &mut self,
        input: &mut &[u8],
        answer: impl FnOnce(&Packet),
    ) -> Result<HandshakeStatus, HandshakeError> {
        if let Self::Greeting(received) = self {
            match read_greeting(received, input) {
                Ok(None) => return Ok(HandshakeStatus::Pending),
                Ok(Some(packet)) => {
                    answer(&packet);
                    *self = Self::Echo(PACKET);
                }
                Err(error) => *self = Self::Failed(error),
            }
        }
        if let Self::Echo(left) = self {
            let taken = input.len().min(*left);
            *input = input.get(taken..).unwrap_or_default();
            *left = left.saturating_sub(taken);
            if *left > 0 {
                return Ok(HandshakeStatus::Pending);
            }
            *self = Self::Done;
        }
        match self {
            Self::Failed(error) => Err(*error),
            _ => Ok(HandshakeStatus::Done),
        }
    }
}

/// Consumes up to the end of the second packet and returns that. The version is judged as soon as
/// it is there, so that text is refused by its first byte.
fn read_greeting(
    received: &mut Vec<u8>,
    input: &mut &[u8],
) -> Result<Option<Packet>, HandshakeError> {
    let wanted = PACKET.saturating_add(1).saturating_sub(received.len());
    let (head, rest) = input.split_at(wanted.min(input.len()));
    received.extend_from_slice(head);
    *input = rest;
    let Some((version, packet)) = received.split_first() else { return Ok(None) };
    check_version(*version)?;
    Ok(packet.first_chunk::<PACKET>().copied())
}

/// A C1 or S1 without digest: time, version, random bytes (RTMP 5.2.3).
fn greeting(now_ms: u32, version: [u8; 4], random: &mut Random) -> Packet {
    let mut packet = [0; PACKET];
    random.fill(&mut packet);
    let head = now_ms.to_be_bytes().into_iter().chain(version);
    packet.iter_mut().zip(head).for_each(|(byte, value)| *byte = value);
    packet
}
