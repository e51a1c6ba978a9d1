//! Invitations: links by which somebody makes his own account.

use super::account::{Me, welcome};
use super::document::Operations;
use super::extract::{At, Given};
use super::guard::Need;
use super::who::{Caller, Who};
use super::{Api, Public, made};
use crate::problem::{Fault, Problem};
use crate::shape::{Hidden, List, RoleWord, stamp};
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use manycast_auth::{InvitationInfo, Permission};
use manycast_store::InviteId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::ManageUsers);
    operations
        .add(need, routes!(list))
        .add(need, routes!(create))
        .add(need, routes!(withdraw))
        .add(Public, routes!(accept))
}

/// An invitation that is open.
#[derive(Serialize, ToSchema)]
struct Invite {
    id: String,
    role: RoleWord,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<InvitationInfo> for Invite {
    fn from(info: InvitationInfo) -> Self {
        Self {
            id: info.id.to_string(),
            role: info.role.into(),
            created_at: stamp(info.created_at),
            expires_at: stamp(info.expires_at),
        }
    }
}

/// Open invitations
#[utoipa::path(get, path = "/api/v1/invites", tag = "users", operation_id = "invites",
    responses((status = 200, body = List<Invite>, description = "All of them")))]
async fn list(api: Api) -> Result<Json<List<Invite>>, Problem> {
    let invites = api.accounts.invitations().await?;
    Ok(Json(List::whole(invites.into_iter().map(Invite::from).collect())))
}

/// For whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvite {
    role: RoleWord,
}

/// An invitation with its token, which is shown once.
#[derive(Serialize, ToSchema)]
struct InviteMade {
    id: String,
    role: RoleWord,
    /// For the link `/invite#TOKEN`.
    token: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Invite somebody
#[utoipa::path(post, path = "/api/v1/invites", tag = "users", operation_id = "create_invite",
    request_body = NewInvite,
    responses((status = 201, body = InviteMade, description = "Made; the token is shown once")))]
async fn create(api: Api, who: Who, Given(new): Given<NewInvite>) -> Result<Response, Problem> {
    let invite = api.accounts.invite(new.role.into(), &who.principal, who.address()).await?;
    let shape = InviteMade {
        id: invite.id.to_string(),
        role: invite.role.into(),
        token: invite.token.expose().to_owned(),
        expires_at: stamp(invite.expires_at),
    };
    Ok(made(StatusCode::CREATED, &shape))
}

/// Withdraw an invitation
#[utoipa::path(delete, path = "/api/v1/invites/{invite}", tag = "users",
    operation_id = "withdraw_invite", params(("invite" = String, Path, description = "Its id")),
    responses((status = 204, description = "Withdrawn")))]
async fn withdraw(api: Api, who: Who, At(invite): At<String>) -> Result<StatusCode, Problem> {
    let id = InviteId::parse(&invite);
    let id = id.ok_or_else(|| Problem::new(Fault::NotFound, "there is no such invitation"))?;
    api.accounts.withdraw_invitation(&id, &who.principal, who.address()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What makes an account of an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    token: Hidden,
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    password: Hidden,
}

/// Accept an invitation
#[utoipa::path(post, path = "/api/v1/invites/accept", tag = "account",
    operation_id = "accept_invite", request_body = Acceptance,
    responses((status = 201, body = Me, description = "The account is made, and signed in"),
        (status = 410, body = crate::problem::ProblemBody, content_type = "application/problem+json",
            description = "The link has been used")))]
async fn accept(
    api: Api,
    caller: Caller,
    Given(given): Given<Acceptance>,
) -> Result<Response, Problem> {
    let (token, password) = (given.token.0, given.password.0);
    let accounts = &api.accounts;
    let login =
        accounts.accept_invitation(token.expose(), &given.name, &password, &caller.client).await?;
    Ok(welcome(StatusCode::CREATED, &login, &caller.via))
}
