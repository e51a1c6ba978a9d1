//! Real-time publishers: one thread paces all of them.

use crate::client::{Shared, Target, client_hello, connect_cmd};
use crate::sys::{self, Io};
use crate::wire::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

pub struct PubCfg {
    pub target: Target,
    pub flv: Arc<Flv>,
    pub count: usize,
    pub chunk: usize,
    /// Publish without sending media.
    pub idle: bool,
    pub nice: i32,
    /// Where bytes go without a handshake, from the moment on that a byte comes back.
    pub relay: Option<SocketAddrV4>,
}

#[derive(Default)]
pub struct PubStats {
    pub ready: AtomicU64,
    pub failed: AtomicU64,
    pub bytes: AtomicU64,
    pub backlog_max: AtomicU64,
    pub late_max_us: AtomicU64,
}

struct Pub {
    s: TcpStream,
    rd: ChunkReader,
    msid: u32,
    out: Vec<u8>,
    at: usize,
    loop_ms: u64,
    start: u64,
    seq: u32,
}

fn wait_cmd(
    s: &mut TcpStream,
    rd: &mut ChunkReader,
    ok: impl Fn(&str, f64, &[u8]) -> bool,
) -> Result<f64, String> {
    let mut b = [0u8; 4096];
    let mut found = None;
    let mut err = None;
    loop {
        let n = s.read(&mut b).map_err(|e| e.to_string())?;
        if n == 0 {
            return Err("closed".into());
        }
        rd.feed(&b[..n], |m| {
            let heard = command(m.head).filter(|_| m.kind == 20);
            match heard {
                Some((name, txn, last)) if ok(name, txn, m.head) => found = Some(last),
                Some(("_error", ..)) => err = Some("_error".to_string()),
                _ => {}
            }
        });
        if let Some(v) = found {
            return Ok(v);
        }
        if let Some(e) = err {
            return Err(e);
        }
    }
}

fn open(t: &Target, i: usize, chunk: usize) -> Result<Pub, String> {
    let mut s = TcpStream::connect(t.rtmp).map_err(|e| e.to_string())?;
    s.set_nodelay(true).ok();
    s.set_read_timeout(Some(Duration::from_secs(5))).ok();
    s.set_write_timeout(Some(Duration::from_secs(5))).ok();
    let io = |e: std::io::Error| e.to_string();
    s.write_all(&client_hello()).map_err(io)?;
    let mut h = [0u8; 3073];
    s.read_exact(&mut h).map_err(io)?;
    let mut out = h[1..1537].to_vec();
    put_msg(&mut out, 2, 1, 0, 0, &(chunk as u32).to_be_bytes(), 128);
    connect_cmd(&mut out, t, &[("type", "nonprivate")], chunk);
    s.write_all(&out).map_err(io)?;
    let mut rd = ChunkReader::default();
    wait_cmd(&mut s, &mut rd, |n, t, _| n == "_result" && t == 1.0)?;
    let name = format!("{}{}", t.prefix, i);
    let mut out = Vec::new();
    put_cmd(&mut out, (3, 0), "releaseStream", 2.0, &[&name], chunk);
    put_cmd(&mut out, (3, 0), "FCPublish", 3.0, &[&name], chunk);
    put_cmd(&mut out, (3, 0), "createStream", 4.0, &[], chunk);
    s.write_all(&out).map_err(io)?;
    let msid = wait_cmd(&mut s, &mut rd, |n, t, _| n == "_result" && t == 4.0)? as u32;
    let mut out = Vec::new();
    put_cmd(&mut out, (3, msid), "publish", 5.0, &[&name, "live"], chunk);
    s.write_all(&out).map_err(io)?;
    wait_cmd(&mut s, &mut rd, |n, _, b| {
        n == "onStatus" && contains(b, b"NetStream.Publish.Start")
    })?;
    s.set_nonblocking(true).ok();
    Ok(Pub::new(s, rd, msid, Vec::new()))
}

/// To a relay: the chunk stream of a server, as its subscribers read it.
fn open_bare(relay: SocketAddrV4, chunk: usize) -> Result<Pub, String> {
    let s = TcpStream::connect(relay).map_err(|e| e.to_string())?;
    s.set_nodelay(true).ok();
    s.set_nonblocking(true).ok();
    let mut out = Vec::new();
    put_msg(&mut out, 2, 1, 0, 0, &(chunk as u32).to_be_bytes(), 128);
    Ok(Pub::new(s, ChunkReader::default(), 1, out))
}

/// Where a tag is going: its message stream, time and place in the sequence.
pub struct Slot {
    pub msid: u32,
    pub ts: u32,
    pub seq: u32,
}

/// Append a tag as an RTMP message; a stamped picture gets the time and its sequence number.
pub fn put_tag(out: &mut Vec<u8>, t: &Tag, slot: Slot, chunk: usize, tmp: &mut Vec<u8>) {
    tmp.clear();
    tmp.extend_from_slice(&t.data);
    if let Some(uuid) = t.stamp {
        put_stamp(tmp, uuid, sys::now_ns(), slot.seq);
    }
    let csid = match t.kind {
        8 => 4,
        9 => 6,
        _ => 5,
    };
    put_msg(out, csid, t.kind, slot.msid, slot.ts, tmp, chunk);
}

impl Pub {
    fn new(s: TcpStream, rd: ChunkReader, msid: u32, out: Vec<u8>) -> Self {
        Pub { s, rd, msid, out, at: 0, loop_ms: 0, start: 0, seq: 0 }
    }

