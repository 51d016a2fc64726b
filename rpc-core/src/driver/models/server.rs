//! Threads that share the work of a server.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;
use std::task::Waker;

use super::super::clock::{START, SystemClock};
use super::super::entropy::SystemEntropy;
use super::super::fixtures::{call, serve_dispatching};
use super::super::local::Exchange;
use super::super::seat::Parts;
use super::super::server::Control;
use super::super::socket::Socket;
use super::super::worker::ServerLoop;
use super::by_hand::ByHand;
use super::explore::{Effort, explore, prepared};
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::ClientEndpoint;
use crate::endpoint::client::{CallKey, CallStatus, Completion};
use crate::host::ShutdownReport;
use crate::service::{Answer, Call, Reply};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Mutex, Signal};
use crate::time::Clock;

/// A server under test, and a client, which the model drives.
struct Place {
    client: ByHand<ClientEndpoint>,
    server: Arc<ServerLoop>,
    control: Control,
}

/// Longer than any model waits.
const EVER: Duration = Duration::from_secs(3600);

impl Place {
    /// A server with a session.
    fn new(
        config: ServerConfig,
        handler: impl Fn(&Call<'_>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let exchange = Arc::new(Exchange::default());
        let (control, server) = serve_dispatching(&exchange, config, handler);
        let parts = Parts::new().unwrap();
        let socket = Socket::from(exchange.open(parts.waker()));
        let servers = vec![exchange.address_of("server")];
        let config = ClientConfig::default();
        let endpoint = ClientEndpoint::new(config, servers, Box::new(SystemEntropy), START);
        let mut client = ByHand::new(endpoint, parts, socket);
        client.machine.connect(START);
        client.until(|client| client.has_session().then_some(()));
        prepared();
        Self { client, server, control }
    }

    fn submit(&mut self, method: u32) -> CallKey {
        let key = self.client.machine.submit(SystemClock.now(), call(method));
        self.client.send();
        key
    }

    fn end(&mut self, key: CallKey) -> Completion {
        self.client.until(|client| client.completion(key).cloned())
    }

    /// Lets everything end, however long that takes, but waits for no acknowledgement.
    fn shutdown(server: &ServerLoop) -> ShutdownReport {
        server.shutdown(EVER, EVER, Duration::ZERO)
    }

    fn shut_down_elsewhere(&self) -> JoinHandle<ShutdownReport> {
        let server = Arc::clone(&self.server);
        thread::spawn(move || Self::shutdown(&server))
    }
}

fn workers(workers: usize) -> ServerConfig {
    ServerConfig { workers, ..ServerConfig::default() }
}

/// Where a handler waits until the model lets it go on.
#[derive(Default)]
struct Gate {
    arrived: Signal,
    opened: Signal,
}

impl Gate {
    fn pass(&self) {
        self.arrived.set();
        self.opened.wait();
    }
}

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

/// Method 1 waits at the gate, the others answer at once.
fn gated(count: usize) -> (Place, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let gate_of_handler = Arc::clone(&gate);
    let place = Place::new(workers(count), move |call| {
        call.enter();
        if call.method() == 1 {
            gate_of_handler.pass();
        }
        Answer::reply(())
    });
    (place, gate)
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
    thread::spawn(move || deposit.take().send(()))
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

/// Calls come while threads of the server are on their way to sleep.
#[test]
fn a_call_finds_somebody_awake() {
    explore("calls", Effort::preemptions(2), || {
        let (mut place, _gate) = gated(1);
        for _ in 0..2 {
            let key = place.submit(0);
            assert!(place.end(key).is_ok());
        }
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// The only worker is in a handler that does not end before the client has heard that it runs: somebody
/// else has to lead.
#[test]
fn the_loop_goes_on_while_a_handler_runs() {
    // The server says after a while that it works on the call.
    let horizon = Duration::from_millis(2);
    explore("long handler", Effort { preemptions: 2, horizon }, || {
        let (mut place, gate) = gated(1);
        let key = place.submit(1);
        place.client.until(|client| {
            matches!(client.status(SystemClock.now(), key), CallStatus::Running { .. })
                .then_some(())
        });
        gate.opened.set();
        assert!(place.end(key).is_ok());
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// Another call is answered while a handler runs for as long as it takes.
#[test]
fn another_worker_takes_a_call() {
    explore("two workers", Effort::preemptions(2), || {
        let (mut place, gate) = gated(2);
        let long = place.submit(1);
        let short = place.submit(0);
        assert!(place.end(short).is_ok());
        gate.opened.set();
        assert!(place.end(long).is_ok());
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// A method that is known to be long runs apart, while the loop goes to sleep.
#[test]
fn a_worker_ends_while_the_loop_goes_to_sleep() {
    explore("run apart", Effort::preemptions(2), || {
        let mut place = Place::new(workers(2), |call| {
            call.enter();
            if call.method() == 1 {
                SystemClock::advance(SystemClock.now() + Duration::from_millis(2));
            }
            Answer::reply(())
        });
        let key = place.submit(1);
        assert!(place.end(key).is_ok());
        let keys = [place.submit(1), place.submit(0)];
        for key in keys {
            assert!(place.end(key).is_ok());
        }
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

#[test]
fn a_shutdown_waits_for_a_handler_and_ends_with_it() {
    explore("shutdown, busy", Effort::preemptions(2), || {
        let (mut place, gate) = gated(1);
        let key = place.submit(1);
        gate.arrived.wait();
        let end = place.shut_down_elsewhere();
        gate.opened.set();
        assert_eq!(end.join().unwrap().running, 0);
        assert!(place.end(key).is_ok());
    });
}

/// A server that is dropped waits for nobody, but its threads end.
#[test]
fn a_drop_ends_every_thread() {
    explore("drop, busy", Effort::preemptions(2), || {
        let (mut place, gate) = gated(1);
        place.submit(1);
        gate.arrived.wait();
        drop(place.control);
        gate.opened.set();
    });
    explore("drop, idle", Effort::preemptions(3), || drop(gated(1).0.control));
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
