//! RTMP chunk framing, AMF0 commands and FLV tags: only what a load tool needs.

/// User-data SEI identifier; the 16 bytes are ASCII so that no emulation prevention is needed.
pub const STAMP_UUID: &[u8; 16] = b"rtmp-load-stamp!";
/// Where it is in a legacy tag: FLV video header (5) + NAL length (4) + NAL type, SEI type, SEI size (3).
pub const UUID_AT: usize = 12;
/// The same in one of H.265: ExVideoTagHeader and composition time (8), and a NAL header of two bytes.
const UUID_AT_HEVC: usize = 16;
/// Behind it: when the picture was sent, in nanoseconds, and which one it is, as hexadecimal digits.
const SEQ_AT: usize = 32;
const STAMP_END: usize = 40;
/// Bytes kept from the front of each media message.
pub const HEAD: usize = 64;

pub fn put_hex(dst: &mut [u8], mut v: u64) {
    for b in dst.iter_mut().rev() {
        *b = b"0123456789abcdef"[(v & 15) as usize];
        v >>= 4;
    }
}

pub fn get_hex(src: &[u8]) -> u64 {
    src.iter().fold(0u64, |a, &c| {
        (a << 4)
            | match c {
                b'0'..=b'9' => (c - b'0') as u64,
                b'a'..=b'f' => (c - b'a' + 10) as u64,
                _ => 0,
            }
    })
}

/// (stamp_ns, sequence) of a stamped video payload.
pub fn read_stamp(head: &[u8]) -> Option<(u64, u32)> {
    let at = |uuid: usize| head.get(uuid..uuid + STAMP_END).filter(|b| b.starts_with(STAMP_UUID));
    let stamp = at(UUID_AT).or_else(|| at(UUID_AT_HEVC))?;
    Some((get_hex(&stamp[STAMP_UUID.len()..SEQ_AT]), get_hex(&stamp[SEQ_AT..]) as u32))
}

/// Writes the stamp whose identifier is at `uuid`.
pub fn put_stamp(data: &mut [u8], uuid: usize, ns: u64, seq: u32) {
    let stamp = &mut data[uuid..uuid + STAMP_END];
    put_hex(&mut stamp[STAMP_UUID.len()..SEQ_AT], ns);
    put_hex(&mut stamp[SEQ_AT..], seq.into());
}

#[derive(Clone)]
pub struct Tag {
    pub kind: u8,
    pub ts: u32,
    pub data: Vec<u8>,
    /// Where its stamp begins, if it is a picture that has one.
    pub stamp: Option<usize>,
}

pub struct Flv {
    /// Script data and sequence headers, sent once per publish.
    pub setup: Vec<Tag>,
    pub tags: Vec<Tag>,
    pub span_ms: u32,
}

/// Load an FLV file and give every coded H.264 picture an empty stamp SEI at a fixed offset.
pub fn load_flv(path: &str) -> Result<Flv, String> {
    let b = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
    if b.len() < 13 || &b[..3] != b"FLV" {
        return Err(format!("{path}: not FLV"));
    }
    let mut p = 13;
    let (mut setup, mut tags) = (Vec::new(), Vec::new());
    while p + 11 <= b.len() {
        let kind = b[p];
        let len = (b[p + 1] as usize) << 16 | (b[p + 2] as usize) << 8 | b[p + 3] as usize;
        let ts = (b[p + 7] as u32) << 24
            | (b[p + 4] as u32) << 16
            | (b[p + 5] as u32) << 8
            | b[p + 6] as u32;
        p += 11;
        if p + len > b.len() {
            break;
        }
        let mut data = b[p..p + len].to_vec();
        p += len + 4;
        let seq_header = match kind {
            9 => data.len() > 1 && data[0] & 15 == 7 && data[1] == 0,
            8 => data.len() > 1 && data[0] >> 4 == 10 && data[1] == 0,
            _ => false,
        };
        let mut stamp = None;
        if kind == 9 && data.len() > 5 && data[0] & 15 == 7 && data[1] == 1 {
            let mut sei = vec![0, 0, 0, 44, 6, 5, 40];
            sei.extend_from_slice(STAMP_UUID);
            sei.extend_from_slice(&[b'0'; 24]);
            sei.push(0x80);
            data.splice(5..5, sei);
            stamp = Some(UUID_AT);
        } else if kind == 9 && data.len() > 1 && data[1] == 2 {
            continue; // end of sequence
        }
        let t = Tag { kind, ts, data, stamp };
        if kind == 18 || seq_header { setup.push(t) } else { tags.push(t) }
    }
    if tags.is_empty() {
        return Err(format!("{path}: no media"));
    }
    let first = tags[0].ts;
    for t in &mut tags {
        t.ts -= first;
    }
    let span_ms = tags.last().unwrap().ts + 33;
    Ok(Flv { setup, tags, span_ms })
}

