//! The physical limit: the same bytes, at the same times, to every accepted socket, no protocol.

use crate::publisher::{Slot, put_tag};
use crate::sys::{self, Epoll, Io};
use crate::tls::{Material, Tls};
use crate::wire::*;
use io_uring::{IoUring, opcode, types};
use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mode {
    Send,
    ZeroCopy,
    SendFile,
    Uring,
    Tls,
}

/// When what has gathered leaves.
#[derive(Clone, Copy)]
pub enum Pace {
    /// With this many pictures and the audio between them; 0: every tag alone.
    Pictures(usize),
    /// With the next picture, but at least this many nanoseconds after the last time.
    Merge(u64),
}

pub struct FloorCfg {
    pub listen: SocketAddrV4,
    pub flv: Arc<Flv>,
    pub chunk: usize,
    pub pace: Pace,
    pub mode: Mode,
    /// Needed by [`Mode::Tls`].
    pub tls: Option<Material>,
    pub seconds: u64,
    pub max_conns: usize,
}

struct Peer {
    fd: i32,
    /// What the last write could not take.
    rest: Vec<u8>,
    zc_pending: u32,
    /// The handshake is over, and the peer is there.
    live: bool,
    tls: Option<Tls>,
}

#[derive(Default)]
struct Count {
    calls: u64,
    sent: u64,
    short: u64,
    groups: u64,
}

struct Floor {
    cfg: FloorCfg,
    ep: Epoll,
    listener: i32,
    hello: Vec<u8>,
    peers: Vec<Peer>,
    ring: Option<IoUring>,
    memfd: i32,
    file_at: u64,
    count: Count,
}

impl Peer {
    fn gone(&mut self) {
        self.live = false;
        self.rest = Vec::new();
        sys::close(self.fd);
    }
}

/// Where the endless loop over the file stands.
#[derive(Default)]
struct Cursor {
    at: usize,
    loop_ms: u64,
    seq: u32,
    in_group: usize,
    sent_at: u64,
}

impl Cursor {
    /// The gathered bytes may leave, and from when on.
    fn ripe(&self, pace: Pace, gathered: &[u8]) -> Option<u64> {
        match pace {
            Pace::Pictures(n) => (!gathered.is_empty() && self.in_group >= n).then_some(0),
            Pace::Merge(ns) => (self.in_group > 0).then_some(self.sent_at + ns),
        }
    }
}

const RING: usize = 2048;
/// Bytes of the memfd that stay readable behind the write position.
const KEPT: u64 = 16 << 20;

/// Serve until `cfg.seconds` are over, then print one JSON object.
pub fn run(cfg: FloorCfg) -> Result<(), String> {
    if cfg.mode == Mode::Tls && cfg.tls.is_none() {
        return Err("--mode tls needs --tls DIR".into());
    }
    let listener = sys::listen_nb(&cfg.listen).map_err(|e| e.to_string())?;
    let ep = Epoll::new();
    ep.add(listener, sys::IN, 0);
    let ring = match cfg.mode {
        Mode::Uring => Some(IoUring::new(RING as u32 * 2).map_err(|e| format!("io_uring: {e}"))?),
        _ => None,
    };
    let mut hello = Vec::new();
    put_msg(&mut hello, 2, 1, 0, 0, &(cfg.chunk as u32).to_be_bytes(), 128);
    let memfd = sys::memfd();
    let mut f = Floor {
        cfg,
        ep,
        listener,
        hello,
        peers: Vec::new(),
        ring,
        memfd,
        file_at: 0,
        count: Count::default(),
    };
    f.serve()?;
    f.report();
    Ok(())
}

