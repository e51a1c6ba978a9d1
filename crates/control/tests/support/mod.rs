//! A control plane over a real database and the real hub, gate and restream service. The far ends
//! are values: they take whatever comes, and note it.

use bytes::Bytes;
use manycast_auth::{AccessGate, Actor, Clock, StreamKeys};
use manycast_control::{
    Control, DestinationDef, FileDefs, NewDestination, NewStream, Parts, Remote, Start, StreamDef,
    StreamView,
};
use manycast_dial::{Dialer, Gate as EgressGate, Resolver, Tuning};
use manycast_hub::{
    AccessRequest, Action, Announce, ConfigChange, Content, Fault, Gate, Grant, Hub, Item, Link,
    LinkEnd, LinkMonitor, Progress, Publisher, Running, Secret, Stage, Stop, Subscriber, Takeover,
    Target, WantedTracks, WindowLimits,
};
use manycast_media::{Codec, CodecConfig, Frame, StreamName, Timestamp, TrackId};
use manycast_net_rtmp::ClientSettings;
use manycast_restream::Restream;
use manycast_rtmp::limits::Limits;
use manycast_store::{Options, Store};
use manycast_tls::ClientTls;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// What a far end got, by address and key: the numbers of the frames of each session.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<BTreeMap<String, Vec<Vec<i64>>>>>);

impl World {
    pub(crate) fn sessions(&self, place: &str) -> Vec<Vec<i64>> {
        self.0.lock().unwrap().get(place).cloned().unwrap_or_default()
    }

    fn begin(&self, place: &str) -> usize {
        let mut all = self.0.lock().unwrap();
        let sessions = all.entry(place.to_owned()).or_default();
        sessions.push(Vec::new());
        sessions.len() - 1
    }

    fn note(&self, place: &str, session: usize, number: i64) {
        self.0.lock().unwrap().get_mut(place).unwrap()[session].push(number);
    }

    /// One session without a missing frame.
    pub(crate) fn assert_whole(&self, place: &str) {
        let sessions = self.sessions(place);
        assert_eq!(sessions.len(), 1, "{place}: one session");
        let frames = &sessions[0];
        assert!(frames.len() > 20, "{place}: {} frames", frames.len());
        for pair in frames.windows(2) {
            assert_eq!(pair[0] + 1, pair[1], "{place}: frames are missing");
        }
    }
}

impl Link for World {
    fn deliver(
        &self,
        target: Target,
        mut source: Subscriber,
        monitor: Arc<LinkMonitor>,
        mut stop: Stop,
    ) -> Running {
        let world = self.clone();
        let place = format!("{} {}", target.url, target.key.expose());
        Box::pin(async move {
            for stage in [Stage::Resolving, Stage::Connecting, Stage::Handshake, Stage::Accepted] {
                monitor.reach(stage);
            }
            let session = world.begin(&place);
            let mut written = 0;
            loop {
                let mut items = Vec::new();
                tokio::select! {
                    () = source.ready() => {
                        source.read(Instant::now(), 64, &mut items);
                    }
                    () = stop.ordered() => return LinkEnd::new(Fault::None, "stopped"),
                    () = tokio::time::sleep(Duration::from_millis(50)) => {}
                }
                for item in items {
                    let Item::Entry(entry) = item else { continue };
                    let Content::Frame(frame) = &entry.content else { continue };
                    let number = i64::from_be_bytes(frame.payload[..8].try_into().unwrap());
                    world.note(&place, session, number);
                    monitor.sent(1, 8);
                    written += 8;
                }
                let acked_bytes = 4000 + written;
                monitor.report(Progress { acked_bytes, ..Progress::default() });
                if source.is_ended() {
                    return LinkEnd::new(Fault::None, "closed");
                }
            }
        })
    }
}

/// An encoder: numbered pictures, one each 5 ms, a key frame each 20.
pub(crate) struct Encoder {
    task: JoinHandle<()>,
    order: tokio::sync::watch::Sender<Option<bool>>,
}

impl Encoder {
    pub(crate) fn start(grant: Grant) -> Self {
        let Grant { stream, mut lease, .. } = grant;
        let now = Instant::now();
        let mut publisher = stream.publish(now, Takeover::Always, "192.0.2.1:5 (OBS)").unwrap();
        let record = Bytes::from_static(b"avcc");
        let config = CodecConfig { codec: Codec::H264, record, wire: None };
        publisher.configure(now, TrackId::VIDEO, config).unwrap();
        let (order, mut orders) = tokio::sync::watch::channel(None);
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            for number in 0.. {
                tokio::select! {
                    _ = tick.tick() => push(&mut publisher, number),
                    _ = orders.changed() => break,
                    _ = lease.revoked() => break,
                }
            }
            use manycast_hub::RunEnd::{Lost, Orderly};
            let orderly = *orders.borrow() == Some(true);
            publisher.end(Instant::now(), if orderly { Orderly } else { Lost });
        });
        Self { task, order }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    pub(crate) async fn end(self, orderly: bool) {
        self.order.send_replace(Some(orderly));
        self.task.await.unwrap();
    }
}

fn push(publisher: &mut Publisher, number: i64) {
    let now = Instant::now();
    let at = Timestamp::from_millis(number * 5);
    let frame = Frame {
        track: TrackId::VIDEO,
        codec: Codec::H264,
        dts: at,
        pts: at,
        key: number % 20 == 0,
        payload: number.to_be_bytes().to_vec().into(),
        wire: None,
    };
    if publisher.push(now, frame).is_ok() {
        publisher.commit(now);
    }
}

