//! Reading what a server says about itself: status objects, errors, redirects.
//!
//! Belongs here: finding code and words wherever servers put them, and making them fit to show.
//! Must not come here: what follows from them, see `commands.rs`.

use manycast_amf::Value;

use super::ClientConfig;
use crate::{
    auth::Demand,
    command::{self, Command, StreamKeyText},
    session::Capabilities,
};

/// Longer words of a server are cut, in characters.
const CODE_CHARS: usize = 128;
const DESCRIPTION_CHARS: usize = 512;

/// Shorter names are no secrets, and would be found in every word.
const SHORTEST_SECRET: usize = 4;

/// Names from this length on are found in no other word by chance, in bytes.
const SURELY_SECRET: usize = 12;

/// What stands in place of a name that a server repeats.
const HIDDEN: &str = "(stream name)";

/// What stands in place of a value of a query.
const HIDDEN_VALUE: &str = "(hidden)";

/// A status object, made presentable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) code: String,
    pub(super) description: String,
    pub(super) error: bool,
}

impl Notice {
    /// The first object with a `code` or a `level` among the values. Servers put it behind a null, in
    /// the place of the command object, or behind another object.
    pub(super) fn find<'a>(
        values: impl IntoIterator<Item = &'a Value>,
        config: &ClientConfig,
    ) -> Option<Self> {
        let is_status = |value: &&Value| value.get("code").or(value.get("level")).is_some();
        let value = values.into_iter().find(is_status)?;
        let text = |key: &str, chars: usize| {
            let text = value.get(key).and_then(Value::as_str).unwrap_or_default();
            presentable(&text, config, chars)
        };
        let code = value.get("code").and_then(Value::as_str).unwrap_or_default();
        let code = if is_plain_code(&code) { code.into_owned() } else { text("code", CODE_CHARS) };
        let level = value.get("level").and_then(Value::as_str).unwrap_or_default();
        let error = level.eq_ignore_ascii_case("error") || is_fatal(&code);
        let mut description = text("description", DESCRIPTION_CHARS);
        if description.is_empty() {
            description = text("details", DESCRIPTION_CHARS);
        }
        Some(Self { code, description, error })
    }

    /// As [`Self::find`], in the object and the arguments of a command.
    pub(super) fn of(command: &Command, config: &ClientConfig) -> Self {
        let values = command.arguments.iter().chain([&command.object]);
        Self::find(values, config).unwrap_or_default()
    }
}

/// The words that codes are made of (RTMP 7.2.1.1, 7.2.2, and what servers added).
const WORDS: &[&str] = &[
    "NetStream",
    "NetConnection",
    "AppShutdown",
    "BadName",
    "Call",
    "Closed",
    "Connect",
    "Data",
    "Denied",
    "Failed",
    "Idle",
    "InvalidApp",
    "Notify",
    "Pause",
    "Play",
    "Publish",
    "PublishNotify",
    "ReconnectRequest",
    "Rejected",
    "Reset",
    "Seek",
    "Start",
    "Stop",
    "StreamNotFound",
    "Success",
    "Unauthorized",
    "Unpause",
    "Unpublish",
    "UnpublishNotify",
];

/// Whether a code says nothing but the protocol's own words, so that there is nothing to hide in it:
/// a stream may be named `a` or `Start`.
fn is_plain_code(code: &str) -> bool {
    code.split('.').all(|word| WORDS.contains(&word))
}

/// Codes that end a session whatever their level says: the list of librtmp, and the ends of a
/// connection.
fn is_fatal(code: &str) -> bool {
    matches!(
        code,
        "NetStream.Failed"
            | "NetStream.Play.Failed"
            | "NetStream.Play.StreamNotFound"
            | "NetStream.Publish.Rejected"
            | "NetStream.Publish.Denied"
            | "NetStream.Publish.BadName"
            | "NetStream.Publish.Unauthorized"
            | "NetStream.Publish.Failed"
            | "NetConnection.Connect.InvalidApp"
            | "NetConnection.Connect.Rejected"
            | "NetConnection.Connect.Failed"
            | "NetConnection.Connect.AppShutdown"
            | "NetConnection.Connect.Closed"
    )
}

/// What a server demands of who connects. It is read as it was said: nothing of it is shown.
pub(super) fn demand(command: &Command) -> Option<Demand> {
    let values = command.arguments.iter().chain([&command.object]);
    let mut said = values.filter_map(|value| value.get("description")?.as_str());
    said.find_map(|said| Demand::parse(&said))
}

/// What a server says that it can, in whichever object of its result.
pub(super) fn capabilities(command: &Command) -> Capabilities {
    let values = [&command.object].into_iter().chain(&command.arguments);
    let mut said = values.map(command::capabilities);
    said.find(Capabilities::is_enhanced).unwrap_or_default()
}