/// Append one RTMP message, split into chunks of `chunk` bytes.
pub fn put_msg(
    out: &mut Vec<u8>,
    csid: u8,
    kind: u8,
    msid: u32,
    ts: u32,
    data: &[u8],
    chunk: usize,
) {
    let short = ts.min(0xff_ffff);
    out.push(csid & 0x3f);
    out.extend_from_slice(&short.to_be_bytes()[1..]);
    out.extend_from_slice(&(data.len() as u32).to_be_bytes()[1..]);
    out.push(kind);
    out.extend_from_slice(&msid.to_le_bytes());
    let ext = short == 0xff_ffff;
    if ext {
        out.extend_from_slice(&ts.to_be_bytes());
    }
    for (i, c) in data.chunks(chunk).enumerate() {
        if i > 0 {
            out.push(0xc0 | csid);
            if ext {
                out.extend_from_slice(&ts.to_be_bytes());
            }
        }
        out.extend_from_slice(c);
    }
}

pub fn amf_str(o: &mut Vec<u8>, s: &str) {
    o.push(2);
    amf_key(o, s);
}
pub fn amf_key(o: &mut Vec<u8>, s: &str) {
    o.extend_from_slice(&(s.len() as u16).to_be_bytes());
    o.extend_from_slice(s.as_bytes());
}
pub fn amf_num(o: &mut Vec<u8>, v: f64) {
    o.push(0);
    o.extend_from_slice(&v.to_be_bytes());
}
pub fn amf_null(o: &mut Vec<u8>) {
    o.push(5);
}
pub fn amf_obj(o: &mut Vec<u8>, kv: &[(&str, &str)]) {
    o.push(3);
    for (k, v) in kv {
        amf_key(o, k);
        amf_str(o, v);
    }
    o.extend_from_slice(&[0, 0, 9]);
}

/// A command with a null object and texts after it, on a chunk stream and message stream.
pub fn put_cmd(
    out: &mut Vec<u8>,
    (csid, msid): (u8, u32),
    name: &str,
    txn: f64,
    texts: &[&str],
    chunk: usize,
) {
    let mut o = Vec::new();
    amf_str(&mut o, name);
    amf_num(&mut o, txn);
    amf_null(&mut o);
    for t in texts {
        amf_str(&mut o, t);
    }
    put_msg(out, csid, 20, msid, 0, &o, chunk);
}

/// User control 6, the ping request.
pub fn is_ping(m: &Msg) -> bool {
    m.kind == 4 && m.head.len() >= 6 && m.head[0] == 0 && m.head[1] == 6
}

/// User control 7, the answer, with the time of the request.
pub fn put_pong(out: &mut Vec<u8>, time: &[u8], chunk: usize) {
    let mut b = vec![0, 7];
    b.extend_from_slice(time);
    put_msg(out, 2, 4, 0, 0, &b, chunk);
}

/// The leading string and number of a command, and the last number of the message.
pub fn command(b: &[u8]) -> Option<(&str, f64, f64)> {
    if b.len() < 3 || b[0] != 2 {
        return None;
    }
    let n = u16::from_be_bytes([b[1], b[2]]) as usize;
    let name = std::str::from_utf8(b.get(3..3 + n)?).ok()?;
    let rest = &b[3 + n..];
    let num = |x: &[u8]| f64::from_be_bytes(x.try_into().unwrap());
    let txn = if rest.len() >= 9 && rest[0] == 0 { num(&rest[1..9]) } else { 0.0 };
    let last = if b.len() >= 9 && b[b.len() - 9] == 0 { num(&b[b.len() - 8..]) } else { 0.0 };
    Some((name, txn, last))
}

pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|w| w == needle)
}

pub struct Msg<'a> {
    pub kind: u8,
    #[allow(dead_code)]
    pub ts: u32,
    pub len: usize,
    pub head: &'a [u8],
}

#[derive(Default, Clone)]
struct Cs {
    id: u32,
    ts: u32,
    len: usize,
    kind: u8,
    ext: bool,
    got: usize,
    head: Vec<u8>,
}

/// Streaming chunk reader: keeps message heads, skips the rest.
pub struct ChunkReader {
    chunk: usize,
    cs: Vec<Cs>,
    cur: usize,
    left: usize,
    hdr: [u8; 18],
    hlen: usize,
}

impl Default for ChunkReader {
    fn default() -> Self {
        ChunkReader { chunk: 128, cs: Vec::new(), cur: 0, left: 0, hdr: [0; 18], hlen: 0 }
    }
}

