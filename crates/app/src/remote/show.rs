//! Answers for eyes and for programs: tables, fields, JSON.
//!
//! Names come from strangers: what could move a terminal's cursor or turn text around is written out.

use crate::tool;
use serde_json::Value;
use std::fmt::Write as _;

/// A column, or a line of a description: its head, and how it is made of an item.
pub(super) type Column = (&'static str, fn(&Value) -> String);

/// How answers are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    json: bool,
}

impl Out {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read it.
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// A list; `none` stands for an empty one.
    pub(super) fn rows(self, items: &[Value], columns: &[Column], none: &str) {
        tool::say(&match (self.json, items) {
            (true, _) => json(&Value::Array(items.to_vec())),
            (false, []) => format!("{none}\n"),
            (false, _) => table(items, columns),
        });
    }

    /// One thing.
    pub(super) fn one(self, item: &Value, fields: &[Column]) {
        tool::say(&if self.json { json(item) } else { describe(item, fields) });
    }

    /// A sentence for people; programs see the exit code.
    pub(super) fn said(self, sentence: &str) {
        if !self.json {
            tool::say(&format!("{sentence}\n"));
        }
    }

    /// A thing that holds a secret which is shown this once.
    pub(super) fn once(self, item: &Value, field: &str, what: &str) {
        if self.json {
            return tool::say(&json(item));
        }
        let secret = plain(item.get(field).and_then(Value::as_str).unwrap_or_default());
        tool::say(&format!("{what}, shown this once:\n{secret}\n"));
    }
}

fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Text that a terminal shows as it is, whatever is in it.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || turns {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

fn table(items: &[Value], columns: &[Column]) -> String {
    let head = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let row = |item: &Value| columns.iter().map(|(_, of)| of(item)).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(items.iter().map(row)).collect();
    let width = |n: usize| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn describe(item: &Value, fields: &[Column]) -> String {
    let width = fields.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (head, of) in fields {
        for (n, line) in of(item).lines().enumerate() {
            let head = if n == 0 { head } else { "" };
            let _ = writeln!(text, "{head:<width$}  {line}");
        }
    }
    text
}

/// What a pointer (RFC 6901) leads to, in a word; `-` for nothing.
pub(super) fn word(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => plain(text),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| word(item, "")).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// A time without its fraction.
pub(super) fn time(item: &Value, pointer: &str) -> String {
    let text = word(item, pointer);
    match text.split_once('.') {
        Some((seconds, rest)) if rest.ends_with('Z') => format!("{}Z", seconds.replace('T', " ")),
        _ => text,
    }
}

/// Bits per second.
pub(super) fn rate(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer).and_then(Value::as_u64) {
        Some(bits) => tool::format::bitrate(bits),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] =
        &[("NAME", |v| word(v, "/name")), ("ON", |v| word(v, "/on")), ("OF", |v| word(v, "/of/x"))];

    #[test]
    fn tables_line_up_and_hostile_names_stay_text() {
        let items = [
            json!({"name": "main", "on": true, "of": {"x": ["a", "b"]}}),
            json!({"name": "\u{1b}[31mred\n\u{202e}", "on": false}),
        ];
        let want = "NAME                          ON   OF\n\
                    main                          yes  a, b\n\
                    \\u{1b}[31mred\\u{a}\\u{202e}  no   -\n";
        assert_eq!(table(&items, COLUMNS), want);
        assert_eq!(describe(&items[0], COLUMNS), "NAME  main\nON    yes\nOF    a, b\n");
    }

    #[test]
    fn times_and_rates() {
        let item = json!({"at": "2026-11-22T10:00:00.123Z", "odd": "soon", "rate": 6_000_000});
        assert_eq!(time(&item, "/at"), "2026-11-22 10:00:00Z");
        assert_eq!(time(&item, "/odd"), "soon");
        assert_eq!(time(&item, "/none"), "-");
        assert!(rate(&item, "/rate").starts_with("6.0"), "{}", rate(&item, "/rate"));
        assert_eq!(rate(&item, "/at"), "-");
    }
}
