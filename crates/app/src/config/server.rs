//! The sections that concern the server as a whole.

use super::address;
use super::authorize;
use super::login;
use super::section::{Section, Set};
use super::types::{
    Certificate, Config, Egress, Http, Https, Limits, Log, LogFormat, Rtmp, Rtmps, Server,
};
use ipnet::IpNet;
use manycast_hub::{Secret, WindowLimits};
use manycast_rtmp::auth::Dialect;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::Level;

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DRAIN: Duration = Duration::from_secs(10);
const HTTP_CONNECTIONS: u32 = 256;
const METRICS: SocketAddr = SocketAddr::new(HERE, 9180);

/// Reads all sections but `[[stream]]`. `folder` is what file names are relative to.
pub(super) fn read(root: &mut Section<'_>, folder: &Path) -> Config {
    let mut taken = Taken::default();
    let egress = egress(root.section("egress").0, folder);
    let authorize = authorize::read(root.section("authorize"), &egress);
    let rtmp = rtmp(root.section("rtmp").0, &mut taken);
    let http = http(root.section("http").0, &mut taken);
    let https = https(root.section("https").0, folder, &mut taken);
    Config {
        server: server(root.section("server").0, folder),
        log: log(root.section("log").0),
        limits: limits(root.section("limits").0),
        rtmp,
        rtmps: rtmps(root.section("rtmps"), folder, &mut taken, &https.certificate),
        http,
        https,
        metrics: metrics(root.section("metrics"), &mut taken),
        egress,
        authorize,
        streams: Vec::new(),
    }
}

/// The addresses that sections listen at, so that no two want the same.
#[derive(Default)]
struct Taken(Vec<SocketAddr>);

impl Taken {
    fn listen(
        &mut self,
        at: &mut Section<'_>,
        example: &str,
        default: SocketAddr,
    ) -> Option<SocketAddr> {
        let place = at.place_of("listen");
        let found = at.parsed("listen", example, address::listen);
        let address = found.map_or(Some(default), |set| set.value)?;
        let clash = |other: &SocketAddr| {
            let any = other.ip().is_unspecified() || address.ip().is_unspecified();
            other.port() == address.port() && (any || other.ip() == address.ip())
        };
        if address.port() != 0 && self.0.iter().any(clash) {
            let what = format!("{address} is wanted by another section too");
            at.fault(&place, "listen", &what, "give each section a port of its own");
        }
        self.0.push(address);
        Some(address)
    }
}

fn server(mut at: Section<'_>, folder: &Path) -> Server {
    let bounds = (Duration::ZERO, Duration::from_secs(600));
    let drain = at.duration("drain", "10s", bounds).unwrap_or(DRAIN);
    let data_dir = at.parsed("data_dir", "/var/lib/manycast", |dir| match dir {
        "" => Err("is empty".to_owned()),
        _ => Ok(folder.join(dir)),
    });
    at.finish();
    Server { drain, data_dir: data_dir.map(|set| set.value) }
}

