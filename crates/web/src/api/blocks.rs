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
    until: String,
    reason: String,
}

impl From<&Block> for BlockShape {
    fn from(block: &Block) -> Self {
        let (address, until) = (block.address.to_string(), stamp(block.until));
        Self { address, until, reason: block.why.clone() }
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
    if !api.gate.unblock(address) {
        return Err(unknown());
    }
    api.store.audit(who.audit("address.unblock", &address.to_string())).await?;
    Ok(StatusCode::NO_CONTENT)
}
