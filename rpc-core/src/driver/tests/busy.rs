//! What a server does while every worker is busy.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::super::client::Handle;
use super::super::fixtures::{call, connect, connect_with, patient_client, serve};
use super::super::local::Exchange;
use super::{Gate, LONG, eventually, gated, without_hanging};
use crate::endpoint::client::{CallKey, CallStatus};
use crate::host::{CallHost, ClientHost};

fn is_queued(handle: &Handle, key: CallKey) -> bool {
    let _ = handle.try_wait(key);
    matches!(handle.status(key), CallStatus::Queued { .. })
}

#[test]
fn calls_known_to_be_short_go_on_while_every_worker_is_busy() {
    for workers in 1..=3 {
        without_hanging(move || {
            let exchange = Arc::new(Exchange::default());
            let (_control, gate) = gated(&exchange, workers);
            let (handle, _client) = connect(&exchange);
            handle.call(call(0)).1.unwrap();
            // More of them than there are workers, so that some wait before the short ones.
            let long: Vec<_> = (0..2 * workers).map(|_| handle.submit(call(1))).collect();
            for _ in 0..workers {
                gate.await_arrival();
            }
            for _ in 0..100 {
                handle.call(call(0)).1.unwrap();
            }
            // Whether this one is short nobody knows.
            let unknown = handle.submit(call(2));
            eventually("it waits", || is_queued(&handle, unknown));
            for _ in &long {
                gate.open();
            }
            for key in long.into_iter().chain([unknown]) {
                handle.wait(key, None).unwrap().unwrap();
                handle.release(key);
            }
        });
    }
}

#[test]
fn many_short_calls_are_answered_though_they_take_more_than_a_turn_of_the_leader() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let gate = Gate::new();
        let inner = Arc::clone(&gate);
        let (_control, _) = serve(&exchange, 1, move |method| match method {
            1 => inner.pass(),
            _ => std::thread::sleep(Duration::from_micros(100)),
        });
        // No timer of the client wakes the server meanwhile.
        let (handle, _client) = connect_with(&exchange, patient_client());
        handle.call(call(0)).1.unwrap();
        let long = handle.submit(call(1));
        let _ = handle.try_wait(long);
        gate.await_arrival();
        let start = Instant::now();
        let short: Vec<_> = (0..50).map(|_| handle.submit(call(0))).collect();
        for key in short {
            handle.wait(key, None).unwrap().unwrap();
            handle.release(key);
        }
        assert!(start.elapsed() < patient_client().probe_interval, "{:?}", start.elapsed());
        gate.open();
        handle.wait(long, None).unwrap().unwrap();
        handle.release(long);
    });
}

#[test]
fn one_call_runs_beyond_the_workers_and_when_it_takes_long_the_server_still_answers() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let gates = [Gate::new(), Gate::new()];
        let inner = gates.clone();
        let is_slow = Arc::new(AtomicBool::new(false));
        let is_slow_of_handler = Arc::clone(&is_slow);
        let (_control, _) = serve(&exchange, 1, move |method| match method {
            1 => inner[0].pass(),
            2 if is_slow_of_handler.load(Ordering::SeqCst) => inner[1].pass(),
            _ => {}
        });
        let (handle, _client) = connect(&exchange);
        for method in [0, 2] {
            handle.call(call(method)).1.unwrap();
        }
        is_slow.store(true, Ordering::SeqCst);
        let long = handle.submit(call(1));
        gates[0].await_arrival();
        let unexpected = handle.submit(call(2));
        gates[1].await_arrival();
        // Known to be short, too, but there is nobody left to run it.
        let short = handle.submit(call(0));
        eventually("it waits", || is_queued(&handle, short));
        connect(&exchange).0.ready(LONG).unwrap();
        gates[1].open();
        for key in [unexpected, short] {
            handle.wait(key, None).unwrap().unwrap();
            handle.release(key);
        }
        gates[0].open();
        handle.wait(long, None).unwrap().unwrap();
        handle.release(long);
    });
}