impl ChunkReader {
    fn slot(&mut self, id: u32) -> usize {
        match self.cs.iter().position(|c| c.id == id) {
            Some(i) => i,
            None => {
                self.cs.push(Cs { id, ..Default::default() });
                self.cs.len() - 1
            }
        }
    }

    /// Total header size, when enough is known.
    fn need(&mut self) -> usize {
        let h = &self.hdr;
        if self.hlen == 0 {
            return 1;
        }
        let fmt = h[0] >> 6;
        let basic = match h[0] & 63 {
            0 => 2,
            1 => 3,
            _ => 1,
        };
        let body = [11, 7, 3, 0][fmt as usize];
        if self.hlen < basic + body.min(3) {
            return basic + body.min(3);
        }
        let ext = if fmt == 3 {
            let id = self.id();
            let s = self.slot(id);
            self.cs[s].ext
        } else {
            h[basic] == 255 && h[basic + 1] == 255 && h[basic + 2] == 255
        };
        basic + body + if ext { 4 } else { 0 }
    }

    fn id(&self) -> u32 {
        match self.hdr[0] & 63 {
            0 => 64 + self.hdr[1] as u32,
            1 => 64 + self.hdr[1] as u32 + 256 * self.hdr[2] as u32,
            n => n as u32,
        }
    }

    pub fn feed(&mut self, mut b: &[u8], mut f: impl FnMut(Msg)) {
        loop {
            if self.left == 0 {
                // header
                loop {
                    let need = self.need();
                    if self.hlen >= need {
                        break;
                    }
                    let n = (need - self.hlen).min(b.len());
                    if n == 0 {
                        return;
                    }
                    self.hdr[self.hlen..self.hlen + n].copy_from_slice(&b[..n]);
                    self.hlen += n;
                    b = &b[n..];
                }
                let id = self.id();
                self.cur = self.slot(id);
                let h = &self.hdr;
                let fmt = h[0] >> 6;
                let basic = match h[0] & 63 {
                    0 => 2,
                    1 => 3,
                    _ => 1,
                };
                let c = &mut self.cs[self.cur];
                if fmt < 3 {
                    let mut ts =
                        (h[basic] as u32) << 16 | (h[basic + 1] as u32) << 8 | h[basic + 2] as u32;
                    c.ext = ts == 0xff_ffff;
                    if c.ext {
                        let e = self.hlen - 4;
                        ts = u32::from_be_bytes(h[e..e + 4].try_into().unwrap());
                    }
                    c.ts = if fmt == 0 { ts } else { c.ts.wrapping_add(ts) };
                    if fmt < 2 {
                        c.len = (h[basic + 3] as usize) << 16
                            | (h[basic + 4] as usize) << 8
                            | h[basic + 5] as usize;
                        c.kind = h[basic + 6];
                    }
                }
                if c.got == 0 {
                    c.head.clear();
                }
                self.hlen = 0;
                self.left = (c.len - c.got).min(self.chunk);
                if self.left == 0 {
                    let c = &mut self.cs[self.cur];
                    c.got = 0;
                    continue;
                }
            }
            if b.is_empty() {
                return;
            }
            let n = self.left.min(b.len());
            let c = &mut self.cs[self.cur];
            let cap = if c.kind == 8 || c.kind == 9 { HEAD } else { 8192 };
            if c.head.len() < cap {
                let k = (cap - c.head.len()).min(n);
                c.head.extend_from_slice(&b[..k]);
            }
            c.got += n;
            self.left -= n;
            b = &b[n..];
            if c.got == c.len {
                c.got = 0;
                if c.kind == 1 && c.head.len() >= 4 {
                    self.chunk = (u32::from_be_bytes(c.head[..4].try_into().unwrap()) & 0x7fff_ffff)
                        .max(1) as usize;
                }
                f(Msg { kind: c.kind, ts: c.ts, len: c.len, head: &c.head });
            }
        }
    }
}

/// HTTP response head, optional chunked coding, then FLV tags.
#[derive(Default)]
pub struct HttpFlvReader {
    http: Vec<u8>,
    pub status: u16,
    chunked: bool,
    line: Vec<u8>,
    chunk_left: usize,
    // FLV
    skip: usize,
    started: bool,
    hdr: Vec<u8>,
    kind: u8,
    len: usize,
    got: usize,
    head: Vec<u8>,
}

