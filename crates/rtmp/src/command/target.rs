//! From what a client put into `app`, `tcUrl` and the stream name to one path, one name and one
//! query: every client splits its URL in another place.
//!
//! Belongs here: splitting and joining, and the names and prefixes that clients add.
//! Must not come here: who may publish where, and which of several secrets is the key.

use std::borrow::Cow;

use super::secret::StreamKeyText;
use crate::auth::Login;

/// Prefixes that Flash, ffmpeg and Wowza clients put before a name to say what it is.
const KIND_PREFIXES: [&[u8]; 7] = [b"mp4:", b"flv:", b"mp3:", b"f4v:", b"aac:", b"id3:", b"raw:"];

/// The instance that AMS and FMLE name when they mean none.
const DEFAULT_INSTANCE: &[u8] = b"_definst_";

/// What a client meant, wherever it put it.
///
/// `rtmp://h/a/b` with the key `k?x=1` (OBS), `rtmp://h/a/b/k?x=1` (ffmpeg) and `rtmp://h/a/b/k` with
/// an empty key (OBS without one) all give the path `a/b`, the name `k`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    path: StreamKeyText,
    name: StreamKeyText,
    queries: [StreamKeyText; 3],
    /// The part of `tcUrl` before its host.
    info: StreamKeyText,
}

impl Target {
    /// Joins `app` and `name` and splits them again at the last slash.
    ///
    /// Empty segments and `_definst_` vanish, a kind prefix (`mp4:`) is taken off the name, and each
    /// query is kept with the part that carried it. `tc_url` gives its query alone: its host and
    /// path are what the client believes, behind NAT or a hosts file they are wrong.
    #[must_use]
    pub fn resolve(app: &[u8], tc_url: &[u8], name: &[u8]) -> Self {
        let (app_path, app_query) = split_query(app);
        let (name_path, name_query) = split_query(name);
        let (app_path, vhost) = split_legacy_vhost(app_path);
        let mut segments: Vec<&[u8]> = segments(app_path).collect();
        segments.extend(self::segments(strip_kind(name_path)));
        let last = segments.pop().unwrap_or_default();
        let app_query = match vhost {
            Some(vhost) if app_query.is_empty() => [b"vhost=", vhost].concat(),
            Some(vhost) => [app_query, b"&vhost=", vhost].concat(),
            None => app_query.to_vec(),
        };
        Self {
            path: StreamKeyText::new(segments.join(&b'/')),
            name: StreamKeyText::new(strip_kind(last)),
            queries: [
                StreamKeyText::new(name_query),
                StreamKeyText::new(app_query),
                StreamKeyText::new(split_query(tc_url).1),
            ],
            info: StreamKeyText::new(user_info(tc_url)),
        }
    }

    /// What stands before the name, without slashes at its ends. Often the app; it holds no key
    /// unless the client put path segments behind the key.
    #[must_use]
    pub fn path(&self) -> &StreamKeyText {
        &self.path
    }

    /// The last segment: with most clients the stream key.
    #[must_use]
    pub fn name(&self) -> &StreamKeyText {
        &self.name
    }

    /// The value of a query parameter as sent, not percent-decoded (`adobe` authentication sends
    /// bare `+`, `/` and `=`): the stream name's wins over the app's, and that over `tcUrl`'s.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<StreamKeyText> {
        self.queries.iter().find_map(|query| find_parameter(query.expose_bytes(), key.as_bytes()))
    }

    /// Everything that may be the stream key, as encoders with and without a field for one put it:
    /// the name, a parameter of a query (of the name, the app, `tcUrl`), the password of `tcUrl`, or
    /// its user when it has none. What is escaped there comes in both forms. The name stands first;
    /// who may publish with which is not known here.
    #[must_use]
    pub fn keys(&self) -> Vec<StreamKeyText> {
        const NAMES: [&str; 6] = ["key", "streamkey", "token", "secret", "pass", "password"];
        let mut keys = vec![self.name.clone()];
        let given = NAMES.iter().filter_map(|name| self.parameter(name));
        let info = self.info.expose_bytes();
        let (user, password) = split_once(info, b':').unwrap_or((info, b""));
        let info = if password.is_empty() { user } else { password };
        for key in given.chain([StreamKeyText::new(info)]).filter(|key| !key.is_empty()) {
            let decoded = StreamKeyText::new(percent_decode(key.expose_bytes()));
            keys.push(key);
            keys.push(decoded);
        }
        keys
    }

    /// User and password, given without a dialect: as `user` and `pass` (or `password`) of a query,
    /// or before the host of `tcUrl`.
    #[must_use]
    pub fn login(&self) -> Option<Login> {
        let text = |value: &StreamKeyText| value.expose().into_owned();
        let decoded = |value: &[u8]| String::from_utf8_lossy(&percent_decode(value)).into_owned();
        let password = || self.parameter("pass").or_else(|| self.parameter("password"));
        if let (Some(user), Some(password)) = (self.parameter("user"), password()) {
            return Login::new(&text(&user), &text(&password)).ok();
        }
        let (user, password) = split_once(self.info.expose_bytes(), b':')?;
        Login::new(&decoded(user), &decoded(password)).ok()
    }

    /// The virtual host that a client asked for in so many words (`vhost=`, `domain=`).
    #[must_use]
    pub fn virtual_host(&self) -> Option<StreamKeyText> {
        self.parameter("vhost").or_else(|| self.parameter("domain"))
    }
}

