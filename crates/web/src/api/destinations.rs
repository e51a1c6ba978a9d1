//! Destinations.

use super::document::Operations;
use super::extract::{Asked, At, Given, IfMatch};
use super::guard::Need;
use super::streams::part;
use super::users::Part;
use super::who::Who;
use super::{Api, located, tagged};
use crate::problem::Problem;
use crate::shape::{DestinationPatchShape, DestinationShape, List, NewDestinationShape};
use crate::time::Clock;
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use manycast_auth::Permission;
use manycast_control::DestinationView;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let may = Need::May;
    operations
        .add(may(Permission::ReadState), routes!(all))
        .add(may(Permission::ReadState), routes!(list))
        .add(may(Permission::EditDestinations), routes!(create))
        .add(may(Permission::EditDestinations), routes!(order))
        .add(may(Permission::ReadState), routes!(show))
        .add(may(Permission::EditDestinations), routes!(edit))
        .add(may(Permission::EditDestinations), routes!(remove))
        .add(may(Permission::RunDestinations), routes!(enable))
        .add(may(Permission::RunDestinations), routes!(disable))
        .add(may(Permission::RunDestinations), routes!(retry))
}

type Named = At<(String, String)>;

fn answer(status: StatusCode, view: &DestinationView) -> Response {
    tagged(status, view.version, &DestinationShape::of(view, &Clock::read()))
}

fn shapes(views: &[DestinationView]) -> Vec<DestinationShape> {
    let clock = Clock::read();
    views.iter().map(|view| DestinationShape::of(view, &clock)).collect()
}

/// Which destinations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only those of this stream.
    stream: Option<String>,
    /// Only those in this state.
    state: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the part before.
    #[param(max_length = 200)]
    after: Option<String>,
}

/// All destinations of all streams
#[utoipa::path(get, path = "/api/v1/destinations", tag = "destinations",
    operation_id = "destinations", params(Filter),
    responses((status = 200, body = List<DestinationShape>, description = "A part of the list")))]
async fn all(
    api: Api,
    Asked(asked): Asked<Filter>,
) -> Result<Json<List<DestinationShape>>, Problem> {
    let Filter { stream, state, limit, after } = asked;
    let mut views = api.control.destinations();
    views.retain(|view| stream.as_ref().is_none_or(|name| view.stream.as_str() == name));
    if let Some(state) = state {
        views.retain(|view| {
            view.status.as_ref().is_some_and(|status| status.primary.state.name() == state)
        });
    }
    let cursor = |view: &DestinationView| format!("{}/{}", view.stream, view.id);
    let found = part(views, Part { limit, after }, cursor)?;
    Ok(Json(List { items: shapes(&found.items), next: found.next }))
}

/// The destinations of a stream
#[utoipa::path(get, path = "/api/v1/streams/{stream}/destinations", tag = "destinations",
    operation_id = "stream_destinations",
    params(("stream" = String, Path, description = "The stream's name")),
    responses((status = 200, body = List<DestinationShape>, description = "All, in their order")))]
async fn list(api: Api, At(stream): At<String>) -> Result<Json<List<DestinationShape>>, Problem> {
    Ok(Json(List::whole(shapes(&api.control.stream(&stream)?.destinations))))
}

/// Add a destination
#[utoipa::path(post, path = "/api/v1/streams/{stream}/destinations", tag = "destinations",
    operation_id = "create_destination", request_body = NewDestinationShape,
    params(("stream" = String, Path, description = "The stream's name")),
    responses((status = 201, body = DestinationShape, description = "Made")))]
async fn create(
    api: Api,
    who: Who,
    At(stream): At<String>,
    Given(new): Given<NewDestinationShape>,
) -> Result<Response, Problem> {
    let view = api.control.create_destination(&who.actor(), &stream, new.take()).await?;
    let path = format!("/api/v1/streams/{}/destinations/{}", view.stream, view.id);
    Ok(located(answer(StatusCode::CREATED, &view), &path))
}

/// The order of the destinations of a stream.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DestinationOrder {
    /// All destinations that are no part of the configuration file, each once.
    ids: Vec<String>,
}

