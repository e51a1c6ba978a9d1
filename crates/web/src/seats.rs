//! Who sits on the connections of a listener, and who gives way when all are taken (B12).
//!
//! ```text
//! an address has as many as it may have, or all are taken
//!   --> the oldest connection that waits for a request gives way: of those, first one that never
//!       finished one; a request that is being answered is never cut
//!   --> there is none: the new connection is closed
//! ```
//! Belongs here: the count and the choice. Must not come here: sockets.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use ipnet::IpNet;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::sync::Notify;

/// In the place of the count of requests: it gives way.
const LEAVING: usize = usize::MAX;

/// The seats of one listener.
#[derive(Debug)]
pub(crate) struct Seats {
    most: usize,
    most_of_one: usize,
    proxies: Arc<[IpNet]>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Rises with each connection: the first is the oldest.
    next: u64,
    by: BTreeMap<u64, (Option<IpAddr>, Arc<State>)>,
}

/// What a connection does.
#[derive(Debug, Default)]
struct State {
    /// Requests that are being answered, or [`LEAVING`].
    answering: AtomicUsize,
    /// It finished a request once.
    asked: AtomicBool,
    /// Bytes of an answer wait for the far end.
    sending: AtomicBool,
    leave: Notify,
}

impl State {
    /// Whether it went, which it does only between requests.
    fn gave_way(&self) -> bool {
        let idle = !self.sending.load(Ordering::Relaxed);
        let left = || {
            self.answering.compare_exchange(0, LEAVING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let went = idle && left();
        if went {
            self.leave.notify_one();
        }
        went
    }
}

impl Seats {
    /// So many in all, and so many for one address; listed proxies bring the requests of many.
    pub(crate) fn new(most: usize, most_of_one: usize, proxies: Arc<[IpNet]>) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, proxies, taken: Mutex::default() })
    }

    /// A seat, for which another connection may have to go; `None`: all are busy.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let peer = peer.to_canonical();
        let from = (!self.proxies.iter().any(|net| net.contains(&peer))).then(|| host(peer));
        let mut taken = self.taken.lock();
        let same = |other: &Option<IpAddr>| from.is_some() && *other == from;
        let of_one = taken.by.values().filter(|(other, _)| same(other)).count();
        if of_one >= self.most_of_one {
            taken.make_room(same)?;
        } else if taken.by.len() >= self.most {
            taken.make_room(|_| true)?;
        }
        let (id, state) = (taken.next, Arc::<State>::default());
        taken.next += 1;
        taken.by.insert(id, (from, state.clone()));
        Some(Seat(Arc::new(Held { id, state, seats: self.clone() })))
    }
}

impl Taken {
    fn make_room(&mut self, among: impl Fn(&Option<IpAddr>) -> bool) -> Option<()> {
        let went = [false, true].into_iter().find_map(|asked| {
            let mut those = self.by.iter().filter(|(_, (from, state))| {
                among(from) && state.asked.load(Ordering::Relaxed) == asked
            });
            those.find(|(_, (_, state))| state.gave_way()).map(|(id, _)| *id)
        })?;
        self.by.remove(&went);
        Some(())
    }
}

/// What counts as one far end: of IPv6, the network that one customer has.
fn host(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// The seat of a connection; free again when the last copy goes.
#[derive(Clone, Debug)]
pub(crate) struct Seat(Arc<Held>);

#[derive(Debug)]
struct Held {
    id: u64,
    state: Arc<State>,
    seats: Arc<Seats>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.seats.taken.lock().by.remove(&self.id);
    }
}

impl Seat {
    /// A request has arrived as far as its body. `None`: too late, the connection gives way.
    pub(crate) fn asked(&self) -> Option<Answering> {
        let state = &self.0.state;
        state.asked.store(true, Ordering::Relaxed);
        let more = |count: usize| count.checked_add(1);
        let counted = state.answering.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        counted.is_ok().then(|| Answering(state.clone()))
    }

    /// Whether bytes wait for the far end to take them.
    pub(crate) fn sends(&self, waits: bool) {
        self.0.state.sending.store(waits, Ordering::Relaxed);
    }

    /// Resolves when the connection has to go.
    pub(crate) async fn gives_way(&self) {
        self.0.state.leave.notified().await;
    }
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(crate) struct Answering(Arc<State>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The body of an answer, which is under way for as long as this is.
pub(crate) struct Guarded {
    pub(crate) body: Body,
    pub(crate) _answering: Answering,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn gone(seat: &Seat) -> bool {
        seat.0.state.answering.load(Ordering::Relaxed) == LEAVING
    }

    #[test]
    fn b12_the_oldest_that_waits_gives_way_and_no_answer_is_cut() {
        let seats = Seats::new(4, 4, Arc::new([]));
        let held: Vec<Seat> = (0..4).map(|n| seats.take(from(n)).unwrap()).collect();
        let answering = held[0].asked().unwrap();
        drop(held[1].asked().unwrap());
        let fifth = seats.take(from(9)).unwrap();
        let went = |seats: &[Seat]| seats.iter().map(gone).collect::<Vec<_>>();
        assert_eq!(went(&held), [false, false, true, false], "the oldest that never asked");
        assert!(held[2].asked().is_none(), "its request comes too late");
        let _busy = (fifth.asked().unwrap(), held[3].asked().unwrap());
        let sixth = seats.take(from(9)).unwrap();
        assert_eq!(went(&held), [false, true, true, false], "then one that asked before");
        let _its = sixth.asked().unwrap();
        assert!(seats.take(from(9)).is_none(), "all are answered");
        drop(answering);
        held[0].sends(true);
        assert!(seats.take(from(9)).is_none(), "its answer is not sent yet");
        held[0].sends(false);
        assert!(seats.take(from(9)).is_some());
    }

    #[test]
    fn b12_one_address_does_not_take_all_and_a_proxy_may() {
        let seats = Seats::new(100, 2, Arc::new(["192.0.2.7/32".parse().unwrap()]));
        let held: Vec<Seat> = (0..2).map(|_| seats.take(from(1)).unwrap()).collect();
        let answering: Vec<Answering> = held.iter().map(|seat| seat.asked().unwrap()).collect();
        assert!(seats.take(from(1)).is_none());
        assert!(seats.take("::ffff:192.0.2.1".parse().unwrap()).is_none(), "the same");
        let _other = seats.take(from(2)).unwrap();
        let _proxied: Vec<Seat> = (0..50).map(|_| seats.take(from(7)).unwrap()).collect();
        drop(answering);
        let _third = seats.take(from(1)).unwrap();
        assert!(gone(&held[0]) && !gone(&held[1]), "one of its own");
        let six = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(host(six("2001:db8::1:2:3:4")), six("2001:db8::"));
        drop(held);
        assert!(seats.take(from(1)).is_some());
    }
}
