//! The wrapper around a Gate, with services that are right, wrong, slow and gone.

mod outage;

use super::*;
use crate::testing::{Receiving, Reply, client_for, endpoint, until};
use manycast_hub::{ClientFacts, Hub, Lease, Takeover, WindowLimits};

/// A Gate that takes every valid name but one, and can take its leases back.
pub(super) struct Inner {
    hub: Arc<Hub>,
    pub(super) holder: LeaseHolder,
    /// Whom it was told of that it let in in vain.
    pub(super) told: Mutex<Vec<TurnedAway>>,
}

impl Gate for Inner {
    fn admit(&self, request: AccessRequest) -> Admission<'_> {
        let name = request.name.expose();
        let name = StreamName::new(name.split('?').next().unwrap_or_default());
        let answer = match name {
            Ok(name) if name.as_str() != "forbidden" => Ok(Grant {
                stream: self.hub.open(&name, WindowLimits::default()),
                takeover: Takeover::default(),
                lease: self.holder.lease(),
            }),
            _ => Err(Denial { kind: DenialKind::UnknownKey, message: "no such key".to_owned() }),
        };
        Box::pin(std::future::ready(answer))
    }

    fn turned_away(&self, told: &TurnedAway) {
        self.told.lock().push(told.clone());
    }
}

pub(super) type Gated = Arc<Authorised<Inner>>;

pub(super) fn gate(settings: Option<Authorise>, allow: &[std::net::SocketAddr]) -> Gated {
    let inner = Inner { hub: Hub::new(), holder: LeaseHolder::new(), told: Mutex::default() };
    let gate = Authorised::new(Arc::new(inner));
    gate.apply(settings, client_for(allow));
    gate
}

/// Every hook at one service.
pub(super) fn everything(at: std::net::SocketAddr) -> Authorise {
    let hook = |path: &str| Some(endpoint(at, path));
    let hooks = Hooks {
        on_publish: hook("/on_publish"),
        on_play: hook("/on_play"),
        on_publish_done: hook("/on_publish_done"),
        on_play_done: hook("/on_play_done"),
        on_done: hook("/on_done"),
    };
    Authorise { hooks, ..Authorise::default() }
}

pub(super) fn request(action: Action, name: &str, peer: &str) -> AccessRequest {
    AccessRequest {
        action,
        protocol: "rtmp",
        app: "live".to_owned(),
        name: Secret::new(name),
        keys: vec![Secret::new(name)],
        query: Secret::default(),
        user: None,
        login: None,
        peer: peer.parse().unwrap(),
        secure: false,
        client: ClientFacts::default(),
    }
}

pub(super) async fn publish(gate: &Gated, name: &str) -> Result<Grant, Denial> {
    gate.admit(request(Action::Publish, name, "192.0.2.7:5000")).await
}

