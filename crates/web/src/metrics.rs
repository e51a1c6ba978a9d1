//! What was counted, in the OpenMetrics text format.
//!
//! ```text
//! Picture, Source::families --> Family (name, help, kind, samples) --> text
//! ```
//!
//! Belongs here: names and help texts of the metrics. Label values are configured names or words of
//! a fixed set, so that no stranger can make the number of series grow (B14); streams published
//! under a name of the encoder's own choice are counted, not named.

mod health;

use crate::status::Picture;
use manycast_restream::State;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; `_total` is appended to its name.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One metric with all its series.
#[derive(Clone, Debug)]
pub struct Family {
    /// Without the prefix `manycast_`.
    pub name: &'static str,
    /// What it says, in one sentence without a full stop.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: Kind,
    /// Its series; a family without any is left out.
    pub samples: Vec<Sample>,
}

/// One series at a moment.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Names and values; the values come from a fixed or configured set.
    pub labels: Vec<(&'static str, String)>,
    /// In base units: seconds, bytes, bits per second.
    pub value: f64,
}

impl Family {
    /// A family with a single series without labels.
    #[must_use]
    pub fn single(kind: Kind, name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, kind, samples: vec![Sample { labels: Vec::new(), value }] }
    }

    /// A family without series yet.
    #[must_use]
    pub fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind, samples: Vec::new() }
    }

    /// Adds a series.
    pub fn add(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let own = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
        self.samples.push(Sample { labels: labels.iter().map(own).collect(), value });
    }
}

/// A count as a metric's value; exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
fn float(count: u64) -> f64 {
    count as f64
}

#[derive(Debug)]
struct Scrape(Vec<Family>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for sample in &family.samples {
                if sample.labels.is_empty() {
                    value(&mut metric, family.kind, sample.value)?;
                } else {
                    value(&mut metric.encode_family(&sample.labels)?, family.kind, sample.value)?;
                }
            }
        }
        Ok(())
    }
}

fn value(series: &mut MetricEncoder<'_>, kind: Kind, value: f64) -> Result<(), fmt::Error> {
    match kind {
        Kind::Counter => series.encode_counter::<NoLabelSet, f64, u64>(&value, None),
        Kind::Gauge => series.encode_gauge(&value),
    }
}

