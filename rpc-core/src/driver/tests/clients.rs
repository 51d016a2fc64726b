//! Callers that share a client.

use core::task::{Poll, Waker};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::Wake;
use std::thread;

use super::super::client_loop::{ClientLoop, ClientRole};
use super::super::local::Exchange;
use super::super::waiters::Subject;
use super::super::wakeups::Wakeups;
use super::{Gate, LONG, call, connect, connect_with, eventually, serve, without_hanging};
use crate::config::ClientConfig;
use crate::endpoint::client::{CallKey, CallStatus, Failure};
use crate::error::{CallErrorKind, Outcome, Settlement};
use crate::host::{CallHost, ClientHost};

/// A server whose methods one and two wait at the gates.
fn gates(exchange: &Arc<Exchange>) -> (super::server::Control, [Arc<Gate>; 2]) {
    let gates = [Gate::new(), Gate::new()];
    let inner = gates.clone();
    let (control, _) = serve(exchange, 4, move |method| {
        if let Some(gate) = inner.get((method as usize).wrapping_sub(1)) {
            gate.pass();
        }
    });
    (control, gates)
}

#[test]
fn who_leaves_hands_the_seat_on() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, [first, second]) = gates(&exchange);
        let (handle, client) = connect(&exchange);
        handle.ready(LONG).unwrap();
        let leader = {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle.call(call(1)).1.unwrap())
        };
        first.await_arrival();
        eventually("somebody leads", || !client.shared.lock().has_seat());
        let follower = {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle.call(call(2)).1.unwrap())
        };
        second.await_arrival();
        eventually("the other one parks", || client.shared.lock().role.waiters.heir().is_some());

        first.open();
        leader.join().unwrap();
        eventually("the other one leads", || {
            let core = client.shared.lock();
            !core.has_seat() && core.role.waiters.heir().is_none()
        });
        second.open();
        follower.join().unwrap();
        assert!(client.shared.lock().has_seat());
    });
}

#[test]
fn an_heir_that_needs_nothing_any_more_passes_the_seat_on() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, _) = serve(&exchange, 1, |_| {});
        let (handle, client) = connect(&exchange);
        handle.ready(LONG).unwrap();
        // Nothing is open, so that no timer brings in the background thread, which would help out.
        let leader = client.shared.lock().take_seat(&client.shared).expect("nobody waits");
        let enough = Arc::new(AtomicUsize::new(0));
        let follow = |patience: usize| {
            let (client, enough) = (Arc::clone(&client), Arc::clone(&enough));
            thread::spawn(move || {
                let check = |_: &mut _| (enough.load(Ordering::SeqCst) >= patience).then_some(());
                client.drive(client.shared.lock(), Subject::News, None, check)
            })
        };
        let heir = follow(1);
        eventually("the heir parks", || client.shared.lock().role.waiters.len() == 1);
        let other = follow(2);
        eventually("the other one parks", || client.shared.lock().role.waiters.len() == 2);

        enough.store(1, Ordering::SeqCst);
        let mut wakeups = Wakeups::default();
        let mut core = client.shared.lock();
        leader.put_back(&mut core);
        ClientLoop::pass_on(&mut core, &mut wakeups, crate::time::Timestamp::ZERO);
        drop(core);
        wakeups.wake_all();
        assert_eq!(heir.join().unwrap(), Some(()));
        eventually("the other one leads", || {
            let core = client.shared.lock();
            !core.has_seat() && core.role.waiters.len() == 0
        });
        enough.store(2, Ordering::SeqCst);
        client.shared.wake_leader();
        assert_eq!(other.join().unwrap(), Some(()));
    });
}

#[test]
fn a_caller_that_unwinds_leaves_nobody_behind() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, [gate, _]) = gates(&exchange);
        let (handle, client) = connect_with(&exchange, without_probes());
        handle.ready(LONG).unwrap();
        let key = handle.submit(call(1));
        gate.await_arrival();
        // On a busy machine the background thread may lead by now, and would be followed itself.
        eventually("the server has the call", || is_known(&handle, key));
        eventually("the background thread has nothing to do", || {
            let core = client.shared.lock();
            core.has_seat() && core.role.background.alarm() > client.shared.now() + LONG / 4
        });
        // A bug under the lock, in a leader whom somebody follows.
        let turns = AtomicUsize::new(0);
        let leader = {
            let client = Arc::clone(&client);
            thread::spawn(move || {
                let check = |role: &mut ClientRole| {
                    let is_led = turns.fetch_add(1, Ordering::SeqCst) > 0;
                    assert!(!is_led || role.waiters.len() == 0, "a bug in the loop");
                    None::<()>
                };
                client.drive(client.shared.lock(), Subject::News, None, check)
            })
        };
        eventually("somebody leads", || !client.shared.lock().has_seat());
        let follower = {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle.wait(key, None))
        };
        eventually("the other one parks", || {
            client.shared.lock().role.waiters.len() == 1 || leader.is_finished()
        });
        client.shared.wake_leader();
        assert!(leader.join().is_err());
        let closed = |outcome| Failure { outcome, kind: CallErrorKind::Closed };
        assert_eq!(follower.join().unwrap(), Some(Err(closed(Outcome::Unknown))));
        assert_eq!(handle.call(call(0)).1, Err(closed(Outcome::NotExecuted)));
        gate.open();
    });
}

