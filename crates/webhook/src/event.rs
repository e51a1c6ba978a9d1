//! What receivers are told, and in which words: the shapes of `docs/webhooks.md`.
//!
//! Belongs here: the events, their types and bodies. Must not come here: who decides that something
//! happened, and who is told.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use manycast_media::StreamName;
use serde::Serialize;

use crate::time::rfc3339;

/// The types that a webhook can ask for. `webhook.test` comes to every one that is tested.
pub const EVENT_TYPES: &[&str] = &[
    "stream.started",
    "stream.stopped",
    "stream.input_lost",
    "stream.input_back",
    "destination.live",
    "destination.failing",
    "destination.rejected",
    "destination.recovered",
    "viewer.count",
    "key.new_address",
];

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique; receivers see it as `webhook-id` and tell repetitions by it.
    pub id: String,
    /// When.
    pub at: SystemTime,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An encoder began to send.
    StreamStarted {
        /// The Stream.
        stream: StreamName,
        /// Who sends.
        publisher: PublisherFacts,
    },
    /// The encoder's broadcast is over.
    StreamStopped {
        /// The Stream.
        stream: StreamName,
        /// Why, in words.
        reason: String,
        /// How long it was.
        lasted: Duration,
        /// Starts that were told as one.
        times: u32,
    },
    /// The encoder is gone without a goodbye, and is waited for.
    InputLost {
        /// The Stream.
        stream: StreamName,
        /// What is known of it, in words.
        reason: String,
        /// For how long destinations are held.
        held_for: Duration,
    },
    /// The encoder came back in time.
    InputBack {
        /// The Stream.
        stream: StreamName,
        /// How long it was away.
        away: Duration,
        /// How often it was lost since the message before.
        times: u32,
        /// Who sends now.
        publisher: PublisherFacts,
    },
    /// A destination accepted the Stream.
    DestinationLive {
        /// Which.
        destination: DestinationFacts,
        /// How long that took from the first dial on.
        took: Duration,
    },
    /// A destination does not take the Stream; it is dialled again.
    DestinationFailing {
        /// Which.
        destination: DestinationFacts,
        /// Why, in words.
        reason: String,
        /// The same as a stable word.
        error_kind: String,
        /// Times that something went wrong since the server began.
        failures: u64,
        /// When it is dialled again.
        next_dial: Option<SystemTime>,
    },
    /// A destination refused the Stream for a reason that a person has to mend.
    DestinationRejected {
        /// Which.
        destination: DestinationFacts,
        /// Why, in words.
        reason: String,
        /// The same as a stable word.
        error_kind: String,
    },
    /// A destination that had failed takes the Stream again.
    DestinationRecovered {
        /// Which.
        destination: DestinationFacts,
        /// For how long it went without.
        away: Duration,
        /// How often it failed meanwhile.
        times: u32,
    },
    /// How many watch a Stream here.
    ViewerCount {
        /// The Stream.
        stream: StreamName,
        /// Now.
        viewers: u64,
        /// The most since the message before.
        peak: u64,
    },
    /// A stream key was used from an address that it was never used from before.
    KeyNewAddress {
        /// The Stream that the key opens.
        stream: StreamName,
        /// The key.
        key: KeyFacts,
        /// From where.
        address: IpAddr,
    },
    /// A person wants to see that messages arrive.
    Test {
        /// The webhook's id.
        webhook: String,
    },
}

/// Who sends a Stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PublisherFacts {
    /// Address and port.
    pub address: String,
    /// What its program calls itself.
    pub software: String,
}

/// Which destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationFacts {
    /// The Stream that it is fed with.
    pub stream: StreamName,
    /// As the API has it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The preset that it was made from.
    pub service: Option<String>,
    /// Whether this is about its backup address.
    pub backup: bool,
}

/// Which stream key; never the key itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyFacts {
    /// As the API has it; a key of the configuration file has none.
    pub id: Option<String>,
    /// What people call it.
    pub label: String,
}

/// An event in the form in which it is sent, the same at each attempt and to each receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The event's id.
    pub id: String,
    /// Its type.
    pub kind: &'static str,
    /// The Stream that it is about: messages of one Stream keep their order.
    pub stream: Option<String>,
    /// JSON: `type`, `timestamp` and `data`.
    pub body: Arc<str>,
}

