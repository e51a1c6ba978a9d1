//! A whole service in virtual time: an encoder, and a scripted Link whose far ends do as told.

use crate::{DestinationId, DestinationSpec, DestinationStatus, LegStatus, Restream, State};
use bytes::Bytes;
use manycast_hub::{
    Content, Fault, Hub, Item, Link, LinkEnd, LinkMonitor, Progress, Publisher, Running, Secret,
    Stage, Stop, Stream, Subscriber, Takeover, Target, WindowLimits,
};
use manycast_media::{Codec, CodecConfig, Frame, StreamName, Timestamp, TrackId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep};

pub(super) const FRAME: Duration = Duration::from_millis(40);
pub(super) const GOP: u64 = 25;
/// Bytes of a picture.
pub(super) const SIZE: usize = 1000;

/// What a far end does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Manner {
    Healthy,
    Refuses,
    Rejects(&'static str),
    ResetsAfter(Duration),
    /// Accepts, and its host acknowledges nothing.
    Deaf,
    ClosesAfterHandshake,
    /// Takes so many bytes per second.
    Slow(u32),
    /// The Link hangs while connecting.
    BlackHole,
    /// Does not end when asked to.
    Clings,
    Panics,
    /// Closes after so long without frames.
    Impatient(Duration),
    /// Sends on to another far end.
    Redirects(&'static str),
    /// Runs into a change of configuration after so long.
    Renews(Duration),
}

/// What a far end saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) dials: Vec<Instant>,
    /// Numbers of the frames that came, per attempt, with the time and whether it was a key frame.
    pub(super) frames: Vec<Vec<(i64, Instant, bool)>>,
    pub(super) goodbyes: usize,
    /// Sessions open now, and the most there ever were.
    pub(super) open: usize,
    pub(super) most: usize,
}

/// All far ends, by address.
#[derive(Clone, Default)]
pub(super) struct World(Arc<Mutex<BTreeMap<String, FarEnd>>>);

#[derive(Default)]
struct FarEnd {
    manner: Option<Manner>,
    seen: Seen,
}

impl World {
    pub(super) fn set(&self, name: &str, manner: Manner) {
        self.0.lock().entry(url(name)).or_default().manner = Some(manner);
    }

    pub(super) fn seen(&self, name: &str) -> Seen {
        self.0.lock().get(&url(name)).map(|far| far.seen.clone()).unwrap_or_default()
    }

    fn note<T>(&self, url: &str, note: impl FnOnce(&mut Seen) -> T) -> T {
        note(&mut self.0.lock().entry(url.to_owned()).or_default().seen)
    }
}

/// Counts a session as open until it is dropped.
struct Open(World, String);

impl Open {
    fn new(world: World, url: String) -> Self {
        world.note(&url, |seen| {
            seen.dials.push(Instant::now());
            seen.frames.push(vec![]);
            seen.open += 1;
            seen.most = seen.most.max(seen.open);
        });
        Self(world, url)
    }

    fn note<T>(&self, note: impl FnOnce(&mut Seen) -> T) -> T {
        self.0.note(&self.1, note)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.note(|seen| seen.open -= 1);
    }
}

struct Scripted(World);

impl Link for Scripted {
    fn deliver(
        &self,
        target: Target,
        source: Subscriber,
        monitor: Arc<LinkMonitor>,
        stop: Stop,
    ) -> Running {
        let manner = self.0.0.lock().get(&target.url).and_then(|far| far.manner.clone());
        let manner = manner.unwrap_or(Manner::Healthy);
        let open = Open::new(self.0.clone(), target.url.clone());
        let session = Session { manner, target, source, monitor, open };
        Box::pin(session.run(stop))
    }
}

struct Session {
    manner: Manner,
    target: Target,
    source: Subscriber,
    monitor: Arc<LinkMonitor>,
    open: Open,
}

fn end(fault: Fault, message: &str) -> LinkEnd {
    LinkEnd::new(fault, message)
}

impl Session {
    async fn run(mut self, mut stop: Stop) -> LinkEnd {
        let clings = self.manner == Manner::Clings;
        let end = tokio::select! {
            end = self.converse() => return end,
            () = stop.ordered() => end(Fault::None, "stopped"),
        };
        if clings {
            std::future::pending::<()>().await;
        }
        sleep(Duration::from_millis(20)).await; // the goodbye
        self.open.note(|seen| seen.goodbyes += 1);
        end
    }

