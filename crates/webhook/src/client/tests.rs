//! Exchanges with receivers that are right, wrong, slow, or not what they seem.

mod addresses;

use super::*;
use crate::testing::{Receiving, Reply, client_for, endpoint};
use manycast_dial::{Gate, Resolver, Tuning};
use manycast_tls::ServerTls;
use std::sync::atomic::Ordering;

const SOON: Duration = Duration::from_millis(300);

fn post(endpoint: &Endpoint, keep: usize) -> Post<'_> {
    let headers = vec![(HeaderName::from_static("x-one"), HeaderValue::from_static("1"))];
    let body = Bytes::from_static(b"{\"a\":1}");
    Post { endpoint, content_type: "application/json", headers, body, keep }
}

async fn ask(receiver: &Receiving, keep: usize) -> Result<Answer, ExchangeError> {
    let client = client_for(&[receiver.address]);
    let endpoint = endpoint(receiver.address, "/in?x=1");
    client.post(post(&endpoint, keep), SOON).await
}

#[tokio::test]
async fn a_request_goes_out_whole_and_the_answer_comes_back() {
    let receiver = Receiving::new(|_| {
        let headers = "Retry-After: 7\r\nLocation: elsewhere\r\n";
        Reply::Says(202, headers, b"thank you".to_vec())
    })
    .await;
    let answer = ask(&receiver, 100).await.unwrap();
    let expected = Answer {
        status: 202,
        location: Some("elsewhere".into()),
        retry_after: Some(Duration::from_secs(7)),
        body: b"thank you".to_vec(),
        complete: true,
    };
    assert_eq!(answer, expected);
    let heard = receiver.heard.lock()[0].clone();
    assert_eq!(heard.line, "POST /in?x=1 HTTP/1.1");
    assert_eq!(heard.body, "{\"a\":1}");
    let host = receiver.address.to_string();
    for (name, value) in [
        ("host", host.as_str()),
        ("content-type", "application/json"),
        ("content-length", "7"),
        ("connection", "close"),
        ("x-one", "1"),
        ("user-agent", AGENT),
    ] {
        assert_eq!(heard.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn of_a_long_answer_only_the_beginning_is_taken() {
    let receiver = Receiving::new(|_| Reply::Says(200, "", vec![b'x'; 3 << 20])).await;
    let answer = ask(&receiver, 1_024).await.unwrap();
    assert_eq!((answer.status, answer.body.len(), answer.complete), (200, 1_024, false));
    let answer = ask(&receiver, 0).await.unwrap();
    assert_eq!((answer.body.len(), answer.complete), (0, false));
}

#[tokio::test]
async fn k7_at_most_64_kb_of_an_answer_are_read() {
    let receiver = Receiving::new(|_| Reply::Says(200, "", vec![b'x'; 3 << 20])).await;
    // whoever wants more than that gets what there was up to there
    let answer = ask(&receiver, 1 << 20).await.unwrap();
    assert!(!answer.complete);
    assert!(answer.body.len() <= MAX_READ, "{}", answer.body.len());
    assert!(answer.body.len() > MAX_READ - 1_024, "{}", answer.body.len());
    // a head that never ends
    let mut line = b"x: ".to_vec();
    line.resize(1_000, b'y');
    line.extend_from_slice(b"\r\n");
    let head = [b"HTTP/1.1 200 OK\r\n".to_vec(), line.repeat(64)].concat();
    let receiver = Receiving::new(move |_| Reply::Raw(head.clone())).await;
    let error = ask(&receiver, 10).await.unwrap_err().to_string();
    assert!(error.contains("head of the answer is too long"), "{error}");
    // informational answers that never end
    let word = b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
    let receiver = Receiving::new(move |_| Reply::Endless(word.clone())).await;
    let error = ask(&receiver, 10).await.unwrap_err().to_string();
    assert!(error.contains("before an answer") || error.contains("broke"), "{error}");
    // what the kernels hold between the two is not read by anybody
    assert!(receiver.sent.load(Ordering::SeqCst) < 32 << 20);
}

#[tokio::test]
async fn k3_redirects_are_answers() {
    let inside = Receiving::new(|_| Reply::status(200)).await;
    let there: &'static str = format!("Location: {}\r\n", inside.url("/secret")).leak();
    for status in [301, 302, 303, 307, 308] {
        let receiver = Receiving::new(move |_| Reply::Says(status, there, Vec::new())).await;
        let client = client_for(&[receiver.address, inside.address]);
        let endpoint = endpoint(receiver.address, "/");
        let answer = client.post(post(&endpoint, 10), SOON).await.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.location, Some(inside.url("/secret")));
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn everything_ends_in_time_and_says_what_was_waited_for() {
    let rows: [(&str, Reply); 4] = [
        ("did not answer within 0.3 s", Reply::Hangs),
        ("did not answer within 0.3 s", Reply::Raw(b"HTTP/1.1 200 OK\r\n".to_vec())),
        (
            "did not answer within 0.3 s",
            Reply::Drips(b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".to_vec()),
        ),
        ("closed before an answer came", Reply::Closes),
    ];
    for (words, reply) in rows {
        let receiver = Receiving::new(move |_| reply.clone()).await;
        let error = ask(&receiver, 10).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(error.starts_with("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn a_status_that_came_holds_although_the_body_never_ends() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let reply = Reply::Drips(head, b"1\r\nx\r\n".to_vec());
    let receiver = Receiving::new(move |_| reply.clone()).await;
    let answer = ask(&receiver, 1_024).await.unwrap();
    assert_eq!((answer.status, answer.complete), (200, false));
    assert!(answer.body.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn what_is_no_http_is_said_to_be_none() {
    for bytes in
        [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/0.9 ok\r\n\r\n"]
    {
        let receiver = Receiving::new(|_| Reply::Raw(bytes.to_vec())).await;
        let error = ask(&receiver, 10).await.unwrap_err().to_string();
        assert!(error.contains("no HTTP/1.1 answer"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_answers_for_is_said_to_be_the_trouble() {
    let names = crate::testing::Names::new(|_| None).await;
    let client = crate::testing::client(&[], names.address);
    let endpoint = Endpoint::parse("https://hook.example/in").unwrap();
    let error = client.post(post(&endpoint, 10), SOON).await.unwrap_err().to_string();
    assert_eq!(error, "hook.example could not be looked up within 0.3 s");
}

/// A receiver under TLS, which answers one request.
async fn tls_receiver(tls: Arc<ServerTls>) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(transport) = Transport::accept(tcp, &tls).await else { continue };
            let mut seen = Vec::new();
            while !seen.ends_with(b"{\"a\":1}") {
                transport.readable().await.unwrap();
                let mut buffer = [0; 1_024];
                match transport.try_read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => seen.extend_from_slice(&buffer[..read]),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => break,
                }
            }
            let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            let _ = transport.try_write_vectored(&[std::io::IoSlice::new(reply)]);
            let _ = transport.try_flush();
            transport.shutdown_write();
            tokio::time::sleep(SOON).await;
        }
    });
    address
}

#[tokio::test]
async fn https_is_checked_and_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["127.0.0.1".to_owned()];
    let tls = Arc::new(ServerTls::self_signed(folder.path(), &names).unwrap());
    let address = tls_receiver(tls).await;
    let endpoint = Endpoint::parse(&format!("https://{address}/in")).unwrap();
    let ours = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path());
    let holds = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).is_ok_and(|text| text.contains("BEGIN CERTIFICATE"))
    };
    let certificate = ours.into_iter().find(holds).unwrap();
    let dialer = || {
        let gate = Gate::new(vec![address.to_string().parse().unwrap()], Vec::new());
        Arc::new(Dialer::new(Resolver::system(), gate, Tuning::default()))
    };
    let long = Duration::from_secs(10);

    let trusting = Arc::new(ClientTls::only(&certificate).unwrap());
    let client = HttpClient::new(dialer(), trusting);
    let answer = client.post(post(&endpoint, 10), long).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"hi"[..]));

    let strict = Arc::new(ClientTls::system(None).unwrap());
    let client = HttpClient::new(dialer(), strict);
    let error = client.post(post(&endpoint, 10), long).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Tls { .. }), "{error}");
}
