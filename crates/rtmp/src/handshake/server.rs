//! The handshake as the side that was called.
//!
//! Belongs here: S0, S1 and S2. Must not come here: deadlines.

use bytes::Bytes;

use super::digest::{self, DIGEST, Schema, Side};
use super::random::Random;
use super::{Exchange, HandshakeError, HandshakeStatus, PACKET, Packet, VERSION, greeting};
use crate::quirks::{SERVER_VERSION, SIMPLE_VERSION};

/// Waits for C0 and C1, answers with S0, S1 and S2 in one piece, waits for C2.
///
/// Holds at most 1.6 kB.
#[derive(Debug)]
pub struct ServerHandshake {
    exchange: Exchange,
    reply: Reply,
}

/// What S1 and S2 are made of.
#[derive(Debug)]
struct Reply {
    now_ms: u32,
    random: Random,
}

impl ServerHandshake {
    /// `now_ms` becomes the time in S1, of any epoch; `random` is the seed of the random bytes.
    pub const fn new(now_ms: u32, random: [u8; 32]) -> Self {
        let reply = Reply { now_ms, random: Random::new(random) };
        Self { exchange: Exchange::new(), reply }
    }

    /// Consumes the handshake from the front of `input`; appends to `out` what is to be sent.
    ///
    /// S0, S1 and S2 are one piece of 3,073 bytes, to be sent as one: Wirecast takes many small
    /// segments for garbage (trap H4).
    pub fn read(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<Bytes>,
    ) -> Result<HandshakeStatus, HandshakeError> {
        let reply = &mut self.reply;
        self.exchange.read(input, |c1| out.push(reply.to(c1)))
    }
}

impl Reply {
    /// S0, S1 and S2. A version in C1 announces a digest, but many encoders put garbage there: only
    /// a digest that matches is answered with one.
    fn to(&mut self, c1: &Packet) -> Bytes {
        let announced = c1.get(4..8) != Some(&SIMPLE_VERSION[..]);
        let found = announced.then(|| digest::find(c1, Side::Client)).flatten();
        let (s1, s2) = match found {
            Some((schema, client_digest)) => self.with_digest(schema, &client_digest),
            // trap H2: the echo is exact, times and all; some clients compare it
            None => (greeting(self.now_ms, SIMPLE_VERSION, &mut self.random), *c1),
        };
        let mut reply = Vec::with_capacity(1_usize.saturating_add(PACKET.saturating_mul(2)));
        reply.push(VERSION);
        reply.extend_from_slice(&s1);
        reply.extend_from_slice(&s2);
        reply.into()
    }

    fn with_digest(&mut self, schema: Schema, client_digest: &[u8; DIGEST]) -> (Packet, Packet) {
        let mut s1 = greeting(self.now_ms, SERVER_VERSION, &mut self.random);
        digest::sign(&mut s1, schema, Side::Server);
        let mut s2 = [0; PACKET];
        self.random.fill(&mut s2);
        digest::answer(&mut s2, client_digest, Side::Server);
        (s1, s2)
    }
}
