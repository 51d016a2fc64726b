//! Threads that share the work of a server.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

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
use crate::service::{Answer, Call};
use crate::sync::Signal;
use crate::sync::thread::{self, JoinHandle};
use crate::time::Clock;

/// A server under test, and a client, which the model drives.
pub(super) struct Place {
    client: ByHand<ClientEndpoint>,
    pub(super) server: Arc<ServerLoop>,
    pub(super) control: Control,
}

/// Longer than any model waits.
const EVER: Duration = Duration::from_secs(3600);

impl Place {
    /// A server with a session.
    pub(super) fn new(
        config: ServerConfig,
        handler: impl Fn(&Call<'_>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let workers = config.workers;
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
        // One leads. How the others come to rest at first is for `shuttle` to try.
        while cfg!(loom) && server.resting() <= workers {
            thread::yield_now();
        }
        prepared();
        Self { client, server, control }
    }

    pub(super) fn submit(&mut self, method: u32) -> CallKey {
        let key = self.client.machine.submit(SystemClock.now(), call(method));
        self.client.send();
        key
    }

    pub(super) fn end(&mut self, key: CallKey) -> Completion {
        self.client.until(|client| client.completion(key).cloned())
    }

    /// Lets everything end, however long that takes, but waits for no acknowledgement.
    pub(super) fn shutdown(server: &ServerLoop) -> ShutdownReport {
        server.shutdown(EVER, EVER, Duration::ZERO)
    }

    fn shut_down_elsewhere(&self) -> JoinHandle<ShutdownReport> {
        let server = Arc::clone(&self.server);
        thread::spawn(move || Self::shutdown(&server))
    }
}

pub(super) fn workers(workers: usize) -> ServerConfig {
    ServerConfig { workers, spin: Duration::ZERO, ..ServerConfig::default() }
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

/// Methods 1 and 2 wait at the first and at the second gate, method 0 answers at once.
fn gated(count: usize) -> (Place, Arc<[Gate; 2]>) {
    let gates = Arc::<[Gate; 2]>::default();
    let gates_of_handler = Arc::clone(&gates);
    let place = Place::new(workers(count), move |call| {
        call.enter();
        if let Some(gate) = call.method().checked_sub(1) {
            gates_of_handler[gate as usize].pass();
        }
        Answer::reply(())
    });
    (place, gates)
}

/// Calls come while threads of the server are on their way to sleep.
#[test]
fn a_call_finds_somebody_awake() {
    explore("calls", Effort::preemptions(2), || {
        let (mut place, _gates) = gated(1);
        for _ in 0..2 {
            let key = place.submit(0);
            assert!(place.end(key).is_ok());
        }
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// The only worker is in a handler that does not end before the client has heard of its call: somebody
/// else has to lead. What the client hears is that the call waits, if the thread that took it has not come
/// as far as the handler.
#[test]
fn the_loop_goes_on_while_a_handler_runs() {
    explore("long handler", Effort::preemptions(2), || {
        let (mut place, gates) = gated(1);
        let key = place.submit(1);
        place.client.until(|client| {
            let status = client.status(SystemClock.now(), key);
            matches!(status, CallStatus::Queued { .. } | CallStatus::Running { .. }).then_some(())
        });
        gates[0].opened.set();
        assert!(place.end(key).is_ok());
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// Another call is answered while a handler runs for as long as it takes.
#[test]
fn another_worker_takes_a_call() {
    explore("two workers", Effort::preemptions(2), || {
        let (mut place, gates) = gated(2);
        let long = place.submit(1);
        let short = place.submit(0);
        assert!(place.end(short).is_ok());
        gates[0].opened.set();
        assert!(place.end(long).is_ok());
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// Handlers run for long one after the other, each of a method that was not known to be long: each time
/// somebody else has to lead.
#[test]
fn the_loop_goes_on_each_time_that_a_handler_runs_for_long() {
    explore("one long handler after another", Effort::preemptions(0), || {
        let (mut place, gates) = gated(2);
        for (method, gate) in (1..).zip(gates.iter()) {
            let long = place.submit(method);
            let short = place.submit(0);
            assert!(place.end(short).is_ok());
            gate.opened.set();
            assert!(place.end(long).is_ok());
        }
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// Whoever takes the seat from a thread in a handler runs a long handler in turn. Then every worker is busy, and
/// a call that is known to be short is answered all the same.
#[test]
fn the_loop_goes_on_while_two_handlers_run() {
    explore("two long handlers", Effort::preemptions(0), || {
        let (mut place, gates) = gated(2);
        let known = place.submit(0);
        assert!(place.end(known).is_ok());
        let mut keys = Vec::new();
        for (method, gate) in (1..).zip(gates.iter()) {
            keys.push(place.submit(method));
            gate.arrived.wait();
        }
        let short = place.submit(0);
        assert!(place.end(short).is_ok());
        for (key, gate) in keys.into_iter().zip(gates.iter()) {
            gate.opened.set();
            assert!(place.end(key).is_ok());
        }
        assert_eq!(Place::shutdown(&place.server).running, 0);
    });
}

/// The only worker is in a long handler, and so is the thread that ran one more because it was known to be short:
/// somebody else has to lead. When one of them ends, the next short call runs.
#[test]
fn the_loop_goes_on_while_more_handlers_run_than_there_are_workers() {
    explore("one more than workers", Effort::preemptions(1), || {
        let gates = Arc::<[Gate; 2]>::default();
        let gates_of_handler = Arc::clone(&gates);
        let runs = Arc::new(AtomicUsize::new(0));
        let mut place = Place::new(workers(1), move |call| {
            call.enter();
            match call.method() {
                1 => gates_of_handler[0].pass(),
                2 if runs.fetch_add(1, Ordering::Relaxed) > 0 => gates_of_handler[1].pass(),
                _ => {}
            }
            Answer::reply(())
        });
        for known in [0, 2] {
            let key = place.submit(known);
            assert!(place.end(key).is_ok());
        }
        let long = place.submit(1);
        gates[0].arrived.wait();
        let extra = place.submit(2);
        gates[1].arrived.wait();
        let next = place.submit(0);
        gates[1].opened.set();
        for key in [extra, next] {
            assert!(place.end(key).is_ok());
        }
        gates[0].opened.set();
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
        let (mut place, gates) = gated(1);
        let key = place.submit(1);
        gates[0].arrived.wait();
        let end = place.shut_down_elsewhere();
        gates[0].opened.set();
        assert_eq!(end.join().unwrap().running, 0);
        assert!(place.end(key).is_ok());
    });
}

/// A server that is dropped waits for nobody, but its threads end.
#[test]
fn a_drop_ends_every_thread() {
    explore("drop, busy", Effort::preemptions(2), || {
        let (mut place, gates) = gated(1);
        place.submit(1);
        gates[0].arrived.wait();
        drop(place.control);
        gates[0].opened.set();
    });
    explore("drop, idle", Effort::preemptions(3), || drop(gated(1).0.control));
}
