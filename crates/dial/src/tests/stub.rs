//! A DNS server whose answers are a function of the question.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// One question: the name in lower case without the final dot, whether it asks for AAAA, and how
/// many of its kind came before it.
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) v6: bool,
    pub(crate) earlier: usize,
}

#[derive(Clone)]
pub(crate) enum Reply {
    /// Nothing at all.
    Silence,
    /// A response code without records (RFC 1035 4.1.1).
    Code(u8),
    /// These addresses, as far as they are of the family asked for, for this many seconds.
    Records(Vec<IpAddr>, u32),
    /// The same, later.
    Late(Duration, Vec<IpAddr>),
    /// Bytes that are no answer.
    Garbage,
}

pub(crate) const SERVFAIL: Reply = Reply::Code(2);
pub(crate) const NXDOMAIN: Reply = Reply::Code(3);

pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    pub(crate) async fn new(script: impl Fn(&Question) -> Reply + Send + Sync + 'static) -> Self {
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let task = tokio::spawn(async move {
            let mut seen = [0, 0];
            let mut buf = [0; 1_500];
            loop {
                let (length, from) = socket.recv_from(&mut buf).await.unwrap();
                let query = buf[..length].to_vec();
                let Some((mut question, end)) = read_question(&query) else { continue };
                counter.fetch_add(1, Ordering::SeqCst);
                question.earlier = seen[usize::from(question.v6)];
                seen[usize::from(question.v6)] += 1;
                let (delay, answer) = match script(&question) {
                    Reply::Silence => continue,
                    Reply::Code(code) => (None, message(&query, end, code, &[], 0)),
                    Reply::Records(list, ttl) => {
                        (None, message(&query, end, 0, &of_family(&list, question.v6), ttl))
                    }
                    Reply::Late(delay, list) => {
                        (Some(delay), message(&query, end, 0, &of_family(&list, question.v6), 60))
                    }
                    Reply::Garbage => (None, [&query[..2], &[0xff; 30]].concat()),
                };
                let socket = socket.clone();
                tokio::spawn(async move {
                    if let Some(delay) = delay {
                        tokio::time::sleep(delay).await;
                    }
                    let _ = socket.send_to(&answer, from).await;
                });
            }
        });
        Self { address, asked, task }
    }

    /// Always the same addresses.
    pub(crate) async fn fixed(addresses: &[&str]) -> Self {
        let list: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Self::new(move |_| Reply::Records(list.clone(), 3_600)).await
    }
}

fn of_family(list: &[IpAddr], v6: bool) -> Vec<IpAddr> {
    list.iter().copied().filter(|address| address.is_ipv6() == v6).collect()
}

/// RFC 1035 4.1.2: the question and where it ends.
fn read_question(query: &[u8]) -> Option<(Question, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    let question = Question { name: labels.join("."), v6: kind == 28, earlier: 0 };
    (kind == 1 || kind == 28).then_some((question, at + 4))
}

/// RFC 1035 4.1: the answer to a query whose question ends at `end`.
fn message(query: &[u8], end: usize, code: u8, records: &[IpAddr], ttl: u32) -> Vec<u8> {
    let mut out = query[..end].to_vec();
    out[2] = 0x81;
    out[3] = 0x80 | code;
    out[4..12].copy_from_slice(&[0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    for record in records {
        let (kind, octets) = match record {
            IpAddr::V4(v4) => (1, v4.octets().to_vec()),
            IpAddr::V6(v6) => (28, v6.octets().to_vec()),
        };
        out.extend([0xc0, 12, 0, kind, 0, 1]);
        out.extend(ttl.to_be_bytes());
        out.extend([0, octets.len() as u8]);
        out.extend(octets);
    }
    out
}