/// A waker that counts, and may make a call itself.
struct Task {
    wakes: AtomicUsize,
    handle: Option<Arc<super::client::Handle>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if let Some(handle) = &self.handle {
            handle.call(call(0)).1.unwrap();
        }
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_waker_may_call_the_client_that_wakes_it() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, [first, _]) = gates(&exchange);
        let (handle, _client) = connect(&exchange);
        handle.ready(LONG).unwrap();
        let key = handle.submit(call(1));
        let task = Arc::new(Task { wakes: AtomicUsize::new(0), handle: Some(Arc::clone(&handle)) });
        let waker = Waker::from(Arc::clone(&task));
        assert!(handle.poll(key, &waker).is_pending());
        first.await_arrival();
        first.open();
        eventually("the task is woken", || task.wakes.load(Ordering::SeqCst) == 1);
        assert!(matches!(handle.poll(key, &waker), Poll::Ready(Ok(_))));
        handle.release(key);
    });
}

#[test]
fn a_waker_finds_the_seat_free_though_somebody_leads() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, [first, second]) = gates(&exchange);
        let (handle, client) = connect(&exchange);
        handle.ready(LONG).unwrap();
        let leader = {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle.call(call(2)).1.unwrap())
        };
        second.await_arrival();
        eventually("somebody leads", || !client.shared.lock().has_seat());
        let key = handle.submit(call(1));
        let task = Arc::new(Task { wakes: AtomicUsize::new(0), handle: Some(Arc::clone(&handle)) });
        assert!(handle.poll(key, &Waker::from(Arc::clone(&task))).is_pending());
        first.await_arrival();
        first.open();
        eventually("the task is woken", || task.wakes.load(Ordering::SeqCst) == 1);
        handle.release(key);
        second.open();
        leader.join().unwrap();
    });
}

#[test]
fn somebody_leads_while_a_task_waits_or_a_call_is_detached() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, [first, second]) = gates(&exchange);
        let (handle, client) = connect_with(&exchange, without_probes());
        handle.ready(LONG).unwrap();
        let leads = || {
            let until = client.shared.lock().sleeps_until();
            until.is_some_and(|until| until > client.shared.now())
        };
        let key = handle.submit(call(1));
        first.await_arrival();
        eventually("the server has the call", || is_known(&handle, key));
        eventually("the background thread has nothing to do", || {
            client.shared.lock().role.background.alarm() > client.shared.now() + LONG / 4
        });
        assert!(handle.poll(key, Waker::noop()).is_pending());
        eventually("the background thread leads", leads);
        first.open();
        eventually("the call ends", || handle.status(key) == CallStatus::Finished);
        handle.release(key);
        eventually("the background thread stops leading", || client.shared.lock().has_seat());

        let key = handle.submit(call(2));
        second.await_arrival();
        eventually("the server has the call", || is_known(&handle, key));
        handle.detach(key);
        eventually("the background thread leads", leads);
        second.open();
        eventually("the background thread stops leading", || client.shared.lock().has_seat());
    });
}

/// Whether the server has said that it has the call. When it says so, a busy machine may not have
/// come to the handler yet, and no probe asks again soon.
fn is_known(handle: &super::client::Handle, key: CallKey) -> bool {
    let _ = handle.try_wait(key);
    matches!(handle.status(key), CallStatus::Queued { .. } | CallStatus::Running { .. })
}

/// Probes are so far apart that no timer brings in the background thread once the server has said that
/// it has the call.
fn without_probes() -> ClientConfig {
    ClientConfig { probe_interval: LONG, maximum_probe_interval: LONG, ..ClientConfig::default() }
}

/// A client whose background thread leads for a task, and sleeps until much later.
fn asleep(exchange: &Arc<Exchange>, gate: &Gate) -> (Arc<super::client::Handle>, Arc<ClientLoop>) {
    let (handle, client) = connect_with(exchange, without_probes());
    let key = handle.submit(call(1));
    gate.await_arrival();
    eventually("the server has the call", || is_known(&handle, key));
    assert!(handle.poll(key, Waker::noop()).is_pending());
    eventually("the background thread sleeps long", || {
        let until = client.shared.lock().sleeps_until();
        until.is_some_and(|until| until > client.shared.now() + LONG / 2)
    });
    (handle, client)
}

#[test]
fn a_leader_that_sleeps_long_is_woken_for_an_earlier_deadline() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, [gate, _]) = gates(&exchange);
        let (handle, _client) = asleep(&exchange, &gate);
        exchange.lose("server");
        let before = handle.statistics().retransmissions;
        let lost = handle.submit(call(0));
        eventually("it is sent again", || handle.statistics().retransmissions > before);
        handle.release(lost);
        gate.open();
    });
}

