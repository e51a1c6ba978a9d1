//! Who may pass: every operation of the API stands behind one of these.
//!
//! ```text
//! transport   plain HTTP from elsewhere: reading only
//! origin      a request of another site's page: no change (I4)
//! who         bearer token, else session cookie
//! permission  the one that the operation names
//! body        only where one is taken, JSON, 64 kB, 10 s (I12, B7)
//! repetition  a create that was answered before is answered the same
//! ```
//!
//! Must not come here: what an operation does.

use super::Api;
use super::repeat;
use super::who::{Who, cookie, expired};
use crate::problem::{Fault, Problem};
use crate::server::Limits;
use crate::via::Via;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use manycast_auth::{Permission, Principal};

/// Bytes of a body.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anybody.
    Public,
    /// Whoever is signed in, or has a token.
    SignedIn,
    /// Whoever may do this.
    May(Permission),
}

impl Need {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::SignedIn => "signed_in",
            Self::May(permission) => permission.as_str(),
        }
    }
}

/// What holds for one operation; taken from its description.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) need: Need,
    /// It takes a body.
    pub(crate) body: bool,
    /// It makes something: its answer is kept for repetitions.
    pub(crate) creates: bool,
}

/// Lets the request through, or answers it.
pub(crate) async fn guard(rule: Rule, mut request: Request, next: Next) -> Response {
    let (api, via) = {
        let parts = request.extensions();
        match (parts.get::<Api>().cloned(), parts.get::<Via>().cloned()) {
            (Some(api), Some(via)) => (api, via),
            _ => return Problem::new(Fault::Internal, "the server is not whole").into_response(),
        }
    };
    let asked = (request.method().clone(), request.headers().clone());
    let who = match admit(&api, &rule, &via, (&asked.0, &asked.1)).await {
        Ok(who) => who,
        Err(problem) => return problem.into_response(),
    };
    if !rule.body {
        if let Some(problem) = refuse_body(request.headers()) {
            return problem.into_response();
        }
        request.extensions_mut().extend(who.into_extensions());
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let bytes = match collect(&parts.headers, body).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let repeated = match (&who.principal, rule.creates) {
        (Some(principal), true) => match repeat::begin(&api, principal, &parts, &bytes).await {
            Ok(repeated) => repeated,
            Err(problem) => return problem.into_response(),
        },
        _ => repeat::Repeat::Untold,
    };
    if let repeat::Repeat::Known(response) = repeated {
        return response;
    }
    parts.extensions.extend(who.into_extensions());
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    repeated.finish(&api, response).await
}

/// Who asks, as far as it is known.
struct Asking {
    principal: Option<Principal>,
    who: Option<Who>,
}

impl Asking {
    fn into_extensions(self) -> axum::http::Extensions {
        let mut extensions = axum::http::Extensions::new();
        if let Some(who) = self.who {
            extensions.insert(who);
        }
        extensions
    }
}

async fn admit(
    api: &Api,
    rule: &Rule,
    via: &Via,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Asking, Problem> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if !reads {
        let trusted = via.trusted.as_ref();
        trusted.map_err(|distrust| Problem::new(Fault::Insecure, distrust.to_string()))?;
    }
    let bearer = bearer(headers)?;
    let cookie = cookie(headers, via).filter(|_| bearer.is_none());
    if !reads && bearer.is_none() {
        same_site(headers, via, cookie.is_some())?;
    }
    if rule.need == Need::Public {
        return Ok(Asking { principal: None, who: None });
    }
    let principal = match (&bearer, &cookie) {
        (Some(token), _) => api.accounts.authenticate_bearer(token, via.client).await?,
        (None, Some(cookie)) => api.accounts.authenticate_cookie(cookie).await?,
        (None, None) => None,
    };
    let Some(principal) = principal else {
        return Err(match (bearer, cookie) {
            (Some(_), _) => {
                Problem::new(Fault::NotSignedIn, "the token is unknown, expired or revoked")
            }
            (None, Some(_)) => Problem::new(Fault::NotSignedIn, "the session is over")
                .header(header::SET_COOKIE, expired(via)),
            (None, None) => Problem::new(Fault::NotSignedIn, "this asks who you are"),
        });
    };
    if let Need::May(permission) = rule.need {
        principal.require(permission).map_err(Problem::from)?;
    }
    let who = Who::new(principal.clone(), via.clone(), bearer, cookie);
    Ok(Asking { principal: Some(principal), who: Some(who) })
}

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let wrong = || Problem::new(Fault::NotSignedIn, "Authorization is no bearer token");
    let text = value.to_str().map_err(|_| wrong())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(wrong)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(wrong());
    }
    Ok(Some(token.to_owned()))
}

