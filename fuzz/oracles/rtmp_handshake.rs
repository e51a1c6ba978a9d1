//! What has to hold for both sides of the handshake, whatever the bytes and however they are cut.
//!
//! Input: pattern of the cuts, mode, then for modes 0 and 1 the peer's bytes: a length of two bytes,
//! filled by repeating the rest; for modes 2 and 3 what is changed in the bytes of a real peer with
//! digests: a place of two bytes, a byte to xor, a byte more and the bytes that follow.

use bytes::Bytes;
use manycast_rtmp::handshake::{ClientHandshake, HandshakeError, HandshakeStatus, ServerHandshake};

use super::cuts;

/// C0 to C2, or S0 to S2.
const WHOLE: usize = 3073;
const SEED: [u8; 32] = [3; 32];

/// Both sides alone.
pub(crate) fn parse(data: &[u8]) {
    if let Some((pattern, server, stream)) = input(data) {
        let _ = run(&stream, pattern, server);
    }
}

/// Everything that has to hold.
pub(crate) fn check(data: &[u8]) {
    let Some((pattern, server, stream)) = input(data) else { return };
    let whole = run(&stream, 0, server);
    assert_eq!(run(&stream, pattern, server), whole, "the result depends on the cuts");
    let (out, status, consumed) = whole;
    let expected = if server { WHOLE } else { 1536 };
    match status {
        Ok(HandshakeStatus::Done) => {
            assert_eq!((out.len(), consumed), (expected, WHOLE));
        }
        Ok(HandshakeStatus::Pending) => {
            assert_eq!(consumed, stream.len());
            assert_eq!(out.len(), if stream.len() > 1536 { expected } else { 0 });
        }
        Err(_) => assert!(out.is_empty()),
    }
    if server && !out.is_empty() {
        // H1: no version without a digest; H2: then the echo is exact
        let simple = out[5..9] == [0; 4];
        assert!(!simple || out[1537..] == stream[1..1537]);
        assert_eq!(out[0], 3);
    }
}

type Outcome = (Vec<u8>, Result<HandshakeStatus, HandshakeError>, usize);

fn run(stream: &[u8], pattern: u8, server: bool) -> Outcome {
    let mut as_server = ServerHandshake::new(7, SEED);
    let mut as_client = ClientHandshake::with_digest(7, SEED);
    let mut out: Vec<Bytes> = Vec::new();
    let mut status = Ok(HandshakeStatus::Pending);
    let mut consumed = 0;
    if !server {
        as_client.start();
    }
    cuts::feed(stream, pattern, |piece| {
        let mut rest = piece;
        let before = status;
        status = if server {
            as_server.read(&mut rest, &mut out)
        } else {
            as_client.read(&mut rest, &mut out)
        };
        consumed += piece.len() - rest.len();
        assert!(before != Ok(HandshakeStatus::Done) || rest == piece, "the state went back");
        status.is_ok()
    });
    if status.is_err() {
        consumed = 0; // an error consumes the piece, whatever its size
    }
    (out.concat(), status, consumed)
}

fn input(data: &[u8]) -> Option<(u8, bool, Vec<u8>)> {
    let (&[pattern, mode, high, low], rest) = data.split_first_chunk::<4>()?;
    let number = usize::from(u16::from_be_bytes([high, low]));
    let server = mode % 2 == 0;
    let stream = match mode % 4 {
        0 | 1 => {
            let (first, cycle) = rest.split_first()?;
            let filler = cycle.iter().chain(cycle.is_empty().then_some(first)).cycle();
            let length = number % (WHOLE + 512);
            std::iter::once(first).chain(filler).take(length).copied().collect()
        }
        _ => real_peer(server, number, rest),
    };
    Some((pattern, server, stream))
}

/// What a peer with digests sends, changed in one place, with `rest` after it.
fn real_peer(server: bool, place: usize, rest: &[u8]) -> Vec<u8> {
    let mut stream = ClientHandshake::with_digest(9, [5; 32]).start().to_vec();
    if !server {
        let mut out = Vec::new();
        let _ = ServerHandshake::new(9, [6; 32]).read(&mut &stream[..], &mut out);
        stream = out.concat();
    }
    let (change, rest) = rest.split_first().unwrap_or((&0, &[]));
    if let Some(byte) = stream.get_mut(place) {
        *byte ^= change;
    }
    stream.resize(WHOLE.min(stream.len() + rest.len() * 16), 0xAA);
    stream.extend(rest);
    stream
}
