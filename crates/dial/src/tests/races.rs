//! Happy Eyeballs in virtual time: the attempts are scripted futures.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::race::{order, race};

fn addresses(list: &[&str]) -> Vec<SocketAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

/// What an attempt does: how long it takes, and whether it succeeds.
#[derive(Clone, Copy)]
enum Act {
    Connects(u64),
    Fails(u64),
    Hangs,
}
use Act::{Connects, Fails, Hangs};

struct Outcome {
    winner: Option<usize>,
    took: u64,
    /// When each attempt began, in ms.
    began: Vec<u64>,
    failures: usize,
}

async fn run(script: &[Act]) -> Outcome {
    let list: Vec<SocketAddr> =
        (0..script.len()).map(|n| SocketAddr::from(([192, 0, 2, n as u8], 1935))).collect();
    let started = Instant::now();
    let elapsed = || u64::try_from(started.elapsed().as_millis()).unwrap();
    let began = Mutex::new(Vec::new());
    let result = race(&list, |address| {
        let index = list.iter().position(|&a| a == address).unwrap();
        began.lock().unwrap().push(elapsed());
        let act = script[index];
        async move {
            match act {
                Connects(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Ok(index)
                }
                Fails(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Err(io::Error::from(io::ErrorKind::ConnectionRefused))
                }
                Hangs => std::future::pending().await,
            }
        }
    })
    .await;
    let took = elapsed();
    let began = began.into_inner().unwrap();
    match result {
        Ok((winner, address)) => {
            assert_eq!(address, list[winner]);
            Outcome { winner: Some(winner), took, began, failures: 0 }
        }
        Err(failures) => Outcome { winner: None, took, began, failures: failures.len() },
    }
}

/// D8: IPv6 dead falls to IPv4 after 250 ms, a failure at once.
#[tokio::test(start_paused = true)]
async fn d8_the_next_address_starts_after_250_ms_or_a_failure() {
    for (script, winner, took, began) in [
        (&[Connects(20), Connects(5)][..], Some(0), 20, &[0][..]),
        (&[Hangs, Connects(10)], Some(1), 260, &[0, 250]),
        (&[Connects(255), Connects(10)], Some(0), 255, &[0, 250]),
        (&[Fails(30), Connects(10)], Some(1), 40, &[0, 30]),
        (&[Fails(0), Fails(0), Connects(1)], Some(2), 1, &[0, 0, 0]),
        (&[Hangs, Hangs, Connects(1)], Some(2), 501, &[0, 250, 500]),
        (&[Hangs, Fails(50), Connects(1)], Some(2), 301, &[0, 250, 300]),
        (&[Fails(400), Connects(500)], Some(1), 750, &[0, 250]),
        (&[Fails(10), Fails(20)], None, 30, &[0, 10]),
        (&[Fails(300), Fails(10)], None, 300, &[0, 250]),
        (&[], None, 0, &[]),
    ] {
        let outcome = run(script).await;
        assert_eq!((outcome.winner, outcome.took), (winner, took), "{began:?}");
        assert_eq!(outcome.began, began);
        if winner.is_none() {
            assert_eq!(outcome.failures, script.len());
        }
    }
}

#[test]
fn families_take_turns_and_ipv6_begins() {
    let list = addresses(&["1.0.0.1:1", "1.0.0.2:1", "[2600::1]:1", "1.0.0.1:1", "[2600::2]:1"]);
    let expected = addresses(&["[2600::1]:1", "1.0.0.1:1", "[2600::2]:1", "1.0.0.2:1"]);
    assert_eq!(order(&list), expected);
    assert_eq!(order(&[]), []);
    let only_v4 = addresses(&["1.0.0.2:1", "1.0.0.1:1"]);
    assert_eq!(order(&only_v4), only_v4);
}

/// A huge answer is no scan.
#[test]
fn attempts_are_bounded() {
    let many: Vec<SocketAddr> =
        (0..500_u32).map(|n| SocketAddr::from((n.to_be_bytes(), 1))).collect();
    assert_eq!(order(&many).len(), 8);
}
