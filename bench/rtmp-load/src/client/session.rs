//! What a subscriber and the sink say and hear: handshake, commands, pictures.
//!
//! What belongs here: RTMP's and HTTP's words. What must not: sockets (`worker.rs`).

use super::worker::{Phase, Worker};
use super::{Goal, Proto, Target};
use crate::sys;
use crate::wire::*;

/// S0 S1 S2 seen by a client; C0 C1 C2 seen by a sink.
const HANDSHAKE: usize = 3073;
/// C0 C1.
const HELLO: usize = 1537;

enum Action {
    Picture { stamp: Option<(u64, u32)>, key: bool },
    Window(u32),
    Ping([u8; 4]),
    Command(Vec<u8>),
}

impl Worker {
    /// The first bytes after the connection was made.
    pub(super) fn greet(&mut self, i: usize) {
        let (t, c) = (&self.cfg.target, &mut self.conns[i]);
        c.phase = Phase::Streaming;
        match c.plan.proto {
            Proto::Raw => {}
            Proto::HttpFlv => {
                let name = format!("{}{}", t.prefix, c.plan.stream);
                let path = t.http_path.replace("{app}", &t.app).replace("{stream}", &name);
                c.out = format!(
                    "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: rtmp-load\r\nAccept: */*\r\n\r\n",
                    t.http
                )
                .into_bytes();
            }
            _ => {
                c.out = client_hello();
                c.phase = Phase::Handshake;
            }
        }
    }

    pub(super) fn input(&mut self, i: usize, mut b: &[u8]) {
        if self.conns[i].phase == Phase::Handshake {
            b = self.handshake(i, b);
            self.flush(i);
            if b.is_empty() || self.conns[i].phase == Phase::Dead {
                return;
            }
        }
        let c = &mut self.conns[i];
        let now = sys::now_ns();
        let mut actions: Vec<Action> = Vec::new();
        if c.plan.proto == Proto::HttpFlv {
            c.flv.feed(b, &mut |m: Msg| classify(&m, &mut actions));
            if c.flv.status != 0 && c.flv.status != 200 {
                return self.kill(i);
            }
        } else {
            c.rd.feed(b, |m| classify(&m, &mut actions));
        }
        let born = c.t0;
        for a in actions {
            self.act(i, a, now);
            // gone, or (churn) the slot was given to a new connection
            if self.conns[i].phase == Phase::Dead || self.conns[i].t0 != born {
                return;
            }
        }
        let c = &self.conns[i];
        if matches!(c.plan.proto, Proto::Rtmp | Proto::Sink) && c.bytes - c.acked >= c.window {
            self.ack(i);
        }
        self.flush(i);
    }

    /// Take what belongs to the handshake, return the rest.
    fn handshake<'a>(&mut self, i: usize, b: &'a [u8]) -> &'a [u8] {
        let c = &mut self.conns[i];
        let sink = c.plan.proto == Proto::Sink;
        let k = (HANDSHAKE - c.hs.len()).min(b.len());
        c.hs.extend_from_slice(&b[..k]);
        if sink && c.hs.len() >= HELLO && !c.greeted {
            c.greeted = true;
            c.out.extend_from_slice(&client_hello());
            c.out.extend_from_slice(&c.hs[1..HELLO]);
        }
        if c.hs.len() == HANDSHAKE {
            if !sink {
                c.out.extend_from_slice(&c.hs[1..HELLO]);
                connect_cmd(&mut c.out, &self.cfg.target, &[], 128);
            }
            c.hs = Vec::new();
            c.phase = Phase::Commands;
        }
        &b[k..]
    }

    pub(super) fn ack(&mut self, i: usize) {
        let c = &mut self.conns[i];
        c.acked = c.bytes;
        let n = c.bytes as u32;
        put_msg(&mut c.out, 2, 3, 0, 0, &n.to_be_bytes(), 128);
    }

    fn act(&mut self, i: usize, a: Action, now: u64) {
        match a {
            Action::Picture { stamp, key } => self.picture(i, stamp, key, now),
            Action::Window(w) => self.conns[i].window = (w as u64).max(1000),
            Action::Ping(t) => put_pong(&mut self.conns[i].out, &t, 128),
            Action::Command(b) => self.command(i, &b, now),
        }
    }

    fn picture(&mut self, i: usize, stamp: Option<(u64, u32)>, key: bool, now: u64) {
        let c = &mut self.conns[i];
        let (last_rx, last_seq) = (c.last_rx, c.last_seq);
        c.last_rx = now;
        c.last_seq = stamp.map(|s| s.1);
        if !c.reached && self.cfg.goal == Goal::Frame {
            self.st.ttff.add((now - c.t0) / 1000);
            self.st.first_not_key += u64::from(!key);
            c.phase = Phase::Streaming;
            return self.reached(i);
        }
        if !self.measuring {
            return;
        }
        self.st.frames += 1;
        if let Some((ns, seq)) = stamp {
            self.st.latency.add(now.saturating_sub(ns) / 1000);
            match last_seq.map(|l| seq.wrapping_sub(l) as i32) {
                Some(step) if step > 0 => self.st.lost += step as u64 - 1,
                Some(_) => self.st.repeated += 1,
                None => {}
            }
        }
        self.gap(now - last_rx);
    }

    fn command(&mut self, i: usize, b: &[u8], now: u64) {
        let c = &mut self.conns[i];
        let Some((name, txn, last)) = command(b) else { return };
        if c.plan.proto == Proto::Sink {
            sink_reply(&mut c.out, name, txn);
            if name == "publish" && !c.reached && self.cfg.goal == Goal::Status {
                self.reached(i);
            }
            return;
        }
        match (name, txn as u32) {
            ("_result", 1) => put_cmd(&mut c.out, (3, 0), "createStream", 2.0, &[], 128),
            ("_result", 2) => {
                let Target { prefix, ask, .. } = &self.cfg.target;
                let stream = format!("{prefix}{}{ask}", c.plan.stream);
                put_cmd(&mut c.out, (8, last as u32), "play", 3.0, &[&stream], 128);
            }
            ("_error", _) => self.kill(i),
            ("onStatus", _) if !c.reached => {
                if contains(b, b"NetStream.Play.Start") {
                    self.st.status.add((now - c.t0) / 1000);
                    if self.cfg.goal == Goal::Status {
                        self.reached(i);
                    }
                } else if contains(b, b"NotFound") || contains(b, b"Failed") {
                    self.kill(i);
                }
            }
            _ => {}
        }
    }
}

