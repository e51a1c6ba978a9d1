//! Fuzz target: see the oracle of the same name.

#![no_main]

#[path = "../../oracles/flv_tag.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // slices of one body, and at most 32 units of it
    manycast_fuzz::within(data.len() * 4 + 64 * 1024, || oracle::parse(data));
    oracle::check(data);
});
