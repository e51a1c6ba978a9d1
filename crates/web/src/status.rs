//! `/api/v1/status`: the state of everything as JSON. Every field is described in docs/api.md.
//!
//! Belongs here: the shapes, and one conversion into each. Field names are stable: programs read
//! them. Must not come here: a key, or anything derived from one.

mod health;

use crate::routes::Knowledge;
use crate::server::HttpCounters;
use crate::source::{CertificateFacts, ConfigFacts, ListenerFacts};
use crate::time::{Clock, rfc3339};
use crate::words::words;
use health::TrackHealthView;
pub(crate) use health::{FindingView, HealthView};
use manycast_coach::{Finding, Subject, findings};
use manycast_codec::{Chroma, Shape};
use manycast_hub::{Encoder, PublisherStats, StreamStats, TrackHealth, TrackStats, Trouble};
use manycast_restream::{DestinationStatus, LegStatus, State};
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;
use utoipa::ToSchema;

/// Everything at one moment; what status and metrics are made of.
pub(crate) struct Picture {
    pub(crate) clock: Clock,
    pub(crate) started: SystemTime,
    pub(crate) readiness: Result<(), String>,
    pub(crate) listeners: Vec<ListenerFacts>,
    pub(crate) certificate: Option<CertificateFacts>,
    pub(crate) config: ConfigFacts,
    pub(crate) streams: Vec<StreamPicture>,
    pub(crate) http: Arc<HttpCounters>,
}

/// One Stream with its destinations.
pub(crate) struct StreamPicture {
    pub(crate) stats: StreamStats,
    pub(crate) configured: bool,
    pub(crate) destinations: Vec<DestinationStatus>,
}

impl StreamPicture {
    /// What is wrong with what comes in.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let Some(publisher) = &self.stats.publisher else { return Vec::new() };
        let subject = |stats: &TrackStats| Subject::of(&stats.track, stats.sample.as_ref());
        let subjects: Vec<_> = publisher.tracks.iter().map(subject).collect();
        findings(&publisher.health, publisher.trouble, &subjects)
    }
}

impl Picture {
    pub(crate) fn take(known: &Knowledge, clock: Clock) -> Self {
        let configured = known.source.configured();
        let destinations = known.source.destinations();
        let picture = |stream: &Arc<manycast_hub::Stream>| {
            let stats = stream.stats(clock.now);
            let own = destinations.iter().filter(|one| one.stream == stats.name);
            let destinations = own.cloned().collect();
            StreamPicture { configured: configured.contains(&stats.name), stats, destinations }
        };
        Self {
            started: known.started,
            readiness: known.readiness.get(),
            listeners: known.source.listeners(),
            certificate: known.source.certificate(),
            config: known.source.config(),
            streams: known.hub.streams().iter().map(picture).collect(),
            http: known.counters.clone(),
            clock,
        }
    }
}

/// The whole answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Status)]
pub(crate) struct StatusView {
    server: ServerView,
    streams: Vec<StreamView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatusServer)]
pub(crate) struct ServerView {
    version: &'static str,
    started: String,
    uptime_s: u64,
    ready: bool,
    not_ready_reason: Option<String>,
    listeners: Vec<ListenerView>,
    certificate: Option<CertificateView>,
    sessions: SessionsView,
    config: ConfigView,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Listener)]
pub(crate) struct ListenerView {
    protocol: &'static str,
    address: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Certificate)]
pub(crate) struct CertificateView {
    fingerprint: String,
    names: Vec<String>,
    not_after: Option<String>,
    self_signed: bool,
    problem: Option<String>,
}

impl From<&CertificateFacts> for CertificateView {
    fn from(facts: &CertificateFacts) -> Self {
        Self {
            fingerprint: facts.fingerprint.clone(),
            names: facts.names.clone(),
            not_after: facts.not_after.map(rfc3339),
            self_signed: facts.self_signed,
            problem: facts.problem.clone(),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatusSessions)]
pub(crate) struct SessionsView {
    publishers: u64,
    viewers: u64,
    destinations_live: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Config)]