/// Decodes `%XX`; what is no valid escape stays as it is. `+` stays `+`.
#[must_use]
pub fn percent_decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                hex(*high).zip(hex(*low)).map(|(h, l)| ((h << 4) | l, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((first, tail));
        out.push(byte);
        rest = after;
    }
    Cow::Owned(out)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'a'..=b'f' => digit.checked_sub(b'a' - 10),
        b'A'..=b'F' => digit.checked_sub(b'A' - 10),
        _ => None,
    }
}

/// The part before the first `?` and the part behind it. A query in mid-path (`a?x=1/k`) runs to the
/// end here, since the name that follows the app comes as an argument of its own.
pub(crate) fn split_query(text: &[u8]) -> (&[u8], &[u8]) {
    split_once(text, b'?').unwrap_or((text, b""))
}

pub(crate) fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let index = text.iter().position(|&b| b == at)?;
    let (head, tail) = text.split_at_checked(index)?;
    Some((head, tail.split_first()?.1))
}

/// `app...vhost...example.com`, the way old encoders without query support name a virtual host.
fn split_legacy_vhost(app: &[u8]) -> (&[u8], Option<&[u8]>) {
    const MARK: &[u8] = b"...vhost...";
    let Some(at) = app.windows(MARK.len()).position(|window| window == MARK) else {
        return (app, None);
    };
    let (head, tail) = app.split_at_checked(at).unwrap_or((app, b""));
    (head, tail.strip_prefix(MARK))
}

/// What stands before the host of a URL, up to its `@`. Clients should not send it, and do.
fn user_info(url: &[u8]) -> &[u8] {
    let start = url.windows(3).position(|window| window == b"://");
    let rest = start.and_then(|at| url.get(at.saturating_add(3)..)).unwrap_or_default();
    let authority = rest.split(|&b| matches!(b, b'/' | b'?' | b'#')).next().unwrap_or_default();
    split_once(authority, b'@').map_or(b"", |(info, _)| info)
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&b| b == b'/').filter(|part| !part.is_empty() && *part != DEFAULT_INSTANCE)
}

fn strip_kind(name: &[u8]) -> &[u8] {
    KIND_PREFIXES.iter().find_map(|prefix| name.strip_prefix(*prefix)).unwrap_or(name)
}

fn find_parameter(query: &[u8], key: &[u8]) -> Option<StreamKeyText> {
    query.split(|&b| b == b'&' || b == b'?').find_map(|pair| match split_once(pair, b'=') {
        Some((name, value)) => (name == key).then(|| StreamKeyText::new(value)),
        None => (pair == key).then(StreamKeyText::default),
    })
}

#[cfg(test)]
mod tests {
    use super::{Target, percent_decode};

    fn check(app: &str, tc_url: &str, name: &str, path: &str, key: &str) -> Target {
        let target = Target::resolve(app.as_bytes(), tc_url.as_bytes(), name.as_bytes());
        assert_eq!(target.path().expose(), path, "path of {app} + {name}");
        assert_eq!(target.name().expose(), key, "name of {app} + {name}");
        target
    }

    fn parameter(target: &Target, key: &str) -> Option<String> {
        target.parameter(key).map(|value| value.expose().into_owned())
    }

    #[test]
    fn section9_every_client_splits_elsewhere_and_means_the_same() {
        check("a/b", "rtmp://h/a/b", "k?x=1", "a/b", "k"); // OBS
        check("a/b/k", "rtmp://h/a/b/k", "", "a/b", "k"); // OBS without a key
        check("a/b", "rtmp://h:1935/a/b", "k", "a/b", "k"); // ffmpeg, three segments
        check("a", "rtmp://h:1935/a", "k", "a", "k"); // ffmpeg, two segments
        check("", "rtmp://h/", "k", "", "k"); // ffmpeg, one segment
        check("live", "rtmp://h/live", "mp4:file.mp4", "live", "file.mp4"); // ffmpeg adds mp4:
        check("live", "rtmp://h/live", "flv:k", "live", "k");
        check("live/_definst_", "rtmp://h/live/_definst_", "k", "live", "k"); // FMLE, AMS
        check("_definst_", "rtmp://h/_definst_", "k", "", "k");
        check("live?x=1", "rtmp://h/live?x=1", "k", "live", "k");
        check("live", "rtmp://h/live", "?streamname=a&key=b", "", "live"); // a key that is a query
        check("", "", "", "", "");
    }

    #[test]
    fn section9_slashes_at_either_end_and_missing_ones_do_not_matter() {
        for app in ["live", "/live", "live/", "//live//"] {
            for name in ["k", "/k", "k/"] {
                check(app, "rtmp://h/live", name, "live", "k");
            }
        }
        check("live", "", "room/k", "live/room", "k");
        check("live", "", "a:b'c", "live", "a:b'c");
        check("live", "rtmp://[::1]:1935/live", "k", "live", "k");
    }