/// Where a server sends us instead: `ex: {code: 302, redirect: url}` within an error. SRS writes the
/// `tcUrl` there, and the URL with the stream name into `redirect2`.
pub(super) fn redirect(command: &Command) -> Option<StreamKeyText> {
    let values = command.arguments.iter().chain([&command.object]);
    let mut exs = values.filter_map(|value| value.get("ex"));
    let named = exs.find_map(|ex| {
        let text = |key| ex.get(key).and_then(Value::as_text).map(|url| url.as_bytes());
        text("redirect").into_iter().chain(text("redirect2")).find(|url| !url.is_empty())
    });
    named.map(StreamKeyText::from)
}

/// The `tcUrl` of a reconnect request, made absolute against ours (E-RTMP v2 Reconnect Request).
pub(super) fn reconnect_url(command: &Command, ours: &StreamKeyText) -> StreamKeyText {
    let values = command.arguments.iter().chain([&command.object]);
    let Some(theirs) = values.filter_map(|value| value.get("tcUrl")?.as_str()).next() else {
        return ours.clone();
    };
    let base = ours.expose();
    let (scheme, rest) = base.split_once("://").unwrap_or(("rtmp", &base));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let absolute = if theirs.starts_with("//") {
        format!("{scheme}:{theirs}")
    } else if theirs.starts_with('/') {
        format!("{scheme}://{authority}{theirs}")
    } else {
        theirs.into_owned()
    };
    StreamKeyText::from(absolute.as_str())
}

/// Cuts, drops control characters, and hides the stream name, with and without its query, and the
/// values of the queries that went out with it and the app (bar J1).
fn presentable(text: &str, config: &ClientConfig, chars: usize) -> String {
    let (name, app) = (config.name.expose(), config.app.expose());
    let mut secrets = vec![(name.as_ref(), HIDDEN)];
    for (at, text) in [&name, &app].into_iter().enumerate() {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        if at == 0 {
            secrets.push((path, HIDDEN));
        }
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        secrets.extend(values.map(|(_, value)| (value, HIDDEN_VALUE)));
    }
    let mut text = text.to_owned();
    for (secret, mark) in secrets {
        if secret.len() >= SHORTEST_SECRET {
            text = hide(&text, secret, mark);
        }
    }
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}

/// Puts `mark` in the place of a secret. A short one, which may be a word as `auth` is, is left where
/// it is a part of a longer word.
fn hide(text: &str, secret: &str, mark: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(secret) {
        let inside =
            before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        hidden.push_str(before);
        hidden.push_str(if inside && secret.len() < SURELY_SECRET { secret } else { mark });
        rest = after;
    }
    hidden + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::RtmpUrl;
    use crate::session::client::ClientRole;

    #[test]
    fn j1_a_short_name_is_hidden_as_a_word_and_a_long_one_everywhere() {
        for (text, secret, shown) in [
            ("the authorisation says no to auth", "auth", "the authorisation says no to (x)"),
            ("auth/auth?auth", "auth", "(x)/(x)?(x)"),
            ("preauth", "auth", "preauth"),
            ("xx0123456789abyy", "0123456789ab", "xx(x)yy"),
        ] {
            assert_eq!(hide(text, secret, "(x)"), shown, "{text}");
        }
    }

    fn config(url: &str, key: &str) -> ClientConfig {
        let url = RtmpUrl::with_key(url, key).unwrap();
        ClientConfig::new(&url, ClientRole::Publish, [0; 32])
    }

    #[test]
    fn j1_a_name_that_is_part_of_a_code_leaves_the_code_readable() {
        for name in ["a", "Start", "NetStream", "Publish", "e", "Net", "stat"] {
            let status = manycast_amf::object([
                ("level", Value::from("error")),
                ("code", "NetStream.Publish.Start".into()),
                ("description", format!("about {name}").as_str().into()),
            ]);
            let notice = Notice::find([&status], &config("rtmp://h/app", name)).unwrap();
            assert_eq!((notice.code.as_str(), notice.error), ("NetStream.Publish.Start", true));
            let hidden = notice.description.contains(HIDDEN);
            assert_eq!(hidden, name.len() >= SHORTEST_SECRET, "{}", notice.description);
        }
        let echo = manycast_amf::object([("code", Value::from("NetStream.canary.Bad"))]);
        let notice = Notice::find([&echo], &config("rtmp://h/app", "canary")).unwrap();
        assert_eq!(notice.code, "NetStream.(stream name).Bad");
    }

    #[test]
    fn j1_tokens_of_queries_are_not_repeated() {
        let config = config("rtmp://h/app?token=deadbeef&n=1", "canary?sig=hushhush");
        let said = "app?token=deadbeef&n=1/canary?sig=hushhush: hushhush is wrong, canary";
        let status =
            manycast_amf::object([("description", Value::from(said)), ("code", "".into())]);
        let notice = Notice::find([&status], &config).unwrap();
        assert_eq!(
            notice.description,
            "app?token=(hidden)&n=1/(stream name): (hidden) is wrong, (stream name)"
        );
    }
}