pub(crate) struct ConfigView {
    loaded_at: String,
    last_error: Option<String>,
    needs_restart: Vec<String>,
}

impl From<&ListenerFacts> for ListenerView {
    fn from(facts: &ListenerFacts) -> Self {
        Self { protocol: facts.protocol, address: facts.address.to_string() }
    }
}

impl From<&ConfigFacts> for ConfigView {
    fn from(facts: &ConfigFacts) -> Self {
        Self {
            loaded_at: rfc3339(facts.loaded_at),
            last_error: facts.last_error.clone(),
            needs_restart: facts.needs_restart.clone(),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatusStream)]
pub(crate) struct StreamView {
    name: String,
    configured: bool,
    live: bool,
    publisher: Option<PublisherView>,
    health: Option<HealthView>,
    findings: Vec<FindingView>,
    viewers: u64,
    window_bytes: u64,
    runs: u64,
    takeovers: u64,
    frames: u64,
    bytes: u64,
    frames_dropped: u64,
    clock_levelled: u64,
    clock_rebased: u64,
    frames_late: u64,
    frames_opaque: u64,
    destinations: Vec<DestinationView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Publisher)]
pub(crate) struct PublisherView {
    /// Null for who may not see addresses of people.
    address: Option<String>,
    software: Option<String>,
    /// It comes in by TLS.
    encrypted: bool,
    since: String,
    bitrate: u64,
    tracks: Vec<TrackView>,
    trouble: Option<TroubleView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Trouble)]
pub(crate) struct TroubleView {
    code: &'static str,
    #[schema(value_type = String)]
    advice: Cow<'static, str>,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = Track)]
pub(crate) struct TrackView {
    id: String,
    kind: &'static str,
    codec: &'static str,
    codec_string: Option<String>,
    profile: Option<String>,
    level: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    fps: Option<f64>,
    bit_depth: Option<u8>,
    chroma: Option<&'static str>,
    dynamic_range: Option<&'static str>,
    captions: Vec<&'static str>,
    sample_rate: Option<u32>,
    channels: Option<u8>,
    bitrate: u64,
    frames: u64,
    bytes: u64,
    key_frames: Option<u64>,
    gop_ms: Option<i64>,
    health: Option<TrackHealthView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatusDestination)]
pub(crate) struct DestinationView {
    name: String,
    #[serde(flatten)]
    primary: LegView,
    backup: Option<LegView>,
    trouble: Option<TroubleView>,
}

/// One address of a destination.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatusLeg)]
pub(crate) struct LegView {
    url: String,
    #[serde(flatten)]
    status: LegStatusView,
}

/// What one address of a destination is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DestinationStatus)]
pub(crate) struct LegStatusView {
    #[schema(schema_with = leg_states)]
    state: &'static str,
    since: String,
    reason: String,
    next_dial: Option<String>,
    last_error: Option<String>,
    last_error_kind: Option<&'static str>,
    bitrate: u64,
    frames: u64,
    bytes: u64,
    dropped_gops: u64,
    lag_ms: u64,
    unacked_bytes: u64,
    rtt_ms: u64,
    left_out: Option<String>,
    dials: u64,
    failures: u64,
}

const UPLINK: TroubleView = TroubleView {
    code: "uplink",
    advice: Cow::Borrowed(
        "several destinations fall behind at the same time: your uplink is too slow. Lower the \
         encoder's bitrate, or stop some destinations",
    ),
};

impl DestinationView {
    fn of(status: &DestinationStatus, clock: &Clock) -> Self {
        Self {
            name: status.name.clone(),
            primary: LegView::of(&status.primary, clock),
            backup: status.backup.as_ref().map(|leg| LegView::of(leg, clock)),
            trouble: trouble(status),
        }
    }
}

