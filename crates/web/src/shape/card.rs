//! A Stream at a glance: what goes out once a second to every open page, so it stays lean.

use super::stream::{CountsShape, managers, states};
use super::word::StartWord;
use crate::status::leg_states;
use crate::time::{Clock, rfc3339};
use crate::words::words;
use manycast_coach::Finding;
use manycast_control::{DestinationView, StreamView};
use manycast_hub::PublisherStats;
use manycast_restream::{LegStatus, State};
use serde::Serialize;
use utoipa::ToSchema;

/// A Stream at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StreamCard)]
pub(crate) struct CardShape {
    name: String,
    title: String,
    #[schema(schema_with = managers)]
    managed_by: &'static str,
    start: StartWord,
    wanted: bool,
    version: i64,
    #[schema(schema_with = states)]
    state: &'static str,
    #[schema(format = DateTime)]
    state_since: String,
    #[schema(format = DateTime)]
    on_air_since: Option<String>,
    publisher: Option<EncoderCard>,
    findings: Vec<FindingCard>,
    viewers: u64,
    counts: CountsShape,
    destinations: Vec<DestinationCard>,
}

/// The encoder at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct EncoderCard {
    software: Option<String>,
    #[schema(format = DateTime)]
    since: String,
    bitrate: u64,
}

/// What is wrong, at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct FindingCard {
    id: &'static str,
    severity: &'static str,
    sentence: String,
}

/// A Destination at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct DestinationCard {
    id: String,
    name: String,
    service: Option<String>,
    enabled: bool,
    status: Option<StatusCard>,
}

/// What a Destination is doing, at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct StatusCard {
    #[schema(schema_with = leg_states)]
    state: &'static str,
    #[schema(format = DateTime)]
    since: String,
    bitrate: u64,
    #[schema(format = DateTime)]
    next_dial: Option<String>,
    last_error: Option<String>,
    #[schema(schema_with = legs)]
    fed_by: &'static str,
}

fn legs() -> utoipa::openapi::Object {
    words(["primary", "backup"])
}

impl CardShape {
    pub(crate) fn of(view: &StreamView, clock: &Clock) -> Self {
        let publisher = view.stats.as_ref().and_then(|stats| stats.publisher.as_ref());
        let destination = |one| DestinationCard::of(one, clock);
        Self {
            name: view.name.to_string(),
            title: view.title.clone(),
            managed_by: view.managed_by.name(),
            start: view.start.into(),
            wanted: view.wanted,
            version: view.version,
            state: view.state.name(),
            state_since: rfc3339(view.state_since),
            on_air_since: view.on_air_since.map(rfc3339),
            publisher: publisher.map(|stats| EncoderCard::of(stats, clock)),
            findings: view.findings.iter().map(FindingCard::from).collect(),
            viewers: view.viewers,
            counts: CountsShape::from(&view.counts),
            destinations: view.destinations.iter().map(destination).collect(),
        }
    }
}

impl EncoderCard {
    fn of(stats: &PublisherStats, clock: &Clock) -> Self {
        let software = stats.encoder().software;
        let software = (!software.is_empty()).then(|| software.to_owned());
        Self { software, since: clock.show(stats.began), bitrate: stats.bitrate }
    }
}

impl From<&Finding> for FindingCard {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.rule.id(),
            severity: finding.rule.severity().name(),
            sentence: finding.sentence.clone(),
        }
    }
}

impl DestinationCard {
    fn of(view: &DestinationView, clock: &Clock) -> Self {
        let status = view.status.as_ref().map(|status| {
            // viewers have it as soon as one of the two does
            let backup = status.backup.as_ref().filter(|leg| leg.state == State::Live);
            match backup.filter(|_| status.primary.state != State::Live) {
                Some(backup) => StatusCard::of(backup, "backup", clock),
                None => StatusCard::of(&status.primary, "primary", clock),
            }
        });
        let (id, name, service) = (view.id.clone(), view.name.clone(), view.service.clone());
        Self { id, name, service, enabled: view.enabled, status }
    }
}

impl StatusCard {
    fn of(leg: &LegStatus, fed_by: &'static str, clock: &Clock) -> Self {
        Self {
            state: leg.state.name(),
            since: clock.show(leg.since),
            bitrate: leg.bitrate,
            next_dial: leg.next_dial.map(|at| clock.show(at)),
            last_error: leg.last_failure.as_ref().map(|failure| failure.words.to_string()),
            fed_by,
        }
    }
}
