//! Webhooks over the real database: K7's order, bounds and restarts.

use super::*;
use manycast_dial::{Dialer, Gate, Resolver, Tuning};
use manycast_hub::Secret;
use manycast_media::StreamName;
use manycast_store::{NewWebhook, Options as StoreOptions, PageRequest};
use manycast_tls::ClientTls;
use manycast_webhook::{Event, EventKind, HttpClient, Options, UnderWay, Webhooks};
use parking_lot::Mutex;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tempfile::TempDir;

/// A receiver that answers with one status for all, and keeps the ids that it took.
struct Receiving {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Receiving {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let status = Arc::new(AtomicU16::new(status));
        let taken = Arc::<Mutex<Vec<String>>>::default();
        let (says, keeps) = (status.clone(), taken.clone());
        std::thread::spawn(move || {
            for mut tcp in listener.incoming().flatten() {
                let mut bytes = Vec::new();
                let mut buffer = [0; 4_096];
                while !bytes.ends_with(b"}}") {
                    match tcp.read(&mut buffer) {
                        Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
                        _ => break,
                    }
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let id = text.lines().find_map(|line| line.strip_prefix("webhook-id: "));
                let status = says.load(Ordering::SeqCst);
                if status == 200 {
                    keeps.lock().extend(id.map(str::to_owned));
                }
                let _ = write!(tcp, "HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok");
            }
        });
        Self { address, status, taken }
    }

    fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    fn client(&self) -> HttpClient {
        let gate = Gate::new(vec![self.address.to_string().parse().unwrap()], Vec::new());
        let dialer = Dialer::new(Resolver::system(), gate, Tuning::default());
        HttpClient::new(Arc::new(dialer), Arc::new(ClientTls::system(None).unwrap()))
    }
}

async fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).await.unwrap()
}

async fn add(store: &Store, name: &str, url: &str, events: &[&str], streams: &[&str]) -> WebhookId {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let new = NewWebhook {
        id: WebhookId::new(),
        name: name.to_owned(),
        url: url.to_owned(),
        secret: SigningSecret::generate([3; 32]).text(),
        events: list(events),
        streams: list(streams),
        enabled: true,
        created_at: UnixMs::now(),
    };
    let entry = AuditEntry::new(UnixMs::now(), "user", "ann", "webhook.create", name);
    let mut edit = store.edit(entry).await.unwrap();
    let row = edit.create_webhook(new).await.unwrap();
    edit.commit().await.unwrap();
    row.id
}

async fn change(store: &Store, id: &WebhookId, edit: WebhookEdit) {
    let entry = AuditEntry::new(UnixMs::now(), "user", "ann", "webhook.edit", "it");
    let mut work = store.edit(entry).await.unwrap();
    work.edit_webhook(id, None, edit).await.unwrap();
    work.commit().await.unwrap();
}

fn event(id: &str, stream: &str) -> Event {
    let stream = StreamName::new(stream).unwrap();
    let kind = EventKind::ViewerCount { stream, viewers: 1, peak: 1 };
    Event { id: id.to_owned(), at: SystemTime::now(), kind }
}

/// A clock that can be set forward.
fn clock() -> (Arc<Mutex<Duration>>, Options) {
    let ahead = Arc::<Mutex<Duration>>::default();
    let shown = ahead.clone();
    let clock = Arc::new(move || SystemTime::now() + *shown.lock());
    (ahead, Options { clock, ..Options::default() })
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    assert!(done.is_ok(), "{what} did not happen");
}

async fn log_of(store: &Store, hook: &WebhookId) -> Vec<DeliveryRow> {
    store.deliveries(hook, PageRequest { limit: 200, after: None }).await.unwrap().items
}

