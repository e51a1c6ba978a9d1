//! Live updates.

use super::Api;
use super::document::Operations;
use super::extract::Asked;
use super::guard::Need;
use super::who::Who;
use crate::live::{Connection, Crowded, Frames};
use crate::problem::{Fault, Problem};
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use manycast_auth::Permission;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    operations.add(Need::May(Permission::ReadState), routes!(events))
}

/// What is listened to.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Listen {
    /// A stream that is watched closely.
    stream: Option<String>,
    /// The id of the last event that is known; the header Last-Event-ID says the same.
    after: Option<i64>,
}

fn last_event(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = value.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    let id = text.parse().ok().filter(|id| *id >= 0);
    let wrong = || Problem::new(Fault::InvalidHeader, "Last-Event-ID is no id of an event");
    id.map(Some).ok_or_else(wrong)
}

/// Live updates as server-sent events
///
/// `activity` (with an id, data: Event), `streams` (data: {streams: [StreamCard]}, at most once a
/// second and only when something changed), `stream` (data: Stream, with `?stream=`), `missed`
/// (events were lost: read the activity anew), `restart` and `signed_out` (the end).
#[utoipa::path(get, path = "/api/v1/events", tag = "activity", operation_id = "events",
    params(Listen, ("Last-Event-ID" = Option<String>, Header, description = "Resume behind this event")),
    responses((status = 200, content_type = "text/event-stream", body = String,
        description = "It lasts until the session, the token or the server ends")))]
async fn events(
    api: Api,
    who: Who,
    headers: HeaderMap,
    Asked(listen): Asked<Listen>,
) -> Result<Response, Problem> {
    if listen.after.is_some_and(|id| id < 0) {
        return Err(Problem::new(Fault::InvalidQuery, "after is no id of an event"));
    }
    let after = last_event(&headers)?.or(listen.after);
    if let Some(stream) = &listen.stream {
        api.control.stream(stream)?;
    }
    let close = listen.stream.map(|stream| (stream, who.look()));
    let seat = api.feed.join(&who.principal.id, close).map_err(|Crowded| {
        Problem::new(Fault::TooManyPages, "too many pages listen").retry_after(10)
    })?;
    let follow = api.control.follow(after).await;
    let readiness = api.known.readiness.clone();
    let connection = Connection::new(api.accounts.clone(), readiness, who, seat, follow);
    Ok(crate::answer::typed(Body::new(Frames::new(connection)), "text/event-stream"))
}