/// Whether a changing request comes from our own page, or from no page at all (I4). With a cookie
/// it has to say so; browsers do.
fn same_site(headers: &HeaderMap, via: &Via, signed: bool) -> Result<(), Problem> {
    let crossed = |detail: &str| Err(Problem::new(Fault::CrossSite, detail));
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => {}
        Some(_) => return crossed("a page of another site asked for this"),
        None => match text("origin") {
            Some(origin) if !own_origin(origin, via) => {
                return crossed("the header Origin names another site");
            }
            None if signed => {
                return crossed("a request with a cookie has to say where it comes from");
            }
            _ => {}
        },
    }
    match headers.get(header::CONTENT_TYPE) {
        Some(value) if !is_json(value) => {
            Err(Problem::new(Fault::NotJson, "the body has another type than application/json"))
        }
        _ => Ok(()),
    }
}

fn own_origin(origin: &str, via: &Via) -> bool {
    let scheme = if via.secure { "https" } else { "http" };
    let Some(host) = &via.host else { return false };
    origin.split_once("://").is_some_and(|(its, authority)| {
        its.eq_ignore_ascii_case(scheme) && authority.eq_ignore_ascii_case(host)
    })
}

fn is_json(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Where no body is taken, one that is announced is not waited for.
pub(crate) fn refuse_body(headers: &HeaderMap) -> Option<Problem> {
    let fault = if headers.contains_key(header::TRANSFER_ENCODING) {
        Fault::LengthRequired
    } else {
        let length = headers.get(header::CONTENT_LENGTH)?;
        if length.as_bytes() == b"0" {
            return None;
        }
        Fault::BodyTooLarge
    };
    let close = HeaderValue::from_static("close");
    Some(Problem::new(fault, "this takes no body").header(header::CONNECTION, close))
}

async fn collect(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let close =
        |problem: Problem| problem.header(header::CONNECTION, HeaderValue::from_static("close"));
    let large = || close(Problem::new(Fault::BodyTooLarge, "a body may have 64 kB"));
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(large());
    }
    let reading = axum::body::to_bytes(body, MAX_BODY);
    let bytes = match tokio::time::timeout(Limits::default().read, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return Err(large()),
        Err(_) => return Err(close(Problem::new(Fault::BodyTimeout, "the body came too slowly"))),
    };
    let typed = headers.get(header::CONTENT_TYPE).is_some_and(is_json);
    if !bytes.is_empty() && !typed {
        return Err(Problem::new(Fault::NotJson, "Content-Type is not application/json"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::via::Door;

    #[test]
    fn i4_only_our_own_pages_change_anything() {
        let via = Via::test(Door::Https, "127.0.0.1:5000", &[("host", "tv.example:8443")]);
        let own = "https://tv.example:8443";
        for (site, origin, signed, passes) in [
            (Some("same-origin"), None, true, true),
            (Some("none"), None, true, true),
            (Some("same-site"), Some(own), true, false),
            (Some("cross-site"), Some(own), true, false),
            (Some("cross-site"), None, false, false),
            (None, Some(own), true, true),
            (None, Some("https://TV.example:8443"), true, true),
            (None, Some("http://tv.example:8443"), true, false),
            (None, Some("https://tv.example"), true, false),
            (None, Some("https://evil.example"), true, false),
            (None, Some("https://evil.example"), false, false),
            (None, Some("null"), true, false),
            (None, None, true, false),
            (None, None, false, true),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            let passed = same_site(&headers, &via, signed).is_ok();
            assert_eq!(passed, passes, "{site:?} {origin:?} {signed}");
        }
    }

    #[test]
    fn a_bearer_token_is_taken_in_one_form_only() {
        for (value, want) in [
            ("Bearer mc_1", Some(Some("mc_1"))),
            ("bearer  mc_1 ", Some(Some("mc_1"))),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic bWM6MQ==", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            let got = bearer(&headers).ok();
            let got = got.as_ref().map(|token| token.as_deref());
            assert_eq!(got, want, "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()).ok(), Some(None));
    }
}
