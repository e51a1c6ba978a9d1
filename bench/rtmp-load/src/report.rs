//! The figures of one measurement, as one JSON object on one line.

use crate::client::{Shared, Stats};
use crate::publisher::PubStats;
use crate::stats::{self, Cpu};
use crate::sys;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// All counters at one moment.
pub struct Sample {
    pub at: u64,
    server: Cpu,
    tool: Cpu,
    bytes: u64,
    sink_bytes: u64,
    pub_bytes: u64,
    switches: (u64, u64),
    live: u64,
    sinks: u64,
}

impl Sample {
    pub fn take(pids: &[i32], sh: &Shared, sink: &Shared, ps: &PubStats) -> Sample {
        Sample {
            at: sys::now_ns(),
            server: stats::cpu(pids),
            tool: stats::cpu(&[std::process::id() as i32]),
            bytes: sh.bytes.load(Relaxed),
            sink_bytes: sink.bytes.load(Relaxed),
            pub_bytes: ps.bytes.load(Relaxed),
            switches: stats::ctx_switches(pids),
            live: sh.live.load(Relaxed),
            sinks: sink.live.load(Relaxed),
        }
    }
}

/// What [`Report::print`] prints.
pub struct Report {
    pub label: String,
    pub total: usize,
    pub probes: usize,
    pub join_s: f64,
    pub closed: u64,
    pub failed: u64,
    /// CPU seconds of the server before the run.
    pub idle_cpu: f64,
    /// At the start, after publishing started, highest in the window.
    pub rss_kb: [u64; 3],
    pub from: Sample,
    pub to: Sample,
    pub seen: Stats,
    pub sink: Stats,
    pub publishers: Arc<PubStats>,
}

/// One JSON object in the making.
struct Object(String);

impl Object {
    fn put(&mut self, key: &str, value: impl Display) {
        let comma = if self.0.is_empty() { '{' } else { ',' };
        self.0.push_str(&format!("{comma}\"{key}\":{value}"));
    }
    fn num(&mut self, key: &str, value: f64, digits: usize) {
        self.put(key, format_args!("{value:.digits$}"));
    }
}

impl Report {
    pub fn print(&self) {
        let mut o = Object(String::new());
        let label: String =
            self.label.chars().filter(|c| !c.is_control() && !"\"\\".contains(*c)).collect();
        o.put("label", format_args!("\"{label}\""));
        self.connections(&mut o);
        self.cost(&mut o);
        self.pictures(&mut o);
        self.tool(&mut o);
        println!("{}}}", o.0);
    }

    fn seconds(&self) -> f64 {
        (self.to.at - self.from.at) as f64 / 1e9
    }

    fn connections(&self, o: &mut Object) {
        o.put("pubs", self.publishers.ready.load(Relaxed));
        o.put("pubs_failed", self.publishers.failed.load(Relaxed));
        o.put("subs", self.total);
        o.put("live_start", self.from.live);
        o.put("live_end", self.to.live);
        o.put("failed", self.failed);
        o.put("closed", self.closed);
        o.num("join_s", self.join_s, 3);
        o.num("window_s", self.seconds(), 3);
    }

    fn cost(&self, o: &mut Object) {
        let (a, b) = (&self.from, &self.to);
        let gb = (b.bytes - a.bytes + b.sink_bytes - a.sink_bytes) as f64 / 1e9;
        let cpu = b.server.exact - a.server.exact;
        o.num("gb", gb, 4);
        o.num("mbit_s", gb * 8000.0 / self.seconds(), 1);
        o.num("cpu_s", cpu, 3);
        o.num("cpu_user_s", b.server.user - a.server.user, 2);
        o.num("cpu_sys_s", b.server.sys - a.server.sys, 2);
        o.num("cpu_s_per_gb", if gb > 0.0 { cpu / gb } else { 0.0 }, 4);
        o.num("cpu_join_s", a.server.exact - self.idle_cpu, 3);
        o.put("ctxsw_vol", b.switches.0.saturating_sub(a.switches.0));
        o.put("ctxsw_invol", b.switches.1.saturating_sub(a.switches.1));
        o.put("rss_start_kb", self.rss_kb[0]);
        o.put("rss_pub_kb", self.rss_kb[1]);
        o.put("rss_peak_kb", self.rss_kb[2]);
        let joins = self.seen.churned;
        o.put("churn", joins);
        o.num("churn_per_s", joins as f64 / self.seconds(), 1);
        o.num("cpu_ms_per_conn", if joins > 0 { cpu * 1000.0 / joins as f64 } else { 0.0 }, 4);
    }

    fn pictures(&self, o: &mut Object) {
        let s = &self.seen;
        o.put("latency_ms", s.latency.json_ms());
        o.put("ttff_ms", s.ttff.json_ms());
        o.put("status_ms", s.status.json_ms());
        o.put("first_not_key", s.first_not_key);
        o.put("probes", self.probes);
        o.put("frames", s.frames);
        o.put("lost", s.lost);
        o.put("repeated", s.repeated);
        o.put("stalls", s.stalls);
        o.put("reset", s.reset);
        o.num("max_gap_ms", s.max_gap_ns as f64 / 1e6, 1);
        o.put("sinks", self.to.sinks);
        o.put("sink_bytes", self.to.sink_bytes - self.from.sink_bytes);
        o.put("sink_latency_ms", self.sink.latency.json_ms());
        o.put("sink_frames", self.sink.frames);
        o.put("sink_lost", self.sink.lost);
        o.put("sink_stalls", self.sink.stalls);
    }

    fn tool(&self, o: &mut Object) {
        let ps = &self.publishers;
        o.num("pub_mb", (self.to.pub_bytes - self.from.pub_bytes) as f64 / 1e6, 3);
        o.put("pub_backlog_max", ps.backlog_max.load(Relaxed));
        o.num("pub_late_max_ms", ps.late_max_us.load(Relaxed) as f64 / 1000.0, 1);
        o.num("load_cpu_s", self.to.tool.exact - self.from.tool.exact, 3);
    }
}
