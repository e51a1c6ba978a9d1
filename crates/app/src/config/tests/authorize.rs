//! `[authorize]`.

use super::{faults, parse};
use crate::config::Config;
use manycast_webhook::{Authorise, OnFailure, Style};
use std::time::Duration;

const STREAM: &str = "\n[[stream]]\nname = \"main\"\nkey = \"sk_9f2c41d07be35a68\"\n";

fn section(text: &str) -> String {
    format!("[authorize]\n{text}{STREAM}")
}

fn read(text: &str) -> Authorise {
    parse(&section(text)).unwrap().config.authorize.unwrap()
}

#[test]
fn k8_three_seconds_closed_and_a_short_memory_by_default() {
    assert_eq!(parse(STREAM).unwrap().config.authorize, None);
    let settings = read("on_publish = \"https://auth.example/p?k=v\"");
    assert_eq!(settings.hooks.on_publish.as_ref().unwrap().url(), "https://auth.example/p?k=v");
    assert_eq!(settings.hooks.on_play, None);
    assert_eq!((settings.style, settings.on_failure), (Style::NginxRtmp, OnFailure::Deny));
    let seconds = (settings.timeout.as_secs(), settings.cache.as_secs());
    assert_eq!(seconds, (3, 10));
}

#[test]
fn everything_can_be_set() {
    let settings = read(
        r#"on_publish = "https://a.example/1"
on_play = "https://a.example/2"
on_publish_done = "https://a.example/3"
on_play_done = "https://a.example/4"
style = "srs"
timeout = "500ms"
on_failure = "allow"
cache = "0s"
"#,
    );
    let hooks = &settings.hooks;
    let all = [&hooks.on_publish, &hooks.on_play, &hooks.on_publish_done, &hooks.on_play_done];
    let urls: Vec<_> = all.into_iter().map(|hook| hook.as_ref().unwrap().url()).collect();
    let expected = ["1", "2", "3", "4"].map(|n| format!("https://a.example/{n}"));
    assert_eq!(urls, expected);
    assert_eq!((settings.style, settings.on_failure), (Style::Srs, OnFailure::Allow));
    assert_eq!((settings.timeout, settings.cache), (Duration::from_millis(500), Duration::ZERO));
    assert!(read("on_done = \"https://a.example/5\"").hooks.on_done.is_some());
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_remedy() {
    for (text, what, remedy) in [
        ("style = \"srs\"", "on_publish: missing", "remove the section"),
        ("on_publish = \"rtmp://a.example/x\"", "must begin with https://", "write it like"),
        ("on_publish = \"https://u:p@a.example/x\"", "user name or password", "write it like"),
        ("on_publish = \"https://2130706433/\"", "127.0.0.1", "write it like"),
        ("on_play = \"http://127.0.0.1:8000/x\"", "leads to", "add \"127.0.0.1\" to allow"),
        ("on_play = \"http://[::1]/x\"", "leads to", "add \"::1\" to allow"),
        ("on_play = \"http://239.0.0.1/x\"", "leads to", "no service can be there"),
        (
            "on_done = \"https://a.example/\"\nstyle = \"srs\"",
            "on_done: is nothing",
            "on_play_done",
        ),
        ("on_play = \"https://a.example/\"\nstyle = \"other\"", "style", "\"nginx-rtmp\", \"srs\""),
        ("on_play = \"https://a.example/\"\ntimeout = \"1m\"", "timeout", "from 100ms to 10s"),
        (
            "on_play = \"https://a.example/\"\non_failure = \"open\"",
            "on_failure",
            "\"deny\", \"allow\"",
        ),
        ("on_plays = \"https://a.example/\"", "on_plays: is unknown", "did you mean on_play?"),
    ] {
        let answer = faults(&section(text));
        assert!(answer.contains(what) && answer.contains(remedy), "{text}:\n{answer}");
        assert!(!answer.contains("u:p"), "{answer}");
    }
}

#[test]
fn an_inside_service_is_taken_once_it_is_allowed() {
    for allow in ["127.0.0.1:8000", "127.0.0.0/8"] {
        let text = format!("[egress]\nallow = [\"{allow}\"]\n");
        let hook = section("on_publish = \"http://127.0.0.1:8000/x\"");
        let loaded = parse(&format!("{text}{hook}")).unwrap();
        assert_eq!(loaded.warnings, []);
        assert!(loaded.config.authorize.is_some());
    }
}

#[test]
fn keys_in_the_clear_are_warned_of() {
    let warned = |url: &str| {
        let loaded = parse(&section(&format!("on_publish = \"{url}\""))).unwrap();
        loaded.warnings.iter().any(|warning| warning.to_string().contains("in the clear"))
    };
    assert!(warned("http://auth.example/p"));
    assert!(!warned("https://auth.example/p"));
    assert!(!warned("http://localhost:8000/p"));
}

#[test]
fn a_reload_takes_it_live() {
    let config = |text: &str| parse(&section(text)).unwrap().config;
    let one = config("on_publish = \"https://a.example/1\"");
    let two = config("on_publish = \"https://a.example/2\"");
    let change = Config::diff(&one, &two);
    assert_eq!((change.live, change.restart), (vec!["authorize"], vec![]));
    assert_eq!(two.clone().applied_to(&one).authorize, two.authorize);
    assert!(Config::diff(&one, &one).is_empty());
}