fn classify(m: &Msg, out: &mut Vec<Action>) {
    let h = m.head;
    match m.kind {
        9 if m.len > 5 && h[0] & 15 == 7 && h[1] == 1 => {
            out.push(Action::Picture { stamp: read_stamp(h), key: h[0] >> 4 == 1 })
        }
        // CodedFrames of a single track; those of further tracks carry no stamp
        9 if m.len > 5 && h[0] & 0x8f == 0x81 => {
            out.push(Action::Picture { stamp: read_stamp(h), key: h[0] & 0x70 == 0x10 })
        }
        5 if h.len() >= 4 => out.push(Action::Window(u32::from_be_bytes([h[0], h[1], h[2], h[3]]))),
        4 if is_ping(m) => out.push(Action::Ping([h[2], h[3], h[4], h[5]])),
        20 => out.push(Action::Command(h.to_vec())),
        _ => {}
    }
}

/// C0 and C1 (or S0 and S1): version, time, zero, noise.
pub fn client_hello() -> Vec<u8> {
    let mut v = vec![3u8, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut x = sys::now_ns() | 1;
    while v.len() < 1537 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        v.push(x as u8);
    }
    v
}

/// `connect` with the fields that every server looks at, and `more`.
pub fn connect_cmd(out: &mut Vec<u8>, t: &Target, more: &[(&str, &str)], chunk: usize) {
    let mut o = Vec::new();
    let url = format!("rtmp://{}/{}", t.rtmp, t.app);
    let mut fields = vec![("app", t.app.as_str())];
    fields.extend_from_slice(more);
    fields.push(("flashVer", "FMLE/3.0 (compatible; rtmp-load)"));
    fields.push(("tcUrl", &url));
    amf_str(&mut o, "connect");
    amf_num(&mut o, 1.0);
    amf_obj(&mut o, &fields);
    put_msg(out, 3, 20, 0, 0, &o, chunk);
}

fn sink_reply(out: &mut Vec<u8>, name: &str, txn: f64) {
    let mut o = Vec::new();
    match name {
        "connect" => {
            put_msg(out, 2, 5, 0, 0, &5_000_000u32.to_be_bytes(), 128);
            put_msg(out, 2, 6, 0, 0, &[0, 0x4c, 0x4b, 0x40, 2], 128);
            amf_str(&mut o, "_result");
            amf_num(&mut o, txn);
            amf_obj(&mut o, &[("fmsVer", "FMS/3,0,1,123")]);
            amf_obj(&mut o, &[("level", "status"), ("code", "NetConnection.Connect.Success")]);
        }
        "createStream" => {
            amf_str(&mut o, "_result");
            amf_num(&mut o, txn);
            amf_null(&mut o);
            amf_num(&mut o, 1.0);
        }
        "publish" => {
            amf_str(&mut o, "onStatus");
            amf_num(&mut o, 0.0);
            amf_null(&mut o);
            amf_obj(
                &mut o,
                &[
                    ("level", "status"),
                    ("code", "NetStream.Publish.Start"),
                    ("description", "Start"),
                ],
            );
        }
        "releaseStream" | "FCPublish" => {
            amf_str(&mut o, "_result");
            amf_num(&mut o, txn);
            amf_null(&mut o);
            amf_null(&mut o);
        }
        _ => return,
    }
    put_msg(out, 3, 20, if name == "publish" { 1 } else { 0 }, 0, &o, 128);
}
