//! What happened.

use super::Api;
use super::document::Operations;
use super::extract::{Asked, page};
use super::guard::Need;
use super::who::Who;
use crate::problem::{Fault, Problem};
use crate::shape::{EventShape, List};
use axum::Json;
use manycast_auth::Permission;
use manycast_control::EventFilter;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    operations.add(Need::May(Permission::ReadState), routes!(list))
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only this kind, such as `destination.live`, or kinds with this beginning, such as
    /// `destination.`.
    kind: Option<String>,
    /// Only those of this stream.
    stream: Option<String>,
    /// Only those of destinations of this name.
    destination: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the part before.
    #[param(max_length = 200)]
    after: Option<String>,
}

/// Past events, the newest first
#[utoipa::path(get, path = "/api/v1/activity", tag = "activity", operation_id = "activity",
    params(Filter),
    responses((status = 200, body = List<EventShape>, description = "A part of the list")))]
async fn list(
    api: Api,
    who: Who,
    Asked(asked): Asked<Filter>,
) -> Result<Json<List<EventShape>>, Problem> {
    let request = page(asked.limit, asked.after)?;
    let cursor = |text: String| {
        let id: Option<i64> = text.parse().ok().filter(|id| *id > 0);
        id.ok_or_else(|| Problem::new(Fault::BadCursor, "the cursor is no id of an event"))
    };
    let filter = EventFilter {
        kind: asked.kind,
        stream: asked.stream,
        destination: asked.destination,
        before: request.after.map(cursor).transpose()?,
        limit: request.limit,
        ..EventFilter::default()
    };
    let found = api.control.activity(filter).await?;
    let full = found.len() >= usize::try_from(request.limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| full).map(|event| event.id.to_string());
    let people = who.may(Permission::ReadPeople);
    let items = found.iter().filter_map(|event| EventShape::of(event, people)).collect();
    Ok(Json(List { items, next }))
}
