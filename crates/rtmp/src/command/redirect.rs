//! Where a server sends a client instead: from what it wrote to an address in our form.
//!
//! Belongs here: resolving against the present `tcUrl`, and what is never followed.
//! Must not come here: how often one follows, and whether the address may be dialled at all.

use super::{RtmpUrl, percent_decode, url::Parts};
use crate::auth::without_auth;

/// Why a redirect leads nowhere. Nothing of it is quoted: it may hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// From `rtmps` to `rtmp`: whoever asks for encryption gets it or nothing.
    #[error("to an address without encryption, which is not followed")]
    Downgrade,
    /// To something that does not speak RTMP.
    #[error("to an address that is neither rtmp:// nor rtmps://, which is not followed")]
    Foreign,
    /// It cannot be read.
    #[error("to an address that cannot be read")]
    Unclear,
}

impl RtmpUrl {
    /// The server URL that `theirs` names, without our key: absolute as it is, else read against our
    /// `tcUrl` (RFC 3986 5.2; E-RTMP v2 Reconnect Request has `//host/app` and `/app`).
    ///
    /// A host without a path keeps our app. A stream name at its end that is ours is taken off: SRS
    /// of old sends the whole URL. What followed the name as a query then follows the app, unless
    /// our name has it already.
    ///
    /// # Errors
    /// [`RedirectError`]: it must not be followed, or cannot be.
    pub fn follow(&self, theirs: &str) -> Result<String, RedirectError> {
        let absolute = self.absolute(theirs.trim())?;
        let parts = Parts::split(&absolute).map_err(|_| RedirectError::Unclear)?;
        let rest = absolute.split_once("://").map_or("", |(_, rest)| rest);
        // A name before the host is there to deceive somebody.
        if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(RedirectError::Unclear);
        }
        if self.tls && !parts.tls {
            return Err(RedirectError::Downgrade);
        }
        let app = self.app.expose();
        let rest =
            if parts.path.is_empty() { app.into_owned() } else { self.without_name(parts.path) };
        let rest = without_auth(&rest.as_str().into()).expose().into_owned();
        let slash = if rest.starts_with('?') { "" } else { "/" };
        let scheme = if parts.tls { "rtmps" } else { "rtmp" };
        Ok(format!("{scheme}://{}{slash}{rest}", parts.authority))
    }

    fn absolute(&self, theirs: &str) -> Result<String, RedirectError> {
        let base = self.tc_url.expose();
        let (scheme, rest) = base.split_once("://").ok_or(RedirectError::Unclear)?;
        let (authority, path) = match rest.find(['/', '?']).and_then(|at| rest.split_at_checked(at))
        {
            Some((authority, path)) => (authority, path),
            None => (rest, ""),
        };
        let path = path.split('?').next().unwrap_or_default();
        if theirs.is_empty() || theirs.starts_with('#') {
            return Err(RedirectError::Unclear);
        }
        if let Some((before, _)) = theirs.split_once("://")
            && !before.contains(['/', '?', '#'])
        {
            let known = ["rtmp", "rtmps"].iter().any(|known| before.eq_ignore_ascii_case(known));
            return if known { Ok(theirs.to_owned()) } else { Err(RedirectError::Foreign) };
        }
        if theirs.starts_with("//") {
            return Ok(format!("{scheme}:{theirs}"));
        }
        if theirs.starts_with('/') {
            return Ok(format!("{scheme}://{authority}{theirs}"));
        }
        if theirs.starts_with('?') {
            return Ok(format!("{scheme}://{authority}{path}{theirs}"));
        }
        // RFC 3986 4.2: what has a colon in its first segment is a scheme, or a host and port.
        let first = theirs.split(['/', '?', '#']).next().unwrap_or_default();
        if first.contains(':') {
            return Err(RedirectError::Unclear);
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Ok(format!("{scheme}://{authority}{folder}/{theirs}"))
    }

    /// A path without our stream name at its end. One that is our app stays whole, whatever we are
    /// called.
    fn without_name(&self, theirs: &str) -> String {
        let (app, name) = (self.app.expose(), self.name.expose());
        let app_path = app.split('?').next().unwrap_or_default();
        let (path, query) = theirs.split_once('?').unwrap_or((theirs, ""));
        let (name_path, name_query) = name.split_once('?').unwrap_or((&name, ""));
        let same = |text: &str| {
            text == name_path || *percent_decode(text.as_bytes()) == *name_path.as_bytes()
        };
        if name.is_empty() || path.trim_end_matches('/') == app_path {
            return theirs.to_owned();
        }
        let cut = match path.rfind('/').and_then(|at| path.split_at_checked(at)) {
            _ if name_path.is_empty() => None,
            Some((app, last)) => same(last.strip_prefix('/').unwrap_or(last)).then_some(app),
            None => same(path).then_some(""),
        };
        match cut {
            None if name_path.is_empty() && query == name_query => path.to_owned(),
            None => theirs.to_owned(),
            Some(app) if query.is_empty() || query == name_query => app.to_owned(),
            Some(app) => format!("{app}?{query}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RedirectError, RtmpUrl};

    fn follow(server: &str, key: &str, theirs: &str) -> Result<String, RedirectError> {
        RtmpUrl::with_key(server, key).expect("valid").follow(theirs)
    }

    #[test]
    fn d13_a_redirect_becomes_a_server_url_without_our_key() {
        let ours = "rtmp://h:1936/live?backup=1";
        for (theirs, wanted) in [
            ("rtmp://other/live", "rtmp://other/live"),
            (" RTMP://other:1940/a/b?t=1 ", "rtmp://other:1940/a/b?t=1"),
            ("rtmps://other/live/", "rtmps://other/live/"),
            ("//other:1940/app", "rtmp://other:1940/app"),
            ("//[::1]:19/app", "rtmp://[::1]:19/app"),
            ("/app2?x=y", "rtmp://h:1936/app2?x=y"),
            ("app2", "rtmp://h:1936/app2"),
            ("?backup=2", "rtmp://h:1936/live?backup=2"),
            ("rtmp://other", "rtmp://other/live?backup=1"),
            ("rtmp://other/", "rtmp://other/live?backup=1"),
            ("//other", "rtmp://other/live?backup=1"),
            ("rtmp://other?t=1", "rtmp://other?t=1"),
            ("rtmp://other/live/k-1", "rtmp://other/live"),
            ("rtmp://other/live/k%2d1", "rtmp://other/live"),
            ("rtmp://other/live/k-1?s=x", "rtmp://other/live"),
            ("rtmp://other/live/k-1?t=1", "rtmp://other/live?t=1"),
            ("rtmp://other/k-1", "rtmp://other/"),
            ("/edge/k-1", "rtmp://h:1936/edge"),
            ("rtmp://other/live/k-12", "rtmp://other/live/k-12"),
            ("rtmp://other/live#k-1", "rtmp://other/live"),
            ("rtmp://other/live?x=1&authmod=adobe&user=u&response=r==", "rtmp://other/live?x=1"),
        ] {
            assert_eq!(follow(ours, "k-1?s=x", theirs).as_deref(), Ok(wanted), "{theirs}");
        }
        assert_eq!(
            follow("rtmp://h/live", "live", "rtmp://other/live").as_deref(),
            Ok("rtmp://other/live"),
            "the app stays, even if the key is called the same"
        );
        assert_eq!(
            follow("rtmp://h/x", "?s=1&k=2", "rtmp://other/x?s=1&k=2").as_deref(),
            Ok("rtmp://other/x?s=1&k=2"),
            "the app is named in so many words"
        );
        assert_eq!(
            follow("rtmp://h/x", "?s=1&k=2", "rtmp://other/y?s=1&k=2").as_deref(),
            Ok("rtmp://other/y")
        );
    }

    #[test]
    fn d13_no_redirect_leads_away_from_encryption_or_out_of_rtmp() {
        for theirs in ["rtmp://other/live", "RTMP://h/live", "rtmp://h:443/live"] {
            let refused = follow("rtmps://h/live", "k", theirs);
            assert_eq!(refused, Err(RedirectError::Downgrade), "{theirs}");
        }
        assert_eq!(follow("rtmps://h/live", "k", "//o/a").as_deref(), Ok("rtmps://o/a"));
        assert_eq!(follow("rtmp://h/live", "k", "rtmps://o/a").as_deref(), Ok("rtmps://o/a"));
        for (theirs, error) in [
            ("http://other/live", RedirectError::Foreign),
            ("file:///etc/passwd", RedirectError::Foreign),
            ("rtmpt://other/live", RedirectError::Foreign),
            ("", RedirectError::Unclear),
            ("#x", RedirectError::Unclear),
            ("other:1935/live", RedirectError::Unclear),
            ("javascript:x", RedirectError::Unclear),
            ("rtmp:///live", RedirectError::Unclear),
            ("rtmp://u:p@other/live", RedirectError::Unclear),
            ("//h@other/live", RedirectError::Unclear),
            ("rtmp://o ther/live", RedirectError::Unclear),
            ("rtmp://other/li\r\nve", RedirectError::Unclear),
            ("rtmp://other:0/live", RedirectError::Unclear),
        ] {
            assert_eq!(follow("rtmp://h/live", "k", theirs), Err(error), "{theirs:?}");
        }
    }
}
