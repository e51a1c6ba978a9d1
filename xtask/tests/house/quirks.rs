//! `docs/quirks.md` is true: each of its rows names a test that exists, or says why it is not ours.
//!
//! A row is `| id | what | test |`; the last cell holds one or more names of tests, as
//! `` `crate::module::name` `` or `` `name` ``, or `not ours: reason`.

use manycast_xtask::source::{code, files};
use manycast_xtask::workspace::root;
use std::collections::BTreeMap;
use std::fs;

/// Tests of the workspace: name of the function, and the files that hold one of that name.
pub(crate) fn tests() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for f in files(&[".rs"]) {
        for name in test_names(&code(&f.text)) {
            found.entry(name).or_default().push(f.path.clone());
        }
    }
    found
}

/// Functions right under an attribute that makes them a test; all functions inside `proptest!`
/// carry such an attribute as well.
fn test_names(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut armed = false;
    for line in code.lines().map(str::trim) {
        let mut rest = line;
        while let Some(attribute) = rest.strip_prefix("#[") {
            let (inside, after) = attribute.split_once(']').unwrap_or((attribute, ""));
            let path = inside.split(['(', ' ', '=']).next().unwrap_or_default();
            armed |= path.rsplit("::").next() == Some("test");
            rest = after.trim_start();
        }
        let name = rest.split_once("fn ").filter(|_| armed).map(|(_, n)| n);
        if let Some(name) = name {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            names.push(name[..end].to_owned());
        }
        armed &= rest.is_empty();
    }
    names
}

/// Cells of the rows of all tables, without heads and rules.
pub(crate) fn rows(text: &str) -> Vec<Vec<&str>> {
    let cells = |l: &'_ str| l.trim().starts_with('|');
    let split = text
        .lines()
        .filter(|l| cells(l))
        .map(|l| l.trim().trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    split
        .filter(|c| !c.iter().all(|x| x.chars().all(|c| "-: ".contains(c))))
        .filter(|c| !c[0].eq_ignore_ascii_case("id"))
        .collect()
}

/// The folder of the crate that a path such as `rtmp::session::name` starts with, if it names one.
fn folder(path: &str) -> Option<String> {
    let (first, _) = path.split_once("::")?;
    let room =
        first.trim_start_matches("manycast_").trim_start_matches("manycast-").replace('_', "-");
    Some(match room.as_str() {
        "sim" | "tests" | "xtask" => format!("{room}/"),
        "manycast" => "crates/app/".to_owned(),
        _ => format!("crates/{room}/"),
    })
}

pub(crate) fn row_fault(cells: &[&str], tests: &BTreeMap<String, Vec<String>>) -> Option<String> {
    let [id, what, proof] = cells else {
        return Some(format!("{} cells instead of id, what, test: {cells:?}", cells.len()));
    };
    if id.is_empty() || what.is_empty() {
        return Some(format!("a row without id or meaning: {cells:?}"));
    }
    if let Some(reason) = proof.strip_prefix("not ours") {
        let reason = reason.trim_start_matches([':', ' ']);
        return reason.is_empty().then(|| format!("{id}: \"not ours\" without the reason"));
    }
    let names = proof.split(|c: char| !(c.is_alphanumeric() || "_:-".contains(c)));
    let names: Vec<&str> = names.filter(|n| n.contains('_') || n.contains("::")).collect();
    if names.is_empty() {
        return Some(format!("{id}: names no test, and does not say \"not ours: ...\""));
    }
    let missing = |path: &&&str| {
        let name = path.rsplit("::").next().unwrap_or_default();
        let under = folder(path).unwrap_or_default();
        !tests.get(name).is_some_and(|held| held.iter().any(|f| f.starts_with(&under)))
    };
    let gone: Vec<_> = names.iter().filter(missing).copied().collect();
    (!gone.is_empty()).then(|| format!("{id}: no such test: {}", gone.join(", ")))
}

#[test]
fn every_quirk_has_its_test() {
    let text = fs::read_to_string(root().join("docs/quirks.md")).expect("docs/quirks.md");
    let (rows, tests) = (rows(&text), tests());
    assert!(rows.len() >= 10, "docs/quirks.md has {} rows: is its table still one?", rows.len());
    let mut ids: Vec<_> = rows.iter().map(|c| c[0]).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).filter(|w| w[0] == w[1]).map(|w| format!("{}: twice", w[0]));
    let faults: Vec<_> = rows.iter().filter_map(|c| row_fault(c, &tests)).chain(twice).collect();
    assert!(faults.is_empty(), "\ndocs/quirks.md:\n{}\n", faults.join("\n"));
}

#[test]
fn the_table_is_read_as_it_is_written() {
    let text = "# Quirks\n\n| id | what | test |\n|---|:--|---|\n| T1 | a | `rtmp::x::one_a` |\n\
                | T2 | b | `two_b`, `tests::three_c` |\n| T3 | c | not ours: Flash |\nprose\n";
    let rows = rows(text);
    assert_eq!(rows.len(), 3);
    let tests = BTreeMap::from([
        ("one_a".to_owned(), vec!["crates/rtmp/src/x.rs".to_owned()]),
        ("two_b".to_owned(), vec!["crates/flv/src/x.rs".to_owned()]),
        ("three_c".to_owned(), vec!["tests/tests/x.rs".to_owned()]),
    ]);
    for row in &rows {
        assert_eq!(row_fault(row, &tests), None);
    }
    let bad = [
        (vec!["T", "a", "`flv::one_a`"], "no such test"),
        (vec!["T", "a", "`four_d`"], "no such test"),
        (vec!["T", "a", "later"], "names no test"),
        (vec!["T", "a", "not ours:"], "without the reason"),
        (vec!["T", "a"], "2 cells"),
        (vec!["", "a", "`one_a`"], "without id"),
    ];
    for (row, want) in bad {
        let got = row_fault(&row, &tests).unwrap_or_default();
        assert!(got.contains(want), "{row:?}: {got}");
    }
}

#[test]
fn only_functions_under_a_test_attribute_count() {
    let code = "fn a() {}\n#[test]\nfn b() {}\n#[tokio::test(start_paused = true)]\nasync fn c() {}\n\
                #[cfg(test)]\nfn d() {}\n#[test]\n#[should_panic]\nfn e() {}\n";
    assert_eq!(test_names(code), ["b", "c", "e"]);
}
