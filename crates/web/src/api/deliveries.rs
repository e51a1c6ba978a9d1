//! What webhooks were told, and what they said.

use super::Api;
use super::document::Operations;
use super::extract::{Asked, At, page};
use super::guard::Need;
use super::users::Part;
use super::webhooks::find;
use super::who::Who;
use crate::problem::{Fault, Problem};
use crate::shape::{List, stamp};
use crate::words::words;
use axum::Json;
use axum::http::StatusCode;
use manycast_auth::Permission;
use manycast_store::{DeliveryId, DeliveryRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::ManageWebhooks);
    operations.add(need, routes!(list)).add(need, routes!(redeliver))
}

/// A message to a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
struct DeliveryShape {
    id: String,
    event_id: String,
    kind: String,
    stream: Option<String>,
    #[schema(schema_with = states)]
    state: String,
    /// Attempts that were made.
    attempt: u32,
    /// What the receiver said last.
    status: Option<u16>,
    error: Option<String>,
    /// The beginning of what the receiver said.
    answer: Option<String>,
    /// When it is tried again.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    done_at: Option<String>,
}

fn states() -> utoipa::openapi::Object {
    words(["pending", "delivered", "failed", "given_up", "dropped"])
}

/// The kind of event that a message tells of.
fn kind(body: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    message["type"].as_str().unwrap_or_default().to_owned()
}

impl From<DeliveryRow> for DeliveryShape {
    fn from(row: DeliveryRow) -> Self {
        let pending = row.state == "pending";
        Self {
            id: row.id.to_string(),
            event_id: row.event_id,
            kind: kind(&row.body),
            stream: row.stream,
            state: row.state,
            attempt: row.attempt,
            status: row.status,
            error: row.error,
            answer: row.answer,
            next_at: pending.then(|| stamp(row.next_at)),
            created_at: stamp(row.created_at),
            done_at: row.done_at.map(stamp),
        }
    }
}

/// What a webhook was told, the newest first
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}/deliveries", tag = "webhooks",
    operation_id = "webhook_deliveries",
    params(("webhook" = String, Path, description = "The webhook's id"), Part),
    responses((status = 200, body = List<DeliveryShape>, description = "A part of the list")))]
async fn list(
    api: Api,
    At(webhook): At<String>,
    Asked(part): Asked<Part>,
) -> Result<Json<List<DeliveryShape>>, Problem> {
    let request = page(part.limit, part.after)?;
    let row = find(&api, &webhook).await?;
    let found = api.store.deliveries(&row.id, request).await?;
    let items = found.items.into_iter().map(DeliveryShape::from).collect();
    Ok(Json(List { items, next: found.next }))
}

/// Tell it again
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver",
    tag = "webhooks", operation_id = "redeliver",
    params(("webhook" = String, Path, description = "The webhook's id"),
        ("delivery" = String, Path, description = "The delivery's id")),
    responses((status = 202, description = "It will be told again")))]
async fn redeliver(
    api: Api,
    who: Who,
    At((webhook, delivery)): At<(String, String)>,
) -> Result<StatusCode, Problem> {
    let unknown = || Problem::new(Fault::NotFound, "there is no such delivery");
    let row = find(&api, &webhook).await?;
    let id = DeliveryId::parse(&delivery).ok_or_else(unknown)?;
    let own = api.store.delivery(&id).await?.filter(|found| found.webhook_id == row.id);
    let own = own.ok_or_else(unknown)?;
    api.store.audit(who.audit("webhook.redeliver", &row.name)).await?;
    if api.webhooks.redeliver(&own.id.to_string()).await? {
        return Ok(StatusCode::ACCEPTED);
    }
    Err(unknown())
}
