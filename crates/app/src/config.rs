//! The configuration: from a file and the environment to checked values, or to the list of all
//! that is wrong with it.
//!
//! ```text
//! file --node--> tree <--env-- MANYCAST_...
//!                 |
//!              section (asks key by key, collects faults)
//!                 |
//!          server + stream --> Config (types)      change: what a reload does to a running server
//! ```
//!
//! Belongs here: rules about settings, and sentences about broken ones. Must not come here: what
//! the settings then do.

mod address;
mod authorize;
mod change;
mod env;
mod fault;
mod login;
mod node;
mod section;
mod server;
mod stream;
mod types;
mod units;

#[cfg(test)]
mod tests;

pub use change::{Change, StreamChange};
pub use env::PREFIX;
pub use fault::{Fault, Place};
pub use types::{
    BackupConfig, Certificate, Config, DestinationConfig, Egress, Http, Https, Limits, Log,
    LogFormat, RemoteConfig, Rtmp, Rtmps, Server, StreamConfig,
};

use fault::Faults;
use section::Section;
use std::fmt;
use std::path::Path;

/// A configuration that can be used, and what is doubtful about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to work with.
    pub config: Config,
    /// Settings that work and may not be meant.
    pub warnings: Vec<Fault>,
}

/// A configuration that cannot be used. Nothing of it was.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Refused {
    /// All that is wrong, in order of lines; at least one.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            let gap = if number == 0 { "" } else { "\n" };
            write!(f, "{gap}{fault}")?;
        }
        Ok(())
    }
}

/// The file that is read if none is named and there is one.
pub const FILE: &str = "manycast.toml";

/// Reads the file and the environment of this process. `None`: [`FILE`], and the defaults where it
/// is not there.
///
/// # Errors
/// [`Refused`] with every fault found.
pub fn load(file: Option<&Path>) -> Result<Loaded, Refused> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    let asked = file.is_some();
    let file = file.unwrap_or(Path::new(FILE));
    match std::fs::read(file) {
        Ok(bytes) => read(file, &bytes, std::env::vars_os().filter_map(text)),
        Err(error) if !asked && error.kind() == std::io::ErrorKind::NotFound => {
            read(file, b"", std::env::vars_os().filter_map(text))
        }
        Err(error) => {
            let faults = Faults::new(file);
            let remedy = "name a readable file with --config";
            faults.fault(&Place::File, "", format!("cannot be read: {error}"), remedy);
            Err(Refused { faults: faults.finish().0 })
        }
    }
}

/// Reads a configuration from what the file holds and from these variables. File names in it are
/// relative to the folder of `file`.
///
/// # Errors
/// [`Refused`] with every fault found.
pub fn read(
    file: &Path,
    bytes: &[u8],
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Refused> {
    let faults = Faults::new(file);
    let mut table = node::parse(bytes, &faults);
    if !faults.is_empty() {
        return Err(Refused { faults: faults.finish().0 });
    }
    env::apply(&mut table, variables, &faults);
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut root = Section::root(table, &faults);
    let mut config = server::read(&mut root, folder);
    stream::read(&mut root, &mut config);
    root.finish();
    match faults.finish() {
        (faults, warnings) if faults.is_empty() => Ok(Loaded { config, warnings }),
        (faults, _) => Err(Refused { faults }),
    }
}
