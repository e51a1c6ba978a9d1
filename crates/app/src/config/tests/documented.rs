//! The documentation names every setting, and what it shows can be used.

use super::{FULL, faults, parse};
use crate::config::Config;

const TEXT: &str = include_str!("../../../../../docs/configuration.md");
const README: &str = include_str!("../../../../../README.md");

/// Every section with its header in a file.
const SECTIONS: [(&str, &str); 12] = [
    ("server", "[server]"),
    ("log", "[log]"),
    ("limits", "[limits]"),
    ("rtmp", "[rtmp]"),
    ("rtmps", "[rtmps]"),
    ("http", "[http]"),
    ("https", "[https]"),
    ("metrics", "[metrics]"),
    ("egress", "[egress]"),
    ("authorize", "[authorize]"),
    ("stream", "[[stream]]"),
    ("stream.destination", "[[stream.destination]]"),
];

/// The keys of a section, as the refusal of an unknown one lists them.
fn known_keys(header: &str) -> Vec<String> {
    let at = FULL.find(&format!("{header}\n")).unwrap() + header.len();
    let text = format!("{}\nzzzzzzzzzzzz = 1{}", &FULL[..at], &FULL[at..]);
    let answer = faults(&text);
    let known = answer.split("known here: ").nth(1).and_then(|rest| rest.split(')').next());
    let keys = known.expect(header).split(", ").filter(|key| *key != "destination");
    keys.map(str::to_owned).collect()
}

#[test]
fn every_key_is_documented_in_its_section() {
    let mut checked = 0;
    for (section, header) in SECTIONS {
        let chapter = TEXT.split(&format!("## `{header}`")).nth(1).expect(section);
        let chapter = chapter.split("\n## ").next().unwrap();
        for key in known_keys(header) {
            assert!(chapter.contains(&format!("`{key}`")), "{header} {key} is not documented");
            checked += 1;
        }
    }
    assert!(checked >= 29, "{checked}");
}

#[test]
fn what_the_readme_shows_can_be_used_and_its_reference_has_every_key() {
    let blocks = README.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<&str> = blocks.collect();
    assert_eq!(blocks.len(), 3);
    for block in &blocks {
        let stream = if block.contains("[[stream]]") {
            ""
        } else {
            "[[stream]]\nname = \"main\"\nkey = \"sk_9f2c41d07be35a68\"\n"
        };
        let loaded = parse(&format!("{stream}{block}")).unwrap();
        assert_eq!(loaded.warnings, []);
    }
    let [plain, reference] = [blocks[0], blocks[2]].map(|block| parse(block).unwrap().config);
    let change = Config::diff(&plain, &reference);
    assert!(change.is_empty(), "the reference shows defaults: {change:?}");
    for (section, header) in SECTIONS {
        let block = format!("\n{}", blocks[2].replace("\n# [", "\n["));
        let chapter = block.split(&format!("\n{header}")).nth(1).expect(section);
        let chapter = chapter.split("\n\n").next().unwrap();
        let has = |key: &str| {
            let lines = chapter.lines().map(|line| line.trim_start_matches("# "));
            lines.filter_map(|line| line.split_once(" =")).any(|(name, _)| name.trim() == key)
        };
        for key in known_keys(header) {
            assert!(has(&key), "README: {header} {key} is missing");
        }
    }
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
    assert_eq!(config.streams[0].destinations[0].remote.url, "rtmps://a.rtmps.youtube.com/live2");
}
