//! How the futures of handlers come to their ends, and who polls them until then.

use core::future::{pending, poll_fn};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::futures::{Latch, Place, config, future, spawned, waiting_for};
use super::{LONG, call, eventually, without_hanging};
use crate::context::Context;
use crate::endpoint::client::{Failure, NewCall};
use crate::error::{CallErrorKind, Outcome};
use crate::host::{CallHost, ClientHost, ServerControl};
use crate::service::{CallFuture, Spawner};

/// Says when it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn executed(kind: CallErrorKind) -> Result<(), Failure> {
    Err(Failure { outcome: Outcome::Executed, kind })
}

/// Polls futures when the test says so.
#[derive(Default)]
struct Executor {
    tasks: Mutex<Vec<CallFuture>>,
}

impl Executor {
    fn take_one(&self) -> CallFuture {
        eventually("a future is handed over", || !self.tasks.lock().is_empty());
        self.tasks.lock().remove(0)
    }

    fn run_one(&self) {
        let mut future = self.take_one();
        let mut task = core::task::Context::from_waker(Waker::noop());
        while future.as_mut().poll(&mut task).is_pending() {}
    }
}

#[test]
fn a_panic_in_any_poll_ends_the_call() {
    without_hanging(|| {
        let place = Place::new(config(1), |call| {
            let is_early = call.method() == 1;
            future(call, move |_| {
                let mut is_first = true;
                poll_fn(move |task| {
                    if core::mem::take(&mut is_first) && !is_early {
                        task.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    panic!("on purpose")
                })
            })
        });
        let message = "on purpose".to_owned();
        let panicked = executed(CallErrorKind::HandlerPanicked { message });
        assert_eq!(place.call(1), panicked);
        assert_eq!(place.call(2), panicked);
        assert_eq!(place.call(0), Ok(()));
        assert_eq!(place.server.statistics().panics, 2);
    });
}

#[test]
fn a_future_that_nobody_can_wake_ends_its_call() {
    without_hanging(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let inner = Arc::clone(&dropped);
        let latch = Latch::new();
        let inner_latch = Arc::clone(&latch);
        let place = Place::new(config(1), move |call| {
            let (held, latch) = (Dropped(Arc::clone(&inner)), Arc::clone(&inner_latch));
            let is_late = call.method() == 2;
            future(call, move |_| async move {
                let _held = held;
                if is_late {
                    latch.wait().await;
                }
                pending::<()>().await;
            })
        });
        // At once, ...
        assert_eq!(place.call(1), executed(CallErrorKind::ReplyDropped));
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        // ... after a later poll, ...
        let key = place.suspend(call(2));
        latch.open();
        assert_eq!(place.end(key), executed(CallErrorKind::ReplyDropped));
        // ... and when its waker goes.
        latch.is_open.store(false, Ordering::SeqCst);
        let key = place.suspend(call(2));
        drop(core::mem::take(&mut *latch.wakers.lock()));
        assert_eq!(place.end(key), executed(CallErrorKind::ReplyDropped));
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        assert_eq!(place.server.statistics().suspended, 0);
    });
}

#[test]
fn the_end_of_a_server_drops_its_futures() {
    without_hanging(|| {
        let (dropped, latch) = (Arc::new(AtomicUsize::new(0)), Latch::new());
        let (inner, inner_latch) = (Arc::clone(&dropped), Arc::clone(&latch));
        let place = Place::new(config(1), move |call| {
            let (held, latch) = (Dropped(Arc::clone(&inner)), Arc::clone(&inner_latch));
            future(call, move |_| async move {
                let _held = held;
                latch.wait().await;
            })
        });
        let key = place.suspend(call(1));
        assert_eq!(place.control.shutdown(Duration::from_millis(20)).running, 1);
        assert_eq!(dropped.load(Ordering::SeqCst), 1, "it does not wait to be woken");
        assert_eq!(place.server.threads(), 0);
        latch.open();
        assert_eq!(latch.polls(), 1);
        place.handle.release(key);
    });
}

#[test]
fn shutdown_lets_futures_end() {
    without_hanging(|| {
        let latch = Latch::new();
        let inner = Arc::clone(&latch);
        let place = Place::new(config(1), move |call| waiting_for(&inner, call));
        let key = place.suspend(call(1));
        let Place { handle, server, control, .. } = place;
        let ending = thread::spawn(move || control.shutdown(LONG));
        eventually("the server refuses calls", || server.is_shutting_down());
        latch.open();
        handle.wait(key, Some(LONG)).expect("it ends").unwrap();
        handle.release(key);
        assert_eq!(ending.join().unwrap().running, 0);
    });
}

