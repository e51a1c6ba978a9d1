//! The state of everything in one answer, for programs: status and metrics.

use super::Api;
use super::document::Operations;
use super::guard::Need;
use super::who::Who;
use crate::routes::{metrics_of, status_of};
use crate::status::StatusView;
use axum::response::Response;
use manycast_auth::Permission;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::ReadState);
    operations.add(need, routes!(status)).add(need, routes!(metrics))
}

/// The state of everything
#[utoipa::path(get, path = "/api/v1/status", tag = "server", operation_id = "status",
    responses((status = 200, body = StatusView, description = "One moment's figures")))]
async fn status(api: Api, who: Who) -> Response {
    status_of(&api.known, who.may(Permission::ReadPeople))
}

/// Figures for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "server", operation_id = "metrics",
    responses((status = 200, content_type = "application/openmetrics-text", body = String,
        description = "OpenMetrics text")))]
async fn metrics(api: Api) -> Response {
    metrics_of(&api.known)
}
