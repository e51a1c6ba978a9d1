//! One section of the configuration, read key by key.
//!
//! A key that is asked for is a known key; when the section is done, whatever nobody asked for is a
//! fault. So the reader of a section is at once the list of its keys, and neither can lag behind.

use super::env::split_list;
use super::fault::{Faults, Place};
use super::node::{Node, Table, Value};
use super::units;
use std::time::Duration;

/// A value with the place where it was set.
pub(super) struct Set<T> {
    pub(super) place: Place,
    pub(super) value: T,
}

/// A section under way.
pub(super) struct Section<'a> {
    /// How its keys are named in faults: `stream[0].`
    prefix: String,
    place: Place,
    table: Table,
    asked: Vec<&'static str>,
    found: Vec<&'static str>,
    faults: &'a Faults,
}

impl<'a> Section<'a> {
    /// The top of the file.
    pub(super) fn root(table: Table, faults: &'a Faults) -> Self {
        Self {
            prefix: String::new(),
            place: Place::File,
            table,
            asked: Vec::new(),
            found: Vec::new(),
            faults,
        }
    }

    /// How a key of this section is called in a fault.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Where the section begins.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Where a key that was not read yet stands, or else the section.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.table.get(key).map_or_else(|| self.place.clone(), |(_, node)| node.place.clone())
    }

    /// Notes a fault of `key` at `place`.
    pub(super) fn fault(&self, place: &Place, key: &str, what: &str, remedy: &str) {
        self.faults.fault(place, &self.key(key), what, remedy);
    }

    /// Notes a doubt about `key` at `place`.
    pub(super) fn warn(&self, place: &Place, key: &str, what: &str, remedy: &str) {
        self.faults.warn(place, &self.key(key), what, remedy);
    }

    /// Notes that `key` has to be there.
    pub(super) fn missing(&self, key: &str, remedy: &str) {
        self.faults.fault(&self.place, &self.key(key), "missing", remedy);
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        let (_, node) = self.table.remove(key)?;
        self.found.push(key);
        Some(node)
    }

    /// Whether the key was there and was asked for; if it gave no value there is a fault already.
    pub(super) fn has(&self, key: &str) -> bool {
        self.found.contains(&key)
    }

    fn wrong_type(&self, node: &Node, key: &str, wanted: &str, example: &str) {
        let what = format!("has to be {wanted}, and is {}", node.value.kind());
        self.fault(&node.place, key, &what, &format!("write {key} = {example}"));
    }

    /// The section below, or an empty one if it is absent. The flag tells whether it is there.
    pub(super) fn section(&mut self, key: &'static str) -> (Section<'a>, bool) {
        let prefix = format!("{}{key}.", self.prefix);
        let empty = |place| Section {
            prefix: prefix.clone(),
            place,
            table: Table::new(),
            asked: Vec::new(),
            found: Vec::new(),
            faults: self.faults,
        };
        let mut absent = empty(self.place.clone());
        self.asked.push(key);
        let Some((place, node)) = self.table.remove(key) else { return (absent, false) };
        match node.value {
            Value::Table(table) => {
                absent.place = place;
                absent.table = table;
                (absent, true)
            }
            _ => {
                let what = format!("has to be a section, and is {}", node.value.kind());
                self.fault(&place, key, &what, &format!("write [{key}] on a line of its own"));
                (absent, false)
            }
        }
    }

    /// The sections of a list such as `[[stream]]`.
    pub(super) fn sections(&mut self, key: &'static str, header: &str) -> Vec<Section<'a>> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let example = format!("write {header} on a line of its own above each");
        let Value::List(items) = node.value else {
            let what = format!("has to be a list of sections, and is {}", node.value.kind());
            self.fault(&node.place, key, &what, &example);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (number, item) in items.into_iter().enumerate() {
            let Value::Table(table) = item.value else {
                let what = format!("has to be a section, and is {}", item.value.kind());
                self.fault(&item.place, key, &what, &example);
                continue;
            };
            sections.push(Section {
                prefix: format!("{}{key}[{number}].", self.prefix),
                place: item.place,
                table,
                asked: Vec::new(),
                found: Vec::new(),
                faults: self.faults,
            });
        }
        sections
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str, example: &str) -> Option<Set<String>> {
        let node = self.take(key)?;
        match node.value {
            Value::Text(value) | Value::Untyped(value) => Some(Set { place: node.place, value }),
            _ => {
                self.wrong_type(&node, key, "text in quotes", &format!("\"{example}\""));
                None
            }
        }
    }

    /// A text in a form of its own, such as an address.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Set<T>> {
        let text = self.text(key, example)?;
        match parse(&text.value) {
            Ok(value) => Some(Set { place: text.place, value }),
            Err(what) => {
                let remedy = format!("write it like {key} = \"{example}\"");
                self.fault(&text.place, key, &what, &remedy);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let list: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let example = words.first().map_or("", |(word, _)| word);
        let found = self.text(key, example)?;
        let hit = words.iter().find(|(word, _)| *word == found.value);
        if hit.is_none() {
            let remedy = format!("write one of {}", list.join(", "));
            self.fault(&found.place, key, "is not a word known here", &remedy);
        }
        hit.map(|(_, value)| *value)
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<Set<bool>> {
        let node = self.take(key)?;
        let value = match &node.value {
            Value::Flag(flag) => Some(*flag),
            Value::Untyped(text) => text.trim().to_lowercase().parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.wrong_type(&node, key, "true or false without quotes", "true");
        }
        value.map(|value| Set { place: node.place, value })
    }

    /// A count; 0 stands for none.
    pub(super) fn count(&mut self, key: &'static str) -> Option<Set<u32>> {
        let node = self.take(key)?;
        let value = match &node.value {
            Value::Integer(number) => number.and_then(|n| u32::try_from(n).ok()),
            Value::Untyped(text) => text.trim().parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.wrong_type(&node, key, "a whole number from 0 to 4294967295", "100");
        }
        value.map(|value| Set { place: node.place, value })
    }

    /// A duration inside its bounds.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        example: &str,
        (least, most): (Duration, Duration),
    ) -> Option<Duration> {
        let found = self.parsed(key, example, |text| {
            units::duration(text).ok_or_else(|| "is no duration".to_owned())
        })?;
        if (least..=most).contains(&found.value) {
            return Some(found.value);
        }
        let (least, most) = (units::show_duration(least), units::show_duration(most));
        let remedy = format!("write something from {least} to {most}");
        self.fault(&found.place, key, "is out of bounds", &remedy);
        None
    }

    /// A size in bytes inside its bounds.
    pub(super) fn size(
        &mut self,
        key: &'static str,
        example: &str,
        (least, most): (usize, usize),
    ) -> Option<usize> {
        let found = self.parsed(key, example, |text| {
            units::size(text).ok_or_else(|| "is no size".to_owned())
        })?;
        if (least..=most).contains(&found.value) {
            return Some(found.value);
        }
        let remedy = format!("write something from {least} to {most} bytes");
        self.fault(&found.place, key, "is out of bounds", &remedy);
        None
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str, example: &str) -> Vec<Set<String>> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let items = match (node.value, &node.place) {
            (Value::List(items), _) => items,
            (Value::Untyped(text), Place::Variable(name)) => split_list(&text, name),
            (value, _) => {
                let node = Node { place: node.place, value };
                self.wrong_type(&node, key, "a list of texts", &format!("[\"{example}\"]"));
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for item in items {
            match item.value {
                Value::Text(value) | Value::Untyped(value) => {
                    texts.push(Set { place: item.place, value });
                }
                _ => self.wrong_type(&item, key, "a list of texts", &format!("[\"{example}\"]")),
            }
        }
        texts
    }

    /// The section was read: what is left is unknown.
    pub(super) fn finish(self) {
        for (key, (place, _)) in &self.table {
            let near = nearest(key, &self.asked);
            let remedy = match near {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known here: {}", self.asked.join(", ")),
            };
            self.fault(place, &printable(key), "is unknown", &remedy);
        }
    }
}

/// A key as it may be shown: one line, of bounded length.
fn printable(key: &str) -> String {
    let shown: String =
        key.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect();
    if shown.is_empty() { "\"\"".to_owned() } else { shown }
}

/// The known key that is so near that it was probably meant.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let key: Vec<char> = key.to_lowercase().replace('-', "_").chars().take(40).collect();
    let scored = known.iter().map(|word| (distance(&key, word), *word));
    let (best, word) = scored.min()?;
    (best <= 2 && best < word.len()).then_some(word)
}

/// Edits from one word to the other; two neighbours swapped count as one.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j - 1] + same).min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_probably_meant() {
        let known = ["listen", "open", "key", "takeover"];
        for (typed, meant) in [
            ("lisen", Some("listen")),
            ("Listen", Some("listen")),
            ("take-over", Some("takeover")),
            ("kye", Some("key")),
            ("opne", Some("open")),
            ("bitrate", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed:?}");
        }
    }
}