impl Floor {
    fn serve(&mut self) -> Result<(), String> {
        let flv = self.cfg.flv.clone();
        let mut evs = Vec::new();
        // what may still be in flight under zero-copy
        let mut keep: VecDeque<Vec<u8>> = VecDeque::new();
        let (mut group, mut tmp) = (Vec::new(), Vec::new());
        let start = sys::now_ns();
        let end = start + self.cfg.seconds * 1_000_000_000;
        let mut c = Cursor::default();
        loop {
            let now = sys::now_ns();
            if now >= end {
                return Ok(());
            }
            let ripe = c.ripe(self.cfg.pace, &group);
            if ripe.is_some_and(|at| at <= now) {
                c.in_group = 0;
                c.sent_at = now;
                let data = std::mem::take(&mut group);
                self.send_all(&data)?;
                keep.push_back(data);
                if keep.len() > 256 {
                    keep.pop_front();
                }
                continue;
            }
            let t = &flv.tags[c.at];
            let ms = c.loop_ms + t.ts as u64;
            let due = start + ms * 1_000_000;
            if due > now {
                let until = due.min(end).min(ripe.unwrap_or(u64::MAX));
                let n = self.ep.wait(&mut evs, ((until - now) / 1_000_000) as i32);
                for ev in evs.iter().take(n) {
                    match ev.u64 {
                        0 => self.accept(),
                        k => self.hear(k as usize - 1),
                    }
                }
                if n == 0 {
                    sys::sleep_until(until);
                }
                continue;
            }
            let slot = Slot { msid: 1, ts: ms as u32, seq: c.seq };
            put_tag(&mut group, t, slot, self.cfg.chunk, &mut tmp);
            c.seq += u32::from(t.stamp.is_some());
            c.in_group += usize::from(t.stamp.is_some());
            c.at += 1;
            if c.at == flv.tags.len() {
                c.at = 0;
                c.loop_ms += flv.span_ms as u64;
            }
        }
    }

    fn accept(&mut self) {
        while let Some(fd) = sys::accept_nb(self.listener) {
            if self.peers.len() >= self.cfg.max_conns {
                sys::close(fd);
                continue;
            }
            sys::nodelay(fd);
            if self.cfg.mode == Mode::ZeroCopy {
                sys::set_zerocopy(fd);
            }
            let tls = match self.cfg.mode {
                Mode::Tls => self.cfg.tls.as_ref().and_then(|m| m.accept()),
                _ => None,
            };
            let live = tls.is_none();
            if live {
                let _ = sys::send(fd, &self.hello, 0);
            } else {
                self.ep.add(fd, sys::IN, self.peers.len() as u64 + 1);
            }
            self.peers.push(Peer { fd, rest: Vec::new(), zc_pending: 0, live, tls });
        }
    }

    /// The peer's half of the TLS handshake; nothing else is ever said by it.
    fn hear(&mut self, k: usize) {
        let p = &mut self.peers[k];
        let Some(tls) = &mut p.tls else { return };
        let mut buf = [0u8; 16384];
        let good = match sys::recv(p.fd, &mut buf) {
            Io::Done(n) => tls.take(&buf[..n], &mut Vec::new()),
            Io::Again => return,
            Io::Closed => false,
        };
        if good && !p.live && !tls.is_handshaking() {
            p.live = true;
            tls.put(&self.hello);
        }
        if !good || matches!(tls.flush(p.fd), Io::Closed) {
            p.tls = None;
            p.gone();
        }
    }

    fn send_all(&mut self, data: &[u8]) -> Result<(), String> {
        self.count.groups += 1;
        let off = self.file_at;
        if self.cfg.mode == Mode::SendFile {
            self.write_file(data)?;
        }
        if let Some(mut ring) = self.ring.take() {
            let done = self.send_ring(&mut ring, data);
            self.ring = Some(ring);
            return done;
        }
        let (mode, memfd) = (self.cfg.mode, self.memfd);
        for p in self.peers.iter_mut().filter(|p| p.live) {
            if let Some(tls) = &mut p.tls {
                self.count.calls += 1;
                tls.put(data);
                let flushed = tls.flush(p.fd);
                self.count.short += u64::from(tls.wants_write());
                match flushed {
                    Io::Done(n) => self.count.sent += n as u64,
                    Io::Again => {}
                    Io::Closed => p.gone(),
                }
                continue;
            }
            if !p.rest.is_empty() {
                flush_rest(p, &mut self.count.sent, Some(data));
                continue;
            }
            self.count.calls += 1;
            let r = match mode {
                Mode::SendFile => sys::sendfile(p.fd, memfd, off, data.len()),
                Mode::ZeroCopy => send_zerocopy(p, data),
                _ => sys::send(p.fd, data, 0),
            };
            let done = match r {
                Io::Done(n) => n,
                Io::Again => 0,
                Io::Closed => {
                    p.gone();
                    continue;
                }
            };
            took(p, &mut self.count, data, done);
        }
        Ok(())
    }

