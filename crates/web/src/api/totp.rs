//! The second factor.

use super::Api;
use super::document::Operations;
use super::extract::{At, Given};
use super::guard::Need;
use super::users::named;
use super::who::Who;
use crate::problem::{Fault, Problem};
use crate::shape::Hidden;
use axum::Json;
use axum::http::StatusCode;
use manycast_auth::Permission;
use manycast_hub::Secret;
use manycast_store::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    let need = Need::May(Permission::OwnAccount);
    operations.add(need, routes!(begin)).add(need, routes!(confirm)).add(need, routes!(remove))
}

/// A second factor that is not in force yet.
#[derive(Serialize, ToSchema)]
struct TotpOffer {
    /// To type into an authenticator app.
    secret: String,
    /// The same for a QR code: `otpauth://...`.
    uri: String,
}

/// Proof that the app has it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TotpCode {
    code: Hidden,
}

/// What gets one in without the app; each once.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

/// Only one's own.
fn oneself(user: &str, who: &Who) -> Result<UserId, Problem> {
    let (named, own) = (named(user, who)?, who.user()?);
    if named == own {
        return Ok(own);
    }
    Err(Problem::new(Fault::Forbidden, "everybody sets up his own second factor"))
}

/// Begin with a second factor
///
/// It is in force once a code of it was confirmed.
#[utoipa::path(post, path = "/api/v1/users/{user}/totp", tag = "account",
    operation_id = "begin_totp",
    params(("user" = String, Path, description = "`me`, or one's own id")),
    responses((status = 200, body = TotpOffer, description = "For an authenticator app")))]
async fn begin(api: Api, who: Who, At(user): At<String>) -> Result<Json<TotpOffer>, Problem> {
    let offer = api.accounts.begin_totp(&oneself(&user, &who)?).await?;
    let text = |secret: &Secret| secret.expose().to_owned();
    Ok(Json(TotpOffer { secret: text(&offer.secret_text), uri: text(&offer.uri) }))
}

/// Put the second factor in force
#[utoipa::path(post, path = "/api/v1/users/{user}/totp/confirm", tag = "account",
    operation_id = "confirm_totp", request_body = TotpCode,
    params(("user" = String, Path, description = "`me`, or one's own id")),
    responses((status = 200, body = RecoveryCodes, description = "In force; shown once")))]
async fn confirm(
    api: Api,
    who: Who,
    At(user): At<String>,
    Given(given): Given<TotpCode>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let (user, code) = (oneself(&user, &who)?, given.code.0);
    let accounts = &api.accounts;
    let codes = accounts.confirm_totp(&user, code.expose(), &who.principal, who.address()).await?;
    let recovery_codes = codes.iter().map(|code| code.expose().to_owned()).collect();
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Remove a second factor
///
/// One's own, or that of somebody below.
#[utoipa::path(delete, path = "/api/v1/users/{user}/totp", tag = "account",
    operation_id = "remove_totp", params(("user" = String, Path, description = "The id, or `me`")),
    responses((status = 204, description = "Removed")))]
async fn remove(api: Api, who: Who, At(user): At<String>) -> Result<StatusCode, Problem> {
    api.accounts.remove_totp(&named(&user, &who)?, &who.principal, who.address()).await?;
    Ok(StatusCode::NO_CONTENT)
}
