//! API tokens.

use super::document::Operations;
use super::extract::{At, Given};
use super::guard::Need;
use super::who::Who;
use super::{Api, made};
use crate::problem::{Fault, Problem};
use crate::shape::{List, RoleWord, ScopeWord, stamp};
use crate::time::parse_rfc3339;
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use manycast_auth::{NewToken, Permission, Scopes, Token};
use manycast_store::{TokenId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::ManageTokens);
    operations.add(need, routes!(list)).add(need, routes!(create)).add(need, routes!(revoke))
}

/// A token, without itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
struct TokenShape {
    id: String,
    name: String,
    role: RoleWord,
    scopes: Vec<ScopeWord>,
    /// Its first characters, to tell it from others.
    prefix: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    last_address: Option<String>,
}

impl From<&Token> for TokenShape {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            role: token.role.into(),
            scopes: token.scopes.iter().map(ScopeWord::from).collect(),
            prefix: token.prefix.clone(),
            created_at: stamp(token.created_at),
            expires_at: token.expires_at.map(stamp),
            last_used_at: token.last_used_at.map(stamp),
            last_address: token.last_address.as_ref().map(ToString::to_string),
        }
    }
}

/// All tokens
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", operation_id = "tokens",
    responses((status = 200, body = List<TokenShape>, description = "Those that were not revoked")))]
async fn list(api: Api) -> Result<Json<List<TokenShape>>, Problem> {
    let tokens = api.accounts.tokens().await?;
    Ok(Json(List::whole(tokens.iter().map(TokenShape::from).collect())))
}

/// A new token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
struct NewTokenShape {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// At most one's own.
    role: RoleWord,
    /// What of that role it may use.
    #[schema(min_items = 1)]
    scopes: Vec<ScopeWord>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A token with itself, which is shown once.
#[derive(Serialize, ToSchema)]
struct TokenMade {
    #[serde(flatten)]
    about: TokenShape,
    /// What goes behind `Authorization: Bearer`.
    token: String,
}

/// A time that was sent.
pub(super) fn time(field: &str, text: Option<&str>) -> Result<Option<UnixMs>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let at = parse_rfc3339(text);
    let at =
        at.ok_or_else(|| Problem::field(field, "has to be a time like 2030-01-31T12:00:00Z"))?;
    Ok(Some(UnixMs::from(at)))
}

/// Make a token
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", operation_id = "create_token",
    request_body = NewTokenShape,
    responses((status = 201, body = TokenMade, description = "Made; it is shown once")))]
async fn create(api: Api, who: Who, Given(new): Given<NewTokenShape>) -> Result<Response, Problem> {
    let new = NewToken {
        name: new.name,
        role: new.role.into(),
        scopes: Scopes::of(new.scopes.into_iter().map(Into::into)),
        expires_at: time("expires_at", new.expires_at.as_deref())?,
    };
    let (token, secret) = api.accounts.create_token(new, &who.principal, who.address()).await?;
    let about = TokenShape::from(&token);
    Ok(made(StatusCode::CREATED, &TokenMade { about, token: secret.expose().to_owned() }))
}

/// Revoke a token
#[utoipa::path(delete, path = "/api/v1/tokens/{token}", tag = "tokens",
    operation_id = "revoke_token", params(("token" = String, Path, description = "Its id")),
    responses((status = 204, description = "It opens nothing any more")))]
async fn revoke(api: Api, who: Who, At(token): At<String>) -> Result<StatusCode, Problem> {
    let id = TokenId::parse(&token);
    let id = id.ok_or_else(|| Problem::new(Fault::NotFound, "there is no such token"))?;
    api.accounts.revoke_token(&id, &who.principal, who.address()).await?;
    Ok(StatusCode::NO_CONTENT)
}
