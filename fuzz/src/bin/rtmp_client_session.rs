//! Fuzz target: see the oracle of the same name.

#![no_main]

#[path = "../../oracles/cuts.rs"]
mod cuts;
#[path = "../../oracles/ops.rs"]
mod ops;
#[path = "../../oracles/rtmp_client_session.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // messages have 70 kB at most, and a read of one is held at a time
    manycast_fuzz::within(2 << 20, || oracle::parse(data));
    oracle::check(data);
});
