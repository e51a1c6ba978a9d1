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
        H::StreamStopped { stream, reason, lasted, times } => {
            EventKind::StreamStopped { stream, reason, lasted, times }
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
        | H::PublishRefused { .. }
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

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_media::StreamName;
    use manycast_webhook::EVENT_TYPES;
    use std::time::Duration;

    fn happenings() -> Vec<Happening> {
        let stream = StreamName::new("main").unwrap();
        let encoder = EncoderFacts { address: "192.0.2.1:5".into(), software: "OBS".into() };
        let destination = DestinationFacts {
            stream: stream.clone(),
            id: "1".into(),
            name: "out".into(),
            service: None,
            backup: false,
        };
        let key = manycast_control::KeyFacts { id: None, label: "studio".into() };
        let (reason, one) = ("it said no".to_owned(), Duration::from_secs(1));
        let error_kind = "rejected";
        vec![
            Happening::StreamStarted { stream: stream.clone(), encoder: encoder.clone() },
            Happening::StreamStopped {
                stream: stream.clone(),
                reason: reason.clone(),
                lasted: one,
                times: 1,
            },
            Happening::InputLost { stream: stream.clone(), reason: reason.clone(), held_for: one },
            Happening::InputBack { stream: stream.clone(), away: one, times: 2, encoder },
            Happening::WentLive { stream: stream.clone(), by: None },
            Happening::Ended { stream: stream.clone(), by: None, lasted: one },
            Happening::DestinationLive { destination: destination.clone(), took: one },
            Happening::DestinationFailing {
                destination: destination.clone(),
                reason: reason.clone(),
                error_kind,
                failures: 3,
                next_dial: None,
            },
            Happening::DestinationRejected {
                destination: destination.clone(),
                reason: reason.clone(),
                error_kind,
            },
            Happening::DestinationRecovered {
                destination: destination.clone(),
                away: one,
                times: 1,
            },
            Happening::DestinationStopped { destination, reason },
            Happening::KeyNewAddress {
                stream: stream.clone(),
                key,
                address: [192, 0, 2, 9].into(),
            },
            Happening::ViewerCount { stream, viewers: 1, peak: 2 },
        ]
    }

    #[test]
    fn what_happens_is_told_under_its_own_name() {
        let mut told = Vec::new();
        for happening in happenings() {
            let of = |kind| Event { id: "evt_1".into(), at: UNIX_EPOCH, kind };
            match kind(&happening).map(of) {
                Some(event) => {
                    assert_eq!(event.name(), happening.kind());
                    assert_eq!(event.stream().map(StreamName::as_str), Some("main"));
                    told.push(event.name());
                }
                None => assert!(!EVENT_TYPES.contains(&happening.kind()), "{happening:?}"),
            }
        }
        told.sort_unstable();
        let mut all = EVENT_TYPES.to_vec();
        all.sort_unstable();
        assert_eq!(told, all);
        assert!(EVENT_TYPES.iter().all(|kind| Happening::KINDS.contains(kind)));
    }
}
