//! A webhook of the running program: made in its database, told by its encoder, logged there.

use manycast_store::{AuditEntry, NewWebhook, Options, PageRequest, Store, UnixMs, WebhookId};
use manycast_webhook::{Secrets, SigningSecret};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const CONFIG: &str = "[rtmp]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"off\"\n[https]\n\
    listen = \"off\"\n[egress]\nallow = [\"127.0.0.0/8\"]\n\
    [[stream]]\nname = \"main\"\nkey = \"sk_0123456789abcdef\"\n";

/// A program that is killed when the test is over.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn manycast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manycast"));
    command.args(arguments).env_remove("STATE_DIRECTORY").env_remove("MANYCAST_KEY");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Head and body of each request; all are taken.
fn receiver() -> (SocketAddr, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heard) = channel();
    std::thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            let (mut text, mut buffer) = (String::new(), [0; 4_096]);
            while !text.ends_with("}}") {
                match tcp.read(&mut buffer) {
                    Ok(read) if read > 0 => {
                        text.push_str(&String::from_utf8_lossy(&buffer[..read]))
                    }
                    _ => break,
                }
            }
            let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            if tell.send((head.to_owned(), body.to_owned())).is_err() {
                return;
            }
        }
    });
    (address, heard)
}

fn secret() -> SigningSecret {
    SigningSecret::generate([42; 32])
}

async fn store(data: &Path) -> Store {
    Store::open(data, Options::default()).await.unwrap()
}

async fn add_webhook(data: &Path, url: String) -> WebhookId {
    let store = store(data).await;
    let entry = AuditEntry::new(UnixMs::now(), "user", "ann", "webhook.create", "ops");
    let mut edit = store.edit(entry).await.unwrap();
    let new = NewWebhook {
        id: WebhookId::new(),
        name: "ops".to_owned(),
        url,
        secret: secret().text(),
        events: vec!["stream.started".to_owned(), "stream.stopped".to_owned()],
        streams: vec!["main".to_owned()],
        enabled: true,
        created_at: UnixMs::now(),
    };
    let row = edit.create_webhook(new).await.unwrap();
    edit.commit().await.unwrap();
    store.close().await;
    row.id
}

/// Starts the server; where it takes RTMP.
fn serve(file: &Path, data: &Path) -> (Program, String) {
    let mut command = manycast(&["serve"]);
    command.arg("--config").arg(file).arg("--data-dir").arg(data).stderr(Stdio::piped());
    let mut server = Program(command.spawn().unwrap());
    let log = Arc::new(Mutex::new(String::new()));
    let (lines, errors) = (log.clone(), server.0.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            let _ = writeln!(lines.lock().unwrap(), "{line}");
        }
    });
    let begin = Instant::now();
    while !log.lock().unwrap().contains(" ready") {
        assert!(begin.elapsed() < PATIENCE, "not ready:\n{}", log.lock().unwrap());
        std::thread::sleep(Duration::from_millis(10));
    }
    let log = log.lock().unwrap().clone();
    let line = log.lines().find(|line| line.contains("listening")).expect("it listens");
    let port = line.split("127.0.0.1:").nth(1).unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    (server, format!("127.0.0.1:{port}"))
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let found = head.lines().filter_map(|line| line.split_once(": "));
    found.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap()
}

fn signal(program: &Program, name: &str) {
    let id = program.0.id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
}

#[tokio::test]
async fn k6_what_happens_reaches_a_webhook_signed_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("manycast.toml"), folder.path().join("data"));
    std::fs::write(&file, CONFIG).unwrap();
    let (address, heard) = receiver();
    let hook = add_webhook(&data, format!("http://{address}/in")).await;
    let (mut server, rtmp) = serve(&file, &data);
    let clip = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo.flv");
    let mut command = manycast(&["publish", "--loop"]);
    command
        .arg(&clip)
        .arg(format!("rtmp://{rtmp}/live"))
        .env("MANYCAST_KEY", "sk_0123456789abcdef");
    let encoder = Program(command.spawn().unwrap());
    let (head, body) = heard.recv_timeout(PATIENCE).unwrap();
    assert!(body.starts_with(r#"{"type":"stream.started","#), "{body}");
    assert!(body.contains(r#""stream":"main""#), "{body}");
    let (id, stamp) = (header(&head, "webhook-id"), header(&head, "webhook-timestamp"));
    let secrets = Secrets { current: secret(), old: None };
    let expected = secrets.signatures(id, stamp.parse().unwrap(), &body);
    assert_eq!(header(&head, "webhook-signature"), expected);
    signal(&encoder, "INT");
    let (head, body) = heard.recv_timeout(PATIENCE).unwrap();
    assert!(body.starts_with(r#"{"type":"stream.stopped","#), "{body}");
    assert_ne!(header(&head, "webhook-id"), id);
    signal(&server, "TERM");
    assert!(server.0.wait().unwrap().success());
    let store = store(&data).await;
    let log = store.deliveries(&hook, PageRequest { limit: 10, after: None }).await.unwrap().items;
    let states: Vec<_> = log.iter().map(|row| (row.state.as_str(), row.status)).collect();
    assert_eq!(states, [("delivered", Some(200)); 2], "{log:?}");
}
