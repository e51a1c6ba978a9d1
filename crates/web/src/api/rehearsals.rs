//! Rehearsals: whether a destination would take us, without going live.

use super::Api;
use super::document::Operations;
use super::extract::{At, Given};
use super::guard::Need;
use super::who::Who;
use crate::problem::Problem;
use crate::shape::Hidden;
use crate::words::words;
use axum::Json;
use manycast_auth::Permission;
use manycast_control::{Rehearsal, RehearsalOf, RehearsalStep, Step, StepState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::Rehearse);
    operations.add(need, routes!(stored)).add(need, routes!(unsaved))
}

/// What happened, step by step.
#[derive(Serialize, ToSchema)]
#[schema(as = Rehearsal)]
struct RehearsalShape {
    steps: Vec<StepShape>,
    #[schema(schema_with = verdicts)]
    verdict: &'static str,
    /// What came of it, for people.
    sentence: String,
    /// What to do about it.
    remedy: Option<String>,
}

fn verdicts() -> utoipa::openapi::Object {
    words(["ok", "failed"])
}

/// One step.
#[derive(Serialize, ToSchema)]
#[schema(as = RehearsalStep)]
struct StepShape {
    #[schema(schema_with = steps)]
    step: &'static str,
    #[schema(schema_with = states)]
    state: &'static str,
    ms: u64,
    detail: String,
}

fn steps() -> utoipa::openapi::Object {
    words(Step::ALL.map(Step::name))
}

fn states() -> utoipa::openapi::Object {
    words(StepState::ALL.map(StepState::name))
}

impl From<&RehearsalStep> for StepShape {
    fn from(step: &RehearsalStep) -> Self {
        let (name, state) = (step.step.name(), step.state.name());
        Self { step: name, state, ms: step.ms, detail: step.detail.clone() }
    }
}

impl From<Rehearsal> for RehearsalShape {
    fn from(rehearsal: Rehearsal) -> Self {
        Self {
            steps: rehearsal.steps.iter().map(StepShape::from).collect(),
            verdict: if rehearsal.ok { "ok" } else { "failed" },
            sentence: rehearsal.sentence,
            remedy: rehearsal.remedy,
        }
    }
}

/// Which of its addresses.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WhichAddress {
    /// The backup instead of the first one.
    backup: Option<bool>,
}

/// Rehearse a destination
#[utoipa::path(post, path = "/api/v1/streams/{stream}/destinations/{destination}/rehearse",
    tag = "destinations", operation_id = "rehearse_destination", request_body = WhichAddress,
    params(("stream" = String, Path, description = "The stream's name"),
        ("destination" = String, Path, description = "Its id or name")),
    responses((status = 200, body = RehearsalShape, description = "What happened")))]
async fn stored(
    api: Api,
    who: Who,
    At((stream, destination)): At<(String, String)>,
    Given(which): Given<WhichAddress>,
) -> Result<Json<RehearsalShape>, Problem> {
    let what = RehearsalOf::Stored { stream, destination, backup: which.backup.unwrap_or(false) };
    Ok(Json(api.control.rehearse(&who.actor(), what).await?.into()))
}

/// An address that is not stored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RehearsalRequest {
    service: Option<String>,
    #[schema(max_length = 2000)]
    url: String,
    key: Option<Hidden>,
    user: Option<String>,
    password: Option<Hidden>,
}

/// Rehearse an address
///
/// Nothing is stored.
#[utoipa::path(post, path = "/api/v1/rehearsals", tag = "destinations",
    operation_id = "rehearse", request_body = RehearsalRequest,
    responses((status = 200, body = RehearsalShape, description = "What happened")))]
async fn unsaved(
    api: Api,
    who: Who,
    Given(asked): Given<RehearsalRequest>,
) -> Result<Json<RehearsalShape>, Problem> {
    let what = RehearsalOf::Unsaved {
        service: asked.service,
        url: asked.url,
        key: asked.key.map(|key| key.0),
        user: asked.user,
        password: asked.password.map(|password| password.0),
    };
    Ok(Json(api.control.rehearse(&who.actor(), what).await?.into()))
}
