//! Our own files, and Rust code without its comments, texts and unit tests.
//!
//! What belongs here: enough of Rust's lexical rules to search code without being misled by prose.
//! What must not: a judgement about what was found.

use crate::workspace::root;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no source of ours.
const SKIP: &[&str] =
    &["target", ".git", ".cache", "node_modules", "dist", "corpus", "artifacts", "out"];

/// One text file of the project.
pub struct File {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// All files below the root whose name ends in one of `endings`, sorted by path.
pub fn files(endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), endings, &mut found);
    found.sort();
    let read = |p: &PathBuf| {
        let path = p.strip_prefix(root()).unwrap_or(p).to_string_lossy().replace('\\', "/");
        fs::read_to_string(p).ok().map(|text| File { path, text })
    };
    found.iter().filter_map(read).collect()
}

fn walk(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && !SKIP.contains(&name.as_str()) {
            walk(&entry.path(), endings, found);
        } else if kind.is_file() && endings.iter().any(|e| name.ends_with(e)) {
            found.push(entry.path());
        }
    }
}

/// The code with comments and the insides of texts and characters blanked. Line numbers stay.
pub fn code(text: &str) -> String {
    let b: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < b.len() {
        let end = skip(&b, i);
        if end > i {
            out.extend(b[i..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            i = end;
        } else {
            out.push(b[i]);
            i += 1;
        }
    }
    out
}

/// Where the comment, text or character that starts at `i` ends, or `i` where none starts.
fn skip(b: &[char], i: usize) -> usize {
    let at = |k: usize| b.get(k).copied().unwrap_or('\0');
    let word_before = i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_');
    match at(i) {
        '/' if at(i + 1) == '/' => (i..b.len()).find(|k| at(*k) == '\n').unwrap_or(b.len()),
        '/' if at(i + 1) == '*' => block(b, i),
        '"' => quoted(b, i + 1),
        'r' if !word_before => raw(b, i + 1).unwrap_or(i),
        'b' | 'c' if !word_before && at(i + 1) == 'r' => raw(b, i + 2).unwrap_or(i),
        '\'' if at(i + 1) == '\\' => {
            (i + 3..b.len()).find(|k| at(*k) == '\'').map_or(b.len(), |k| k + 1)
        }
        '\'' if at(i + 2) == '\'' => i + 3,
        _ => i,
    }
}

/// Block comments nest.
fn block(b: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0_usize, start);
    while i + 1 < b.len() {
        match (b[i], b[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') if depth == 1 => return i + 2,
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
    }
    b.len()
}

fn quoted(b: &[char], mut i: usize) -> usize {
    while i < b.len() {
        match b[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    b.len()
}

/// A raw text from its first `#` or quote on.
fn raw(b: &[char], start: usize) -> Option<usize> {
    let hashes = b[start..].iter().take_while(|c| **c == '#').count();
    let open = start + hashes;
    if b.get(open) != Some(&'"') {
        return None;
    }
    let closes = |k: &usize| {
        b[*k] == '"' && b[k + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    Some((open + 1..b.len()).find(closes).map_or(b.len(), |k| k + 1 + hashes))
}

/// [`code`] without the items under `#[cfg(test)]`: what ends up in the product. Line numbers stay.
pub fn product(text: &str) -> String {
    let mut out = code(text);
    let mut from = 0;
    while let Some(found) = out[from..].find("#[cfg(test)]") {
        let start = from + found;
        let end = item_end(&out, start + "#[cfg(test)]".len());
        let blank: String =
            out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
        from = start + blank.len();
    }
    out
}

/// An item ends with its `;`, or with the brace that closes its first one.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (i, c) in code[from..].char_indices() {
        match c {
            ';' if depth == 0 => return from + i + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return from + i + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Whether `word` stands in the code with no letter, digit or `_` on either side.
pub fn has_word(code: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(i, _)| {
        !part(code[..i].chars().next_back()) && !part(code[i + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_blanked_and_code_stays() {
        let rows = [
            ("let a = 1; // unsafe", "let a = 1;"),
            ("/* a /* unsafe */ b */ x", "x"),
            ("f(\"unsafe \\\" {\"); g", "f( ); g"),
            ("f(r#\"un\"safe\"#); g", "f( ); g"),
            ("f(br\"x\"); g", "f( ); g"),
            ("let c = '\"'; let d = '\\''; h", "let c = ; let d = ; h"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("'\\u{1F600}' y", "y"),
        ];
        let squeeze = |s: &str| s.split_whitespace().collect::<Vec<_>>().join("");
        for (text, want) in rows {
            assert_eq!(squeeze(&code(text)), squeeze(want), "{text}");
            assert_eq!(code(text).chars().count(), text.chars().count());
        }
    }

    #[test]
    fn unit_tests_are_no_product() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { { } }\n}\nfn c() {}\n";
        let got = product(text);
        assert!(got.contains("fn a") && got.contains("fn c") && !got.contains("fn b"), "{got}");
        assert_eq!(got.lines().count(), text.lines().count());
        let got = product("#[cfg(test)]\nmod tests;\nfn c() {}");
        assert!(got.contains("fn c") && !got.contains("mod tests"), "{got}");
    }

    #[test]
    fn words_have_borders() {
        assert!(has_word("unsafe { }", "unsafe"));
        assert!(!has_word("unsafe_code", "unsafe"));
    }
}
