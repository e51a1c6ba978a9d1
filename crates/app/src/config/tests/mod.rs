//! What is accepted, what is refused and where, and that nothing shows a key.

mod authorize;
mod backup;
mod damaged;
mod documented;
mod reload;

use super::*;
use proptest::prelude::*;

/// The example of the documentation, whole.
const FULL: &str = r#"[server]
drain = "5s"
data_dir = "data"
[log]
level = "debug"
format = "json"
[limits]
connections = 1000
connections_per_address = 50
publishers = 20
window_bytes = "16MiB"
window_age = "8s"
[rtmp]
listen = "0.0.0.0:1935"
open = false
merge = "50ms"
io_uring = false
[rtmps]
listen = "0.0.0.0:1936"
self_signed = true
[http]
listen = "127.0.0.1:8080"
connections = 64
trusted_proxies = ["127.0.0.1", "10.9.0.0/16"]
[https]
listen = "0.0.0.0:8443"
certificate = "self-signed"
[metrics]
listen = "127.0.0.1:9180"
[egress]
allow = ["127.0.0.0/8", "10.0.0.1"]
resolver = "127.0.0.1:5353"
[[stream]]
name = "main"
key = "sk_canary_0000001"
takeover = "always"
reconnect_window = "45s"
[[stream.destination]]
name = "YouTube"
url = "rtmps://a.rtmps.youtube.com/live2"
key = "canary-yt-0002"
enabled = true
[[stream.destination]]
name = "Local"
url = "rtmp://127.0.0.1:19350/live/canary-url-0003"
enabled = false
[[stream]]
name = "second"
key = "sk_canary_0000004"
play = false
[authorize]
on_publish = "https://auth.example/publish?k=canary-hook-0005"
"#;

fn parse(text: &str) -> Result<Loaded, Refused> {
    read(Path::new("manycast.toml"), text.as_bytes(), [])
}

fn with_env(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Refused> {
    let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    read(Path::new("manycast.toml"), text.as_bytes(), variables)
}

/// The faults of a text, one per line.
fn faults(text: &str) -> String {
    parse(text).map(|_| String::new()).unwrap_or_else(|refused| refused.to_string())
}

#[test]
fn the_whole_example_is_read() {
    let config = parse(FULL).unwrap().config;
    assert_eq!(config.server.drain.as_secs(), 5);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.limits.connections_per_address, Some(50));
    assert_eq!(config.rtmp.merge.as_millis(), 50);
    assert!(!config.rtmp.io_uring);
    assert!(parse("").unwrap().config.rtmp.io_uring);
    assert_eq!(config.limits.window.bytes, 16 << 20);
    assert_eq!(config.rtmps.unwrap().certificate, Certificate::SelfSigned);
    assert_eq!(config.https.certificate, Certificate::SelfSigned);
    assert_eq!(config.https.listen.unwrap().port(), 8443);
    assert_eq!(config.metrics.unwrap().to_string(), "127.0.0.1:9180");
    let proxies: Vec<_> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["127.0.0.1/32", "10.9.0.0/16"]);
    assert_eq!(config.egress.allow.len(), 2);
    let main = &config.streams[0];
    assert_eq!(main.takeover, manycast_hub::Takeover::Always);
    assert_eq!(main.reconnect_window.as_secs(), 45);
    assert_eq!(main.destinations[0].remote.url, "rtmps://a.rtmps.youtube.com/live2");
    assert_eq!(main.destinations[1].remote.url, "rtmp://127.0.0.1:19350/live");
    assert_eq!(main.destinations[1].remote.key.expose(), "canary-url-0003");
    assert!(!main.destinations[1].enabled && main.play && !config.streams[1].play);
}