    /// Whether the relay has found it a subscriber.
    fn is_awaited(&self) -> bool {
        matches!(sys::recv(self.s.as_raw_fd(), &mut [0]), Io::Done(_))
    }

    /// Metadata and sequence headers, once per publish.
    fn setup(&mut self, cfg: &PubCfg, tmp: &mut Vec<u8>) {
        for t in &cfg.flv.setup {
            let mut t = t.clone();
            if t.kind == 18 {
                let mut d = Vec::new();
                amf_str(&mut d, "@setDataFrame");
                d.extend_from_slice(&t.data);
                t.data = d;
            }
            let slot = Slot { msid: self.msid, ts: 0, seq: 0 };
            put_tag(&mut self.out, &t, slot, cfg.chunk, tmp);
        }
    }

    /// Queue every tag that is due by now; returns when the next one is.
    fn queue_due(&mut self, cfg: &PubCfg, now: u64, tmp: &mut Vec<u8>) -> u64 {
        let f = &cfg.flv;
        loop {
            let t = &f.tags[self.at];
            let at_ms = self.loop_ms + t.ts as u64;
            let due = self.start + at_ms * 1_000_000;
            if due > now {
                return due;
            }
            let slot = Slot { msid: self.msid, ts: at_ms as u32, seq: self.seq };
            put_tag(&mut self.out, t, slot, cfg.chunk, tmp);
            self.seq += u32::from(t.stamp.is_some());
            self.at += 1;
            if self.at == f.tags.len() {
                self.at = 0;
                self.loop_ms += f.span_ms as u64;
            }
        }
    }

    /// Read what the server says and answer its pings.
    fn hear(&mut self, buf: &mut [u8], chunk: usize) {
        let fd = self.s.as_raw_fd();
        while let Io::Done(k) = sys::recv(fd, buf) {
            let out = &mut self.out;
            self.rd.feed(&buf[..k], |m| {
                if is_ping(&m) {
                    put_pong(out, &m.head[2..6], chunk);
                }
            });
        }
    }
}

/// Blocking set-up, a few at a time.
fn open_all(cfg: &PubCfg, st: &PubStats, sh: &Shared) -> Vec<Pub> {
    let lanes = cfg.count.clamp(1, 32);
    let lane = |l: usize| {
        let mut v = Vec::new();
        for i in (l..cfg.count).step_by(lanes) {
            if sh.stop.load(Relaxed) {
                break;
            }
            let opened = match cfg.relay {
                Some(relay) => open_bare(relay, cfg.chunk),
                None => open(&cfg.target, i, cfg.chunk),
            };
            match opened {
                Ok(p) => v.push(p),
                Err(e) => {
                    if st.failed.fetch_add(1, Relaxed) == 0 {
                        eprintln!("publisher {i}: {e}");
                    }
                }
            }
        }
        v
    };
    std::thread::scope(|sc| {
        let hs: Vec<_> = (0..lanes).map(|l| sc.spawn(move || lane(l))).collect();
        hs.into_iter().flat_map(|h| h.join().unwrap_or_default()).collect()
    })
}

/// Publish until `sh.stop`.
pub fn run(cfg: PubCfg, st: Arc<PubStats>, sh: Arc<Shared>) {
    sys::nice_thread(cfg.nice);
    let mut pubs = open_all(&cfg, &st, &sh);
    let mut heap = BinaryHeap::new();
    let mut tmp = Vec::new();
    let count = pubs.len();
    let begin = |now: u64, i: usize, p: &mut Pub, heap: &mut BinaryHeap<_>| {
        p.start = now + 10_000_000 + (i * 33_000_000 / count) as u64;
        p.setup(&cfg, &mut Vec::new());
        heap.push(Reverse((p.start, i)));
    };
    let mut silent: Vec<usize> = if cfg.idle { Vec::new() } else { (0..count).collect() };
    st.ready.store(pubs.len() as u64, Relaxed);
    let mut buf = vec![0u8; 65536];
    let mut next_read = sys::now_ns();
    while !sh.stop.load(Relaxed) {
        let now = sys::now_ns();
        if now >= next_read {
            next_read = now + 500_000_000;
            silent.retain(|&i| {
                let waits = cfg.relay.is_some() && !pubs[i].is_awaited();
                if !waits {
                    begin(now, i, &mut pubs[i], &mut heap);
                }
                waits
            });
            pubs.iter_mut().for_each(|p| p.hear(&mut buf, cfg.chunk));
        }
        let Some(&Reverse((due, i))) = heap.peek() else {
            sys::sleep_until(now + 50_000_000);
            continue;
        };
        if due > now {
            sys::sleep_until(due.min(now + 50_000_000));
            continue;
        }
        heap.pop();
        st.late_max_us.fetch_max((now - due) / 1000, Relaxed);
        let p = &mut pubs[i];
        let next = p.queue_due(&cfg, now, &mut tmp);
        match sys::send(p.s.as_raw_fd(), &p.out, 0) {
            Io::Done(k) => {
                st.bytes.fetch_add(k as u64, Relaxed);
                p.out.drain(..k);
            }
            Io::Again => {}
            Io::Closed => {
                st.failed.fetch_add(1, Relaxed);
                st.ready.fetch_sub(1, Relaxed);
                continue;
            }
        }
        heap.push(Reverse((next, i)));
        st.backlog_max.fetch_max(p.out.len() as u64, Relaxed);
    }
}
