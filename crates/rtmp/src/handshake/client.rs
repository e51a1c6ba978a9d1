//! The handshake as the side that calls.
//!
//! Belongs here: C0, C1 and C2. Must not come here: deadlines.

use bytes::Bytes;

use super::digest::{self, Schema, Side};
use super::random::Random;
use super::{Exchange, HandshakeError, HandshakeStatus, PACKET, Packet, VERSION, greeting};
use crate::quirks::{CLIENT_VERSION, SIMPLE_VERSION};

/// Sends C0 and C1, waits for S0 and S1, answers with C2, waits for S2.
///
/// The simple form is what every server takes (trap H3). Holds at most 1.6 kB.
#[derive(Debug)]
pub struct ClientHandshake {
    exchange: Exchange,
    call: Call,
}

/// What C1 and C2 are made of.
#[derive(Debug)]
struct Call {
    now_ms: u32,
    random: Random,
    digest: bool,
}

impl ClientHandshake {
    /// A simple handshake. `now_ms` becomes the time in C1, of any epoch; `random` is the seed of
    /// the random bytes.
    pub const fn new(now_ms: u32, random: [u8; 32]) -> Self {
        let call = Call { now_ms, random: Random::new(random), digest: false };
        Self { exchange: Exchange::new(), call }
    }

    /// A handshake with a digest in C1, for servers that answer no other.
    pub const fn with_digest(now_ms: u32, random: [u8; 32]) -> Self {
        let call = Call { now_ms, random: Random::new(random), digest: true };
        Self { exchange: Exchange::new(), call }
    }

    /// C0 and C1, to be sent first, and once.
    pub fn start(&mut self) -> Bytes {
        self.call.open()
    }

    /// Consumes the handshake from the front of `input`; appends to `out` what is to be sent.
    pub fn read(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<Bytes>,
    ) -> Result<HandshakeStatus, HandshakeError> {
        let call = &mut self.call;
        self.exchange.read(input, |s1| out.push(call.echo(s1)))
    }
}

impl Call {
    /// C0 and C1.
    fn open(&mut self) -> Bytes {
        let version = if self.digest { CLIENT_VERSION } else { SIMPLE_VERSION };
        let mut c1 = greeting(self.now_ms, version, &mut self.random);
        if self.digest {
            digest::sign(&mut c1, Schema::DigestFirst, Side::Client);
        }
        [&[VERSION], &c1[..]].concat().into()
    }

    /// C2: an exact copy of S1, or with a digest if both sides have one (trap H3).
    fn echo(&mut self, s1: &Packet) -> Bytes {
        let found = if self.digest { digest::find(s1, Side::Server) } else { None };
        let Some((_, server_digest)) = found else { return Bytes::copy_from_slice(s1) };
        let mut c2 = [0; PACKET];
        self.random.fill(&mut c2);
        digest::answer(&mut c2, &server_digest, Side::Client);
        Bytes::copy_from_slice(&c2)
    }
}
