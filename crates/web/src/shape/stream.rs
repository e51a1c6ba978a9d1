//! A Stream as the API shows and takes it.

use super::destination::DestinationShape;
use super::seconds;
use super::word::{StartWord, TakeoverWord};
use crate::problem::Problem;
use crate::source::ListenerFacts;
use crate::status::{FindingView, HealthView, PublisherView};
use crate::time::{Clock, rfc3339};
use crate::words::words;
use manycast_control::{Counts, NewStream, StreamPatch, StreamState, StreamView};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::ToSchema;

/// With whose eyes a Stream is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Look {
    /// Addresses of people are shown.
    pub(crate) people: bool,
    /// The authority under which this server was asked.
    pub(crate) host: Option<String>,
}

/// A named live thing: what is defined, and what it is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Stream)]
pub(crate) struct StreamShape {
    /// What viewers ask for. It never changes.
    name: String,
    /// For people.
    title: String,
    /// `file`: defined in the configuration file, read-only here. `database`: made here. `open`: it
    /// exists because anybody may publish under any name.
    #[schema(schema_with = managers)]
    managed_by: &'static str,
    /// The configuration file, if that defines it.
    file: Option<String>,
    start: StartWord,
    /// Whether viewers may watch it here over RTMP.
    play: bool,
    takeover: TakeoverWord,
    /// For how long destinations are held while the encoder is away.
    reconnect_window_s: f64,
    /// Whether that holds too when the encoder said goodbye.
    hold_on_stop: bool,
    notes: String,
    /// Rises with each edit; the ETag.
    version: i64,
    /// Whether it is wanted out: gone live, and not ended.
    wanted: bool,
    #[schema(schema_with = states)]
    state: &'static str,
    #[schema(format = DateTime)]
    state_since: String,
    /// Since when a destination has it.
    #[schema(format = DateTime)]
    on_air_since: Option<String>,
    /// The encoder.
    publisher: Option<PublisherView>,
    /// How well it comes in.
    health: Option<HealthView>,
    /// What is wrong with what the encoder sends, the worst first.
    findings: Vec<FindingView>,
    viewers: u64,
    /// Memory held for late readers.
    window_bytes: u64,
    counts: CountsShape,
    destinations: Vec<DestinationShape>,
    connect: ConnectShape,
}

pub(super) fn managers() -> utoipa::openapi::Object {
    words(["file", "database", "open"])
}

pub(super) fn states() -> utoipa::openapi::Object {
    words(StreamState::ALL.map(StreamState::name))
}

/// Destinations by what they need.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Counts)]
pub(super) struct CountsShape {
    /// They have it.
    live: usize,
    /// They will be tried again by themselves.
    retrying: usize,
    /// Somebody has to act.
    need_you: usize,
    /// They are switched off.
    off: usize,
}

impl From<&Counts> for CountsShape {
    fn from(counts: &Counts) -> Self {
        let Counts { live, retrying, need_you, off } = *counts;
        Self { live, retrying, need_you, off }
    }
}

/// What an encoder is told: the server's address. The stream key goes beside it.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = Connect)]
pub(super) struct ConnectShape {
    rtmp: Vec<String>,
    rtmps: Vec<String>,
}

impl StreamShape {
    pub(crate) fn of(
        view: &StreamView,
        look: &Look,
        listeners: &[ListenerFacts],
        clock: &Clock,
    ) -> Self {
        let publisher = view.stats.as_ref().and_then(|stats| stats.publisher.as_ref());
        let destination = |one| DestinationShape::of(one, clock);
        Self {
            name: view.name.to_string(),
            title: view.title.clone(),
            managed_by: view.managed_by.name(),
            file: view.file.as_ref().map(|path| path.display().to_string()),
            start: view.start.into(),
            play: view.play,
            takeover: view.takeover.into(),
            reconnect_window_s: view.reconnect_window.as_secs_f64(),
            hold_on_stop: view.hold_on_stop,
            notes: view.notes.clone(),
            version: view.version,
            wanted: view.wanted,
            state: view.state.name(),
            state_since: rfc3339(view.state_since),
            on_air_since: view.on_air_since.map(rfc3339),
            publisher: publisher.map(|stats| PublisherView::of(stats, clock).seen(look.people)),
            health: publisher.map(|stats| HealthView::from(&stats.health)),
            findings: view.findings.iter().map(FindingView::from).collect(),
            viewers: view.viewers,
            window_bytes: view.stats.as_ref().map_or(0, |stats| stats.window_bytes),
            counts: CountsShape::from(&view.counts),
            destinations: view.destinations.iter().map(destination).collect(),
            connect: ConnectShape::of(listeners, look.host.as_deref()),
        }
    }
}

