//! What happened, as the API tells it.

use crate::time::rfc3339;
use crate::words::words;
use manycast_control::{Event, Severity};
use serde::Serialize;
use utoipa::ToSchema;

/// Kinds that tell of people, their keys and addresses.
const OF_PEOPLE: [&str; 7] =
    ["key.", "publish.", "user.", "token.", "webhook.", "session.", "setup."];

/// Something that happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventShape {
    /// Rises for ever.
    #[schema(value_type = String)]
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// Such as `destination.live`.
    kind: String,
    stream: Option<String>,
    /// The name of the destination.
    destination: Option<String>,
    /// Who did it, if it was a person or a token.
    actor: Option<String>,
    address: Option<String>,
    #[schema(schema_with = severities)]
    severity: &'static str,
    /// A sentence.
    text: String,
    /// Figures of this kind of event.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

fn severities() -> utoipa::openapi::Object {
    words([Severity::Info, Severity::Good, Severity::Warning, Severity::Act].map(Severity::name))
}

impl EventShape {
    /// The event, or nothing if it is not for these eyes.
    pub(crate) fn of(event: &Event, people: bool) -> Option<Self> {
        if !people && OF_PEOPLE.iter().any(|start| event.kind.starts_with(start)) {
            return None;
        }
        let mut data = event.data.clone();
        if !data.is_object() {
            data = serde_json::json!({});
        }
        if !people && let Some(fields) = data.as_object_mut() {
            fields.retain(|name, _| !name.contains("address"));
        }
        Some(Self {
            id: event.id.to_string(),
            at: rfc3339(event.at),
            kind: event.kind.clone(),
            stream: event.stream.clone(),
            destination: event.destination.clone(),
            actor: event.actor.clone().filter(|_| people),
            address: event.address.clone().filter(|_| people),
            severity: event.severity.name(),
            text: event.text.clone(),
            data,
        })
    }
}
