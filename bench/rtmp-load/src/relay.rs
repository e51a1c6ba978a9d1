//! The limit of a server of many streams with a viewer each: bytes go from one socket to another,
//! without a protocol. One read and one write per picture, and whatever waiting costs.
//!
//! Publishers come to one address and subscribers to another; the first goes with the first. A
//! publisher is told by one byte that its subscriber is there, and begins then.

use crate::sys::{self, Epoll, Io};
use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

pub struct RelayCfg {
    pub publishers: SocketAddrV4,
    pub subscribers: SocketAddrV4,
    pub threads: usize,
    pub seconds: u64,
    pub max_pairs: usize,
}

/// More than the sound between two pictures and less than a picture: sound rides with the next.
const WORTH_WAKING: i32 = 2048;
const BUFFER: usize = 128 * 1024;
/// Both ends of a pair are in the key of its event.
const HALF: u32 = 32;

/// Serve until `cfg.seconds` are over, then print one JSON object.
pub fn run(cfg: &RelayCfg) -> Result<(), String> {
    let listen = |a| sys::listen_nb(a).map_err(|e| e.to_string());
    let listeners = [listen(&cfg.publishers)?, listen(&cfg.subscribers)?];
    let (over, bytes) = (AtomicBool::new(false), AtomicU64::new(0));
    let lanes: Vec<_> = (0..cfg.threads).map(|_| Arc::new(Epoll::new())).collect();
    let pairs = std::thread::scope(|scope| {
        for lane in &lanes {
            scope.spawn(|| pass_on(lane, &over, &bytes));
        }
        let pairs = accept(cfg, listeners, &lanes);
        over.store(true, Relaxed);
        pairs
    });
    println!("{{\"relay\":{pairs},\"bytes\":{}}}", bytes.load(Relaxed));
    Ok(())
}

/// Brings together who comes, and hands each pair to a thread.
fn accept(cfg: &RelayCfg, listeners: [i32; 2], lanes: &[Arc<Epoll>]) -> usize {
    let end = sys::now_ns() + cfg.seconds * 1_000_000_000;
    let mut waiting = [VecDeque::<i32>::new(), VecDeque::new()];
    let mut pairs = 0;
    while sys::now_ns() < end {
        std::thread::sleep(Duration::from_millis(20));
        for (listener, waiting) in listeners.iter().zip(&mut waiting) {
            while let Some(fd) = sys::accept_nb(*listener) {
                sys::nodelay(fd);
                waiting.push_back(fd);
            }
        }
        while let [Some(&from), Some(&to)] = [waiting[0].front(), waiting[1].front()] {
            if pairs == cfg.max_pairs {
                break;
            }
            for queue in &mut waiting {
                queue.pop_front();
            }
            sys::recv_lowat(from, WORTH_WAKING);
            lanes[pairs % lanes.len()].add(from, sys::IN, (from as u64) << HALF | to as u64);
            let _ = sys::send(from, &[0], 0);
            pairs += 1;
        }
    }
    pairs
}

/// One thread: reads what came and writes it to the other end. What a subscriber says is not read.
fn pass_on(ep: &Epoll, over: &AtomicBool, bytes: &AtomicU64) {
    let mut events = Vec::new();
    let mut buffer = vec![0; BUFFER];
    while !over.load(Relaxed) {
        let n = ep.wait(&mut events, 200);
        for event in &events[..n] {
            let [from, to] = [(event.u64 >> HALF) as i32, event.u64 as u32 as i32];
            let taken = match sys::recv(from, &mut buffer) {
                Io::Done(n) => n,
                Io::Again => continue,
                Io::Closed => 0,
            };
            // a subscriber that is behind by a socket's buffer is let go, as by a floor it may be
            match sys::send(to, &buffer[..taken], 0) {
                Io::Done(sent) if taken > 0 && sent == taken => {
                    bytes.fetch_add(sent as u64, Relaxed);
                }
                _ => {
                    ep.del(from);
                    sys::close(from);
                    sys::close(to);
                }
            }
        }
    }
}