#[test]
fn i3_nothing_at_all_is_a_configuration_that_speaks_in_the_clear_on_loopback_alone() {
    let loaded = parse("").unwrap();
    let config = loaded.config;
    assert_eq!(config.rtmp.listen.unwrap().to_string(), "0.0.0.0:1935");
    assert_eq!(config.http.listen.unwrap().to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.drain.as_secs(), 10);
    assert_eq!(config.limits.connections, None);
    assert_eq!(config.https.listen.unwrap().to_string(), "0.0.0.0:8443");
    assert_eq!(config.https.certificate, Certificate::SelfSigned);
    assert!(config.rtmps.is_none() && config.metrics.is_none() && !config.rtmp.open);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn all_faults_are_named_with_line_key_and_remedy() {
    let text = "[rtmp]\nlisen = \"0.0.0.0:1935\"\nopen = \"no\"\n[[stream]]\nname = \"a~b\"\n\
                [[stream]]\nname = \"x\"\nkey = 12345678901234\n[[stream.destination]]\n\
                url = \"http://a/b\"\n";
    let got = faults(text);
    let want = [
        "manycast.toml:2:1: rtmp.lisen: is unknown (did you mean listen?)",
        "manycast.toml:3:8: rtmp.open: has to be true or false without quotes, and is text (write",
        "manycast.toml:4:1: stream[0].key: missing (add key",
        "manycast.toml:5:8: stream[0].name: holds a '~', which is reserved",
        "manycast.toml:8:7: stream[1].key: has to be text in quotes, and is a number (write",
        "manycast.toml:9:1: stream[1].destination[0].name: missing (add name",
        "manycast.toml:10:7: stream[1].destination[0].url: is neither rtmp:// nor rtmps://",
    ];
    let lines: Vec<_> = got.lines().collect();
    assert_eq!(lines.len(), want.len(), "{got}");
    for (line, want) in lines.iter().zip(want) {
        assert!(line.starts_with(want), "{line}\nis not\n{want}");
    }
}

#[test]
fn doubles_are_told_without_showing_the_key() {
    let text = FULL.replace("sk_canary_0000004", "sk_canary_0000001");
    let got = faults(&text);
    assert!(
        got.contains(":49:7: stream[1].key: is the key of another stream too (line 35)"),
        "{got}"
    );
    assert!(!got.contains("canary"), "{got}");
    let got = faults(&FULL.replace("\"second\"", "\"main\""));
    assert!(got.contains(":48:8: stream[1].name: is the name of another stream too"), "{got}");
    let got = faults(&FULL.replace("\"Local\"", "\"YouTube\""));
    assert!(got.contains("is the name of another destination too (line 38)"), "{got}");
}

#[test]
fn variables_win_over_the_file() {
    let loaded = with_env(
        FULL,
        &[
            ("MANYCAST_RTMP__LISTEN", "127.0.0.1:2000"),
            ("MANYCAST_RTMP__OPEN", "true"),
            ("MANYCAST_LIMITS__CONNECTIONS", "7"),
            ("MANYCAST_EGRESS__ALLOW", "10.0.0.0/8, fd00::/8"),
            ("MANYCAST_STREAM__0__KEY", "sk_from_the_environment"),
            ("MANYCAST_STREAM__0__DESTINATION__0__ENABLED", "false"),
            ("MANYCAST_STREAM__2__NAME", "third"),
            ("MANYCAST_STREAM__2__KEY", "1234567890123"),
            ("MANYCAST_KEY", "not a setting"),
            ("PATH", "/bin"),
        ],
    );
    let config = loaded.unwrap().config;
    assert_eq!(config.rtmp.listen.unwrap().port(), 2000);
    assert!(config.rtmp.open);
    assert_eq!(config.limits.connections, Some(7));
    assert_eq!(config.egress.allow.len(), 2);
    assert_eq!(config.streams[0].key.expose(), "sk_from_the_environment");
    assert!(!config.streams[0].destinations[0].enabled);
    assert_eq!(config.streams[2].key.expose(), "1234567890123");
}

#[test]
fn faulty_variables_are_named() {
    for (name, value, want) in [
        ("MANYCAST_RTMP__LISTEN", "1935", "rtmp.listen: has no IP address"),
        ("MANYCAST_RTMP__OPEN", "perhaps", "rtmp.open: has to be true or false"),
        ("MANYCAST_RTMP__LISEN", "0.0.0.0:1", "rtmp.lisen: is unknown (did you mean listen?)"),
        ("MANYCAST_RTPM__LISTEN", "0.0.0.0:1", "rtpm: is unknown (did you mean rtmp?)"),
        ("MANYCAST_RTMP", "x", "rtmp: is a whole section"),
        ("MANYCAST_", "x", "names no setting"),
        ("MANYCAST_STREAM__5__KEY", "x", "stream.5.key: has a gap before it"),
        ("MANYCAST_STREAM__KEY", "x", "stream.key: has no number"),
        ("MANYCAST_STREAM__0__KEY", "", "stream[0].key: is empty"),
        ("MANYCAST_RTMP__LISTEN__X", "x", "rtmp.listen.x: is no section"),
    ] {
        let refused = with_env(FULL, &[(name, value)]).expect_err(name);
        let got = refused.to_string();
        assert!(got.starts_with(&format!("{name}: {want}")), "{got}\nis not\n{name}: {want}");
    }
}

#[test]
fn doubtful_settings_warn_and_hold() {
    let loaded = with_env(
        FULL,
        &[
            ("MANYCAST_RTMP__OPEN", "true"),
            ("MANYCAST_HTTP__LISTEN", "0.0.0.0:8080"),
            ("MANYCAST_HTTP__TRUSTED_PROXIES", ""),
            ("MANYCAST_METRICS__LISTEN", "0.0.0.0:9180"),
            ("MANYCAST_EGRESS__ALLOW", "10.0.0.0/8"),
            ("MANYCAST_STREAM__0__KEY", "main"),
            ("MANYCAST_STREAM__1__KEY", "short"),
        ],
    );
    let warnings: Vec<_> = loaded.unwrap().warnings.iter().map(ToString::to_string).collect();
    let all = warnings.join("\n");
    for want in [
        "lets everybody",
        "http.listen: speaks unencrypted",
        "metrics.listen: shows status",
        "is an inside",
        "same as the name",
        "fewer than",
    ] {
        assert!(all.contains(want), "{want} is not in\n{all}");
    }
    assert_eq!(warnings.len(), 6, "{all}");
}

#[test]
fn j1_no_key_is_shown_by_debug_or_faults() {
    let loaded = parse(FULL).unwrap();
    let shown = format!("{loaded:?} {:#?}", loaded.config);
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("redacted"));
}

