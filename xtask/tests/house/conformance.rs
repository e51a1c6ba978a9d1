//! `docs/enhanced-rtmp.md` is true: each row of its table of conformance names tests that exist, or
//! says what is open.
//!
//! A row is `| clause | what | test |`; the last cell is that of a quirk (see `quirks.rs`), or
//! `open: what is missing`.

use crate::quirks::{row_fault, rows, tests};
use manycast_xtask::workspace::root;
use std::collections::BTreeMap;
use std::fs;

/// The part of a page under this heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let under = text.split_once(&format!("\n## {heading}\n")).map_or("", |(_, under)| under);
    under.split("\n## ").next().unwrap_or_default()
}

/// What is wrong with a row, if anything is.
fn fault(cells: &[&str], tests: &BTreeMap<String, Vec<String>>) -> Option<String> {
    match cells {
        [clause, what, proof] if !clause.is_empty() && !what.is_empty() => {
            let Some(missing) = proof.strip_prefix("open") else { return row_fault(cells, tests) };
            let missing = missing.strip_prefix(':').unwrap_or_default().trim();
            missing.is_empty().then(|| format!("{clause}: \"open\" without what is missing"))
        }
        _ => row_fault(cells, tests),
    }
}

#[test]
fn every_clause_of_enhanced_rtmp_has_its_test_or_is_open() {
    let page = fs::read_to_string(root().join("docs/enhanced-rtmp.md")).expect("the page is there");
    let mut rows = rows(section(&page, "Conformance"));
    rows.retain(|cells| !cells[0].eq_ignore_ascii_case("clause"));
    assert!(rows.len() >= 30, "{} rows: is the table still one?", rows.len());
    let tests = tests();
    let mut clauses: Vec<_> = rows.iter().map(|cells| cells[0]).collect();
    clauses.sort_unstable();
    let twice = clauses.windows(2).filter(|w| w[0] == w[1]).map(|w| format!("{}: twice", w[0]));
    let faults: Vec<_> = rows.iter().filter_map(|c| fault(c, &tests)).chain(twice).collect();
    assert!(faults.is_empty(), "\ndocs/enhanced-rtmp.md:\n{}\n", faults.join("\n"));
}

#[test]
fn a_row_that_proves_nothing_is_a_fault() {
    let tests =
        BTreeMap::from([("one_a".to_owned(), vec!["crates/flv/tests/conformance.rs".to_owned()])]);
    for (row, want) in [
        (vec!["ModEx", "a", "`flv::one_a`"], None),
        (vec!["ModEx", "a", "open: not read yet"], None),
        (vec!["ModEx", "a", "open"], Some("without what is missing")),
        (vec!["ModEx", "a", "open: "], Some("without what is missing")),
        (vec!["ModEx", "a", "`flv::two_b`"], Some("no such test")),
        (vec!["ModEx", "a", "`rtmp::one_a`"], Some("no such test")),
        (vec!["ModEx", "a", ""], Some("names no test")),
        (vec!["", "a", "open: x"], Some("without id")),
        (vec!["ModEx", "a"], Some("2 cells")),
    ] {
        let found = fault(&row, &tests);
        assert_eq!(found.is_some(), want.is_some(), "{row:?}: {found:?}");
        assert!(found.unwrap_or_default().contains(want.unwrap_or_default()), "{row:?}");
    }
}

#[test]
fn a_section_ends_where_the_next_begins() {
    let text = "# A\n\n## B\n| x | y | z |\n## C\n| u | v | w |\n";
    assert_eq!(section(text, "B"), "| x | y | z |");
    assert_eq!(section(text, "D"), "");
}
