//! The audit log: who changed what, and from where.

use super::Api;
use super::document::Operations;
use super::extract::{Asked, page};
use super::guard::Need;
use super::who::Who;
use crate::problem::Problem;
use crate::shape::{List, stamp};
use axum::Json;
use manycast_auth::Permission;
use manycast_store::{AuditEntry, AuditFilter, AuditRow, UnixMs};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    operations.add(Need::May(Permission::ReadAudit), routes!(list))
}

impl Who {
    /// An entry for what web itself asks of the store.
    pub(super) fn audit(&self, action: &str, subject: &str) -> AuditEntry {
        self.actor().entry(UnixMs::now(), action, subject)
    }
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only those of this person or token, by name.
    actor: Option<String>,
    /// Only actions with this beginning, such as `stream.`.
    action: Option<String>,
    /// Only those about this.
    subject: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the part before.
    #[param(max_length = 200)]
    after: Option<String>,
}

/// A change.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
struct EntryShape {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// `user`, `token`, `file`, `setup`, `system` or `cli`.
    actor_kind: String,
    actor_id: Option<String>,
    actor: String,
    address: Option<String>,
    /// Such as `stream.create`.
    action: String,
    /// What was changed.
    subject: String,
    /// As it was; never a secret.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// As it is since.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

/// Texts that are no objects are shown as one, so that the shape holds.
fn told(text: Option<&str>) -> Option<Value> {
    let value: Value = serde_json::from_str(text?).ok()?;
    Some(if value.is_object() { value } else { serde_json::json!({ "value": value }) })
}

impl From<AuditRow> for EntryShape {
    fn from(AuditRow { id, entry }: AuditRow) -> Self {
        Self {
            id: id.to_string(),
            at: stamp(entry.at),
            actor_kind: entry.actor_kind,
            actor_id: entry.actor_id,
            actor: entry.actor,
            address: entry.address,
            action: entry.action,
            subject: entry.subject,
            before: told(entry.before.as_deref()),
            after: told(entry.after.as_deref()),
        }
    }
}

/// Changes, the newest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", operation_id = "audit", params(Filter),
    responses((status = 200, body = List<EntryShape>, description = "A part of the log")))]
async fn list(api: Api, Asked(asked): Asked<Filter>) -> Result<Json<List<EntryShape>>, Problem> {
    let request = page(asked.limit, asked.after)?;
    let Filter { actor, action, subject, .. } = asked;
    let found = api.store.audit_log(AuditFilter { actor, action, subject }, request).await?;
    let items = found.items.into_iter().map(EntryShape::from).collect();
    Ok(Json(List { items, next: found.next }))
}
