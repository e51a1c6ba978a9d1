//! Stream keys: what an encoder proves itself with.

use super::document::Operations;
use super::extract::{At, Given, three_state};
use super::guard::Need;
use super::tokens::time;
use super::who::Who;
use super::{Api, made};
use crate::problem::Problem;
use crate::shape::{List, seconds};
use crate::time::rfc3339;
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use manycast_auth::Permission;
use manycast_control::{KeyPatch, NewKey, StreamKeyView};
use serde::{Deserialize, Serialize};
use std::time::SystemTime;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let may = Need::May;
    operations
        .add(may(Permission::ReadKeys), routes!(list))
        .add(may(Permission::EditKeys), routes!(create))
        .add(may(Permission::EditKeys), routes!(edit))
        .add(may(Permission::EditKeys), routes!(revoke))
        .add(may(Permission::EditKeys), routes!(rotate))
}

/// A stream key, without itself.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamKey)]
struct KeyShape {
    id: String,
    stream: String,
    /// Whose it is, such as `Studio` or `Phone`.
    label: String,
    /// Its first characters, to tell it from others.
    prefix: String,
    /// From where it is taken; empty: from anywhere.
    addresses: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// From when on it lets nobody in; whoever came in before stays. `null`: it does not expire.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    last_address: Option<String>,
    /// Whether an encoder that came in with it is there.
    in_use: bool,
}

impl From<&StreamKeyView> for KeyShape {
    fn from(view: &StreamKeyView) -> Self {
        Self {
            id: view.id.clone(),
            stream: view.stream.clone(),
            label: view.label.clone(),
            prefix: view.prefix.clone(),
            addresses: view.addresses.clone(),
            created_at: rfc3339(view.created_at),
            expires_at: view.expires_at.map(rfc3339),
            last_used_at: view.last_used_at.map(rfc3339),
            last_address: view.last_address.clone(),
            in_use: view.in_use,
        }
    }
}

/// A stream key with itself, which is shown once.
#[derive(Serialize, ToSchema)]
struct StreamKeyMade {
    #[serde(flatten)]
    about: KeyShape,
    /// What the encoder sends.
    key: String,
}

/// A new stream key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewStreamKey {
    #[schema(min_length = 1, max_length = 64)]
    label: String,
    /// From where it is taken: addresses, or networks such as `192.0.2.0/24`.
    addresses: Option<Vec<String>>,
    /// From when on it lets nobody in, such as `2030-01-31T12:00:00Z`; left out: it does not expire.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// What of a stream key is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StreamKeyPatch {
    #[schema(min_length = 1, max_length = 64)]
    label: Option<String>,
    addresses: Option<Vec<String>>,
    /// `null`: it does not expire.
    #[serde(default, deserialize_with = "three_state")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<String>>,
}

fn system(text: Option<&str>) -> Result<Option<SystemTime>, Problem> {
    Ok(time("expires_at", text)?.map(|at| at.system()))
}

/// How a key is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyRotation {
    /// For how many seconds the old one is still taken; 300 if left out, 0: it ends at once.
    #[schema(minimum = 0, maximum = 2_592_000)]
    grace_s: Option<f64>,
}

/// The keys of a stream
#[utoipa::path(get, path = "/api/v1/streams/{stream}/keys", tag = "keys",
    operation_id = "stream_keys", params(("stream" = String, Path, description = "Its name")),
    responses((status = 200, body = List<KeyShape>, description = "All of them")))]
async fn list(api: Api, At(stream): At<String>) -> Result<Json<List<KeyShape>>, Problem> {
    let keys = api.control.keys(&stream).await?;
    Ok(Json(List::whole(keys.iter().map(KeyShape::from).collect())))
}

/// Make a key
///
/// Also for streams of the configuration file.
#[utoipa::path(post, path = "/api/v1/streams/{stream}/keys", tag = "keys",
    operation_id = "create_stream_key", request_body = NewStreamKey,
    params(("stream" = String, Path, description = "Its name")),
    responses((status = 201, body = StreamKeyMade, description = "Made; it is shown once")))]
async fn create(
    api: Api,
    who: Who,
    At(stream): At<String>,
    Given(new): Given<NewStreamKey>,
) -> Result<Response, Problem> {
    let expires_at = system(new.expires_at.as_deref())?;
    let addresses = new.addresses.unwrap_or_default();
    let new = NewKey { label: new.label, addresses, expires_at };
    let (view, key) = api.control.create_key(&who.actor(), &stream, new).await?;
    let shape = StreamKeyMade { about: KeyShape::from(&view), key: key.expose().to_owned() };
    Ok(made(StatusCode::CREATED, &shape))
}

/// Edit a key
#[utoipa::path(patch, path = "/api/v1/streams/{stream}/keys/{key}", tag = "keys",
    operation_id = "edit_stream_key", request_body = StreamKeyPatch,
    params(("stream" = String, Path, description = "The stream's name"),
        ("key" = String, Path, description = "The key's id")),
    responses((status = 200, body = KeyShape, description = "As it is now")))]
async fn edit(
    api: Api,
    who: Who,
    At((stream, key)): At<(String, String)>,
    Given(patch): Given<StreamKeyPatch>,
) -> Result<Json<KeyShape>, Problem> {
    let end = patch.expires_at.map(|end| system(end.as_deref()));
    let expires_at = end.transpose()?;
    let patch = KeyPatch { label: patch.label, addresses: patch.addresses, expires_at };
    let view = api.control.edit_key(&who.actor(), &stream, &key, patch).await?;
    Ok(Json(KeyShape::from(&view)))
}

/// Revoke a key
///
/// An encoder that came in with it is cut.
#[utoipa::path(delete, path = "/api/v1/streams/{stream}/keys/{key}", tag = "keys",
    operation_id = "revoke_stream_key",
    params(("stream" = String, Path, description = "The stream's name"),
        ("key" = String, Path, description = "The key's id")),
    responses((status = 204, description = "It opens nothing any more")))]
async fn revoke(
    api: Api,
    who: Who,
    At((stream, key)): At<(String, String)>,
) -> Result<StatusCode, Problem> {
    api.control.revoke_key(&who.actor(), &stream, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replace a key
///
/// The old one is taken for a while longer, so that nothing is cut.
#[utoipa::path(post, path = "/api/v1/streams/{stream}/keys/{key}/rotate", tag = "keys",
    operation_id = "rotate_stream_key", request_body = KeyRotation,
    params(("stream" = String, Path, description = "The stream's name"),
        ("key" = String, Path, description = "The key's id")),
    responses((status = 201, body = StreamKeyMade, description = "The new one; it is shown once")))]
async fn rotate(
    api: Api,
    who: Who,
    At((stream, key)): At<(String, String)>,
    Given(rotation): Given<KeyRotation>,
) -> Result<Response, Problem> {
    let grace = rotation.grace_s.unwrap_or(300.0);
    if grace > 2_592_000.0 {
        return Err(Problem::field("grace_s", "has to be at most 30 days"));
    }
    let grace = seconds("grace_s", grace)?;
    let (view, key) = api.control.rotate_key(&who.actor(), &stream, &key, grace).await?;
    let shape = StreamKeyMade { about: KeyShape::from(&view), key: key.expose().to_owned() };
    Ok(made(StatusCode::CREATED, &shape))
}
