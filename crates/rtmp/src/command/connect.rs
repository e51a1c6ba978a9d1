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
    /// Whether it says that it will publish.
    pub(crate) publishes: bool,
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
            publishes: publishes(object),
            capabilities: capabilities(object),
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

/// Encoders call themselves `nonprivate`, as FMLE does; some of its heirs leave that out, and then
/// lack what players say of their pictures.
fn publishes(object: &Value) -> bool {
    let is = |key: &str, start: &[u8]| text(object, key).is_some_and(|t| t.starts_with(start));
    let shows = object.get_ignore_case("videoFunction").is_some();
    is("type", b"nonprivate") || (is("flashVer", b"FMLE") && !shows)
}

/// What a peer says that it can, in the object of `connect` or in one of its result.
pub(crate) fn capabilities(object: &Value) -> Capabilities {
    let list = object.get("fourCcList").and_then(Value::as_array).unwrap_or_default();
    let mut four_cc: Vec<String> = Vec::new();
    for name in list.iter().filter_map(Value::as_text).filter_map(four_cc_name).take(FOUR_CC_COUNT)
    {
        if !four_cc.contains(&name) {
            four_cc.push(name);
        }
    }
    Capabilities {
        four_cc,
        video: info_map(object, "videoFourCcInfoMap"),
        audio: info_map(object, "audioFourCcInfoMap"),
        caps_ex: bits(object, "capsEx"),
        audio_codecs: bits(object, "audioCodecs"),
        video_codecs: bits(object, "videoCodecs"),
        video_function: bits(object, "videoFunction"),
    }
}

/// A map of E-RTMP v2 from codecs to flags.
#[allow(clippy::as_conversions, reason = "the cast from f64 saturates; NaN gives 0")]
fn info_map(object: &Value, key: &str) -> Vec<(String, u32)> {
    let entries = object.get(key).and_then(Value::properties).unwrap_or_default().iter();
    let entry = |(name, flags): &(Text, Value)| {
        Some((four_cc_name(name)?, flags.as_number_lenient().map_or(0, |flags| flags as u32)))
    };
    entries.filter_map(entry).take(FOUR_CC_COUNT).collect()
}

/// `*`, or the four characters of a codec.
fn four_cc_name(name: &Text) -> Option<String> {
    (name.as_bytes().len() <= 4).then(|| name.to_string_lossy().into_owned())
}

/// What a side of ours says that it can, in both dialects of it; nothing if that is nothing.
pub(crate) fn announced(own: &Capabilities) -> Vec<(&'static str, Value)> {
    let mut properties = Vec::new();
    if !own.four_cc.is_empty() {
        let list = own.four_cc.iter().map(|name| Value::from(name.as_str())).collect();
        properties.push(("fourCcList", Value::StrictArray(list)));
    }
    for (key, map) in [("videoFourCcInfoMap", &own.video), ("audioFourCcInfoMap", &own.audio)] {
        if !map.is_empty() {
            let entries = map.iter().map(|(name, flags)| (name.as_str(), Value::from(*flags)));
            properties.push((key, object(entries)));
        }
    }
    if own.caps_ex != 0 {
        properties.push(("capsEx", own.caps_ex.into()));
    }
    if own.video_function != 0 {
        properties.push(("videoFunction", own.video_function.into()));
    }
    properties
}

/// What our client says in `connect`.
pub(crate) struct ConnectWords<'a> {
    pub(crate) app: &'a StreamKeyText,
    pub(crate) tc_url: &'a StreamKeyText,
    pub(crate) flash_version: &'a str,
    pub(crate) publish: bool,
    pub(crate) announce: &'a Capabilities,
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
            ("objectEncoding", 0.0.into()),
        ]);
        if words.announce.video_function == 0 {
            properties.push(("videoFunction", Capabilities::CLIENT_SEEK.into()));
        }
    }
    properties.extend(announced(words.announce));
    object(properties)
}

#[cfg(test)]
mod tests {
    use manycast_amf::{Limits, Value, ecma_array, object};

    use super::ConnectCommand;
    use crate::command::{Command, command_body};
    use crate::session::Capabilities;

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
            ("videoFunction", 5.0.into()),
        ]));
        assert_eq!(connect.capabilities.video_function, 5);
        assert_eq!(connect.capabilities.four_cc, ["hvc1", "av01"]);
        assert_eq!(connect.capabilities.video, [("*".into(), 4), ("hvc1".into(), 1)]);
        assert_eq!(connect.capabilities.caps_ex, 3);
        assert!(connect.capabilities.is_enhanced());
        assert!(!read(Value::Null).capabilities.is_enhanced());
    }

    #[test]
    fn negotiation_reads_what_it_writes() {
        let own = Capabilities::forwarder();
        let read = super::capabilities(&object(super::announced(&own)));
        assert_eq!(read, own);
        assert!(super::announced(&Capabilities::default()).is_empty());
    }

    #[test]
    fn encoders_are_told_from_players() {
        let row = |pairs: &[(&str, &str)]| {
            read(object(pairs.iter().map(|&(key, value)| (key, Value::from(value))))).publishes
        };
        assert!(row(&[("type", "nonprivate"), ("flashVer", "LNX 9")]));
        assert!(row(&[("flashVer", "FMLE/3.0 (compatible)")]));
        assert!(!row(&[("flashVer", "FMLE/3.0"), ("videoFunction", "1")]));
        assert!(!row(&[("flashVer", "LNX 9,0,124,2")]) && !row(&[]));
    }

    #[test]
    fn a_flash_version_of_any_length_is_cut() {
        let long = "x".repeat(5000);
        let connect = read(object([("flashVer", Value::from(long.as_str()))]));
        assert_eq!(connect.flash_version.len(), 128);
    }
}