fn log(mut at: Section<'_>) -> Log {
    let levels = [
        ("info", Level::INFO),
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    let level = at.word("level", &levels).unwrap_or(Level::INFO);
    let format = at.word("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    at.finish();
    Log { level, format: format.unwrap_or(LogFormat::Text) }
}

fn limits(mut at: Section<'_>) -> Limits {
    let defaults = WindowLimits::default();
    let mut count = |key| at.count(key).map(|count| count.value).filter(|count| *count > 0);
    let connections = count("connections");
    let connections_per_address = count("connections_per_address");
    let publishers = count("publishers");
    let bytes = at.size("window_bytes", "24MB", (1 << 20, 1 << 30)).unwrap_or(defaults.bytes);
    let bounds = (Duration::from_secs(4), Duration::from_secs(60));
    let age = at.duration("window_age", "6s", bounds).unwrap_or(defaults.age);
    at.finish();
    let window = WindowLimits { bytes, age, ..defaults };
    Limits { connections, connections_per_address, publishers, window }
}

fn rtmp(mut at: Section<'_>, taken: &mut Taken) -> Rtmp {
    let listen = taken.listen(&mut at, "0.0.0.0:1935", SocketAddr::new(ANY, 1935));
    let open = at.flag("open");
    if let Some(Set { place, value: true }) = &open
        && listen.is_some_and(|address| !address.ip().is_loopback())
    {
        let what = "lets everybody who reaches this address publish under any name";
        at.warn(place, "open", what, "for tests and closed networks only");
    }
    let merge = at.duration("merge", "50ms", (Duration::ZERO, Duration::from_secs(1)));
    let io_uring = at.flag("io_uring").is_none_or(|flag| flag.value);
    let auth = at.word("auth", &[("adobe", Dialect::Adobe), ("llnw", Dialect::Llnw)]);
    let login = login::read(&mut at).login();
    let example = "rtmp://other.example/live";
    let reconnect_url = at.parsed("reconnect_url", example, manycast_control::address::server);
    at.finish();
    let (open, merge) = (open.is_some_and(|open| open.value), merge.unwrap_or(Duration::ZERO));
    let reconnect_url = reconnect_url.map(|url| Secret::new(&url.value));
    Rtmp { listen, open, merge, io_uring, auth: auth.unwrap_or_default(), login, reconnect_url }
}

/// `shared` is the certificate of HTTPS, which serves here too unless this section has its own.
fn rtmps(
    (mut at, present): (Section<'_>, bool),
    folder: &Path,
    taken: &mut Taken,
    shared: &Certificate,
) -> Option<Rtmps> {
    let default = SocketAddr::new(ANY, 1936);
    let listen = if present { taken.listen(&mut at, "0.0.0.0:1936", default) } else { None };
    let self_signed = at.flag("self_signed").is_some_and(|flag| flag.value);
    let certificate = certificate(&mut at, folder, self_signed, "self_signed");
    at.finish();
    Some(Rtmps { listen: listen?, certificate: certificate?.unwrap_or_else(|| shared.clone()) })
}

fn https(mut at: Section<'_>, folder: &Path, taken: &mut Taken) -> Https {
    let listen = taken.listen(&mut at, "0.0.0.0:8443", SocketAddr::new(ANY, 8443));
    let self_signed = at.word("certificate", &[("self-signed", ())]).is_some();
    let certificate = certificate(&mut at, folder, self_signed, "certificate").flatten();
    at.finish();
    Https { listen, certificate: certificate.unwrap_or(Certificate::SelfSigned) }
}

/// The certificate of a section: `Some(None)` if it names none, `None` if what it says is wrong.
/// `word` is how it asks for a self-signed one.
fn certificate(
    at: &mut Section<'_>,
    folder: &Path,
    self_signed: bool,
    word: &'static str,
) -> Option<Option<Certificate>> {
    let cert = file(at, "cert", "fullchain.pem", folder);
    let key = file(at, "key", "privkey.pem", folder);
    match (cert, key) {
        (None, None) => Some(self_signed.then_some(Certificate::SelfSigned)),
        (Some(_), _) | (_, Some(_)) if self_signed => {
            let place = at.place().clone();
            let remedy = format!("remove {word}, or cert and key");
            at.fault(&place, word, "is set beside cert or key", &remedy);
            None
        }
        (Some(cert), Some(key)) => Some(Some(Certificate::Files { cert, key })),
        (Some(_), None) => {
            at.missing("key", "add key = \"privkey.pem\", the private key of the certificate");
            None
        }
        (None, Some(_)) => {
            at.missing("cert", "add cert = \"fullchain.pem\", the certificate of the key");
            None
        }
    }
}

fn http(mut at: Section<'_>, taken: &mut Taken) -> Http {
    let place = at.place_of("listen");
    let listen = taken.listen(&mut at, "127.0.0.1:8080", SocketAddr::new(HERE, 8080));
    let trusted_proxies = proxies(&mut at);
    if listen.is_some_and(|address| !address.ip().is_loopback()) && trusted_proxies.is_empty() {
        let what = "speaks unencrypted HTTP, over which other machines may read and not log in";
        let remedy = "use [https] for people, or list the proxy in trusted_proxies";
        at.warn(&place, "listen", what, remedy);
    }
    let connections = at.count("connections");
    if let Some(Set { place, value: 0 }) = &connections {
        at.fault(place, "connections", "is 0", "write at least 1, or listen = \"off\"");
    }
    at.finish();
    let connections = connections.map_or(HTTP_CONNECTIONS, |count| count.value);
    Http { listen, connections, trusted_proxies }
}

fn proxies(at: &mut Section<'_>) -> Vec<IpNet> {
    let mut proxies = Vec::new();
    for Set { place, value } in at.texts("trusted_proxies", "127.0.0.1") {
        match address::network(&value) {
            Ok(network) => proxies.push(network),
            Err(what) => {
                at.fault(&place, "trusted_proxies", &what, "write it like \"127.0.0.1\"");
            }
        }
    }
    proxies
}

fn metrics((mut at, present): (Section<'_>, bool), taken: &mut Taken) -> Option<SocketAddr> {
    let place = at.place_of("listen");
    let listen = if present { taken.listen(&mut at, "127.0.0.1:9180", METRICS) } else { None };
    if listen.is_some_and(|address| !address.ip().is_loopback()) {
        let what = "shows status and metrics to everybody who reaches this address";
        at.warn(&place, "listen", what, "listen at 127.0.0.1, or keep strangers off by a firewall");
    }
    at.finish();
    listen
}

fn egress(mut at: Section<'_>, folder: &Path) -> Egress {
    let mut allow = Vec::new();
    for Set { place, value } in at.texts("allow", "127.0.0.0/8") {
        match address::allowed(&value) {
            Ok(entry) => allow.push(entry),
            Err(what) => at.fault(&place, "allow", &what, "write it like \"10.0.0.0/8\""),
        }
    }
    let ca_file = file(&mut at, "ca_file", "extra-ca.pem", folder);
    let resolver = at.parsed("resolver", "127.0.0.1:53", address::resolver);
    at.finish();
    Egress { allow, ca_file, resolver: resolver.map(|set| set.value) }
}

/// The name of a file that has to be there and readable.
fn file(at: &mut Section<'_>, key: &'static str, example: &str, folder: &Path) -> Option<PathBuf> {
    let Set { place, value } = at.text(key, example)?;
    let path = folder.join(&value);
    let what = match std::fs::metadata(&path) {
        Ok(data) if data.is_file() => std::fs::File::open(&path).err().map(|e| e.to_string()),
        Ok(_) => Some("is no file".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(what) = what {
        let shown = path.display();
        let what = format!("cannot be read: {what}");
        let remedy = format!("put the file at {shown}, or make it readable for this user");
        at.fault(&place, key, &what, &remedy);
    }
    Some(path)
}
