//! What the tools of the command line share: addresses, connections, signals, failures.
//!
//! Belongs here: what `publish`, `play` and `demo` would otherwise each have. Must not come here:
//! what one of them does, and anything that the server needs.

mod endpoint;
pub(crate) mod format;
mod interrupt;

pub(crate) use endpoint::Endpoint;
pub(crate) use format::plain;
pub(crate) use interrupt::Interrupt;

use manycast_dial::{Allow, Dialer, Gate, Resolver, Tuning};
use manycast_hub::{Fault, LinkEnd};
use manycast_net_rtmp::ClientSettings;
use manycast_rtmp::limits::Limits;
use manycast_tls::ClientTls;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Why a tool did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What the process ends with: 2 when the call or the file is wrong, 1 for all else.
    pub(crate) code: u8,
    /// For the person at the terminal; no key in it.
    pub(crate) message: String,
}

impl Failure {
    /// The call or a file is wrong; trying again does not help.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// It went wrong while doing it.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<LinkEnd> for Failure {
    fn from(end: LinkEnd) -> Self {
        let trust = end.fault == Fault::Tls && end.message.contains("certificate");
        let remedy = if trust { " (here with --ca FILE)" } else { "" };
        Self::failed(end.message + remedy)
    }
}

/// Connections for what a person typed: every address may be dialled, unlike from the server, whose
/// destinations come from elsewhere. `ca`: authorities to trust beside those of the machine.
///
/// # Errors
/// The file cannot be read or holds no certificate.
pub(crate) fn client_settings(ca: Option<&Path>) -> Result<ClientSettings, Failure> {
    settings(&["0.0.0.0/0", "::/0"], ca)
}

/// Connections that cannot leave this machine.
pub(crate) fn loopback_settings() -> Result<ClientSettings, Failure> {
    settings(&["127.0.0.0/8"], None)
}

fn settings(allow: &[&str], ca: Option<&Path>) -> Result<ClientSettings, Failure> {
    let allow = allow.iter().filter_map(|net| net.parse::<Allow>().ok()).collect();
    let gate = Gate::new(allow, Vec::new());
    let tls = ClientTls::system(ca).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(ClientSettings {
        dialer: Arc::new(Dialer::new(Resolver::system(), gate, Tuning::default())),
        tls: Arc::new(tls),
        limits: Limits::default(),
    })
}

/// Whether people look at the standard output, on something that can redraw.
pub(crate) fn is_screen() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Prints; whoever no longer listens (`| head`) is no reason to stop.
pub(crate) fn say(text: &str) {
    let _ = heard(text);
}

/// Prints; whether somebody still listens. What cannot be written for another reason (a full disk
/// behind `>`) ends the program: whoever reads the file would take a part for the whole.
pub(crate) fn heard(text: &str) -> bool {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => false,
        Err(error) => {
            eprintln!("manycast: the output cannot be written: {error}");
            std::process::exit(1);
        }
    }
}

/// Runs a tool to its end, and says what went wrong.
pub(crate) fn run<F>(work: F) -> ExitCode
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(Failure::failed(format!("the runtime does not start: {error}"))),
    };
    result.unwrap_or_else(|failure| {
        eprintln!("manycast: {failure}");
        ExitCode::from(failure.code)
    })
}
