//! Setting up, signing in and out, and one's own account.

use super::document::Operations;
use super::extract::{At, Given};
use super::guard::Need;
use super::who::{Caller, Who, expired, signed_in};
use super::{Api, Public, SignedIn, made};
use crate::problem::{Fault, Problem};
use crate::shape::{Hidden, List, RoleWord, ScopeWord, stamp};
use crate::via::Via;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use manycast_auth::{
    Accounts, Credentials, LoggedIn, Permission, Principal, PrincipalKind, Role, SessionInfo,
};
use manycast_store::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::users::UserShape;

pub(super) fn operations(operations: Operations) -> Operations {
    let own = Need::May(Permission::OwnAccount);
    operations
        .add(Public, routes!(needed))
        .add(Public, routes!(set_up))
        .add(Public, routes!(log_in))
        .add(SignedIn, routes!(me))
        .add(own, routes!(log_out))
        .add(own, routes!(password))
        .add(own, routes!(sessions))
        .add(own, routes!(end_session))
}

/// Whether this server still has to be set up.
#[derive(Serialize, ToSchema)]
struct Setup {
    needed: bool,
}

/// The first owner. The token comes with the link that the server shows at its start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOwner {
    token: Hidden,
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    password: Hidden,
}

/// What one signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    #[schema(max_length = 64)]
    name: String,
    password: Hidden,
    /// The code of the second factor, or a recovery code; asked for by problem `code-needed`.
    totp: Option<Hidden>,
}

/// Who is signed in, and what he may do.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// The person; null for a token.
    user: Option<UserShape>,
    /// The token; null for a person.
    token: Option<TokenName>,
    role: RoleWord,
    scopes: Vec<ScopeWord>,
    /// Words of `x-permission`.
    permissions: Vec<&'static str>,
    /// An owner or admin without a second factor: he should have one.
    needs_totp: bool,
}

#[derive(Serialize, ToSchema)]
struct TokenName {
    id: String,
    name: String,
}

impl Me {
    fn of(principal: &Principal, user: Option<UserShape>) -> Self {
        let token = (principal.kind == PrincipalKind::Token)
            .then(|| TokenName { id: principal.id.clone(), name: principal.name.clone() });
        let strong = user.as_ref().is_none_or(UserShape::has_totp);
        Self {
            user,
            token,
            role: principal.role.into(),
            scopes: principal.scopes.iter().map(ScopeWord::from).collect(),
            permissions: principal.permissions().into_iter().map(Permission::as_str).collect(),
            needs_totp: principal.role >= Role::Admin && !strong,
        }
    }
}

/// The answer to a log-in: who it is, and the cookie.
pub(super) fn welcome(status: StatusCode, login: &LoggedIn, via: &Via) -> Response {
    let me = Me::of(&login.principal, Some(UserShape::from(&login.user)));
    let mut response = made(status, &me);
    response.headers_mut().insert(header::SET_COOKIE, signed_in(login, via));
    response
}

/// Whether the server still has to be set up
#[utoipa::path(get, path = "/api/v1/setup", tag = "account", operation_id = "setup_needed",
    responses((status = 200, body = Setup, description = "Whether there is nobody yet")))]
async fn needed(api: Api) -> Json<Setup> {
    Json(Setup { needed: api.accounts.setup_token().is_some() })
}

/// Make the first owner
///
/// With the token of the link that the server shows at its start, once.
#[utoipa::path(post, path = "/api/v1/setup", tag = "account", operation_id = "set_up",
    request_body = NewOwner,
    responses((status = 201, body = Me, description = "Signed in as the owner"),
        (status = 410, body = crate::problem::ProblemBody, content_type = "application/problem+json",
            description = "The link has been used")))]
async fn set_up(
    api: Api,
    caller: Caller,
    Given(new): Given<NewOwner>,
) -> Result<Response, Problem> {
    let (token, password) = (new.token.0, new.password.0);
    let login = api.accounts.set_up(token.expose(), &new.name, &password, &caller.client).await?;
    Ok(welcome(StatusCode::CREATED, &login, &caller.via))
}

