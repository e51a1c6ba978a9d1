//! From what happens to what webhooks are told.
//!
//! Belongs here: the one translation between the words of `control` and those of `webhook`. Must not
//! come here: which webhook wants what (`outbox`).

use super::facts::float;
use manycast_control::{DestinationFacts, EncoderFacts, Happening, Herald, Telling};
use manycast_web::{Family, Kind};
use manycast_webhook::{Counters, Event, EventKind, KeyFacts, PublisherFacts, Webhooks};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells webhooks.
pub(super) struct Crier(pub(super) Arc<Webhooks>);

impl Herald for Crier {
    fn tell<'a>(&'a self, id: i64, at: SystemTime, happening: &'a Happening) -> Telling<'a> {
        Box::pin(async move {
            let Some(kind) = kind(happening) else { return };
            // with its time, since ids come again after a backup was restored
            let ms = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            let event = Event { id: format!("evt_{id}_{ms:x}"), at, kind };
            if let Err(error) = self.0.file(&event).await
                && !self.0.publish(event)
            {
                tracing::error!("webhooks are not told of event {id}: {error}");
            }
        })
    }
}

/// What webhooks can ask for; `None` for the rest.
fn kind(happening: &Happening) -> Option<EventKind> {
    use Happening as H;
    Some(match happening.clone() {
        H::StreamStarted { stream, encoder } => {
            EventKind::StreamStarted { stream, publisher: publisher(encoder) }
        }
        H::StreamStopped { stream, reason, lasted } => {
            EventKind::StreamStopped { stream, reason, lasted }
        }
        H::InputLost { stream, reason, held_for } => {
            EventKind::InputLost { stream, reason, held_for }
        }
        H::InputBack { stream, away, times, encoder } => {
            EventKind::InputBack { stream, away, times, publisher: publisher(encoder) }
        }
        H::DestinationLive { destination, took } => {
            EventKind::DestinationLive { destination: facts(destination), took }
        }
        H::DestinationFailing { destination, reason, error_kind, failures, next_dial } => {
            let (destination, error_kind) = (facts(destination), error_kind.to_owned());
            EventKind::DestinationFailing { destination, reason, error_kind, failures, next_dial }
        }
        H::DestinationRejected { destination, reason, error_kind } => {
            let error_kind = error_kind.to_owned();
            EventKind::DestinationRejected { destination: facts(destination), reason, error_kind }
        }
        H::DestinationRecovered { destination, away, times } => {
            EventKind::DestinationRecovered { destination: facts(destination), away, times }
        }
        H::KeyNewAddress { stream, key, address } => {
            let key = KeyFacts { id: key.id, label: key.label };
            EventKind::KeyNewAddress { stream, key, address }
        }
        H::ViewerCount { stream, viewers, peak } => {
            EventKind::ViewerCount { stream, viewers, peak }
        }
        H::WentLive { .. }
        | H::Ended { .. }
        | H::DestinationStopped { .. }
        | H::FindingNew { .. }
        | H::FindingMended { .. }
        | H::ConfigReloaded { .. } => return None,
    })
}

fn publisher(encoder: EncoderFacts) -> PublisherFacts {
    PublisherFacts { address: encoder.address, software: encoder.software }
}

fn facts(destination: DestinationFacts) -> manycast_webhook::DestinationFacts {
    let DestinationFacts { stream, id, name, service, backup } = destination;
    manycast_webhook::DestinationFacts { stream, id, name, service, backup }
}

/// What became of messages, as metrics.
pub(super) fn families(counters: Counters) -> Vec<Family> {
    let help = "Messages to webhooks, by what became of them";
    let mut messages = Family::new(Kind::Counter, "webhook_messages", help);
    for (outcome, count) in [
        ("delivered", counters.delivered),
        ("retried", counters.retried),
        ("given_up", counters.given_up),
        ("dropped", counters.dropped),
        ("lost", counters.lost),
    ] {
        messages.add(&[("outcome", outcome)], float(count));
    }
    let help = "Times that the queue of webhooks could not be read or written";
    let faults =
        Family::single(Kind::Counter, "webhook_queue_faults", help, float(counters.queue_errors));
    vec![messages, faults]
}
