//! Services that streams can be sent to.

use super::document::Operations;
use super::extract::{Asked, At};
use super::guard::Need;
use crate::problem::{Fault, Problem};
use crate::shape::List;
use axum::Json;
use manycast_auth::Permission;
use manycast_control::{Service, ServiceLimits, ServiceServer, find_services, service, services};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::ReadState);
    operations.add(need, routes!(list)).add(need, routes!(show))
}

/// A service that streams can be sent to.
#[derive(Serialize, ToSchema)]
#[schema(as = Service)]
struct ServiceShape {
    key: &'static str,
    name: &'static str,
    /// One of the common ones.
    featured: bool,
    /// For adults: shown only when it is asked for by name.
    adult: bool,
    protocol: &'static str,
    schemes: &'static [String],
    /// Whether this server can send to it.
    supported: bool,
    /// Each account or broadcast has an address of its own there.
    per_account: bool,
    servers: Vec<ServerShape>,
    /// The page that shows the key.
    key_link: Option<&'static str>,
    /// Where the key is found.
    key_help: &'static str,
    limits: LimitsShape,
    note: Option<&'static str>,
}

/// A server of a service.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceServer)]
struct ServerShape {
    name: &'static str,
    url: &'static str,
}

impl From<&'static ServiceServer> for ServerShape {
    fn from(server: &'static ServiceServer) -> Self {
        Self { name: &server.name, url: &server.url }
    }
}

/// What a service takes, as far as it says so.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceLimits)]
struct LimitsShape {
    max_video_kbps: Option<u32>,
    max_audio_kbps: Option<u32>,
    /// Seconds between key frames.
    keyframe_s: Option<f64>,
    /// B-frames in a row.
    max_bframes: Option<u32>,
    max_fps: Option<f64>,
    /// The H.264 profile.
    profile: Option<&'static str>,
}

impl From<&'static ServiceLimits> for LimitsShape {
    fn from(limits: &'static ServiceLimits) -> Self {
        Self {
            max_video_kbps: limits.max_video_kbps,
            max_audio_kbps: limits.max_audio_kbps,
            keyframe_s: limits.keyframe_s,
            max_bframes: limits.max_bframes,
            max_fps: limits.max_fps,
            profile: limits.profile.as_deref(),
        }
    }
}

impl From<&'static Service> for ServiceShape {
    fn from(service: &'static Service) -> Self {
        Self {
            key: &service.key,
            name: &service.name,
            featured: service.featured,
            adult: service.adult,
            protocol: &service.protocol,
            schemes: &service.schemes,
            supported: service.supported,
            per_account: service.per_account,
            servers: service.servers.iter().map(ServerShape::from).collect(),
            key_link: service.key_link.as_deref(),
            key_help: &service.key_help,
            limits: LimitsShape::from(&service.limits),
            note: service.note.as_deref(),
        }
    }
}

/// Which services.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// A part of a name, or an address as it was pasted.
    #[param(max_length = 2000)]
    query: Option<String>,
}

/// Services, the common ones first
#[utoipa::path(get, path = "/api/v1/services", tag = "destinations", operation_id = "services",
    params(Filter),
    responses((status = 200, body = List<ServiceShape>, description = "Those that match")))]
async fn list(Asked(asked): Asked<Filter>) -> Json<List<ServiceShape>> {
    let query = asked.query.unwrap_or_default();
    let items = match query.trim() {
        "" => services().iter().filter(|one| !one.adult).map(ServiceShape::from).collect(),
        query => find_services(query).into_iter().map(ServiceShape::from).collect(),
    };
    Json(List::whole(items))
}

/// One service
#[utoipa::path(get, path = "/api/v1/services/{service}", tag = "destinations",
    operation_id = "service", params(("service" = String, Path, description = "Its key")),
    responses((status = 200, body = ServiceShape, description = "The service")))]
async fn show(At(key): At<String>) -> Result<Json<ServiceShape>, Problem> {
    let found = service(&key).map(ServiceShape::from).map(Json);
    found.ok_or_else(|| Problem::new(Fault::NotFound, "there is no such service"))
}