/// The whole text.
pub(crate) fn write(picture: &Picture, more: &[Family]) -> Result<String, fmt::Error> {
    let mut families = server(picture);
    families.extend(certificate(picture));
    families.extend(streams(picture));
    families.extend(health::families(picture));
    families.extend(destinations(picture));
    families.extend(more.iter().cloned());
    let mut registry = Registry::with_prefix("manycast");
    registry.register_collector(Box::new(Scrape(families)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

fn server(picture: &Picture) -> Vec<Family> {
    use Kind::{Counter, Gauge};
    let started = picture.started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let ready = f64::from(u8::from(picture.readiness.is_ok()));
    let live = picture.streams.iter().filter(|stream| stream.stats.live).count() as u64;
    let reload = f64::from(u8::from(picture.config.last_error.is_none()));
    let http = &picture.http;
    let count = |counter: &AtomicU64| float(counter.load(Ordering::Relaxed));
    let mut build = Family::new(Gauge, "build_info", "Always 1; the version is the label");
    build.add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let one = Family::single;
    vec![
        build,
        one(
            Gauge,
            "start_time_seconds",
            "When the server started, as Unix time",
            started.as_secs_f64(),
        ),
        one(Gauge, "ready", "1 when all listeners are bound and the server does not drain", ready),
        one(Gauge, "config_reload_ok", "1 unless the last reload was refused", reload),
        one(
            Gauge,
            "streams",
            "Streams that exist, configured or published",
            float(picture.streams.len() as u64),
        ),
        one(Gauge, "streams_live", "Streams that are published now", float(live)),
        one(Counter, "http_connections", "HTTP connections taken", count(&http.accepted)),
        one(
            Counter,
            "http_connections_refused",
            "HTTP connections closed at accept: too many",
            count(&http.refused),
        ),
        one(Counter, "http_requests", "HTTP requests answered", count(&http.requests)),
        one(
            Counter,
            "http_faults",
            "HTTP connections cut: too slow, too large, broken",
            count(&http.faults),
        ),
        one(
            Counter,
            "http_panics",
            "Panics of HTTP handlers, each one connection lost",
            count(&http.panics),
        ),
    ]
}

fn certificate(picture: &Picture) -> Vec<Family> {
    let Some(facts) = &picture.certificate else { return Vec::new() };
    let ok = f64::from(u8::from(facts.problem.is_none()));
    let help = "1 unless a newer certificate on disk could not be taken";
    let mut families = vec![Family::single(Kind::Gauge, "certificate_ok", help, ok)];
    if let Some(end) = facts.not_after.and_then(|end| end.duration_since(UNIX_EPOCH).ok()) {
        let help = "When the certificate in use ends, as Unix time";
        let name = "certificate_not_after_seconds";
        families.push(Family::single(Kind::Gauge, name, help, end.as_secs_f64()));
    }
    families
}

fn streams(picture: &Picture) -> Vec<Family> {
    use Kind::{Counter, Gauge};
    let mut live = Family::new(Gauge, "stream_live", "1 while an encoder publishes");
    let mut viewers = Family::new(Gauge, "stream_viewers", "Viewers connected");
    let mut bitrate =
        Family::new(Gauge, "stream_bits_per_second", "What comes in, over the last seconds");
    let mut window = Family::new(Gauge, "stream_window_bytes", "Memory held for late readers");
    let mut trouble = Family::new(
        Gauge,
        "stream_trouble",
        "1 while the encoder has to be mended, see the status",
    );
    let mut runs = Family::new(Counter, "stream_runs", "Times that an encoder began to publish");
    let mut takeovers =
        Family::new(Counter, "stream_takeovers", "Encoders displaced by another with the same key");
    let mut frames = Family::new(Counter, "stream_frames", "Frames that came in");
    let mut bytes = Family::new(Counter, "stream_bytes", "Bytes of frames that came in");
    let mut dropped = Family::new(
        Counter,
        "stream_frames_dropped",
        "Frames refused: too many tracks or messages",
    );
    let mut clock =
        Family::new(Counter, "stream_clock_faults", "Time stamps of the encoder that were mended");
    for stream in picture.streams.iter().filter(|stream| stream.configured) {
        let stats = &stream.stats;
        let name = stats.name.as_str();
        let at = [("stream", name)];
        let publisher = stats.publisher.as_ref();
        live.add(&at, f64::from(u8::from(stats.live)));
        viewers.add(&at, float(stream.stats.viewers));
        bitrate.add(&at, float(publisher.map_or(0, |publisher| publisher.bitrate)));
        window.add(&at, float(stats.window_bytes));
        let ill = publisher.is_some_and(|publisher| publisher.trouble.is_some());
        trouble.add(&at, f64::from(u8::from(ill)));
        runs.add(&at, float(stats.runs));
        takeovers.add(&at, float(stats.takeovers));
        frames.add(&at, float(stats.frames_in));
        bytes.add(&at, float(stats.bytes_in));
        dropped.add(&at, float(stats.frames_dropped));
        clock.add(&[("stream", name), ("kind", "levelled")], float(stats.clock_levelled));
        clock.add(&[("stream", name), ("kind", "rebased")], float(stats.clock_rebased));
    }
    vec![live, viewers, bitrate, window, trouble, runs, takeovers, frames, bytes, dropped, clock]
}

fn destinations(picture: &Picture) -> Vec<Family> {
    use Kind::{Counter, Gauge};
    let mut state = Family::new(Gauge, "destination_state", "1 for the state it is in");
    let mut bitrate =
        Family::new(Gauge, "destination_bits_per_second", "What goes out, over the last seconds");
    let mut lag = Family::new(Gauge, "destination_lag_seconds", "Age of the oldest frame unsent");
    let mut unacked =
        Family::new(Gauge, "destination_unacked_bytes", "Sent and not yet acknowledged");
    let mut rtt = Family::new(Gauge, "destination_rtt_seconds", "Round-trip time");
    let mut frames = Family::new(Counter, "destination_frames", "Frames sent");
    let mut bytes = Family::new(Counter, "destination_bytes", "Bytes sent");
    let mut gops =
        Family::new(Counter, "destination_gops_dropped", "Gops left out: the link was too slow");
    let mut dials = Family::new(Counter, "destination_dials", "Attempts to connect");
    let mut failures =
        Family::new(Counter, "destination_failures", "Times that something went wrong");
    let mut behind = Family::new(Gauge, "destination_uplink_trouble", "1: behind, and not alone");
    for stream in picture.streams.iter().filter(|stream| stream.configured) {
        for status in &stream.destinations {
            let name = [("stream", stream.stats.name.as_str()), ("destination", &*status.name)];
            behind.add(&name, f64::from(u8::from(status.uplink_trouble)));
            let primary = std::iter::once(("primary", &status.primary));
            for (leg, view) in primary.chain(status.backup.as_ref().map(|view| ("backup", view))) {
                let name = [name[0], name[1], ("leg", leg)];
                for one in State::ALL {
                    let at = [name[0], name[1], name[2], ("state", one.name())];
                    state.add(&at, f64::from(u8::from(one == view.state)));
                }
                bitrate.add(&name, float(view.bitrate));
                lag.add(&name, float(view.lag_ms) / 1000.0);
                unacked.add(&name, float(view.unacked_bytes));
                rtt.add(&name, float(view.rtt_ms) / 1000.0);
                frames.add(&name, float(view.totals.frames));
                bytes.add(&name, float(view.totals.bytes));
                gops.add(&name, float(view.totals.dropped_gops));
                dials.add(&name, float(view.totals.dials));
                failures.add(&name, float(view.totals.failures));
            }
        }
    }
    vec![state, bitrate, lag, unacked, rtt, frames, bytes, gops, dials, failures, behind]
}
