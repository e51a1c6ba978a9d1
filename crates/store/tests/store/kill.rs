//! G7: what was acknowledged survives kill -9.

use crate::fixture::{entry, quick};
use manycast_store::Store;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, query_scalar};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const CHILD: &str = "MANYCAST_TEST_KILL";
const KILLS: u32 = 200;

/// The process that is killed: says what it found, then changes and says what was acknowledged.
async fn child(dir: &Path) {
    let store = Store::open(dir, quick()).await.unwrap();
    let last = store.setting("n").await.unwrap();
    let found: u64 = last.map_or(0, |n| n.parse().unwrap());
    println!("@have {found}");
    for n in found + 1.. {
        let mut edit = store.edit(entry("setting.set", &n.to_string())).await.unwrap();
        edit.set_setting("n", Some(&n.to_string())).await.unwrap();
        edit.commit().await.unwrap();
        println!("@ack {n}");
    }
}

/// Starts a child, kills it after some acknowledged changes and a moment, and answers what it found and what
/// was acknowledged last.
fn run(dir: &Path, acks: u32, spin: u32) -> (u64, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::g7_acknowledged_changes_survive_kill_9", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut found, mut acknowledged, mut left) = (None, 0, acks);
    while let Some(Ok(line)) = lines.next() {
        let Some((_, said)) = line.split_once('@') else { continue };
        let (word, n) = said.split_once(' ').unwrap();
        let n: u64 = n.parse().unwrap();
        match word {
            "have" => found = Some(n),
            _ => acknowledged = n,
        }
        if left == 0 {
            (0..spin).for_each(|_| std::hint::spin_loop());
            child.kill().unwrap();
        }
        left = left.saturating_sub(1);
    }
    child.wait().unwrap();
    let found = found.expect("the child opened the database");
    (found, acknowledged.max(found))
}

#[tokio::test]
async fn g7_acknowledged_changes_survive_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return child(Path::new(&dir)).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for n in 0..KILLS {
        // Spread over the phases of a change: how far it gets, and where within one it ends.
        let (found, last) = run(dir.path(), n % 5, n.wrapping_mul(7_919) % 20_000);
        let one_more = acknowledged + 1;
        assert!(
            (acknowledged..=one_more).contains(&found),
            "{acknowledged}, then {found}: kill {n}"
        );
        acknowledged = last;
    }
    let store = Store::open(dir.path(), quick()).await.unwrap();
    store.verify().await.unwrap();
    let n: u64 = store.setting("n").await.unwrap().unwrap().parse().unwrap();
    assert!(n >= u64::from(KILLS), "{n} changes");
    // Each change has its entry, and no entry is without its change.
    let mut conn = SqliteConnectOptions::new().filename(store.path()).connect().await.unwrap();
    let entries = "SELECT count(*) FROM audit WHERE CAST(subject AS INTEGER) = id";
    let entries: i64 = query_scalar(entries).fetch_one(&mut conn).await.unwrap();
    assert_eq!(u64::try_from(entries).unwrap(), n);
}
