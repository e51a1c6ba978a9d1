//! The kept fuzz corpora of the sessions as tests: every seed, and every crash that ever was, holds
//! what the fuzz oracles demand (bars A7, M2).

use std::path::Path;

#[path = "../../../fuzz/oracles/cuts.rs"]
mod cuts;
#[path = "../../../fuzz/oracles/ops.rs"]
mod ops;
#[path = "../../../fuzz/oracles/rtmp_client_session.rs"]
mod rtmp_client_session;
#[path = "../../../fuzz/oracles/rtmp_server_session.rs"]
mod rtmp_server_session;

/// Bar M2.
const FEWEST: usize = 200;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seeds: Vec<_> = folder.read_dir().expect("the corpus is kept").collect();
    assert!(seeds.len() >= FEWEST, "{} seeds for {target}", seeds.len());
    for seed in seeds {
        check(&std::fs::read(seed.unwrap().path()).unwrap());
    }
}

/// Scripts of random bytes, so that each run of the tests goes where no seed went before it was kept.
fn stumble(check: fn(&[u8])) {
    let mut state = 0x5eed_u64;
    for length in 0..3000_usize {
        let script: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(length % 600)
        .collect();
        check(&script);
    }
}

#[test]
fn bar_a7_server_session_corpus() {
    replay("rtmp_server_session", rtmp_server_session::parse);
}

#[test]
fn bar_a7_client_session_corpus() {
    replay("rtmp_client_session", rtmp_client_session::parse);
}

#[test]
fn bar_a7_random_scripts() {
    stumble(rtmp_server_session::check);
    stumble(rtmp_client_session::check);
}