#[tokio::test]
async fn k7_what_is_owed_survives_a_restart_in_order() {
    let folder = TempDir::new().unwrap();
    let receiving = Receiving::start(500);
    let store = open(folder.path()).await;
    let hook = add(&store, "ops", &receiving.url(), &[], &[]).await;
    let outbox = Arc::new(Outbox::new(store.clone()));
    let first = Webhooks::start(outbox, receiving.client(), Options::default());
    let streams = ["a", "b", "c"];
    for number in 0..60 {
        let stream = streams[number % 3];
        first.file(&event(&format!("evt_{stream}{number:02}"), stream)).await.unwrap();
    }
    until("the first attempts", async || first.counters().retried == 3).await;
    first.shutdown(Duration::from_secs(5)).await;
    drop(first);
    store.close().await;
    // another process, later
    let store = open(folder.path()).await;
    assert_eq!(store.pending_deliveries().await.unwrap(), 60);
    receiving.status.store(200, Ordering::SeqCst);
    let (ahead, options) = clock();
    *ahead.lock() = Duration::from_secs(3_600);
    let outbox = Arc::new(Outbox::new(store.clone()));
    let second = Webhooks::start(outbox, receiving.client(), options);
    until("everything", async || store.pending_deliveries().await.unwrap() == 0).await;
    let taken = receiving.taken.lock().clone();
    assert_eq!(taken.len(), 60);
    for stream in streams {
        let own: Vec<_> = taken.iter().filter(|id| id[4..].starts_with(stream)).collect();
        assert!(own.len() == 20 && own.is_sorted(), "{own:?}");
    }
    let log = log_of(&store, &hook).await;
    assert!(log.iter().all(|row| row.state == "delivered" && row.status == Some(200)));
    assert_eq!(log.iter().filter(|row| row.attempt == 2).count(), 3);
    assert_eq!(log[0].answer.as_deref(), Some("ok"));
    second.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn each_webhook_gets_what_it_asked_for() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let url = "https://hook.example/";
    add(&store, "all", url, &[], &[]).await;
    add(&store, "viewers", url, &["viewer.count"], &[]).await;
    add(&store, "main", url, &[], &["main"]).await;
    add(&store, "other", url, &["stream.started"], &["other"]).await;
    let off = add(&store, "off", url, &[], &[]).await;
    change(&store, &off, WebhookEdit { enabled: Some(false), ..Default::default() }).await;
    let outbox = Outbox::new(store.clone());
    for (stream, queued) in [("main", 3), ("second", 2), ("other", 2)] {
        let message = event("evt_1", stream).message();
        let filed = outbox.file(&message, SystemTime::now()).await.unwrap();
        assert_eq!(filed, Filed { queued, dropped: 0 }, "{stream}");
    }
}

#[tokio::test]
async fn what_is_due_leaves_room_for_others() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let slow = add(&store, "slow", "https://slow.example/", &[], &["s"]).await;
    let outbox = Outbox::new(store.clone());
    // more Streams of one webhook than are looked at at first, all older than the other's message
    change(&store, &slow, WebhookEdit { streams: Some(Vec::new()), ..Default::default() }).await;
    for number in 0..=LOOK {
        let message = event("evt_1", &format!("s{number}")).message();
        outbox.file(&message, SystemTime::now()).await.unwrap();
    }
    let fast = add(&store, "fast", "https://fast.example/", &[], &["s1"]).await;
    outbox.file(&event("evt_2", "s1").message(), SystemTime::now()).await.unwrap();
    let ask = |under_way| Ask { now: SystemTime::now(), under_way, most: 8, per_webhook: 2 };
    let due = outbox.due(ask(&[])).await.unwrap();
    let hooks: Vec<_> = due.deliveries.iter().map(|one| one.webhook.clone()).collect();
    assert_eq!(hooks, vec![slow.to_string(); 2]);
    let known = |one: Delivery| UnderWay { delivery: one.id, webhook: one.webhook };
    let under_way: Vec<_> = due.deliveries.into_iter().map(known).collect();
    let due = outbox.due(ask(&under_way)).await.unwrap();
    assert_eq!(due.deliveries.len(), 1);
    assert_eq!(due.deliveries[0].webhook, fast.to_string());
    assert!(due.next_at.is_some());
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_and_what_waits_is_given_up() {
    let folder = TempDir::new().unwrap();
    let receiving = Receiving::start(410);
    let store = open(folder.path()).await;
    let hook = add(&store, "ops", &receiving.url(), &[], &[]).await;
    let outbox = Arc::new(Outbox::new(store.clone()));
    for id in ["evt_1", "evt_2"] {
        outbox.file(&event(id, "main").message(), SystemTime::now()).await.unwrap();
    }
    let webhooks = Webhooks::start(outbox, receiving.client(), Options::default());
    until("its end", async || !store.webhook(&hook).await.unwrap().unwrap().enabled).await;
    until("the word in the log", async || log_of(&store, &hook).await[1].state == "failed").await;
    let log = log_of(&store, &hook).await;
    assert_eq!(log[1].status, Some(410));
    until("the other", async || log_of(&store, &hook).await[0].state == "given_up").await;
    let log = log_of(&store, &hook).await;
    assert_eq!((log[0].attempt, log[0].done_at.is_some()), (0, true));
    assert!(log[0].error.as_deref().is_some_and(|why| why.contains("410")), "{log:?}");
    assert_eq!(store.pending_deliveries().await.unwrap(), 0);
    until("the count", async || webhooks.counters().given_up == 2).await;
    receiving.status.store(200, Ordering::SeqCst);
    change(&store, &hook, WebhookEdit { enabled: Some(true), ..Default::default() }).await;
    webhooks.file(&event("evt_3", "main")).await.unwrap();
    until("what is new", async || *receiving.taken.lock() == ["evt_3"]).await;
    assert!(webhooks.redeliver(&log[0].id.to_string()).await.unwrap());
    until("what is wanted still", async || *receiving.taken.lock() == ["evt_3", "evt_2"]).await;
    webhooks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_is_filed_while_a_receiver_goes_waits_for_nobody() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let hook = add(&store, "ops", "https://hooks.example/", &[], &[]).await;
    let outbox = Outbox::new(store.clone());
    for round in 0..20 {
        change(&store, &hook, WebhookEdit { enabled: Some(true), ..Default::default() }).await;
        let message = event(&format!("evt_{round}"), "main").message();
        let (filed, off) =
            tokio::join!(outbox.file(&message, SystemTime::now()), outbox.disable(hook));
        assert!(filed.unwrap().queued <= 1 && off.unwrap() <= 1);
        assert_eq!(store.pending_deliveries().await.unwrap(), 0, "round {round}");
    }
}

