//! Threads that share the driving of a client.

use core::time::Duration;
use std::sync::Arc;
use std::task::{Wake, Waker};

use super::super::client::{self, Handle};
use super::super::client_loop::ClientRole;
use super::super::clock::{START, SystemClock};
use super::super::entropy::SystemEntropy;
use super::super::fixtures::{call, register};
use super::super::local::Exchange;
use super::super::seat::Parts;
use super::super::socket::Socket;
use super::super::waiters::Subject;
use super::by_hand::ByHand;
use super::explore::{Effort, explore, prepared};
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::ServerEndpoint;
use crate::endpoint::client::{CallKey, Completion, Failure, NewCall};
use crate::endpoint::server::{CallToken, Finished};
use crate::error::CallErrorKind;
use crate::host::{CallHost, ClientHost};
use crate::service::Answer;
use crate::sync::Signal;
use crate::sync::thread::{self, JoinHandle};

/// A client under test, and its server, which the model drives.
struct Place {
    handle: Arc<Handle>,
    server: ByHand<ServerEndpoint>,
}

impl Place {
    /// A client that has a session.
    fn new() -> Self {
        let exchange = Arc::new(Exchange::default());
        let parts = Parts::new().unwrap();
        let socket = exchange.bind("server", parts.waker()).unwrap();
        let (_, methods) = register(|_| Answer::reply(()));
        let entropy = Box::new(SystemEntropy);
        let config = ServerConfig::default();
        let clock = Arc::new(SystemClock::new());
        let endpoint = ServerEndpoint::new(config, methods, clock, entropy, START);
        let mut server = ByHand::new(endpoint, parts, Socket::from(socket));

        let parts = Parts::new().unwrap();
        let socket = Socket::from(exchange.open(parts.waker()));
        let servers = vec![exchange.address_of("server")];
        let config = ClientConfig {
            minimum_timeout: Duration::from_millis(200),
            spin: Duration::ZERO,
            ..ClientConfig::default()
        };
        let handle = Arc::new(client::open(parts, socket, servers, None, config).unwrap());
        let client = handle.client();
        while !client.shared.lock().role.endpoint.has_session() {
            server.turn();
            let core = client.shared.lock();
            client.drive(core, Subject::News, Some(START), |role| {
                role.endpoint.has_session().then_some(())
            });
        }
        prepared();
        Self { handle, server }
    }

    /// A call that nobody waits for yet. The first one who does sends it.
    fn begin(&self, method: u32) -> CallKey {
        self.handle.client().shared.lock().role.submit(START, call(method))
    }

    /// A thread that looks at whatever arrives until a call has ended.
    fn observer(&self, key: CallKey) -> JoinHandle<Completion> {
        let client = self.handle.client();
        thread::spawn(move || {
            let completion = |role: &mut ClientRole| role.endpoint.completion(key).cloned();
            let core = client.shared.lock();
            client.drive(core, Subject::News, None, completion).expect("the loop does not fail")
        })
    }

    /// A thread that makes a call and waits for its end.
    fn caller(&self, method: u32) -> JoinHandle<Completion> {
        let handle = Arc::clone(&self.handle);
        thread::spawn(move || {
            let (key, completion) = handle.call(call(method));
            handle.release_ended(key);
            completion
        })
    }

    /// Waits for the next `count` calls.
    fn take(&mut self, count: usize) -> Vec<CallToken> {
        self.take_with_methods(count).into_iter().map(|(_, token)| token).collect()
    }

    fn take_with_methods(&mut self, count: usize) -> Vec<(u32, CallToken)> {
        let mut taken = Vec::new();
        self.server.until(|server| {
            while taken.len() < count {
                let ready = server.take_ready(START)?;
                taken.push((ready.method, ready.token));
            }
            Some(())
        });
        taken
    }

    /// Waits for a call of this method.
    fn take_one(&mut self, method: u32) -> CallToken {
        let is_it = |server: &mut ServerEndpoint| {
            server.take_ready(START).map(|ready| (ready.method, ready.token))
        };
        loop {
            let (found, token) = self.server.until(is_it);
            if found == method {
                return token;
            }
        }
    }

