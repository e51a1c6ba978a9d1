//! Rehearsals against far ends on loopback: real ones, and ones that are ill.

use super::*;
use manycast_dial::{Allow, Dialer, Gate, Resolver, Tuning};
use manycast_fanout::{Fanout, FanoutConfig};
use manycast_hub::{
    AccessRequest, Admission, Denial, DenialKind, Gate as AccessGate, Hub, Login as HubLogin,
};
use manycast_net_rtmp::{ConnectionLimits, Connections, RtmpStats, Server, ServerSettings};
use manycast_rtmp::limits::Limits;
use manycast_tls::ClientTls;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

fn settings(allow: &[&str]) -> ClientSettings {
    let allow: Vec<Allow> = allow.iter().map(|entry| entry.parse().unwrap()).collect();
    let gate = Gate::new(allow, Vec::new());
    ClientSettings {
        dialer: Arc::new(Dialer::new(Resolver::system(), gate, Tuning::default())),
        tls: Arc::new(ClientTls::system(None).unwrap()),
        limits: Limits::default(),
    }
}

async fn at(url: &str, allow: &[&str]) -> Rehearsal {
    let key = Secret::new("a-secret-key");
    let login = HubLogin { user: Secret::new("crew"), password: Secret::new("hush-hush") };
    let remote = Remote { url: url.to_owned(), key, login: Some(login) };
    let (announce, subject) = (Announce::Auto, String::new());
    let trial = Trial { remote, announce, name: "Vimeo".to_owned(), subject };
    rehearse(&settings(allow), trial).await
}

fn states(rehearsal: &Rehearsal) -> String {
    let words = rehearsal.steps.iter().map(|step| step.state.name());
    words.collect::<Vec<_>>().join(" ")
}

/// Counts those who want to publish or play, and lets nobody.
struct Nobody(AtomicUsize);

impl AccessGate for Nobody {
    fn admit(&self, _: AccessRequest) -> Admission<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let denial = Denial { kind: DenialKind::UnknownKey, message: "no".into() };
        Box::pin(async move { Err(denial) })
    }
}

async fn server() -> (SocketAddr, Arc<Nobody>, tokio::sync::watch::Sender<bool>, Arc<RtmpStats>) {
    let _hub = Hub::new();
    let gate = Arc::new(Nobody(AtomicUsize::new(0)));
    let fanout = FanoutConfig { shards: 1, ..FanoutConfig::default() };
    let fanout = Arc::new(Fanout::start(fanout).unwrap());
    let stats = Arc::new(RtmpStats::default());
    let settings = ServerSettings::new("127.0.0.1:0".parse().unwrap());
    let connections = Connections::new(ConnectionLimits::default());
    let server = Server::bind(settings, gate.clone(), fanout, stats.clone(), connections).unwrap();
    let address = server.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(server.run(stopped, Duration::from_secs(1)));
    (address, gate, stop, stats)
}

#[tokio::test]
async fn k1_a_rehearsal_reaches_the_application_and_never_publishes() {
    let (address, gate, _stop, stats) = server().await;
    let rehearsal = at(&format!("rtmp://{address}/live"), &["127.0.0.0/8"]).await;
    assert_eq!(states(&rehearsal), "skipped ok skipped ok ok not_tried", "{rehearsal:?}");
    assert!(rehearsal.ok && rehearsal.remedy.is_none());
    let gone = async {
        while stats.snapshot().connections > 0 || stats.snapshot().accepted == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it hangs up");
    assert_eq!(gate.0.load(Ordering::SeqCst), 0, "nobody asked for a stream");
}

#[tokio::test]
async fn k1_what_is_inside_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let rehearsal = at(&format!("rtmp://{address}/live"), &[]).await;
    assert_eq!(
        states(&rehearsal),
        "failed not_tried skipped not_tried not_tried not_tried",
        "{rehearsal:?}"
    );
    assert!(rehearsal.remedy.unwrap().contains("egress.allow"));
    let knocked = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(knocked.is_err(), "nobody connected");
}

#[tokio::test]
async fn each_ill_far_end_is_told_in_plain_words() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let rehearsal = at(&format!("rtmp://{closed}/live"), &["127.0.0.0/8"]).await;
    assert_eq!(states(&rehearsal), "skipped failed skipped not_tried not_tried not_tried");
    assert!(rehearsal.sentence.contains("nothing listens on port"), "{rehearsal:?}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 64]).await; // and hangs up
        }
    });
    let rehearsal = at(&format!("rtmp://{address}/live"), &["127.0.0.0/8"]).await;
    assert_eq!(states(&rehearsal), "skipped ok skipped failed not_tried not_tried");
    assert!(rehearsal.remedy.as_ref().unwrap().contains("rtmps://"), "{rehearsal:?}");
    let rehearsal = at(&format!("rtmps://{address}/live"), &["127.0.0.0/8"]).await;
    assert_eq!(states(&rehearsal), "skipped ok failed not_tried not_tried not_tried");
    let shown = format!("{rehearsal:?}");
    assert!(!shown.contains("a-secret-key") && !shown.contains("hush-hush"), "J1");
}

#[tokio::test(start_paused = true)]
async fn a_far_end_that_says_nothing_is_given_ten_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let began = tokio::time::Instant::now();
    let rehearsal = at(&format!("rtmp://{address}/live"), &["127.0.0.0/8"]).await;
    assert!(began.elapsed() <= BOUND + Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(!rehearsal.ok && states(&rehearsal).starts_with("skipped ok skipped failed"));
}

#[test]
fn causes_are_sentences_with_a_remedy() {
    let far =
        sentence::Far { name: "Vimeo", host: "live.vimeo.example", port: 1935, encrypted: false };
    for (fault, words, last, want) in [
        (
            Fault::Dns,
            "x.example: this name does not exist",
            Stage::Resolving,
            "x.example: this name does not exist.",
        ),
        (
            Fault::ConnectTimeout,
            "late",
            Stage::Connecting,
            "live.vimeo.example does not answer. A firewall may block port 1935.",
        ),
        (
            Fault::ConnectTimeout,
            "late",
            Stage::Handshake,
            "live.vimeo.example does not answer in time.",
        ),
        (
            Fault::Handshake,
            "the far end does not speak RTMP",
            Stage::Handshake,
            "The far end does not speak RTMP.",
        ),
        (
            Fault::Rejected,
            "no such app.",
            Stage::Publishing,
            "Vimeo says: \u{201c}no such app\u{201d}",
        ),
        (
            Fault::Occupied,
            "busy",
            Stage::Publishing,
            "Vimeo is already getting a picture from somewhere else.",
        ),
        (
            Fault::Closed,
            "closed",
            Stage::Publishing,
            "Vimeo closed the connection before it answered.",
        ),
    ] {
        let (cause, remedy) = far.cause(&LinkEnd::new(fault, words), Some(last));
        assert_eq!(cause, want);
        assert!(remedy.is_some_and(|remedy| remedy.ends_with(['.', '?'])), "{fault:?}");
    }
}
