//! The command line: one file per verb.
//!
//! Belongs here: what can be asked for and how it is said. Must not come here: doing it, beyond what
//! a verb needs to start. No key is ever an argument: other users of the machine could read it.

mod check;
mod serve;

use crate::tool;
use crate::{demo, doctor, local, play, publish, remote};
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// One live stream in, every channel and every viewer out. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "manycast", version, propagate_version = true)]
pub struct Cli {
    /// Without one: `serve`.
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server.
    Serve(ServeArgs),
    /// Check a configuration and name every fault in it.
    Check(CheckArgs),
    /// Publish an FLV file as if an encoder sent it now.
    Publish(PublishArgs),
    /// Watch a stream and tell what comes: tracks, rates, gaps.
    Play(PlayArgs),
    /// See it run: an encoder, two destinations that verify the stream, one that is ill.
    Demo(DemoArgs),
    /// Print the version.
    Version,
    /// Look for what is wrong here, and say how to mend it.
    Doctor(doctor::DoctorArgs),
    /// Copy the database, while the server runs or not.
    Backup(local::BackupArgs),
    /// Put a backup in the place of the database; the server has to be stopped.
    Restore(local::RestoreArgs),
    /// The keys of the secrets in the database.
    #[command(subcommand)]
    Vault(local::VaultVerb),
    /// Print what completes these commands in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Remote(remote::Resource),
}

/// What `serve` is asked with.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// The configuration file; without it manycast.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "MANYCAST_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where state is kept; one running server per directory.
    #[arg(long, value_name = "DIR", env = "MANYCAST_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
}

/// `manycast` alone: the environment still counts.
#[derive(Debug, Parser)]
struct ServeCli {
    #[command(flatten)]
    args: ServeArgs,
}

/// What `check` is asked with.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The same, without the word.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The configuration file; without it manycast.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "MANYCAST_CONFIG")]
    pub config: Option<PathBuf>,
}

/// What `demo` is asked with.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// End by itself after so many seconds; without it, Ctrl-C ends it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: Option<u64>,
}

/// What `publish` is asked with.
///
/// The stream key is not an argument. It is the last part of the address only where it is no
/// secret; else it comes from the variable `MANYCAST_KEY`, or with `--key -` from the standard
/// input, one line.
#[derive(Args, Clone, Debug)]
pub struct PublishArgs {
    /// The FLV file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to: rtmp://HOST/APPLICATION, with the key from MANYCAST_KEY or --key -; or with an
    /// open stream's name after it.
    #[arg(value_name = "URL")]
    pub url: String,
    /// `-`: read the key from the standard input.
    #[arg(long, value_name = "-", value_parser = ["-"])]
    pub key: Option<String>,
    /// Begin again at the end of the file, without a step in time.
    #[arg(long = "loop")]
    pub repeat: bool,
    /// Authorities or certificates (PEM) to trust for rtmps, beside those of the machine.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// What `play` is asked with.
#[derive(Args, Clone, Debug)]
pub struct PlayArgs {
    /// What to watch: rtmp://HOST/live/NAME.
    #[arg(value_name = "URL")]
    pub url: String,
    /// How long to watch.
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Print one JSON object in place of lines.
    #[arg(long)]
    pub json: bool,
    /// Authorities or certificates (PEM) to trust for rtmps, beside those of the machine.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

#[cfg(test)]
impl Cli {
    /// What is asked of a server, if anything is.
    pub(crate) fn into_remote(self) -> Option<remote::Resource> {
        match self.verb {
            Some(Verb::Remote(resource)) => Some(resource),
            _ => None,
        }
    }
}

/// Does what the command line asks for.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let verb = cli.verb.unwrap_or_else(|| {
        let ServeCli { args } = ServeCli::parse_from(["manycast"]);
        Verb::Serve(args)
    });
    match verb {
        Verb::Serve(args) => serve::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Publish(args) => publish::run(&args),
        Verb::Play(args) => play::run(&args),
        Verb::Demo(args) => demo::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Backup(args) => local::back_up(&args),
        Verb::Restore(args) => local::restore(&args),
        Verb::Vault(verb) => local::vault(&verb),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "manycast", &mut script);
            tool::say(&String::from_utf8_lossy(&script));
            ExitCode::SUCCESS
        }
        Verb::Remote(resource) => remote::run(resource),
        Verb::Version => {
            println!("manycast {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
