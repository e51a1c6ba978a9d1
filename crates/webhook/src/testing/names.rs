//! A name server on loopback: it answers questions for A and AAAA with what the script says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// The server. Its script is given the number of earlier questions for an IPv4 address.
pub(crate) struct Names {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Names {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Names {
    /// `None`: silence.
    pub(crate) async fn new(
        script: impl Fn(usize) -> Option<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut earlier, mut buffer) = (0, [0; 1_500]);
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let query = &buffer[..length];
                let Some(end) = question_end(query) else { continue };
                let v4 = query[end - 4..end - 2] == [0, 1];
                let Some(addresses) = script(earlier) else { continue };
                earlier += usize::from(v4);
                let _ = socket.send_to(&reply(query, end, v4, &addresses), from).await;
            }
        });
        Self { address, task }
    }
}

/// Where the first question ends (RFC 1035 4.1.2).
fn question_end(query: &[u8]) -> Option<usize> {
    let mut at = 12;
    loop {
        match usize::from(*query.get(at)?) {
            0 => return (at + 5 <= query.len()).then_some(at + 5),
            length => at += length + 1,
        }
    }
}

fn reply(query: &[u8], end: usize, v4: bool, addresses: &[IpAddr]) -> Vec<u8> {
    let fitting: Vec<_> = addresses.iter().filter(|address| address.is_ipv4() == v4).collect();
    let count = u8::try_from(fitting.len()).unwrap();
    let mut packet = query[..2].to_vec();
    packet.extend_from_slice(&[0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0]);
    packet.extend_from_slice(&query[12..end]);
    for address in fitting {
        let bytes = match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        packet.extend_from_slice(&[0xc0, 12, 0, if v4 { 1 } else { 28 }, 0, 1, 0, 0, 0, 60, 0]);
        packet.push(u8::try_from(bytes.len()).unwrap());
        packet.extend_from_slice(&bytes);
    }
    packet
}
