//! The client's side: what a server demands, and the query that answers it.
//!
//! Belongs here: reading descriptions of refusals, computing answers.
//! Must not come here: the order of connections; see crate `net-rtmp`.

use std::fmt;

use super::{Dialect, MAX_USER, digest, parameter, query_of};
use crate::command::{RtmpUrl, StreamKeyText, percent_decode};

/// Longer values of a challenge are nobody's.
const MAX_VALUE: usize = 256;
/// The only request of a session that counts requests (`nc`).
const FIRST: &str = "00000001";

/// User and password. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: StreamKeyText,
    password: StreamKeyText,
}

/// Why the part of a URL before the host is no user and password. Nothing of it is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// There is not exactly one `@`, so that programs would read it differently.
    #[error("the part up to the @ is not clear: write an @ within it as %40")]
    Unclear,
    /// One of the two is missing.
    #[error("the part up to the @ has to be USER:PASSWORD")]
    Incomplete,
    /// A character that the dialects cannot carry.
    #[error("the user name holds a character that RTMP servers cannot read, or is too long")]
    User,
}

impl Login {
    /// A pair of both.
    ///
    /// # Errors
    /// [`LoginError`] when the dialects cannot carry it.
    pub fn new(user: &str, password: &str) -> Result<Self, LoginError> {
        if user.is_empty() || password.is_empty() {
            return Err(LoginError::Incomplete);
        }
        let fits = |c: char| !c.is_control() && !matches!(c, '&' | '?' | '#' | ' ');
        if user.len() > MAX_USER || !user.chars().all(fits) {
            return Err(LoginError::User);
        }
        Ok(Self { user: user.into(), password: password.into() })
    }

    /// Takes `USER:PASSWORD@` out of a URL: the rest, and what was there. Both may be written with
    /// `%XX` (RFC 3986 3.2.1).
    ///
    /// # Errors
    /// [`LoginError`]; nothing of the URL is in it.
    pub fn split_url(url: &str) -> Result<(String, Option<Self>), LoginError> {
        let Some((scheme, rest)) = url.split_once("://") else { return Ok((url.to_owned(), None)) };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let Some((info, host)) = authority.split_once('@') else {
            return Ok((url.to_owned(), None));
        };
        if host.contains('@') {
            return Err(LoginError::Unclear);
        }
        let (user, password) = info.split_once(':').ok_or(LoginError::Incomplete)?;
        let decoded = |text: &str| {
            let bytes = percent_decode(text.as_bytes()).into_owned();
            String::from_utf8(bytes).map_err(|_| LoginError::Unclear)
        };
        let login = Self::new(&decoded(user)?, &decoded(password)?)?;
        Ok((format!("{scheme}://{host}{path}"), Some(login)))
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &StreamKeyText {
        &self.user
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &StreamKeyText {
        &self.password
    }

    /// `url` with the name of the user, which [`Demand::Identify`] asks for.
    #[must_use]
    pub fn identify(&self, url: &RtmpUrl, dialect: Dialect) -> RtmpUrl {
        url.with_query(&format!("authmod={}&user={}", dialect.name(), self.user.expose()))
    }

    /// `url` with the answer to a challenge. `random`: fresh for each answer.
    #[must_use]
    pub fn answer(&self, url: &RtmpUrl, challenge: &Challenge, random: [u8; 4]) -> RtmpUrl {
        let nonce = digest::hex(&random);
        let user = self.user.expose();
        url.with_query(&match challenge.dialect {
            Dialect::Adobe => {
                let answer = adobe(&user, &self.password.expose(), challenge, &nonce);
                let opaque = challenge.opaque.as_ref();
                let opaque = opaque.map(|text| format!("&opaque={text}")).unwrap_or_default();
                format!("authmod=adobe&user={user}&challenge={nonce}&response={answer}{opaque}")
            }
            Dialect::Llnw => {
                let (theirs, app) = (&challenge.nonce, url.app.expose());
                let answer = llnw(&user, &self.password.expose(), &app, [theirs, FIRST, &nonce]);
                format!(
                    "authmod=llnw&user={user}&nonce={theirs}&cnonce={nonce}&nc={FIRST}\
                     &response={answer}"
                )
            }
        })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(redacted)")
    }
}

/// The answer to an adobe challenge; `nonce` is the client's own challenge.
pub(super) fn adobe(user: &str, password: &str, challenge: &Challenge, nonce: &str) -> String {
    let secret = digest::base64(&digest::md5(&[user, &challenge.salt, password]));
    let opaque = challenge.opaque.as_deref().filter(|opaque| !opaque.is_empty());
    let token = opaque.unwrap_or(&challenge.challenge);
    digest::base64(&digest::md5(&[&secret, token, nonce]))
}

/// The answer to an llnw challenge with the server's nonce, the count and the client's nonce.
pub(super) fn llnw(
    user: &str,
    password: &str,
    app: &str,
    [nonce, count, client]: [&str; 3],
) -> String {
    let path = app.split('?').next().unwrap_or_default();
    let instance = if path.contains('/') { "" } else { "/_definst_" };
    let who = digest::hex(&digest::md5(&[user, ":live:", password]));
    let what = digest::hex(&digest::md5(&["publish:/", path, instance]));
    let parts = [&who, ":", nonce, ":", count, ":", client, ":auth:", &what];
    digest::hex(&digest::md5(&parts))
}

/// What a server wants to have answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// In which dialect.
    pub dialect: Dialect,
    pub(super) salt: String,
    pub(super) challenge: String,
    pub(super) opaque: Option<String>,
    pub(super) nonce: String,
}

/// What a server that refused `connect` demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// To know who asks; see [`Login::identify`].
    Identify(Dialect),
    /// An answer; see [`Login::answer`].
    Prove(Challenge),
    /// Another user or password: the one that was given is wrong.
    Other,
}

impl Demand {
    /// What the description of a refused `connect` demands; `None` when it is about something else,
    /// or in a dialect that is not known.
    #[must_use]
    pub fn parse(description: &str) -> Option<Self> {
        let (_, rest) = description.split_once("authmod=")?;
        let word = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let dialect = Dialect::named(word)?;
        if ["reason=authfailed", "reason=nosuchuser"].iter().any(|sign| description.contains(sign))
        {
            return Some(Self::Other);
        }
        if description.contains("code=403 need auth") {
            return Some(Self::Identify(dialect));
        }
        let (_, query) = description.split_once("?reason=needauth")?;
        let query = query.split(char::is_whitespace).next().unwrap_or_default();
        let value = |key| parameter(query, key).filter(|value| value.len() <= MAX_VALUE);
        let text = |key| value(key).unwrap_or_default().to_owned();
        let opaque = value("opaque").map(str::to_owned);
        let (salt, challenge, nonce) = (text("salt"), text("challenge"), text("nonce"));
        let complete = match dialect {
            Dialect::Adobe => !challenge.is_empty() || opaque.is_some(),
            Dialect::Llnw => !nonce.is_empty(),
        };
        complete.then_some(Self::Prove(Challenge { dialect, salt, challenge, opaque, nonce }))
    }

    /// Whether a URL names a user already, so that a server that asks who it is did not understand.
    #[must_use]
    pub fn is_answered_by(url: &RtmpUrl) -> bool {
        parameter(query_of(&url.app.expose()), "authmod").is_some()
    }
}
