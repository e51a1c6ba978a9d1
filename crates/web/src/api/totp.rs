//! The second factor.

use super::Api;
use super::document::Operations;
use super::extract::{At, Given};
use super::guard::Need;
use super::users::named;
use super::who::{Caller, Who};
use crate::problem::{Fault, Problem};
use crate::shape::{Hidden, stamp};
use axum::Json;
use axum::http::StatusCode;
use manycast_auth::Permission;
use manycast_hub::Secret;
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
    /// Until when it can be confirmed.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// One's password, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnPassword {
    password: Hidden,
}

/// One's password once more, if it is one's own second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RemoveTotp {
    password: Option<Hidden>,
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
fn oneself(user: &str, who: &Who) -> Result<(), Problem> {
    if named(user, who)? == who.user()? {
        return Ok(());
    }
    Err(Problem::new(Fault::Forbidden, "everybody sets up his own second factor"))
}

/// Begin with a second factor
///
/// It is in force once a code of it was confirmed.
#[utoipa::path(post, path = "/api/v1/users/{user}/totp", tag = "account",
    operation_id = "begin_totp", request_body = OwnPassword,
    params(("user" = String, Path, description = "`me`, or one's own id")),
    responses((status = 200, body = TotpOffer, description = "For an authenticator app")))]
async fn begin(
    api: Api,
    who: Who,
    caller: Caller,
    At(user): At<String>,
    Given(given): Given<OwnPassword>,
) -> Result<Json<TotpOffer>, Problem> {
    oneself(&user, &who)?;
    let password = given.password.0;
    let offer = api.accounts.begin_totp(&who.principal, &password, &caller.client).await?;
    let text = |secret: &Secret| secret.expose().to_owned();
    let (secret, uri) = (text(&offer.secret), text(&offer.uri));
    Ok(Json(TotpOffer { secret, uri, expires_at: stamp(offer.expires_at) }))
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
    oneself(&user, &who)?;
    let code = given.code.0;
    let (by, from) = (&who.principal, who.address());
    let codes = api.accounts.confirm_totp(by, code.expose(), from).await?;
    let recovery_codes = codes.iter().map(|code| code.expose().to_owned()).collect();
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Remove a second factor
///
/// One's own, with the password; or that of somebody below.
#[utoipa::path(delete, path = "/api/v1/users/{user}/totp", tag = "account",
    operation_id = "remove_totp", request_body = RemoveTotp, params(("user" = String, Path, description = "The id, or `me`")),
    responses((status = 204, description = "Removed")))]
async fn remove(
    api: Api,
    who: Who,
    caller: Caller,
    At(user): At<String>,
    Given(given): Given<RemoveTotp>,
) -> Result<StatusCode, Problem> {
    let (user, password) = (named(&user, &who)?, given.password.map(|password| password.0));
    let (by, client) = (&who.principal, &caller.client);
    api.accounts.remove_totp(&user, password.as_ref(), by, client).await?;
    Ok(StatusCode::NO_CONTENT)
}
