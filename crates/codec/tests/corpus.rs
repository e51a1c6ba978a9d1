//! Replays the corpora of the fuzz targets `codec_config` and `codec_frame` (bars A7, M2), whole,
//! cut short and bent.

#[path = "../../../fuzz/oracles/codec_frame.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz target")]
mod frame;

use frame::config;
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{fs, path::Path, sync::LazyLock};

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    fs::read_dir(&folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// The seed, its first parts, and the seed with single bits turned.
fn replay(target: &str, at_least: usize, check: impl Fn(&[u8])) {
    let seeds = seeds(target);
    assert!(seeds.len() >= at_least, "{} seeds", seeds.len());
    for seed in &seeds {
        check(seed);
        for at in 1..seed.len().min(160) {
            check(&seed[..at]);
            let mut bent = seed.clone();
            bent[at] ^= 1 << (at % 8);
            check(&bent);
        }
    }
}

#[test]
fn bar_a7_codec_config_corpus() {
    replay("codec_config", 100, |seed| {
        config::parse(seed);
        config::check(seed);
    });
}

#[test]
fn bar_a7_codec_frame_corpus() {
    replay("codec_frame", 100, |seed| {
        frame::parse(seed);
        frame::check(seed);
    });
}

static CONFIGS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds("codec_config"));
static FRAMES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds("codec_frame"));

/// Any seed with bits turned anywhere, cut anywhere.
fn damaged(seeds: &[Vec<u8>], which: Index, flips: &[(Index, u8)], cut: Index) -> Vec<u8> {
    let mut seed = which.get(seeds).clone();
    for (at, bit) in flips {
        let at = at.index(seed.len());
        seed[at] ^= 1 << bit;
    }
    seed.truncate(cut.index(seed.len()) + 1);
    seed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn bar_a7_damaged_records(
        which: Index,
        flips in vec((any::<Index>(), 0_u8..8), 0..12),
        cut: Index,
    ) {
        config::check(&damaged(&CONFIGS, which, &flips, cut));
    }

    #[test]
    fn bar_a7_damaged_frames(
        which: Index,
        flips in vec((any::<Index>(), 0_u8..8), 0..12),
        cut: Index,
    ) {
        frame::check(&damaged(&FRAMES, which, &flips, cut));
    }

    #[test]
    fn bar_a7_noise(noise in vec(any::<u8>(), 0..300)) {
        config::check(&noise);
        frame::check(&noise);
    }
}
