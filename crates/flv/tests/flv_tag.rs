//! Replays the corpus of the fuzz target `flv_tag` (bar A7).

#[path = "../../../fuzz/oracles/flv_tag.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz target")]
mod oracle;

use std::{fs, path::Path};

#[test]
fn a7_the_corpus_of_flv_tag_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/flv_tag");
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        oracle::check(&fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds >= 200, "{seeds} seeds");
}

#[test]
fn a7_cut_and_bent_seeds_hold() {
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
