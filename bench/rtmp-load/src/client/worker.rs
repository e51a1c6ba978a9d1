//! One epoll loop per thread: opens connections at a rate, reads, writes, drains, counts.
//!
//! What belongs here: sockets and their life. What must not: the words of RTMP (`session.rs`).

use super::{Goal, Plan, Proto, Shared, Stats, WorkerCfg};
use crate::sys::{self, Epoll, Io};
use crate::tls::Tls;
use crate::wire::{ChunkReader, HttpFlvReader};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Phase {
    Connecting,
    Handshake,
    Commands,
    Streaming,
    Draining,
    Dead,
}

pub(super) struct Conn {
    pub(super) fd: i32,
    pub(super) plan: Plan,
    pub(super) phase: Phase,
    pub(super) t0: u64,
    pub(super) out: Vec<u8>,
    pub(super) hs: Vec<u8>,
    pub(super) rd: ChunkReader,
    pub(super) flv: HttpFlvReader,
    pub(super) bytes: u64,
    pub(super) acked: u64,
    pub(super) window: u64,
    pub(super) last_rx: u64,
    pub(super) last_seq: Option<u32>,
    pub(super) reached: bool,
    /// Sink only: the server half of the handshake was sent.
    pub(super) greeted: bool,
    tls: Option<Tls>,
}

impl Conn {
    fn new(fd: i32, plan: Plan, phase: Phase) -> Conn {
        Conn {
            fd,
            plan,
            phase,
            t0: sys::now_ns(),
            out: Vec::new(),
            hs: Vec::new(),
            rd: ChunkReader::default(),
            flv: HttpFlvReader::default(),
            bytes: 0,
            acked: 0,
            window: 2_500_000,
            last_rx: 0,
            last_seq: None,
            reached: false,
            greeted: false,
            tls: None,
        }
    }
}

const STALL_NS: u64 = 1_000_000_000;
/// Joins in flight at once.
const MAX_PENDING: usize = 256;
const LISTEN_KEY: u64 = 1 << 40;

pub(super) struct Worker {
    pub(super) cfg: WorkerCfg,
    sh: Arc<Shared>,
    ep: Epoll,
    pub(super) conns: Vec<Conn>,
    drained: Vec<usize>,
    /// Those who read nothing more.
    stalled: Vec<usize>,
    /// What was decrypted last.
    plain: Vec<u8>,
    pub(super) st: Stats,
    pending: usize,
    pub(super) measuring: bool,
}

/// Run until `sh.stop`, then tell what was seen.
pub fn run(cfg: WorkerCfg, sh: Arc<Shared>) -> Stats {
    sys::nice_thread(cfg.nice);
    let mut w = Worker {
        cfg,
        sh,
        ep: Epoll::new(),
        conns: Vec::new(),
        drained: Vec::new(),
        stalled: Vec::new(),
        plain: Vec::new(),
        st: Stats::default(),
        pending: 0,
        measuring: false,
    };
    w.main();
    w.st
}

impl Worker {
    fn main(&mut self) {
        let mut buf = vec![0u8; 256 * 1024];
        let mut evs = Vec::new();
        let listeners = self.listen();
        let t_start = sys::now_ns();
        let mut opened = 0;
        let total = self.cfg.plans.len();
        let tick = self.cfg.drain_tick_ms * 1_000_000;
        let mut next_drain = t_start + tick;
        while !self.sh.stop.load(Relaxed) {
            self.measuring = self.sh.measuring.load(Relaxed);
            opened = self.open_due(opened, t_start);
            let timeout = match (opened < total, self.drained.is_empty()) {
                (true, _) => 1,
                (false, false) => 0,
                (false, true) => 20,
            };
            let n = self.ep.wait(&mut evs, timeout);
            for ev in evs.iter().take(n) {
                let (k, e) = (ev.u64, ev.events);
                if k >= LISTEN_KEY {
                    while let Some(fd) = sys::accept_nb(listeners[(k - LISTEN_KEY) as usize]) {
                        self.accept(fd);
                    }
                } else {
                    self.event(k as usize, e, &mut buf);
                }
            }
            if self.drained.is_empty() {
                continue;
            }
            if sys::now_ns() >= next_drain {
                self.drain(&mut buf);
                next_drain = sys::now_ns().max(next_drain + tick);
            } else if opened == total && n == 0 {
                sys::sleep_until(next_drain);
            }
        }
        let reset = self.stalled.iter().filter(|i| sys::so_error(self.conns[**i].fd) != 0);
        self.st.reset = reset.count() as u64;
        let open = self.conns.iter().filter(|c| c.phase != Phase::Dead).map(|c| c.fd);
        open.chain(listeners).for_each(sys::close);
    }

