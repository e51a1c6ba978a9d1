//! G9: steps that are cut off, that fail, and files of the future.

use super::*;
use crate::open::Options;
use crate::{AuditEntry, NewStream, Store, StreamId, UnixMs};
use sqlx::{ConnectOptions, query_scalar};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const CHILD: &str = "MANYCAST_TEST_MIGRATE";
const MOMENTS: [Moment; 6] = [
    Moment::Copied,
    Moment::BackedUp,
    Moment::Begun,
    Moment::Changed,
    Moment::Numbered,
    Moment::Committed,
];

/// What was there first.
const FIRST: &[Step] = &[STEPS[0]];

/// Steps as later versions may have them: a column, data, and a table that others point to rebuilt.
const LATER: &[Step] = &[
    STEPS[0],
    Step { number: 2, sql: "ALTER TABLE stream ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';" },
    Step {
        number: 3,
        sql: "CREATE TABLE colour (name TEXT PRIMARY KEY NOT NULL) STRICT; \
              INSERT INTO colour SELECT DISTINCT colour FROM stream;",
    },
    Step {
        number: 4,
        sql: "CREATE TABLE user_new (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL COLLATE NOCASE UNIQUE) STRICT; \
              INSERT INTO user_new SELECT id, name FROM user; DROP TABLE user; ALTER TABLE user_new RENAME TO user;",
    },
];

fn options() -> Options {
    // patience with a machine that is busy: nobody else has these open
    Options { busy: Duration::from_secs(10), ..Options::default() }
}

fn files(dir: &Path) -> Files {
    Files::of(dir, &options())
}

async fn open(dir: &Path, steps: &[Step]) -> Result<Store> {
    let files = files(dir);
    let placed = files.clone();
    Store::open_with(files, &options(), steps).await.map_err(|e| placed.placed(e))
}

/// A database of schema 1 with a Stream and an account with a session.
async fn first(dir: &Path) {
    let store = open(dir, FIRST).await.unwrap();
    let at = UnixMs(1);
    let mut edit = store.edit(AuditEntry::new(at, "user", "ann", "a", "b")).await.unwrap();
    let new = NewStream {
        id: StreamId::new(),
        name: "main".into(),
        title: "Main".into(),
        start: "auto".into(),
        play: true,
        takeover: "always".into(),
        reconnect_window_ms: 1,
        hold_on_stop: false,
        notes: String::new(),
        created_at: at,
    };
    edit.create_stream(new).await.unwrap();
    let id = crate::UserId::new();
    let user = crate::NewUser {
        id,
        name: "ann".into(),
        password_hash: "x".into(),
        role: "owner".into(),
        created_at: at,
    };
    edit.create_user(user).await.unwrap();
    let session = crate::SessionRow {
        token_hash: vec![1],
        user_id: id,
        created_at: at,
        seen_at: at,
        expires_at: at,
        address: String::new(),
        agent: String::new(),
    };
    edit.create_session(session).await.unwrap();
    edit.commit().await.unwrap();
    store.close().await;
}

/// The process that is killed: it brings the database of the directory to the newest schema and ends
/// itself at a moment of a step.
async fn child(order: &str) {
    let mut words = order.splitn(3, ' ');
    let (step, moment): (u32, usize) =
        (words.next().unwrap().parse().unwrap(), words.next().unwrap().parse().unwrap());
    let dir = Path::new(words.next().unwrap()).to_owned();
    let place = files(&dir);
    crate::disk::make_private(&place.database).unwrap();
    let writer = crate::open::writer(&place.database, Duration::from_secs(1));
    let mut conn = writer.connect().await.unwrap();
    let taken = std::sync::atomic::AtomicU32::new(schema(&mut conn).await.unwrap());
    run(&mut conn, &place, LATER, &|at| {
        use std::sync::atomic::Ordering;
        if at == MOMENTS[moment] && taken.load(Ordering::Relaxed) + 1 == step {
            nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::SIGKILL).unwrap();
        }
        if at == Moment::Committed {
            taken.fetch_add(1, Ordering::Relaxed);
        }
    })
    .await
    .unwrap();
}