#[test]
fn files_that_are_named_have_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manycast.toml");
    let text = "[rtmps]\ncert = \"c.pem\"\nkey = \"k.pem\"\n[egress]\nca_file = \"ca.pem\"\n";
    let refused = read(&file, text.as_bytes(), []).expect_err("no file is there");
    let lines: Vec<_> = refused.faults.iter().filter_map(Fault::line).collect();
    assert_eq!(lines, [2, 3, 5]);
    for name in ["c.pem", "k.pem", "ca.pem"] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    let config = read(&file, text.as_bytes(), []).unwrap().config;
    assert_eq!(config.egress.ca_file, Some(folder.path().join("ca.pem")));
    assert!(load(Some(&file)).is_err_and(|refused| refused.to_string().contains("cannot be read")));
}

#[test]
fn rtmps_shows_the_certificate_of_https_unless_it_has_one_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manycast.toml");
    for name in ["a.pem", "ak.pem", "b.pem", "bk.pem"] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    let files = |cert: &str, key: &str| {
        let (cert, key) = (folder.path().join(cert), folder.path().join(key));
        Certificate::Files { cert, key }
    };
    let https = "[https]\ncert = \"a.pem\"\nkey = \"ak.pem\"\n";
    for (text, want_https, want_rtmps) in [
        ("[rtmps]\n".to_owned(), Certificate::SelfSigned, Certificate::SelfSigned),
        (format!("{https}[rtmps]\n"), files("a.pem", "ak.pem"), files("a.pem", "ak.pem")),
        (
            format!("{https}listen = \"off\"\n[rtmps]\n"),
            files("a.pem", "ak.pem"),
            files("a.pem", "ak.pem"),
        ),
        (
            format!("{https}[rtmps]\nself_signed = true\n"),
            files("a.pem", "ak.pem"),
            Certificate::SelfSigned,
        ),
        (
            format!("{https}[rtmps]\ncert = \"b.pem\"\nkey = \"bk.pem\"\n"),
            files("a.pem", "ak.pem"),
            files("b.pem", "bk.pem"),
        ),
    ] {
        let config = read(&file, text.as_bytes(), []).unwrap().config;
        assert_eq!(config.https.certificate, want_https, "{text}");
        assert_eq!(config.rtmps.unwrap().certificate, want_rtmps, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(Path::new("x.toml"), &bytes, []);
    }

    #[test]
    fn arbitrary_toml_like_text_never_panics(
        text in "(\\[{0,2}(rtmp|http|stream|stream.destination|egress|x)\\]{0,2}\n|(name|key|url|listen|open|allow|play|drain) ?= ?(\"[a-z:/@?#~.0-9\\[\\]%]{0,20}\"|[0-9-]{1,25}|true|\\[[\"a,0-9./]*\\]|\\{[ a-z=1,]*\\}|[a-z]{1,5}|[0-9.e]{1,9})\n){0,12}",
        name in "MANYCAST_[A-Z_0-9]{0,20}",
        value in ".{0,20}",
    ) {
        let _ = with_env(&text, &[(&name, &value)]);
    }

    #[test]
    fn a_damaged_byte_never_panics(at in 0..FULL.len(), byte in any::<u8>()) {
        let mut bytes = FULL.as_bytes().to_vec();
        bytes[at] = byte;
        if let Err(refused) = read(Path::new("x.toml"), &bytes, []) {
            prop_assert!(!refused.faults.is_empty());
        }
    }
}
