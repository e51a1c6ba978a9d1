//! Settings from the environment: `MANYCAST_RTMP__LISTEN` sets `rtmp.listen`.
//!
//! A double underscore is a dot, a number is a place in a list (`MANYCAST_STREAM__0__KEY` sets the
//! key of the first stream; the number after the last one adds a stream). Variables win over the
//! file. A variable with the prefix that fits nothing is a fault, as an unknown key in the file is.

use super::fault::{Faults, Place};
use super::node::{Node, Table, Value};
use std::sync::Arc;

/// What the names begin with.
pub const PREFIX: &str = "MANYCAST_";
/// Variables of other parts of the program.
const NOT_SETTINGS: &[&str] = &[
    "MANYCAST_KEY",
    "MANYCAST_PASSWORD",
    "MANYCAST_CONFIG",
    "MANYCAST_DATA_DIR",
    "MANYCAST_SERVER",
    "MANYCAST_TOKEN",
    "MANYCAST_FINGERPRINT",
    "MANYCAST_VAULT_KEY_FILE",
];
/// Settings that are lists of sections.
const LISTS: &[&str] = &["stream", "destination"];

/// Puts the variables into the tree.
pub(super) fn apply(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, String)>,
    faults: &Faults,
) {
    let mut variables: Vec<_> =
        variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    variables.retain(|(name, _)| !NOT_SETTINGS.contains(&name.as_str()));
    // shorter numbers first, so that 2 is added before 10
    variables.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    for (name, text) in variables {
        let place = Place::Variable(name.as_str().into());
        let path = name.strip_prefix(PREFIX).unwrap_or_default().to_lowercase();
        let path: Vec<&str> = path.split("__").collect();
        let node = Node { place: place.clone(), value: Value::Untyped(text) };
        if let Err((what, remedy)) = set(table, &path, node) {
            faults.fault(&place, &path.join("."), what, remedy);
        }
    }
}

type Refusal = (&'static str, &'static str);

fn set(table: &mut Table, path: &[&str], node: Node) -> Result<(), Refusal> {
    let place = node.place.clone();
    match path {
        [] | [""] => Err(("names no setting", "write it as MANYCAST_SECTION__KEY")),
        [key] => {
            if let Some((_, old)) = table.get(*key)
                && matches!(old.value, Value::Table(_))
            {
                return Err(("is a whole section", "set one key of it: MANYCAST_SECTION__KEY"));
            }
            table.insert((*key).to_owned(), (place, node));
            Ok(())
        }
        [key, index, rest @ ..] if LISTS.contains(key) => {
            let entry = table.entry((*key).to_owned());
            let (_, list) = entry.or_insert_with(|| {
                (place.clone(), Node { place: place.clone(), value: Value::List(Vec::new()) })
            });
            let Value::List(items) = &mut list.value else {
                return Err(("is not a list of sections in the file", "write [[stream]] there"));
            };
            let number = index.parse::<usize>();
            let number = number.map_err(|_| {
                ("has no number", "write MANYCAST_STREAM__0__KEY for the first stream")
            })?;
            if number == items.len() {
                items.push(Node { place, value: Value::Table(Table::new()) });
            }
            match items.get_mut(number) {
                Some(Node { value: Value::Table(inner), .. }) => set(inner, rest, node),
                Some(_) => Err(("is not a section in the file", "mend the file first")),
                None => Err(("has a gap before it", "number without gaps, from 0")),
            }
        }
        [key, rest @ ..] => {
            let entry = table.entry((*key).to_owned());
            let (_, inner) = entry.or_insert_with(|| {
                (place.clone(), Node { place, value: Value::Table(Table::new()) })
            });
            match &mut inner.value {
                Value::Table(inner) => set(inner, rest, node),
                _ => Err(("is no section", "write it as MANYCAST_SECTION__KEY")),
            }
        }
    }
}

/// A list in a variable: items between commas, with or without brackets and quotes.
pub(super) fn split_list(text: &str, name: &Arc<str>) -> Vec<Node> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(trimmed);
    let items = inner.split(',').map(|item| item.trim().trim_matches(['"', '\'']));
    let node = |item: &str| Node {
        place: Place::Variable(name.clone()),
        value: Value::Untyped(item.to_owned()),
    };
    items.filter(|item| !item.is_empty()).map(node).collect()
}