fn kill_at(dir: &Path, step: u32, moment: usize) {
    use std::os::unix::process::ExitStatusExt;
    let order = format!("{step} {moment} {}", dir.display());
    let name = "migrate::tests::g9_a_step_that_is_killed_at_any_moment_is_taken_again";
    let mut command = Command::new(std::env::current_exe().unwrap());
    let ended = command.args(["--exact", name, "--nocapture"]).env(CHILD, order).output().unwrap();
    assert_eq!(ended.status.signal(), Some(9), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// `left`: the schemas that something was in when they were left.
async fn whole(dir: &Path, from: u32, left: std::ops::Range<u32>) {
    let store = open(dir, LATER).await.unwrap();
    assert_eq!(store.schema(), 4);
    store.verify().await.unwrap();
    let mut reading = store.reading().await.unwrap();
    for (question, want) in [
        ("SELECT count(*) FROM stream WHERE colour = 'red'", 1),
        ("SELECT count(*) FROM colour WHERE name = 'red'", 1),
        ("SELECT count(*) FROM session JOIN user ON user.id = user_id", 1),
        ("SELECT count(*) FROM audit", 1),
        ("SELECT count(*) FROM pragma_foreign_key_check", 0),
    ] {
        let got: i64 = query_scalar(question).fetch_one(&mut *reading.conn).await.unwrap();
        assert_eq!(got, want * i64::from(from > 0), "{question}");
    }
    drop(reading);
    store.close().await;
    let mut copied = Vec::new();
    for entry in std::fs::read_dir(files(dir).backups).into_iter().flatten() {
        let path = entry.unwrap().path();
        let found = crate::open::examine(&path, Duration::from_secs(1), 4).await.unwrap();
        assert!(path.to_string_lossy().ends_with(&format!("-schema{found}.db")), "{path:?}");
        copied.push(found);
    }
    copied.sort_unstable();
    copied.dedup();
    assert_eq!(copied, Vec::from_iter(left), "there is a copy of each schema that was left");
}

#[tokio::test]
async fn g9_a_step_that_is_killed_at_any_moment_is_taken_again() {
    if let Ok(order) = std::env::var(CHILD) {
        return child(&order).await;
    }
    for step in 2..=4 {
        for moment in 0..MOMENTS.len() {
            let dir = tempfile::tempdir().unwrap();
            first(dir.path()).await;
            kill_at(dir.path(), step, moment);
            whole(dir.path(), 1, 1..4).await;
        }
    }
    // A new file has nothing to copy, unless it was found with its first step taken.
    for (moment, reached) in MOMENTS.iter().enumerate().skip(2) {
        let dir = tempfile::tempdir().unwrap();
        kill_at(dir.path(), 1, moment);
        let taken = *reached == Moment::Committed;
        whole(dir.path(), 0, if taken { 1..4 } else { 1..1 }).await;
    }
}

#[tokio::test]
async fn g9_a_step_that_fails_leaves_the_file_and_says_which() {
    let dir = tempfile::tempdir().unwrap();
    first(dir.path()).await;
    for sql in [
        "ALTER TABLE stream ADD COLUMN colour TEXT; DROP TABLE nothing;",
        "ALTER TABLE stream ADD COLUMN colour TEXT; UPDATE session SET user_id = 'nobody';",
    ] {
        let steps = [STEPS[0], Step { number: 2, sql }];
        let failed = open(dir.path(), &steps).await.unwrap_err();
        assert!(matches!(failed, Error::Migration { step: 2, .. }), "{failed}");
        assert!(failed.remedy().contains("as it was before"));
    }
    let store = open(dir.path(), FIRST).await.unwrap();
    assert_eq!((store.schema(), store.streams().await.unwrap().len()), (1, 1));
    store.close().await;
    assert_eq!(open(dir.path(), LATER).await.unwrap().schema(), 4);
}

#[tokio::test]
async fn g9_a_file_of_a_newer_version_is_refused_and_left() {
    let dir = tempfile::tempdir().unwrap();
    first(dir.path()).await;
    open(dir.path(), LATER).await.unwrap().close().await;
    let before = std::fs::read(files(dir.path()).database).unwrap();
    let refused = Store::open(dir.path(), options()).await.unwrap_err();
    let Error::Newer { schema: 4, known: 3, .. } = &refused else { panic!("{refused}") };
    assert!(refused.to_string().contains("newer Manycast"), "{refused}");
    assert!(refused.remedy().contains("manycast restore"), "{}", refused.remedy());
    assert_eq!(std::fs::read(files(dir.path()).database).unwrap(), before);
}

#[tokio::test]
async fn two_processes_that_start_at_once_take_each_step_once() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let path = dir.path().to_owned();
        let options = Options { busy: Duration::from_secs(10), ..Options::default() };
        tokio::spawn(
            async move { Store::open_with(Files::of(&path, &options), &options, LATER).await },
        )
    };
    let (one, two) = (open(), open());
    let (one, two) = (one.await.unwrap().unwrap(), two.await.unwrap().unwrap());
    assert_eq!((one.schema(), two.schema()), (4, 4));
}

