//! Many threads at once, on both sides: more than `loom` could try every order of.

use core::future::poll_fn;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Poll;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Wake, Waker};

use shuttle::rand::{Rng, thread_rng};

use super::super::client::Handle;
use super::super::fixtures::{call, connect_with, serve_dispatching};
use super::super::local::Exchange;
use super::super::server::Control;
use super::explore::{Effort, explore};
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::client::{CallKey, Completion};
use crate::host::{CallHost, ClientHost};
use crate::service::{Answer, Call, Reply};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Mutex, Signal};

/// Longer than any model waits.
const EVER: Duration = Duration::from_secs(3600);

/// What handlers left to the thread that ends what they began.
#[derive(Default)]
struct Debts {
    open: Mutex<VecDeque<Debt>>,
    changed: Signal,
    /// Handlers that were begun.
    begun: AtomicUsize,
}

enum Debt {
    Reply(Reply<()>),
    Wake(Waker),
    /// There are no more.
    End,
}

impl Debts {
    fn add(&self, debt: Debt) {
        self.open.lock().push_back(debt);
        self.changed.set();
    }

    /// Pays, in any order, until the end.
    fn pay(&self) {
        let mut is_over = false;
        loop {
            let debt = {
                let mut open = self.open.lock();
                let count = open.len();
                if count == 0 { None } else { open.remove(thread_rng().gen_range(0..count)) }
            };
            match debt {
                Some(Debt::Reply(reply)) => reply.send(()),
                Some(Debt::Wake(waker)) => waker.wake(),
                Some(Debt::End) => is_over = true,
                None if is_over => return,
                None => self.changed.wait(),
            }
        }
    }

    /// Method 0 is answered at once, method 1 later by somebody else, and method 2 is a future.
    fn dispatch(self: &Arc<Self>, call: &Call<'_>) -> Answer {
        call.enter();
        self.begun.fetch_add(1, Ordering::Relaxed);
        match call.method() {
            0 => Answer::reply(()),
            1 => {
                self.add(Debt::Reply(call.reply()));
                Answer::later()
            }
            _ => {
                let debts = Arc::clone(self);
                let mut was_polled = false;
                let future = poll_fn(move |context| {
                    if core::mem::replace(&mut was_polled, true) {
                        return Poll::Ready(Answer::reply(()));
                    }
                    debts.add(Debt::Wake(context.waker().clone()));
                    Poll::Pending
                });
                Answer::future(None, future)
            }
        }
    }
}

/// The waker of a task that waits in the present thread.
#[derive(Default)]
struct Alert(Signal);

impl Wake for Alert {
    fn wake(self: Arc<Self>) {
        self.0.set();
    }
}

/// A server and a client of it, each with its own threads.
struct Place {
    handle: Arc<Handle>,
    control: Control,
    debts: Arc<Debts>,
    payer: JoinHandle<()>,
}

impl Place {
    fn new(config: ServerConfig) -> Self {
        let exchange = Arc::new(Exchange::default());
        let debts = Arc::<Debts>::default();
        let debts_of_handler = Arc::clone(&debts);
        let (control, _) =
            serve_dispatching(&exchange, config, move |call| debts_of_handler.dispatch(call));
        let sleeper = ClientConfig { spin: Duration::ZERO, ..ClientConfig::default() };
        let (handle, _) = connect_with(&exchange, sleeper);
        let debts_of_payer = Arc::clone(&debts);
        let payer = thread::spawn(move || debts_of_payer.pay());
        Self { handle, control, debts, payer }
    }

    /// Threads that make calls, each in its way. Gives how many of them ended well.
    fn callers(&self, callers: usize, calls: usize) -> Vec<JoinHandle<usize>> {
        let caller = |_| {
            let handle = Arc::clone(&self.handle);
            thread::spawn(move || (0..calls).filter(|_| make_call(&handle)).count())
        };
        (0..callers).map(caller).collect()
    }

    /// Lets the server end everything, and then what is left in its handlers' debt.
    fn end(self) {
        let report = self.control.server().shutdown(EVER, EVER, Duration::ZERO);
        assert_eq!(report.running, 0);
        self.debts.add(Debt::End);
        self.payer.join().unwrap();
    }
}

/// Makes a call in any of the ways that there are. False if it did not end with a reply.
fn make_call(handle: &Handle) -> bool {
    let method = thread_rng().gen_range(0..3);
    let way = thread_rng().gen_range(0..5);
    if way == 0 {
        let (key, completion) = handle.call(call(method));
        handle.release_ended(key);
        return completion.is_ok();
    }
    let key = handle.submit(call(method));
    let completion = match way {
        1 => handle.wait(key, None),
        2 => Some(poll(handle, key)),
        3 => {
            handle.cancel(key);
            handle.wait(key, None)
        }
        _ => match handle.try_wait(key) {
            Some(completion) => Some(completion),
            None if thread_rng().gen_range(0..2) == 0 => None,
            None => handle.wait(key, None),
        },
    };
    handle.release(key);
    completion.is_some_and(|completion| completion.is_ok())
}

/// Waits as an executor does.
fn poll(handle: &Handle, key: CallKey) -> Completion {
    let alert = Arc::new(Alert::default());
    let waker = Waker::from(Arc::clone(&alert));
    loop {
        match handle.poll(key, &waker) {
            Poll::Ready(completion) => return completion,
            Poll::Pending => alert.0.wait(),
        }
    }
}

fn workers(workers: usize) -> ServerConfig {
    ServerConfig { workers, spin: Duration::ZERO, ..ServerConfig::default() }
}

/// Everybody is answered, and nothing runs more often than it was asked for.
fn crowd(config: ServerConfig, callers: usize, calls: usize) {
    let place = Place::new(config);
    let ended: usize =
        place.callers(callers, calls).into_iter().map(|caller| caller.join().unwrap()).sum();
    let begun = place.debts.begun.load(Ordering::Relaxed);
    assert!(ended <= begun, "{ended} ended well, {begun} were begun");
    let debts = Arc::clone(&place.debts);
    place.end();
    let begun = debts.begun.load(Ordering::Relaxed);
    assert!(begun <= callers * calls, "{begun} were begun");
}

#[test]
fn everybody_is_answered() {
    explore("crowd", Effort::preemptions(0), || crowd(workers(3), 4, 3));
}

#[test]
fn everybody_is_answered_by_one_worker_with_room_for_one() {
    explore("crowd, little room", Effort::preemptions(0), || {
        crowd(ServerConfig { maximum_suspended: 1, ..workers(1) }, 3, 3);
    });
}

/// The client is closed while calls are under way: each ends, one way or another.
#[test]
fn everybody_hears_that_the_client_is_closed() {
    explore("crowd, close", Effort::preemptions(0), || {
        let place = Place::new(workers(2));
        let callers = place.callers(3, 2);
        place.handle.client().close();
        for caller in callers {
            caller.join().unwrap();
        }
        place.end();
    });
}
