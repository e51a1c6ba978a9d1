//! Fuzz target: see the oracle of the same name.

#![no_main]

#[path = "../../oracles/cuts.rs"]
mod cuts;
#[path = "../../oracles/rtmp_handshake.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // packets of a fixed length
    manycast_fuzz::within(data.len() + 64 * 1024, || oracle::parse(data));
    oracle::check(data);
});