    fn listen(&self) -> Vec<i32> {
        let mut listeners = Vec::new();
        for a in &self.cfg.sinks {
            match sys::listen_nb(a) {
                Ok(fd) => {
                    self.ep.add(fd, sys::IN, LISTEN_KEY + listeners.len() as u64);
                    listeners.push(fd);
                }
                Err(e) => eprintln!("sink {a}: {e}"),
            }
        }
        listeners
    }

    /// Open what the rate allows by now; returns how many were opened in all.
    fn open_due(&mut self, mut opened: usize, t_start: u64) -> usize {
        let seconds = (sys::now_ns() - t_start) as f64 / 1e9;
        while opened < self.cfg.plans.len()
            && self.pending < MAX_PENDING
            && (opened as f64) < seconds * self.cfg.rate + 1.0
        {
            let p = self.cfg.plans[opened].clone();
            opened += 1;
            self.open(p, None);
        }
        opened
    }

    fn open(&mut self, plan: Plan, reuse: Option<usize>) {
        let addr =
            if plan.proto == Proto::HttpFlv { self.cfg.target.http } else { self.cfg.target.rtmp };
        let t0 = sys::now_ns();
        match sys::connect_nb(&addr) {
            Ok(fd) => {
                let mut c = Conn::new(fd, plan, Phase::Connecting);
                c.t0 = t0;
                if c.plan.proto == Proto::Raw {
                    c.tls = self.cfg.tls.as_ref().and_then(|m| m.connect(*addr.ip()));
                }
                let i = match reuse {
                    Some(i) => {
                        self.conns[i] = c;
                        i
                    }
                    None => {
                        self.conns.push(c);
                        self.conns.len() - 1
                    }
                };
                self.pending += 1;
                self.ep.add(fd, sys::OUT, i as u64);
            }
            Err(_) => {
                self.sh.failed.fetch_add(1, Relaxed);
            }
        }
    }

    fn accept(&mut self, fd: i32) {
        sys::nodelay(fd);
        let mut c = Conn::new(fd, Plan { proto: Proto::Sink, stream: 0 }, Phase::Handshake);
        c.tls = self.cfg.tls.as_ref().and_then(|m| m.accept());
        self.conns.push(c);
        self.pending += 1;
        self.ep.add(fd, sys::IN, self.conns.len() as u64 - 1);
    }

    pub(super) fn kill(&mut self, i: usize) {
        let c = &mut self.conns[i];
        if c.phase == Phase::Dead {
            return;
        }
        sys::close(c.fd);
        c.phase = Phase::Dead;
        if c.reached {
            self.sh.closed.fetch_add(1, Relaxed);
            self.sh.live.fetch_sub(1, Relaxed);
        } else {
            self.pending -= 1;
            self.sh.failed.fetch_add(1, Relaxed);
        }
    }

    /// The connection reached its goal for the first time.
    pub(super) fn reached(&mut self, i: usize) {
        let c = &mut self.conns[i];
        c.reached = true;
        self.pending -= 1;
        self.sh.live.fetch_add(1, Relaxed);
        if self.cfg.churn {
            let plan = c.plan.clone();
            sys::close(c.fd);
            c.phase = Phase::Dead;
            self.sh.live.fetch_sub(1, Relaxed);
            if self.measuring {
                self.st.churned += 1;
            }
            self.open(plan, Some(i));
        } else if !self.cfg.probe && self.cfg.goal == Goal::Frame && c.plan.proto != Proto::Sink {
            c.phase = Phase::Draining;
            self.ep.del(c.fd);
            if self.cfg.stall { self.stalled.push(i) } else { self.drained.push(i) }
        }
    }

