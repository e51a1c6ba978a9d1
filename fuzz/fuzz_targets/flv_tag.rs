//! FLV tags, script messages, files and configuration records: see the oracle.
#![no_main]

#[path = "../../crates/flv/tests/oracle/mod.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| oracle::check(input));
