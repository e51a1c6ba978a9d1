//! Fuzz target: see the oracle of the same name.

#![no_main]

#[path = "../../oracles/cuts.rs"]
mod cuts;
#[path = "../../oracles/ops.rs"]
mod ops;
#[path = "../../oracles/rtmp_client_session.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // 400 messages of 70 kB at most, the largest of which are held one at a time
    manycast_fuzz::within(8 << 20, || oracle::parse(data));
    oracle::check(data);
});
