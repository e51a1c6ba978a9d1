//! Futures that are ready seldom, beside one that is ready all the time.
//!
//! A task is polled whole, whoever woke it. What a connection waits for beside its media (a lease, a
//! deadline, the order to stop) would be asked with each message, at a lock each. [`Seldom`] asks its
//! future only after the future itself has called.
//!
//! Belongs here: that wrapper. Must not come here: what is waited for.

use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled when it has woken its task, and not when others have.
///
/// To be polled by one task. After it was ready it is pending, for ever or until it is changed.
pub(crate) struct Seldom<F: ?Sized> {
    future: Pin<Box<F>>,
    done: bool,
    call: Arc<Call>,
    waker: Waker,
}

struct Call {
    called: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.called.store(true, Ordering::Release);
        if let Some(task) = &*self.task.lock() {
            task.wake_by_ref();
        }
    }
}

impl<F: Future + ?Sized> Seldom<F> {
    pub(crate) fn new(future: Pin<Box<F>>) -> Self {
        let call = Arc::new(Call { called: AtomicBool::new(true), task: Mutex::default() });
        Self { future, done: false, waker: call.clone().into(), call }
    }

    /// The future, for one that can begin anew: it is asked at the next poll.
    pub(crate) fn change(&mut self) -> Pin<&mut F> {
        self.done = false;
        self.call.called.store(true, Ordering::Release);
        self.future.as_mut()
    }

    /// The future, to be looked at.
    pub(crate) fn get(&self) -> &F {
        &self.future
    }

    pub(crate) fn poll(&mut self, context: &Context<'_>) -> Poll<F::Output> {
        if self.done || !self.call.called.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        {
            let mut task = self.call.task.lock();
            if task.as_ref().is_none_or(|task| !task.will_wake(context.waker())) {
                *task = Some(context.waker().clone());
            }
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
        let asked = Arc::<AtomicUsize>::default();
        let mut seldom = Seldom::new(Box::pin(Counted(Box::pin(receiver), asked.clone())));
        let context = Context::from_waker(Waker::noop());
        for _ in 0..5 {
            assert!(seldom.poll(&context).is_pending());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        sender.send(7).unwrap();
        assert_eq!(seldom.poll(&context), Poll::Ready(Ok(7)));
        assert!(seldom.poll(&context).is_pending());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn wakes_the_task_that_asked_last() {
        struct Flag(AtomicBool);
        impl Wake for Flag {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let (sender, receiver) = oneshot::channel::<()>();
        let mut seldom = Seldom::new(Box::pin(receiver));
        assert!(seldom.poll(&Context::from_waker(Waker::noop())).is_pending());
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(flag.clone());
        seldom.change();
        assert!(seldom.poll(&Context::from_waker(&waker)).is_pending());
        drop(sender);
        assert!(flag.0.load(Ordering::Relaxed));
        assert!(seldom.poll(&Context::from_waker(&waker)).is_ready());
    }
}
