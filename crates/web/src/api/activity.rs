//! What happened.

use super::Api;
use super::document::Operations;
use super::extract::{Asked, page};
use super::guard::Need;
use super::who::Who;
use crate::problem::Problem;
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
#[into_params(parameter_in = Query)]
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
    let Filter { kind, stream, destination, .. } = asked;
    let filter = EventFilter { kind, stream, destination };
    let found = api.control.activity(filter, request).await?;
    let people = who.may(Permission::ReadPeople);
    let items = found.items.iter().filter_map(|event| EventShape::of(event, people)).collect();
    Ok(Json(List { items, next: found.next }))
}