    #[test]
    fn section9_a_token_in_the_name_wins_over_the_app_and_that_over_tc_url() {
        let all =
            check("live?token=app", "rtmp://h/live?token=tc&z=9", "k?token=name&y=2", "live", "k");
        assert_eq!(parameter(&all, "token").as_deref(), Some("name"));
        assert_eq!(parameter(&all, "y").as_deref(), Some("2"));
        assert_eq!(parameter(&all, "z").as_deref(), Some("9"));
        assert_eq!(parameter(&all, "q"), None);
        let two = check("live?token=app", "rtmp://h/live?token=tc", "k", "live", "k");
        assert_eq!(parameter(&two, "token").as_deref(), Some("app"));
        let one = check("live", "rtmp://h/live?token=tc", "k", "live", "k");
        assert_eq!(parameter(&one, "token").as_deref(), Some("tc"));
    }

    #[test]
    fn section8_4_values_of_a_query_are_split_at_the_first_equals_and_never_decoded() {
        let adobe = check("live?authmod=adobe&response=a+/b==&opaque=", "", "k", "live", "k");
        assert_eq!(parameter(&adobe, "response").as_deref(), Some("a+/b=="));
        assert_eq!(parameter(&adobe, "opaque").as_deref(), Some(""));
    }

    #[test]
    fn section9_keys_are_found_wherever_encoders_put_them() {
        let keys = |app: &str, tc_url: &str, name: &str| {
            let target = Target::resolve(app.as_bytes(), tc_url.as_bytes(), name.as_bytes());
            let keys = target.keys();
            keys.iter().map(|key| key.expose().into_owned()).collect::<Vec<_>>().join(" ")
        };
        let h = "rtmp://h/live";
        assert_eq!(keys("live", h, "sk_1"), "sk_1");
        assert_eq!(keys("live/sk_1", h, ""), "sk_1");
        assert_eq!(keys("live", h, "main?key=sk_1"), "main sk_1 sk_1");
        assert_eq!(keys("live?token=sk%5f1", h, "main"), "main sk%5f1 sk_1");
        assert_eq!(keys("live", "rtmp://h/live?secret=sk_1", "main"), "main sk_1 sk_1");
        assert_eq!(keys("live", "rtmp://u:sk_1@h/live", "main"), "main sk_1 sk_1");
        assert_eq!(keys("live", "rtmp://sk_1@h/live", "main"), "main sk_1 sk_1");
        assert_eq!(keys("live?key=", "rtmp://h/a@b", "main"), "main");
        let both = keys("live?token=t&key=k", h, "main?user=u&pass=p");
        assert_eq!(both, "main k k t t p p");
    }

    #[test]
    fn section8_4_user_and_password_in_plain_words() {
        let login = |app: &str, tc_url: &str, name: &str| {
            let target = Target::resolve(app.as_bytes(), tc_url.as_bytes(), name.as_bytes());
            let login = target.login()?;
            Some(format!("{} {}", login.user().expose(), login.password().expose()))
        };
        let ours = Some("u p".to_owned());
        assert_eq!(login("live", "", "k?user=u&pass=p"), ours);
        assert_eq!(login("live?user=u&password=p", "", "k"), ours);
        assert_eq!(login("live", "rtmp://u:p@h/live", "k"), ours);
        assert_eq!(login("live", "rtmp://u:p%40@h/live", "k"), Some("u p@".to_owned()));
        assert_eq!(login("live?user=u", "rtmp://u@h/live", "k"), None);
    }

    #[test]
    fn section9_virtual_hosts_in_words_and_in_the_legacy_form() {
        let host = |target: Target| target.virtual_host().map(|h| h.expose().into_owned());
        let row = |app, name| host(check(app, "", name, "live", "k"));
        assert_eq!(row("live?vhost=v.example", "k").as_deref(), Some("v.example"));
        assert_eq!(row("live", "k?domain=v.example").as_deref(), Some("v.example"));
        assert_eq!(row("live...vhost...v.example", "k").as_deref(), Some("v.example"));
        assert_eq!(row("live...vhost...v.example?x=1", "k").as_deref(), Some("v.example"));
        assert_eq!(row("live", "k"), None);
    }

    #[test]
    fn section9_names_that_are_no_file_paths_stay_names() {
        check("..", "", "..", "..", "..");
        check("live", "", "../../etc/passwd", "live/../../etc", "passwd");
        let nul = Target::resolve(b"live", b"", b"k\0\xff");
        assert_eq!(nul.name().expose_bytes(), b"k\0\xff");
    }

    #[test]
    fn percent_escapes_are_decoded_and_broken_ones_kept() {
        let row =
            |text: &str| String::from_utf8_lossy(&percent_decode(text.as_bytes())).into_owned();
        assert_eq!(row("a%20b%2Fc+d"), "a b/c+d");
        assert_eq!(row("100%"), "100%");
        assert_eq!(row("%zz%4"), "%zz%4");
        assert_eq!(row("%%41"), "%A");
    }
}
