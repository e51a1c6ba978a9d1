//! What may have gone wrong with a key that opens nothing: for those who run the server.
//!
//! Of what was sent the first four characters are repeated at most, and only if it is as long as a key
//! of this server: else it may be a password, or the key of another one.

use super::AttemptKey;
use super::key::{Key, Near, Sent};
use super::table::{Entry, Table};
use manycast_hub::{AccessRequest, Secret};
use manycast_media::StreamName;

/// What was nearly meant.
#[derive(Default)]
pub(super) struct Hint {
    pub(super) stream: Option<StreamName>,
    pub(super) key: Option<AttemptKey>,
    pub(super) words: Option<String>,
    pub(super) begins: Option<String>,
}

/// Characters that are repeated, of so many at least.
const SHOWN: usize = 4;
const LONG: usize = 16;

/// Looks at everything that was sent for a key.
pub(super) fn near(table: &Table, name: &Secret, request: &AccessRequest) -> Hint {
    let sent: Vec<Sent> =
        request.keys.iter().chain([name]).map(|key| Sent::new(key.expose())).collect();
    let all = table.keys().flat_map(|pair| sent.iter().map(move |sent| (pair, sent)));
    let nearest = all.filter_map(|(pair, sent)| Some((pair.1.near(sent)?, pair, sent)));
    if let Some((near, pair, sent)) = nearest.max_by_key(|(near, ..)| *near) {
        return nearly(near, pair, sent);
    }
    let text = name.expose();
    let named = table.entries.iter().find(|entry| entry.name.as_str() == text);
    let stream = named.map(|entry| entry.name.clone());
    let words = match named {
        Some(_) => Some("the name of the stream was sent in place of its key".to_owned()),
        None if text.is_empty() => Some("no key was sent".to_owned()),
        None if text.contains("://") => {
            Some("a whole address was sent in place of the key".to_owned())
        }
        None => lengths(table, text.chars().count()),
    };
    Hint { stream, key: None, words, begins: beginning(table, text) }
}

/// What tells people which of their keys it may have been, and nobody what it was.
fn beginning(table: &Table, sent: &str) -> Option<String> {
    let length = sent.chars().count();
    let plain = sent.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let ours = table.keys().any(|(_, key)| key.length == length);
    (plain && ours && length >= LONG).then(|| sent.chars().take(SHOWN).collect())
}

fn nearly(near: Near, (entry, key): (&Entry, &Key), sent: &Sent) -> Hint {
    let (label, stream) = (&key.label, &entry.name);
    let which = format!("the key \"{label}\" of {stream}");
    let words = match near {
        Near::Wrapped => format!("it is {which}, with blanks or quotes around it"),
        Near::Capitals => format!("it is {which}, but capital letters differ"),
        Near::Begins if sent.length == key.length => {
            format!("it begins like {which}: one or more of its characters are wrong")
        }
        Near::Begins => {
            let (has, wants) = (sent.length, key.length);
            format!("it begins like {which}, but has {has} characters instead of {wants}")
        }
    };
    let (stream, key) = (Some(stream.clone()), Some(key.told()));
    Hint { stream, key, words: Some(words), begins: None }
}

fn lengths(table: &Table, sent: usize) -> Option<String> {
    let mut lengths = table.keys().map(|(_, key)| key.length);
    let ours = lengths.next()?;
    if lengths.any(|other| other != ours) {
        return None;
    }
    match sent == ours {
        true => Some("it is as long as a key of this server, but none of them".to_owned()),
        false => Some(format!("it has {sent} characters; the keys of this server have {ours}")),
    }
}
