//! The HTTP side over real sockets: answers, and what it does to clients that misbehave.

use manycast_hub::{Hub, Takeover, WindowLimits};
use manycast_media::{Codec, Frame, StreamName, Timestamp, TrackId};
use manycast_restream::{
    DestinationId, DestinationStatus, Failure, FailureKind, LegStatus, State, Totals,
};
use manycast_web::{
    CertificateFacts, ConfigFacts, Family, HttpServer, Kind, Limits, ListenerFacts, Readiness,
    Site, Source,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

struct Facts;

impl Source for Facts {
    fn listeners(&self) -> Vec<ListenerFacts> {
        vec![ListenerFacts { protocol: "rtmp", address: "127.0.0.1:1935".parse().unwrap() }]
    }

    fn certificate(&self) -> Option<CertificateFacts> {
        let names = vec!["localhost".to_owned()];
        let (fingerprint, not_after) = ("AB:CD".to_owned(), Some(UNIX_EPOCH));
        Some(CertificateFacts { fingerprint, names, not_after, self_signed: true, problem: None })
    }

    fn config(&self) -> ConfigFacts {
        let last_error = Some("manycast.toml:3:1: rtmp.lisen: is unknown".to_owned());
        ConfigFacts { loaded_at: UNIX_EPOCH, last_error, needs_restart: vec!["http".to_owned()] }
    }

    fn configured(&self) -> Vec<StreamName> {
        vec![name("main")]
    }

    fn destinations(&self) -> Vec<DestinationStatus> {
        vec![destination()]
    }

    fn families(&self) -> Vec<Family> {
        let mut refused = Family::new(Kind::Counter, "connections_refused", "Closed at accept");
        refused.add(&[("reason", "full")], 3.0);
        vec![refused]
    }
}

fn name(text: &str) -> StreamName {
    StreamName::new(text).unwrap()
}

fn destination() -> DestinationStatus {
    let primary = LegStatus {
        url: "rtmps://a.example/live2".to_owned(),
        state: State::Live,
        since: Instant::now(),
        reason: "media was acknowledged".into(),
        standby: false,
        next_dial: None,
        last_failure: None,
        totals: Totals { dials: 1, failures: 0, frames: 100, bytes: 1_000_000, dropped_gops: 2 },
        bitrate: 6_000_000,
        lag_ms: 40,
        unacked_bytes: 1200,
        rtt_ms: 12,
        left_out: None,
    };
    let words = "NetStream.Publish.Denied: no".into();
    let backup = LegStatus {
        url: "rtmps://b.example/live2".to_owned(),
        state: State::Rejected,
        next_dial: Some(Instant::now() + Duration::from_secs(300)),
        last_failure: Some(Failure { kind: FailureKind::Rejected, words }),
        left_out: Some("sound not sent".into()),
        ..primary.clone()
    };
    DestinationStatus {
        id: DestinationId::new(&name("main"), "tube"),
        name: "You \"Tube\"".to_owned(),
        stream: name("main"),
        primary,
        backup: Some(backup),
        uplink_trouble: true,
    }
}

/// A running server; ends when dropped.
struct Server {
    address: SocketAddr,
    readiness: Readiness,
    end: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(hub: &Arc<Hub>, limits: Limits) -> Self {
        let server = HttpServer::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
        let address = server.address().unwrap();
        let readiness = Readiness::new();
        let site = Site::new(hub.clone(), readiness.clone(), Arc::new(Facts));
        let (end, ending) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(site, async {
            let _ = ending.await;
        }));
        Self { address, readiness, end: Some(end), ended }
    }

    /// Sends bytes, reads until the far end closes.
    async fn raw(&self, bytes: &[u8]) -> String {
        // a server that is full may reset the connection while it is being made
        let Ok(mut socket) = TcpStream::connect(self.address).await else { return String::new() };
        let _ = socket.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    async fn request(&self, method: &str, path: &str) -> String {
        let text = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.raw(text.as_bytes()).await
    }

    async fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.request("GET", path).await;
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn each_path_answers_as_documented() {
    let server = Server::start(&Hub::new(), Limits::default()).await;
    server.readiness.ready();
    for (method, path, want, kind) in [
        ("GET", "/healthz", 200, "text/plain"),
        ("GET", "/readyz", 200, "text/plain"),
        ("GET", "/metrics", 200, "application/openmetrics-text"),
        ("GET", "/api/v1/status", 200, "application/json"),
        ("GET", "/api/v1/status?x=1", 200, "application/json"),
        ("GET", "/", 404, "application/problem+json"),
        ("GET", "/api/v1/status/", 404, "application/problem+json"),
        ("GET", "/../../etc/passwd", 404, "application/problem+json"),
        ("GET", "/%2e%2e/etc/passwd", 404, "application/problem+json"),
        ("POST", "/api/v1/status", 405, "application/problem+json"),
        ("DELETE", "/metrics", 405, "application/problem+json"),
        ("OPTIONS", "/healthz", 405, "application/problem+json"),
        ("BREW", "/healthz", 405, "application/problem+json"),
    ] {
        let answer = server.request(method, path).await;
        assert_eq!(status(&answer), want, "{method} {path}: {answer}");
        assert!(answer.contains(&format!("content-type: {kind}")), "{method} {path}: {answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{path}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{path}: {answer}");
        assert_eq!(want == 405, answer.contains("allow: GET,HEAD"), "{path}: {answer}");
    }
    let head = server.request("HEAD", "/api/v1/status").await;
    assert_eq!(status(&head), 200);
    assert!(head.ends_with("\r\n\r\n"), "a HEAD answer has no body: {head}");
}

#[tokio::test]
async fn readiness_follows_the_server() {
    let server = Server::start(&Hub::new(), Limits::default()).await;
    let answer = server.request("GET", "/readyz").await;
    assert!(status(&answer) == 503 && answer.contains("not ready: starting"), "{answer}");
    server.readiness.ready();
    assert_eq!(status(&server.request("GET", "/readyz").await), 200);
    server.readiness.not_ready("draining");
    let answer = server.request("GET", "/readyz").await;
    assert!(status(&answer) == 503 && answer.contains("draining"), "{answer}");
    assert_eq!(status(&server.request("GET", "/healthz").await), 200);
}

/// A live Stream `main` of ten pictures with a key frame each second, and a Stream of nobody.
fn live(hub: &Hub) -> manycast_hub::Publisher {
    let now = Instant::now();
    let main = hub.open(&name("main"), WindowLimits::default());
    hub.open(&name("guest"), WindowLimits::default());
    let who = "127.0.0.1:5000 (TLS) probe 1.0 (compatible)";
    let mut publisher = main.publish(now, Takeover::WhenSilent, who).unwrap();
    for number in 0..10 {
        let at = Timestamp::from_millis(number * 500);
        let frame = Frame {
            track: TrackId::VIDEO,
            codec: Codec::Vp9,
            dts: at,
            pts: at,
            key: number % 2 == 0,
            payload: bytes::Bytes::from_static(&[7; 100]),
            wire: None,
        };
        publisher.push(now, frame).unwrap();
    }
    publisher.commit(now);
    publisher
}

#[tokio::test]
async fn the_status_tells_everything_by_its_stable_names() {
    let hub = Hub::new();
    let _publisher = live(&hub);
    let server = Server::start(&hub, Limits::default()).await;
    let status = server.json("/api/v1/status").await;
    let at = |path: &str| status.pointer(path).unwrap_or_else(|| panic!("{path} in {status:#}"));
    assert_eq!(at("/server/version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(at("/server/ready"), false);
    assert_eq!(at("/server/not_ready_reason"), "starting");
    assert_eq!(at("/server/listeners/0/address"), "127.0.0.1:1935");
    assert_eq!(at("/server/certificate/fingerprint"), "AB:CD");
    assert_eq!(at("/server/certificate/names/0"), "localhost");
    assert_eq!(at("/server/certificate/not_after"), "1970-01-01T00:00:00.000Z");
    assert_eq!(at("/server/certificate/self_signed"), true);
    assert_eq!(at("/server/sessions/publishers"), 1);
    assert_eq!(at("/server/sessions/destinations_live"), 1);
    assert_eq!(at("/server/config/loaded_at"), "1970-01-01T00:00:00.000Z");
    assert!(at("/server/config/last_error").as_str().unwrap().contains("is unknown"));
    assert_eq!(at("/server/config/needs_restart/0"), "http");
    assert_eq!(at("/streams/0/name"), "guest");
    assert_eq!(at("/streams/0/configured"), false);
    assert!(at("/streams/0/publisher").is_null());
    assert_eq!(at("/streams/1/name"), "main");
    assert_eq!(at("/streams/1/live"), true);
    assert_eq!(at("/streams/1/frames"), 10);
    assert_eq!(at("/streams/1/publisher/address"), "127.0.0.1:5000");
    assert_eq!(at("/streams/1/publisher/software"), "probe 1.0 (compatible)");
    assert_eq!(at("/streams/1/publisher/encrypted"), true);
    assert_eq!(at("/streams/1/publisher/tracks/0/id"), "video:0");
    assert_eq!(at("/streams/1/publisher/tracks/0/codec"), "vp9");
    assert_eq!(at("/streams/1/publisher/tracks/0/gop_ms"), 1000);
    assert_eq!(at("/streams/1/publisher/tracks/0/key_frames"), 5);
    for field in ["codec_string", "profile", "level", "width", "height", "fps", "sample_rate"] {
        assert!(at(&format!("/streams/1/publisher/tracks/0/{field}")).is_null());
    }
    for (field, want) in [
        ("name", serde_json::json!("You \"Tube\"")),
        ("state", serde_json::json!("live")),
        ("reason", serde_json::json!("media was acknowledged")),
        ("next_dial", serde_json::json!(null)),
        ("last_error", serde_json::json!(null)),
        ("last_error_kind", serde_json::json!(null)),
        ("failures", serde_json::json!(0)),
        ("bitrate", serde_json::json!(6_000_000)),
        ("frames", serde_json::json!(100)),
        ("bytes", serde_json::json!(1_000_000)),
        ("dropped_gops", serde_json::json!(2)),
        ("lag_ms", serde_json::json!(40)),
        ("unacked_bytes", serde_json::json!(1200)),
        ("rtt_ms", serde_json::json!(12)),
        ("left_out", serde_json::Value::Null),
        ("dials", serde_json::json!(1)),
    ] {
        assert_eq!(*at(&format!("/streams/1/destinations/0/{field}")), want, "{field}");
    }
    assert!(at("/streams/1/destinations/0/since").as_str().unwrap().starts_with("20"));
    assert_eq!(at("/streams/1/destinations/0/trouble/code"), "uplink");
    assert_eq!(at("/streams/1/destinations/0/backup/url"), "rtmps://b.example/live2");
    assert_eq!(at("/streams/1/destinations/0/backup/state"), "rejected");
    assert_eq!(at("/streams/1/destinations/0/backup/left_out"), "sound not sent");
    assert_eq!(at("/streams/1/destinations/0/backup/last_error_kind"), "rejected");
    let (since, dial) = (
        at("/streams/1/destinations/0/backup/since").clone(),
        at("/streams/1/destinations/0/backup/next_dial").clone(),
    );
    assert!(dial.as_str() > since.as_str(), "five minutes ahead: {since} {dial}");
}

/// A Stream `main` that has been on air for 20 s: 25 pictures per second without sound, nearly all
/// of them empty, and a key frame every 8 s.
fn ill(hub: &Hub) -> manycast_hub::Publisher {
    let start = Instant::now().checked_sub(Duration::from_secs(20)).unwrap();
    let main = hub.open(&name("main"), WindowLimits::default());
    let mut publisher = main.publish(start, Takeover::WhenSilent, "an encoder").unwrap();
    for number in 0..500 {
        let (at, key) = (Timestamp::from_millis(number * 40), number % 200 == 0);
        let payload = vec![7; if key { 50_000 } else { 60 }].into();
        let (track, codec) = (TrackId::VIDEO, Codec::Vp8);
        let frame = Frame { track, codec, dts: at, pts: at, key, payload, wire: None };
        let now = start + Duration::from_millis(number.unsigned_abs() * 40);
        publisher.push(now, frame).unwrap();
    }
    publisher
}

#[tokio::test]
async fn health_and_findings_are_told_for_each_stream() {
    let hub = Hub::new();
    let _publisher = ill(&hub);
    hub.open(&name("guest"), WindowLimits::default());
    let server = Server::start(&hub, Limits::default()).await;
    let status = server.json("/api/v1/status").await;
    let at = |path: &str| status.pointer(path).unwrap_or_else(|| panic!("{path} in {status:#}"));
    assert!(at("/streams/0/health").is_null());
    assert_eq!(*at("/streams/0/findings"), serde_json::json!([]));
    assert!(at("/streams/1/health/age_s").as_u64() >= Some(20));
    assert!(at("/streams/1/health/av_offset_ms").is_null());
    let track = at("/streams/1/publisher/tracks/0/health");
    for (field, want) in [
        ("/window_s", 10.0),
        ("/frame_rate", 25.0),
        ("/speed", 1.0),
        ("/jitter_ms", 0.0),
        ("/still_s", 20.0),
        ("/b_frames", 0.0),
        ("/key_frame_interval/now_ms", 8000.0),
        ("/key_frame_interval/worst_ms", 8000.0),
        ("/key_frame_interval/drift_ms", 0.0),
        ("/key_frame_interval/frames", 200.0),
        ("/bitrate/peak", (24.0 * 60.0 + 50_000.0) * 8.0),
        ("/late", 0.0),
    ] {
        let got = track.pointer(field).and_then(serde_json::Value::as_f64);
        assert_eq!(got, Some(want), "{field} in {track:#}");
    }
    let found = at("/streams/1/findings").as_array().unwrap();
    let ids: Vec<_> = found.iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(ids, ["key_frames_far", "video_frozen", "audio_missing"]);
    let far = &found[0];
    assert_eq!((&far["severity"], &far["track"]), (&"warning".into(), &"video:0".into()));
    assert!(far["sentence"].as_str().unwrap().contains("8.0 s apart"), "{far}");
    assert!(far["remedy"].as_str().unwrap().contains("OBS: Settings, Output, Streaming"), "{far}");
    let metrics = server.request("GET", "/metrics").await;
    for line in [
        "manycast_stream_frames_per_second{stream=\"main\"} 25.0",
        "manycast_stream_key_frame_interval_seconds{stream=\"main\",figure=\"now\"} 8.0",
        "manycast_stream_still_seconds{stream=\"main\",kind=\"video\"} 20.0",
        "manycast_stream_finding{stream=\"main\",rule=\"video_frozen\"} 1.0",
        "manycast_stream_finding{stream=\"main\",rule=\"audio_silent\"} 0.0",
        "manycast_stream_findings{stream=\"main\",severity=\"warning\"} 3.0",
        "manycast_stream_findings{stream=\"main\",severity=\"error\"} 0.0",
        "manycast_stream_frames_late_total{stream=\"main\"} 0.0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(!metrics.contains("stream=\"guest\""), "b14: no label of a stranger's choice");
}

#[tokio::test]
async fn the_documentation_names_every_field() {
    let hub = Hub::new();
    let _publisher = ill(&hub);
    let server = Server::start(&hub, Limits::default()).await;
    let text = include_str!("../../../docs/api.md");
    let mut names = Vec::new();
    collect(&server.json("/api/v1/status").await, &mut names);
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "docs/api.md does not name `{name}`");
    }
    let metrics = server.request("GET", "/metrics").await;
    let families = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: Vec<_> = families.filter_map(|line| line.split(' ').next()).collect();
    assert!(families.len() > 25, "{families:?}");
    for family in families.into_iter().filter(|name| *name != "manycast_connections_refused") {
        assert!(text.contains(&format!("`{family}")), "docs/api.md does not name {family}");
    }
}

fn collect(value: &serde_json::Value, names: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                names.push(name.clone());
                collect(value, names);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

#[tokio::test]
async fn b14_metrics_are_bounded_by_what_is_configured() {
    let hub = Hub::new();
    let _publisher = live(&hub);
    let server = Server::start(&hub, Limits::default()).await;
    let before = server.request("GET", "/metrics").await;
    for want in [
        "manycast_streams_live 1.0",
        "manycast_stream_live{stream=\"main\"} 1.0",
        "manycast_stream_frames_total{stream=\"main\"} 10.0",
        "manycast_destination_state{stream=\"main\",destination=\"You \\\"Tube\\\"\",leg=\"primary\",state=\"live\"} 1.0",
        "manycast_destination_state{stream=\"main\",destination=\"You \\\"Tube\\\"\",leg=\"backup\",state=\"live\"} 0.0",
        "manycast_destination_dials_total{stream=\"main\",destination=\"You \\\"Tube\\\"\",leg=\"primary\"} 1.0",
        "manycast_destination_uplink_trouble{stream=\"main\",destination=\"You \\\"Tube\\\"\"} 1.0",
        "manycast_connections_refused_total{reason=\"full\"} 3.0",
        "# EOF",
    ] {
        assert!(before.contains(want), "{want} is not in\n{before}");
    }
    assert!(!before.contains("guest"), "{before}");
    for number in 0..500 {
        hub.open(&name(&format!("guest{number}")), WindowLimits::default());
    }
    let after = server.request("GET", "/metrics").await;
    assert_eq!(before.lines().count(), after.lines().count());
}

#[tokio::test]
async fn a10_requests_that_nobody_should_send_are_refused() {
    let server = Server::start(&Hub::new(), Limits::default()).await;
    let head = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
    let large = format!("{head}X: {}\r\n\r\n", "y".repeat(20_000));
    let many = format!("{head}{}\r\n", "A: b\r\n".repeat(300));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(20_000));
    for (request, want) in [
        (large.as_str(), 431),
        (many.as_str(), 431),
        (long.as_str(), 431),
        ("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nBad Header: x\r\n\r\n", 400),
        ("GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        ("\u{3}\u{0}\u{0}\u{0}garbage garbage garbage\r\n\r\n", 400),
    ] {
        let answer = server.raw(request.as_bytes()).await;
        let shown = &request[..request.len().min(80)];
        assert_eq!(status(&answer), want, "{shown:?}: {answer}");
    }
    let both = "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let answer = server.raw(both.as_bytes()).await;
    assert!((400..500).contains(&status(&answer)), "{answer}");
    assert_eq!(status(&server.request("GET", "/healthz").await), 200);
}

#[tokio::test]
async fn b7_slow_requests_are_cut_and_harm_nobody() {
    let limits = Limits { read: Duration::from_millis(150), ..Limits::default() };
    let server = Server::start(&Hub::new(), limits).await;
    for opening in ["", "GET /healthz HT", "GET /healthz HTTP/1.1\r\nHost: x\r\n"] {
        let answer = server.raw(opening.as_bytes()).await;
        assert_ne!(status(&answer), 200, "{opening:?}: {answer}");
    }
    // a connection that waits for its second request is cut too
    let answer = server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&answer), 200);
    assert_eq!(status(&server.request("GET", "/healthz").await), 200);
}

