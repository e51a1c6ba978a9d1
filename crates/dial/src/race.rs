//! Connecting to the first of several addresses that answers (RFC 8305, Happy Eyeballs).
//!
//! Belongs here: order and timing of attempts. Must not come here: sockets (the attempts are
//! handed in), names.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Connection Attempt Delay (RFC 8305 5, recommended value).
pub(crate) const STAGGER: Duration = Duration::from_millis(250);

/// Attempts at most: whoever answers with hundreds of addresses gets no scan out of us.
const ATTEMPTS: usize = 8;

/// IPv6 first, then by turns (RFC 8305 4), each family in the order of its answer, no address
/// twice.
pub(crate) fn order(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let family = |v6: bool| addresses.iter().copied().filter(move |a| a.is_ipv6() == v6);
    let (mut first, mut second) = (family(true), family(false));
    let mut ordered = Vec::with_capacity(addresses.len());
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            break;
        }
        for address in pair.into_iter().flatten() {
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
    ordered.truncate(ATTEMPTS);
    ordered
}

/// Starts an attempt at the first address, and the next one each time an attempt fails or
/// [`STAGGER`] has gone by; the first that succeeds wins and the others are dropped. Without any,
/// every failure. Cancel-safe: dropping it drops all attempts.
pub(crate) async fn race<T, F>(
    addresses: &[SocketAddr],
    connect: impl Fn(SocketAddr) -> F,
) -> Result<(T, SocketAddr), Vec<(SocketAddr, io::Error)>>
where
    F: Future<Output = io::Result<T>> + Send,
{
    let mut waiting = addresses.iter().copied();
    let mut running = Running { attempts: Vec::new() };
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            running.attempts.push((address, Box::pin(connect(address))));
        } else if running.attempts.is_empty() {
            return Err(failures);
        }
        let next_attempt = async {
            if waiting.len() == 0 {
                std::future::pending().await
            } else {
                tokio::time::sleep(STAGGER).await;
            }
        };
        tokio::select! {
            biased;
            (address, outcome) = poll_fn(|cx| running.poll(cx)) => match outcome {
                Ok(connected) => return Ok((connected, address)),
                Err(error) => failures.push((address, error)),
            },
            () = next_attempt => {}
        }
    }
}

struct Running<F> {
    attempts: Vec<(SocketAddr, Pin<Box<F>>)>,
}

impl<T, F: Future<Output = io::Result<T>>> Running<F> {
    /// The first attempt that ended; it is then gone from the list.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(SocketAddr, io::Result<T>)> {
        for index in 0..self.attempts.len() {
            let (address, attempt) = &mut self.attempts[index];
            if let Poll::Ready(outcome) = attempt.as_mut().poll(cx) {
                let address = *address;
                drop(self.attempts.remove(index));
                return Poll::Ready((address, outcome));
            }
        }
        Poll::Pending
    }
}
