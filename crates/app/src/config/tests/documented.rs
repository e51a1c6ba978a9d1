//! The documentation names every setting, and what it shows can be used.

use super::{FULL, faults, parse};

const TEXT: &str = include_str!("../../../../../docs/configuration.md");

#[test]
fn every_key_is_documented_in_its_section() {
    let mut checked = 0;
    for section in [
        "server",
        "log",
        "limits",
        "rtmp",
        "rtmps",
        "http",
        "egress",
        "stream",
        "stream.destination",
    ] {
        let header = if section.starts_with("stream") {
            format!("[[{section}]]")
        } else {
            format!("[{section}]")
        };
        let at = FULL.find(&format!("{header}\n")).unwrap() + header.len();
        let text = format!("{}\nzzzzzzzzzzzz = 1{}", &FULL[..at], &FULL[at..]);
        let answer = faults(&text);
        let known = answer.split("known here: ").nth(1).and_then(|rest| rest.split(')').next());
        let chapter = TEXT.split(&format!("## `{header}`")).nth(1).expect(section);
        let chapter = chapter.split("\n## ").next().unwrap();
        for key in known.expect(section).split(", ").filter(|key| *key != "destination") {
            assert!(chapter.contains(&format!("`{key}`")), "{header} {key} is not documented");
            checked += 1;
        }
    }
    assert!(checked >= 29, "{checked}");
}

#[test]
fn the_example_of_the_documentation_is_a_configuration() {
    let example = TEXT.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let loaded = parse(example).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.destination_count(), 1);
}

#[test]
fn a_configuration_with_all_sections_is_a_configuration() {
    let text = r#"
[rtmp]
listen = "0.0.0.0:1935"
open = false                       # true: any name may be published, and is its own key
[rtmps]
listen = "0.0.0.0:1936"
self_signed = true
[http]
listen = "127.0.0.1:8080"
[egress]
allow = ["127.0.0.0/8"]
resolver = "127.0.0.1:5353"
[[stream]]
name = "main"
key  = "sk_..."
[[stream.destination]]
name = "YouTube"
url  = "rtmps://a.rtmps.youtube.com/live2"
key  = "abcd-1234"
enabled = true
"#;
    let config = parse(text).unwrap().config;
    assert_eq!(config.streams[0].destinations[0].url, "rtmps://a.rtmps.youtube.com/live2");
}
