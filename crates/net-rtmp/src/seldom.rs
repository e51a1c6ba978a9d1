//! Futures that are ready seldom, beside one that is ready all the time.
//!
//! A task is polled whole, whoever woke it. What a connection waits for beside its media (a lease, a
//! deadline, the order to stop) would be asked with each message, each at a lock and in a place of
//! its own in memory. A [`Seldom`] is asked only after it has called, and whether any of a
//! connection's has is one look at their [`Bell`].
//!
//! Belongs here: that wrapper. Must not come here: what is waited for.

use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// What all the [`Seldom`]s of one task ring, and its alarm.
#[derive(Clone, Default)]
pub(crate) struct Bell(Arc<Shared>);

struct Shared {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
    /// When it rings by itself: milliseconds after the epoch; `u64::MAX`: never.
    alarm: AtomicU64,
    epoch: Instant,
}

impl Default for Shared {
    fn default() -> Self {
        let (rung, task) = (AtomicBool::new(false), Mutex::default());
        Self { rung, task, alarm: AtomicU64::new(u64::MAX), epoch: crate::conn::now() }
    }
}

impl Bell {
    /// Has it ring at that time, or a little later, and no more at the one set before.
    pub(crate) fn set_alarm(&self, at: Option<Instant>) {
        let alarm = at.map_or(u64::MAX, |at| self.0.millis(at).saturating_add(1));
        self.0.alarm.store(alarm, Ordering::Release);
    }

    /// Rings, once, if its time has come.
    pub(crate) fn ring_if_due(&self, now: Instant) {
        let (alarm, never) = (self.0.alarm.load(Ordering::Acquire), u64::MAX);
        let exchange = |alarm| {
            self.0.alarm.compare_exchange(alarm, never, Ordering::AcqRel, Ordering::Relaxed)
        };
        // One that was set meanwhile stays.
        if alarm <= self.0.millis(now) && exchange(alarm).is_ok() {
            self.call();
        }
    }

    /// Whether nobody else has it.
    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Whether anybody is to be asked; this is told once. Whoever then stops asking before all have
    /// been has it [ring](Self::ring) again.
    pub(crate) fn is_rung(&self, context: &Context<'_>) -> bool {
        {
            let mut task = self.0.task.lock();
            if task.as_ref().is_none_or(|task| !task.will_wake(context.waker())) {
                *task = Some(context.waker().clone());
            }
        }
        // Not a plain store: it sees what a caller did before it called.
        self.0.rung.load(Ordering::Acquire) && self.0.rung.swap(false, Ordering::AcqRel)
    }

    /// Has the task ask again the next time it is polled.
    pub(crate) fn ring(&self) {
        self.0.rung.store(true, Ordering::Release);
    }

    fn call(&self) {
        self.ring();
        if let Some(task) = &*self.0.task.lock() {
            task.wake_by_ref();
        }
    }
}

impl Shared {
    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX - 1)
    }
}

/// A future that is polled when it has woken its task, and not when others have.
///
/// After it was ready it is pending for ever.
pub(crate) struct Seldom<F: ?Sized> {
    future: Pin<Box<F>>,
    done: bool,
    call: Arc<Call>,
    waker: Waker,
}

struct Call {
    called: AtomicBool,
    bell: Bell,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.called.store(true, Ordering::Release);
        self.bell.call();
    }
}

impl<F: Future + ?Sized> Seldom<F> {
    /// To be polled by the task whose bell this is.
    pub(crate) fn new(bell: &Bell, future: Pin<Box<F>>) -> Self {
        let call = Arc::new(Call { called: AtomicBool::new(true), bell: bell.clone() });
        bell.ring();
        Self { future, done: false, waker: call.clone().into(), call }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        if self.done || !self.call.called.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        // Not a plain store: it sees what a caller did before it called.
        self.call.called.swap(false, Ordering::AcqRel);
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&self.waker));
        self.done = polled.is_ready();
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::oneshot;

    /// Counts how often it is asked.
    struct Counted<F>(Pin<Box<F>>, Arc<AtomicUsize>);

    impl<F: Future> Future for Counted<F> {
        type Output = F::Output;
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.as_mut().poll(context)
        }
    }

    #[test]
    fn is_asked_when_it_has_called_and_never_again_after_it_was_ready() {
        let (sender, receiver) = oneshot::channel();
        let (bell, asked) = (Bell::default(), Arc::<AtomicUsize>::default());
        let mut seldom = Seldom::new(&bell, Box::pin(Counted(Box::pin(receiver), asked.clone())));
        for _ in 0..5 {
            assert!(seldom.poll().is_pending());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        sender.send(7).unwrap();
        assert_eq!(seldom.poll(), Poll::Ready(Ok(7)));
        assert!(seldom.poll().is_pending());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_bell_tells_once_that_one_is_new_or_has_called() {
        let bell = Bell::default();
        let context = Context::from_waker(Waker::noop());
        assert!(!bell.is_rung(&context), "nobody is there");
        let (sender, receiver) = oneshot::channel::<()>();
        let mut seldom = Seldom::new(&bell, Box::pin(receiver));
        assert!(bell.is_rung(&context) && !bell.is_rung(&context));
        assert!(seldom.poll().is_pending());
        drop(sender);
        assert!(bell.is_rung(&context) && !bell.is_rung(&context));
        assert!(seldom.poll().is_ready());
        bell.ring();
        assert!(bell.is_rung(&context));
    }

    #[test]
    fn wakes_the_task_that_looked_last() {
        let bell = Bell::default();
        let (sender, receiver) = oneshot::channel::<()>();
        let mut seldom = Seldom::new(&bell, Box::pin(receiver));
        bell.is_rung(&Context::from_waker(Waker::noop()));
        assert!(seldom.poll().is_pending());
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(flag.clone());
        bell.is_rung(&Context::from_waker(&waker));
        drop(sender);
        assert!(flag.0.load(Ordering::Relaxed));
        assert!(seldom.poll().is_ready());
    }
}