#[test]
fn calls_that_were_only_started_are_looked_after_without_a_thread_for_each_client() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, _) = serve(&exchange, 1, |_| {});
        let clients: Vec<_> = (0..20).map(|_| connect(&exchange)).collect();
        for (handle, _) in &clients {
            handle.ready(LONG).unwrap();
        }
        exchange.lose("server");
        let keys: Vec<_> = clients.iter().map(|(handle, _)| handle.submit(call(0))).collect();
        for ((handle, client), key) in clients.iter().zip(keys) {
            eventually("it is sent again", || handle.statistics().retransmissions > 1);
            assert!(!client.shared.lock().role.background.has_thread());
            handle.release(key);
        }
        let weak: Vec<_> = clients.iter().map(|(_, client)| Arc::downgrade(client)).collect();
        drop(clients);
        eventually("nobody knows them", || weak.iter().all(|weak| weak.strong_count() == 0));
    });
}

#[test]
fn dropping_the_client_ends_a_background_thread_that_sleeps_long() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, [gate, _]) = gates(&exchange);
        let (handle, client) = asleep(&exchange, &gate);
        drop(handle);
        eventually("the background thread ends", || Arc::strong_count(&client) == 1);
        gate.open();
    });
}

#[test]
fn a_task_polled_with_other_wakers_is_woken_by_the_last() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, [first, _]) = gates(&exchange);
        let (handle, _client) = connect(&exchange);
        let key = handle.submit(call(1));
        let [old, new] = [(), ()].map(|()| Arc::new(Task { wakes: 0.into(), handle: None }));
        assert!(handle.poll(key, &Waker::from(Arc::clone(&old))).is_pending());
        assert!(handle.poll(key, &Waker::from(Arc::clone(&new))).is_pending());
        assert_eq!(Arc::strong_count(&old), 1, "the old waker was dropped");
        first.await_arrival();
        first.open();
        eventually("the task is woken", || new.wakes.load(Ordering::SeqCst) == 1);
        assert_eq!(old.wakes.load(Ordering::SeqCst), 0);
        handle.release(key);
    });
}

#[test]
fn started_and_detached_calls_run_though_nobody_waits() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (ran, runs) = channel();
        let (_control, _) = serve(&exchange, 2, move |method| ran.send(method).unwrap());
        // Without a session nothing was sent yet when this returns, and no timer would help soon.
        let config = ClientConfig {
            handshake_interval: LONG,
            handshake_timeout: LONG,
            ..ClientConfig::default()
        };
        let (handle, client) = connect_with(&exchange, config);
        let started = handle.submit(call(1));
        assert_eq!(runs.recv_timeout(LONG / 4), Ok(1));
        let detached = handle.submit(call(2));
        handle.detach(detached);
        assert_eq!(runs.recv_timeout(LONG), Ok(2));
        eventually("the detached call ends", || {
            let core = client.shared.lock();
            core.role.endpoint.statistics().replies == 2
        });
        handle.wait(started, None).unwrap().unwrap();
        handle.release(started);
    });
}

#[test]
fn sixty_four_threads_share_a_client() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, _) = serve(&exchange, 2, |_| {});
        let (handle, client) = connect(&exchange);
        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let (key, completion) = handle.call(call(0));
                        completion.unwrap();
                        handle.release(key);
                    }
                });
            }
        });
        let core = client.shared.lock();
        assert_eq!(core.role.endpoint.statistics().replies, 64 * 50);
        assert_eq!(core.role.waiters.len(), 0);
    });
}

#[test]
fn a_forked_copy_sends_nothing_and_touches_no_lock() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, _) = serve(&exchange, 1, |_| {});
        let (handle, client) = connect(&exchange);
        let mut handle = Arc::into_inner(handle).unwrap();
        handle.ready(LONG).unwrap();
        let before = handle.submit(call(0));

        // In a forked process a lock may be held for ever by a thread that does not exist there.
        handle.pretend_fork(true);
        let core = client.shared.lock();
        let forked = |outcome| Failure { outcome, kind: CallErrorKind::Forked };
        let (key, completion) = handle.call(call(0));
        assert_eq!(completion, Err(forked(Outcome::NotExecuted)));
        handle.release(key);
        let key = handle.submit(call(0));
        assert_eq!(handle.wait(key, None), Some(Err(forked(Outcome::NotExecuted))));
        assert_eq!(handle.try_wait(key), Some(Err(forked(Outcome::NotExecuted))));
        assert!(handle.poll(key, Waker::noop()).is_ready());
        handle.detach(key);
        // What was sent before the fork may have run, and the parent's call goes on.
        assert_eq!(handle.wait(before, None), Some(Err(forked(Outcome::Unknown))));
        assert!(matches!(handle.settle(before, LONG), Settlement::Open));
        handle.cancel(before);
        handle.release(before);
        assert_eq!(handle.ready(LONG), Err(Some(CallErrorKind::Forked)));
        assert_eq!(handle.servers(), []);
        let _ = (handle.status(before), handle.statistics());
        drop(core);

        handle.pretend_fork(false);
        handle.wait(before, None).unwrap().unwrap();
        assert_eq!(handle.statistics().calls, 1);
        handle.release(before);
    });
}
