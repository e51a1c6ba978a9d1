//! When connections want to be woken, whatever comes or does not come.
//!
//! A connection that gets media moves its deadline with each message. A timer of the runtime would
//! cost more than the message: to move it, to let it run out in vain, and to have the kernel set a
//! timer with each wait. Here a deadline is one number, and somebody looks at all of them ten times
//! a second. Nothing that a connection waits for needs to be more exact.
//!
//! Belongs here: who looks, and how often. Must not come here: what a connection waits for.

use crate::seldom::Bell;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::sync::Notify;

/// How late a connection may be woken.
const TICK: Duration = Duration::from_millis(100);

/// The bells of the connections of a listener.
#[derive(Default)]
pub(crate) struct Alarms {
    bells: Mutex<Vec<Bell>>,
    added: Notify,
}

impl Alarms {
    /// Looks after this bell from now on, until nobody else has it.
    pub(crate) fn add(&self, bell: Bell) {
        self.bells.lock().push(bell);
        self.added.notify_one();
    }

    /// Rings the bells that are due; never ends.
    pub(crate) async fn run(&self) {
        loop {
            while self.bells.lock().is_empty() {
                self.added.notified().await;
            }
            tokio::time::sleep(TICK).await;
            let now = crate::conn::now();
            self.bells.lock().retain(|bell| {
                bell.ring_if_due(now);
                !bell.is_alone()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};

    #[tokio::test(start_paused = true)]
    async fn bells_ring_when_they_are_due_and_not_before() {
        let (alarms, start) = (Alarms::default(), crate::conn::now());
        let bells = [Bell::default(), Bell::default()];
        bells.iter().for_each(|bell| alarms.add(bell.clone()));
        let context = Context::from_waker(Waker::noop());
        let rung = |bell: &Bell| bell.is_rung(&context);
        let after = async |millis| {
            let rest = Duration::from_millis(millis);
            assert!(tokio::time::timeout(rest, alarms.run()).await.is_err());
        };
        bells[0].set_alarm(Some(start + Duration::from_millis(250)));
        bells[1].set_alarm(Some(start + Duration::from_millis(250)));
        bells[1].set_alarm(Some(start + Duration::from_secs(5)));
        after(240).await;
        assert!(!rung(&bells[0]) && !rung(&bells[1]));
        after(2 * 100 + 10).await;
        assert!(rung(&bells[0]) && !rung(&bells[1]), "the other one was moved");
        after(1000).await;
        assert!(!rung(&bells[0]), "once");
        bells[1].set_alarm(None);
        after(10_000).await;
        assert!(!rung(&bells[1]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_bell_that_nobody_else_has_is_let_go() {
        let alarms = Alarms::default();
        let bell = Bell::default();
        alarms.add(bell.clone());
        alarms.add(Bell::default());
        assert!(tokio::time::timeout(TICK * 3, alarms.run()).await.is_err());
        assert_eq!(alarms.bells.lock().len(), 1);
        drop(bell);
        assert!(tokio::time::timeout(TICK * 3, alarms.run()).await.is_err());
        assert!(alarms.bells.lock().is_empty());
    }
}