#[tokio::test]
async fn tests_and_redeliveries_are_in_the_log() {
    let folder = TempDir::new().unwrap();
    let receiving = Receiving::start(200);
    let store = open(folder.path()).await;
    let hook = add(&store, "ops", &receiving.url(), &[], &[]).await;
    let outbox = Arc::new(Outbox::new(store.clone()));
    let webhooks = Webhooks::start(outbox, receiving.client(), Options::default());
    let row = store.webhook(&hook).await.unwrap().unwrap();
    let to = receiver(&row, UnixMs::now()).unwrap();
    assert_eq!(webhooks.test(&hook.to_string(), &to).await.unwrap().status, Some(200));
    receiving.status.store(404, Ordering::SeqCst);
    assert_eq!(webhooks.test(&hook.to_string(), &to).await.unwrap().status, Some(404));
    let log = log_of(&store, &hook).await;
    let states: Vec<_> = log.iter().map(|row| (row.state.as_str(), row.status)).collect();
    assert_eq!(states, [("failed", Some(404)), ("delivered", Some(200))]);
    receiving.status.store(200, Ordering::SeqCst);
    assert_eq!(webhooks.redeliver(&log[1].id.to_string()).await, Ok(true));
    until("it comes again", async || receiving.taken.lock().len() == 2).await;
    let taken = receiving.taken.lock().clone();
    assert_eq!(taken[0], taken[1], "under the same id");
    assert_eq!(webhooks.redeliver(&DeliveryId::new().to_string()).await, Ok(false));
    assert_eq!(webhooks.redeliver("nothing").await, Ok(false));
    webhooks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn k6_both_secrets_sign_until_the_old_one_is_over() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let hook = add(&store, "ops", "https://hook.example/", &[], &[]).await;
    let soon = UnixMs::now().plus(Duration::from_secs(60));
    let old = SigningSecret::generate([9; 32]).text();
    let edit = WebhookEdit {
        old_secret: Some(Some(old)),
        old_until: Some(Some(soon)),
        ..WebhookEdit::default()
    };
    change(&store, &hook, edit).await;
    let row = store.webhook(&hook).await.unwrap().unwrap();
    assert!(receiver(&row, UnixMs::now()).unwrap().secrets.old.is_some());
    assert!(receiver(&row, soon).unwrap().secrets.old.is_none());
    let edit = WebhookEdit { secret: Some(Secret::new("no secret")), ..WebhookEdit::default() };
    change(&store, &hook, edit).await;
    let row = store.webhook(&hook).await.unwrap().unwrap();
    assert!(receiver(&row, soon).unwrap_err().contains("replace it"));
}
