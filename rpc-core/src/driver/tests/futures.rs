//! Handlers that are futures, polled by the workers or by an executor.

use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::{Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;

use super::super::client::Handle;
use super::super::local::Exchange;
use super::super::server::Control;
use super::super::worker::ServerLoop;
use super::{
    Gate, LONG, call, connect_with, eventually, patient_client, serve_dispatching, without_hanging,
};
use crate::config::{ClientConfig, ServerConfig};
use crate::context::Context;
use crate::endpoint::client::{CallKey, Failure, NewCall};
use crate::error::CallErrorKind;
use crate::host::{CallHost, ClientHost};
use crate::service::{Answer, Call, Spawner};

/// A server whose method 0 answers at once; what the others do is the test's.
pub(super) struct Place {
    pub(super) exchange: Arc<Exchange>,
    pub(super) handle: Arc<Handle>,
    pub(super) server: Arc<ServerLoop>,
    pub(super) control: Control,
}

pub(super) fn config(workers: usize) -> ServerConfig {
    ServerConfig { workers, window: 1024, ..ServerConfig::default() }
}

impl Place {
    pub(super) fn new(
        config: ServerConfig,
        dispatch: impl Fn(&Call<'_>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let exchange = Arc::new(Exchange::default());
        let (control, server) = serve_dispatching(&exchange, config, move |call| {
            if call.method() == 0 {
                call.enter();
                return Answer::reply(());
            }
            dispatch(call)
        });
        let (handle, _client) = connect_with(&exchange, patient_client());
        handle.ready(LONG).unwrap();
        Self { exchange, handle, server, control }
    }

    /// Makes a call.
    pub(super) fn call(&self, method: u32) -> Result<(), Failure> {
        self.end(self.handle.submit(call(method)))
    }

    pub(super) fn end(&self, key: CallKey) -> Result<(), Failure> {
        let completion = self.handle.wait(key, Some(LONG)).expect("the call ends");
        self.handle.release(key);
        completion.map(drop)
    }

    /// Starts a call, and waits until its future waits to be woken and the server is at rest.
    pub(super) fn suspend(&self, new: NewCall) -> CallKey {
        let before = self.server.statistics().suspended;
        let key = self.handle.submit(new);
        eventually("the future waits", || self.server.statistics().suspended > before);
        eventually("the server is at rest", || {
            self.server.has_leader() && self.server.resting() + 1 == self.server.threads()
        });
        key
    }
}

/// The future of one handler, as generated code makes it.
pub(super) fn future<F>(call: &Call<'_>, body: impl FnOnce(Context) -> F + Send + 'static) -> Answer
where
    F: Future<Output = ()> + Send,
{
    spawned(None, call, body)
}

pub(super) fn spawned<F>(
    spawner: Option<&Spawner>,
    call: &Call<'_>,
    body: impl FnOnce(Context) -> F + Send + 'static,
) -> Answer
where
    F: Future<Output = ()> + Send,
{
    let call = call.to_owned();
    Answer::future(spawner, async move {
        let _reader = call.reader();
        call.enter();
        body(call.context().clone()).await;
        Answer::reply(())
    })
}

/// Something that futures wait for.
#[derive(Default)]
pub(super) struct Latch {
    pub(super) is_open: AtomicBool,
    pub(super) wakers: Mutex<Vec<Waker>>,
    polls: AtomicUsize,
}

impl Latch {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        let wakers = core::mem::take(&mut *self.wakers.lock());
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    pub(super) async fn wait(self: Arc<Self>) {
        poll_fn(|task| {
            self.polls.fetch_add(1, Ordering::SeqCst);
            if !self.is_open.load(Ordering::SeqCst) {
                self.wakers.lock().push(task.waker().clone());
            }
            if self.is_open.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// A handler that waits for the latch.
pub(super) fn waiting_for(latch: &Arc<Latch>, call: &Call<'_>) -> Answer {
    let latch = Arc::clone(latch);
    future(call, |_| latch.wait())
}

#[test]
fn a_future_that_is_ready_answers_at_once() {
    without_hanging(|| {
        let place = Place::new(config(1), |call| future(call, |_| async {}));
        for _ in 0..10 {
            assert_eq!(place.call(1), Ok(()));
        }
        assert_eq!(place.server.statistics().suspended, 0);
    });
}

#[test]
fn a_woken_future_is_polled_at_once_when_the_server_is_at_rest() {
    for workers in 1..=3 {
        without_hanging(move || {
            let latches = Arc::new(Mutex::new(VecDeque::new()));
            let of_handler = Arc::clone(&latches);
            let place = Place::new(config(workers), move |call| {
                let latch: Arc<Latch> = of_handler.lock().pop_front().unwrap();
                future(call, |_| latch.wait())
            });
            for _ in 0..20 {
                let latch = Latch::new();
                latches.lock().push_back(Arc::clone(&latch));
                let key = place.suspend(call(1));
                let start = Instant::now();
                latch.open();
                assert_eq!(place.end(key), Ok(()));
                assert!(start.elapsed() < Duration::from_secs(2), "nobody waited for a time-out");
            }
        });
    }
}

#[test]
fn a_woken_future_is_polled_when_a_worker_is_free() {
    without_hanging(|| {
        let (gate, latch) = (Gate::new(), Latch::new());
        let (inner_gate, inner_latch) = (Arc::clone(&gate), Arc::clone(&latch));
        let place = Place::new(config(1), move |call| match call.method() {
            1 => waiting_for(&inner_latch, call),
            _ => {
                call.enter();
                inner_gate.pass();
                Answer::reply(())
            }
        });
        let waiting = place.suspend(call(1));
        let blocking = place.handle.submit(call(2));
        gate.await_arrival();
        latch.open();
        assert_eq!(latch.polls(), 1, "the only worker is busy");
        gate.open();
        assert_eq!(place.end(waiting), Ok(()));
        assert_eq!(place.end(blocking), Ok(()));
    });
}

#[test]
fn a_thousand_futures_wait_without_a_worker() {
    without_hanging(|| {
        const COUNT: usize = 1000;
        let latches: Arc<Vec<_>> = Arc::new((0..COUNT).map(|_| Latch::new()).collect());
        let (of_handler, next) = (Arc::clone(&latches), AtomicUsize::new(0));
        let place = Place::new(config(1), move |call| {
            let latch = Arc::clone(&of_handler[next.fetch_add(1, Ordering::SeqCst)]);
            future(call, |_| latch.wait())
        });
        let keys: Vec<_> = (0..COUNT).map(|_| place.handle.submit(call(1))).collect();
        eventually("all of them wait", || {
            let _ = place.handle.try_wait(keys[0]);
            place.server.statistics().suspended == COUNT
        });
        assert_eq!(place.call(0), Ok(()), "the worker is free");
        let mut order: Vec<_> = (0..COUNT).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut order);
        let opening = thread::spawn(move || order.into_iter().for_each(|n| latches[n].open()));
        for key in keys {
            assert_eq!(place.end(key), Ok(()));
        }
        opening.join().unwrap();
        let statistics = place.server.statistics();
        assert_eq!((statistics.running, statistics.suspended), (0, 0));
        assert_eq!(statistics.executions, COUNT as u64 + 1);
    });
}

#[test]
fn a_future_that_wakes_itself_starves_nobody() {
    without_hanging(|| {
        let (is_over, polls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (inner_over, inner_polls) = (Arc::clone(&is_over), Arc::clone(&polls));
        let place = Place::new(config(1), move |call| {
            let (is_over, polls) = (Arc::clone(&inner_over), Arc::clone(&inner_polls));
            future(call, move |_| {
                poll_fn(move |task| {
                    polls.fetch_add(1, Ordering::SeqCst);
                    task.waker().wake_by_ref();
                    if is_over.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
                })
            })
        });
        let restless = place.handle.submit(call(1));
        for _ in 0..200 {
            let before = polls.load(Ordering::SeqCst);
            assert_eq!(place.call(0), Ok(()));
            eventually("it is polled again", || polls.load(Ordering::SeqCst) > before);
        }
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(place.end(restless), Ok(()));
    });
}

#[test]
fn a_wake_counts_whenever_it_comes() {
    without_hanging(|| {
        // While it is polled, ...
        let (gate, latch) = (Gate::new(), Latch::new());
        let (inner_gate, inner_latch) = (Arc::clone(&gate), Arc::clone(&latch));
        let place = Place::new(config(1), move |call| {
            let (gate, latch) = (Arc::clone(&inner_gate), Arc::clone(&inner_latch));
            future(call, move |_| {
                let mut is_first = true;
                let mut wait = Box::pin(latch.wait());
                poll_fn(move |task| {
                    let poll = wait.as_mut().poll(task);
                    if core::mem::take(&mut is_first) {
                        gate.pass();
                    }
                    poll
                })
            })
        });
        let key = place.handle.submit(call(1));
        gate.await_arrival();
        latch.open();
        gate.open();
        assert_eq!(place.end(key), Ok(()));
        assert_eq!(latch.polls(), 2);
        // ... and after its end, ...
        latch.wake();
        assert_eq!(place.call(0), Ok(()));
        assert_eq!(latch.polls(), 2);

        // ... but two are no more than one.
        let (gate, latch) = (Gate::new(), Latch::new());
        let (inner_gate, inner_latch) = (Arc::clone(&gate), Arc::clone(&latch));
        let place = Place::new(config(1), move |call| match call.method() {
            1 => waiting_for(&inner_latch, call),
            _ => {
                call.enter();
                inner_gate.pass();
                Answer::reply(())
            }
        });
        let key = place.suspend(call(1));
        let blocking = place.handle.submit(call(2));
        gate.await_arrival();
        let waker = latch.wakers.lock()[0].clone();
        waker.wake_by_ref();
        waker.wake_by_ref();
        gate.open();
        assert_eq!(place.end(blocking), Ok(()));
        eventually("it is polled again", || latch.polls() == 2);
        for _ in 0..5 {
            assert_eq!(place.call(0), Ok(()));
        }
        assert_eq!(latch.polls(), 2);
        latch.open();
        assert_eq!(place.end(key), Ok(()));
    });
}

#[test]
fn wakes_from_everywhere_lose_no_future_and_poll_none_twice() {
    without_hanging(|| {
        const THREADS: usize = 3;
        const CALLS: usize = 300;
        let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let (of_handler, inner_over) = (Arc::clone(&wakers), Arc::clone(&is_over));
        let place = Place::new(config(2), move |call| {
            let (wakers, is_over) = (Arc::clone(&of_handler), Arc::clone(&inner_over));
            future(call, move |_| {
                let (is_polled, mut left) = (AtomicBool::new(false), 5);
                poll_fn(move |task| {
                    assert!(!is_polled.swap(true, Ordering::SeqCst), "two threads poll it");
                    left -= 1;
                    wakers.lock().push(task.waker().clone());
                    is_polled.store(false, Ordering::SeqCst);
                    if left == 0 || is_over.load(Ordering::SeqCst) {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
            })
        });
        let waking: Vec<_> = (0..THREADS)
            .map(|seed| {
                let (wakers, is_over) = (Arc::clone(&wakers), Arc::clone(&is_over));
                thread::spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed as u64);
                    while !is_over.load(Ordering::SeqCst) {
                        let mut all = wakers.lock();
                        let waker = match all.len() {
                            0 => None,
                            // Most of them are of polls that are long over.
                            count if count > 50 => Some(all.swap_remove(random.usize(..count))),
                            count => Some(all[random.usize(..count)].clone()),
                        };
                        drop(all);
                        if let Some(waker) = waker {
                            waker.wake();
                        }
                    }
                })
            })
            .collect();
        let keys: Vec<_> = (0..CALLS).map(|_| place.handle.submit(call(1))).collect();
        for key in keys {
            assert_eq!(place.end(key), Ok(()));
        }
        is_over.store(true, Ordering::SeqCst);
        waking.into_iter().for_each(|thread| thread.join().unwrap());
        let statistics = place.server.statistics();
        assert_eq!((statistics.running, statistics.suspended), (0, 0));
        assert_eq!(statistics.panics, 0);
    });
}

#[test]
fn a_future_that_blocks_is_as_a_handler_that_does() {
    without_hanging(|| {
        // It keeps its worker, and nobody else's.
        let (gate, latch) = (Gate::new(), Latch::new());
        let (inner, inner_latch) = (Arc::clone(&gate), Arc::clone(&latch));
        let place = Place::new(config(2), move |call| {
            let (gate, latch) = (Arc::clone(&inner), Arc::clone(&inner_latch));
            future(call, move |_| async move {
                latch.wait().await;
                gate.pass();
            })
        });
        let key = place.suspend(call(1));
        latch.open();
        gate.await_arrival();
        assert_eq!(place.call(0), Ok(()));
        gate.open();
        assert_eq!(place.end(key), Ok(()));
    });
    without_hanging(|| {
        // Waiting for its own server without a worker would never end.
        let client = Arc::new(Mutex::new(None::<Arc<Handle>>));
        let inner = Arc::clone(&client);
        let place = Place::new(config(1), move |call| {
            let client = inner.lock().clone().unwrap();
            future(call, move |_| async move {
                let (key, completion) = client.call(super::call(0));
                client.release(key);
                let kind = completion.unwrap_err().kind;
                assert_eq!(kind, CallErrorKind::WouldDeadlock);
            })
        });
        *client.lock() = Some(connect_with(&place.exchange, ClientConfig::default()).0);
        assert_eq!(place.call(1), Ok(()));
        *client.lock() = None;
    });
}
