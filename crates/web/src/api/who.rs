//! Who asks: the signed-in person or token, and the cookie of a session.

use crate::problem::{Fault, Problem};
use crate::via::Via;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use manycast_auth::{Accounts, Actor, Client, LoggedIn, Permission, Principal};
use manycast_store::{Error, UserId};
use std::net::IpAddr;
use std::sync::Arc;

/// Over TLS the browser itself holds the cookie to this host, this path and TLS.
const SECURE: &str = "__Host-manycast";
/// Over plain loopback; browsers refuse the prefix there.
const PLAIN: &str = "manycast";

/// Who asks, and by what he proved it.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) principal: Principal,
    pub(crate) via: Via,
    proof: Arc<Proof>,
}

enum Proof {
    Bearer(String),
    Cookie(String),
}

impl Who {
    pub(crate) fn new(
        principal: Principal,
        via: Via,
        bearer: Option<String>,
        cookie: Option<String>,
    ) -> Self {
        let proof = match bearer {
            Some(token) => Proof::Bearer(token),
            None => Proof::Cookie(cookie.unwrap_or_default()),
        };
        Self { principal, via, proof: Arc::new(proof) }
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.principal.may(permission)
    }

    pub(crate) fn require(&self, permission: Permission) -> Result<(), Problem> {
        self.principal.require(permission).map_err(Problem::from)
    }

    /// For the audit log.
    pub(crate) fn actor(&self) -> Actor {
        self.principal.actor(self.via.client)
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.via.client
    }

    /// The value of the session's cookie, if it is a session.
    pub(crate) fn cookie(&self) -> Option<&str> {
        match self.proof.as_ref() {
            Proof::Cookie(cookie) => Some(cookie),
            Proof::Bearer(_) => None,
        }
    }

    /// The person himself; a token is none.
    pub(crate) fn user(&self) -> Result<UserId, Problem> {
        self.cookie().and_then(|_| UserId::parse(&self.principal.id)).ok_or_else(|| {
            Problem::new(Fault::Forbidden, "only a person that is signed in has an account")
        })
    }

    /// Whether the session or token still holds, and still may do this.
    pub(crate) async fn holds(
        &self,
        accounts: &Accounts,
        permission: Permission,
    ) -> Result<bool, Error> {
        let now = match self.proof.as_ref() {
            Proof::Bearer(token) => accounts.authenticate_bearer(token, self.via.client).await?,
            Proof::Cookie(cookie) => accounts.check_cookie(cookie).await?,
        };
        let people = self.may(Permission::ReadPeople);
        Ok(now
            .is_some_and(|now| now.may(permission) && (now.may(Permission::ReadPeople) || !people)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let who = parts.extensions.get::<Self>().cloned();
        who.ok_or_else(|| Problem::new(Fault::NotSignedIn, "this asks who you are"))
    }
}

/// The address and software of whoever asks, signed in or not.
pub(crate) struct Caller {
    pub(crate) via: Via,
    pub(crate) client: Client,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let via = parts.extensions.get::<Via>().cloned();
        let via = via.ok_or_else(|| Problem::new(Fault::Internal, "the server is not whole"))?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let agent = agent.unwrap_or_default().chars().take(200).collect();
        Ok(Self { client: Client { address: via.client, agent }, via })
    }
}

/// The value of our cookie.
pub(crate) fn cookie(headers: &HeaderMap, via: &Via) -> Option<String> {
    let name = name(via);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(its, _)| its.trim() == name)?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// Sets the cookie of a new session.
pub(crate) fn signed_in(login: &LoggedIn, via: &Via) -> HeaderValue {
    let text = format!("{}={}; {}", name(via), login.cookie.expose(), attributes(via));
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| expired(via));
    value.set_sensitive(true);
    value
}

/// Takes the cookie away.
pub(crate) fn expired(via: &Via) -> HeaderValue {
    let text = format!("{}=; Max-Age=0; {}", name(via), attributes(via));
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn name(via: &Via) -> &'static str {
    if via.secure { SECURE } else { PLAIN }
}

fn attributes(via: &Via) -> &'static str {
    if via.secure {
        "Path=/; HttpOnly; SameSite=Lax; Secure"
    } else {
        "Path=/; HttpOnly; SameSite=Lax"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::via::Door;

    #[test]
    fn our_cookie_is_found_among_others() {
        for (line, plain, secure) in [
            ("manycast=abc", Some("abc"), None),
            ("a=b; manycast=abc; c=d", Some("abc"), None),
            ("__Host-manycast=xyz; manycast=abc", Some("abc"), Some("xyz")),
            ("manycast=", None, None),
            ("xmanycast=abc", None, None),
            ("", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(line));
            assert_eq!(
                cookie(&headers, &Via::test(Door::Http, "127.0.0.1:5000", &[])).as_deref(),
                plain,
                "{line}"
            );
            assert_eq!(
                cookie(&headers, &Via::test(Door::Https, "127.0.0.1:5000", &[])).as_deref(),
                secure,
                "{line}"
            );
        }
    }

    #[test]
    fn i4_cookies_are_bound_as_tightly_as_browsers_can() {
        let secure = expired(&Via::test(Door::Https, "127.0.0.1:5000", &[]));
        let secure = secure.to_str().unwrap();
        for part in ["__Host-manycast=;", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(secure.contains(part), "{secure}");
        }
        assert!(!secure.contains("Domain"), "{secure}");
    }
}
