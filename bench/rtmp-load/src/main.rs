//! rtmp-load: a bounded, loopback-only load generator for RTMP and HTTP-FLV servers.
//!
//! `rtmp-load bench ...` publishes K streams and plays N subscribers, then prints one JSON object.
//! `rtmp-load floor ...` sends the same bytes with no protocol: the cost nobody can beat with that
//! system call. What belongs here: the command line.

mod bench;
mod client;
mod floor;
mod form;
mod publisher;
mod relay;
mod report;
mod stats;
mod sys;
mod tls;
mod wire;

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::Arc;

const HELP: &str = "\
rtmp-load bench --flv FILE [options]      load a server
  --rtmp A:P          server (127.0.0.1:1935)      --http A:P     HTTP-FLV address (127.0.0.1:8080)
  --app NAME          (live)                       --prefix NAME  stream name prefix (s)
  --http-path T       (/{app}/{stream}.flv)
  --pubs K            publishers (1)               --idle-pubs 1  publish without media
  --form F            what is published: plain, enhanced (tags of hvc1 and Opus, of the same sizes), or
                      a number of video tracks without sound (plain)
  --ask TEXT          behind the name that subscribers play, such as ?tracks=all
  --subs N            RTMP subscribers (0)         --http-subs N  HTTP-FLV subscribers (0)
  --raw-subs N        subscribers of `floor` (0)   --probes N     subscribers that parse every frame (20)
  --sink A:P          accept pushes on A:P ...     --sinks N      ... and on the next N-1 addresses
  --goal frame|status what counts as connected (frame)
  --churn C           reconnect C slots for ever   --rate R       new connections per second (400)
  --warm S            after publishing starts (4)  --settle S     after all are connected (3)
  --time S            measured window (20)         --pid P[,P]    server processes to account
  --chunk B           publisher chunk size (4096)  --label TEXT   copied into the result
  --quickack 1        ACK at once while joining    --drain-ms MS  read period of non-probes (10)
  --nice N            of publisher and probe threads (-10)
  --stall 1           all but the probes stop reading at their first picture
  --relay A:P         publishers send without a handshake to this address of a `relay`
  --raw-says 1        raw subscribers say one byte first, as every player says something
  --tls DIR           sinks accept, and raw subscribers connect, with TLS (see `cert`)
rtmp-load floor --flv FILE --rtmp A:P [options]   the same bytes at the same times to all who connect
  --batch F           pictures per write (1; 0: every tag alone)
  --merge-ms MS       instead: at least this long between two writes to the same socket
  --mode M            send|zerocopy|sendfile|uring|tls (send; tls needs --tls DIR)
  --chunk B           (4096)                       --time S       (40)
rtmp-load relay --rtmp A:P --publishers A:P [options]   what publishers send to subscribers, a pair each
  --threads N         (2)                          --time S       (40)
rtmp-load cert --dir DIR                  write cert.pem and key.pem for --tls
";

/// `--name value` pairs.
pub struct Args(HashMap<String, String>);

impl Args {
    /// The value of `--k`, or `d`; ends the program where it cannot be read.
    pub fn get<T: std::str::FromStr>(&self, k: &str, d: T) -> T {
        match self.0.get(k) {
            Some(v) => v.parse().unwrap_or_else(|_| die(&format!("bad value for --{k}: {v}"))),
            None => d,
        }
    }

    pub fn has(&self, k: &str) -> bool {
        self.0.contains_key(k)
    }

    /// An address on the loopback network; ends the program for any other.
    pub fn addr(&self, k: &str, d: SocketAddrV4) -> SocketAddrV4 {
        let a = self.get(k, d);
        if !a.ip().is_loopback() {
            die("only loopback addresses are allowed");
        }
        a
    }

    /// What `--tls` names.
    pub fn tls(&self) -> Option<tls::Material> {
        let dir: String = self.get("tls", String::new());
        let load = |dir: &str| tls::Material::load(dir).unwrap_or_else(|e| die(&e));
        (!dir.is_empty()).then(|| load(&dir))
    }

    /// The input file.
    pub fn flv(&self) -> Arc<wire::Flv> {
        let path: String = self.get("flv", String::new());
        let clip = wire::load_flv(&path).unwrap_or_else(|e| die(&e));
        let words = self.get("form", "plain".to_string());
        let form = form::Form::parse(&words);
        Arc::new(form.unwrap_or_else(|| die(&format!("no form of a clip: {words}"))).of(clip))
    }
}

pub fn die(m: &str) -> ! {
    eprintln!("{m}");
    std::process::exit(2)
}

/// An address of the loopback network.
pub const fn local(c: u8, d: u8, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(std::net::Ipv4Addr::new(127, 0, c, d), port)
}

fn main() {
    let mut it = std::env::args().skip(1);
    let cmd = it.next().unwrap_or_default();
    let mut m = HashMap::new();
    while let Some(k) = it.next() {
        let Some(k) = k.strip_prefix("--") else { die(HELP) };
        let Some(v) = it.next() else { die(HELP) };
        m.insert(k.to_string(), v);
    }
    let a = Args(m);
    match cmd.as_str() {
        "bench" => bench::run(&a),
        "floor" => floor::run(floor_cfg(&a)).unwrap_or_else(|e| die(&e)),
        "relay" => relay::run(&relay_cfg(&a)).unwrap_or_else(|e| die(&e)),
        "cert" => tls::make(&a.get("dir", ".".to_string())).unwrap_or_else(|e| die(&e)),
        _ => die(HELP),
    }
}

fn floor_cfg(a: &Args) -> floor::FloorCfg {
    floor::FloorCfg {
        listen: a.addr("rtmp", local(0, 1, 1999)),
        flv: a.flv(),
        chunk: a.get("chunk", 4096),
        pace: match a.get("merge-ms", 0u64).min(10_000) {
            0 => floor::Pace::Pictures(a.get("batch", 1)),
            ms => floor::Pace::Merge(ms * 1_000_000),
        },
        tls: a.tls(),
        mode: match a.get("mode", "send".to_string()).as_str() {
            "send" => floor::Mode::Send,
            "zerocopy" => floor::Mode::ZeroCopy,
            "sendfile" => floor::Mode::SendFile,
            "uring" => floor::Mode::Uring,
            "tls" => floor::Mode::Tls,
            _ => die(HELP),
        },
        seconds: a.get("time", 40u64).min(300),
        max_conns: 8000,
    }
}

fn relay_cfg(a: &Args) -> relay::RelayCfg {
    relay::RelayCfg {
        publishers: a.addr("publishers", local(0, 1, 1998)),
        subscribers: a.addr("rtmp", local(0, 1, 1999)),
        threads: a.get("threads", 2usize).clamp(1, 64),
        seconds: a.get("time", 40u64).min(300),
        max_pairs: 4000,
    }
}