    async fn converse(&mut self) -> LinkEnd {
        let stages = [Stage::Resolving, Stage::Connecting, Stage::Handshake, Stage::Publishing];
        for stage in stages {
            self.monitor.reach(stage);
            sleep(Duration::from_millis(10)).await;
            match (&self.manner, stage) {
                (Manner::Refuses, Stage::Connecting) => {
                    return end(Fault::Unreachable, "connection refused");
                }
                (Manner::BlackHole, Stage::Connecting) => std::future::pending().await,
                (Manner::ClosesAfterHandshake, Stage::Publishing) => {
                    return end(Fault::Closed, "the far end closed the connection");
                }
                (Manner::Panics, Stage::Publishing) => panic!("told to"),
                (Manner::Redirects(to), Stage::Publishing) => {
                    let redirect = Some(Secret::new(&url(to)));
                    return LinkEnd { redirect, ..end(Fault::Redirected, "sent on") };
                }
                (Manner::Rejects(words), Stage::Publishing) => {
                    let words = words.replace("KEY", self.target.key.expose());
                    return end(Fault::Rejected, &words);
                }
                _ => {}
            }
        }
        self.monitor.reach(Stage::Accepted);
        self.send().await
    }

    async fn send(&mut self) -> LinkEnd {
        let accepted = Instant::now();
        let (mut written, mut fresh) = (0, accepted);
        let mut tick = interval(Duration::from_millis(100));
        loop {
            let mut items = vec![];
            tokio::select! {
                () = self.source.ready() => {
                    let batch = if matches!(self.manner, Manner::Slow(_)) { 1 } else { 8 };
                    self.source.read(Instant::now().into_std(), batch, &mut items);
                }
                _ = tick.tick() => {}
            }
            for item in items {
                let sent = self.item(&item).await;
                written += sent;
                fresh = if sent > 0 { Instant::now() } else { fresh };
            }
            self.report(written);
            match self.manner {
                Manner::ResetsAfter(time) if accepted.elapsed() >= time => {
                    return end(Fault::Reset, "connection reset by peer");
                }
                Manner::Renews(time) if accepted.elapsed() >= time => {
                    return end(Fault::Renewed, "the codec configuration changed");
                }
                Manner::Impatient(time) if fresh.elapsed() >= time => {
                    return end(Fault::Closed, "the far end closed the connection");
                }
                _ => {}
            }
            if self.source.is_ended() {
                return end(Fault::None, "the stream was closed");
            }
        }
    }

    async fn item(&mut self, item: &Item) -> u64 {
        let frame = match item {
            Item::Entry(entry) => match &entry.content {
                Content::Frame(frame) => frame.clone(),
                _ => return 0,
            },
            Item::Skipped { frames, gops } => {
                self.monitor.skipped(*frames, *gops);
                return 0;
            }
            Item::Joined { .. } => return 0,
        };
        let size = frame.size();
        if let Manner::Slow(rate) = self.manner {
            let time = f64::from(u32::try_from(size).unwrap()) / f64::from(rate);
            sleep(Duration::from_secs_f64(time)).await;
        }
        let number = i64::from_be_bytes(frame.payload[..8].try_into().unwrap());
        self.open.note(|seen| {
            seen.frames.last_mut().unwrap().push((number, Instant::now(), frame.key));
        });
        self.monitor.sent(1, size as u64);
        size as u64
    }

    fn report(&self, written: u64) {
        let deaf = self.manner == Manner::Deaf;
        self.monitor.report(Progress {
            unacked_bytes: if deaf { written } else { 0 },
            acked_bytes: if deaf { 3073 } else { 3073 + written },
            rtt: Duration::from_millis(20),
            lag: self.source.lag(Instant::now().into_std()).0,
        });
    }
}

fn url(name: &str) -> String {
    format!("rtmp://{name}.example/live")
}

pub(super) fn stream_name() -> StreamName {
    StreamName::new("main").unwrap()
}

pub(super) fn spec(name: &str) -> DestinationSpec {
    let key = Secret::new("sk_canary_1");
    DestinationSpec::new(stream_name(), name, Target::new(&url(name), key))
}

/// The encoder of the Stream: numbered pictures, a key frame every second.
pub(super) struct Encoder {
    task: JoinHandle<()>,
    order: tokio::sync::watch::Sender<bool>,
    frozen: Arc<AtomicBool>,
}

