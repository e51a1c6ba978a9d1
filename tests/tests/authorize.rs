//! `[authorize]` over the whole program: another server lets in, renames, refuses, falls silent, and is
//! told of ends (K8).

use manycast_tests::{Live, Manycast, Setup, Shape, Watcher, ports, secs, until};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const KEY: &str = "sk_authorize_0123456789";

/// Forms that came, each as one line.
type Heard = Arc<Mutex<Vec<String>>>;

/// A service in the words of nginx-rtmp.
struct Service {
    address: SocketAddr,
    heard: Heard,
    /// What it answers to questions: a status, a status with a name, or nothing.
    says: Arc<Mutex<String>>,
}

impl Service {
    fn start() -> Self {
        let address = ports::free();
        let listener = TcpListener::bind(address).unwrap();
        let (heard, says) = (Heard::default(), Arc::new(Mutex::new("200".to_owned())));
        let (ears, mouth) = (heard.clone(), says.clone());
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (ears, mouth) = (ears.clone(), mouth.clone());
                std::thread::spawn(move || serve(tcp, &ears, &mouth));
            }
        });
        Self { address, heard, says }
    }

    fn say(&self, what: &str) {
        *self.says.lock().unwrap() = what.to_owned();
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, call: &str) -> usize {
        let call = format!("&call={call}&");
        self.heard().iter().filter(|form| form.contains(&call)).count()
    }

    fn section(&self) -> String {
        let hook = |name: &str| format!("{name} = \"http://{}/{name}\"\n", self.address);
        let hooks = ["on_publish", "on_play", "on_publish_done", "on_play_done"].map(hook).concat();
        format!("[authorize]\n{hooks}timeout = \"1s\"\n")
    }
}

fn serve(mut tcp: TcpStream, heard: &Heard, says: &Mutex<String>) -> Option<()> {
    let _ = tcp.set_read_timeout(Some(Duration::from_secs(10)));
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    let body = loop {
        let read = tcp.read(&mut buffer).ok().filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length?.parse().ok()? {
            break body.to_owned();
        }
    };
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    let says = says.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (status, location) = match says.split_once(' ') {
        Some((status, name)) => (status.to_owned(), format!("Location: {name}\r\n")),
        None => (says, String::new()),
    };
    if status == "silence" {
        std::thread::sleep(Duration::from_secs(5));
        return None;
    }
    write!(tcp, "HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\n\r\n").ok()
}

fn is_live(server: &Manycast, name: &str) -> bool {
    server.stream(name)["live"] == true
}

#[test]
fn k8_another_server_decides_and_its_silence_ends_nothing() {
    let service = Service::start();
    let server = Setup::new().stream("main", KEY).section(&service.section()).start();
    let at = server.rtmp();
    let first = Live::start(at, KEY, Shape::default()).unwrap();
    until("it is live", secs(10), || is_live(&server, "main"));
    let asked = service.heard()[0].clone();
    for part in
        ["app=live&", "&addr=127.0.0.1&", "&call=publish&", &format!("&name={KEY}&type=live")]
    {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    let viewer = Watcher::start(at, "main").unwrap();
    until("it is watched", secs(10), || viewer.tally().frames > 10);
    assert_eq!((service.count("publish"), service.count("play")), (1, 1));

    // a wrong key is our own matter; a no is the service's
    assert!(Live::start(at, "sk_wrong", Shape::default()).is_err());
    assert_eq!(service.count("publish"), 1);
    service.say("403");
    let refused = Watcher::start(at, "main").err().unwrap();
    assert!(refused.contains("said no"), "{refused}");

    // silence: what runs goes on, somebody new is refused, who was let in may come back
    service.say("silence");
    let before = viewer.tally().frames;
    let refused = Watcher::start(at, "main").err().unwrap();
    assert!(refused.contains("does not answer"), "{refused}");
    assert_eq!(first.vanish().error, None);
    let again = Live::start(at, KEY, Shape { source: 2, ..Shape::default() }).unwrap();
    until("it goes on", secs(15), || viewer.tally().sources == [1, 2]);
    assert!(viewer.tally().frames > before);
    assert_eq!(viewer.ended(), None);

    service.say("200");
    drop(viewer.stop());
    drop(again.stop());
    until("the ends are told", secs(15), || {
        service.count("publish_done") == 2 && service.count("play_done") == 1
    });
    let told = format!("{}{}", server.log(), server.status());
    assert!(!told.contains(KEY), "{told}");
    let metrics = server.metrics();
    let of = |answer: &str| {
        let name = format!("manycast_authorize_answers_total{{answer=\"{answer}\"}}");
        metrics.get(&name).copied().unwrap_or(-1.0)
    };
    let seen = ["yes", "no", "none", "none_remembered"].map(of);
    assert!(seen.iter().zip([2.0, 1.0, 1.0, 1.0]).all(|(a, b)| (a - b).abs() < 0.5), "{seen:?}");
}

#[test]
fn the_service_names_streams_of_an_open_server_and_a_reload_turns_it_off() {
    let service = Service::start();
    let setup = Setup::new().open().section(&service.section());
    let mut server = setup.start();
    service.say("302 studio");
    let encoder = Live::start(server.rtmp(), "sk_of_the_service", Shape::default()).unwrap();
    until("it is live under its name", secs(10), || is_live(&server, "studio"));
    assert!(!server.status().to_string().contains("sk_of_the_service"));
    drop(encoder.stop());
    service.say("403");
    assert!(Live::start(server.rtmp(), "anything", Shape::default()).is_err());
    let without = server.setup.text().replace(&service.section(), "");
    server.rewrite(&without);
    server.reload();
    let encoder = Live::start(server.rtmp(), "anything", Shape::default()).unwrap();
    until("it is live again", secs(10), || is_live(&server, "anything"));
    drop(encoder.stop());
}
