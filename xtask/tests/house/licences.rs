//! What comes in with a dependency may be linked and comes from where we expect it (M6).
//!
//! The list of licences is the one of `deny.toml`, so that this holds where cargo-deny is missing.

use manycast_xtask::workspace::{foreign, root};
use std::collections::VecDeque;
use std::fs;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The texts of the `allow = [ ... ]` under `[licenses]`.
fn permitted(deny: &str) -> Vec<String> {
    let table = deny.split("[licenses]").nth(1).unwrap_or_default();
    let list = table.split("allow = [").nth(1).unwrap_or_default();
    let list = list.split(']').next().unwrap_or_default();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What `exceptions = [ ... ]` permits for one crate alone, as its name and a licence.
fn excepted(deny: &str) -> Vec<(String, String)> {
    let lines =
        deny.lines().filter(|line| line.contains("{ crate = ") && line.contains("allow = "));
    let texts = lines.map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned).collect());
    let pair = |texts: Vec<String>| <[String; 2]>::try_from(texts).ok().map(|[a, b]| (a, b));
    texts.filter_map(pair).collect()
}

/// Whether an SPDX expression can be met with the permitted licences. The older `A/B` means `OR`.
fn met(expression: &str, permitted: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: VecDeque<&str> = spaced.split_whitespace().collect();
    !words.is_empty() && any(&mut words, permitted) && words.is_empty()
}

/// `OR` binds weaker than `AND`.
fn any(words: &mut VecDeque<&str>, permitted: &[String]) -> bool {
    let mut good = all(words, permitted);
    while words.front() == Some(&"OR") {
        words.pop_front();
        good |= all(words, permitted);
    }
    good
}

fn all(words: &mut VecDeque<&str>, permitted: &[String]) -> bool {
    let mut good = one(words, permitted);
    while words.front() == Some(&"AND") {
        words.pop_front();
        good &= one(words, permitted);
    }
    good
}

fn one(words: &mut VecDeque<&str>, permitted: &[String]) -> bool {
    let word = words.pop_front().unwrap_or_default();
    if word == "(" {
        let good = any(words, permitted);
        return words.pop_front() == Some(")") && good;
    }
    let mut name = word.to_owned();
    if words.front() == Some(&"WITH") {
        words.pop_front();
        name = format!("{name} WITH {}", words.pop_front().unwrap_or_default());
    }
    permitted.contains(&name)
}

#[test]
fn m6_every_dependency_may_be_linked_and_comes_from_the_registry() {
    let deny = fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let permitted = permitted(&deny);
    let excepted = excepted(&deny);
    let all = foreign();
    assert!(all.len() > 10, "the lock file names {} packages", all.len());
    let mut faults = Vec::new();
    for p in all {
        let name = p.name.split(' ').next().unwrap_or_default();
        let own = excepted.iter().any(|(krate, licence)| krate == name && *licence == p.license);
        if !own && !met(&p.license, &permitted) {
            faults.push(format!("{}: licence \"{}\" is not in deny.toml", p.name, p.license));
        }
        if p.source != REGISTRY {
            faults.push(format!("{}: comes from {}", p.name, p.source));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn m6_expressions_are_read_by_their_rules() {
    let permitted =
        permitted("[licenses]\nallow = [\n  \"MIT\",\n  \"ISC\",\n  \"A WITH B\",\n]\n");
    assert_eq!(permitted, ["MIT", "ISC", "A WITH B"]);
    let rows = [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("(MIT OR ISC) AND GPL-3.0", false),
        ("MIT OR ISC AND GPL-3.0", true),
        ("A WITH B", true),
        ("A", false),
        ("MIT MIT", false),
        ("(MIT", false),
        ("", false),
    ];
    for (expression, want) in rows {
        assert_eq!(met(expression, &permitted), want, "{expression}");
    }
}