impl Encoder {
    fn start(stream: &Arc<Stream>, first: i64) -> Self {
        let now = Instant::now().into_std();
        let mut publisher = stream.publish(now, Takeover::Always, "test").unwrap();
        let config =
            CodecConfig { codec: Codec::H264, record: Bytes::from_static(b"avcc"), wire: None };
        publisher.configure(now, TrackId::VIDEO, config).unwrap();
        let (order, mut orders) = tokio::sync::watch::channel(false);
        let frozen = Arc::<AtomicBool>::default();
        let stands = frozen.clone();
        let task = tokio::spawn(async move {
            let mut tick = interval(FRAME);
            for number in first.. {
                tokio::select! {
                    _ = tick.tick() => {
                        if !stands.load(Ordering::Relaxed) {
                            push(&mut publisher, number, first);
                        }
                    }
                    _ = orders.changed() => break,
                }
            }
            let now = Instant::now().into_std();
            let orderly = *orders.borrow();
            use manycast_hub::RunEnd::{Lost, Orderly};
            publisher.end(now, if orderly { Orderly } else { Lost });
        });
        Self { task, order, frozen }
    }

    /// Stays connected and sends nothing, or goes on.
    pub(super) fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Relaxed);
    }

    pub(super) async fn end(self, orderly: bool) {
        self.order.send_replace(orderly);
        self.task.await.unwrap();
    }
}

fn push(publisher: &mut Publisher, number: i64, first: i64) {
    let now = Instant::now().into_std();
    let at = Timestamp::from_millis((number - first) * 40);
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(SIZE, 0);
    let frame = Frame {
        track: TrackId::VIDEO,
        codec: Codec::H264,
        dts: at,
        pts: at,
        key: (number - first) % i64::try_from(GOP).unwrap() == 0,
        payload: payload.into(),
        wire: None,
    };
    publisher.push(now, frame).unwrap();
    publisher.commit(now);
}

pub(super) struct Bench {
    pub(super) hub: Arc<Hub>,
    pub(super) stream: Arc<Stream>,
    pub(super) world: World,
    pub(super) restream: Restream,
}

impl Bench {
    pub(super) fn new() -> Self {
        let hub = Hub::new();
        let stream = hub.open(&stream_name(), WindowLimits::default());
        let world = World::default();
        let link: Arc<dyn Link> = Arc::new(Scripted(world.clone()));
        let links = move |scheme: &str| (scheme == "rtmp").then(|| link.clone());
        let restream = Restream::new(hub.clone(), links, 7);
        Self { hub, stream, world, restream }
    }

    /// Applies a list of Destinations with these names and manners.
    pub(super) fn with(far_ends: &[(&str, Manner)]) -> Self {
        let bench = Self::new();
        for (name, manner) in far_ends {
            bench.world.set(name, manner.clone());
        }
        bench.restream.apply(far_ends.iter().map(|(name, _)| spec(name)).collect());
        bench
    }

    pub(super) fn encoder(&self) -> Encoder {
        self.encoder_from(0)
    }

    pub(super) fn encoder_from(&self, first: i64) -> Encoder {
        Encoder::start(&self.stream, first)
    }

    /// Of its primary address.
    pub(super) fn status(&self, name: &str) -> LegStatus {
        self.whole_status(name).primary
    }

    pub(super) fn whole_status(&self, name: &str) -> DestinationStatus {
        let id = DestinationId::new(&stream_name(), name);
        let all = self.restream.status();
        all.into_iter().find(|status| status.id == id).expect("a status of that name")
    }

    pub(super) fn state(&self, name: &str) -> State {
        self.status(name).state
    }

    /// Waits for a state, and says how long it took.
    pub(super) async fn until(&self, name: &str, state: State, within: f64) -> f64 {
        let start = Instant::now();
        while self.state(name) != state {
            let waited = start.elapsed().as_secs_f64();
            assert!(waited <= within, "{name}: {:?}, not {state}", self.status(name));
            sleep(Duration::from_millis(5)).await;
        }
        start.elapsed().as_secs_f64()
    }

    /// The frames of all attempts at a far end are these, none missing, none twice.
    pub(super) fn assert_whole(&self, name: &str, from: i64, at_least: usize) {
        let seen = self.world.seen(name);
        let numbers: Vec<i64> = seen.frames.iter().flatten().map(|(n, ..)| *n).collect();
        assert!(numbers.len() >= at_least, "{name}: {} frames", numbers.len());
        for (expected, number) in (from..).zip(&numbers) {
            assert_eq!(*number, expected, "{name}: frames are missing");
        }
        for pair in seen.frames.iter().flatten().collect::<Vec<_>>().windows(2) {
            let gap = pair[1].1 - pair[0].1;
            assert!(gap <= Duration::from_millis(100), "{name}: silent for {gap:?}");
        }
    }
}

pub(super) async fn pass(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}
