//! The commands against a server that answers from a table, over real sockets: what is asked, and
//! what becomes of the answers.

use super::*;
use crate::cli::Cli;
use clap::Parser;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// An answer: status, further headers, body.
type Answer = (u16, &'static str, Value);

/// What a server heard, each request whole.
type Heard = Arc<Mutex<Vec<String>>>;

/// A server that gives these answers, one per connection.
async fn server(answers: Vec<Answer>) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heard = Heard::default();
    let notes = heard.clone();
    tokio::spawn(async move {
        let mut answers = VecDeque::from(answers);
        while let Some((status, headers, body)) = answers.pop_front() {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = request(&mut socket).await;
            notes.lock().unwrap().push(request);
            if status == 0 {
                continue;
            }
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, heard)
}

async fn request(socket: &mut tokio::net::TcpStream) -> String {
    let mut all = Vec::new();
    loop {
        let mut buf = [0; 4096];
        let taken = socket.read(&mut buf).await.unwrap();
        all.extend_from_slice(&buf[..taken]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if taken == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

/// Runs a command line against a server, without a process.
async fn ask(server: &str, line: &str) -> Result<(), Failure> {
    let words = line.split(' ').chain(["--server", server, "--json"]);
    let cli = Cli::try_parse_from(std::iter::once("manycast").chain(words));
    let resource = cli.unwrap_or_else(|error| panic!("{line}: {error}")).into_remote();
    match resource.expect("a resource") {
        Resource::Stream(on) => done(on.access, on.verb).await,
        Resource::Destination(on) => done(on.access, on.verb).await,
        Resource::Key(on) => done(on.access, on.verb).await,
        Resource::User(on) => done(on.access, on.verb).await,
        Resource::Token(on) => done(on.access, on.verb).await,
        Resource::Webhook(on) => done(on.access, on.verb).await,
        Resource::Session(on) => done(on.access, on.verb).await,
        Resource::Block(on) => done(on.access, on.verb).await,
        Resource::Service(on) => done(on.access, on.verb).await,
        Resource::Activity(plain) => done(plain.access, plain.verb).await,
        Resource::Audit(plain) => done(plain.access, plain.verb).await,
        Resource::Status(plain) => done(plain.access, plain.verb).await,
    }
}

async fn done(access: Access, verb: impl Run) -> Result<(), Failure> {
    verb.run(&Api::open(&access)?, Out::new(access.json)).await
}

fn empty() -> Answer {
    (200, "", json!({"items": [], "next": null}))
}

/// What is typed, and what is asked of the server for it.
const ASKED: &[(&str, &[&str])] = &[
    ("stream list", &["GET /api/v1/streams?limit=200"]),
    ("stream show a/b", &["GET /api/v1/streams/a%2Fb"]),
    ("stream create main --start manual", &["POST /api/v1/streams"]),
    ("stream edit main --title x", &["GET /api/v1/streams/main", "PATCH /api/v1/streams/main"]),
    ("stream delete main", &["DELETE /api/v1/streams/main"]),
    ("stream go-live main", &["POST /api/v1/streams/main/go-live"]),
    ("stream end main", &["POST /api/v1/streams/main/end"]),
    ("destination list", &["GET /api/v1/destinations?limit=200"]),
    ("destination list main", &["GET /api/v1/streams/main/destinations"]),
    ("destination list --stream main", &["GET /api/v1/streams/main/destinations"]),
    ("destination enable main d", &["POST /api/v1/streams/main/destinations/d/enable"]),
    ("destination rehearse main d", &["POST /api/v1/streams/main/destinations/d/rehearse"]),
    (
        "destination order main 0123456789abcdef0123456789abcdef",
        &["POST /api/v1/streams/main/destinations/order"],
    ),
    ("key list main", &["GET /api/v1/streams/main/keys"]),
    ("key create main --label cam", &["POST /api/v1/streams/main/keys"]),
    (
        "key rotate main 0123456789abcdef0123456789abcdef --grace 5",
        &["POST /api/v1/streams/main/keys/0123456789abcdef0123456789abcdef/rotate"],
    ),
    (
        "key edit main 0123456789abcdef0123456789abcdef --anywhere",
        &["PATCH /api/v1/streams/main/keys/0123456789abcdef0123456789abcdef"],
    ),
    (
        "key revoke main 0123456789abcdef0123456789abcdef",
        &["DELETE /api/v1/streams/main/keys/0123456789abcdef0123456789abcdef"],
    ),
    ("user list", &["GET /api/v1/users?limit=200"]),
    ("user invite --role viewer", &["POST /api/v1/invites"]),
    (
        "user delete 0123456789abcdef0123456789abcdef",
        &["DELETE /api/v1/users/0123456789abcdef0123456789abcdef"],
    ),
    ("token list", &["GET /api/v1/tokens?limit=200"]),
    ("token create --role viewer --days 3", &["POST /api/v1/tokens"]),
    (
        "token revoke 0123456789abcdef0123456789abcdef",
        &["DELETE /api/v1/tokens/0123456789abcdef0123456789abcdef"],
    ),
    ("webhook list", &["GET /api/v1/webhooks"]),
    ("webhook create n https://a.example/", &["POST /api/v1/webhooks"]),
    (
        "webhook test 0123456789abcdef0123456789abcdef",
        &["POST /api/v1/webhooks/0123456789abcdef0123456789abcdef/test"],
    ),
    (
        "webhook rotate 0123456789abcdef0123456789abcdef",
        &["POST /api/v1/webhooks/0123456789abcdef0123456789abcdef/rotate"],
    ),
    (
        "webhook deliveries 0123456789abcdef0123456789abcdef --most 5",
        &["GET /api/v1/webhooks/0123456789abcdef0123456789abcdef/deliveries?limit=5"],
    ),
    (
        "webhook redeliver 0123456789abcdef0123456789abcdef d",
        &["POST /api/v1/webhooks/0123456789abcdef0123456789abcdef/deliveries/d/redeliver"],
    ),
    ("session list", &["GET /api/v1/sessions?limit=200"]),
    ("session end 7", &["DELETE /api/v1/sessions/7"]),
    ("session block 7 --seconds 9", &["POST /api/v1/sessions/7/block"]),
    ("block remove ::1", &["DELETE /api/v1/blocks/%3A%3A1"]),
    ("service list you", &["GET /api/v1/services?query=you"]),
    ("service show youtube", &["GET /api/v1/services/youtube"]),
    ("activity --kind stream. --most 3", &["GET /api/v1/activity?kind=stream.&limit=3"]),
    ("audit --actor ada", &["GET /api/v1/audit?actor=ada&limit=50"]),
    ("status", &["GET /api/v1/server", "GET /api/v1/streams?limit=200"]),
];

#[tokio::test]
async fn each_command_asks_for_what_it_says() {
    let one = || (200, "etag: \"7\"\r\n", json!({"version": 7, "verdict": "ok", "ok": true}));
    for (line, asked) in ASKED {
        let list = asked.last().unwrap().starts_with("GET") && {
            let path = asked.last().unwrap();
            path.contains("limit=")
                || path.ends_with("keys")
                || path.ends_with("destinations")
                || path.ends_with("webhooks")
                || path.contains("query=")
        };
        let mut answers: Vec<Answer> = asked.iter().map(|_| one()).collect();
        if list {
            *answers.last_mut().unwrap() = empty();
        }
        let (server, heard) = server(answers).await;
        ask(&server, line).await.unwrap_or_else(|failure| panic!("{line}: {failure}"));
        let heard = heard.lock().unwrap();
        let first = |text: &String| text.split(" HTTP/1.1").next().unwrap().to_owned();
        assert_eq!(heard.iter().map(first).collect::<Vec<_>>(), *asked, "{line}");
    }
}

#[tokio::test]
async fn what_has_a_name_is_found_by_it() {
    let of = |names: &[(&str, &str)]| {
        let items: Vec<_> =
            names.iter().map(|(id, name)| json!({"id": id, "name": name, "label": name})).collect();
        (200, "", json!({ "items": items, "next": null }))
    };
    for (line, names, asked) in [
        ("user delete ann", vec![("u1", "ann"), ("u2", "bob")], "DELETE /api/v1/users/u1 "),
        ("user delete eve", vec![("u1", "ann")], "DELETE /api/v1/users/eve "),
        ("token revoke ci", vec![("t1", "ci")], "DELETE /api/v1/tokens/t1 "),
        ("key revoke main OBS", vec![("k1", "OBS")], "DELETE /api/v1/streams/main/keys/k1 "),
        ("webhook delete ops", vec![("w1", "ops")], "DELETE /api/v1/webhooks/w1 "),
    ] {
        let (at, heard) = server(vec![of(&names), (204, "", Value::Null)]).await;
        ask(&at, line).await.unwrap_or_else(|failure| panic!("{line}: {failure}"));
        let heard = heard.lock().unwrap()[1].clone();
        assert!(heard.starts_with(asked), "{line}: {heard}");
    }
    let (at, heard) = server(vec![of(&[("t1", "ci"), ("t2", "ci")])]).await;
    let twice = ask(&at, "token revoke ci").await.unwrap_err();
    assert!(twice.code == 2 && twice.message.contains("t1, t2"), "{twice}");
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn edits_name_the_version_that_they_saw_and_creates_name_themselves() {
    let etag = "etag: \"41\"\r\n";
    let (at, heard) = server(vec![(200, etag, json!({})), (200, etag, json!({}))]).await;
    ask(&at, "stream edit main --notes hello --play false").await.unwrap();
    let patch = heard.lock().unwrap()[1].clone();
    assert!(patch.contains("if-match: \"41\""), "{patch}");
    assert!(patch.ends_with("{\"notes\":\"hello\",\"play\":false}"), "{patch}");
    let nothing = ask(&at, "stream edit main").await.unwrap_err();
    assert_eq!(nothing.code, 2, "{nothing}");

    // The connection breaks once: the same request comes again, under the same name.
    let (at, heard) = server(vec![(0, "", json!({})), (201, "", json!({}))]).await;
    ask(&at, "stream create second").await.unwrap();
    let heard = heard.lock().unwrap();
    let key = |text: &String| {
        text.lines().find(|line| line.starts_with("idempotency-key: ")).unwrap().to_owned()
    };
    assert_eq!(heard.len(), 2);
    assert_eq!(key(&heard[0]), key(&heard[1]));
    assert!(heard[0].contains("content-type: application/json"), "{}", heard[0]);
}

#[tokio::test]
async fn lists_are_read_page_by_page_up_to_what_is_wanted() {
    let page = |names: &[&str], next: Value| {
        let items: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        (200, "", json!({ "items": items, "next": next }))
    };
    let pages = || vec![page(&["a", "b"], json!("b")), page(&["c"], Value::Null)];
    let (at, heard) = server(pages()).await;
    let api = api(&at);
    let all = api.list("/api/v1/streams", usize::MAX).await.unwrap();
    assert_eq!(all.len(), 3);
    assert!(heard.lock().unwrap()[1].starts_with("GET /api/v1/streams?limit=200&after=b "));
    let (at, heard) = server(pages()).await;
    assert_eq!(self::api(&at).list("/x", 2).await.unwrap().len(), 2);
    assert_eq!(heard.lock().unwrap().len(), 1);
}

fn api(server: &str) -> Api {
    let line = ["manycast", "status", "--server", server];
    let cli = Cli::try_parse_from(line).unwrap().into_remote();
    let Some(Resource::Status(plain)) = cli else { panic!("status") };
    Api::open(&plain.access).unwrap()
}

#[tokio::test]
async fn problems_are_failures_in_the_servers_words() {
    let problem =
        json!({"detail": "This stream is managed by a file.", "remedy": "Edit the file."});
    let (at, _) = server(vec![(409, "", problem)]).await;
    let failure = ask(&at, "stream delete main").await.unwrap_err();
    assert_eq!(failure.message, "This stream is managed by a file.\n  Edit the file.");
    assert_eq!(failure.code, 1);
    let (at, _) = server(vec![(200, "", json!("<html>"))]).await;
    assert!(ask(&at, "stream list").await.unwrap_err().message.contains("no list"));
    let failed = json!({"verdict": "failed", "sentence": "The key is wrong.", "remedy": "Copy it.",
                        "steps": []});
    let (at, _) = server(vec![(200, "", failed)]).await;
    let failure = ask(&at, "destination rehearse main d").await.unwrap_err();
    assert_eq!(failure.message, "The key is wrong.\n  Copy it.");
    let nobody = ask("http://127.0.0.1:9", "stream list").await.unwrap_err();
    assert!(nobody.message.contains("refused"), "{nobody}");
    let wrong = ask("127.0.0.1:8080", "stream list").await.unwrap_err();
    assert_eq!(wrong.code, 2, "{wrong}");
}

#[tokio::test]
async fn a_token_goes_to_this_machine_or_encrypted_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "mc_abcdefgh_0123456789\n").unwrap();
    let line = format!("stream list --token-file {}", file.display());
    let refused = ask("http://192.0.2.1:8080", &line).await.unwrap_err();
    assert!(refused.code == 2 && refused.message.contains("unencrypted"), "{refused}");
    assert!(!refused.message.contains("0123456789"));
    let (at, heard) = server(vec![empty()]).await;
    ask(&at, &line).await.unwrap();
    let heard = heard.lock().unwrap()[0].clone();
    assert!(heard.contains("authorization: Bearer mc_abcdefgh_0123456789\r\n"), "{heard}");
}
