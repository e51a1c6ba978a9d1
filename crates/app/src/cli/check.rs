//! `manycast check`: the faults of a configuration, one per line.

use super::CheckArgs;
use crate::config;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(args: &CheckArgs) -> ExitCode {
    let (text, good) = report(args.file.as_deref().or(args.config.as_deref()));
    print!("{text}");
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is printed, and whether the configuration can be used.
pub(crate) fn report(file: Option<&Path>) -> (String, bool) {
    let mut text = String::new();
    let loaded = match config::load(file) {
        Ok(loaded) => loaded,
        Err(refused) => return (format!("{refused}\n"), false),
    };
    for warning in &loaded.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    let streams = counted(loaded.config.streams.len(), "stream");
    let destinations = counted(loaded.config.destination_count(), "destination");
    let _ = writeln!(text, "ok: {streams}, {destinations}");
    (text, true)
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