/// What comes and goes is told before what lasts.
pub(crate) fn trouble(status: &DestinationStatus) -> Option<TroubleView> {
    if status.uplink_trouble {
        return Some(UPLINK);
    }
    let unfed = legs(status).find(|leg| leg.state == State::Unfed);
    if let Some(words) = unfed.and_then(|leg| leg.left_out.as_ref()) {
        return Some(TroubleView { code: "unfed", advice: Cow::Owned(words.to_string()) });
    }
    let left_out = legs(status).find_map(|leg| leg.left_out.as_ref())?;
    Some(TroubleView { code: "codec_left_out", advice: Cow::Owned(left_out.to_string()) })
}

impl LegView {
    fn of(status: &LegStatus, clock: &Clock) -> Self {
        Self { url: status.url.clone(), status: LegStatusView::of(status, clock) }
    }
}

/// The words of [`LegStatusView::state`].
pub(crate) fn leg_states() -> utoipa::openapi::Object {
    words(State::ALL.map(State::name).into_iter().chain(["standby"]))
}

impl LegStatusView {
    pub(crate) fn of(status: &LegStatus, clock: &Clock) -> Self {
        let standby = status.standby && status.state == State::Stopped;
        let (totals, failure) = (&status.totals, status.last_failure.as_ref());
        Self {
            state: if standby { "standby" } else { status.state.name() },
            since: clock.show(status.since),
            reason: status.reason.to_string(),
            next_dial: status.next_dial.map(|at| clock.show(at)),
            last_error: failure.map(|failure| failure.words.to_string()),
            last_error_kind: failure.map(|failure| failure.kind.name()),
            bitrate: status.bitrate,
            frames: totals.frames,
            bytes: totals.bytes,
            dropped_gops: totals.dropped_gops,
            lag_ms: status.lag_ms,
            unacked_bytes: status.unacked_bytes,
            rtt_ms: status.rtt_ms,
            left_out: status.left_out.as_ref().map(ToString::to_string),
            dials: totals.dials,
            failures: totals.failures,
        }
    }
}

/// Both addresses of a destination, or its only one.
fn legs(status: &DestinationStatus) -> impl Iterator<Item = &LegStatus> {
    std::iter::once(&status.primary).chain(&status.backup)
}

impl StatusView {
    /// The picture, with addresses of `people` or without.
    pub(crate) fn of(picture: &Picture, people: bool) -> Self {
        let stream = |stream| StreamView::of(stream, people, &picture.clock);
        let streams: Vec<_> = picture.streams.iter().map(stream).collect();
        let live = |stream: &StreamPicture| {
            let live = |one: &&DestinationStatus| legs(one).any(|leg| leg.state == State::Live);
            stream.destinations.iter().filter(live).count() as u64
        };
        let sessions = SessionsView {
            publishers: picture.streams.iter().filter(|stream| stream.stats.live).count() as u64,
            viewers: picture.streams.iter().map(|stream| stream.stats.viewers).sum(),
            destinations_live: picture.streams.iter().map(live).sum(),
        };
        let server = ServerView {
            version: env!("CARGO_PKG_VERSION"),
            started: rfc3339(picture.started),
            uptime_s: picture.started.elapsed().map_or(0, |time| time.as_secs()),
            ready: picture.readiness.is_ok(),
            not_ready_reason: picture.readiness.clone().err(),
            listeners: picture.listeners.iter().map(ListenerView::from).collect(),
            certificate: picture.certificate.as_ref().map(CertificateView::from),
            sessions,
            config: ConfigView::from(&picture.config),
        };
        Self { server, streams }
    }
}

