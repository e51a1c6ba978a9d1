//! Fuzz target: see the oracle of the same name.

#![no_main]

#[path = "../../oracles/cuts.rs"]
mod cuts;
#[path = "../../oracles/rtmp_chunk.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // a message that doubles, and the state of 64 chunk streams
    manycast_fuzz::within(data.len() * 2 + 64 * 1024, || oracle::parse(data));
    oracle::check(data);
});