    fn write_file(&mut self, data: &[u8]) -> Result<(), String> {
        let off = self.file_at;
        if !sys::pwrite_all(self.memfd, data, off) {
            return Err("memfd write".into());
        }
        // whole pages only, so that a page is never rewritten while it is in flight
        self.file_at += (data.len() as u64).next_multiple_of(4096);
        if off >= KEPT {
            sys::punch_hole(self.memfd, (off - KEPT) & !4095);
        }
        Ok(())
    }

    fn send_ring(&mut self, ring: &mut IoUring, data: &[u8]) -> Result<(), String> {
        let mut lo = 0;
        while lo < self.peers.len() {
            let hi = (lo + RING).min(self.peers.len());
            let mut left = 0;
            for (k, p) in self.peers.iter().enumerate().take(hi).skip(lo) {
                if !p.live || !p.rest.is_empty() {
                    continue;
                }
                let e = opcode::Send::new(types::Fd(p.fd), data.as_ptr(), data.len() as u32)
                    .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
                    .build()
                    .user_data(k as u64);
                // SAFETY: `data` outlives the loop below, which waits for every completion.
                unsafe { ring.submission().push(&e).map_err(|_| "ring full")? };
                left += 1;
            }
            self.count.calls += 1;
            ring.submit_and_wait(left).map_err(|e| e.to_string())?;
            while left > 0 {
                let before = left;
                for c in ring.completion() {
                    left -= 1;
                    self.completed(c.user_data() as usize, c.result(), data);
                }
                if left == before {
                    ring.submit_and_wait(1).map_err(|e| e.to_string())?;
                }
            }
            for p in &mut self.peers[lo..hi] {
                flush_rest(p, &mut self.count.sent, None);
            }
            lo = hi;
        }
        Ok(())
    }

    fn completed(&mut self, k: usize, result: i32, data: &[u8]) {
        let p = &mut self.peers[k];
        match result {
            n if n >= 0 => took(p, &mut self.count, data, n as usize),
            e if e == -libc::EAGAIN => took(p, &mut self.count, data, 0),
            _ => p.gone(),
        }
    }

    fn report(&self) {
        let (user, sys, rss) = sys::rusage();
        let c = &self.count;
        println!(
            concat!(
                "{{\"floor\":\"{:?}\",\"chunk\":{},\"conns\":{},\"groups\":{},",
                "\"calls\":{},\"short\":{},\"bytes\":{},\"user_s\":{:.3},\"sys_s\":{:.3},",
                "\"cpu_s_per_gb\":{:.4},\"maxrss_kb\":{}}}"
            ),
            self.cfg.mode,
            self.cfg.chunk,
            self.peers.len(),
            c.groups,
            c.calls,
            c.short,
            c.sent,
            user,
            sys,
            (user + sys) / (c.sent.max(1) as f64 / 1e9),
            rss
        );
    }
}

fn send_zerocopy(p: &mut Peer, data: &[u8]) -> Io {
    p.zc_pending += 1;
    if p.zc_pending >= 16 {
        sys::reap_zerocopy(p.fd);
        p.zc_pending = 0;
    }
    sys::send(p.fd, data, libc::MSG_ZEROCOPY)
}

/// The kernel took `done` bytes; the rest waits for the next group.
fn took(p: &mut Peer, count: &mut Count, data: &[u8], done: usize) {
    count.sent += done as u64;
    if done < data.len() {
        count.short += 1;
        p.rest.extend_from_slice(&data[done..]);
    }
}

fn flush_rest(p: &mut Peer, sent: &mut u64, more: Option<&[u8]>) {
    if let Some(d) = more {
        p.rest.extend_from_slice(d);
    }
    if p.rest.is_empty() || !p.live {
        return;
    }
    match sys::send(p.fd, &p.rest, 0) {
        Io::Done(n) => {
            *sent += n as u64;
            p.rest.drain(..n);
        }
        Io::Again => {}
        Io::Closed => p.gone(),
    }
}