/// Put the destinations in order
#[utoipa::path(post, path = "/api/v1/streams/{stream}/destinations/order", tag = "destinations",
    operation_id = "order_destinations", request_body = DestinationOrder,
    params(("stream" = String, Path, description = "The stream's name")),
    responses((status = 200, body = List<DestinationShape>, description = "In their new order")))]
async fn order(
    api: Api,
    who: Who,
    At(stream): At<String>,
    Given(order): Given<DestinationOrder>,
) -> Result<Json<List<DestinationShape>>, Problem> {
    api.control.order_destinations(&who.actor(), &stream, &order.ids).await?;
    Ok(Json(List::whole(shapes(&api.control.stream(&stream)?.destinations))))
}

/// One destination
#[utoipa::path(get, path = "/api/v1/streams/{stream}/destinations/{destination}",
    tag = "destinations", operation_id = "destination",
    params(("stream" = String, Path, description = "The stream's name"),
        ("destination" = String, Path, description = "Its id or name")),
    responses((status = 200, body = DestinationShape, description = "The destination")))]
async fn show(api: Api, At((stream, id)): Named) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &api.control.destination(&stream, &id)?))
}

/// Edit a destination
#[utoipa::path(patch, path = "/api/v1/streams/{stream}/destinations/{destination}",
    tag = "destinations", operation_id = "edit_destination", request_body = DestinationPatchShape,
    params(("stream" = String, Path, description = "The stream's name"),
        ("destination" = String, Path, description = "Its id or name")),
    responses((status = 200, body = DestinationShape, description = "As it is now")))]
async fn edit(
    api: Api,
    who: Who,
    At((stream, id)): Named,
    version: IfMatch,
    Given(patch): Given<DestinationPatchShape>,
) -> Result<Response, Problem> {
    let (version, patch) = (version.needed()?, patch.take());
    let actor = who.actor();
    let view = api.control.edit_destination(&actor, &stream, &id, Some(version), patch).await?;
    Ok(answer(StatusCode::OK, &view))
}

/// Remove a destination
#[utoipa::path(delete, path = "/api/v1/streams/{stream}/destinations/{destination}",
    tag = "destinations", operation_id = "remove_destination",
    params(("stream" = String, Path, description = "The stream's name"),
        ("destination" = String, Path, description = "Its id or name")),
    responses((status = 204, description = "Removed")))]
async fn remove(
    api: Api,
    who: Who,
    At((stream, id)): Named,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    api.control.delete_destination(&who.actor(), &stream, &id, version.seen()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Switch a destination on
#[utoipa::path(post, path = "/api/v1/streams/{stream}/destinations/{destination}/enable",
    tag = "destinations", operation_id = "enable_destination",
    params(("stream" = String, Path, description = "The stream's name"),
        ("destination" = String, Path, description = "Its id or name")),
    responses((status = 200, body = DestinationShape, description = "It is fed from now on")))]
async fn enable(api: Api, who: Who, At((stream, id)): Named) -> Result<Response, Problem> {
    let view = api.control.set_enabled(&who.actor(), &stream, &id, true).await?;
    Ok(answer(StatusCode::OK, &view))
}

/// Switch a destination off
#[utoipa::path(post, path = "/api/v1/streams/{stream}/destinations/{destination}/disable",
    tag = "destinations", operation_id = "disable_destination",
    params(("stream" = String, Path, description = "The stream's name"),
        ("destination" = String, Path, description = "Its id or name")),
    responses((status = 200, body = DestinationShape, description = "It gets its goodbye")))]
async fn disable(api: Api, who: Who, At((stream, id)): Named) -> Result<Response, Problem> {
    let view = api.control.set_enabled(&who.actor(), &stream, &id, false).await?;
    Ok(answer(StatusCode::OK, &view))
}

/// Try a destination again now
#[utoipa::path(post, path = "/api/v1/streams/{stream}/destinations/{destination}/retry",
    tag = "destinations", operation_id = "retry_destination",
    params(("stream" = String, Path, description = "The stream's name"),
        ("destination" = String, Path, description = "Its id or name")),
    responses((status = 200, body = DestinationShape, description = "It does not wait any more")))]
async fn retry(api: Api, who: Who, At((stream, id)): Named) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &api.control.retry(&who.actor(), &stream, &id).await?))
}
