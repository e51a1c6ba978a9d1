//! Bytes that look random, from a seed.
//!
//! Belongs here: the expansion. Must not come here: a source of randomness; the seed is an
//! argument. Nothing secret depends on these bytes: a handshake only echoes them.

use sha2::{Digest, Sha256};

/// SHA-256 over the seed and a counter.
#[derive(Debug)]
pub(super) struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    /// Overwrites `bytes`.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for block in bytes.chunks_mut(32) {
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.counter.to_be_bytes());
            self.counter = self.counter.wrapping_add(1);
            for (byte, random) in block.iter_mut().zip(hash.finalize()) {
                *byte = random;
            }
        }
    }
}