/// Everything together.
pub(crate) struct Bench {
    pub(crate) dir: PathBuf,
    pub(crate) gate: Arc<AccessGate>,
    pub(crate) store: Store,
    pub(crate) world: World,
    pub(crate) control: Arc<Control>,
    pub(crate) by: Actor,
}

pub(crate) fn name(text: &str) -> StreamName {
    StreamName::new(text).unwrap()
}

/// The file with these Streams.
pub(crate) fn file(streams: Vec<StreamDef>) -> FileDefs {
    FileDefs {
        path: "/etc/manycast/manycast.toml".into(),
        streams,
        open: false,
        login: None,
        publishers: None,
        window: WindowLimits::default(),
    }
}

/// A Stream of the file with Destinations of these names; its key is `NAME-key`.
pub(crate) fn stream_def(text: &str, destinations: &[&str]) -> StreamDef {
    let destination = |one: &&str| DestinationDef {
        name: (*one).to_owned(),
        service: None,
        remote: Remote { url: url(one), key: Secret::new("file-secret"), login: None },
        backup: None,
        config_change: ConfigChange::Headers,
        announce: Announce::Auto,
        tracks: WantedTracks::default(),
        enabled: true,
    };
    StreamDef {
        name: name(text),
        title: String::new(),
        start: Start::Auto,
        key: Secret::new(&format!("{text}-key")),
        login: None,
        play: true,
        takeover: Takeover::Always,
        reconnect_window: Duration::from_secs(30),
        hold_on_stop: false,
        destinations: destinations.iter().map(destination).collect(),
    }
}

pub(crate) fn url(place: &str) -> String {
    format!("rtmp://{place}.example/live")
}

/// Where a Destination of the database delivers to in the [`World`].
pub(crate) fn place(host: &str, key: &str) -> String {
    format!("{} {key}", url(host))
}

fn client() -> ClientSettings {
    let gate = EgressGate::new(Vec::new(), Vec::new());
    ClientSettings {
        dialer: Arc::new(Dialer::new(Resolver::system(), gate, Tuning::default())),
        tls: Arc::new(ClientTls::system(None).unwrap()),
        limits: Limits::default(),
    }
}

impl Bench {
    pub(crate) async fn new(dir: &Path, file: FileDefs) -> Self {
        let store = Store::open(dir, Options::default()).await.unwrap();
        let hub = Hub::new();
        let world = World::default();
        let link: Arc<dyn Link> = Arc::new(world.clone());
        let links = move |scheme: &str| (scheme == "rtmp").then(|| link.clone());
        let restream = Arc::new(Restream::new(hub.clone(), links, 7));
        let gate = AccessGate::new(hub.clone());
        let parts = Parts {
            hub: hub.clone(),
            restream: restream.clone(),
            gate: gate.clone(),
            keys: StreamKeys::new(store.clone(), Clock::system()),
            store: store.clone(),
            client: client(),
        };
        let control = Control::start(parts, file).await.unwrap();
        let dir = dir.to_owned();
        Self { dir, gate, store, world, control, by: Actor::system() }
    }

    /// The server dies without a word; another one starts in the same directory.
    pub(crate) async fn killed(self, file: FileDefs) -> Self {
        let dir = self.dir.clone();
        drop(self);
        Self::new(&dir, file).await
    }

    pub(crate) async fn stream(&self, text: &str) -> StreamView {
        let new = NewStream { name: text.to_owned(), ..NewStream::default() };
        self.control.create_stream(&self.by, new).await.unwrap()
    }

    /// A Destination at `host` with the key `k`; returns its id.
    pub(crate) async fn destination(&self, stream: &str, host: &str) -> String {
        let new = destination(host);
        self.control.create_destination(&self.by, stream, new).await.unwrap().id
    }

    pub(crate) async fn admit(&self, key: &str) -> Result<Grant, String> {
        let request = AccessRequest {
            action: Action::Publish,
            protocol: "rtmp",
            app: "live".to_owned(),
            name: Secret::new(key),
            keys: vec![Secret::new(key)],
            query: Secret::default(),
            client: manycast_hub::ClientFacts::default(),
            user: None,
            login: None,
            peer: "192.0.2.1:5000".parse().unwrap(),
            secure: false,
        };
        self.gate.admit(request).await.map_err(|denial| denial.message)
    }

    pub(crate) async fn encoder(&self, key: &str) -> Encoder {
        Encoder::start(self.admit(key).await.unwrap())
    }

    /// Waits until a view of the Stream is as wished.
    pub(crate) async fn until(
        &self,
        stream: &str,
        wish: impl Fn(&StreamView) -> bool,
    ) -> StreamView {
        let waiting = async {
            loop {
                let view = self.control.stream(stream).unwrap();
                if wish(&view) {
                    return view;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(10), waiting).await;
        found.unwrap_or_else(|_| panic!("{:?}", self.control.stream(stream)))
    }

    /// Waits until an event of this kind is kept.
    pub(crate) async fn told(&self, kind: &str) -> manycast_control::Event {
        let filter = manycast_control::EventFilter {
            kind: Some(kind.to_owned()),
            ..manycast_control::EventFilter::default()
        };
        let waiting = async {
            loop {
                let page = manycast_store::PageRequest::default();
                let page = self.control.activity(filter.clone(), page).await.unwrap();
                if let Some(event) = page.items.into_iter().next() {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect(kind)
    }
}

/// A Destination at `host` with the key `k`.
pub(crate) fn destination(host: &str) -> NewDestination {
    NewDestination {
        name: host.to_owned(),
        url: url(host),
        key: Some(Secret::new("k")),
        ..NewDestination::default()
    }
}
