//! RTMP URLs as a client needs them: where to dial, and what to say in `connect` and `publish`.
//!
//! Belongs here: splitting without changing a byte, since servers compare `tcUrl` as text.
//! Must not come here: name resolution and dialling.

use super::{StreamKeyText, target::split_once};

/// A destination or source, split as an encoder splits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtmpUrl {
    /// Whether TLS comes first (`rtmps`).
    pub tls: bool,
    /// Host name or address, an IPv6 one without its brackets.
    pub host: String,
    /// As given, or 1935, or 443 with TLS.
    pub port: u16,
    /// The app, with its query.
    pub app: StreamKeyText,
    /// `tcUrl`: as given, without user, fragment, one slash at the end of the path, and the stream
    /// name.
    pub tc_url: StreamKeyText,
    /// The stream name, with its query.
    pub name: StreamKeyText,
}

/// Why a text is no RTMP URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither `rtmp://` nor `rtmps://`.
    #[error("the address must begin with rtmp:// or rtmps://")]
    Scheme,
    /// Nothing between the slashes, or a character that no host has.
    #[error("the address names no host")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port is no number from 1 to 65535")]
    Port,
    /// Control characters, which would end a line in somebody's log or header.
    #[error("the address holds control characters")]
    Control,
}

impl RtmpUrl {
    /// Splits a server URL with the key given apart, as encoders ask for them: all of the URL is app.
    ///
    /// A key in the fragment (`rtmp://h/app#key`) counts when `key` is empty.
    ///
    /// # Errors
    /// [`UrlError`]; nothing of the URL is in it.
    pub fn with_key(url: &str, key: &str) -> Result<Self, UrlError> {
        let parts = Parts::split(url)?;
        let key = if key.is_empty() { parts.fragment } else { key };
        if key.contains(|c: char| c.is_control()) {
            return Err(UrlError::Control);
        }
        let (path, query) = match parts.path.find('?') {
            Some(at) => parts.path.split_at_checked(at).unwrap_or((parts.path, "")),
            None => (parts.path, ""),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        Ok(parts.url(&format!("{path}{query}"), key))
    }

    /// Splits a URL that ends in the stream name: `rtmp://host/app/name?query`.
    ///
    /// # Errors
    /// [`UrlError`]; nothing of the URL is in it.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let parts = Parts::split(url)?;
        if !parts.fragment.is_empty() {
            return Self::with_key(url, "");
        }
        let path_end = parts.path.find('?').unwrap_or(parts.path.len());
        let slash = parts.path.get(..path_end).and_then(|path| path.rfind('/'));
        let split = slash.and_then(|at| parts.path.split_at_checked(at));
        Ok(match split {
            Some((app, name)) => parts.url(app, name.strip_prefix('/').unwrap_or(name)),
            None => parts.url("", parts.path),
        })
    }
}

impl RtmpUrl {
    /// The same with more in the query of app and `tcUrl`.
    #[must_use]
    pub fn with_query(&self, query: &str) -> Self {
        let add = |text: &StreamKeyText| {
            let text = text.expose();
            let mark = if text.contains('?') { '&' } else { '?' };
            StreamKeyText::from(format!("{text}{mark}{query}").as_str())
        };
        Self { app: add(&self.app), tc_url: add(&self.tc_url), ..self.clone() }
    }
}

