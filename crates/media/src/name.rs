//! The public name of a Stream.

use std::{fmt, sync::Arc};

/// What viewers ask for: 1 to 64 characters of `[A-Za-z0-9._-]`.
///
/// `~` is reserved for names that Manycast makes itself (renditions, slates), see
/// [`StreamName::derived`]. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName(Arc<str>);

/// Why a text is no Stream name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty or longer than 64 characters.
    #[error("a stream name has 1 to 64 characters")]
    Length,
    /// A character outside `[A-Za-z0-9._-]`.
    #[error("a stream name is made of letters, digits, '.', '_' and '-' only")]
    Character,
}

impl StreamName {
    /// The longest name, in characters.
    pub const MAX_LEN: usize = 64;

    /// Takes a name that a person chose.
    ///
    /// # Errors
    /// [`NameError`] when it is too long, empty, or has a character that is not allowed.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(NameError::Length);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.bytes().all(allowed) { Ok(Self(text.into())) } else { Err(NameError::Character) }
    }

    /// A name of ours beside this one: `main` and `720p` give `main~720p`.
    ///
    /// # Errors
    /// [`NameError`] when `suffix` itself is no name.
    pub fn derived(&self, suffix: &str) -> Result<Self, NameError> {
        let suffix = Self::new(suffix)?;
        Ok(Self(format!("{}~{}", self.0, suffix.0).into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamName({})", self.0)
    }
}

impl std::str::FromStr for StreamName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let long = "x".repeat(65);
        for (text, want) in [
            ("main", Ok(())),
            ("A.b_c-9", Ok(())),
            ("", Err(NameError::Length)),
            (long.as_str(), Err(NameError::Length)),
            ("main~720p", Err(NameError::Character)),
            ("../etc", Err(NameError::Character)),
            ("caf\u{e9}", Err(NameError::Character)),
        ] {
            assert_eq!(StreamName::new(text).map(drop), want, "{text:?}");
        }
    }

    #[test]
    fn derived_names_are_reserved() {
        let main = StreamName::new("main").unwrap();
        assert_eq!(main.derived("720p").unwrap().as_str(), "main~720p");
        assert!(main.derived("a~b").is_err());
    }
}
