//! The server itself.

use super::Api;
use super::document::Operations;
use super::guard::Need;
use super::who::Who;
use crate::status::{CertificateView, ConfigView, ListenerView};
use crate::time::rfc3339;
use crate::words::words;
use axum::Json;
use manycast_auth::Permission;
use manycast_control::ServerFinding;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    operations.add(Need::May(Permission::ReadState), routes!(show))
}

/// The server.
#[derive(Serialize, ToSchema)]
struct Server {
    version: &'static str,
    #[schema(format = DateTime)]
    started: String,
    uptime_s: u64,
    ready: bool,
    not_ready_reason: Option<String>,
    listeners: Vec<ListenerView>,
    /// Null without TLS, and for who may not read the configuration.
    certificate: Option<CertificateView>,
    /// What is wrong with the server as a whole.
    findings: Vec<FindingOfServer>,
    /// Null for who may not read the configuration.
    config: Option<ConfigView>,
    /// Whether the dashboard is in this build.
    #[schema(schema_with = uis)]
    ui: &'static str,
}

fn uis() -> utoipa::openapi::Object {
    words(["built", "missing"])
}

/// What is wrong with the server as a whole.
#[derive(Serialize, ToSchema)]
#[schema(as = ServerFinding)]
struct FindingOfServer {
    /// A stable word.
    code: &'static str,
    /// The stream that it speaks of.
    stream: String,
    sentence: String,
    remedy: String,
}

impl From<ServerFinding> for FindingOfServer {
    fn from(finding: ServerFinding) -> Self {
        let ServerFinding { code, stream, sentence, remedy } = finding;
        Self { code, stream, sentence, remedy }
    }
}

/// The server
#[utoipa::path(get, path = "/api/v1/server", tag = "server", operation_id = "server",
    responses((status = 200, body = Server, description = "What it is and how it is")))]
async fn show(api: Api, who: Who) -> Json<Server> {
    let known = &api.known;
    let inside = who.may(Permission::ReadServer);
    let readiness = known.readiness.get();
    Json(Server {
        version: env!("CARGO_PKG_VERSION"),
        started: rfc3339(known.started),
        uptime_s: known.started.elapsed().map_or(0, |time| time.as_secs()),
        ready: readiness.is_ok(),
        not_ready_reason: readiness.err(),
        listeners: known.source.listeners().iter().map(ListenerView::from).collect(),
        certificate: known
            .source
            .certificate()
            .filter(|_| inside)
            .as_ref()
            .map(CertificateView::from),
        findings: api.control.findings().into_iter().map(FindingOfServer::from).collect(),
        config: inside.then(|| ConfigView::from(&known.source.config())),
        ui: if crate::ui::BUILT { "built" } else { "missing" },
    })
}