pub(super) struct Parts<'a> {
    pub(super) tls: bool,
    scheme: &'a str,
    pub(super) authority: &'a str,
    host: &'a str,
    port: u16,
    pub(super) path: &'a str,
    fragment: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(url: &'a str) -> Result<Self, UrlError> {
        let url = url.trim();
        if url.contains(|c: char| c.is_control()) {
            return Err(UrlError::Control);
        }
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => false,
            "rtmps" => true,
            _ => return Err(UrlError::Scheme),
        };
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(UrlError::Host)?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = host_and_port(authority)?;
        let port = match port {
            Some(port) => port,
            None if tls => 443,
            None => 1935,
        };
        let path = path.strip_prefix('/').unwrap_or(path);
        Ok(Self { tls, scheme, authority, host, port, path, fragment })
    }

    fn url(&self, app: &str, name: &str) -> RtmpUrl {
        let slash = if app.starts_with('?') { "" } else { "/" };
        let tc_url = format!("{}://{}{slash}{app}", self.scheme, self.authority);
        RtmpUrl {
            tls: self.tls,
            host: self.host.to_owned(),
            port: self.port,
            app: StreamKeyText::from(app),
            tc_url: StreamKeyText::from(tc_url.as_str()),
            name: StreamKeyText::from(name),
        }
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or(UrlError::Host)?)),
        None => match split_once(authority.as_bytes(), b':') {
            Some(_) => authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p))),
            None => (authority, None),
        },
    };
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || !host.chars().all(allowed) {
        return Err(UrlError::Host);
    }
    let port = match port {
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
            Some(text.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)?)
        }
        Some(_) => return Err(UrlError::Port),
        None => None,
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::{RtmpUrl, UrlError};

    fn check(url: &RtmpUrl, address: (&str, u16, bool), app: &str, tc_url: &str, name: &str) {
        assert_eq!((url.host.as_str(), url.port, url.tls), address);
        assert_eq!(url.app.expose(), app);
        assert_eq!(url.tc_url.expose(), tc_url);
        assert_eq!(url.name.expose(), name);
    }

    #[test]
    fn section14_a_server_and_a_key_split_as_the_platforms_expect() {
        let row = |url: &str, key: &str| RtmpUrl::with_key(url, key).expect("valid");
        check(
            &row("rtmps://b.rtmps.example:443/live2?backup=1", "k-e-y"),
            ("b.rtmps.example", 443, true),
            "live2?backup=1",
            "rtmps://b.rtmps.example:443/live2?backup=1",
            "k-e-y",
        );
        check(
            &row("rtmp://h/rtmp/", "FB-1?s=x"),
            ("h", 1935, false),
            "rtmp",
            "rtmp://h/rtmp",
            "FB-1?s=x",
        );
        check(&row("rtmp://h/a/b", ""), ("h", 1935, false), "a/b", "rtmp://h/a/b", "");
        // Exactly one slash goes, that at the end of the path; escapes stay as written.
        check(&row("rtmp://h/a//", "k"), ("h", 1935, false), "a/", "rtmp://h/a/", "k");
        check(&row("rtmp://h/a/?b=c/", "k"), ("h", 1935, false), "a?b=c/", "rtmp://h/a?b=c/", "k");
        check(
            &row("rtmp://h/%7ea%2Fb", "k%20?x={y}"),
            ("h", 1935, false),
            "%7ea%2Fb",
            "rtmp://h/%7ea%2Fb",
            "k%20?x={y}",
        );
        check(&row("rtmps://u:p@h/a#key", ""), ("h", 443, true), "a", "rtmps://h/a", "key");
        check(&row("rtmp://[::1]:19/a", "k"), ("::1", 19, false), "a", "rtmp://[::1]:19/a", "k");
        check(
            &row("rtmp://h:80/x", "?streamname=a&key=b"),
            ("h", 80, false),
            "x",
            "rtmp://h:80/x",
            "?streamname=a&key=b",
        );
        check(&row("rtmp://h", "k"), ("h", 1935, false), "", "rtmp://h/", "k");
    }

    #[test]
    fn section9_one_url_splits_at_its_last_slash() {
        let row = |url: &str| RtmpUrl::parse(url).expect("valid");
        check(&row("rtmp://h/live/k"), ("h", 1935, false), "live", "rtmp://h/live", "k");
        check(&row("rtmp://h/a/b/k?x=/1"), ("h", 1935, false), "a/b", "rtmp://h/a/b", "k?x=/1");
        check(&row("rtmp://h/k"), ("h", 1935, false), "", "rtmp://h/", "k");
        check(&row("rtmp://h/live#k"), ("h", 1935, false), "live", "rtmp://h/live", "k");
        check(&row("rtmp://h/x/?s=a&k=b"), ("h", 1935, false), "x", "rtmp://h/x", "?s=a&k=b");
    }

    #[test]
    fn section9_what_is_no_url_is_refused_without_quoting_it() {
        let rows = [
            ("http://h/a", UrlError::Scheme),
            ("h/a", UrlError::Scheme),
            ("rtmp:///a", UrlError::Host),
            ("rtmp://h a/b", UrlError::Host),
            ("rtmp://[::1]x/a", UrlError::Host),
            ("rtmp://h:0/a", UrlError::Port),
            ("rtmp://h:99999/a", UrlError::Port),
            ("rtmp://h:+80/a", UrlError::Port),
            ("rtmp://h:/a", UrlError::Port),
            ("rtmp://h/a\r\nb", UrlError::Control),
        ];
        for (url, error) in rows {
            assert_eq!(RtmpUrl::with_key(url, "k"), Err(error), "{url:?}");
            assert_eq!(RtmpUrl::parse(url), Err(error), "{url:?}");
        }
        assert_eq!(RtmpUrl::with_key("rtmp://h/a", "k\n"), Err(UrlError::Control));
    }
}
