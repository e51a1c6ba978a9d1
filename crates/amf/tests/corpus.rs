//! The kept fuzz corpora as tests: every seed, and every crash that ever was, holds what the fuzz
//! oracles demand (bars A7, M2).

use std::path::Path;

#[path = "../../../fuzz/oracles/amf0.rs"]
mod amf0;
#[path = "../../../fuzz/oracles/amf3.rs"]
mod amf3;

/// Bar M2.
const FEWEST: usize = 200;

fn replay(target: &str, parse: fn(&[u8]), check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seeds: Vec<_> = folder.read_dir().expect("the corpus is kept").collect();
    assert!(seeds.len() >= FEWEST, "{} seeds for {target}", seeds.len());
    for seed in seeds {
        let data = std::fs::read(seed.unwrap().path()).unwrap();
        parse(&data);
        check(&data);
    }
}

#[test]
fn bar_a7_amf0_corpus() {
    replay("amf0", amf0::parse, amf0::check);
}

#[test]
fn bar_a7_amf3_corpus() {
    replay("amf3", amf3::parse, amf3::check);
}
