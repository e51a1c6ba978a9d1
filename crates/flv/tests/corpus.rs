//! Replays the corpus of the fuzz target `flv_tag` (bars A7, M2).

#[path = "../../../fuzz/oracles/flv_tag.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz target")]
mod oracle;

use std::{fs, path::Path};

#[test]
fn bar_a7_flv_tag_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/flv_tag");
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let seed = fs::read(entry.unwrap().path()).unwrap();
        oracle::parse(&seed);
        oracle::check(&seed);
        seeds += 1;
    }
    assert!(seeds >= 200, "{seeds} seeds");
}

#[test]
fn bar_a7_flv_tag_seeds_cut_and_bent() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/flv_tag");
    for entry in fs::read_dir(&folder).unwrap() {
        let seed = fs::read(entry.unwrap().path()).unwrap();
        for at in 1..seed.len().min(40) {
            oracle::check(&seed[..at]);
            let mut bent = seed.clone();
            bent[at] ^= 1 << (at % 8);
            oracle::check(&bent);
        }
    }
}
