//! Bytes arrive whole, in order and in both directions, whatever the sockets do.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use super::support::*;
use crate::session::PIECE;
use crate::{ClientTls, Transport, VERSIONS};

const TOTAL: usize = 3_000_000;

/// A byte stream whose every position is known, different for each seed.
fn byte(seed: u64, position: usize) -> u8 {
    let mixed = (position as u64 ^ seed.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8
}

fn stream(seed: u64, range: std::ops::Range<usize>) -> Vec<u8> {
    range.map(|position| byte(seed, position)).collect()
}

/// Writes the whole stream in batches of odd slices.
async fn send(transport: &Transport, seed: u64) {
    let mut sent = 0;
    while sent < TOTAL {
        let batch = stream(seed, sent..TOTAL.min(sent + 1 + (sent * 7) % 150_000));
        let slices: Vec<IoSlice<'_>> = batch.chunks(1 + sent % 9_000).map(IoSlice::new).collect();
        match transport.try_write_vectored(&slices[..slices.len().min(1_000)]) {
            Ok(taken) => sent += taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                transport.writable().await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    flush(transport).await;
}

async fn flush(transport: &Transport) {
    while let Err(error) = transport.try_flush() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        transport.writable().await.unwrap();
    }
    assert!(!transport.wants_flush());
}

/// Reads the whole stream with buffers of every size.
async fn receive(transport: &Transport, seed: u64) {
    let mut buf = vec![0; 70_000];
    let mut received = 0;
    while received < TOTAL {
        transport.readable().await.unwrap();
        let room = 1 + (received * 13) % buf.len();
        match transport.try_read(&mut buf[..room]) {
            Ok(0) => panic!("ended after {received}"),
            Ok(taken) => {
                assert!(
                    buf[..taken] == stream(seed, received..received + taken),
                    "altered in {received}..+{taken}"
                );
                received += taken;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn both_ways(near: &Transport, far: &Transport) {
    let all = async {
        tokio::join!(send(near, 1), send(far, 2), receive(far, 1), receive(near, 2));
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("a transfer that ends");
}

#[tokio::test]
async fn both_directions_at_once_over_small_buffers() {
    let folder = Folder::new();
    for (versions, expected) in [(VERSIONS, "TLS 1.3"), (TLS12, "TLS 1.2")] {
        let (server, client) = trusting(&folder);
        let (near, far) = tls_pair(&server, &client.speaking(versions), true).await;
        assert_eq!(near.tls_info().unwrap().version, expected);
        assert_eq!(near.tls_info(), far.tls_info());
        both_ways(&near, &far).await;
    }
    let (near, far) = tcp_pair(true).await;
    both_ways(&Transport::plain(near), &Transport::plain(far)).await;
}

/// The writers are plain threads outside of the runtime, as the fan-out has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_threads_write_while_tasks_read() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    let (near, far) = tls_pair(&server, &client, true).await;
    let (near, far) = (Arc::new(near), Arc::new(far));
    let writers = [(near.clone(), 1), (far.clone(), 2)].map(|(transport, seed)| {
        std::thread::spawn(move || {
            let all = stream(seed, 0..TOTAL);
            let mut sent = 0;
            while sent < TOTAL || transport.wants_flush() {
                let rest = [IoSlice::new(&all[sent..])];
                let done = match sent < TOTAL {
                    true => transport.try_write_vectored(&rest).map(|taken| sent += taken),
                    false => transport.try_flush(),
                };
                if let Err(error) = done {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    std::thread::yield_now();
                }
            }
        })
    });
    let reading = async { tokio::join!(receive(&far, 1), receive(&near, 2)) };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("a transfer that ends");
    for writer in writers {
        writer.join().unwrap();
    }
}

/// D6, B1: what a peer that reads nothing can make this side keep is bounded, and nothing of it is
/// lost when the peer wakes up.
#[tokio::test]
async fn a_stalled_reader_costs_one_piece_and_loses_nothing() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    let (near, far) = tls_pair(&server, &client, true).await;
    let all = stream(3, 0..TOTAL);
    let mut sent = 0;
    loop {
        match near.try_write_vectored(&[IoSlice::new(&all[sent..])]) {
            Ok(taken) => {
                assert!(taken > 0);
                sent += taken;
            }
            // Readiness is noticed by the runtime: the first call may come before it.
            Err(error) if error.kind() == ErrorKind::WouldBlock && sent == 0 => {
                near.writable().await.unwrap();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(near.wants_flush());
    assert_eq!(near.try_flush().unwrap_err().kind(), ErrorKind::WouldBlock);
    let in_kernel = manycast_sys::tcp_info(near.tcp()).unwrap();
    let taken_by_socket = in_kernel.bytes_acked
        + in_kernel.unacked_bytes
        + u64::from(in_kernel.notsent_bytes.unwrap_or(0));
    assert!(sent as u64 <= taken_by_socket + PIECE as u64, "{sent}, {in_kernel:?}");
    // The end follows what still waits, although the socket takes nothing yet.
    near.shutdown_write();
    assert_eq!(
        near.try_write_vectored(&[IoSlice::new(b"late")]).unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
    let (received, ()) = tokio::join!(read_to_end(&far), flush(&near));
    assert!(received.unwrap() == all[..sent]);
}

#[tokio::test]
async fn buffered_plaintext_makes_it_readable_without_the_socket() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    let (near, far) = tls_pair(&server, &client, false).await;
    let sent = stream(4, 0..1_000);
    near.writable().await.unwrap();
    assert_eq!(near.try_write_vectored(&[IoSlice::new(&sent)]).unwrap(), 1_000);
    let mut received = Vec::new();
    while received.len() < 1_000 {
        // One record: after its first bytes the socket never becomes readable again.
        let waiting = tokio::time::timeout(Duration::from_secs(5), far.readable());
        waiting.await.expect("buffered plaintext is announced").unwrap();
        let mut buf = [0; 10];
        match far.try_read(&mut buf) {
            Ok(taken) => received.extend_from_slice(&buf[..taken]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert_eq!(received, sent);
    assert_eq!(far.try_read(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(far.try_read(&mut []).unwrap(), 0);
}

/// One write of many small slices leaves in full records.
#[tokio::test]
async fn small_slices_share_a_record() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    let (near, far) = tls_pair(&server, &client, false).await;
    near.writable().await.unwrap();
    let before = manycast_sys::tcp_info(near.tcp()).unwrap().bytes_sent.unwrap();
    let all = stream(5, 0..16_000);
    let slices: Vec<IoSlice<'_>> = all.chunks(10).map(IoSlice::new).collect();
    assert_eq!(near.try_write_vectored(&slices).unwrap(), all.len());
    near.shutdown_write();
    assert_eq!(read_to_end(&far).await.unwrap(), all);
    let sent = manycast_sys::tcp_info(near.tcp()).unwrap().bytes_sent.unwrap() - before;
    assert!(sent < 16_000 + 100, "{sent} bytes on the wire for 16,000");
}

#[tokio::test]
async fn close_notify_and_bare_fin_both_read_as_the_end_and_the_other_way_stays_open() {
    let folder = Folder::new();
    for politely in [true, false] {
        let (server, client) = trusting(&folder);
        let (near, far) = tls_pair(&server, &client, false).await;
        match politely {
            true => near.shutdown_write(),
            false => manycast_sys::shutdown_write(near.tcp()).unwrap(),
        }
        assert_eq!(read_to_end(&far).await.unwrap(), b"");
        assert_eq!(read_to_end(&far).await.unwrap(), b"");
        assert_eq!(far.try_write_vectored(&[IoSlice::new(b"still here")]).unwrap(), 10);
        far.shutdown_write();
        assert_eq!(read_to_end(&near).await.unwrap(), b"still here");
    }
}

/// B2: a reset, not a FIN behind bytes that never leave.
#[tokio::test]
async fn abort_wakes_the_reader_and_resets_the_peer() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    let (near, far) = tls_pair(&server, &client, true).await;
    let plain = tcp_pair(true).await;
    let plain = (Transport::plain(plain.0), Transport::plain(plain.1));
    for (near, far) in [(near, far), plain] {
        let near = Arc::new(near);
        near.writable().await.unwrap();
        while near.try_write_vectored(&[IoSlice::new(&[0; 50_000])]).is_ok() {}
        let reader = near.clone();
        let reading = tokio::spawn(async move { read_to_end(&reader).await });
        tokio::task::yield_now().await;
        near.abort();
        let woken = tokio::time::timeout(Duration::from_secs(5), reading).await;
        let end = woken.expect("abort wakes a waiting reader").unwrap();
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        let late = near.try_write_vectored(&[IoSlice::new(b"late")]).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::ConnectionAborted);
        drop(near);
        assert_eq!(read_to_end(&far).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn altered_bytes_are_an_error_for_reader_and_writer_and_what_came_before_is_kept() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    let (near, far) = tls_pair(&server, &client, false).await;
    near.writable().await.unwrap();
    assert_eq!(near.try_write_vectored(&[IoSlice::new(b"sound")]).unwrap(), 5);
    // A well-formed record of application data that no key of theirs made.
    near.tcp().try_write(&[&b"\x17\x03\x03\x00\x20"[..], &[9; 32]].concat()).unwrap();
    let mut buf = [0; 100];
    let mut received = Vec::new();
    let error = loop {
        far.readable().await.unwrap();
        match far.try_read(&mut buf) {
            Ok(taken) => received.extend_from_slice(&buf[..taken]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => break error,
        }
    };
    assert_eq!((received.as_slice(), error.kind()), (&b"sound"[..], ErrorKind::InvalidData));
    assert_eq!(far.try_read(&mut buf).unwrap_err().kind(), ErrorKind::InvalidData);
    let write = far.try_write_vectored(&[IoSlice::new(b"x")]).unwrap_err();
    assert_eq!(write.kind(), ErrorKind::InvalidData);
}

/// A server that says no and resets, since nobody reads what it is sent: the no is still there to
/// be read when a write has failed already.
#[tokio::test]
async fn the_last_words_before_a_reset_can_be_read_after_a_failed_write() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    let (near, far) = tls_pair(&server, &client, false).await;
    let flood = vec![7; 20_000];
    near.try_write_vectored(&[IoSlice::new(&flood)]).unwrap();
    far.tcp().readable().await.unwrap();
    far.try_write_vectored(&[IoSlice::new(b"no, and this is why")]).unwrap();
    manycast_sys::reset_on_close(far.tcp()).unwrap();
    drop(far);
    let failed = loop {
        near.writable().await.unwrap();
        match near.try_write_vectored(&[IoSlice::new(&flood)]) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => break error,
            _ => tokio::task::yield_now().await,
        }
    };
    assert!(matches!(failed.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe));
    let again = near.try_write_vectored(&[IoSlice::new(&flood)]).unwrap_err();
    assert_eq!(again.kind(), failed.kind());
    near.readable().await.unwrap();
    let mut buf = [0; 100];
    let taken = near.try_read(&mut buf).unwrap();
    assert_eq!(&buf[..taken], b"no, and this is why");
    let end = near.try_read(&mut buf).map_err(|error| error.kind());
    assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)), "{end:?}");
}

#[tokio::test]
async fn the_server_name_is_sent_for_names_and_not_for_addresses() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    for (asked, sni) in [
        (NAME, Some(NAME)),
        ("LIVE.Example.test", Some(NAME)),
        ("live.example.test.", Some(NAME)),
        ("127.0.0.1", None),
    ] {
        let (near, far) = handshake(&server, &client, asked, false).await;
        let (near, far) = (near.unwrap(), far.unwrap());
        assert_eq!(far.tls_info().unwrap().sni.as_deref(), sni, "{asked}");
        assert!(near.is_tls() && far.is_tls());
        assert!(near.tls_info().unwrap().cipher.starts_with("TLS13_AES"), "{near:?}");
        assert_eq!(near.peer_addr().unwrap(), far.tcp().local_addr().unwrap());
    }
    let (near, _far) = tcp_pair(false).await;
    let plain = Transport::plain(near);
    assert!(!plain.is_tls() && plain.tls_info().is_none() && !plain.wants_flush());
}

#[tokio::test]
async fn a_socket_is_handed_out_only_while_anybody_may_write_to_it() {
    let (near, far) = tcp_pair(true).await;
    let plain = Transport::plain(near);
    assert!(plain.socket().is_some());
    let much = vec![0; 1 << 20];
    while plain.try_write_vectored(&[IoSlice::new(&much)]).is_ok() {}
    assert!(plain.socket().is_none(), "it is known to be full");
    let far = Transport::plain(far);
    let mut buf = vec![0; 1 << 20];
    let room = async {
        while plain.try_write_vectored(&[IoSlice::new(b"x")]).is_err() {
            plain.writable().await.unwrap();
        }
    };
    let read = async {
        loop {
            far.readable().await.unwrap();
            let _ = far.try_read(&mut buf);
        }
    };
    tokio::select! { () = room => {}, () = read => {} }
    assert!(plain.socket().is_some(), "it has room again");
    plain.abort();
    assert!(plain.socket().is_none(), "nothing may go out any more");
}

#[test]
fn a_transport_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Transport>();
    shared::<ClientTls>();
    shared::<crate::ServerTls>();
}
