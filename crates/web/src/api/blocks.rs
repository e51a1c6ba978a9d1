//! Addresses that are kept out.

use super::Api;
use super::document::Operations;
use super::extract::At;
use super::guard::Need;
use super::who::Who;
use crate::problem::{Fault, Problem};
use crate::shape::{List, stamp};
use axum::Json;
use axum::http::StatusCode;
use manycast_auth::{Block, Permission};
use manycast_control::ControlError;
use serde::Serialize;
use std::net::IpAddr;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let may = Need::May;
    operations
        .add(may(Permission::ReadPeople), routes!(list))
        .add(may(Permission::EndSessions), routes!(lift))
}

/// An address that is kept out.
#[derive(Serialize, ToSchema)]
#[schema(as = Block)]
pub(super) struct BlockShape {
    address: String,
    #[schema(format = DateTime)]
    since: String,
    #[schema(format = DateTime)]
    until: String,
    /// Why, for people; may be empty.
    reason: String,
    /// Who wants it.
    by: String,
}

impl From<&Block> for BlockShape {
    fn from(block: &Block) -> Self {
        let (since, until) = (stamp(block.since), stamp(block.until));
        let (reason, by) = (block.why.clone(), block.by.clone());
        Self { address: block.address.to_string(), since, until, reason, by }
    }
}

/// Addresses that are kept out
#[utoipa::path(get, path = "/api/v1/blocks", tag = "sessions", operation_id = "blocks",
    responses((status = 200, body = List<BlockShape>, description = "All of them")))]
async fn list(api: Api) -> Json<List<BlockShape>> {
    Json(List::whole(api.gate.blocks().iter().map(BlockShape::from).collect()))
}

/// Let an address in again
#[utoipa::path(delete, path = "/api/v1/blocks/{address}", tag = "sessions",
    operation_id = "lift_block", params(("address" = String, Path, description = "The address")),
    responses((status = 204, description = "Let in again")))]
async fn lift(api: Api, who: Who, At(address): At<String>) -> Result<StatusCode, Problem> {
    let unknown = || Problem::new(Fault::NotFound, "this address is not kept out");
    let address: IpAddr = address.parse().map_err(|_| unknown())?;
    match api.control.unblock(&who.actor(), address).await {
        Err(ControlError::NotFound { .. }) => return Err(unknown()),
        done => done?,
    }
    Ok(StatusCode::NO_CONTENT)
}