#[tokio::test]
async fn b3_answers_that_nobody_reads_are_thrown_away() {
    let hub = Hub::new();
    for number in 0..3000 {
        hub.open(&name(&format!("stream{number}")), WindowLimits::default());
    }
    let limits = Limits { write: Duration::from_millis(200), connections: 1, ..Limits::default() };
    let server = Server::start(&hub, limits).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stalled = socket.connect(server.address).await.unwrap();
    let request = "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n".repeat(40);
    stalled.write_all(request.as_bytes()).await.unwrap();
    // the only seat becomes free again because the stalled connection is cut
    let free = async {
        loop {
            if status(&server.request("GET", "/healthz").await) == 200 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), free).await.expect("the seat is free again");
}

#[tokio::test]
async fn b12_connections_beyond_the_limit_are_closed_at_accept() {
    let hub = Hub::new();
    for number in 0..3000 {
        hub.open(&name(&format!("stream{number}")), WindowLimits::default());
    }
    let limits = Limits { connections: 4, ..Limits::default() };
    let server = Server::start(&hub, limits).await;
    let request = "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n".repeat(40);
    let mut held = Vec::new();
    for _ in 0..4 {
        // their answers wait to be taken: they are in the middle of something
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut socket = socket.connect(server.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        socket.read_exact(&mut first).await.unwrap();
        held.push(socket);
    }
    for _ in 0..8 {
        assert_eq!(server.request("GET", "/healthz").await, "");
    }
    drop(held);
    let again = async { while status(&server.request("GET", "/healthz").await) != 200 {} };
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("there is room again");
}

/// Whoever holds every connection with half a request, or with none after one, shuts nobody out.
#[tokio::test]
async fn b12_half_requests_give_way() {
    for (opening, most_of_one) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n", 8),
        ("", 8),
        ("GET / HTTP/1.1\r\nHost: x\r\n", 4),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 8),
    ] {
        // patience that lasts longer than the test
        let read = Duration::from_secs(600);
        let (connections, connections_per_address) = (8, most_of_one);
        let limits = Limits { connections, connections_per_address, read, ..Limits::default() };
        let server = Server::start(&Hub::new(), limits).await;
        let mut held = Vec::new();
        for _ in 0..24 {
            let Ok(mut socket) = TcpStream::connect(server.address).await else { continue };
            let _ = socket.write_all(opening.as_bytes()).await;
            held.push(socket);
        }
        let answered = async { while status(&server.request("GET", "/healthz").await) != 200 {} };
        let answered = tokio::time::timeout(Duration::from_secs(20), answered).await;
        assert!(answered.is_ok(), "{opening:?}");
        assert!(held.len() > 8);
    }
}

/// RFC 9112 3.2.
#[tokio::test]
async fn a_request_names_its_host_once() {
    let server = Server::start(&Hub::new(), Limits::default()).await;
    for (hosts, want) in [("", 400), ("Host: x\r\nHost: x\r\n", 400), ("Host: x\r\n", 200)] {
        let text = format!("GET /healthz HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        assert_eq!(status(&server.raw(text.as_bytes()).await), want, "{hosts:?}");
    }
}

#[tokio::test]
async fn the_end_is_bounded_and_lets_nobody_wait() {
    let mut server = Server::start(&Hub::new(), Limits::default()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    let _half = TcpStream::connect(server.address).await.unwrap();
    server.end.take().unwrap().send(()).unwrap();
    let bound = Duration::from_secs(5);
    tokio::time::timeout(bound, &mut server.ended).await.expect("it ends").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