pub(super) fn is_over(lease: &mut Lease) -> Option<String> {
    let mut revoked = std::pin::pin!(lease.revoked());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match revoked.as_mut().poll(&mut context) {
        std::task::Poll::Ready(reason) => Some(reason.to_string()),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn without_settings_the_inner_gate_alone_decides() {
    let gate = gate(None, &[]);
    assert!(publish(&gate, "main").await.is_ok());
    assert_eq!(publish(&gate, "forbidden").await.unwrap_err().message, "no such key");
    assert_eq!(gate.counters(), Asked::default());
}

#[tokio::test]
async fn the_service_says_yes_no_or_another_name() {
    let service = Receiving::new(|heard| {
        let form = heard.form();
        let name = form.iter().find(|(key, _)| key == "name").map_or("", |(_, name)| name);
        match name {
            "good" => Reply::status(200),
            "key1" => Reply::Says(302, "Location: other\r\n", Vec::new()),
            "key2" => Reply::Says(302, "Location: forbidden\r\n", Vec::new()),
            "key3" => Reply::Says(302, "Location: not/a/name\r\n", Vec::new()),
            "same" => Reply::Says(302, "Location: same\r\n", Vec::new()),
            _ => Reply::status(403),
        }
    })
    .await;
    let gate = gate(Some(everything(service.address)), &[service.address]);
    for action in [Action::Publish, Action::Play] {
        for (name, want) in [
            ("good", Ok("good")),
            ("key1", Ok("other")),
            ("same", Ok("same")),
            ("key2", Err(DenialKind::UnknownKey)),
            ("key3", Err(DenialKind::Forbidden)),
            ("bad", Err(DenialKind::Forbidden)),
        ] {
            let answer = gate.admit(request(action, name, "192.0.2.7:5000")).await;
            let got = answer.as_ref().map(|grant| grant.stream.name().as_str());
            assert_eq!(got.map_err(|denial| denial.kind), want, "{action:?} {name}");
        }
    }
    let asked = gate.counters();
    assert_eq!((asked.allowed, asked.refused, asked.unanswered), (6, 4, 0));
    let heard = service.heard.lock()[0].clone();
    assert_eq!(heard.line, "POST /on_publish HTTP/1.1");
    assert_eq!(heard.header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn the_service_is_not_asked_about_whom_the_inner_gate_refuses() {
    let service = Receiving::new(|_| Reply::status(200)).await;
    let gate = gate(Some(everything(service.address)), &[service.address]);
    for name in ["forbidden", "no/name", ""] {
        assert_eq!(publish(&gate, name).await.unwrap_err().kind, DenialKind::UnknownKey);
    }
    assert_eq!(service.connections(), 0);
}

#[tokio::test]
async fn only_the_actions_that_have_a_hook_are_asked_about() {
    let service = Receiving::new(|_| Reply::status(403)).await;
    let on_play = Some(endpoint(service.address, "/on_play"));
    let hooks = Hooks { on_play, ..Hooks::default() };
    let settings = Authorise { hooks, ..Authorise::default() };
    let gate = gate(Some(settings), &[service.address]);
    assert!(publish(&gate, "main").await.is_ok());
    let play = gate.admit(request(Action::Play, "main", "192.0.2.7:5000")).await;
    assert_eq!(play.unwrap_err().kind, DenialKind::Forbidden);
}

#[tokio::test]
async fn srs_is_asked_in_its_own_words() {
    let service = Receiving::new(|heard| {
        let yes = heard.body.contains("\"stream\":\"good\"");
        Reply::Says(200, "", format!("{{\"code\":{}}}", i32::from(!yes)).into_bytes())
    })
    .await;
    let settings = Authorise { style: Style::Srs, ..everything(service.address) };
    let gate = gate(Some(settings), &[service.address]);
    let grant = publish(&gate, "good").await.unwrap();
    assert_eq!(publish(&gate, "bad").await.unwrap_err().kind, DenialKind::Forbidden);
    drop(grant);
    until("the word of the end", || service.count() >= 3).await;
    let heard = service.heard.lock().clone();
    assert_eq!(heard[0].header("content-type"), Some("application/json"));
    assert!(heard[0].body.starts_with("{\"action\":\"on_publish\""), "{}", heard[0].body);
    assert!(heard[2].body.starts_with("{\"action\":\"on_unpublish\""), "{}", heard[2].body);
}

#[tokio::test]
async fn the_end_of_a_session_is_told_once_after_it_is_over() {
    let service = Receiving::new(|_| Reply::status(200)).await;
    let gate = gate(Some(everything(service.address)), &[service.address]);
    let calls = || {
        let heard = service.heard.lock().clone();
        let field = |form: &[(String, String)], name: &str| {
            form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
        };
        let call = |heard: &crate::testing::Heard| {
            let form = heard.form();
            (heard.line.clone(), field(&form, "call"), field(&form, "clientid"))
        };
        heard.iter().map(call).collect::<Vec<_>>()
    };
    let first = publish(&gate, "main").await.unwrap();
    let second = gate.admit(request(Action::Play, "main", "192.0.2.8:5000")).await.unwrap();
    assert_eq!(service.count(), 2);
    // whoever holds a part of the grant still runs
    let lease = first.lease.clone();
    drop(first);
    drop(second);
    until("the viewer's end", || service.count() == 4).await;
    drop(lease);
    gate.finish(Duration::from_secs(10)).await;
    let row = |path: &str, call: &str, id: &str| {
        (format!("POST /{path} HTTP/1.1"), call.to_owned(), id.to_owned())
    };
    let expected = [
        row("on_publish", "publish", "1"),
        row("on_play", "play", "2"),
        row("on_play_done", "play_done", "2"),
        row("on_done", "done", "2"),
        row("on_publish_done", "publish_done", "1"),
        row("on_done", "done", "1"),
    ];
    assert_eq!(calls(), expected);
    assert_eq!(gate.counters().untold, 0);
}

#[tokio::test]
async fn a_lease_that_the_inner_gate_takes_back_ends_the_session() {
    let service = Receiving::new(|_| Reply::status(200)).await;
    let gate = gate(Some(everything(service.address)), &[service.address]);
    let mut grant = publish(&gate, "main").await.unwrap();
    assert_eq!(is_over(&mut grant.lease), None);
    gate.inner().holder.revoke("the key was changed");
    let reason = tokio::time::timeout(Duration::from_secs(10), grant.lease.revoked()).await;
    assert_eq!(reason.as_deref(), Ok("the key was changed"));
    assert_eq!(service.count(), 1, "the session runs until its transport lets go");
    drop(grant);
    gate.finish(Duration::from_secs(10)).await;
    assert_eq!(service.count(), 3);
}

#[tokio::test]
async fn an_end_is_told_again_when_nobody_listens() {
    let service = Receiving::new(|_| Reply::status(200)).await;
    let on_done = Some(endpoint(service.address, "/on_done"));
    let settings =
        Authorise { hooks: Hooks { on_done, ..Hooks::default() }, ..Authorise::default() };
    let gate = gate(Some(settings), &[service.address]);
    let address = service.address;
    let grant = publish(&gate, "main").await.unwrap();
    drop(service);
    drop(grant);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let service = Receiving::at(&address.to_string(), |_| Reply::status(500)).await;
    gate.finish(Duration::from_secs(10)).await;
    assert_eq!(service.count(), 1, "any answer will do");
}

/// One place knows of all who are refused.
#[tokio::test]
async fn whom_the_service_refuses_the_inner_gate_is_told_of() {
    let service = Receiving::new(|_| Reply::status(403)).await;
    let gate = gate(Some(everything(service.address)), &[service.address]);
    publish(&gate, "main").await.unwrap_err();
    gate.admit(request(Action::Play, "main", "192.0.2.7:5000")).await.unwrap_err();
    let nobody: std::net::SocketAddr = "127.0.0.1:1".parse().unwrap();
    gate.apply(Some(everything(nobody)), client_for(&[nobody]));
    publish(&gate, "main").await.unwrap_err();
    let told = gate.inner().told.lock();
    let why: Vec<_> = told.iter().map(|one| one.why).collect();
    assert_eq!(why, [TurnedAwayFor::Service, TurnedAwayFor::ServiceSilent], "publishers alone");
    assert!(told.iter().all(|one| one.stream.as_ref().is_some_and(|name| name.as_str() == "main")));
}
