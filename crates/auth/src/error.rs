//! Why something about accounts or keys was not done.

use crate::password::{Busy, Invalid};
use crate::permission::Forbidden;
use std::collections::HashSet;

/// Why an account, a token or a key was not made, changed or removed. Prints as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The caller may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A value is refused.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The state forbids it: the last owner, too many of something.
    #[error("{0}")]
    Limit(String),
    /// Too many passwords wait to be hashed.
    #[error("too many log in at the moment: try again in a few seconds")]
    Busy,
    /// Not found, another version, name taken, or the database cannot be used.
    #[error(transparent)]
    Store(#[from] manycast_store::Error),
}

impl AuthError {
    /// The field of the request that is at fault.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(invalid) => Some(invalid.field),
            _ => None,
        }
    }

    /// The word for the problem's type.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "forbidden",
            Self::Invalid(_) => "invalid",
            Self::Limit(_) => "limit",
            Self::Busy => "busy",
            Self::Store(error) => error.word(),
        }
    }
}

impl From<Busy> for AuthError {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

/// A name for a person, a token or a key: 1 to 64 characters, none of them invisible.
pub(crate) fn name(field: &'static str, text: &str) -> Result<(), Invalid> {
    let count = text.chars().count();
    if count == 0 || count > 64 || text.trim() != text || text.chars().any(is_invisible) {
        let message = "takes 1 to 64 characters, no blanks at its ends and nothing invisible";
        return Err(Invalid::new(field, format!("the {field} {message}")));
    }
    Ok(())
}

/// Whether a character draws nothing, turns what stands beside it around, or is none: with it, two
/// texts can look the same, and one text can look like another.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    let code = u32::from(c);
    // Unicode 23.7: the last two of each plane, and a block of 32
    let no_character = code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code);
    c.is_control()
        || no_character
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A name for a person: as [`name`], and none that only looks like another's. Letters of another
/// form (fullwidth, in circles, of formulas) are refused, and alphabets whose letters look alike in
/// one name.
pub(crate) fn person(text: &str) -> Result<(), Invalid> {
    name("name", text)?;
    let form = |c: char| {
        matches!(c, '\u{2100}'..='\u{214f}' | '\u{2460}'..='\u{24ff}' | '\u{fb00}'..='\u{fb4f}'
            | '\u{ff00}'..='\u{ffef}' | '\u{1d400}'..='\u{1d7ff}' | '\u{1f100}'..='\u{1f1ff}')
    };
    if text.chars().any(form) {
        return Err(Invalid::new("name", "the name has letters of another form: write plain ones"));
    }
    let alphabets: HashSet<u8> = text.chars().filter_map(alphabet).collect();
    if alphabets.len() > 1 {
        let message = "the name mixes alphabets whose letters look alike: write it in one of them";
        return Err(Invalid::new("name", message));
    }
    Ok(())
}

/// Of the alphabets that share shapes, the one of a letter.
fn alphabet(c: char) -> Option<u8> {
    match c {
        'A'..='Z'
        | 'a'..='z'
        | '\u{c0}'..='\u{d6}'
        | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2af}'
        | '\u{1e00}'..='\u{1eff}' => Some(0),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(1),
        '\u{400}'..='\u{52f}' => Some(2),
        '\u{530}'..='\u{58f}' => Some(3),
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_only_looks_like_another() {
        for (text, fine) in [
            ("samename", true),
            ("Zo\u{eb} Lef\u{e8}vre", true),
            ("\u{430}\u{43d}\u{43d}\u{430} 2", true),
            ("\u{3b1}\u{3bd}\u{3bd}\u{3b1}", true),
            ("\u{5c71}\u{7530} Hanako", true),
            ("s\u{430}mename", false),
            ("s\u{3bf}mename", false),
            ("\u{ff53}amename", false),
            ("\u{1d42c}amename", false),
            ("\u{24e2}amename", false),
            ("same\u{2066}name", false),
            ("same\u{e0041}name", false),
            ("same\u{fffe}name", false),
            ("same\u{ad}name", false),
        ] {
            assert_eq!(person(text).is_ok(), fine, "{text:?}");
        }
    }
}
