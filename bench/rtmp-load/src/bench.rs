//! One measurement: sink, publishers, subscribers, then a window in which everything is counted.
//!
//! What belongs here: the order of events. What must not: sockets, or the shape of the output.

use crate::client::{self, Goal, Plan, Proto, Shared, Stats, Target, WorkerCfg};
use crate::report::{Report, Sample};
use crate::{Args, local, publisher, stats, sys, tls};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

/// What was asked for, within its bounds.
struct Ask {
    target: Target,
    pubs: usize,
    subs: usize,
    http: usize,
    raw: usize,
    churn: usize,
    sinks: usize,
    goal: Goal,
    rate: f64,
    nice: i32,
    pids: Vec<i32>,
    tls: Option<tls::Material>,
    relay: Option<SocketAddrV4>,
}

impl Ask {
    fn new(a: &Args) -> Ask {
        let count = |k: &str, max: usize| a.get(k, 0usize).min(max);
        let status = a.get("goal", "frame".to_string()) == "status";
        let pids: String = a.get("pid", String::new());
        Ask {
            target: Target {
                rtmp: a.addr("rtmp", local(0, 1, 1935)),
                http: a.addr("http", local(0, 1, 8080)),
                app: a.get("app", "live".into()),
                prefix: a.get("prefix", "s".into()),
                ask: a.get("ask", String::new()),
                http_path: a.get("http-path", "/{app}/{stream}.flv".into()),
            },
            pubs: a.get("pubs", 1).min(5000),
            subs: count("subs", 8000),
            http: count("http-subs", 8000),
            raw: count("raw-subs", 8000),
            churn: count("churn", 1000),
            sinks: count("sinks", 250),
            goal: if status { Goal::Status } else { Goal::Frame },
            rate: a.get("rate", 400.0f64).max(1.0),
            nice: a.get("nice", -10),
            pids: pids.split(',').filter_map(|s| s.trim().parse().ok()).collect(),
            tls: a.tls(),
            relay: a.has("relay").then(|| a.addr("relay", local(0, 1, 1998))),
        }
    }

    fn worker(&self, a: &Args) -> WorkerCfg {
        WorkerCfg {
            target: self.target.clone(),
            plans: Vec::new(),
            rate: self.rate,
            probe: true,
            goal: self.goal,
            churn: self.churn > 0,
            drain_tick_ms: a.get("drain-ms", 10u64).max(1),
            quickack: a.get("quickack", 0) == 1,
            sinks: Vec::new(),
            nice: self.nice,
            stall: a.get("stall", 0) == 1,
            raw_says: a.get("raw-says", 0) == 1,
            tls: self.tls.clone(),
        }
    }

    /// Subscribers in join order.
    fn plans(&self) -> Vec<Plan> {
        let kinds = [
            (self.subs, Proto::Rtmp),
            (self.http, Proto::HttpFlv),
            (self.raw, Proto::Raw),
            (self.churn, Proto::Rtmp),
        ];
        let plan = |proto, i| Plan { proto, stream: i % self.pubs.max(1) };
        kinds.iter().flat_map(|(n, proto)| (0..*n).map(move |i| plan(*proto, i))).collect()
    }
}

fn sleep_ms(n: u64) {
    std::thread::sleep(Duration::from_millis(n));
}

/// Spread the probes evenly over the join order.
fn split(plans: Vec<Plan>, probes: usize) -> (Vec<Plan>, Vec<Plan>) {
    let total = plans.len().max(1);
    let (mut probing, mut draining) = (Vec::new(), Vec::new());
    for (i, p) in plans.into_iter().enumerate() {
        if (i + 1) * probes / total > i * probes / total {
            probing.push(p)
        } else {
            draining.push(p)
        }
    }
    (probing, draining)
}

fn start_sink(ask: &Ask, a: &Args, sh: &Arc<Shared>) -> Option<JoinHandle<Stats>> {
    if ask.sinks == 0 {
        return None;
    }
    let sinks = client::sink_addrs(a.addr("sink", local(1, 1, 1950)), ask.sinks);
    let cfg = WorkerCfg { sinks, churn: false, quickack: false, ..ask.worker(a) };
    let sh = sh.clone();
    let handle = std::thread::spawn(move || client::run(cfg, sh));
    sleep_ms(200);
    Some(handle)
}

