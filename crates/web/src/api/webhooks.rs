//! Webhooks: who is told what happens.

use super::document::Operations;
use super::extract::{At, Given, IfMatch};
use super::guard::Need;
use super::who::Who;
use super::{Api, located, tagged};
use crate::problem::{Fault, Problem};
use crate::shape::{List, seconds, stamp};
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use manycast_auth::Permission;
use manycast_hub::Secret;
use manycast_media::StreamName;
use manycast_store::{Kept, NewWebhook, UnixMs, WebhookEdit, WebhookId, WebhookRow};
use manycast_webhook::{EVENT_TYPES, Endpoint, Receiver, Secrets, SigningSecret};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// For how long both secrets sign unless it is said.
const GRACE_S: f64 = 86_400.0;
/// For how long at most.
const MOST_GRACE_S: f64 = 30.0 * 86_400.0;
/// Webhooks there may be.
const MOST: usize = 100;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::ManageWebhooks);
    operations
        .add(need, routes!(list))
        .add(need, routes!(create))
        .add(need, routes!(show))
        .add(need, routes!(edit))
        .add(need, routes!(remove))
        .add(need, routes!(rotate))
        .add(need, routes!(test))
}

/// Who is told what happens.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
struct WebhookShape {
    id: String,
    name: String,
    /// Values of its query are shown as `…`: they often are tokens.
    url: String,
    /// Kinds of events that are told; empty: all.
    events: Vec<String>,
    /// Streams of which is told; empty: all.
    streams: Vec<String>,
    enabled: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// Until when the secret before the last rotation signs too.
    #[schema(format = DateTime)]
    old_secret_until: Option<String>,
    /// Rises with each edit; the ETag.
    version: i64,
}

impl From<&WebhookRow> for WebhookShape {
    fn from(row: &WebhookRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            url: shown(&row.url),
            events: row.events.clone(),
            streams: row.streams.clone(),
            enabled: row.enabled,
            created_at: stamp(row.created_at),
            old_secret_until: row.old_until.map(stamp),
            version: row.version,
        }
    }
}

/// A webhook with its secret, which is shown once.
#[derive(Serialize, ToSchema)]
struct WebhookMade {
    #[serde(flatten)]
    about: WebhookShape,
    /// What signs the messages (Standard Webhooks): `whsec_...`.
    secret: String,
}

impl WebhookMade {
    fn of(row: &WebhookRow, secret: &Secret) -> Self {
        Self { about: WebhookShape::from(row), secret: secret.expose().to_owned() }
    }
}

/// A new webhook.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook)]
struct NewWebhookShape {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(max_length = 2000)]
    url: String,
    events: Option<Vec<String>>,
    streams: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// What of a webhook is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookPatch {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// The one that was shown, with `…` in its query, leaves it as it is.
    #[schema(max_length = 2000)]
    url: Option<String>,
    events: Option<Vec<String>>,
    streams: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// The fields as their owners would take them.
fn check(
    name: Option<&str>,
    url: Option<&str>,
    events: Option<&[String]>,
    streams: Option<&[String]>,
) -> Result<(), Problem> {
    if let Some(name) = name
        && (name.trim().is_empty() || name.chars().count() > 100)
    {
        return Err(Problem::field("name", "takes 1 to 100 characters"));
    }
    if let Some(url) = url {
        Endpoint::parse(url).map_err(|error| Problem::field("url", error.to_string()))?;
    }
    for event in events.unwrap_or_default() {
        if !EVENT_TYPES.contains(&event.as_str()) {
            let kinds = EVENT_TYPES.join(", ");
            return Err(Problem::field("events", format!("knows only these kinds: {kinds}")));
        }
    }
    for stream in streams.unwrap_or_default() {
        StreamName::new(stream).map_err(|error| Problem::field("streams", error.to_string()))?;
    }
    Ok(())
}

pub(super) async fn find(api: &Api, id: &str) -> Result<WebhookRow, Problem> {
    let unknown = || Problem::new(Fault::NotFound, "there is no such webhook");
    let id = WebhookId::parse(id).ok_or_else(unknown)?;
    api.store.webhook(&id).await?.ok_or_else(unknown)
}