impl Event {
    /// The documented type.
    #[must_use]
    pub fn name(&self) -> &'static str {
        use EventKind as K;
        match &self.kind {
            K::StreamStarted { .. } => "stream.started",
            K::StreamStopped { .. } => "stream.stopped",
            K::InputLost { .. } => "stream.input_lost",
            K::InputBack { .. } => "stream.input_back",
            K::DestinationLive { .. } => "destination.live",
            K::DestinationFailing { .. } => "destination.failing",
            K::DestinationRejected { .. } => "destination.rejected",
            K::DestinationRecovered { .. } => "destination.recovered",
            K::ViewerCount { .. } => "viewer.count",
            K::KeyNewAddress { .. } => "key.new_address",
            K::Test { .. } => "webhook.test",
        }
    }

    /// The Stream that it is about.
    #[must_use]
    pub fn stream(&self) -> Option<&StreamName> {
        use EventKind as K;
        match &self.kind {
            K::StreamStarted { stream, .. }
            | K::StreamStopped { stream, .. }
            | K::InputLost { stream, .. }
            | K::InputBack { stream, .. }
            | K::ViewerCount { stream, .. }
            | K::KeyNewAddress { stream, .. } => Some(stream),
            K::DestinationLive { destination, .. }
            | K::DestinationFailing { destination, .. }
            | K::DestinationRejected { destination, .. }
            | K::DestinationRecovered { destination, .. } => Some(&destination.stream),
            K::Test { .. } => None,
        }
    }

    /// The message that receivers get.
    #[must_use]
    pub fn message(&self) -> Message {
        let stream = self.stream().map(|stream| stream.as_str().to_owned());
        let data = Data { stream: stream.as_deref(), facts: facts(&self.kind) };
        let body = Body { kind: self.name(), timestamp: rfc3339(self.at), data };
        // Plain structs with text keys always have a JSON form.
        let body = serde_json::to_string(&body).unwrap_or_default();
        Message { id: self.id.clone(), kind: self.name(), stream, body: body.into() }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    #[serde(flatten)]
    facts: Facts<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Facts<'a> {
    Started { publisher: &'a PublisherFacts },
    Stopped { reason: &'a str, lasted_s: f64, times: u32 },
    Lost { reason: &'a str, held_for_s: f64 },
    Back { away_s: f64, times: u32, publisher: &'a PublisherFacts },
    Live { destination: Destination<'a>, took_s: f64 },
    Failing(Failing<'a>),
    Rejected { destination: Destination<'a>, reason: &'a str, error_kind: &'a str },
    Recovered { destination: Destination<'a>, away_s: f64, times: u32 },
    Viewers { viewers: u64, peak: u64 },
    Key { key: &'a KeyFacts, address: IpAddr },
    Test { webhook: &'a str },
}

#[derive(Serialize)]
struct Failing<'a> {
    destination: Destination<'a>,
    reason: &'a str,
    error_kind: &'a str,
    failures: u64,
    next_dial: Option<String>,
}

#[derive(Serialize)]
struct Destination<'a> {
    id: &'a str,
    name: &'a str,
    service: Option<&'a str>,
    backup: bool,
}

impl<'a> Destination<'a> {
    fn of(facts: &'a DestinationFacts) -> Self {
        let DestinationFacts { id, name, service, backup, .. } = facts;
        Self { id, name, service: service.as_deref(), backup: *backup }
    }
}

fn facts(kind: &EventKind) -> Facts<'_> {
    use EventKind as K;
    match kind {
        K::StreamStarted { publisher, .. } => Facts::Started { publisher },
        K::StreamStopped { reason, lasted, times, .. } => {
            Facts::Stopped { reason, lasted_s: seconds(*lasted), times: *times }
        }
        K::InputLost { reason, held_for, .. } => {
            Facts::Lost { reason, held_for_s: seconds(*held_for) }
        }
        K::InputBack { away, times, publisher, .. } => {
            Facts::Back { away_s: seconds(*away), times: *times, publisher }
        }
        K::DestinationLive { destination, took } => {
            Facts::Live { destination: Destination::of(destination), took_s: seconds(*took) }
        }
        K::DestinationFailing { destination, reason, error_kind, failures, next_dial } => {
            let next_dial = next_dial.map(rfc3339);
            let destination = Destination::of(destination);
            Facts::Failing(Failing {
                destination,
                reason,
                error_kind,
                failures: *failures,
                next_dial,
            })
        }
        K::DestinationRejected { destination, reason, error_kind } => {
            Facts::Rejected { destination: Destination::of(destination), reason, error_kind }
        }
        K::DestinationRecovered { destination, away, times } => {
            let destination = Destination::of(destination);
            Facts::Recovered { destination, away_s: seconds(*away), times: *times }
        }
        K::ViewerCount { viewers, peak, .. } => Facts::Viewers { viewers: *viewers, peak: *peak },
        K::KeyNewAddress { key, address, .. } => Facts::Key { key, address: *address },
        K::Test { webhook } => Facts::Test { webhook },
    }
}

/// In seconds, with milliseconds.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests;