#[test]
fn an_executor_may_poll_the_futures() {
    without_hanging(|| {
        let executor = Arc::new(Executor::default());
        let inner = Arc::clone(&executor);
        let spawner = Spawner::new(move |future| inner.tasks.lock().push(future));
        let place = Place::new(config(1), move |call| {
            let is_bad = call.method() == 2;
            spawned(Some(&spawner), call, move |_| async move {
                assert!(!is_bad, "on purpose");
            })
        });
        let key = place.handle.submit(call(1));
        let future = executor.take_one();
        assert_eq!(place.call(0), Ok(()), "the worker is free");
        assert_eq!(place.server.statistics().suspended, 1);
        executor.tasks.lock().push(future);
        executor.run_one();
        assert_eq!(place.end(key), Ok(()));

        let key = place.handle.submit(call(2));
        executor.run_one();
        let message = "on purpose".to_owned();
        assert_eq!(place.end(key), executed(CallErrorKind::HandlerPanicked { message }));
    });
}

#[test]
fn a_future_that_its_executor_drops_tells_the_truth() {
    without_hanging(|| {
        let executor = Arc::new(Executor::default());
        let inner = Arc::clone(&executor);
        let spawner = Spawner::new(move |future| inner.tasks.lock().push(future));
        let refusing = Spawner::new(|_| panic!("there is no executor, on purpose"));
        let place = Place::new(config(1), move |call| {
            let spawner = if call.method() == 1 { &spawner } else { &refusing };
            spawned(Some(spawner), call, |_| pending())
        });
        let abandoned = Failure { outcome: Outcome::NotExecuted, kind: CallErrorKind::Abandoned };
        // Before it was polled, it was not entered.
        let key = place.handle.submit(call(1));
        drop(executor.take_one());
        assert_eq!(place.end(key), Err(abandoned.clone()));
        assert_eq!(place.call(2), Err(abandoned));
        // After that, it was.
        let key = place.handle.submit(call(1));
        let mut future = executor.take_one();
        let mut task = core::task::Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut task).is_pending());
        drop(future);
        assert_eq!(place.end(key), executed(CallErrorKind::ReplyDropped));
        assert_eq!(place.server.statistics().suspended, 0);
    });
}

#[test]
fn a_future_is_in_the_scope_of_its_call() {
    without_hanging(|| {
        let executor = Arc::new(Executor::default());
        let inner = Arc::clone(&executor);
        let spawner = Spawner::new(move |future| inner.tasks.lock().push(future));
        let place = Place::new(config(1), move |call| {
            let spawner = (call.method() == 2).then_some(&spawner);
            spawned(spawner, call, move |context| {
                let mut left = 3;
                poll_fn(move |task| {
                    let remaining = Context::remaining_in_scope().expect("there is a deadline");
                    assert!(remaining <= context.remaining().unwrap() + LONG);
                    left -= 1;
                    task.waker().wake_by_ref();
                    if left == 0 { Poll::Ready(()) } else { Poll::Pending }
                })
            })
        });
        for method in [1, 2] {
            let new = NewCall { deadline: Some(LONG), ..call(method) };
            let key = place.handle.submit(new);
            if method == 2 {
                executor.run_one();
            }
            assert_eq!(place.end(key), Ok(()));
        }
        assert_eq!(Context::remaining_in_scope(), None);
    });
}

#[test]
fn a_destructor_that_panics_hurts_nobody() {
    /// Panics when it is dropped, and so does what that panic carries.
    struct Bomb(bool);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if core::mem::take(&mut self.0) {
                std::panic::panic_any(Self(true));
            }
        }
    }

    without_hanging(|| {
        let latch = Latch::new();
        let inner = Arc::clone(&latch);
        let place = Place::new(config(1), move |call| {
            let (method, latch) = (call.method(), Arc::clone(&inner));
            future(call, move |_| async move {
                let _bomb = Bomb(true);
                if method == 2 {
                    latch.wait().await;
                }
                pending::<()>().await;
            })
        });
        // On a worker, ...
        assert_eq!(place.call(1), executed(CallErrorKind::ReplyDropped));
        assert_eq!(place.call(0), Ok(()));
        // ... where the last waker is dropped, ...
        let key = place.suspend(call(2));
        drop(core::mem::take(&mut *latch.wakers.lock()));
        assert_eq!(place.end(key), executed(CallErrorKind::ReplyDropped));
        assert_eq!(place.call(0), Ok(()));
        // ... and where the server is stopped.
        let key = place.suspend(call(2));
        assert_eq!(place.control.shutdown(Duration::from_millis(20)).running, 1);
        assert_eq!(place.server.threads(), 0);
        place.handle.release(key);
    });
}
