//! Lists in pieces: what is asked and what is answered.

use crate::error::{Error, Result};

/// The most that one page holds.
pub const PAGE_MAX: u32 = 200;

/// Which piece of a list.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// How many at most; taken as 1 to 200.
    pub limit: u32,
    /// The `next` of the page before; `None`: from the start.
    pub after: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: 50, after: None }
    }
}

impl PageRequest {
    /// How many rows to read: one more than asked tells whether there are further ones.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit.clamp(1, PAGE_MAX)) + 1
    }

    /// The cursor of a list that is ordered by a number, else `start`.
    pub(crate) fn number(&self, start: i64) -> Result<i64> {
        let Some(after) = &self.after else { return Ok(start) };
        let well = !after.is_empty() && after.bytes().all(|b| b.is_ascii_digit());
        after.parse().ok().filter(|_| well).ok_or(Error::BadCursor)
    }

    /// The cursor of a list that is ordered by ids, else the empty text.
    pub(crate) fn id(&self) -> Result<&str> {
        let Some(after) = &self.after else { return Ok("") };
        let well = after.len() == 32 && after.bytes().all(|b| b.is_ascii_hexdigit());
        if well { Ok(after) } else { Err(Error::BadCursor) }
    }

    /// Cuts what [`Self::rows`] read; `cursor` names the last one that stays.
    pub(crate) fn cut<T>(&self, mut items: Vec<T>, cursor: impl Fn(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.rows() - 1).unwrap_or(1);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(cursor);
        Page { items, next }
    }
}

/// A piece of a list.
#[derive(Clone, Debug, Default)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Ask with this for those that follow; `None`: that was all.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_whether_there_is_more() {
        let ask = PageRequest { limit: 2, after: None };
        assert_eq!(ask.rows(), 3);
        let page = ask.cut(vec![9, 8, 7], ToString::to_string);
        assert_eq!((page.items, page.next), (vec![9, 8], Some("8".to_owned())));
        let page = ask.cut(vec![9, 8], ToString::to_string);
        assert_eq!((page.items, page.next), (vec![9, 8], None));
    }

    #[test]
    fn i12_limits_and_cursors_of_strangers_are_bounded() {
        for (limit, rows) in [(0, 2), (1, 2), (200, 201), (201, 201), (u32::MAX, 201)] {
            assert_eq!(PageRequest { limit, after: None }.rows(), rows);
        }
        for wrong in ["", "-1", "+1", "x", "9223372036854775808", " 1"] {
            let ask = PageRequest { limit: 1, after: Some(wrong.to_owned()) };
            assert!(matches!(ask.number(0), Err(Error::BadCursor)), "{wrong}");
            assert!(matches!(ask.id(), Err(Error::BadCursor)), "{wrong}");
        }
    }
}
