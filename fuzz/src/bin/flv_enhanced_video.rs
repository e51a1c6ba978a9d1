//! Fuzz target: see the oracle `flv_enhanced`.

#![no_main]

#[path = "../../oracles/flv_enhanced.rs"]
#[allow(dead_code, reason = "each of the two targets uses its half")]
mod oracle;

use oracle::Target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // the body, and for several tracks a message for each with its prefixes
    manycast_fuzz::within(data.len() * 4 + 64 * 1024, || oracle::parse(Target::Video, data));
    oracle::check(Target::Video, data);
});
