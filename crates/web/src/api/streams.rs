//! Streams.

use super::document::Operations;
use super::extract::{Asked, At, Given, IfMatch, page};
use super::guard::Need;
use super::users::Part;
use super::who::Who;
use super::{Api, located, tagged};
use crate::problem::Problem;
use crate::shape::{List, Look, NewStreamShape, StreamPatchShape, StreamShape};
use crate::time::{Clock, rfc3339};
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use manycast_auth::Permission;
use manycast_control::{Sample, StreamView};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let may = Need::May;
    operations
        .add(may(Permission::ReadState), routes!(list))
        .add(may(Permission::CreateStreams), routes!(create))
        .add(may(Permission::ReadState), routes!(show))
        .add(may(Permission::EditStreams), routes!(edit))
        .add(may(Permission::CreateStreams), routes!(remove))
        .add(may(Permission::RunStreams), routes!(go_live))
        .add(may(Permission::RunStreams), routes!(end))
        .add(may(Permission::ReadState), routes!(history))
}

impl Who {
    /// With whose eyes the answer is looked at.
    pub(crate) fn look(&self) -> Look {
        Look { people: self.may(Permission::ReadPeople), host: self.via.host.clone() }
    }
}

fn shown(api: &Api, who: &Who, view: &StreamView) -> StreamShape {
    StreamShape::of(view, &who.look(), &api.known.source.listeners(), &Clock::read())
}

fn answer(api: &Api, who: &Who, status: StatusCode, view: &StreamView) -> Response {
    tagged(status, view.version, &shown(api, who, view))
}

/// The part of a list that is asked for, when all of it is at hand. The cursor is the last name.
pub(super) fn part<T>(
    all: Vec<T>,
    part: Part,
    name: impl Fn(&T) -> String,
) -> Result<List<T>, Problem> {
    let request = page(part.limit, part.after)?;
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let start = match &request.after {
        None => 0,
        Some(after) => {
            let at = all.iter().position(|one| name(one) == *after);
            at.map(|at| at + 1).ok_or_else(|| {
                let detail = "what the cursor points at is gone";
                Problem::new(crate::problem::Fault::BadCursor, detail)
            })?
        }
    };
    let more = all.len() > start.saturating_add(limit);
    let items: Vec<_> = all.into_iter().skip(start).take(limit).collect();
    let next = items.last().filter(|_| more).map(name);
    Ok(List { items, next })
}

/// All streams
#[utoipa::path(get, path = "/api/v1/streams", tag = "streams", operation_id = "streams",
    params(Part),
    responses((status = 200, body = List<StreamShape>, description = "A part of the list")))]
async fn list(
    api: Api,
    who: Who,
    Asked(asked): Asked<Part>,
) -> Result<Json<List<StreamShape>>, Problem> {
    let found = part(api.control.streams(), asked, |view| view.name.to_string())?;
    let (look, listeners, clock) = (who.look(), api.known.source.listeners(), Clock::read());
    let shape = |view| StreamShape::of(view, &look, &listeners, &clock);
    Ok(Json(List { items: found.items.iter().map(shape).collect(), next: found.next }))
}

/// Make a stream
#[utoipa::path(post, path = "/api/v1/streams", tag = "streams", operation_id = "create_stream",
    request_body = NewStreamShape,
    responses((status = 201, body = StreamShape, description = "Made")))]
async fn create(
    api: Api,
    who: Who,
    Given(new): Given<NewStreamShape>,
) -> Result<Response, Problem> {
    let view = api.control.create_stream(&who.actor(), new.take()?).await?;
    let path = format!("/api/v1/streams/{}", view.name);
    Ok(located(answer(&api, &who, StatusCode::CREATED, &view), &path))
}

/// One stream
#[utoipa::path(get, path = "/api/v1/streams/{stream}", tag = "streams", operation_id = "stream",
    params(("stream" = String, Path, description = "Its name")),
    responses((status = 200, body = StreamShape, description = "The stream")))]
async fn show(api: Api, who: Who, At(stream): At<String>) -> Result<Response, Problem> {
    Ok(answer(&api, &who, StatusCode::OK, &api.control.stream(&stream)?))
}

/// Edit a stream
#[utoipa::path(patch, path = "/api/v1/streams/{stream}", tag = "streams",
    operation_id = "edit_stream", request_body = StreamPatchShape,
    params(("stream" = String, Path, description = "Its name")),
    responses((status = 200, body = StreamShape, description = "As it is now")))]
