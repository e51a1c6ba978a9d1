//! Replays the corpora of the fuzz targets `flv_tag`, `flv_enhanced_video` and `flv_enhanced_audio`
//! (bars A7, M2).

#[path = "../../../fuzz/oracles/flv_enhanced.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz target")]
mod enhanced;
#[path = "../../../fuzz/oracles/flv_tag.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz target")]
mod oracle;

use enhanced::Target;
use std::{fs, path::Path};

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap();
    let seeds: Vec<_> = files.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(seeds.len() >= 100, "{target}: {} seeds", seeds.len());
    seeds
}

/// Each seed cut at every place near its beginning, and with one bit of each byte there changed.
fn cut_and_bent(seed: &[u8], mut check: impl FnMut(&[u8])) {
    for at in 1..seed.len().min(40) {
        check(&seed[..at]);
        let mut bent = seed.to_vec();
        bent[at] ^= 1 << (at % 8);
        check(&bent);
    }
}

#[test]
fn bar_a7_flv_tag_corpus() {
    for seed in seeds("flv_tag") {
        oracle::parse(&seed);
        oracle::check(&seed);
    }
}

#[test]
fn bar_a7_flv_tag_seeds_cut_and_bent() {
    for seed in seeds("flv_tag") {
        cut_and_bent(&seed, oracle::check);
    }
}

#[test]
fn bar_a7_flv_enhanced_video_corpus() {
    for seed in seeds("flv_enhanced_video") {
        enhanced::check(Target::Video, &seed);
        cut_and_bent(&seed, |bytes| enhanced::check(Target::Video, bytes));
    }
}

#[test]
fn bar_a7_flv_enhanced_audio_corpus() {
    for seed in seeds("flv_enhanced_audio") {
        enhanced::check(Target::Audio, &seed);
        cut_and_bent(&seed, |bytes| enhanced::check(Target::Audio, bytes));
    }
}
