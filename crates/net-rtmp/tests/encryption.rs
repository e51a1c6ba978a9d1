//! D9: Deliveries to servers whose encryption is not what it should be, and to those that answer
//! nothing: each ends in bounded time with its own words, and nothing is sent in the clear.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use manycast_hub::{Fault, LinkEnd, Stage};
use manycast_tls::{ClientTls, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use support::platform::Platform;
use support::source::{Attempt, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const KEY: &str = "sk-canary";
const DAY: Duration = Duration::from_secs(86_400);

/// A folder for certificates, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "manycast-net-rtmp-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn server(&self, cert: &str, key: &KeyPair) -> ServerTls {
        let cert = self.write("cert.pem", cert);
        ServerTls::from_files(&cert, &self.write("key.pem", &key.serialize_pem())).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = (SystemTime::now() - 10 * DAY).into();
    params.not_after = (SystemTime::now() + 10 * DAY).into();
    params
}

fn authority(name: &str) -> Authority {
    let mut params = params(&[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

/// A server's certificate from `ca`.
fn issued(folder: &Folder, ca: &Authority, params: &CertificateParams) -> ServerTls {
    let key = KeyPair::generate().unwrap();
    folder.server(&params.signed_by(&key, &ca.issuer).unwrap().pem(), &key)
}

fn trusting(folder: &Folder, ca: &Authority) -> Source {
    let mut source = Source::new();
    let tls = ClientTls::only(&folder.write("ca.pem", &ca.pem)).unwrap();
    source.settings.tls = Arc::new(tls);
    source
}

fn deliver(source: &Source, platform: &Platform) -> Attempt {
    source.deliver(&format!("rtmps://{}/live", platform.address), KEY)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d9_bad_certificates_are_refused_with_their_reason_and_never_in_the_clear() {
    let (folder, ca) = (Folder::new(), authority("one"));
    let mut expired = params(&["127.0.0.1"]);
    expired.not_after = (SystemTime::now() - 2 * DAY).into();
    let own = KeyPair::generate().unwrap();
    let self_signed = params(&["127.0.0.1"]).self_signed(&own).unwrap().pem();
    let rows = [
        ("expired", issued(&folder, &ca, &expired)),
        ("not for 127.0.0.1", issued(&folder, &ca, &params(&["live.example.test"]))),
        ("self-signed", folder.server(&self_signed, &own)),
        ("no known authority", issued(&folder, &authority("two"), &params(&["127.0.0.1"]))),
    ];
    let source = trusting(&folder, &ca);
    for (words, server) in rows {
        let platform = Platform::start();
        let attempt = deliver(&source, &platform);
        let tcp = platform.accept_tcp().await;
        let refused = manycast_tls::Transport::accept(tcp, &server).await;
        assert!(refused.is_err(), "{words}: the server is told by an alert");
        let end = attempt.end().await;
        assert_eq!(end.fault, Fault::Tls, "{words}: {end}");
        let told = end.message.to_lowercase();
        assert!(told.contains("certificate") && told.contains(words), "{words}: {end}");
        let again = tokio::time::timeout(Duration::from_millis(50), platform.accept_tcp());
        assert!(again.await.is_err(), "{words}: no second try without encryption");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d9_a_good_certificate_is_taken() {
    let (folder, ca) = (Folder::new(), authority("one"));
    let server = issued(&folder, &ca, &params(&["127.0.0.1"]));
    let source = trusting(&folder, &ca);
    let platform = Platform::start();
    let attempt = deliver(&source, &platform);
    let mut far = platform.accept_tls(&server).await;
    far.until_publish().await;
    far.status("error", "NetStream.Publish.BadName", "").await;
    assert_eq!(attempt.end().await.fault, Fault::BadName);
}

/// Also under TLS no refusal is lost to a reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section8_1_a_refusal_is_never_lost_to_a_reset_under_tls() {
    let (folder, ca) = (Folder::new(), authority("one"));
    let server = issued(&folder, &ca, &params(&["127.0.0.1"]));
    let mut source = trusting(&folder, &ca);
    let platform = Platform::start();
    for round in 0..20 {
        let attempt = deliver(&source, &platform);
        let mut far = platform.accept_tls(&server).await;
        far.until_media().await;
        source.picture(false, 30_000);
        far.transport.tcp().readable().await.unwrap();
        far.status("error", "NetStream.Publish.Denied", "withdrawn").await;
        manycast_sys::reset_on_close(far.transport.tcp()).unwrap();
        drop(far);
        for _ in 0..5 {
            source.picture(false, 30_000);
            tokio::task::yield_now().await;
        }
        let end = attempt.end().await;
        assert_eq!(end.message, "NetStream.Publish.Denied: withdrawn", "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d9_plain_rtmp_behind_rtmps_is_refused() {
    let (folder, ca) = (Folder::new(), authority("one"));
    let source = trusting(&folder, &ca);
    let platform = Platform::start();
    let attempt = deliver(&source, &platform);
    let mut tcp = platform.accept_tcp().await;
    let mut hello = [0; 6];
    tcp.read_exact(&mut hello).await.unwrap();
    assert_eq!((hello[0], hello[5]), (22, 1), "a ClientHello, no C0");
    tcp.write_all(&[3; 1537]).await.unwrap();
    let end = attempt.end().await;
    let words = "the peer does not speak TLS on this port";
    assert_eq!(end, LinkEnd::new(Fault::Tls, words));
}

/// A9, B4 of the far side: silence at each step has its own words, and an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d9_silent_servers_are_told_apart() {
    let (folder, ca) = (Folder::new(), authority("one"));
    let server = issued(&folder, &ca, &params(&["127.0.0.1"]));
    let mut source = trusting(&folder, &ca);
    source.settings.limits.handshake = Duration::from_millis(800);
    source.settings.limits.answer = Duration::from_millis(800);
    let platform = Platform::start();

    let attempt = deliver(&source, &platform);
    let _silent = platform.accept_tcp().await;
    let stages = attempt.monitor.stages();
    let end = attempt.end().await;
    assert_eq!(end, LinkEnd::new(Fault::Tls, "the far end did not answer the TLS handshake"));
    assert_eq!(*stages.borrow(), Some(Stage::Securing));

    let attempt = deliver(&source, &platform);
    let _silent = platform.accept_tls(&server).await;
    let end = attempt.end().await;
    let words = "the far end did not answer the RTMP handshake";
    assert_eq!(end, LinkEnd::new(Fault::Handshake, words));

    let attempt = deliver(&source, &platform);
    let mut silent = platform.accept_tls(&server).await;
    silent.until_connect().await;
    let end = attempt.end().await;
    let words = "the far end did not answer our request";
    assert_eq!(end, LinkEnd::new(Fault::Handshake, words));

    let attempt = deliver(&source, &platform);
    let mut silent = platform.accept_tls(&server).await;
    silent.until_publish().await;
    let stages = attempt.monitor.stages();
    assert_eq!(attempt.end().await.fault, Fault::Handshake);
    assert_eq!(*stages.borrow(), Some(Stage::Publishing));
}
