//! The whole HTTP side over a real database, real accounts, a real control plane and real sockets.
//! Far ends of destinations are a link that is never taken; the queue of webhooks is in memory.

use manycast_auth::{
    AccessGate, AccountOptions, Accounts, Client, Clock, Cost, Credentials, NewToken, NewUser,
    Principal, PrincipalKind, Role, Scope, Scopes, StreamKeys,
};
use manycast_control::{Control, DestinationDef, FileDefs, Parts, Remote, Start, StreamDef};
use manycast_dial::{Dialer, Gate, Resolver, Tuning};
use manycast_hub::{Announce, ConfigChange, Hub, Secret, Takeover, WantedTracks, WindowLimits};
use manycast_media::StreamName;
use manycast_net_rtmp::ClientSettings;
use manycast_restream::{DestinationStatus, Restream};
use manycast_rtmp::limits::Limits as RtmpLimits;
use manycast_store::{Options, Store};
use manycast_tls::ClientTls;
use manycast_web::{
    CertificateFacts, ConfigFacts, Family, HttpServer, Limits, ListenerFacts, Managed, Readiness,
    SessionFacts, SessionRole, Sessions, Site, Source,
};
use manycast_webhook::{
    Ask, Attempt, Due, Filed, HttpClient, Message, Queue, Verdict, Webhooks, Work,
};
use serde_json::Value;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

struct Facts;

impl Source for Facts {
    fn listeners(&self) -> Vec<ListenerFacts> {
        vec![ListenerFacts { protocol: "rtmp", address: "0.0.0.0:1935".parse().unwrap() }]
    }

    fn certificate(&self) -> Option<CertificateFacts> {
        None
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

/// Two viewers and an encoder that never leave by themselves.
pub(crate) struct Seats(Mutex<Vec<SessionFacts>>);

impl Seats {
    fn new() -> Self {
        let facts = |id, role| SessionFacts {
            id,
            role,
            secure: false,
            stream: "main".to_owned(),
            address: SocketAddr::from(([192, 0, 2, u8::try_from(id).unwrap()], 5000)),
            software: Some("<b>OBS</b>".to_owned()),
            since: UNIX_EPOCH,
        };
        let roles = [SessionRole::Publisher, SessionRole::Viewer, SessionRole::Viewer];
        Self(Mutex::new((1..).zip(roles).map(|(id, role)| facts(id, role)).collect()))
    }
}

impl Sessions for Seats {
    fn list(&self) -> Vec<SessionFacts> {
        self.0.lock().unwrap().clone()
    }

    fn end(&self, id: u64, _: &str) -> bool {
        let mut seats = self.0.lock().unwrap();
        let before = seats.len();
        seats.retain(|one| one.id != id);
        seats.len() < before
    }
}

struct Shelf;

impl Queue for Shelf {
    fn file<'a>(&'a self, _: &'a Message, _: SystemTime) -> Work<'a, Filed> {
        Box::pin(async { Ok(Filed::default()) })
    }

    fn due<'a>(&'a self, _: Ask<'a>) -> Work<'a, Due> {
        Box::pin(async { Ok(Due::default()) })
    }

    fn settle<'a>(&'a self, _: &'a str, _: &'a Attempt, _: Verdict) -> Work<'a, u64> {
        Box::pin(async { Ok(0) })
    }

    fn redeliver<'a>(&'a self, _: &'a str, _: SystemTime) -> Work<'a, bool> {
        Box::pin(async { Ok(true) })
    }

    fn log<'a>(&'a self, _: &'a str, _: &'a Message, _: &'a Attempt) -> Work<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn client() -> ClientSettings {
    let gate = Gate::new(Vec::new(), Vec::new());
    ClientSettings {
        dialer: Arc::new(Dialer::new(Resolver::system(), gate, Tuning::default())),
        tls: Arc::new(ClientTls::system(None).unwrap()),
        limits: RtmpLimits::default(),
    }
}

