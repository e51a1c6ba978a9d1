//! The checked configuration: what everything else works with.
//!
//! Every value in here is valid, every default is filled in. Keys are [`Secret`]s, so that printing
//! any of these types shows none. Must not come here: how it is written in the file.

use ipnet::IpNet;
use manycast_control::Start;
use manycast_dial::Allow;
use manycast_hub::{Announce, ConfigChange, Login, Secret, Takeover, WantedTracks, WindowLimits};
use manycast_media::StreamName;
use manycast_restream::BackupMode;
use manycast_rtmp::auth::Dialect;
use manycast_webhook::Authorise;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that an operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// The process.
    pub server: Server,
    /// What is logged, and how.
    pub log: Log,
    /// How much is taken at most.
    pub limits: Limits,
    /// The plain RTMP listener.
    pub rtmp: Rtmp,
    /// The encrypted RTMP listener, if there is one.
    pub rtmps: Option<Rtmps>,
    /// The HTTP listener.
    pub http: Http,
    /// The encrypted HTTP listener.
    pub https: Https,
    /// Where status and metrics are shown to everybody; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Everything that goes out.
    pub egress: Egress,
    /// Who else is asked who may publish and play.
    pub authorize: Option<Authorise>,
    /// The Streams, in the order of the file.
    pub streams: Vec<StreamConfig>,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// How long sessions and deliveries may take to say goodbye at the end. Longer keeps viewers
    /// and platforms from an abrupt end, and delays a restart.
    pub drain: Duration,
    /// Where state is kept: database, self-signed certificate, the lock against a second instance.
    pub data_dir: Option<PathBuf>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important that is logged.
    pub level: tracing::Level,
    /// Lines for people or for machines.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// `[limits]`; `None` is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// RTMP and RTMPS connections at a time. Beyond it, new ones are closed at accept.
    pub connections: Option<u32>,
    /// The same from one address.
    pub connections_per_address: Option<u32>,
    /// Streams that are published at a time. Beyond it, new encoders are refused with a reason.
    pub publishers: Option<u32>,
    /// What is kept of each Stream. It bounds how late a destination or viewer may be before it
    /// loses Gops, and costs that much memory per Stream at most.
    pub window: WindowLimits,
}

/// `[rtmp]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtmp {
    /// Where it listens; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// Any name may be published and is its own key.
    pub open: bool,
    /// Least time between two writes to a viewer.
    pub merge: Duration,
    /// Whether many viewers may be written to by one system call.
    pub io_uring: bool,
    /// How encoders are asked for user and password.
    pub auth: Dialect,
    /// The user that whoever publishes has to be, on streams that name none of their own.
    pub login: Option<Login>,
    /// Where clients that understand it are sent when the server stops.
    pub reconnect_url: Option<Secret>,
}

/// `[rtmps]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtmps {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who it says it is.
    pub certificate: Certificate,
}

/// The certificate of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// PEM files.
    Files {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The private key of the leaf.
        key: PathBuf,
    },
    /// Made at the first start and kept in the data directory. Clients have to be told to trust it.
    SelfSigned,
}

/// `[https]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Https {
    /// Where it listens; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// Who it says it is. RTMPS says the same unless it has files of its own.
    pub certificate: Certificate,
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where it listens; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// Connections at a time of each listener.
    pub connections: u32,
    /// Whose word is taken for where a request came from.
    pub trusted_proxies: Vec<IpNet>,
}

/// `[egress]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Inside addresses that destinations may have.
    pub allow: Vec<Allow>,
    /// Certificate authorities trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// The name server asked in place of the system's.
    pub resolver: Option<SocketAddr>,
}

/// `[[stream]]`
#[derive(Clone, Debug)]
pub struct StreamConfig {
    /// What viewers ask for.
    pub name: StreamName,
    /// What people call it; empty: the name.
    pub title: String,
    /// What brings it on air.
    pub start: Start,
    /// What the encoder sends. Empty only if `rtmp.open` is set.
    pub key: Secret,
    /// The user that its encoder has to be, beside the key.
    pub login: Option<Login>,
    /// Whether it may be watched here.
    pub play: bool,
    /// What happens when a second encoder comes with the same key.
    pub takeover: Takeover,
    /// How long destinations stay connected while the encoder is away.
    pub reconnect_window: Duration,
    /// Whether they do so after an orderly end too.
    pub hold_on_stop: bool,
    /// Where it goes out.
    pub destinations: Vec<DestinationConfig>,
}

/// `[[stream.destination]]`
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// What it is called in the status; unique in its Stream.
    pub name: String,
    /// Address and key.
    pub remote: RemoteConfig,
    /// A second address of the same channel.
    pub backup: Option<BackupConfig>,
    /// What happens when the encoder's codec configuration changes.
    pub config_change: ConfigChange,
    /// Whether it is told what we can.
    pub announce: Announce,
    /// Which Tracks it is sent.
    pub tracks: WantedTracks,
    /// Whether it is fed.
    pub enabled: bool,
}

/// An address and the key for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteConfig {
    /// Scheme, host, port and application, with the application's query; never a key or password.
    pub url: String,
    /// The key that the far end knows us by.
    pub key: Secret,
    /// Who we are, where the far end asks.
    pub login: Option<Login>,
}

/// `backup_url`, `backup_key`, `backup`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupConfig {
    /// Address and key.
    pub remote: RemoteConfig,
    /// When it is fed.
    pub mode: BackupMode,
}

impl StreamConfig {
    /// Whether the two say the same, destinations apart.
    #[must_use]
    pub fn same_settings(&self, other: &Self) -> bool {
        self.name == other.name
            && self.title == other.title
            && self.start == other.start
            && self.key.matches(&other.key)
            && self.login == other.login
            && self.play == other.play
            && self.takeover == other.takeover
            && self.reconnect_window == other.reconnect_window
            && self.hold_on_stop == other.hold_on_stop
    }
}

impl DestinationConfig {
    /// Whether the two say the same.
    #[must_use]
    pub fn same_settings(&self, other: &Self) -> bool {
        self.name == other.name
            && self.remote == other.remote
            && self.backup == other.backup
            && self.config_change == other.config_change
            && self.announce == other.announce
            && self.tracks == other.tracks
            && self.enabled == other.enabled
    }
}

impl Config {
    /// Where this server listens, as far as the ports are given.
    #[must_use]
    pub fn listens(&self) -> Vec<SocketAddr> {
        let tls = self.rtmps.as_ref().map(|rtmps| rtmps.listen);
        let all = [self.rtmp.listen, tls, self.http.listen, self.https.listen, self.metrics];
        all.into_iter().flatten().filter(|address| address.port() != 0).collect()
    }

    /// All destinations of all Streams.
    #[must_use]
    pub fn destination_count(&self) -> usize {
        self.streams.iter().map(|stream| stream.destinations.len()).sum()
    }

    /// The Stream of this name.
    #[must_use]
    pub fn stream(&self, name: &StreamName) -> Option<&StreamConfig> {
        self.streams.iter().find(|stream| stream.name == *name)
    }
}