fn start_publishers(
    ask: &Ask,
    a: &Args,
    sh: &Arc<Shared>,
    ps: &Arc<publisher::PubStats>,
) -> Option<JoinHandle<()>> {
    if ask.pubs == 0 || (ask.raw > 0 && ask.relay.is_none()) {
        return None;
    }
    let cfg = publisher::PubCfg {
        target: ask.target.clone(),
        flv: a.flv(),
        count: ask.pubs,
        chunk: a.get("chunk", 4096),
        idle: a.get("idle-pubs", 0) == 1,
        nice: ask.nice,
        relay: ask.relay,
    };
    let (ps2, sh) = (ps.clone(), sh.clone());
    let handle = std::thread::spawn(move || publisher::run(cfg, ps2, sh));
    for _ in 0..300 {
        if ps.ready.load(Relaxed) + ps.failed.load(Relaxed) >= ask.pubs as u64 {
            break;
        }
        sleep_ms(100);
    }
    sleep_ms(a.get("warm", 4u64).min(60) * 1000);
    Some(handle)
}

/// Start the subscribers and wait until all are connected; returns their threads, how many there
/// are, how many of them probe, and the seconds it took.
fn start_subscribers(
    ask: &Ask,
    a: &Args,
    sh: &Arc<Shared>,
) -> (Vec<JoinHandle<Stats>>, usize, usize, f64) {
    let plans = ask.plans();
    let total = plans.len();
    let all = ask.churn > 0;
    let probes = if all { total } else { a.get("probes", 20usize).min(total) };
    let (probing, draining) = split(plans, probes);
    let mut workers = Vec::new();
    let t_join = sys::now_ns();
    for (plans, probe) in [(probing, true), (draining, false)] {
        if plans.is_empty() {
            continue;
        }
        let rate = ask.rate * plans.len() as f64 / total as f64;
        let nice = if probe && !all { ask.nice } else { 0 };
        let cfg = WorkerCfg { plans, probe, rate, nice, ..ask.worker(a) };
        let sh = sh.clone();
        workers.push(std::thread::spawn(move || client::run(cfg, sh)));
    }
    if !all {
        let limit = (total as f64 / ask.rate * 1000.0) as u64 + 15_000;
        for _ in 0..limit / 20 {
            if sh.live.load(Relaxed) + sh.failed.load(Relaxed) >= total as u64 {
                break;
            }
            sleep_ms(20);
        }
    }
    (workers, total, probes, (sys::now_ns() - t_join) as f64 / 1e9)
}

/// Run one measurement and print it.
pub fn run(a: &Args) {
    let ask = Ask::new(a);
    let window = a.get("time", 20u64).min(300);
    let idle = stats::cpu(&ask.pids);
    let rss_start = stats::rss_kb(&ask.pids);
    let sh = Arc::new(Shared::default());
    let sink_sh = Arc::new(Shared::default()); // the sink is counted apart
    let ps = Arc::new(publisher::PubStats::default());

    // sink first: servers push as soon as a stream starts
    let sink_thread = start_sink(&ask, a, &sink_sh);
    let pub_thread = start_publishers(&ask, a, &sh, &ps);
    let rss_pub = stats::rss_kb(&ask.pids);
    let (workers, total, probes, join_s) = start_subscribers(&ask, a, &sh);
    sleep_ms(a.get("settle", 3u64).min(60) * 1000);

    let both = [&sh, &sink_sh];
    both.iter().for_each(|s| s.measuring.store(true, Relaxed));
    let sample = || Sample::take(&ask.pids, &sh, &sink_sh, &ps);
    let from = sample();
    let mut rss_peak = 0;
    while sys::now_ns() < from.at + window * 1_000_000_000 {
        rss_peak = rss_peak.max(stats::rss_kb(&ask.pids));
        sleep_ms(200);
    }
    let to = sample();
    both.iter().for_each(|s| s.measuring.store(false, Relaxed));
    let (closed, failed) = (sh.closed.load(Relaxed), sh.failed.load(Relaxed));
    both.iter().for_each(|s| s.stop.store(true, Relaxed));
    let mut seen = Stats::default();
    for w in workers {
        seen.merge(&w.join().unwrap());
    }
    let sink = sink_thread.map(|w| w.join().unwrap()).unwrap_or_default();
    if let Some(p) = pub_thread {
        p.join().ok();
    }
    let label: String = a.get("label", String::new());
    Report {
        label,
        total,
        probes,
        join_s,
        closed,
        failed,
        idle_cpu: idle.exact,
        rss_kb: [rss_start, rss_pub, rss_peak],
        from,
        to,
        seen,
        sink,
        publishers: ps,
    }
    .print();
}
