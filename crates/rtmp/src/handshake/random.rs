//! Bytes that look random, from a seed.
//!
//! Belongs here: the expansion. Must not come here: a source of randomness; the seed is an
//! argument. Nothing secret depends on these bytes: a handshake only echoes them.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    /// From all of the seed.
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        let mut state = 0;
        let mut left: &[u8] = &seed;
        while let Some((word, rest)) = left.split_first_chunk() {
            state = mixed(state ^ u64::from_be_bytes(*word));
            left = rest;
        }
        Self { state }
    }

    /// Overwrites `bytes`.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for block in bytes.chunks_mut(8) {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            for (byte, random) in block.iter_mut().zip(mixed(self.state).to_be_bytes()) {
                *byte = random;
            }
        }
    }
}

const fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled<const N: usize>(seed: [u8; 32]) -> [u8; N] {
        let mut bytes = [0; N];
        Random::new(seed).fill(&mut bytes);
        bytes
    }

    #[test]
    fn every_byte_of_the_seed_counts_and_the_same_seed_gives_the_same() {
        let plain: [u8; 1528] = filled([7; 32]);
        assert_eq!(plain, filled([7; 32]));
        for at in 0..32 {
            let mut seed = [7; 32];
            seed[at] ^= 1;
            assert_ne!(plain, filled(seed), "byte {at}");
        }
    }

    #[test]
    fn bits_are_set_about_half_the_time_and_nothing_repeats() {
        let bytes: [u8; 1528] = filled([0; 32]);
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        assert!((5_800..6_400).contains(&ones), "{ones} of {}", 1528 * 8);
        let mut words: Vec<_> = bytes.as_chunks::<8>().0.to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 1528 / 8);
    }

    #[test]
    fn an_end_that_is_no_whole_word_is_filled_too() {
        let long: [u8; 16] = filled([3; 32]);
        let short: [u8; 13] = filled([3; 32]);
        assert_eq!(short, long[..13]);
    }
}
