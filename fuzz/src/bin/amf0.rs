//! Fuzz target: see the oracle of the same name.

#![no_main]

#[path = "../../oracles/amf0.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // 1,024 values in containers of one value each
    manycast_fuzz::within(data.len() * 8 + 512 * 1024, || oracle::parse(data));
    oracle::check(data);
});
