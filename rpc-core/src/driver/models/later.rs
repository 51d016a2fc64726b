//! Answers that come after the handler's end, from other threads.

use core::future::poll_fn;
use core::task::Poll;
use std::sync::Arc;
use std::task::Waker;

use super::explore::{Effort, explore};
use super::server::{Place, workers};
use crate::config::ServerConfig;
use crate::service::{Answer, Reply};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Mutex, Signal};

/// What a handler leaves behind, until somebody takes it.
struct Deposit<T> {
    content: Mutex<Option<T>>,
    arrived: Signal,
}

impl<T> Deposit<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self { content: Mutex::new(None), arrived: Signal::default() })
    }

    fn leave(&self, content: T) {
        *self.content.lock() = Some(content);
        self.arrived.set();
    }

    fn take(&self) -> T {
        self.arrived.wait();
        self.content.lock().take().expect("it was left")
    }
}

/// Method 1 leaves its reply to somebody else, the others answer at once.
fn owing(config: ServerConfig) -> (Place, Arc<Deposit<Reply<()>>>) {
    let deposit = Deposit::new();
    let deposit_of_handler = Arc::clone(&deposit);
    let place = Place::new(config, move |call| {
        call.enter();
        if call.method() != 1 {
            return Answer::reply(());
        }
        deposit_of_handler.leave(call.reply());
        Answer::later()
    });
    (place, deposit)
}

fn send_elsewhere(deposit: Arc<Deposit<Reply<()>>>) -> JoinHandle<()> {
    send_some_elsewhere(deposit, 1)
}

fn send_some_elsewhere(deposit: Arc<Deposit<Reply<()>>>, count: usize) -> JoinHandle<()> {
    thread::spawn(move || (0..count).for_each(|_| deposit.take().send(())))
}

/// Method 1 is a future that waits to be woken once.
fn waiting() -> (Place, Arc<Deposit<Waker>>) {
    let deposit = Deposit::new();
    let deposit_of_handler = Arc::clone(&deposit);
    let place = Place::new(workers(1), move |call| {
        call.enter();
        if call.method() != 1 {
            return Answer::reply(());
        }
        let deposit = Arc::clone(&deposit_of_handler);
        let mut was_polled = false;
        let future = poll_fn(move |context| {
            if core::mem::replace(&mut was_polled, true) {
                return Poll::Ready(Answer::reply(()));
            }
            deposit.leave(context.waker().clone());
            Poll::Pending
        });
        Answer::future(None, future)
    });
    (place, deposit)
}

fn wake_elsewhere(deposit: Arc<Deposit<Waker>>) -> JoinHandle<()> {
    thread::spawn(move || deposit.take().wake())
}

#[test]
fn a_reply_goes_out_from_any_thread() {
    explore("reply later", Effort::preemptions(2), || {
        let (mut place, deposit) = owing(workers(1));
        let sender = send_elsewhere(deposit);
        let key = place.submit(1);
        assert!(place.end(key).is_ok());
        sender.join().unwrap();
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// The call that waits may be taken only when the one before it is answered, at which time nobody may be
/// awake.
#[test]
fn a_reply_makes_room_for_a_call_that_waits() {
    explore("reply makes room", Effort::preemptions(2), || {
        let config = ServerConfig { maximum_suspended: 1, ..workers(1) };
        let (mut place, deposit) = owing(config);
        let keys = [place.submit(1), place.submit(0)];
        let sender = send_elsewhere(deposit);
        for key in keys {
            assert!(place.end(key).is_ok());
        }
        sender.join().unwrap();
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// The same again: whoever was brought in once can be brought in once more.
#[test]
fn replies_make_room_again_and_again() {
    explore("replies make room", Effort::preemptions(1), || {
        let config = ServerConfig { maximum_suspended: 1, ..workers(1) };
        let (mut place, deposit) = owing(config);
        let sender = send_some_elsewhere(deposit, 2);
        for _ in 0..2 {
            for key in [place.submit(1), place.submit(0)] {
                assert!(place.end(key).is_ok());
            }
        }
        sender.join().unwrap();
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

#[test]
fn a_reply_meets_the_end() {
    explore("reply, shutdown", Effort::preemptions(2), || {
        let (mut place, deposit) = owing(workers(1));
        let key = place.submit(1);
        deposit.arrived.wait();
        deposit.arrived.set();
        let sender = send_elsewhere(deposit);
        assert_eq!(Place::shutdown(&place.server).running, 0);
        sender.join().unwrap();
        assert!(place.end(key).is_ok());
    });
    explore("reply, drop", Effort::preemptions(2), || {
        let (mut place, deposit) = owing(workers(1));
        place.submit(1);
        deposit.arrived.wait();
        deposit.arrived.set();
        let sender = send_elsewhere(deposit);
        drop(place.control);
        sender.join().unwrap();
    });
}

#[test]
fn a_future_is_polled_when_it_is_woken() {
    explore("future", Effort::preemptions(2), || {
        let (mut place, deposit) = waiting();
        let sender = wake_elsewhere(deposit);
        let key = place.submit(1);
        assert!(place.end(key).is_ok());
        sender.join().unwrap();
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

#[test]
fn a_wake_meets_the_end() {
    explore("future, shutdown", Effort::preemptions(2), || {
        let (mut place, deposit) = waiting();
        let key = place.submit(1);
        deposit.arrived.wait();
        deposit.arrived.set();
        let sender = wake_elsewhere(deposit);
        assert_eq!(Place::shutdown(&place.server).running, 0);
        sender.join().unwrap();
        assert!(place.end(key).is_ok());
    });
}