/// An address without the values of its query.
fn shown(url: &str) -> String {
    // one that cannot be read was not taken by this version
    Endpoint::parse(url).map(|endpoint| endpoint.shown()).unwrap_or_default()
}

/// What of a webhook the audit log keeps: no secret, and no token that its address may hold.
fn told(row: &WebhookRow) -> String {
    let address = Endpoint::parse(&row.url).map(|endpoint| endpoint.to_string());
    let (name, events, streams) = (&row.name, &row.events, &row.streams);
    let address = address.unwrap_or_default();
    serde_json::json!({
        "name": name, "address": address, "events": events, "streams": streams,
        "enabled": row.enabled,
    })
    .to_string()
}

fn fresh_secret() -> Secret {
    SigningSecret::generate(rand::random()).text()
}

/// All webhooks
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "webhooks",
    responses((status = 200, body = List<WebhookShape>, description = "All of them")))]
async fn list(api: Api) -> Result<Json<List<WebhookShape>>, Problem> {
    let rows = api.store.webhooks().await?;
    Ok(Json(List::whole(rows.iter().map(WebhookShape::from).collect())))
}

/// Make a webhook
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "create_webhook",
    request_body = NewWebhookShape,
    responses((status = 201, body = WebhookMade, description = "Made; the secret is shown once")))]
async fn create(
    api: Api,
    who: Who,
    Given(new): Given<NewWebhookShape>,
) -> Result<Response, Problem> {
    let (events, streams) = (new.events.unwrap_or_default(), new.streams.unwrap_or_default());
    check(Some(&new.name), Some(&new.url), Some(&events), Some(&streams))?;
    if api.store.webhooks().await?.len() >= MOST {
        return Err(Problem::new(Fault::Limit, format!("there are {MOST} webhooks already")));
    }
    let secret = fresh_secret();
    let row = NewWebhook {
        id: WebhookId::new(),
        name: new.name,
        url: new.url,
        secret: secret.clone(),
        events,
        streams,
        enabled: new.enabled.unwrap_or(true),
        created_at: UnixMs::now(),
    };
    let mut edit = api.store.edit(who.audit("webhook.create", &row.name)).await?;
    let row = edit.create_webhook(row).await?;
    edit.after(told(&row));
    edit.commit().await?;
    api.webhooks.wake();
    let made = tagged(StatusCode::CREATED, row.version, &WebhookMade::of(&row, &secret));
    Ok(located(made, &format!("/api/v1/webhooks/{}", row.id)))
}

/// One webhook
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}", tag = "webhooks",
    operation_id = "webhook", params(("webhook" = String, Path, description = "Its id")),
    responses((status = 200, body = WebhookShape, description = "The webhook")))]
async fn show(api: Api, At(webhook): At<String>) -> Result<Response, Problem> {
    let row = find(&api, &webhook).await?;
    Ok(tagged(StatusCode::OK, row.version, &WebhookShape::from(&row)))
}

/// Edit a webhook
#[utoipa::path(patch, path = "/api/v1/webhooks/{webhook}", tag = "webhooks",
    operation_id = "edit_webhook", request_body = WebhookPatch,
    params(("webhook" = String, Path, description = "Its id")),
    responses((status = 200, body = WebhookShape, description = "As it is now")))]
async fn edit(
    api: Api,
    who: Who,
    At(webhook): At<String>,
    version: IfMatch,
    Given(patch): Given<WebhookPatch>,
) -> Result<Response, Problem> {
    let version = version.needed()?;
    let before = find(&api, &webhook).await?;
    // what was shown and comes back unchanged is no change
    let url = patch.url.filter(|url| *url != shown(&before.url));
    let name = patch.name.as_deref();
    check(name, url.as_deref(), patch.events.as_deref(), patch.streams.as_deref())?;
    let change = WebhookEdit {
        name: patch.name,
        url,
        events: patch.events,
        streams: patch.streams,
        enabled: patch.enabled,
        ..WebhookEdit::default()
    };
    let entry = who.audit("webhook.edit", &before.name).before(told(&before));
    let mut edit = api.store.edit(entry).await?;
    let row = edit.edit_webhook(&before.id, Some(version), change).await?;
    edit.after(told(&row));
    edit.commit().await?;
    api.webhooks.wake();
    Ok(tagged(StatusCode::OK, row.version, &WebhookShape::from(&row)))
}