async fn edit(
    api: Api,
    who: Who,
    At(stream): At<String>,
    version: IfMatch,
    Given(patch): Given<StreamPatchShape>,
) -> Result<Response, Problem> {
    let (version, patch) = (version.needed()?, patch.take()?);
    let view = api.control.edit_stream(&who.actor(), &stream, Some(version), patch).await?;
    Ok(answer(&api, &who, StatusCode::OK, &view))
}

/// Remove a stream
///
/// With its destinations and keys.
#[utoipa::path(delete, path = "/api/v1/streams/{stream}", tag = "streams",
    operation_id = "remove_stream", params(("stream" = String, Path, description = "Its name")),
    responses((status = 204, description = "Removed")))]
async fn remove(
    api: Api,
    who: Who,
    At(stream): At<String>,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    api.control.delete_stream(&who.actor(), &stream, version.seen()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Go live
///
/// Destinations that are enabled are fed, at once or as soon as the encoder comes.
#[utoipa::path(post, path = "/api/v1/streams/{stream}/go-live", tag = "streams",
    operation_id = "go_live", params(("stream" = String, Path, description = "Its name")),
    responses((status = 200, body = StreamShape, description = "Wanted on air")))]
async fn go_live(api: Api, who: Who, At(stream): At<String>) -> Result<Response, Problem> {
    let view = api.control.go_live(&who.actor(), &stream).await?;
    Ok(answer(&api, &who, StatusCode::OK, &view))
}

/// End the broadcast
///
/// Destinations get their goodbye; the encoder stays connected.
#[utoipa::path(post, path = "/api/v1/streams/{stream}/end", tag = "streams",
    operation_id = "end_stream", params(("stream" = String, Path, description = "Its name")),
    responses((status = 200, body = StreamShape, description = "Not wanted on air")))]
async fn end(api: Api, who: Who, At(stream): At<String>) -> Result<Response, Problem> {
    let view = api.control.end(&who.actor(), &stream).await?;
    Ok(answer(&api, &who, StatusCode::OK, &view))
}

/// Which part of the past.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Window {
    /// Seconds up to now; 900 if left out. Up to 900 there is a sample for each second, beyond for
    /// each ten.
    #[param(minimum = 1, maximum = 14400)]
    window: Option<u32>,
}

/// Figures of the last minutes or hours.
#[derive(Serialize, ToSchema)]
struct History {
    /// Seconds between two samples.
    every_s: u64,
    /// When the last sample was taken.
    #[schema(format = DateTime)]
    end: String,
    /// Oldest first; none where there was no encoder.
    samples: Vec<SampleShape>,
}

/// Figures of one moment.
#[derive(Serialize, ToSchema)]
#[schema(as = Sample)]
struct SampleShape {
    #[schema(format = DateTime)]
    at: String,
    bitrate: u32,
    fps: Option<f32>,
    key_frame_ms: Option<u32>,
    jitter_ms: Option<f32>,
    viewers: u32,
}

impl From<&Sample> for SampleShape {
    fn from(sample: &Sample) -> Self {
        Self {
            at: rfc3339(sample.at),
            bitrate: sample.bitrate,
            fps: sample.fps,
            key_frame_ms: sample.key_frame_ms,
            jitter_ms: sample.jitter_ms,
            viewers: sample.viewers,
        }
    }
}

/// Figures for charts
#[utoipa::path(get, path = "/api/v1/streams/{stream}/history", tag = "streams",
    operation_id = "stream_history", params(("stream" = String, Path, description = "Its name"), Window),
    responses((status = 200, body = History, description = "The samples")))]
async fn history(
    api: Api,
    At(stream): At<String>,
    Asked(asked): Asked<Window>,
) -> Result<Json<History>, Problem> {
    let window = asked.window.unwrap_or(900);
    if !(1..=14_400).contains(&window) {
        let detail = "window has to be from 1 to 14400 seconds";
        return Err(Problem::new(crate::problem::Fault::InvalidQuery, detail));
    }
    let view = api.control.history(&stream, Duration::from_secs(window.into()))?;
    Ok(Json(History {
        every_s: view.every.as_secs(),
        end: rfc3339(view.end),
        samples: view.samples.iter().map(SampleShape::from).collect(),
    }))
}
