//! The binary: reads the command line and leaves the rest to the library.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    manycast_app::cli::run(manycast_app::cli::Cli::parse())
}
