//! Everybody on the stage: the server, the encoder, the destinations; started, looked at, ended.

use super::encoder::Encoder;
use super::ill::Ill;
use super::reel::Reel;
use super::sink::{self, Sink};
use super::snapshot::{Check, DestinationView, Outcome, Snapshot, StreamView, Summary};
use crate::config::{self, Config};
use crate::serve::Embedded;
use crate::tool::{Endpoint, Failure};
use manycast_codec::Shape;
use manycast_hub::{Secret, StreamStats, TrackStats};
use manycast_media::{StreamName, TrackKind};
use manycast_restream::DestinationStatus;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The stream of the demo's encoder.
pub(super) const STREAM: &str = "demo";
/// The stream, and the key, of the audience.
pub(super) const OWN: &str = "mine";
/// The destinations that verify.
const SOUND: [&str; 2] = ["alpha", "beta"];
/// The one that is ill.
const ILL: &str = "ill";
/// How long the last frames may take to arrive.
const SETTLE: Duration = Duration::from_secs(3);
/// How long everybody may take to say goodbye.
const DRAIN: Duration = Duration::from_secs(3);

/// Everybody who plays.
pub(super) struct Cast {
    server: Embedded,
    rtmp: SocketAddr,
    port_taken: bool,
    sinks: Vec<(&'static str, Sink)>,
    ill: Ill,
    ill_sink: Sink,
    encoder: Encoder,
    /// Frames that the encoder sent.
    sent: Arc<AtomicU64>,
    began: Instant,
    limit: Option<Duration>,
}

impl Cast {
    /// Starts everybody on 127.0.0.1, the server and its dashboard at these ports if nobody has them.
    pub(super) async fn start(
        [port, web]: [u16; 2],
        limit: Option<Duration>,
    ) -> Result<Self, Failure> {
        let reel = Arc::new(Reel::load().await?);
        let (sent, fanout) = (Arc::new(AtomicU64::new(0)), sink::fanout()?);
        let key = Secret::new(&format!("sk_{:032x}", rand::random::<u128>()));
        let sink = || Sink::start(&key, reel.clone(), sent.clone(), fanout.clone());
        let sinks = SOUND.map(|name| sink().map(|sink| (name, sink)));
        let sinks = sinks.into_iter().collect::<Result<Vec<_>, _>>()?;
        let ill_sink = sink()?;
        let ill = Ill::start(ill_sink.address).await?;
        let mut places: Vec<_> = sinks.iter().map(|(name, sink)| (*name, sink.address)).collect();
        places.push((ILL, ill.address));
        let port_taken = is_taken(port);
        let ports = [port, web].map(|port| if is_taken(port) { 0 } else { port });
        let config = configure(ports, &key, &places)?;
        let server = Embedded::start(config).await;
        let server = server.map_err(|error| Failure::failed(format!("{error:#}")))?;
        let rtmp = server.address("rtmp");
        let rtmp = rtmp.ok_or_else(|| Failure::failed("the server listens nowhere"))?;
        let endpoint = Endpoint::publish(&format!("rtmp://{rtmp}/live"), Some(&key))?;
        let encoder = Encoder::start(&endpoint, sent.clone()).await?;
        let began = Instant::now();
        Ok(Self { server, rtmp, port_taken, sinks, ill, ill_sink, encoder, sent, began, limit })
    }

    /// Whether everybody still plays.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.server.sweep();
        match self.encoder.is_broken() {
            true => Err(Failure::failed("the encoder lost the server")),
            false => Ok(()),
        }
    }

