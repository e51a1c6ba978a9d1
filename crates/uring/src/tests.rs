//! Against real sockets. Where the system forbids rings they can only show that it says so.

use crate::SendRing;
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

/// A ring, unless the system forbids it, which it has to say in one of the known ways.
fn ring() -> Option<SendRing> {
    match SendRing::new() {
        Ok(ring) => Some(ring),
        Err(error) => {
            eprintln!("no ring here: {error}");
            let known =
                [ErrorKind::PermissionDenied, ErrorKind::Unsupported, ErrorKind::OutOfMemory];
            assert!(known.contains(&error.kind()), "{error}");
            None
        }
    }
}

/// Connections: ours, and theirs.
fn pairs(count: usize) -> (Vec<TcpStream>, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let pair = |_| {
        let theirs = TcpStream::connect(at).unwrap();
        (listener.accept().unwrap().0, theirs)
    };
    (0..count).map(pair).unzip()
}

fn send(ring: &mut SendRing, to: &[TcpStream], bytes: &[u8]) -> Vec<io::Result<usize>> {
    let sockets: Vec<_> = to.iter().map(AsFd::as_fd).collect();
    let mut taken = vec![Ok(7)]; // of an earlier call
    ring.send(&sockets, bytes, &mut taken).unwrap();
    taken
}

#[test]
fn all_get_the_same_bytes_in_the_order_of_the_calls_and_more_of_them_than_one_list_holds() {
    let Some(mut ring) = ring() else { return };
    let (ours, theirs) = pairs(300);
    for part in [&b"one picture"[..], b"", b", and the next"] {
        let taken = send(&mut ring, &ours, part);
        assert_eq!(taken.len(), 300);
        assert!(taken.iter().all(|taken| matches!(taken, Ok(n) if *n == part.len())), "{taken:?}");
    }
    drop(ours);
    for mut far in theirs {
        let mut text = String::new();
        far.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one picture, and the next");
    }
    assert!(send(&mut ring, &[], b"nobody").is_empty());
}

#[test]
fn one_without_room_and_one_that_is_gone_are_told_and_disturb_nobody() {
    let Some(mut ring) = ring() else { return };
    let (ours, mut theirs) = pairs(3);
    // The second never reads; all it can take is filled, though the socket may wait for room.
    let much = vec![b'x'; 1 << 20];
    let mut filled = 0;
    loop {
        match send(&mut ring, &ours[1..2], &much).remove(0) {
            Ok(taken) => filled += taken,
            Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert!(filled > 0);
    ours[2].shutdown(std::net::Shutdown::Write).unwrap();
    let taken = send(&mut ring, &ours, b"a picture");
    assert_eq!(*taken[0].as_ref().unwrap(), 9);
    assert_eq!(taken[1].as_ref().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(taken[2].as_ref().unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut got = [0; 9];
    theirs[0].read_exact(&mut got).unwrap();
    assert_eq!(&got, b"a picture");

    // What went in for the second comes out whole once it reads.
    drop(ours);
    let mut all = Vec::new();
    theirs[1].read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), filled);
}

#[test]
fn the_bytes_may_change_as_soon_as_the_call_is_over() {
    let Some(mut ring) = ring() else { return };
    let (ours, mut theirs) = pairs(1);
    let mut bytes = vec![0_u8; 50_000];
    let mut want = Vec::new();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        theirs[0].read_to_end(&mut all).unwrap();
        all
    });
    for round in 0..50 {
        bytes.fill(round);
        if let Ok(taken) = send(&mut ring, &ours, &bytes).remove(0) {
            want.extend_from_slice(&bytes[..taken]);
        }
    }
    drop(ours);
    assert_eq!(reader.join().unwrap(), want);
}
