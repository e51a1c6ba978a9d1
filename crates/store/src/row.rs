//! From columns to fields: what all tables share.

use crate::error::{Error, Result};
use crate::time::UnixMs;
use crate::vault::{Kept, Place, Ring};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use std::str::FromStr;

/// A row that can be read from its columns.
pub(crate) trait Row: Sized {
    fn read(row: &SqliteRow, ring: &Ring) -> sqlx::Result<Self>;
}

pub(crate) fn id<T: FromStr>(row: &SqliteRow, column: &str) -> sqlx::Result<T> {
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|_| bent(column))
}

pub(crate) fn maybe_id<T: FromStr>(row: &SqliteRow, column: &str) -> sqlx::Result<Option<T>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|t| t.parse().map_err(|_| bent(column))).transpose()
}

pub(crate) fn time(row: &SqliteRow, column: &str) -> sqlx::Result<UnixMs> {
    row.try_get(column).map(UnixMs)
}

pub(crate) fn maybe_time(row: &SqliteRow, column: &str) -> sqlx::Result<Option<UnixMs>> {
    row.try_get::<Option<i64>, _>(column).map(|ms| ms.map(UnixMs))
}

pub(crate) fn list(row: &SqliteRow, column: &str) -> sqlx::Result<Vec<String>> {
    serde_json::from_str(row.try_get(column)?).map_err(|_| bent(column))
}

/// A list as it is written.
pub(crate) fn listed(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

pub(crate) fn kept(row: &SqliteRow, ring: &Ring, place: Place<'_>) -> sqlx::Result<Kept> {
    let sealed: Option<&[u8]> = row.try_get(place.column)?;
    Ok(ring.kept(place, sealed))
}

fn bent(column: &str) -> sqlx::Error {
    let source = "not in the form that was written".into();
    sqlx::Error::ColumnDecode { index: column.to_owned(), source }
}

/// That the caller saw the version in force; without one he takes what is there.
pub(crate) fn same_version(seen: Option<i64>, version: i64) -> Result<()> {
    match seen {
        Some(seen) if seen != version => Err(Error::Conflict { version }),
        _ => Ok(()),
    }
}

/// Sets a field if there is something to set.
pub(crate) fn set<T>(field: &mut T, change: Option<T>) {
    if let Some(value) = change {
        *field = value;
    }
}