    pub(super) fn flush(&mut self, i: usize) {
        let c = &mut self.conns[i];
        if let Some(tls) = &mut c.tls {
            tls.put(&c.out);
            c.out.clear();
        }
        let waits = |c: &Conn| !c.out.is_empty() || c.tls.as_ref().is_some_and(Tls::wants_write);
        if !waits(c) {
            return;
        }
        let sent = match &mut c.tls {
            Some(tls) => tls.flush(c.fd),
            None => sys::send(c.fd, &c.out, 0),
        };
        match sent {
            Io::Done(n) if c.tls.is_none() => {
                c.out.drain(..n);
            }
            Io::Done(_) | Io::Again => {}
            Io::Closed => return self.kill(i),
        }
        let c = &self.conns[i];
        let want = if waits(c) { sys::IN | sys::OUT } else { sys::IN };
        self.ep.modify(c.fd, want, i as u64);
    }

    fn event(&mut self, i: usize, e: u32, buf: &mut [u8]) {
        match self.conns[i].phase {
            Phase::Dead | Phase::Draining => return,
            Phase::Connecting => return self.connected(i),
            _ => {}
        }
        if e & sys::OUT != 0 {
            self.flush(i);
            if self.conns[i].phase == Phase::Dead {
                return;
            }
        }
        if e & !sys::OUT == 0 {
            return;
        }
        let n = match sys::recv(self.conns[i].fd, buf) {
            Io::Done(n) => n,
            Io::Again => return,
            Io::Closed => return self.kill(i),
        };
        if self.cfg.quickack && !self.conns[i].reached {
            sys::quickack(self.conns[i].fd);
        }
        self.sh.bytes.fetch_add(n as u64, Relaxed);
        let c = &mut self.conns[i];
        if self.cfg.raw_says && c.plan.proto == Proto::Raw && c.bytes == 0 {
            let _ = sys::send(c.fd, &[0], 0);
        }
        c.bytes += n as u64;
        if self.conns[i].tls.is_some() {
            self.encrypted(i, &buf[..n]);
        } else {
            self.input(i, &buf[..n]);
        }
    }

    fn encrypted(&mut self, i: usize, b: &[u8]) {
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        let good = self.conns[i].tls.as_mut().is_some_and(|tls| tls.take(b, &mut plain));
        // the handshake's answers, or the alert
        self.flush(i);
        if !good {
            self.kill(i);
        } else if !plain.is_empty() && self.conns[i].phase != Phase::Dead {
            self.input(i, &plain);
        }
        self.plain = plain;
    }

    fn connected(&mut self, i: usize) {
        let c = &mut self.conns[i];
        if sys::so_error(c.fd) != 0 {
            return self.kill(i);
        }
        self.greet(i);
        self.ep.modify(self.conns[i].fd, sys::IN, i as u64);
        self.flush(i);
    }

    /// A gap since the last bytes or picture of a connection.
    pub(super) fn gap(&mut self, ns: u64) {
        self.st.max_gap_ns = self.st.max_gap_ns.max(ns);
        if ns > STALL_NS {
            self.st.stalls += 1;
        }
    }

    fn drain(&mut self, buf: &mut [u8]) {
        let mut i = 0;
        let now = sys::now_ns();
        while i < self.drained.len() {
            let k = self.drained[i];
            match sys::recv_discard(self.conns[k].fd, buf) {
                Io::Done(n) => {
                    self.discarded(k, n as u64, now);
                    i += 1;
                }
                Io::Again => i += 1,
                Io::Closed => {
                    self.kill(k);
                    self.drained.swap_remove(i);
                }
            }
        }
    }

    fn discarded(&mut self, k: usize, n: u64, now: u64) {
        self.sh.bytes.fetch_add(n, Relaxed);
        if self.measuring {
            self.gap(now.saturating_sub(self.conns[k].last_rx));
        }
        let c = &mut self.conns[k];
        c.bytes += n;
        c.last_rx = now;
        if c.plan.proto == Proto::Rtmp && c.bytes - c.acked >= c.window {
            self.ack(k);
            let c = &mut self.conns[k];
            if let Io::Done(n) = sys::send(c.fd, &c.out, 0) {
                c.out.drain(..n);
            }
        }
    }
}