#[test]
fn steps_are_numbered_without_a_gap() {
    for (n, step) in (1..).zip(STEPS) {
        assert_eq!(step.number, n);
    }
}

/// A command beside the server of an older version: it copies the database, and changes nothing of it.
#[tokio::test]
async fn g9_a_database_of_an_older_version_can_be_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    first(dir.path()).await;
    let running = open(dir.path(), FIRST).await.unwrap();
    let careful = Options { migrate: false, ..options() };
    let newer = |options: Options| {
        let files = files(dir.path());
        async move { Store::open_with(files, &options, LATER).await }
    };
    let refused = newer(careful.clone()).await.unwrap_err();
    assert!(matches!(refused, Error::Older { schema: 1, known: 4, .. }), "{refused}");
    assert_eq!(running.streams().await.unwrap().len(), 1, "the server goes on");
    let to = dir.path().join("copy.db");
    let made = crate::back_up(dir.path(), &to, true, careful.clone()).await.unwrap();
    assert!(made.bytes > 0 && made.vault_key.is_some());
    assert!(crate::backups(dir.path()).is_empty(), "no step was taken");
    running.close().await;
    let copied = crate::open::examine(&to, Duration::from_secs(1), 1).await.unwrap();
    assert_eq!(copied, 1);
    newer(options()).await.unwrap().close().await;
    newer(careful).await.unwrap().close().await;
}

/// Where there is nothing, nothing is made.
#[tokio::test]
async fn what_may_not_be_migrated_is_not_made_either() {
    let dir = tempfile::tempdir().unwrap();
    let careful = Options { migrate: false, ..options() };
    let empty = Store::open(dir.path(), careful.clone()).await.unwrap_err();
    assert!(matches!(empty, Error::Older { schema: 0, .. }), "{empty}");
    assert!(Store::open(&dir.path().join("no"), careful).await.is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// G9: a database of the version before is copied, and brought forward with all that is in it.
#[tokio::test]
async fn g9_a_database_without_blocks_gets_them_after_a_backup() {
    let dir = tempfile::tempdir().unwrap();
    first(dir.path()).await;
    let store = open(dir.path(), STEPS).await.unwrap();
    let copies = crate::backups(dir.path());
    assert_eq!(copies.len(), STEPS.len() - 1, "one before each step: {copies:?}");
    assert_eq!(store.streams().await.unwrap().len(), 1, "what was there is there");
    let row = crate::BlockRow {
        address: "192.0.2.1".into(),
        since: UnixMs(1),
        until: UnixMs(10),
        reason: "noise".into(),
        made_by: "ann".into(),
    };
    let entry = || AuditEntry::new(UnixMs(1), "user", "ann", "address.block", "192.0.2.1");
    let mut edit = store.edit(entry()).await.unwrap();
    edit.put_block(row.clone()).await.unwrap();
    edit.commit().await.unwrap();
    drop(store);
    let store = open(dir.path(), STEPS).await.unwrap();
    assert_eq!(store.blocks(UnixMs(9)).await.unwrap(), std::slice::from_ref(&row));
    assert!(store.blocks(UnixMs(10)).await.unwrap().is_empty(), "it is over");
    let longer = crate::BlockRow { until: UnixMs(20), ..row };
    let mut edit = store.edit(entry()).await.unwrap();
    edit.put_block(longer.clone()).await.unwrap();
    edit.commit().await.unwrap();
    assert_eq!(store.blocks(UnixMs(9)).await.unwrap(), [longer], "one for each address");
    assert_eq!(store.prune(UnixMs(21)).await.unwrap().blocks, 1);
    let mut edit = store.edit(entry()).await.unwrap();
    assert!(!edit.remove_block("192.0.2.1").await.unwrap());
}

#[tokio::test]
async fn a_database_that_is_made_anew_leaves_no_copies() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), STEPS).await.unwrap();
    assert_eq!(store.schema(), STEPS.last().unwrap().number);
    assert!(crate::backups(dir.path()).is_empty());
}