impl HttpFlvReader {
    pub fn feed(&mut self, mut b: &[u8], f: &mut impl FnMut(Msg)) {
        if self.status == 0 {
            let before = self.http.len();
            self.http.extend_from_slice(&b[..b.len().min(16384)]);
            let Some(e) = self.http.windows(4).position(|w| w == b"\r\n\r\n") else { return };
            let text = String::from_utf8_lossy(&self.http[..e]).to_ascii_lowercase();
            self.status = text.split_whitespace().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1);
            self.chunked = text.contains("transfer-encoding: chunked");
            b = &b[(e + 4).saturating_sub(before)..];
            self.http = Vec::new();
        }
        if !self.chunked {
            return self.flv(b, f);
        }
        while !b.is_empty() {
            if self.chunk_left == 0 {
                let Some(nl) = b.iter().position(|&c| c == b'\n') else {
                    self.line.extend_from_slice(b);
                    return;
                };
                self.line.extend_from_slice(&b[..nl]);
                b = &b[nl + 1..];
                let s = String::from_utf8_lossy(&self.line).trim().to_string();
                self.line.clear();
                if !s.is_empty() {
                    self.chunk_left =
                        usize::from_str_radix(s.split(';').next().unwrap(), 16).unwrap_or(0);
                }
                continue;
            }
            let n = self.chunk_left.min(b.len());
            self.chunk_left -= n;
            let (x, y) = b.split_at(n);
            self.flv(x, f);
            b = y;
        }
    }

    fn flv(&mut self, mut b: &[u8], f: &mut impl FnMut(Msg)) {
        if !self.started {
            self.started = true;
            self.skip = 13;
        }
        while !b.is_empty() {
            if self.skip > 0 {
                let n = self.skip.min(b.len());
                self.skip -= n;
                b = &b[n..];
            } else if self.hdr.len() < 11 {
                let n = (11 - self.hdr.len()).min(b.len());
                self.hdr.extend_from_slice(&b[..n]);
                b = &b[n..];
                if self.hdr.len() == 11 {
                    self.kind = self.hdr[0] & 31;
                    self.len =
                        u32::from_be_bytes([0, self.hdr[1], self.hdr[2], self.hdr[3]]) as usize;
                    self.got = 0;
                    self.head.clear();
                    if self.len == 0 {
                        self.skip = 4;
                        self.hdr.clear();
                    }
                }
            } else {
                let n = (self.len - self.got).min(b.len());
                if self.head.len() < HEAD {
                    let k = (HEAD - self.head.len()).min(n);
                    self.head.extend_from_slice(&b[..k]);
                }
                self.got += n;
                b = &b[n..];
                if self.got == self.len {
                    f(Msg { kind: self.kind, ts: 0, len: self.len, head: &self.head });
                    self.skip = 4;
                    self.hdr.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_round_trip_in_any_split() {
        let mut out = Vec::new();
        put_msg(&mut out, 2, 1, 0, 0, &200u32.to_be_bytes(), 128);
        let body: Vec<u8> = (0..1000).map(|i| i as u8).collect();
        put_msg(&mut out, 6, 9, 1, 7, &body, 200);
        put_msg(&mut out, 4, 8, 1, 0x0100_0000, &body[..300], 200);
        for step in [1, 3, 17, 5000] {
            let mut r = ChunkReader::default();
            let mut got = Vec::new();
            for c in out.chunks(step) {
                r.feed(c, |m| got.push((m.kind, m.ts, m.len, m.head.to_vec())));
            }
            assert_eq!(got.len(), 3);
            assert_eq!((got[1].0, got[1].1, got[1].2), (9, 7, 1000));
            assert_eq!(got[1].3, &body[..HEAD]);
            assert_eq!((got[2].0, got[2].1, got[2].2), (8, 0x0100_0000, 300));
        }
    }

    #[test]
    fn hex_round_trip() {
        let mut b = [0u8; 16];
        put_hex(&mut b, 0x1234_5678_9abc_def0);
        assert_eq!(get_hex(&b), 0x1234_5678_9abc_def0);
    }

    #[test]
    fn http_flv_chunked() {
        let mut flv = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        flv.extend_from_slice(&[9, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 16]);
        flv.extend_from_slice(&[8, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 8, 0, 0, 0, 13]);
        let mut w = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for c in flv.chunks(7) {
            w.extend_from_slice(format!("{:x}\r\n", c.len()).as_bytes());
            w.extend_from_slice(c);
            w.extend_from_slice(b"\r\n");
        }
        for step in [1, 5, 1000] {
            let mut r = HttpFlvReader::default();
            let mut got = Vec::new();
            for c in w.chunks(step) {
                r.feed(c, &mut |m: Msg| got.push((m.kind, m.len, m.head.to_vec())));
            }
            assert_eq!(r.status, 200);
            assert_eq!(got, vec![(9, 5, vec![1, 2, 3, 4, 5]), (8, 2, vec![7, 8])]);
        }
    }
}
