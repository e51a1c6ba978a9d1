//! The kept fuzz corpora as tests: every seed, and every crash that ever was, holds what the fuzz
//! oracles demand (bars A7, M2).

use std::path::Path;

#[path = "../../../fuzz/oracles/cuts.rs"]
mod cuts;
#[path = "../../../fuzz/oracles/rtmp_auth.rs"]
mod rtmp_auth;
#[path = "../../../fuzz/oracles/rtmp_chunk.rs"]
mod rtmp_chunk;
#[path = "../../../fuzz/oracles/rtmp_handshake.rs"]
mod rtmp_handshake;

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
fn bar_a7_chunk_corpus() {
    replay("rtmp_chunk", rtmp_chunk::parse, rtmp_chunk::check);
}

#[test]
fn bar_a7_handshake_corpus() {
    replay("rtmp_handshake", rtmp_handshake::parse, rtmp_handshake::check);
}

#[test]
fn bar_a7_auth_corpus() {
    replay("rtmp_auth", rtmp_auth::parse, rtmp_auth::check);
}
