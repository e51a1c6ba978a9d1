//! The digests that Flash Player and FMS put into their packets.
//!
//! Belongs here: where a digest is, and what it is computed over. It proves nothing, its keys being
//! public; some players insist on it all the same (trap H1).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{PACKET, Packet};

/// Length of a digest.
pub(super) const DIGEST: usize = 32;

/// A digest can begin at this many places within its block.
const PLACES: usize = 728;

const TAIL: [u8; 32] = [
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57,
    0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// Which of the two blocks of a packet holds the digest; the other holds a key for encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// Schema 0: the second block.
    KeyFirst,
    /// Schema 1: the first block. ffmpeg uses it.
    DigestFirst,
}

impl Side {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Client => b"Genuine Adobe Flash Player 001",
            Self::Server => b"Genuine Adobe Flash Media Server 001",
        }
    }

    /// The key for the second packet.
    fn long_key(self) -> Vec<u8> {
        [self.name(), &TAIL].concat()
    }
}

impl Schema {
    const fn block(self) -> usize {
        match self {
            Self::KeyFirst => 772,
            Self::DigestFirst => 8,
        }
    }

    /// Where the digest begins: the first four bytes of the block, added up, say it.
    fn place(self, packet: &Packet) -> usize {
        let offset = packet.iter().skip(self.block()).take(4).map(|byte| usize::from(*byte));
        let offset = offset.sum::<usize>() % PLACES;
        self.block().saturating_add(4).saturating_add(offset)
    }
}

/// Finds the digest of a C1 or S1, in either schema, and checks it.
pub(super) fn find(packet: &Packet, sender: Side) -> Option<(Schema, [u8; DIGEST])> {
    [Schema::KeyFirst, Schema::DigestFirst].into_iter().find_map(|schema| {
        let (computed, place) = compute(packet, schema, sender);
        let found = packet.get(place..)?.first_chunk::<DIGEST>()?;
        (*found == computed).then_some((schema, computed))
    })
}

/// Puts the digest into a C1 or S1 and returns it.
pub(super) fn sign(packet: &mut Packet, schema: Schema, sender: Side) -> [u8; DIGEST] {
    let (digest, place) = compute(packet, schema, sender);
    write(packet, place, &digest);
    digest
}

/// Puts the digest into a C2 or S2, at its end: the answer to the digest of the peer's packet.
pub(super) fn answer(packet: &mut Packet, peer_digest: &[u8; DIGEST], sender: Side) {
    let key = hmac(&sender.long_key(), &[peer_digest]);
    let place = PACKET.saturating_sub(DIGEST);
    let digest = hmac(&key, &[packet.get(..place).unwrap_or_default()]);
    write(packet, place, &digest);
}

/// The digest of a packet, over all of it but the digest, and its place.
fn compute(packet: &Packet, schema: Schema, sender: Side) -> ([u8; DIGEST], usize) {
    let place = schema.place(packet);
    let before = packet.get(..place).unwrap_or_default();
    let after = packet.get(place.saturating_add(DIGEST)..).unwrap_or_default();
    (hmac(sender.name(), &[before, after]), place)
}

fn write(packet: &mut Packet, place: usize, digest: &[u8; DIGEST]) {
    if let Some(target) = packet.get_mut(place..).and_then(|rest| rest.first_chunk_mut()) {
        *target = *digest;
    }
}

/// HMAC-SHA256 over the parts, one after another.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST] {
    // HMAC takes keys of any length, so there is no other case
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; DIGEST] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}
