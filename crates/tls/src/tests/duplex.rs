//! The runtime's traits over both kinds of transport: nothing is lost, and a slow reader waits.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::*;
use crate::{Duplex, Transport};

async fn pairs(folder: &Folder) -> [(Duplex, Duplex); 2] {
    let (server, client) = trusting(folder);
    let (near, far) = tcp_pair(true).await;
    let plain = (Transport::plain(near), Transport::plain(far));
    [plain, tls_pair(&server, &client, true).await].map(|(a, b)| (Duplex::new(a), Duplex::new(b)))
}

#[tokio::test]
async fn bytes_and_the_end_arrive_whole_through_small_buffers() {
    let folder = Folder::new();
    for (mut near, mut far) in pairs(&folder).await {
        let sent: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let write = async {
            near.write_all(&sent).await.unwrap();
            near.shutdown().await.unwrap();
            let mut answer = Vec::new();
            near.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let read = async {
            let mut got = Vec::new();
            far.read_to_end(&mut got).await.unwrap();
            far.write_all(b"thanks").await.unwrap();
            far.shutdown().await.unwrap();
            got
        };
        let (answer, got) = tokio::join!(write, read);
        assert!(got == sent, "{} of {}", got.len(), sent.len());
        assert_eq!(answer, b"thanks", "the other direction stays open");
    }
}

#[tokio::test]
async fn a_flush_ends_only_when_the_socket_has_it_all() {
    let folder = Folder::new();
    let [_, (mut near, mut far)] = pairs(&folder).await;
    let body = vec![7; 60_000];
    near.write_all(&body).await.unwrap();
    assert!(near.transport().wants_flush(), "more than a small socket holds");
    let mut got = vec![0; body.len()];
    let (flushed, read) = tokio::join!(near.flush(), far.read_exact(&mut got));
    assert!(flushed.is_ok() && read.is_ok() && !near.transport().wants_flush());
}
