//! People.

use super::document::Operations;
use super::extract::{Asked, At, Given, IfMatch};
use super::guard::Need;
use super::streams::part;
use super::who::Who;
use super::{Api, located, tagged};
use crate::problem::{Fault, Problem};
use crate::shape::{Hidden, List, RoleWord, stamp};
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use manycast_auth::{NewUser, Permission, User, UserEdit};
use manycast_store::UserId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::ManageUsers);
    operations
        .add(need, routes!(list))
        .add(need, routes!(create))
        .add(need, routes!(show))
        .add(need, routes!(edit))
        .add(need, routes!(remove))
}

/// A person with an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserShape {
    id: String,
    name: String,
    role: RoleWord,
    /// Whether there is a second factor.
    totp: bool,
    disabled: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_seen_at: Option<String>,
    /// Rises with each edit; the ETag.
    version: i64,
}

impl UserShape {
    pub(super) fn has_totp(&self) -> bool {
        self.totp
    }
}

impl From<&User> for UserShape {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name.clone(),
            role: user.role.into(),
            totp: user.totp,
            disabled: user.disabled,
            created_at: stamp(user.created_at),
            last_seen_at: user.last_seen_at.map(stamp),
            version: user.version,
        }
    }
}

/// The id in a path; `me` is whoever asks.
pub(super) fn named(text: &str, who: &Who) -> Result<UserId, Problem> {
    if text == "me" {
        return who.user();
    }
    UserId::parse(text).ok_or_else(|| Problem::new(Fault::NotFound, "there is no such user"))
}

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
    /// `next` of the part before.
    #[param(max_length = 200)]
    pub(super) after: Option<String>,
}

/// All people
#[utoipa::path(get, path = "/api/v1/users", tag = "users", operation_id = "users", params(Part),
    responses((status = 200, body = List<UserShape>, description = "A part of the list")))]
async fn list(api: Api, Asked(asked): Asked<Part>) -> Result<Json<List<UserShape>>, Problem> {
    let found = part(api.accounts.users().await?, asked, |user| user.id.to_string())?;
    let items = found.items.iter().map(UserShape::from).collect();
    Ok(Json(List { items, next: found.next }))
}

/// A new person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser)]
struct NewUserShape {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    password: Hidden,
    role: RoleWord,
}

/// Make an account for somebody
#[utoipa::path(post, path = "/api/v1/users", tag = "users", operation_id = "create_user",
    request_body = NewUserShape,
    responses((status = 201, body = UserShape, description = "Made")))]
async fn create(api: Api, who: Who, Given(new): Given<NewUserShape>) -> Result<Response, Problem> {
    let new = NewUser { name: new.name, password: new.password.0, role: new.role.into() };
    let user = api.accounts.create_user(new, &who.principal, who.address()).await?;
    let path = format!("/api/v1/users/{}", user.id);
    Ok(located(tagged(StatusCode::CREATED, user.version, &UserShape::from(&user)), &path))
}

/// One person
#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "users", operation_id = "user",
    params(("user" = String, Path, description = "The id, or `me`")),
    responses((status = 200, body = UserShape, description = "The person")))]
async fn show(api: Api, who: Who, At(user): At<String>) -> Result<Response, Problem> {
    let user = api.accounts.user(&named(&user, &who)?).await?;
    Ok(tagged(StatusCode::OK, user.version, &UserShape::from(&user)))
}

/// What of a person is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserPatch {
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    role: Option<RoleWord>,
    disabled: Option<bool>,
    /// A new password; the sessions of that person end.
    password: Option<Hidden>,
}

/// Edit somebody's account
#[utoipa::path(patch, path = "/api/v1/users/{user}", tag = "users", operation_id = "edit_user",
    params(("user" = String, Path, description = "The id, or `me`")), request_body = UserPatch,
    responses((status = 200, body = UserShape, description = "As it is now")))]
async fn edit(
    api: Api,
    who: Who,
    At(user): At<String>,
    version: IfMatch,
    Given(patch): Given<UserPatch>,
) -> Result<Response, Problem> {
    let (id, version) = (named(&user, &who)?, Some(version.needed()?));
    let edit = UserEdit {
        name: patch.name,
        role: patch.role.map(Into::into),
        disabled: patch.disabled,
        password: patch.password.map(|password| password.0),
    };
    let user = api.accounts.edit_user(&id, version, edit, &who.principal, who.address()).await?;
    Ok(tagged(StatusCode::OK, user.version, &UserShape::from(&user)))
}

/// Remove an account
#[utoipa::path(delete, path = "/api/v1/users/{user}", tag = "users", operation_id = "remove_user",
    params(("user" = String, Path, description = "The id")),
    responses((status = 204, description = "Removed")))]
async fn remove(
    api: Api,
    who: Who,
    At(user): At<String>,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    let (id, seen) = (named(&user, &who)?, version.seen());
    api.accounts.remove_user(&id, seen, &who.principal, who.address()).await?;
    Ok(StatusCode::NO_CONTENT)
}
