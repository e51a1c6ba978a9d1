//! HTTP over TLS, over real sockets: the same answers and the same bounds, and what becomes of those
//! who speak something else to the port.

use manycast_hub::{Hub, WindowLimits};
use manycast_media::StreamName;
use manycast_restream::DestinationStatus;
use manycast_tls::{ClientTls, Duplex, ServerTls, Transport};
use manycast_web::{
    ConfigFacts, Door, Family, HttpServer, Limits, ListenerFacts, Readiness, Site, Source, Way,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Nothing;

impl Source for Nothing {
    fn listeners(&self) -> Vec<ListenerFacts> {
        Vec::new()
    }

    fn config(&self) -> ConfigFacts {
        ConfigFacts { loaded_at: UNIX_EPOCH, last_error: None, needs_restart: Vec::new() }
    }

    fn configured(&self) -> Vec<StreamName> {
        Vec::new()
    }

    fn destinations(&self) -> Vec<DestinationStatus> {
        Vec::new()
    }

    fn families(&self) -> Vec<Family> {
        Vec::new()
    }
}

struct Server {
    address: SocketAddr,
    client: ClientTls,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start(hub: &Arc<Hub>, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = ServerTls::self_signed(folder.path(), &["localhost".to_owned()]).unwrap();
        let client = ClientTls::pinned(tls.fingerprint());
        let bound = HttpServer::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
        let address = bound.address().unwrap();
        let way = Way { door: Door::Https, tls: Some(Arc::new(tls)), ..Way::default() };
        let site = Site::new(hub.clone(), Readiness::new(), Arc::new(Nothing));
        tokio::spawn(bound.by(way).run(site, std::future::pending()));
        Self { address, client, _folder: folder }
    }

    async fn connect(&self) -> Result<Duplex, String> {
        let tcp = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let transport = Transport::connect(tcp, &self.client, "localhost").await;
        Ok(Duplex::new(transport.map_err(|error| error.to_string())?))
    }

    /// Sends bytes under TLS, reads until the far end closes.
    async fn secret(&self, bytes: &[u8]) -> String {
        let Ok(mut connection) = self.connect().await else { return String::new() };
        let _ = connection.write_all(bytes).await;
        let _ = connection.flush().await;
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    /// Sends bytes in the open, reads until the far end closes.
    async fn open(&self, bytes: &[u8]) -> Vec<u8> {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let _ = socket.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        answer
    }

    async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.secret(request.as_bytes()).await
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Three thousand Streams, so that one answer is larger than any socket's buffers.
fn crowded() -> Arc<Hub> {
    let hub = Hub::new();
    for number in 0..3000 {
        let name = StreamName::new(&format!("stream{number}")).unwrap();
        hub.open(&name, WindowLimits::default());
    }
    hub
}

#[tokio::test]
async fn answers_are_the_same_under_tls_large_ones_and_several_on_one_connection() {
    let server = Server::start(&crowded(), Limits::default()).await;
    assert_eq!(status(&server.get("/healthz").await), 200);
    assert_eq!(status(&server.get("/nowhere").await), 404);
    let large = server.get("/api/v1/status").await;
    let body = large.split_once("\r\n\r\n").unwrap().1;
    let json: serde_json::Value = serde_json::from_str(body).expect("a whole answer");
    assert_eq!(json["streams"].as_array().unwrap().len(), 3000);
    let two = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\
               GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = server.secret(two.as_bytes()).await;
    assert!(answer.contains("200 OK") && answer.contains("503 Service"), "{answer}");
    let oversize = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(20_000));
    assert_eq!(status(&server.secret(oversize.as_bytes()).await), 431, "a10");
}

#[tokio::test]
async fn plain_http_on_the_encrypted_port_is_sent_on_or_told() {
    let server = Server::start(&Hub::new(), Limits::default()).await;
    let get = "GET /streams?x=1 HTTP/1.1\r\nHost: a.example:8443\r\n\r\n";
    let answer = String::from_utf8(server.open(get.as_bytes()).await).unwrap();
    assert_eq!(status(&answer), 308, "{answer}");
    assert!(answer.contains("location: https://a.example:8443/streams?x=1"), "{answer}");
    let post = "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    let answer = String::from_utf8(server.open(post.as_bytes()).await).unwrap();
    assert!(status(&answer) == 400 && answer.contains("https://"), "{answer}");
    assert!(!answer.contains("alive"));
}

#[tokio::test]
async fn b7_a9_half_handshakes_and_slow_requests_are_cut_and_harm_nobody() {
    let limits = Limits { read: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start(&Hub::new(), limits).await;
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 7, 7];
    for opening in [&[][..], &hello[..1], &hello[..], b"GE", b"\x80\x2e\x01\x03\x01", b"\x03\0\0"] {
        // The end of the answer is the end of the connection: it was cut.
        let answer = server.open(opening).await;
        assert!(answer.len() < 400, "{opening:?}: {} bytes", answer.len());
    }
    for opening in ["", "GET /healthz HT", "GET /healthz HTTP/1.1\r\nHost: x\r\n"] {
        assert_ne!(status(&server.secret(opening.as_bytes()).await), 200, "{opening:?}");
    }
    let once = server.secret(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&once), 200, "the second request is not waited for");
    assert_eq!(status(&server.get("/healthz").await), 200);
}

#[tokio::test]
async fn b3_answers_under_tls_that_nobody_reads_are_thrown_away() {
    let limits = Limits { write: Duration::from_millis(200), connections: 1, ..Limits::default() };
    let server = Server::start(&crowded(), limits).await;
    let mut stalled = server.connect().await.unwrap();
    let request = "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n".repeat(40);
    stalled.write_all(request.as_bytes()).await.unwrap();
    stalled.flush().await.unwrap();
    let free = async {
        while status(&server.get("/healthz").await) != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), free).await.expect("the seat is free again");
}

#[tokio::test]
async fn who_only_watches_gets_the_figures_and_nothing_else() {
    let hub = Hub::new();
    let site = Site::new(hub.clone(), Readiness::new(), Arc::new(Nothing));
    let limits = Limits::default();
    let bound = HttpServer::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let address = bound.address().unwrap();
    let way = Way { door: Door::Metrics, ..Way::default() };
    tokio::spawn(bound.by(way).run(site.figures(), std::future::pending()));
    for (path, want) in [
        ("/healthz", 200),
        ("/readyz", 503),
        ("/metrics", 200),
        ("/api/v1/status", 200),
        ("/", 404),
        ("/api/v1/streams", 404),
        ("/api/v1/openapi.json", 404),
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert_eq!(status(&answer), want, "{path}: {answer}");
    }
}
