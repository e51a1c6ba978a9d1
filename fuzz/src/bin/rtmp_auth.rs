//! Fuzz target: see the oracle of the same name.

#![no_main]

#[path = "../../oracles/rtmp_auth.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    manycast_fuzz::within(1 << 20, || oracle::parse(data));
});
