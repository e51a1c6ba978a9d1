//! `manycast doctor`: what is wrong with this machine, and how to mend it.
//!
//! ```text
//! config, data directory --> one file per question --> findings: ok, doubtful, bad, each bad with a remedy
//! ```
//! Belongs here: looking. It changes nothing, a file that measures the disk apart, which it removes.
//! Must not come here: what the server itself tells about streams and destinations while it runs.

mod clock;
mod dns;
mod files;
mod kernel;
mod listeners;
mod programs;
mod tls;

#[cfg(test)]
mod tests;

use crate::config::{self, Config};
use crate::local::Place;
use crate::serve;
use crate::tool::{self, Failure};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `doctor` is asked with.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    #[command(flatten)]
    place: Place,
    /// Print JSON in place of lines.
    #[arg(long)]
    json: bool,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// As it should be.
    Ok,
    /// It works, and may not as well as it could.
    Doubt,
    /// It does not work.
    Bad,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// What was looked at, in a word.
    check: &'static str,
    state: State,
    what: String,
    /// What to do; empty if all is well.
    remedy: String,
}

impl Finding {
    fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, state: State::Ok, what: what.into(), remedy: String::new() }
    }

    fn doubt(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Doubt, what: what.into(), remedy: remedy.into() }
    }

    fn bad(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Bad, what: what.into(), remedy: remedy.into() }
    }
}

/// What the questions are asked about.
struct Patient {
    config: Config,
    data_dir: PathBuf,
    /// The process of the server that runs in the data directory.
    running: Option<String>,
}

/// Looks at everything.
#[must_use]
pub fn run(args: &DoctorArgs) -> ExitCode {
    tool::run(async {
        let (mut findings, config) = configuration(args.place.config.as_deref())?;
        let config_file = args.place.config.as_deref();
        let data_dir = serve::data_dir_of(&config, config_file, args.place.data_dir.as_deref());
        let running = serve::datadir::holder(&data_dir);
        let patient = Patient { config, data_dir, running };
        findings.extend(listeners::look(&patient));
        findings.extend(files::look(&patient));
        findings.extend(tls::look(&patient));
        findings.extend(clock::look(&patient));
        findings.extend(dns::look(&patient).await);
        findings.extend(programs::look());
        findings.extend(kernel::look());
        tool::say(&if args.json { json_of(&findings) } else { text_of(&findings) });
        let worst = findings.iter().map(|one| one.state).max();
        Ok(if worst == Some(State::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

/// The configuration; the defaults in place of one that is refused.
fn configuration(file: Option<&Path>) -> Result<(Vec<Finding>, Config), Failure> {
    const CHECK: &str = "configuration";
    let shown = file.unwrap_or(Path::new(config::FILE));
    match config::load(file) {
        Ok(loaded) => {
            let doubt = |one: &config::Fault| {
                let place = one.key.clone();
                Finding::doubt(CHECK, format!("{place}: {}", one.what), one.remedy.clone())
            };
            let mut findings: Vec<_> = loaded.warnings.iter().map(doubt).collect();
            let what = if shown.is_file() {
                format!("{} can be used", shown.display())
            } else {
                "there is no file: the defaults are in force".to_owned()
            };
            findings.insert(0, Finding::ok(CHECK, what));
            Ok((findings, loaded.config))
        }
        Err(refused) => {
            let bad = |one: &config::Fault| Finding::bad(CHECK, one.complaint(), &*one.remedy);
            let findings = refused.faults.iter().map(bad).collect();
            let defaults = config::read(shown, b"", []).map_err(|refused| {
                Failure::failed(format!("the defaults cannot be used: {refused}"))
            })?;
            Ok((findings, defaults.config))
        }
    }
}

fn text_of(findings: &[Finding]) -> String {
    let mut text = String::new();
    let width = findings.iter().map(|one| one.check.len()).max().unwrap_or(0);
    for one in findings {
        let mark = match one.state {
            State::Ok => "ok    ",
            State::Doubt => "doubt ",
            State::Bad => "BAD   ",
        };
        let _ = writeln!(text, "{mark}{:<width$}  {}", one.check, one.what);
        if !one.remedy.is_empty() {
            let _ = writeln!(text, "      {:<width$}  -> {}", "", one.remedy);
        }
    }
    let count = |state| findings.iter().filter(|one| one.state == state).count();
    let _ = match (count(State::Bad), count(State::Doubt)) {
        (0, 0) => writeln!(text, "\nAll is well."),
        (0, doubts) => writeln!(text, "\nIt works; {doubts} to look at."),
        (bad, doubts) => writeln!(text, "\n{bad} to mend, {doubts} to look at."),
    };
    text
}

fn json_of(findings: &[Finding]) -> String {
    let one = |one: &Finding| {
        let state = match one.state {
            State::Ok => "ok",
            State::Doubt => "doubt",
            State::Bad => "bad",
        };
        let remedy = (!one.remedy.is_empty()).then_some(one.remedy.as_str());
        json!({ "check": one.check, "state": state, "what": one.what, "remedy": remedy })
    };
    format!("{:#}\n", Value::Array(findings.iter().map(one).collect()))
}