fn file() -> FileDefs {
    let destination = DestinationDef {
        name: "tube".to_owned(),
        service: None,
        remote: Remote {
            url: "rtmp://a.invalid/live".to_owned(),
            key: Secret::new("file-secret"),
            login: None,
        },
        backup: None,
        config_change: ConfigChange::Headers,
        announce: Announce::Auto,
        tracks: WantedTracks::default(),
        enabled: true,
    };
    let stream = StreamDef {
        name: StreamName::new("filed").unwrap(),
        title: String::new(),
        start: Start::Auto,
        key: Secret::new("filed-key"),
        login: None,
        play: true,
        takeover: Takeover::Always,
        reconnect_window: Duration::from_secs(30),
        hold_on_stop: false,
        destinations: vec![destination],
    };
    FileDefs {
        path: "/etc/manycast/manycast.toml".into(),
        streams: vec![stream],
        open: false,
        login: None,
        publishers: None,
        window: WindowLimits::default(),
    }
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub(crate) enum By {
    Nobody,
    Cookie(String),
    Token(String),
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(its, _)| its.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The last part of the problem's type.
    pub(crate) fn word(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.strip_prefix("/problems/").unwrap_or_default().to_owned()
    }
}

/// A running server; ends when dropped.
pub(crate) struct Bench {
    pub(crate) address: SocketAddr,
    pub(crate) accounts: Accounts,
    pub(crate) control: Arc<Control>,
    pub(crate) readiness: Readiness,
    pub(crate) owner: Principal,
    store: Store,
    _dir: tempfile::TempDir,
    _end: oneshot::Sender<()>,
}

pub(crate) fn here() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

impl Bench {
    /// A server with an owner called `olga`.
    pub(crate) async fn new() -> Self {
        let bench = Self::bare().await;
        let client = Client { address: here(), agent: "test".to_owned() };
        let token = bench.accounts.setup_token().unwrap();
        let password = Secret::new(PASSWORD);
        let made = bench.accounts.set_up(token.expose(), "olga", &password, &client).await.unwrap();
        Self { owner: made.principal, ..bench }
    }

    /// A server that nobody has set up.
    pub(crate) async fn bare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        let cost = Cost { memory: 64, passes: 1 };
        let options = AccountOptions { cost, ..AccountOptions::default() };
        let accounts = Accounts::open(store.clone(), options).await.unwrap();
        let hub = Hub::new();
        let restream = Arc::new(Restream::new(hub.clone(), |_: &str| None, 7));
        let gate = AccessGate::new(hub.clone());
        let parts = Parts {
            hub: hub.clone(),
            restream,
            gate: gate.clone(),
            keys: StreamKeys::new(store.clone(), Clock::system()),
            store: store.clone(),
            client: client(),
        };
        let control = Control::start(parts, file()).await.unwrap();
        let settings = client();
        let http = HttpClient::new(settings.dialer, settings.tls);
        let webhooks = Webhooks::start(Arc::new(Shelf), http, manycast_webhook::Options::default());
        let readiness = Readiness::new();
        readiness.ready();
        let managed = Managed {
            accounts: accounts.clone(),
            gate,
            control: control.clone(),
            store: store.clone(),
            webhooks,
            sessions: Arc::new(Seats::new()),
        };
        let site = Site::new(hub, readiness.clone(), Arc::new(Facts)).manage(managed);
        let limits = Limits { goodbye: Duration::from_millis(100), ..Limits::default() };
        let server = HttpServer::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
        let address = server.address().unwrap();
        let (end, ending) = oneshot::channel::<()>();
        tokio::spawn(server.run(site, async {
            let _ = ending.await;
        }));
        let owner = Principal {
            kind: PrincipalKind::User,
            id: String::new(),
            name: String::new(),
            role: Role::Owner,
            scopes: Scopes::ALL,
        };
        Self { address, accounts, control, readiness, owner, store, _dir: dir, _end: end }
    }

    /// A session of a new person with this role.
    pub(crate) async fn person(&self, name: &str, role: Role) -> By {
        if name != "olga" {
            let new = NewUser { name: name.to_owned(), password: Secret::new(PASSWORD), role };
            self.accounts.create_user(new, &self.owner, here()).await.unwrap();
        }
        self.log_in(name).await
    }

    pub(crate) async fn log_in(&self, name: &str) -> By {
        let credentials =
            Credentials { name: name.to_owned(), password: Secret::new(PASSWORD), code: None };
        let client = Client { address: here(), agent: "test".to_owned() };
        let login = self.accounts.log_in(credentials, &client).await.unwrap();
        By::Cookie(login.cookie.expose().to_owned())
    }

    /// The addresses of webhooks as they are kept.
    pub(crate) async fn webhook_urls(&self) -> Vec<String> {
        self.store.webhooks().await.unwrap().into_iter().map(|row| row.url).collect()
    }

    /// A token of the owner's.
    pub(crate) async fn token(&self, role: Role, scopes: &[Scope]) -> By {
        let scopes = Scopes::of(scopes.iter().copied());
        let new = NewToken { name: format!("{role:?} {scopes}"), role, scopes, expires_at: None };
        let (_, token) = self.accounts.create_token(new, &self.owner, here()).await.unwrap();
        By::Token(token.expose().to_owned())
    }

    pub(crate) async fn full(&self) -> By {
        let all = [Scope::Read, Scope::Control, Scope::Edit, Scope::Admin];
        self.token(Role::Owner, &all).await
    }

    /// The lines of a request up to the body.
    pub(crate) fn head(&self, by: &By, method: &str, path: &str, more: &[(&str, &str)]) -> String {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        match by {
            By::Nobody => {}
            By::Cookie(value) => {
                text.push_str(&format!(
                    "Cookie: manycast={value}\r\nSec-Fetch-Site: same-origin\r\n"
                ));
            }
            By::Token(value) => text.push_str(&format!("Authorization: Bearer {value}\r\n")),
        }
        for (name, value) in more {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text
    }

    pub(crate) async fn raw(&self, text: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        // a server that has read enough may close before it is sent all
        let _ = socket.write_all(text.as_bytes()).await;
        let mut bytes = Vec::new();
        let _ = socket.read_to_end(&mut bytes).await;
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let body = if head.contains("transfer-encoding: chunked") {
            dechunk(body)
        } else {
            body.to_owned()
        };
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body }
    }

    /// Sends a request with these headers beside the usual ones, and a body if there is one.
    pub(crate) async fn send(
        &self,
        by: &By,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut text = self.head(by, method, path, more);
        text.push_str("Connection: close\r\n");
        match body {
            Some(body) => {
                let body = body.to_string();
                let length = body.len();
                text.push_str("Content-Type: application/json\r\n");
                text.push_str(&format!("Content-Length: {length}\r\n\r\n{body}"));
            }
            None => text.push_str("\r\n"),
        }
        self.raw(&text).await
    }

    pub(crate) async fn get(&self, by: &By, path: &str) -> Answer {
        self.send(by, "GET", path, &[], None).await
    }

    pub(crate) async fn post(&self, by: &By, path: &str, body: &Value) -> Answer {
        self.send(by, "POST", path, &[], Some(body)).await
    }

    /// Listens to live updates.
    pub(crate) async fn listen(&self, by: &By, path: &str) -> Listener {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let text = self.head(by, "GET", path, &[]) + "\r\n";
        socket.write_all(text.as_bytes()).await.unwrap();
        Listener { from: BufReader::new(socket), passed: VecDeque::new() }
    }
}

