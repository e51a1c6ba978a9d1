//! A destination on this machine: a server of its own that takes one key and looks at every frame.

use super::reel::Reel;
use super::verify::Verifier;
use crate::tool::Failure;
use manycast_fanout::{Fanout, FanoutConfig};
use manycast_hub::{
    AccessRequest, Action, Admission, Bounds, Content, Denial, DenialKind, Gate, Grant, Hub, Item,
    LeaseHolder, Secret, Start, Stream, Subscriber, Takeover, WindowLimits,
};
use manycast_media::{Frame, StreamName, TrackKind};
use manycast_net_rtmp::{ConnectionLimits, Connections, RtmpStats, Server, ServerSettings};
use parking_lot::Mutex;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long its connections may take to end.
const GOODBYE: Duration = Duration::from_secs(1);
/// Items looked at in one go.
const BATCH: usize = 256;
/// The verifier is never let go of for being slow.
const PATIENT: Bounds = Bounds { bytes: u64::MAX, age: Duration::from_secs(3600) };

/// What a destination found so far.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) verifier: Verifier,
    /// The longest time between two frames that came in.
    pub(super) silence: Duration,
    last: Option<Instant>,
}

/// A destination that runs.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    pub(super) findings: Arc<Mutex<Findings>>,
    hub: Arc<Hub>,
    name: StreamName,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    reader: JoinHandle<()>,
}

impl Sink {
    /// Starts at a free port of 127.0.0.1; `key` is the only one it takes. `sent` counts what the
    /// encoder sent.
    pub(super) fn start(
        key: &Secret,
        reel: Arc<Reel>,
        sent: Arc<AtomicU64>,
        fanout: Arc<Fanout>,
    ) -> Result<Self, Failure> {
        let failed = |error: String| Failure::failed(format!("a destination: {error}"));
        let hub = Hub::new();
        let name = StreamName::new("in").map_err(|error| failed(error.to_string()))?;
        let stream = hub.open(&name, WindowLimits::default());
        let reader = stream.subscribe(Start::CurrentGop, PATIENT, Instant::now());
        let gate = SinkGate { stream, key: key.clone(), leases: LeaseHolder::new() };
        let server = Server::bind(
            ServerSettings::new((Ipv4Addr::LOCALHOST, 0).into()),
            Arc::new(gate),
            fanout,
            Arc::new(RtmpStats::default()),
            Connections::new(ConnectionLimits::default()),
        );
        let server = server.map_err(|error| failed(error.to_string()))?;
        let address = server.local_addr().map_err(|error| failed(error.to_string()))?;
        let (stop, stopped) = watch::channel(false);
        let verifier = Verifier::new(reel);
        let findings = Findings { verifier, silence: Duration::ZERO, last: None };
        let findings = Arc::new(Mutex::new(findings));
        Ok(Self {
            address,
            findings: findings.clone(),
            hub,
            name,
            stop,
            server: tokio::spawn(server.run(stopped, GOODBYE)),
            reader: tokio::spawn(read(reader, findings, sent)),
        })
    }

    /// Ends it.
    pub(super) async fn end(self) {
        self.stop.send_replace(true);
        let _ = self.server.await;
        self.hub.close(&self.name, Instant::now(), "the demo is over");
        let _ = self.reader.await;
    }
}

/// Threads for viewers, of which the destinations have none.
pub(super) fn fanout() -> Result<Arc<Fanout>, Failure> {
    let config = FanoutConfig { shards: 1, ..FanoutConfig::default() };
    let started = Fanout::start(config);
    started.map(Arc::new).map_err(|error| Failure::failed(format!("no thread to serve: {error}")))
}

async fn read(mut reader: Subscriber, findings: Arc<Mutex<Findings>>, sent: Arc<AtomicU64>) {
    let mut items = Vec::new();
    while !reader.is_ended() {
        reader.ready().await;
        while reader.read(Instant::now(), BATCH, &mut items) {}
        let mut findings = findings.lock();
        for item in items.drain(..) {
            if let Item::Entry(entry) = item {
                findings.entry(sent.load(Ordering::Acquire), &entry.content, entry.arrived);
            }
        }
    }
}

impl Findings {
    fn entry(&mut self, sent: u64, content: &Content, arrived: Instant) {
        match content {
            Content::RunStarted { .. } => {
                self.verifier.run_started();
                self.last = None;
            }
            Content::Frame(frame) if frame.track.kind != TrackKind::Data => {
                let before = self.last.replace(arrived).unwrap_or(arrived);
                self.silence = self.silence.max(arrived.saturating_duration_since(before));
                let (at, body) = (frame.dts.as_millis(), message(frame));
                self.verifier.frame(sent, frame.track.kind, at, body);
            }
            _ => {}
        }
    }
}

/// The whole message that a frame came in.
fn message(frame: &Frame) -> &[u8] {
    frame.wire.as_ref().map_or(&frame.payload, |wire| &wire.body)
}

/// Takes one key and shows nothing.
struct SinkGate {
    stream: Arc<Stream>,
    key: Secret,
    leases: LeaseHolder,
}

impl Gate for SinkGate {
    fn admit(&self, request: AccessRequest) -> Admission<'_> {
        Box::pin(async move {
            if request.action != Action::Publish || !request.name.matches(&self.key) {
                let message = "this destination takes the demo's stream only".to_owned();
                return Err(Denial { kind: DenialKind::UnknownKey, message });
            }
            let (stream, lease) = (self.stream.clone(), self.leases.lease());
            Ok(Grant { stream, takeover: Takeover::WhenSilent, lease })
        })
    }
}
