//! What is defined: Streams and Destinations as the configuration file and the database have them.
//!
//! ```text
//! FileDefs (handed in) --+
//!                        +--> join --> Registry (who holds what) --> apply
//! rows of the store -----+             clashes --> findings
//! ```
//! Belongs here: plain values and the join. Must not come here: what is applied, the run-time state.

mod join;
pub(crate) mod words;

pub(crate) use join::{
    AIR, Defined, Destination, ENABLED, OFF, ON, Origin, Registry, Rows, join, of_row,
    stream_of_row,
};

use manycast_hub::{Announce, ConfigChange, Login, Secret, Takeover, WantedTracks, WindowLimits};
use manycast_media::StreamName;
use manycast_restream::BackupMode;
use std::path::PathBuf;
use std::time::Duration;

/// Who holds a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManagedBy {
    /// The configuration file: read-only here.
    File,
    /// The database.
    Database,
    /// Nobody: a Stream that a server with `rtmp.open` took in under a name of its own.
    Open,
}

impl ManagedBy {
    /// The word of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Database => "database",
            Self::Open => "open",
        }
    }
}

/// What brings a Stream on air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Start {
    /// Its encoder: destinations are fed as soon as it comes.
    #[default]
    Auto,
    /// A person's press.
    Manual,
}

impl Start {
    /// The word of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }

    pub(crate) fn of(word: &str) -> Self {
        if word == "manual" { Self::Manual } else { Self::Auto }
    }
}

/// What the configuration file defines, checked by its reader.
#[derive(Clone, Debug)]
pub struct FileDefs {
    /// The file, for people.
    pub path: PathBuf,
    /// Its Streams, in its order; names, keys and the names of destinations are distinct.
    pub streams: Vec<StreamDef>,
    /// Any name may be published and is its own key.
    pub open: bool,
    /// The user that whoever publishes has to be, on Streams that name none of their own.
    pub login: Option<Login>,
    /// Streams that are published at a time.
    pub publishers: Option<u32>,
    /// What is kept of each Stream; holds for new ones.
    pub window: WindowLimits,
}

/// A Stream of the file.
#[derive(Clone, Debug)]
pub struct StreamDef {
    /// What viewers ask for.
    pub name: StreamName,
    /// What people call it; empty: the name.
    pub title: String,
    /// What brings it on air.
    pub start: Start,
    /// What its encoder sends; empty only with [`FileDefs::open`].
    pub key: Secret,
    /// The user that its encoder has to be, beside the key.
    pub login: Option<Login>,
    /// Whether it may be watched here.
    pub play: bool,
    /// What happens when a second encoder comes.
    pub takeover: Takeover,
    /// How long destinations stay connected while the encoder is away.
    pub reconnect_window: Duration,
    /// Whether they do so after an orderly end too.
    pub hold_on_stop: bool,
    /// Where it goes out.
    pub destinations: Vec<DestinationDef>,
}

/// A Destination of the file.
#[derive(Clone, Debug)]
pub struct DestinationDef {
    /// Unique in its Stream.
    pub name: String,
    /// Which of the known services it is, if one.
    pub service: Option<String>,
    /// Address and key.
    pub remote: Remote,
    /// A second address of the same channel.
    pub backup: Option<BackupDef>,
    /// What happens when the encoder's codec configuration changes.
    pub config_change: ConfigChange,
    /// Whether it is told what we can.
    pub announce: Announce,
    /// Which Tracks it is sent.
    pub tracks: WantedTracks,
    /// Whether it is fed, unless people decide otherwise at run time.
    pub enabled: bool,
}

/// An address, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Scheme, host, port and application; never a key or a password.
    pub url: String,
    /// The key that the far end knows us by.
    pub key: Secret,
    /// User and password, where the far end asks.
    pub login: Option<Login>,
}

/// A second address of the same channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupDef {
    /// Address and key.
    pub remote: Remote,
    /// When it is fed.
    pub mode: BackupMode,
}
