//! What a connection waits for, all at once.
//!
//! Belongs here: what wakes it. Must not come here: what it does then.

use super::admission::{Outcome, Pending};
use super::role::Signal;
use super::{Conn, admission, now, ordered, role};
use crate::seldom::{Bell, Seldom};
use std::io;
use std::task::{Context, Poll};
use tokio::sync::watch;

/// Why it woke.
pub(super) enum Turn {
    Readable,
    Writable,
    Broken(io::Error),
    Timer,
    /// To the message stream in this slot.
    Signal(usize, Signal),
    Decided(Pending, Outcome),
    Ordered(Order),
}

/// What the server wants of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// The server stops.
    Stop,
    /// A newer connection needs its place.
    MakeRoom,
}

pub(super) fn orders(
    bell: &Bell,
    mut stop: watch::Receiver<bool>,
    cut: impl Future<Output = ()> + Send + 'static,
) -> [Seldom<dyn Future<Output = Order> + Send>; 2] {
    let stopped = async move {
        ordered(&mut stop).await;
        Order::Stop
    };
    let made_room = async move {
        cut.await;
        Order::MakeRoom
    };
    [Seldom::new(bell, Box::pin(stopped)), Seldom::new(bell, Box::pin(made_room))]
}

impl Conn {
    /// Waits for whatever comes first. Cancel-safe.
    pub(super) async fn turn(&mut self) -> Turn {
        let writing = !self.is_shared() && (!self.out.is_empty() || self.socket.wants_flush());
        let flowing = self.out.bytes() == 0;
        std::future::poll_fn(|context| self.poll_turn(context, writing, flowing)).await
    }

    /// What is ready seldom comes first: it costs little to ask, and no flood may drown it.
    fn poll_turn(&mut self, context: &mut Context<'_>, writing: bool, flowing: bool) -> Poll<Turn> {
        if self.bell.is_rung(context) || role::is_direct(&self.slots) {
            let turn = self.poll_seldom(flowing);
            if turn.is_ready() {
                self.bell.ring(); // others may have called as well
                return turn;
            }
        }
        if let Poll::Ready((asked, outcome)) = admission::poll(&mut self.pending, context) {
            return Poll::Ready(Turn::Decided(asked, outcome));
        }
        if writing && let Poll::Ready(ready) = self.socket.poll_writable(context) {
            return Poll::Ready(ready.map_or_else(Turn::Broken, |()| Turn::Writable));
        }
        let ready = std::task::ready!(self.socket.poll_readable(context));
        Poll::Ready(ready.map_or_else(Turn::Broken, |()| Turn::Readable))
    }

    fn poll_seldom(&mut self, flowing: bool) -> Poll<Turn> {
        for order in &mut self.orders {
            if let Poll::Ready(order) = order.poll() {
                return Poll::Ready(Turn::Ordered(order));
            }
        }
        if self.due.take_if(|due| *due <= now()).is_some() {
            return Poll::Ready(Turn::Timer);
        }
        role::poll(&mut self.slots, flowing).map(|(at, signal)| Turn::Signal(at, signal))
    }
}