impl ConnectShape {
    fn of(listeners: &[ListenerFacts], asked: Option<&str>) -> Self {
        let addresses = |protocol: &str, usual: u16| {
            let own = listeners.iter().filter(|facts| facts.protocol == protocol);
            let mut urls: Vec<_> = own
                .filter_map(|facts| {
                    let host = host(facts.address.ip(), asked)?;
                    let port = facts.address.port();
                    let port = if port == usual { String::new() } else { format!(":{port}") };
                    Some(format!("{protocol}://{host}{port}/live"))
                })
                .collect();
            urls.dedup();
            urls
        };
        Self { rtmp: addresses("rtmp", 1935), rtmps: addresses("rtmps", 443) }
    }
}

/// What to call the machine: its address if it listens at one only, else as the browser called it.
fn host(bound: IpAddr, asked: Option<&str>) -> Option<String> {
    if !bound.is_unspecified() {
        let text = bound.to_string();
        return Some(if bound.is_ipv6() { format!("[{text}]") } else { text });
    }
    let asked = asked?;
    let host = match asked.rfind(':') {
        Some(at) if !asked[at..].contains(']') => &asked[..at],
        _ => asked,
    };
    (!host.is_empty()).then(|| host.to_owned())
}

/// A new Stream.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStream)]
pub(crate) struct NewStreamShape {
    /// What viewers ask for: letters, digits, `.`, `_` and `-`.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    name: String,
    #[schema(max_length = 200)]
    title: Option<String>,
    start: Option<StartWord>,
    play: Option<bool>,
    takeover: Option<TakeoverWord>,
    #[schema(minimum = 0)]
    reconnect_window_s: Option<f64>,
    hold_on_stop: Option<bool>,
    #[schema(max_length = 4000)]
    notes: Option<String>,
}

impl NewStreamShape {
    pub(crate) fn take(self) -> Result<NewStream, Problem> {
        let window = self.reconnect_window_s;
        Ok(NewStream {
            name: self.name,
            title: self.title,
            start: self.start.map(Into::into),
            play: self.play,
            takeover: self.takeover.map(Into::into),
            reconnect_window: window.map(|s| seconds("reconnect_window_s", s)).transpose()?,
            hold_on_stop: self.hold_on_stop,
            notes: self.notes,
        })
    }
}

/// What of a Stream is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StreamPatch)]
pub(crate) struct StreamPatchShape {
    #[schema(max_length = 200)]
    title: Option<String>,
    start: Option<StartWord>,
    play: Option<bool>,
    takeover: Option<TakeoverWord>,
    #[schema(minimum = 0)]
    reconnect_window_s: Option<f64>,
    hold_on_stop: Option<bool>,
    #[schema(max_length = 4000)]
    notes: Option<String>,
    /// Its place in lists.
    #[schema(minimum = 0)]
    position: Option<i64>,
}

impl StreamPatchShape {
    pub(crate) fn take(self) -> Result<StreamPatch, Problem> {
        let window = self.reconnect_window_s;
        Ok(StreamPatch {
            title: self.title,
            start: self.start.map(Into::into),
            play: self.play,
            takeover: self.takeover.map(Into::into),
            reconnect_window: window.map(|s| seconds("reconnect_window_s", s)).transpose()?,
            hold_on_stop: self.hold_on_stop,
            notes: self.notes,
            position: self.position,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoders_are_told_an_address_that_leads_here() {
        let facts =
            |protocol, address: &str| ListenerFacts { protocol, address: address.parse().unwrap() };
        for (listener, asked, want) in [
            (facts("rtmp", "0.0.0.0:1935"), Some("tv.example:8443"), "rtmp://tv.example/live"),
            (facts("rtmp", "0.0.0.0:1935"), Some("tv.example"), "rtmp://tv.example/live"),
            (facts("rtmp", "[::]:1936"), Some("[::1]:8080"), "rtmp://[::1]:1936/live"),
            (facts("rtmp", "[::]:1935"), Some("[fd00::2]"), "rtmp://[fd00::2]/live"),
            (facts("rtmp", "127.0.0.1:1935"), Some("tv.example"), "rtmp://127.0.0.1/live"),
            (facts("rtmps", "0.0.0.0:443"), Some("tv.example"), "rtmps://tv.example/live"),
            (facts("rtmps", "0.0.0.0:1936"), Some("tv.example"), "rtmps://tv.example:1936/live"),
        ] {
            let shape = ConnectShape::of(std::slice::from_ref(&listener), asked);
            let got: Vec<_> = shape.rtmp.iter().chain(&shape.rtmps).collect();
            assert_eq!(got, [want], "{listener:?} {asked:?}");
        }
        let shape = ConnectShape::of(&[facts("rtmp", "0.0.0.0:1935")], None);
        assert!(shape.rtmp.is_empty(), "an address that leads nowhere is none");
    }
}
