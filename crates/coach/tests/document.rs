//! docs/health.md shows every rule as the code has it.

use manycast_coach::Rule;
use std::collections::BTreeSet;

fn row(rule: Rule) -> String {
    let (id, severity) = (rule.id(), rule.severity().name());
    let (when, sentence, remedy) = (rule.when(), rule.sentence(), rule.remedy());
    format!("| `{id}` | {severity} | {when} | {sentence} | {remedy} |")
}

#[test]
fn the_document_has_every_rule_and_no_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/health.md");
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let table = text.lines().skip_while(|line| !line.starts_with("| id | severity |"));
    let shown: Vec<_> = table.skip(2).take_while(|line| line.starts_with('|')).collect();
    let wanted: Vec<_> = Rule::ALL.iter().map(|rule| row(*rule)).collect();
    assert!(shown == wanted, "docs/health.md has to show:\n{}", wanted.join("\n"));
}

#[test]
fn ids_are_words_of_their_own_and_remedies_say_what_to_do() {
    let ids: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids.len(), Rule::ALL.len());
    for rule in Rule::ALL {
        let id = rule.id();
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{id}");
        for text in [rule.sentence(), rule.remedy()] {
            assert!(text.starts_with(|c: char| c.is_uppercase() || c == '{'), "{id}: {text}");
            assert!(text.ends_with(['.', '?']), "{id}: {text}");
        }
        let does = [
            "Set",
            "Add",
            "Look",
            "Restart",
            "Choose",
            "Give",
            "The encoder does not keep up: choose",
        ];
        assert!(does.iter().any(|word| rule.remedy().starts_with(word)), "{id}");
    }
}
