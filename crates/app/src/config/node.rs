//! The configuration as a tree of values that know where they were written.
//!
//! Belongs here: from TOML text to the tree. Must not come here: what the settings mean.

use super::fault::{Faults, Place};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longer files are refused unread.
const MAX_BYTES: usize = 4 << 20;

/// A value and where it was set.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// Keys of a table, each with the place of the key itself.
pub(super) type Table = BTreeMap<String, (Place, Node)>;

/// What was written.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    /// `None`: beyond 64 bits.
    Integer(Option<i64>),
    Float,
    Flag(bool),
    Date,
    List(Vec<Node>),
    Table(Table),
    /// From the environment: what it is becomes clear when it is asked for.
    Untyped(String),
}

impl Value {
    /// What it is, in words; never the value itself, which may be a key.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a number",
            Self::Float => "a number with a fraction",
            Self::Flag(_) => "true or false",
            Self::Date => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a section",
            Self::Untyped(_) => "the value of a variable",
        }
    }
}

/// From byte offsets to lines and columns.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    fn place(&self, offset: usize) -> Place {
        let row = self.starts.partition_point(|start| *start <= offset).max(1) - 1;
        let start = self.starts[row];
        let upto = self.text.as_bytes().get(start..offset).unwrap_or_default();
        let is_start = |b: &&u8| (**b & 0xc0) != 0x80;
        let column = upto.iter().filter(is_start).count() + 1;
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place::At { line: narrow(row + 1), column: narrow(column) }
    }
}

/// Reads a file's bytes. Syntax faults go to `faults`; the tree is then not to be used.
pub(super) fn parse(bytes: &[u8], faults: &Faults) -> Table {
    if bytes.len() > MAX_BYTES {
        faults.fault(&Place::File, "", "larger than 4 MB", "is this the right file?");
        return Table::new();
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let good = String::from_utf8_lossy(good);
            let place = Lines::new(&good).place(good.len());
            faults.fault(&place, "", "not UTF-8 text", "save the file in UTF-8");
            return Table::new();
        }
    };
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = error.span().map_or(Place::File, |span| lines.place(span.start));
        let what = error.message().lines().collect::<Vec<_>>().join(", ");
        faults.fault(&place, "", what, "mend the TOML syntax in this line");
    }
    if errors.is_empty() { convert_table(table.get_ref(), &lines) } else { Table::new() }
}

fn convert_table(table: &DeTable<'_>, lines: &Lines<'_>) -> Table {
    let convert = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let place = lines.place(key.span().start);
        (key.get_ref().to_string(), (place, convert_value(value, lines)))
    };
    table.iter().map(convert).collect()
}

fn convert_value(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let converted = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok())
        }
        DeValue::Float(_) => Value::Float,
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| convert_value(item, lines)).collect())
        }
        DeValue::Table(table) => Value::Table(convert_table(table, lines)),
    };
    Node { place: lines.place(value.span().start), value: converted }
}
