//! A token made on the server's own machine: the first one, or one for whoever lost all others.

use super::open_beside;
use crate::remote::TokenWish;
use crate::tool::Failure;
use manycast_auth::{AccountOptions, Accounts, NewToken, Scopes};
use manycast_store::UnixMs;
use serde_json::{Value, json};
use std::path::Path;
use std::time::SystemTime;

/// Makes a token in the database of a data directory, whether a server runs on it or not; what was
/// made, with the token.
pub(crate) async fn create_token(dir: &Path, wish: TokenWish) -> Result<Value, Failure> {
    let word = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let scopes: Scopes = wish.scopes().join(" ").parse().map_err(|e| word(&e))?;
    let new = NewToken {
        role: wish.role.parse().map_err(|e| word(&e))?,
        scopes,
        expires_at: wish.ends(SystemTime::now()).map(UnixMs::from),
        name: wish.name,
    };
    let store = open_beside(dir).await?;
    let accounts = Accounts::open(store.clone(), AccountOptions::default()).await;
    let made = match accounts {
        Ok(accounts) => accounts.create_token_here(new).await,
        Err(error) => Err(error),
    };
    store.close().await;
    let (made, token) = made.map_err(|error| Failure::failed(error.to_string()))?;
    let ends = made.expires_at.map(|end| manycast_web::rfc3339(end.system()));
    Ok(json!({
        "id": made.id.to_string(),
        "name": made.name,
        "role": made.role.as_str(),
        "scopes": made.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "prefix": made.prefix,
        "created_at": manycast_web::rfc3339(made.created_at.system()),
        "expires_at": ends,
        "token": token.expose(),
    }))
}
