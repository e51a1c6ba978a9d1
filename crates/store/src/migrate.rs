//! The numbered steps from one schema to the next.
//!
//! The number of the schema is the file's `user_version`, which is written in the transaction of its step: a
//! process that is killed leaves the file before the step or after it. A file that had something in it is
//! copied into the folder of backups before each step.

use crate::backup;
use crate::error::{Error, Result};
use crate::open::{APPLICATION, Files};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};

/// A step: the schema that it leads to, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub number: u32,
    pub sql: &'static str,
}

/// All steps, in order and without a gap. One that was released is never edited.
pub(crate) const STEPS: &[Step] = &[
    Step { number: 1, sql: include_str!("schema/0001_control_plane.sql") },
    Step { number: 2, sql: include_str!("schema/0002_blocks.sql") },
    Step { number: 3, sql: include_str!("schema/0003_given_up.sql") },
];

/// The schema that the last step leads to.
pub(crate) fn newest(steps: &[Step]) -> u32 {
    steps.last().map_or(0, |s| s.number)
}

/// Where a step has got to: tests end the process there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The backup is written, but has no name yet.
    Copied,
    /// The backup is on disk.
    BackedUp,
    /// The transaction has begun.
    Begun,
    /// The statements of the step have run.
    Changed,
    /// All is done but the commit.
    Numbered,
    /// The step is on disk.
    Committed,
}

/// The number of the schema of an open file.
pub(crate) async fn schema(conn: &mut SqliteConnection) -> Result<u32> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(conn).await?;
    // A negative one is none of ours; no step leads to it.
    Ok(u32::try_from(found).unwrap_or(u32::MAX))
}

/// Takes the steps that are missing and answers the schema that is reached.
pub(crate) async fn run(
    conn: &mut SqliteConnection,
    files: &Files,
    steps: &[Step],
    at: &(dyn Fn(Moment) + Sync),
) -> Result<u32> {
    let known = newest(steps);
    let mut made = Vec::new();
    // One that is made just now holds nothing that would be worth a copy.
    let fresh = schema(conn).await? == 0;
    loop {
        let found = schema(conn).await?;
        if found > known {
            let file = files.database.clone();
            return Err(Error::Newer { file, schema: found, known });
        }
        let Some(step) = steps.iter().find(|s| s.number == found + 1) else {
            backup::keep_newest(&files.backups, &made);
            return Ok(found);
        };
        if !fresh {
            made.push(backup::before_step(conn, files, found, at).await?);
        }
        take(conn, *step, at).await.map_err(|error| failed(step.number, error))?;
        tracing::info!(schema = step.number, "the database was brought to a new schema");
    }
}

/// What is about the disk stays what it is; what is about the step says which.
fn failed(step: u32, error: Error) -> Error {
    match error {
        Error::Io { why, .. } | Error::Invalid { what: why } => Error::Migration { step, why },
        Error::NameTaken { .. } | Error::NotFound { .. } => {
            Error::Migration { step, why: error.to_string() }
        }
        other => other,
    }
}

/// Statements of a step may rebuild tables, so foreign keys are checked at its end instead of at
/// each statement.
async fn take(conn: &mut SqliteConnection, step: Step, at: &(dyn Fn(Moment) + Sync)) -> Result<()> {
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut *conn).await?;
    let taken = within(conn, step, at).await;
    sqlx::query("PRAGMA foreign_keys = ON").execute(&mut *conn).await?;
    taken
}

async fn within(
    conn: &mut SqliteConnection,
    step: Step,
    at: &(dyn Fn(Moment) + Sync),
) -> Result<()> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    at(Moment::Begun);
    // Another process may have taken it while we waited.
    if schema(&mut tx).await? + 1 != step.number {
        tx.rollback().await?;
        return Ok(());
    }
    sqlx::raw_sql(step.sql).execute(&mut *tx).await?;
    at(Moment::Changed);
    let loose = sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut *tx).await?;
    if loose.is_some() {
        return Err(Error::Invalid { what: "rows would be left that belong to nothing".into() });
    }
    let number = step.number;
    let numbered =
        format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {number};");
    sqlx::raw_sql(AssertSqlSafe(numbered)).execute(&mut *tx).await?;
    at(Moment::Numbered);
    tx.commit().await?;
    at(Moment::Committed);
    Ok(())
}

#[cfg(test)]
mod tests;
