//! The `connect` command (RTMP 7.2.1.1, E-RTMP v2 Enhancing `NetConnection` connect): reading what
//! clients send, and writing what our client sends.
//!
//! Belongs here: the properties of the command object.
//! Must not come here: the reply, see `reply.rs`.

use manycast_amf::{Text, Value, object};

use super::{Command, StreamKeyText, target::split_query};
use crate::session::Capabilities;

/// `flashVer` is shown in logs and lists: longer ones are cut.
const FLASH_VERSION_CHARS: usize = 128;

/// `fourCcList` and the maps together name about a dozen codecs.
const FOUR_CC_COUNT: usize = 64;

/// What a client said in `connect`, after the tolerances of traps A3 and A6.
#[derive(Clone, Debug)]
pub(crate) struct ConnectCommand {
    /// With its query, as sent.
    pub(crate) app: StreamKeyText,
    pub(crate) tc_url: StreamKeyText,
    pub(crate) flash_version: String,
    pub(crate) object_encoding: u8,
    pub(crate) capabilities: Capabilities,
}

impl ConnectCommand {
    /// Never fails: a `connect` without any property connects to the empty app.
    pub(crate) fn read(command: &Command) -> Self {
        let object = &command.object;
        let tc_url = text(object, "tcUrl").map(unquote).unwrap_or_default();
        let app = text(object, "app").map(unquote).unwrap_or_else(|| app_of_url(tc_url));
        let flash_version = text(object, "flashVer").unwrap_or_default();
        let flash_version = String::from_utf8_lossy(flash_version);
        Self {
            app: StreamKeyText::from(app),
            tc_url: StreamKeyText::from(tc_url),
            flash_version: flash_version.chars().take(FLASH_VERSION_CHARS).collect(),
            object_encoding: if bits(object, "objectEncoding") == 3 { 3 } else { 0 },
            capabilities: Capabilities {
                four_cc: four_cc(object),
                caps_ex: bits(object, "capsEx"),
                audio_codecs: bits(object, "audioCodecs"),
                video_codecs: bits(object, "videoCodecs"),
                video_function: bits(object, "videoFunction"),
            },
        }
    }

    /// The app without query, slashes at its ends and a default instance; its query.
    pub(crate) fn app_parts(&self) -> (String, StreamKeyText) {
        let (path, query) = split_query(self.app.expose_bytes());
        let path = String::from_utf8_lossy(path);
        let path = path.trim_matches('/');
        let path = path.strip_suffix("_definst_").map_or(path, |rest| rest.trim_end_matches('/'));
        (path.to_owned(), StreamKeyText::from(query))
    }
}

fn text<'a>(object: &'a Value, key: &str) -> Option<&'a [u8]> {
    Some(object.get_ignore_case(key)?.as_text()?.as_bytes())
}

/// Neko with the old GStreamer sink puts single quotes around its URL (trap A6).
fn unquote(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    let inner = text.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'"));
    inner.unwrap_or(text)
}

/// The app that a URL names, for clients that leave `app` out.
fn app_of_url(url: &[u8]) -> &[u8] {
    let after_scheme =
        url.windows(3).position(|w| w == b"://").and_then(|at| url.get(at.saturating_add(3)..));
    let path = after_scheme.and_then(|rest| super::target::split_once(rest, b'/'));
    path.map_or(b"", |(_, app)| app)
}

/// A number of flags; whatever is no whole number from 0 to 2^32 is 0.
#[allow(clippy::as_conversions, reason = "the cast from f64 saturates; NaN gives 0")]
fn bits(object: &Value, key: &str) -> u32 {
    object.get_ignore_case(key).and_then(Value::as_number_lenient).map_or(0, |n| n as u32)
}

/// E-RTMP v1 `fourCcList` and the keys of the v2 maps, each once.
fn four_cc(object: &Value) -> Vec<String> {
    let list = object.get("fourCcList").and_then(Value::as_array).unwrap_or_default();
    let mut all: Vec<String> = Vec::new();
    let listed = list.iter().filter_map(Value::as_text);
    let maps = ["videoFourCcInfoMap", "audioFourCcInfoMap"];
    let mapped = maps.iter().filter_map(|key| object.get(key)?.properties());
    for name in listed.chain(mapped.flatten().map(|(key, _)| key)).take(FOUR_CC_COUNT) {
        let name = name.to_string_lossy();
        if name.len() <= 4 && !all.iter().any(|known| *known == name) {
            all.push(name.into_owned());
        }
    }
    all
}

/// What our client says in `connect`.
pub(crate) struct ConnectWords<'a> {
    pub(crate) app: &'a StreamKeyText,
    pub(crate) tc_url: &'a StreamKeyText,
    pub(crate) flash_version: &'a str,
    pub(crate) publish: bool,
    pub(crate) four_cc: &'a [String],
    pub(crate) caps_ex: u32,
}

