//! What the subscribers (RTMP, HTTP-FLV, raw) and the accepting RTMP sink share: plans, counters,
//! figures. The loop that drives them is `client/worker.rs`, what they say is `client/session.rs`.

mod session;
mod worker;

pub use session::{client_hello, connect_cmd};
pub use worker::run;

use crate::stats::Hist;
use crate::tls::Material;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicU64};

#[derive(Default)]
pub struct Shared {
    pub measuring: AtomicBool,
    pub stop: AtomicBool,
    pub bytes: AtomicU64,
    /// Subscribers that reached their goal (first picture, or the play status when idle).
    pub live: AtomicU64,
    pub failed: AtomicU64,
    pub closed: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Proto {
    Rtmp,
    HttpFlv,
    /// Bytes from the floor meter: an RTMP chunk stream without handshake.
    Raw,
    /// Accepted publisher.
    Sink,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Goal {
    Frame,
    Status,
}

#[derive(Clone)]
pub struct Target {
    pub rtmp: SocketAddrV4,
    pub http: SocketAddrV4,
    pub app: String,
    pub prefix: String,
    /// Behind the name that is played.
    pub ask: String,
    /// Path template with `{app}` and `{stream}`.
    pub http_path: String,
}

#[derive(Clone)]
pub struct Plan {
    pub proto: Proto,
    pub stream: usize,
}

#[derive(Clone)]
pub struct WorkerCfg {
    pub target: Target,
    pub plans: Vec<Plan>,
    pub rate: f64,
    /// Parse every frame (true) or only up to the first one, then discard in the kernel.
    pub probe: bool,
    pub goal: Goal,
    pub churn: bool,
    pub drain_tick_ms: u64,
    /// Never delay ACKs before the goal is reached (to tell Nagle waits from server time).
    pub quickack: bool,
    pub sinks: Vec<SocketAddrV4>,
    pub nice: i32,
    /// Those who do not parse every frame read nothing more once they reached their goal.
    pub stall: bool,
    /// Raw subscribers say one byte once they have heard something, as players say what they want.
    pub raw_says: bool,
    /// Sinks and raw subscribers speak TLS.
    pub tls: Option<Material>,
}

#[derive(Default, Clone)]
pub struct Stats {
    pub latency: Hist,
    pub ttff: Hist,
    pub status: Hist,
    pub first_not_key: u64,
    pub frames: u64,
    pub lost: u64,
    /// Pictures whose sequence number did not advance.
    pub repeated: u64,
    pub stalls: u64,
    pub max_gap_ns: u64,
    pub churned: u64,
    /// Stalled subscribers that the server reset.
    pub reset: u64,
}

impl Stats {
    pub fn merge(&mut self, o: &Stats) {
        self.latency.merge(&o.latency);
        self.ttff.merge(&o.ttff);
        self.status.merge(&o.status);
        self.first_not_key += o.first_not_key;
        self.frames += o.frames;
        self.lost += o.lost;
        self.repeated += o.repeated;
        self.stalls += o.stalls;
        self.max_gap_ns = self.max_gap_ns.max(o.max_gap_ns);
        self.churned += o.churned;
        self.reset += o.reset;
    }
}

/// `n` addresses from `base` on, one port.
pub fn sink_addrs(base: SocketAddrV4, n: usize) -> Vec<SocketAddrV4> {
    (0..n as u32)
        .map(|i| SocketAddrV4::new(Ipv4Addr::from(u32::from(*base.ip()) + i), base.port()))
        .collect()
}
