//! How the threads of one client spare each other work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread;

use super::super::client::Handle;
use super::super::client_loop::ClientLoop;
use super::super::fixtures::{call, connect_with, patient_client, serve};
use super::super::local::Exchange;
use super::super::wakeups::Wakeups;
use super::{LONG, eventually, gated, without_hanging};
use crate::endpoint::client::{CallKey, RELEASES_RESULTS};
use crate::host::{CallHost, ClientHost};
use crate::time::Timestamp;

fn caller(handle: &Arc<Handle>, method: u32) -> thread::JoinHandle<()> {
    let handle = Arc::clone(handle);
    thread::spawn(move || {
        let (key, completion) = handle.call(call(method));
        completion.unwrap();
        handle.release_ended(key);
    })
}

#[test]
fn what_others_have_to_send_goes_into_the_datagram_of_an_awake_leader() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, _) = serve(&exchange, 1, |_| {});
        let (handle, client) = connect_with(&exchange, patient_client());
        handle.ready(LONG).unwrap();
        let sent = || handle.statistics().datagrams_sent;
        let before = sent();

        // As if this thread were about to look.
        let leader = client.shared.lock().take_seat(&client.shared).expect("nobody leads");
        let callers = [0; 3].map(|method| caller(&handle, method));
        let parked = || client.shared.lock().role.waiters.len();
        eventually("three callers park", || parked() == callers.len());
        let started = handle.submit(call(0));
        assert_eq!(sent(), before);

        let mut wakeups = Wakeups::default();
        let mut core = client.shared.lock();
        leader.put_back(&mut core);
        ClientLoop::pass_on(&mut core, &mut wakeups, Timestamp::ZERO);
        drop(core);
        wakeups.wake_all();
        for caller in callers {
            caller.join().unwrap();
        }
        handle.wait(started, None).unwrap().unwrap();
        handle.release_ended(started);
        assert_eq!(sent(), before + 1);
    });
}

#[test]
fn while_threads_are_on_their_way_nobody_else_is_woken_to_lead() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, gate) = gated(&exchange, 2);
        let (handle, client) = connect_with(&exchange, patient_client());
        handle.ready(LONG).unwrap();
        let leader = client.shared.lock().take_seat(&client.shared).expect("nobody leads");
        let parked = || client.shared.lock().role.waiters.len();
        let slow = caller(&handle, 1);
        eventually("one caller parks", || parked() == 1);
        let quick = caller(&handle, 0);
        eventually("the other one parks", || parked() == 2);

        // The newer one's call ends: it is chosen, and not woken yet.
        let mut core = client.shared.lock();
        let mut wakeups = Wakeups::default();
        let key_of_quick = CallKey { index: 1, generation: 1 };
        core.role.waiters.finish(key_of_quick, &mut wakeups);
        assert_eq!(wakeups.threads(), 1);
        leader.put_back(&mut core);
        ClientLoop::pass_on(&mut core, &mut wakeups, Timestamp::ZERO);
        assert_eq!(wakeups.threads(), 1, "it passes the seat on itself, or takes it");
        drop(core);
        wakeups.wake_all();
        quick.join().unwrap();
        eventually("the other one leads", || !client.shared.lock().has_seat());
        gate.await_arrival();
        gate.open();
        slow.join().unwrap();
    });
}

/// A waker that counts.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_call_that_is_over_does_not_strike_out_whoever_waits_for_its_successor() {
    if !RELEASES_RESULTS {
        // A call keeps its place until it is released, so that it can be traced.
        return;
    }
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, gate) = gated(&exchange, 2);
        let (handle, _client) = connect_with(&exchange, patient_client());
        handle.ready(LONG).unwrap();
        // Its place is free at once, unless it had to be sent again, as on a busy machine.
        let (old, new) = loop {
            let old = handle.submit(call(0));
            handle.wait(old, None).unwrap().unwrap();
            let new = handle.submit(call(1));
            if new.index() == old.index() {
                break (old, new);
            }
            gate.open();
            handle.wait(new, None).unwrap().unwrap();
            gate.await_arrival();
            handle.release(new);
            handle.release(old);
        };
        let woken = Arc::new(Counter::default());
        assert!(handle.poll(new, &Waker::from(Arc::clone(&woken))).is_pending());
        handle.release(old);
        gate.await_arrival();
        gate.open();
        eventually("the task is woken", || woken.0.load(Ordering::SeqCst) == 1);
        handle.release(new);
    });
}
