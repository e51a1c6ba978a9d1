//! `manycast serve`: the server, until it is told to end.

use super::ServeArgs;
use crate::serve;
use std::process::ExitCode;

pub(super) fn run(args: &ServeArgs) -> ExitCode {
    match serve::run(args.config.as_deref(), args.data_dir.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("manycast: {error:#}");
            ExitCode::FAILURE
        }
    }
}
