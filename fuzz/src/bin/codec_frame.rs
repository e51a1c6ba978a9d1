//! Fuzz target: see the oracle of the same name.

#![no_main]

#[path = "../../oracles/codec_frame.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // one copy of the record, units without emulation prevention, byte pairs of captions
    manycast_fuzz::within(data.len() * 16 + 64 * 1024, || oracle::parse(data));
    oracle::check(data);
});
