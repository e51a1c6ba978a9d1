//! User and password at `connect`, in the two dialects that encoders and CDNs know.
//!
//! Belongs here: what a server demands and how it is answered ([`Login`], [`Demand`]), and a
//! server's side of it ([`Examiner`]), all as values.
//! Must not come here: connections (each step takes one of its own), who the users are.
//!
//! ```text
//! client                                   server
//! connect app                          ->  refused: code=403 need auth; authmod=adobe
//! connect app?authmod=adobe&user=U     ->  refused: ?reason=needauth&user=U&salt=S&challenge=C&opaque=O
//! connect app?authmod=adobe&user=U&challenge=C2&response=R&opaque=O   ->  success
//! ```
//! `adobe`: R = b64(md5(b64(md5(U S password)) O C2)), with C in place of an O that is not there.
//! `llnw` is the digest of RFC 2617 over `publish:/app` with the realm `live`; it has a `nonce` in
//! place of salt, challenge and opaque. Neither hides anything but the password: the stream that
//! follows is protected by TLS or by nothing.

mod client;
mod digest;
mod server;

pub use client::{Challenge, Demand, Login, LoginError};
pub use server::{Examination, Examiner};

use crate::command::StreamKeyText;

/// The longest user name, in bytes; the descriptions that carry it have to fit into 255 bytes, all
/// that ffmpeg reads of them.
pub const MAX_USER: usize = 64;

/// How user and password are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// That of Adobe's encoder: OBS, ffmpeg, librtmp and most hardware.
    #[default]
    Adobe,
    /// That of Limelight: OBS, ffmpeg and librtmp.
    Llnw,
}

impl Dialect {
    /// The word for it on the wire, as in `authmod=adobe`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adobe => "adobe",
            Self::Llnw => "llnw",
        }
    }

    fn named(text: &str) -> Option<Self> {
        [Self::Adobe, Self::Llnw].into_iter().find(|dialect| dialect.name() == text)
    }
}

/// Whether a user name can stand in the queries of both dialects, where nothing is escaped.
#[must_use]
pub fn is_user(text: &str) -> bool {
    let fits =
        |b: u8| b.is_ascii_graphic() && !matches!(b, b'&' | b'?' | b'=' | b'#' | b'/' | b':');
    !text.is_empty() && text.len() <= MAX_USER && text.bytes().all(fits)
}

/// The value of a parameter: pairs end at `&`, values begin at the first `=`, nothing is decoded
/// (values hold bare `+`, `/` and `=`).
fn parameter<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    let pairs = query.split(['&', '?']).filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find_map(|(name, value)| (name == key).then_some(value))
}

/// The query of an app.
fn query_of(app: &str) -> &str {
    app.split_once('?').map_or("", |(_, query)| query)
}

/// An app without what an authentication added to its query, so that the next one begins anew.
#[must_use]
pub fn without_auth(app: &StreamKeyText) -> StreamKeyText {
    const OURS: [&str; 11] = [
        "authmod",
        "user",
        "challenge",
        "response",
        "opaque",
        "nonce",
        "cnonce",
        "nc",
        "salt",
        "reason",
        "qop",
    ];
    let text = app.expose();
    let Some((path, query)) = text.split_once('?') else { return app.clone() };
    if parameter(query, "authmod").is_none() {
        return app.clone();
    }
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !OURS.contains(&name(pair).as_str())).collect();
    let text = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    StreamKeyText::from(text.as_str())
}

#[cfg(test)]
mod tests;