/// Remove a webhook
///
/// What still waits for it goes with it.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhook}", tag = "webhooks",
    operation_id = "remove_webhook", params(("webhook" = String, Path, description = "Its id")),
    responses((status = 204, description = "Removed")))]
async fn remove(
    api: Api,
    who: Who,
    At(webhook): At<String>,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    let row = find(&api, &webhook).await?;
    let entry = who.audit("webhook.delete", &row.name).before(told(&row));
    let mut edit = api.store.edit(entry).await?;
    edit.delete_webhook(&row.id, version.seen()).await?;
    edit.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a secret is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretRotation {
    /// For how many seconds the old one signs too; a day if left out.
    #[schema(minimum = 0, maximum = 2_592_000)]
    grace_s: Option<f64>,
}

/// Replace the secret
///
/// Messages are signed with both for a while, so that the receiver can follow.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/rotate", tag = "webhooks",
    operation_id = "rotate_webhook", request_body = SecretRotation,
    params(("webhook" = String, Path, description = "Its id")),
    responses((status = 200, body = WebhookMade, description = "The new secret, shown once")))]
async fn rotate(
    api: Api,
    who: Who,
    At(webhook): At<String>,
    Given(rotation): Given<SecretRotation>,
) -> Result<Response, Problem> {
    let grace = rotation.grace_s.unwrap_or(GRACE_S);
    if grace > MOST_GRACE_S {
        return Err(Problem::field("grace_s", "has to be at most 30 days"));
    }
    let grace: Duration = seconds("grace_s", grace)?;
    let row = find(&api, &webhook).await?;
    let secret = fresh_secret();
    let old = row.secret.secret().filter(|_| !grace.is_zero()).cloned();
    let until = old.as_ref().map(|_| UnixMs::now().plus(grace));
    let change = WebhookEdit {
        secret: Some(secret.clone()),
        old_secret: Some(old),
        old_until: Some(until),
        ..WebhookEdit::default()
    };
    let mut edit = api.store.edit(who.audit("webhook.rotate", &row.name)).await?;
    let row = edit.edit_webhook(&row.id, None, change).await?;
    edit.commit().await?;
    api.webhooks.wake();
    Ok(tagged(StatusCode::OK, row.version, &WebhookMade::of(&row, &secret)))
}

/// What came of a test.
#[derive(Serialize, ToSchema)]
struct WebhookTest {
    /// The receiver said 2xx.
    ok: bool,
    status: Option<u16>,
    /// What went wrong, in words.
    error: Option<String>,
    /// The beginning of what the receiver said.
    answer: String,
    took_ms: u64,
}

/// Whom a row names, with the secrets that sign now.
fn receiver(row: &WebhookRow) -> Result<Receiver, Problem> {
    let opened = |kept: &Kept| kept.secret().map(|secret| SigningSecret::parse(secret.expose()));
    let current = opened(&row.secret).and_then(Result::ok).ok_or_else(|| {
        let detail = "the secret of this webhook cannot be opened with the vault's key";
        Problem::new(Fault::Storage, detail).remedy("Replace the secret.")
    })?;
    let holds = row.old_until.is_some_and(|until| until > UnixMs::now());
    let old = opened(&row.old_secret).and_then(Result::ok).filter(|_| holds);
    Ok(Receiver { endpoint: Endpoint::parse(&row.url), secrets: Secrets { current, old } })
}

/// Send a test message
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/test", tag = "webhooks",
    operation_id = "test_webhook", params(("webhook" = String, Path, description = "Its id")),
    responses((status = 200, body = WebhookTest, description = "What came of it")))]
async fn test(api: Api, who: Who, At(webhook): At<String>) -> Result<Json<WebhookTest>, Problem> {
    let row = find(&api, &webhook).await?;
    api.store.audit(who.audit("webhook.test", &row.name)).await?;
    let attempt = api.webhooks.test(&row.id.to_string(), &receiver(&row)?).await?;
    Ok(Json(WebhookTest {
        ok: attempt.status.is_some_and(|status| (200..300).contains(&status)),
        status: attempt.status,
        error: attempt.error,
        answer: attempt.answer,
        took_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
    }))
}
