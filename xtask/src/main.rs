//! `cargo xtask ui`: what is to be done with the sources and is no test.

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask ui [--check]\n\
    ui          builds the dashboard into dashboard/dist, if its sources have changed since\n\
    ui --check  builds it, and runs its type check and unit tests";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["ui"] => manycast_xtask::ui::build(),
        ["ui", "--check"] => manycast_xtask::ui::build().and_then(|()| manycast_xtask::ui::check()),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}
