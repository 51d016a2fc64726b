//! The threads of a server.

use core::time::Duration;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use super::super::local::Exchange;
use super::super::worker::ServerLoop;
use super::{Gate, LONG, call, connect, eventually, serve, serve_with, without_hanging};
use crate::config::ServerConfig;
use crate::endpoint::client::CallStatus;
use crate::host::{CallHost, ClientHost, ServerControl};

/// Occupies a processor for that long.
fn work(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        core::hint::spin_loop();
    }
}

#[test]
fn blocked_workers_silence_nothing() {
    for workers in 1..=3 {
        without_hanging(move || {
            let exchange = Arc::new(Exchange::default());
            let gate = Gate::new();
            let inner = Arc::clone(&gate);
            let (_control, server) = serve(&exchange, workers, move |_| inner.pass());
            eventually("all threads but the leader rest", || server.resting() == workers + 1);
            let (handle, _client) = connect(&exchange);
            let keys: Vec<_> = (0..=workers).map(|_| handle.submit(call(1))).collect();
            for _ in 0..workers {
                gate.await_arrival();
            }
            // Every worker is in a handler that does not end. The server still says so, ...
            eventually("the first call is known to run", || {
                let _ = handle.try_wait(keys[0]);
                matches!(handle.status(keys[0]), CallStatus::Running { .. })
            });
            // ... says that the last call waits, ...
            eventually("the last call is known to wait", || {
                let _ = handle.try_wait(keys[workers]);
                matches!(handle.status(keys[workers]), CallStatus::Queued { .. })
            });
            // ... and opens sessions.
            connect(&exchange).0.ready(LONG).unwrap();
            for _ in 0..=workers {
                gate.open();
            }
            for key in keys {
                handle.wait(key, None).unwrap().unwrap();
                handle.release(key);
            }
        });
    }
}

#[test]
fn a_method_that_is_known_to_be_long_is_handed_over_before_it_starts() {
    without_hanging(|| {
        static SERVER: OnceLock<Weak<ServerLoop>> = OnceLock::new();
        let exchange = Arc::new(Exchange::default());
        let (was_led, is_led) = std::sync::mpsc::channel();
        // Long enough for a slow machine not to make a long one of a short one.
        let threshold = Duration::from_millis(20);
        let config =
            ServerConfig { workers: 2, handler_threshold: threshold, ..ServerConfig::default() };
        let (_control, server) = serve_with(&exchange, config, move |method| {
            if let Some(server) = SERVER.get().and_then(Weak::upgrade) {
                was_led.send((method, server.has_leader())).unwrap();
            }
            if method == 1 {
                work(Duration::from_millis(50));
            }
        });
        let (handle, _client) = connect(&exchange);
        handle.call(call(1)).1.unwrap();
        handle.call(call(0)).1.unwrap();
        SERVER.set(Arc::downgrade(&server)).unwrap();
        // Give the leader the time to be back at the socket after the long call.
        eventually("somebody leads", || server.has_leader());
        handle.call(call(1)).1.unwrap();
        assert_eq!(is_led.recv_timeout(LONG), Ok((1, true)), "somebody else leads meanwhile");
        eventually("somebody leads", || server.has_leader());
        handle.call(call(0)).1.unwrap();
        assert_eq!(is_led.recv_timeout(LONG), Ok((0, false)), "a short one runs on the leader");
    });
}

#[test]
fn calls_that_wait_are_shared_among_the_workers() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (present, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (inner, inner_most) = (Arc::clone(&present), Arc::clone(&most));
        // The watchdog has no part in it.
        let threshold = Duration::from_secs(5);
        let config =
            ServerConfig { workers: 4, handler_threshold: threshold, ..ServerConfig::default() };
        let (_control, server) = serve_with(&exchange, config, move |_| {
            let now = inner.fetch_add(1, Ordering::SeqCst) + 1;
            inner_most.fetch_max(now, Ordering::SeqCst);
            work(Duration::from_micros(500));
            inner.fetch_sub(1, Ordering::SeqCst);
        });
        let (handle, _client) = connect(&exchange);
        handle.ready(LONG).unwrap();
        eventually("all threads but the leader rest", || server.resting() == 5);
        let keys: Vec<_> = (0..32).map(|_| handle.submit(call(1))).collect();
        for key in keys {
            handle.wait(key, None).unwrap().unwrap();
        }
        assert!(most.load(Ordering::SeqCst) > 1);
    });
}

#[test]
fn shutdown_reports_a_handler_that_does_not_end() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let gate = Gate::new();
        let inner = Arc::clone(&gate);
        let (control, server) = serve(&exchange, 2, move |method| {
            if method == 1 {
                inner.pass();
            }
        });
        let (handle, _client) = connect(&exchange);
        let key = handle.submit(call(1));
        gate.await_arrival();
        handle.call(call(0)).1.unwrap();
        assert_eq!(control.shutdown(Duration::from_millis(20)).running, 1);
        assert_eq!(server.threads(), 1, "only the thread in the handler is left");
        // The name is free although that thread is still there.
        drop(serve(&exchange, 1, |_| {}));
        gate.open();
        eventually("the last thread ends", || server.threads() == 0);
        handle.release(key);
    });
}

#[test]
fn shutdown_lets_handlers_end_and_replies_arrive() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let gate = Gate::new();
        let inner = Arc::clone(&gate);
        let (control, server) = serve(&exchange, 2, move |_| inner.pass());
        let (handle, _client) = connect(&exchange);
        let caller = {
            let handle = Arc::clone(&handle);
            std::thread::spawn(move || handle.call(call(1)))
        };
        gate.await_arrival();
        let ending = std::thread::spawn(move || control.shutdown(LONG));
        eventually("the server refuses calls", || server.is_shutting_down());
        gate.open();
        let (key, completion) = caller.join().unwrap();
        completion.unwrap();
        handle.release(key);
        let report = ending.join().unwrap();
        assert_eq!((report.running, report.unacknowledged), (0, 0));
        assert_eq!(server.threads(), 0);
    });
}

#[test]
fn dropping_the_control_ends_the_threads() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (control, server) = serve(&exchange, 3, |_| {});
        let (handle, _client) = connect(&exchange);
        handle.call(call(0)).1.unwrap();
        assert!(server.threads() > 0);
        drop(control);
        eventually("the threads end", || server.threads() == 0);
    });
}
