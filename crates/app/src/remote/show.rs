//! Answers for eyes and for programs: tables, fields, JSON.
//!
//! Names come from strangers: see [`plain`].

pub(super) use crate::tool::plain;

use crate::tool;
use serde_json::Value;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

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
        say(&match (self.json, items) {
            (true, _) => json(&Value::Array(items.to_vec())),
            (false, []) => format!("{none}\n"),
            (false, _) => fitting(items, columns, manycast_sys::terminal_width()),
        });
    }

    /// One thing.
    pub(super) fn one(self, item: &Value, fields: &[Column]) {
        say(&if self.json { json(item) } else { describe(item, fields) });
    }

    /// A sentence for people; programs see the exit code.
    pub(super) fn said(self, sentence: &str) {
        if !self.json {
            say(&format!("{sentence}\n"));
        }
    }

    /// A thing that holds a secret which is shown this once.
    pub(super) fn once(self, item: &Value, field: &str, what: &str) {
        if self.json {
            return say(&json(item));
        }
        let secret = plain(item.get(field).and_then(Value::as_str).unwrap_or_default());
        say(&format!("{what}, shown this once:\n{secret}\n"));
    }
}

/// Tests look at what is made, not at what is printed.
fn say(text: &str) {
    if !cfg!(test) {
        tool::say(text);
    }
}

fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A table; where the terminal is narrower than that, one block of lines per item.
fn fitting(items: &[Value], columns: &[Column], width: Option<usize>) -> String {
    let table = table(items, columns);
    let fits = |most: usize| table.lines().all(|line| line.width() <= most);
    if width.is_none_or(fits) {
        return table;
    }
    let blocks: Vec<_> = items.iter().map(|item| describe(item, columns)).collect();
    blocks.join("\n")
}

fn table(items: &[Value], columns: &[Column]) -> String {
    let head = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let row = |item: &Value| columns.iter().map(|(_, of)| of(item)).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(items.iter().map(row)).collect();
    let width = |n: usize| rows.iter().map(|row| row[n].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
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

/// A text of several lines.
pub(super) fn lines(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer).and_then(Value::as_str).map(str::trim_end) {
        None | Some("") => "-".to_owned(),
        Some(text) => text.lines().map(plain).collect::<Vec<_>>().join("\n"),
    }
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

/// A name as a shell takes it.
pub(super) fn typed(name: &str) -> String {
    let bare = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let name = plain(name);
    if !name.is_empty() && name.chars().all(bare) {
        return name;
    }
    format!("'{}'", name.replace('\'', "'\\''"))
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
        let want = "NAME                        ON   OF\n\
                    main                        yes  a, b\n\
                    \\u{1b}[31mred\\u{a}\\u{202e}  no   -\n";
        assert_eq!(table(&items, COLUMNS), want);
        assert_eq!(describe(&items[0], COLUMNS), "NAME  main\nON    yes\nOF    a, b\n");
    }

    #[test]
    fn wide_letters_line_up_and_narrow_terminals_get_blocks() {
        let items =
            [json!({"name": "日本語 🎥", "on": true}), json!({"name": "Zoe\u{308}", "on": false})];
        let shown = "NAME       ON   OF\n日本語 🎥  yes  -\nZoe\u{308}        no   -\n";
        assert_eq!(fitting(&items, COLUMNS, None), shown);
        assert_eq!(fitting(&items, COLUMNS, Some(18)), shown);
        let blocks = "NAME  日本語 🎥\nON    yes\nOF    -\n\nNAME  Zoe\u{308}\nON    no\nOF    -\n";
        assert_eq!(fitting(&items, COLUMNS, Some(17)), blocks);
        assert_eq!(lines(&json!({"a": "x\n\u{1b}y\n"}), "/a"), "x\n\\u{1b}y");
        assert_eq!(lines(&json!({"a": ""}), "/a"), "-");
    }

    #[test]
    fn names_are_shown_as_they_are_typed() {
        assert_eq!(typed("main.2"), "main.2");
        assert_eq!(typed("My place"), "'My place'");
        assert_eq!(typed("it's; ls"), "'it'\\''s; ls'");
        assert_eq!(typed(""), "''");
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