/// The command object of our client.
///
/// A publisher sends what librtmp sends; a player adds the codec bits, without which some servers
/// hold tracks back. Enhanced RTMP keys go out only when asked for: some frontends refuse them.
pub(crate) fn connect_object(words: &ConnectWords<'_>) -> Value {
    let secret_text = |text: &StreamKeyText| Value::String(Text::from(text.expose_bytes()));
    let mut properties: Vec<(&str, Value)> = vec![("app", secret_text(words.app))];
    if words.publish {
        properties.push(("type", "nonprivate".into()));
    }
    properties.push(("flashVer", words.flash_version.into()));
    if words.publish {
        properties.push(("swfUrl", secret_text(words.tc_url)));
    }
    properties.push(("tcUrl", secret_text(words.tc_url)));
    if !words.publish {
        properties.extend([
            ("fpad", false.into()),
            ("capabilities", 15.0.into()),
            ("audioCodecs", f64::from(0x0fff).into()),
            ("videoCodecs", f64::from(0x00ff).into()),
            ("videoFunction", 1.0.into()),
            ("objectEncoding", 0.0.into()),
        ]);
    }
    if !words.four_cc.is_empty() {
        let list = words.four_cc.iter().map(|name| Value::from(name.as_str())).collect();
        properties.push(("fourCcList", Value::StrictArray(list)));
    }
    if words.caps_ex != 0 {
        properties.push(("capsEx", f64::from(words.caps_ex).into()));
    }
    object(properties)
}

#[cfg(test)]
mod tests {
    use manycast_amf::{Limits, Value, ecma_array, object};

    use super::ConnectCommand;
    use crate::command::{Command, command_body};

    fn read(value: Value) -> ConnectCommand {
        let body = command_body("connect", 1.0, &[value]);
        ConnectCommand::read(
            &Command::parse(&body, Limits::default()).expect("bounded").expect("named"),
        )
    }

    fn app(value: Value) -> String {
        read(value).app.expose().into_owned()
    }

    #[test]
    fn trap_a3_properties_of_any_container_and_of_any_type() {
        let row = || [("app", Value::from("live")), ("objectEncoding", "3".into())];
        assert_eq!(app(object(row())), "live");
        assert_eq!(app(ecma_array(row())), "live");
        assert_eq!(app(Value::Null), "");
        assert_eq!(app(object([("app", Value::from(false))])), "");
        assert_eq!(read(object(row())).object_encoding, 3);
        assert_eq!(read(object([("objectEncoding", Value::from(f64::NAN))])).object_encoding, 0);
    }

    #[test]
    fn trap_a6_tc_url_in_lower_case_in_quotes_or_missing() {
        let url = |key: &str, value: &str| {
            read(object([(key, Value::from(value))])).tc_url.expose().into_owned()
        };
        assert_eq!(url("tcUrl", "rtmp://h/live"), "rtmp://h/live");
        assert_eq!(url("tcurl", "rtmp://h/live"), "rtmp://h/live");
        assert_eq!(url("tcUrl", "'rtmp://h/live'"), "rtmp://h/live");
        assert_eq!(url("flashVer", "x"), "");
    }

    #[test]
    fn trap_a6_a_missing_app_is_taken_from_tc_url() {
        let row = |url: &str| app(object([("tcUrl", Value::from(url))]));
        assert_eq!(row("rtmp://h:1935/live/room?x=1"), "live/room?x=1");
        assert_eq!(row("rtmp://h"), "");
        assert_eq!(row("nonsense"), "");
        assert_eq!(row(""), "");
    }

    #[test]
    fn section9_the_app_is_told_without_query_slashes_and_default_instance() {
        let row = |text: &str| {
            let (app, query) = read(object([("app", Value::from(text))])).app_parts();
            (app, query.expose().into_owned())
        };
        let pair = |app: &str, query: &str| (app.to_owned(), query.to_owned());
        assert_eq!(row("/live/?x=1"), pair("live", "x=1"));
        assert_eq!(row("live/_definst_"), pair("live", ""));
        assert_eq!(row("_definst_"), pair("", ""));
        assert_eq!(row("a/b"), pair("a/b", ""));
    }

    #[test]
    fn trap_t10_four_cc_as_a_list_and_as_maps() {
        let list = vec![Value::from("hvc1"), "av01".into(), 7.0.into(), "toolong".into()];
        let map = object([("*", Value::from(4.0)), ("hvc1", 1.0.into())]);
        let connect = read(object([
            ("fourCcList", Value::StrictArray(list)),
            ("videoFourCcInfoMap", map),
            ("capsEx", 3.0.into()),
        ]));
        assert_eq!(connect.capabilities.four_cc, ["hvc1", "av01", "*"]);
        assert_eq!(connect.capabilities.caps_ex, 3);
        assert!(connect.capabilities.is_enhanced());
        assert!(!read(Value::Null).capabilities.is_enhanced());
    }

    #[test]
    fn a_flash_version_of_any_length_is_cut() {
        let long = "x".repeat(5000);
        let connect = read(object([("flashVer", Value::from(long.as_str()))]));
        assert_eq!(connect.flash_version.len(), 128);
    }
}
