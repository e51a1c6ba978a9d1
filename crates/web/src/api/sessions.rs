//! Encoders and viewers that are connected.

use super::Api;
use super::document::Operations;
use super::extract::{Asked, At, Given};
use super::guard::Need;
use super::streams::part;
use super::users::Part;
use super::who::Who;
use super::{blocks::BlockShape, made};
use crate::problem::{Fault, Problem};
use crate::shape::{List, seconds};
use crate::source::{SessionFacts, SessionRole};
use crate::time::rfc3339;
use crate::words::words;
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use manycast_auth::Permission;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

/// For how long an address is blocked unless it is said.
const BLOCK_S: f64 = 3600.0;
/// For how long at most.
const MOST_BLOCK_S: f64 = 30.0 * 86_400.0;

pub(super) fn operations(operations: Operations) -> Operations {
    let may = Need::May;
    operations
        .add(may(Permission::ReadPeople), routes!(list))
        .add(may(Permission::EndSessions), routes!(end))
        .add(may(Permission::EndSessions), routes!(block))
}

/// An encoder or viewer.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionShape {
    id: String,
    #[schema(schema_with = roles)]
    role: &'static str,
    #[schema(schema_with = protocols)]
    protocol: &'static str,
    stream: String,
    address: String,
    /// What it calls itself.
    software: Option<String>,
    #[schema(format = DateTime)]
    since: String,
}

fn roles() -> utoipa::openapi::Object {
    words([SessionRole::Publisher, SessionRole::Viewer].map(SessionRole::name))
}

fn protocols() -> utoipa::openapi::Object {
    words(["rtmp", "rtmps"])
}

impl From<&SessionFacts> for SessionShape {
    fn from(facts: &SessionFacts) -> Self {
        Self {
            id: facts.id.to_string(),
            role: facts.role.name(),
            protocol: if facts.secure { "rtmps" } else { "rtmp" },
            stream: facts.stream.clone(),
            address: facts.address.to_string(),
            software: facts.software.clone(),
            since: rfc3339(facts.since),
        }
    }
}

/// Which sessions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only those of this stream.
    stream: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the part before.
    #[param(max_length = 200)]
    after: Option<String>,
}

/// Encoders and viewers
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", operation_id = "sessions",
    params(Filter),
    responses((status = 200, body = List<SessionShape>, description = "A part of the list")))]
async fn list(api: Api, Asked(asked): Asked<Filter>) -> Result<Json<List<SessionShape>>, Problem> {
    let mut sessions = api.sessions.list();
    sessions.retain(|one| asked.stream.as_ref().is_none_or(|stream| one.stream == *stream));
    let wanted = Part { limit: asked.limit, after: asked.after };
    let found = part(sessions, wanted, |one| one.id.to_string())?;
    Ok(Json(List { items: found.items.iter().map(SessionShape::from).collect(), next: found.next }))
}

fn find(api: &Api, id: &str) -> Result<SessionFacts, Problem> {
    // an id has one form: a session is not met by `007` too
    let found = api.sessions.list().into_iter().find(|one| one.id.to_string() == id);
    found.ok_or_else(|| Problem::new(Fault::NotFound, "this session is over"))
}

/// End a session
///
/// Whoever it is may come again; block the address to keep him out.
#[utoipa::path(delete, path = "/api/v1/sessions/{session}", tag = "sessions",
    operation_id = "end_session", params(("session" = String, Path, description = "Its id")),
    responses((status = 204, description = "Cut")))]
async fn end(api: Api, who: Who, At(session): At<String>) -> Result<StatusCode, Problem> {
    let facts = find(&api, &session)?;
    let entry = who.audit("session.end", &facts.stream);
    let told = serde_json::json!({"role": facts.role.name(), "address": facts.address.to_string()});
    api.store.audit(entry.before(told.to_string())).await?;
    if api.sessions.end(facts.id, "ended by an operator") {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::new(Fault::NotFound, "this session is over"))
}

/// How an address is kept out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBlock {
    /// For how long; an hour if left out, 30 days at most.
    #[schema(minimum = 1, maximum = 2_592_000)]
    seconds: Option<f64>,
    /// Why, for people.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// End a session and keep its address out
#[utoipa::path(post, path = "/api/v1/sessions/{session}/block", tag = "sessions",
    operation_id = "block_session", request_body = NewBlock,
    params(("session" = String, Path, description = "Its id")),
    responses((status = 201, body = BlockShape, description = "Kept out")))]
async fn block(
    api: Api,
    who: Who,
    At(session): At<String>,
    Given(block): Given<NewBlock>,
) -> Result<Response, Problem> {
    let facts = find(&api, &session)?;
    let wanted = block.seconds.unwrap_or(BLOCK_S);
    if !(1.0..=MOST_BLOCK_S).contains(&wanted) {
        return Err(Problem::field("seconds", "has to be from 1 to 2592000"));
    }
    let reason: String = block.reason.unwrap_or_default().chars().take(200).collect();
    let address = facts.address.ip();
    let span = seconds("seconds", wanted)?;
    let block = api.control.block(&who.actor(), address, span, &reason).await?;
    for other in api.sessions.list().iter().filter(|other| other.address.ip() == address) {
        api.sessions.end(other.id, "blocked by an operator");
    }
    Ok(made(StatusCode::CREATED, &BlockShape::from(&block)))
}