/// Sign in
#[utoipa::path(post, path = "/api/v1/session", tag = "account", operation_id = "log_in",
    request_body = Login,
    responses((status = 200, body = Me, description = "Signed in"),
        (status = 401, body = crate::problem::ProblemBody, content_type = "application/problem+json",
            description = "Wrong, or `code-needed`")))]
async fn log_in(api: Api, caller: Caller, Given(login): Given<Login>) -> Result<Response, Problem> {
    let code = login.totp.map(|code| code.0);
    let credentials = Credentials { name: login.name, password: login.password.0, code };
    let login = api.accounts.log_in(credentials, &caller.client).await?;
    Ok(welcome(StatusCode::OK, &login, &caller.via))
}

/// Who am I
#[utoipa::path(get, path = "/api/v1/session", tag = "account", operation_id = "me",
    responses((status = 200, body = Me, description = "Who is signed in")))]
async fn me(api: Api, who: Who) -> Result<Json<Me>, Problem> {
    let user = match who.user() {
        Ok(id) => Some(UserShape::from(&api.accounts.user(&id).await?)),
        Err(_) => None,
    };
    Ok(Json(Me::of(&who.principal, user)))
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", tag = "account", operation_id = "log_out",
    responses((status = 204, description = "Signed out")))]
async fn log_out(api: Api, who: Who, caller: Caller) -> Result<Response, Problem> {
    if let Some(cookie) = who.cookie() {
        api.accounts.log_out(cookie, &caller.client).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::SET_COOKIE, expired(&who.via));
    Ok(response)
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    current: Hidden,
    new: Hidden,
}

/// Change one's password
///
/// All other sessions end.
#[utoipa::path(post, path = "/api/v1/session/password", tag = "account",
    operation_id = "change_password", request_body = NewPassword,
    responses((status = 204, description = "Changed")))]
async fn password(
    api: Api,
    who: Who,
    caller: Caller,
    Given(new): Given<NewPassword>,
) -> Result<StatusCode, Problem> {
    let (current, new) = (new.current.0, new.new.0);
    let (by, keep) = (&who.principal, who.cookie());
    api.accounts.change_password(by, &current, &new, keep, &caller.client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A session in a browser.
#[derive(Serialize, ToSchema)]
struct BrowserSession {
    id: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    seen_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    address: String,
    /// What the browser calls itself.
    agent: String,
    /// The one that asks.
    current: bool,
}

impl BrowserSession {
    fn of(info: SessionInfo, current: Option<&str>) -> Self {
        Self {
            current: current == Some(info.id.as_str()),
            id: info.id,
            created_at: stamp(info.created_at),
            seen_at: stamp(info.seen_at),
            expires_at: stamp(info.expires_at),
            address: info.address,
            agent: info.agent,
        }
    }
}

/// One's own sessions
#[utoipa::path(get, path = "/api/v1/session/list", tag = "account", operation_id = "own_sessions",
    responses((status = 200, body = List<BrowserSession>, description = "The newest first")))]
async fn sessions(api: Api, who: Who) -> Result<Json<List<BrowserSession>>, Problem> {
    let infos = api.accounts.sessions_of(&who.user()?).await?;
    let current = who.cookie().map(Accounts::session_id);
    let shown = infos.into_iter().map(|info| BrowserSession::of(info, current.as_deref()));
    Ok(Json(List::whole(shown.collect())))
}

/// End one of one's own sessions
#[utoipa::path(delete, path = "/api/v1/session/list/{session}", tag = "account",
    operation_id = "end_own_session", params(("session" = String, Path, description = "Its id")),
    responses((status = 204, description = "Ended")))]
async fn end_session(api: Api, who: Who, At(session): At<String>) -> Result<StatusCode, Problem> {
    let user: UserId = who.user()?;
    let ended = api.accounts.end_session(&user, &session, &who.principal, who.address()).await?;
    if ended {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::new(Fault::NotFound, "there is no such session"))
}
