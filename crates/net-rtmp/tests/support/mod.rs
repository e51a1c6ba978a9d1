//! A real server on loopback, with a gate that lets everybody in.

pub(crate) mod platform;
pub(crate) mod source;

use bytes::Bytes;
use manycast_dial::{Allow, Dialer, Gate as EgressGate, Resolver, Tuning};
use manycast_fanout::{Fanout, FanoutConfig};
use manycast_flv::TagKind;
use manycast_flv::file::FileReader;
use manycast_hub::{
    AccessRequest, Action, Admission, Denial, DenialKind, Gate, Grant, Hub, LeaseHolder, Takeover,
    TurnedAway, WindowLimits,
};
use manycast_media::StreamName;
use manycast_net_rtmp::{
    Address, ClientSettings, ConnectionLimits, Connections, RtmpStats, Sender, Server,
    ServerSettings,
};
use manycast_rtmp::limits::Limits;
use manycast_rtmp::session::MediaKind;
use manycast_tls::ClientTls;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Any name may be published and is its own key; `nobody` is not.
pub(crate) struct OpenGate {
    pub(crate) hub: Arc<Hub>,
    pub(crate) leases: LeaseHolder,
    pub(crate) takeover: Takeover,
    /// Whom it was told of that it let in in vain.
    pub(crate) told: parking_lot::Mutex<Vec<TurnedAway>>,
}

impl Gate for OpenGate {
    fn admit(&self, request: AccessRequest) -> Admission<'_> {
        Box::pin(async move {
            let name = StreamName::new(request.name.expose());
            let name = name.ok().filter(|name| name.as_str() != "nobody");
            let Some(name) = name else {
                let kind = match request.action {
                    Action::Publish => DenialKind::UnknownKey,
                    Action::Play => DenialKind::UnknownStream,
                };
                return Err(Denial { kind, message: "this key is not known here".into() });
            };
            let stream = self.hub.open(&name, WindowLimits::default());
            Ok(Grant { stream, takeover: self.takeover, lease: self.leases.lease() })
        })
    }

    fn turned_away(&self, told: &TurnedAway) {
        self.told.lock().push(told.clone());
    }
}

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) hub: Arc<Hub>,
    pub(crate) gate: Arc<OpenGate>,
    pub(crate) stats: Arc<RtmpStats>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) client: ClientSettings,
    pub(crate) fanout: Arc<Fanout>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

pub(crate) fn client_settings() -> ClientSettings {
    let allow = vec!["127.0.0.0/8".parse::<Allow>().unwrap()];
    let gate = EgressGate::new(allow, Vec::new());
    ClientSettings {
        dialer: Arc::new(Dialer::new(Resolver::system(), gate, Tuning::default())),
        tls: Arc::new(ClientTls::system(None).unwrap()),
        limits: Limits::default(),
    }
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut ServerSettings)) -> Self {
        let hub = Hub::new();
        let (leases, takeover) = (LeaseHolder::new(), Takeover::default());
        let gate =
            Arc::new(OpenGate { hub: hub.clone(), leases, takeover, told: Default::default() });
        let fanout = Fanout::start(FanoutConfig { shards: 1, ..FanoutConfig::default() }).unwrap();
        let fanout = Arc::new(fanout);
        let stats = Arc::new(RtmpStats::default());
        let mut settings = ServerSettings::new("127.0.0.1:0".parse().unwrap());
        change(&mut settings);
        let connections = Connections::new(ConnectionLimits::default());
        let server = Server::bind(
            settings,
            gate.clone(),
            fanout.clone(),
            stats.clone(),
            connections.clone(),
        )
        .unwrap();
        let address = server.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = Some(tokio::spawn(server.run(stopped, Duration::from_secs(5))));
        let client = client_settings();
        Self { address, hub, gate, stats, connections, client, fanout, stop, task }
    }

    pub(crate) fn address_of(&self, name: &str) -> Address {
        Address::whole(&format!("rtmp://{}/live/{name}", self.address)).unwrap()
    }

    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        self.task.take().unwrap().await.unwrap();
    }
}

/// One message of the demo clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClipMessage {
    pub(crate) kind: MediaKind,
    pub(crate) timestamp: u32,
    pub(crate) body: Bytes,
}

/// The clip that the project ships.
pub(crate) fn clip() -> Vec<ClipMessage> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/demo.flv");
    let mut reader = FileReader::new();
    reader.push(&std::fs::read(path).unwrap());
    let mut messages = Vec::new();
    while let Some(tag) = reader.next_tag().unwrap() {
        let kind = match tag.kind {
            TagKind::Video => MediaKind::Video,
            TagKind::Audio => MediaKind::Audio,
            TagKind::Script | TagKind::ScriptAmf3 => MediaKind::Data,
        };
        messages.push(ClipMessage { kind, timestamp: tag.timestamp, body: tag.body });
    }
    messages
}

pub(crate) async fn send(sender: &mut Sender, messages: &[ClipMessage]) {
    for message in messages {
        sender.send(message.kind, message.timestamp, message.body.clone()).await.unwrap();
    }
}

/// Whether a message is a frame: no header, no metadata, no end of a sequence.
pub(crate) fn is_frame(kind: MediaKind, body: &Bytes) -> bool {
    match kind {
        MediaKind::Data => false,
        MediaKind::Video | MediaKind::Audio => body.get(1) == Some(&1),
    }
}