    /// Answers a call, in a datagram of its own.
    fn answer(&mut self, token: CallToken) {
        self.server.machine.complete(token, Finished::Reply(Default::default()));
        self.server.send();
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

fn closed(completion: &Completion) -> bool {
    matches!(completion, Err(Failure { kind: CallErrorKind::Closed, .. }))
}

/// Two threads call; the calls are answered one after the other, in this order of arrival. Whoever leads
/// may be answered first, and the other one has to take over.
fn two_callers(is_reversed: bool) {
    let mut place = Place::new();
    let callers = [place.caller(0), place.caller(0)];
    let mut taken = place.take(2);
    if is_reversed {
        taken.reverse();
    }
    for token in taken {
        place.answer(token);
    }
    for caller in callers {
        assert!(caller.join().unwrap().is_ok());
    }
}

#[test]
fn a_leader_that_leaves_is_followed() {
    explore("leader leaves", Effort::preemptions(2), || two_callers(false));
    explore("leader leaves, reversed", Effort::preemptions(2), || two_callers(true));
}

/// Two threads look for the end of one call, and another one waits for its own. The first of the two to
/// leave may leave the seat to the second, which has nothing to wait for either: it has to pass the seat on.
#[test]
fn an_heir_that_has_ended_passes_on() {
    explore("heirs", Effort::preemptions(1), || {
        let mut place = Place::new();
        let key = place.begin(1);
        let observers = [place.observer(key), place.observer(key)];
        let caller = place.caller(0);
        let mut taken = place.take_with_methods(2);
        taken.sort_by_key(|&(method, _)| method);
        let [(0, last), (1, first)] = taken[..] else { panic!("one of each was made") };
        place.answer(first);
        for observer in observers {
            assert!(observer.join().unwrap().is_ok());
        }
        place.answer(last);
        assert!(caller.join().unwrap().is_ok());
    });
}

/// Two of three calls are answered at once. While the threads that made them are on their way nobody else is
/// woken to lead: the last of them has to pass the seat on, or the third one waits for ever.
#[test]
fn those_on_their_way_pass_on() {
    explore("on their way", Effort::preemptions(1), || {
        let mut place = Place::new();
        let together = [place.caller(1), place.caller(1)];
        let alone = place.caller(0);
        let mut taken = place.take_with_methods(3);
        taken.sort_by_key(|&(method, _)| method);
        for &(_, token) in &taken[1..] {
            place.server.machine.complete(token, Finished::Reply(Default::default()));
        }
        place.server.send();
        for caller in together {
            assert!(caller.join().unwrap().is_ok());
        }
        place.answer(taken[0].1);
        assert!(alone.join().unwrap().is_ok());
    });
}

/// Calls that are answered as they come, some by the time that others arrive.
#[test]
fn callers_come_and_go() {
    explore("callers come and go", Effort::preemptions(2), || {
        let mut place = Place::new();
        let callers = [place.caller(0), place.caller(0)];
        for _ in 0..2 {
            let taken = place.take(1);
            place.answer(taken[0]);
        }
        for caller in callers {
            assert!(caller.join().unwrap().is_ok());
        }
    });
}

/// A call whose deadline comes before the leader would look. Nobody answers it, and its caller sleeps
/// until it is told.
#[test]
fn a_leader_is_told_of_an_earlier_deadline() {
    let horizon = Duration::from_millis(2);
    explore("earlier deadline", Effort { preemptions: 2, horizon }, || {
        let mut place = Place::new();
        let leader = place.caller(1);
        let handle = Arc::clone(&place.handle);
        let hurried = thread::spawn(move || {
            let deadline = Some(Duration::from_millis(1));
            handle.call(NewCall { deadline, ..call(0) }).1
        });
        let failure = hurried.join().unwrap().unwrap_err();
        assert!(matches!(failure.kind, CallErrorKind::DeadlineExceeded { .. }));
        // The other call was given up, and may not be seen.
        let token = place.take_one(1);
        place.answer(token);
        assert!(leader.join().unwrap().is_ok());
    });
}

#[test]
fn closing_ends_a_leader_and_a_follower() {
    explore("close", Effort::preemptions(2), || {
        let place = Place::new();
        let callers = [place.caller(0), place.caller(0)];
        place.handle.client().close();
        for caller in callers {
            assert!(closed(&caller.join().unwrap()));
        }
    });
}

/// A future waits in an executor, and a thread for another call: whoever is answered first, somebody
/// leads until the other one is.
#[test]
fn the_background_thread_leads_when_nobody_waits() {
    explore("background", Effort::preemptions(2), || {
        let mut place = Place::new();
        let key = place.handle.submit(call(1));
        let alert = Arc::new(Alert::default());
        let waker = Waker::from(Arc::clone(&alert));
        assert!(place.handle.poll(key, &waker).is_pending());
        let caller = place.caller(0);
        for token in place.take(2).into_iter().rev() {
            place.answer(token);
        }
        assert!(caller.join().unwrap().is_ok());
        alert.0.wait();
        assert!(place.handle.poll(key, &waker).is_ready());
    });
}

/// The last handle is dropped while the background thread leads.
#[test]
fn closing_ends_the_background_thread() {
    explore("close in the background", Effort::preemptions(3), || {
        let place = Place::new();
        let key = place.handle.submit(call(1));
        let alert = Arc::new(Alert::default());
        let waker = Waker::from(Arc::clone(&alert));
        assert!(place.handle.poll(key, &waker).is_pending());
        drop(place.handle);
        alert.0.wait();
    });
}
