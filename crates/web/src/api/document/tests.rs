//! The document is whole: every operation says who may use it, and what can go wrong.

use super::*;
use crate::problem::Fault;
use manycast_auth::Permission;
use std::collections::BTreeMap;
use std::path::Path;

/// The document, and the table of who may what, as they stand in docs/.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");

fn described() -> Value {
    serde_json::from_str(document()).unwrap()
}

/// Each operation as `METHOD path`.
fn each(document: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.insert(format!("{} {path}", method.to_uppercase()), operation.clone());
        }
    }
    found
}

#[test]
fn the_kept_document_is_the_one_that_is_served() {
    let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
    if std::env::var_os("MANYCAST_WRITE_DOCS").is_some() {
        std::fs::write(KEPT, format!("{}\n", document())).unwrap();
        return;
    }
    assert!(
        kept.trim_end() == document(),
        "docs/openapi.json is of another state: \
         MANYCAST_WRITE_DOCS=1 cargo test -p manycast-web kept_document"
    );
}

#[test]
fn i1_every_operation_names_who_may_use_it() {
    let words: Vec<_> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    let document = described();
    let mut ids = BTreeSet::new();
    for (name, operation) in each(&document) {
        let word = operation["x-permission"].as_str().unwrap_or_default();
        let known = words.contains(&word) || ["public", "signed_in"].contains(&word);
        assert!(known, "{name} names no permission: {word:?}");
        let public = word == "public";
        assert_eq!(operation["security"].is_null(), public, "{name}");
        assert_eq!(operation["responses"].get("401").is_some() || public, true, "{name}");
        assert!(ids.insert(operation["operationId"].clone()), "{name} has the id of another");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        assert!(operation["tags"][0].is_string(), "{name}");
    }
    assert!(ids.len() > 60, "{}", ids.len());
}

/// docs/api.md holds the table that people agreed on: a route that is not in it fails here.
#[test]
fn i1_the_table_of_the_documentation_is_that_of_the_code() {
    let text = std::fs::read_to_string(DOCS).unwrap();
    let mut table = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `") && line.contains("` | `")) {
        let cells: Vec<_> = line.split('`').collect();
        if let [_, route, _, permission, ..] = cells.as_slice()
            && route.contains(" /")
        {
            table.insert((*route).to_owned(), (*permission).to_owned());
        }
    }
    let code: BTreeMap<_, _> = each(&described())
        .into_iter()
        .map(|(name, its)| (name, its["x-permission"].as_str().unwrap_or_default().to_owned()))
        .collect();
    assert_eq!(table, code, "left: docs/api.md, right: the code");
}

#[test]
fn answers_have_all_their_fields_and_requests_take_no_others() {
    let document = described();
    let taken = request_schemas(&document);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(properties) = schema["properties"].as_object() else { continue };
        if taken.contains(name) {
            assert_eq!(schema["additionalProperties"], false, "{name} takes anything (I13)");
        } else {
            let required = schema["required"].as_array().map_or(0, Vec::len);
            assert_eq!(required, properties.len(), "{name}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = described();
    let mut open = vec![&document];
    let mut count = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                    count += 1;
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(count > 300, "{count}");
}

#[test]
fn every_problem_is_described_and_documented() {
    let text = std::fs::read_to_string(DOCS).unwrap();
    let document = described();
    for fault in Fault::ALL {
        let name = format!("Problem{}", fault.status().as_u16());
        let response = &document["components"]["responses"][&name];
        let description = response["description"].as_str().unwrap_or_default();
        assert!(description.contains(&format!("`{}`", fault.word())), "{fault:?}: {response}");
        assert!(text.contains(&format!("`{}`", fault.word())), "docs/api.md: {fault:?}");
    }
}

/// Everything under `api/` is added as a described operation, or it would have no guard.
#[test]
fn no_route_goes_around_the_document() {
    fn look(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && !path.ends_with("document/tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                for word in [".route(", ".nest(", ".route_service(", ".fallback"] {
                    if text.contains(word) {
                        found.push(format!("{}: {word}", path.display()));
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}
