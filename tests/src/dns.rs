//! A name server of our own on loopback: it answers what the test wants, or nothing.
//!
//! Belongs here: enough of RFC 1035 to answer questions for A and AAAA over UDP. Must not come
//! here: anything that asks.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const A: u16 = 1;
const AAAA: u16 = 28;

/// What is answered to questions for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing at all.
    Silence,
    /// SERVFAIL.
    Failure,
    /// NXDOMAIN; also for names that were never set.
    NoSuchName,
    /// These, each to the question it fits.
    Addresses(Vec<IpAddr>),
}

type Names = Arc<Mutex<BTreeMap<String, Answer>>>;

/// A running name server.
pub struct NameServer {
    /// Where it is.
    pub address: SocketAddr,
    names: Names,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
}

impl Default for NameServer {
    fn default() -> Self {
        Self::new()
    }
}

impl NameServer {
    /// One that knows no name.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("name server: {e}"));
        let address = socket.local_addr().unwrap_or_else(|e| panic!("name server: {e}"));
        let _ = socket.set_read_timeout(Some(Duration::from_millis(200)));
        let (names, stop) = (Names::default(), Arc::<AtomicBool>::default());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (known, stopped, heard) = (names.clone(), stop.clone(), asked.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((read, from)) = socket.recv_from(&mut buffer) else { continue };
                let Some(question) = Question::read(&buffer[..read]) else { continue };
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(question.name.clone());
                let answer = known.lock().unwrap_or_else(PoisonError::into_inner);
                let answer = answer.get(&question.name).cloned().unwrap_or(Answer::NoSuchName);
                if let Some(reply) = question.reply(&answer) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Self { address, names, asked, stop }
    }

    /// Answers this from now on.
    pub fn set(&self, name: &str, answer: Answer) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned(), answer);
    }

    /// Answers these addresses from now on.
    ///
    /// # Panics
    /// When one is none.
    pub fn point(&self, name: &str, addresses: &[&str]) {
        let parse = |text: &&str| text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        self.set(name, Answer::Addresses(addresses.iter().map(parse).collect()));
    }

    /// How often this name was asked for.
    #[must_use]
    pub fn asked(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|asked| *asked == name).count()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A question (RFC 1035 4.1.2).
struct Question {
    id: [u8; 2],
    name: String,
    kind: u16,
    /// As it came, to be repeated.
    bytes: Vec<u8>,
}

impl Question {
    fn read(packet: &[u8]) -> Option<Self> {
        let id = [*packet.first()?, *packet.get(1)?];
        let (mut at, mut labels) = (12, Vec::new());
        loop {
            let length = usize::from(*packet.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            let label = packet.get(at..at + length)?;
            labels.push(String::from_utf8_lossy(label).to_lowercase());
            at += length;
        }
        let kind = u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]);
        let bytes = packet.get(12..at + 4)?.to_vec();
        Some(Self { id, name: labels.join("."), kind, bytes })
    }

    /// The packet; `None`: silence.
    fn reply(&self, answer: &Answer) -> Option<Vec<u8>> {
        let (code, addresses) = match answer {
            Answer::Silence => return None,
            Answer::Failure => (2, &[][..]),
            Answer::NoSuchName => (3, &[][..]),
            Answer::Addresses(addresses) => (0, &addresses[..]),
        };
        let fits = |address: &&IpAddr| match address {
            IpAddr::V4(_) => self.kind == A,
            IpAddr::V6(_) => self.kind == AAAA,
        };
        let fitting: Vec<_> = addresses.iter().filter(fits).collect();
        let mut packet = self.id.to_vec();
        // an answer, recursion done; one question
        packet.extend_from_slice(&[0x81, 0x80 | code, 0, 1, 0]);
        packet.push(u8::try_from(fitting.len()).unwrap_or(u8::MAX));
        packet.extend_from_slice(&[0; 4]);
        packet.extend_from_slice(&self.bytes);
        for address in fitting {
            let bytes = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            // the name of the question, class IN, kept for 60 s
            packet.extend_from_slice(&[0xc0, 12]);
            packet.extend_from_slice(&self.kind.to_be_bytes());
            packet.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0]);
            packet.push(u8::try_from(bytes.len()).unwrap_or(0));
            packet.extend_from_slice(&bytes);
        }
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_by_kind() {
        let mut packet = vec![7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        packet.extend_from_slice(b"\x04Live\x07example\x00\x00\x01\x00\x01");
        let question = Question::read(&packet).unwrap();
        assert_eq!((question.name.as_str(), question.kind), ("live.example", A));
        let both = ["127.0.0.9".parse().unwrap(), "::1".parse().unwrap()];
        let reply = question.reply(&Answer::Addresses(both.to_vec())).unwrap();
        assert_eq!(reply[..8], [7, 8, 0x81, 0x80, 0, 1, 0, 1]);
        assert!(reply.ends_with(&[0, 4, 127, 0, 0, 9]), "{reply:?}");
        assert_eq!(question.reply(&Answer::NoSuchName).unwrap()[3], 0x83);
        assert_eq!(question.reply(&Answer::Silence), None);
        assert!(Question::read(&packet[..20]).is_none());
    }
}