fn dechunk(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 || rest.len() < size {
            break;
        }
        text.push_str(&rest[..size]);
        body = rest[size..].strip_prefix("\r\n").unwrap_or_default();
    }
    text
}

/// An event's kind, id and data.
type Told = (String, Option<String>, Value);

/// A page that listens.
pub(crate) struct Listener {
    from: BufReader<TcpStream>,
    /// What came before that which was waited for.
    passed: VecDeque<Told>,
}

impl Listener {
    /// The next event of this kind with its data; `None` at the end.
    pub(crate) async fn next(&mut self, kind: &str) -> Option<(Option<String>, Value)> {
        if let Some(at) = self.passed.iter().position(|(event, ..)| event == kind) {
            return self.passed.remove(at).map(|(_, id, data)| (id, data));
        }
        loop {
            let (event, id, data) = self.read().await?;
            if event == kind {
                return Some((id, data));
            }
            self.passed.push_back((event, id, data));
        }
    }

    /// Reads on to the end.
    pub(crate) async fn ends(&mut self) {
        while self.read().await.is_some() {}
    }

    async fn read(&mut self) -> Option<Told> {
        let (mut event, mut id) = (String::new(), None);
        loop {
            let mut line = String::new();
            let read =
                tokio::time::timeout(Duration::from_secs(10), self.from.read_line(&mut line));
            if read.await.expect("something comes within 10 s").unwrap_or(0) == 0 {
                return None;
            }
            let line = line.trim_end();
            if line == "0" {
                // the last chunk (RFC 9112 7.1)
                return None;
            }
            if let Some(its) = line.strip_prefix("event: ") {
                (event, id) = (its.to_owned(), None);
            } else if let Some(its) = line.strip_prefix("id: ") {
                id = Some(its.to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((event, id, serde_json::from_str(data).unwrap()));
            }
        }
    }
}