impl StreamView {
    fn of(stream: &StreamPicture, people: bool, clock: &Clock) -> Self {
        let stats = &stream.stats;
        let shown = stream.destinations.iter().map(|one| DestinationView::of(one, clock));
        let destinations = shown.collect();
        let publisher = stats.publisher.as_ref();
        Self {
            name: stats.name.to_string(),
            configured: stream.configured,
            live: stats.live,
            publisher: publisher.map(|stats| PublisherView::of(stats, clock).seen(people)),
            health: publisher.map(|stats| HealthView::from(&stats.health)),
            findings: stream.findings().iter().map(FindingView::from).collect(),
            viewers: stream.stats.viewers,
            window_bytes: stats.window_bytes,
            runs: stats.runs,
            takeovers: stats.takeovers,
            frames: stats.frames_in,
            bytes: stats.bytes_in,
            frames_dropped: stats.frames_dropped,
            clock_levelled: stats.clock_levelled,
            clock_rebased: stats.clock_rebased,
            frames_late: stats.frames_late,
            frames_opaque: stats.frames_opaque,
            destinations,
        }
    }
}

impl PublisherView {
    pub(crate) fn of(stats: &PublisherStats, clock: &Clock) -> Self {
        let Encoder { address, software, encrypted } = stats.encoder();
        let track = |one: &TrackStats| TrackView::of(one, stats.health.track(one.track.id));
        Self {
            address: Some(address.to_owned()),
            software: (!software.is_empty()).then(|| software.to_owned()),
            encrypted,
            since: clock.show(stats.began),
            bitrate: stats.bitrate,
            tracks: stats.tracks.iter().map(track).collect(),
            trouble: stats.trouble.map(TroubleView::from),
        }
    }
}

impl PublisherView {
    /// As it is shown to who may see addresses of `people`, or not.
    pub(crate) fn seen(mut self, people: bool) -> Self {
        self.address = self.address.filter(|_| people);
        self
    }
}

impl From<Trouble> for TroubleView {
    fn from(trouble: Trouble) -> Self {
        let code = match trouble {
            Trouble::WaitingForKeyFrame => "waiting_for_key_frame",
            Trouble::NoCodecConfig => "no_codec_config",
            Trouble::GopTooLarge => "gop_too_large",
            Trouble::Silent => "silent",
        };
        Self { code, advice: trouble.advice().into() }
    }
}

/// The kinds of captions that its newest picture of the kind that is looked at carries.
fn captions(subject: &Subject) -> Vec<&'static str> {
    let seen = subject.captions;
    let cea608 = seen.cea608_field1 || seen.cea608_field2;
    [("cea608", cea608), ("cea708", seen.cea708)]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
}

impl TrackView {
    fn of(stats: &TrackStats, health: Option<&TrackHealth>) -> Self {
        let id = stats.track.id;
        let video = id.kind == manycast_media::TrackKind::Video;
        let mut view = Self {
            id: id.to_string(),
            kind: id.kind.name(),
            codec: stats.track.codec.name(),
            bitrate: stats.bitrate,
            frames: stats.frames,
            bytes: stats.bytes,
            key_frames: video.then_some(stats.key_frames),
            gop_ms: stats.gop.map(manycast_media::TimeDelta::as_millis),
            health: health.map(TrackHealthView::from),
            ..Self::default()
        };
        let subject = Subject::of(&stats.track, stats.sample.as_ref());
        view.captions = captions(&subject);
        if let Some(found) = subject.description {
            view.codec_string = found.rfc6381;
            match found.shape {
                Shape::Video(shape) => {
                    view.bit_depth = shape.bit_depth;
                    view.chroma = shape.chroma.map(Chroma::name);
                    view.dynamic_range = Some(shape.dynamic_range().name());
                    view.profile = shape.profile;
                    view.level = shape.level;
                    view.width = Some(shape.width);
                    view.height = Some(shape.height);
                    view.fps = shape.fps;
                }
                Shape::Audio(shape) => {
                    view.profile = shape.profile;
                    view.sample_rate = Some(shape.sample_rate);
                    view.channels = shape.channels;
                }
            }
        }
        view
    }
}
