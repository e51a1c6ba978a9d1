//! Many viewers by one system call: real sockets, and the same bytes as one by one.

use super::*;
use manycast_uring::SendRing;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread::JoinHandle;

/// A connection that anybody may write to while it has room.
struct TcpSink {
    tcp: TcpStream,
    /// Writes that went through it, and not past it.
    writes: AtomicUsize,
    full: AtomicBool,
}

impl Sink for TcpSink {
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let done = (&self.tcp).write_vectored(bufs);
        let full = matches!(&done, Err(e) if e.kind() == ErrorKind::WouldBlock);
        self.full.store(full, Ordering::Relaxed);
        done
    }
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        (!self.full.load(Ordering::Relaxed)).then(|| self.tcp.as_fd())
    }
    fn abort(&self) {
        let _ = self.tcp.shutdown(Shutdown::Both);
    }
}

/// With patience for readers that get no turn on a busy machine.
fn patient(allowed: bool) -> Bench {
    let mut bench = Bench::new();
    bench.bulk = Some(Bulk::new(allowed));
    let age = Duration::from_secs(3600);
    (bench.config.patience, bench.config.bounds.age) = (age, age);
    bench
}

/// Lets time go by until everybody has everything.
fn finish(bench: &mut Bench) {
    while bench.group.due(bench.now()).is_some() {
        bench.pass();
        bench.ms += 1;
        std::thread::sleep(Duration::from_millis(1)); // the readers' turn
    }
}

/// Viewers that have all had two pictures, and their far ends.
fn audience(bench: &mut Bench, count: usize) -> (Vec<Arc<TcpSink>>, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let pair = |_| {
        let far = TcpStream::connect(at).unwrap();
        let tcp = listener.accept().unwrap().0;
        tcp.set_nonblocking(true).unwrap();
        let (writes, full) = Default::default();
        (Arc::new(TcpSink { tcp, writes, full }), far)
    };
    let (sinks, far): (Vec<_>, Vec<_>) = (0..count).map(pair).unzip();
    for sink in &sinks {
        bench.join_saying(sink.clone(), None, Vec::new());
    }
    bench.run(2, 1000); // the second time they are known to stand together
    (sinks, far)
}

fn read_all(mut far: TcpStream) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        far.read_to_string(&mut text).unwrap();
        text
    })
}

/// Fills a socket behind the fan-out's back; how many bytes it took.
fn fill(sink: &TcpSink) -> usize {
    let mut filled = 0;
    while let Ok(taken) = (&sink.tcp).write(&[b'.'; 4096]) {
        filled += taken;
    }
    filled
}

#[test]
fn more_viewers_than_one_list_holds_get_the_same_bytes() {
    for allowed in [true, false] {
        let mut bench = patient(allowed);
        let (sinks, far) = audience(&mut bench, 300);
        let before: usize = sinks.iter().map(|sink| sink.writes.load(Ordering::Relaxed)).sum();
        for _ in 2..20 {
            bench.picture(false);
            bench.pass();
            bench.ms += 40;
        }
        let after: usize = sinks.iter().map(|sink| sink.writes.load(Ordering::Relaxed)).sum();
        let alone = !allowed || SendRing::new().is_err();
        assert_eq!(after - before, if alone { 300 * 18 } else { 0 }, "allowed: {allowed}");
        drop((bench, sinks));
        let want = format!("{{J}}{}", pictures(0..20, 1000));
        for far in far {
            assert_eq!(read_all(far).join().unwrap(), want);
        }
    }
}

#[test]
fn one_without_room_and_one_that_left_disturb_nobody_and_miss_nothing() {
    let mut bench = patient(true);
    let (sinks, mut far) = audience(&mut bench, 140);
    let filled = fill(&sinks[130]);
    assert!(filled > 0);
    drop(far.remove(7)); // what it was sent lies unread: its system answers with a reset
    let counts: Vec<_> = (2..20)
        .map(|_| {
            bench.picture(false);
            bench.pass();
            bench.ms += 40;
            bench.group.len()
        })
        .collect();
    assert_eq!(counts.last(), Some(&139), "who left is let go: {counts:?}");
    let full = far.remove(129);
    let reader = read_all(full);
    finish(&mut bench);
    drop((bench, sinks));
    let want = format!("{{J}}{}{}", pictures(0..2, 1000), ".".repeat(filled));
    let want = want + &pictures(2..20, 1000);
    assert_eq!(reader.join().unwrap(), want, "what had no room came later, whole and in order");
    let want = format!("{{J}}{}", pictures(0..20, 1000));
    for far in far {
        assert_eq!(read_all(far).join().unwrap(), want);
    }
}

#[test]
fn messages_of_which_a_part_is_taken_are_finished() {
    let mut bench = patient(true);
    let (sinks, far) = audience(&mut bench, 10);
    let readers: Vec<_> = far.into_iter().map(read_all).collect();
    let mut want = format!("{{J}}{}", pictures(0..2, 1000));
    for n in 0..200 {
        let payload = vec![b'a' + u8::try_from(n % 26).unwrap(); 25_000];
        bench.picture_of(false, Bytes::from(payload.clone()));
        bench.pass();
        bench.ms += 10;
        want += &format!("<f{:05}", 80 + n * 10);
        want += std::str::from_utf8(&payload).unwrap();
        want += ">";
    }
    finish(&mut bench);
    drop((bench, sinks));
    for reader in readers {
        assert!(reader.join().unwrap() == want, "not the same bytes");
    }
}