    /// Has the encoder pause, and waits until what it sent has arrived.
    pub(super) async fn settle(&mut self) {
        self.encoder.hold();
        let arrived = async {
            while !self.is_settled() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(SETTLE, arrived).await;
    }

    fn is_settled(&self) -> bool {
        let sent = self.sent();
        self.sinks.iter().all(|(_, sink)| sink.findings.lock().verifier.is_settled(sent))
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Everybody says goodbye: first the encoder, then the server, then the destinations.
    /// Returns why the encoder ended if it had already.
    pub(super) async fn end(self) -> Result<(), Failure> {
        let encoder = self.encoder.leave().await;
        self.server.drain(DRAIN).await;
        for (_, sink) in self.sinks {
            sink.end().await;
        }
        self.ill.end().await;
        self.ill_sink.end().await;
        encoder
    }

    /// The outcome as of now.
    pub(super) fn summary(&self) -> Summary {
        let sent = self.sent();
        let outcome = |(name, sink): &(&str, Sink)| {
            let findings = sink.findings.lock();
            Outcome {
                name: (*name).to_owned(),
                whole: sent > 0 && findings.verifier.is_whole(sent),
                due: findings.verifier.due(sent),
                missing: findings.verifier.missing(sent),
                check: check(&findings),
            }
        };
        Summary { outcomes: self.sinks.iter().map(outcome).collect() }
    }

    /// What there is to see.
    pub(super) fn snapshot(&self) -> Snapshot {
        let statuses = self.server.destinations();
        Snapshot {
            elapsed: self.began.elapsed(),
            limit: self.limit,
            stream: self.stream(STREAM),
            own: self.stream(OWN),
            viewers: self.server.rtmp_stats().viewers,
            destinations: statuses.into_iter().map(|status| self.destination(status)).collect(),
            rtmp: self.rtmp,
            dashboard: self.server.dashboard(),
            port_taken: self.port_taken,
        }
    }

    fn stream(&self, name: &str) -> StreamView {
        let now = Instant::now();
        let stream = StreamName::new(name).ok().and_then(|name| self.server.hub().get(&name));
        stream.map(|stream| stream_view(&stream.stats(now), now)).unwrap_or_default()
    }

    fn destination(&self, status: DestinationStatus) -> DestinationView {
        let sink = self.sinks.iter().find(|(name, _)| **name == status.name);
        DestinationView {
            state: status.primary.state,
            since: status.primary.since.elapsed(),
            bitrate: status.primary.bitrate,
            frames: status.primary.totals.frames,
            dropped_gops: status.primary.totals.dropped_gops,
            dials: status.primary.totals.dials,
            last_error: status.primary.last_failure.map(|failure| failure.words.to_string()),
            check: sink.map(|(_, sink)| check(&sink.findings.lock())),
            name: status.name,
        }
    }
}

fn check(findings: &sink::Findings) -> Check {
    let (good, faults) = (findings.verifier.good(), findings.verifier.faults());
    Check { good, faults, silence: findings.silence }
}

fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// The configuration, as an operator would write it.
fn configure(
    [rtmp, web]: [u16; 2],
    key: &Secret,
    places: &[(&str, SocketAddr)],
) -> Result<Config, Failure> {
    let key = key.expose();
    let mut text = format!(
        "[rtmp]\nlisten = \"127.0.0.1:{rtmp}\"\n[http]\nlisten = \"127.0.0.1:{web}\"\n\
         [https]\nlisten = \"off\"\n\
         [egress]\nallow = [\"127.0.0.0/8\"]\n\
         [[stream]]\nname = \"{OWN}\"\nkey = \"{OWN}\"\n\
         [[stream]]\nname = \"{STREAM}\"\nkey = \"{key}\"\n"
    );
    for (name, address) in places {
        text += &format!(
            "[[stream.destination]]\nname = \"{name}\"\nurl = \"rtmp://{address}/live\"\n\
             key = \"{key}\"\n"
        );
    }
    match config::read(Path::new("demo.toml"), text.as_bytes(), []) {
        Ok(loaded) => Ok(loaded.config),
        Err(refused) => Err(Failure::failed(format!("the demo's own configuration: {refused}"))),
    }
}

fn stream_view(stats: &StreamStats, now: Instant) -> StreamView {
    let Some(publisher) = &stats.publisher else { return StreamView::default() };
    let time = now.saturating_duration_since(publisher.began);
    let of = |kind| publisher.tracks.iter().find(move |track| track.track.id.kind == kind);
    let video = of(TrackKind::Video);
    StreamView {
        live: true,
        time,
        bitrate: publisher.bitrate,
        video: video.map(describe),
        pictures: video.map(|video| pictures(video, time)),
        audio: of(TrackKind::Audio).map(describe),
        trouble: publisher.trouble.map(manycast_hub::Trouble::advice),
    }
}

/// Codec and measures of a track.
fn describe(track: &TrackStats) -> String {
    let codec = track.track.codec;
    let config = track.track.config.as_ref();
    let described = config.and_then(|config| manycast_codec::describe(codec, &config.record));
    match described.map(|described| described.shape) {
        Some(Shape::Video(v)) => {
            let profile = v.profile.map(|profile| format!(" {profile}")).unwrap_or_default();
            format!("{codec}{profile}, {}x{}", v.width, v.height)
        }
        Some(Shape::Audio(a)) => {
            let channels = match a.channels {
                Some(1) => ", mono".to_owned(),
                Some(2) => ", stereo".to_owned(),
                Some(channels) => format!(", {channels} channels"),
                None => String::new(),
            };
            let profile = a.profile.map(|profile| format!(" {profile}")).unwrap_or_default();
            format!("{codec}{profile}, {} Hz{channels}", a.sample_rate)
        }
        None => codec.to_string(),
    }
}

/// Pictures per second since the stream came on air, and the distance of key frames.
fn pictures(track: &TrackStats, time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    let tenths = track.frames.saturating_mul(10_000) / millis;
    let rate = format!("{}.{} fps", tenths / 10, tenths % 10);
    match track.gop {
        Some(gop) => {
            let tenths = (gop.as_millis() + 50) / 100;
            format!("{rate}, key frame every {}.{} s", tenths / 10, tenths % 10)
        }
        None => rate,
    }
}
