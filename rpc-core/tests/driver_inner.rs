//! Handlers that call their own server.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it tests the driver")]

mod driver_support;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use driver_support::*;
use farcall_core::ServerConfig;
use farcall_core::host::{ClientHost, ServerControl};

/// A server whose `run` calls `other` on the same server, in the way that `inner` says.
fn nested(
    address: &str,
    workers: usize,
    inner: impl Fn(&Arc<dyn ClientHost>) -> u32 + Send + Sync + 'static,
) -> (Arc<dyn ServerControl>, Arc<dyn ClientHost>) {
    let client: Arc<OnceLock<Arc<dyn ClientHost>>> = Arc::default();
    let of_handler = Arc::clone(&client);
    let jobs = Jobs::run(move |_| inner(of_handler.get().unwrap())).other(|n| n + 1);
    // A handler that waits lets others lead at once, not when it has taken too long.
    let config = ServerConfig { handler_threshold: LONG, ..server_config(workers) };
    let server = serve_udp_at(address.parse().unwrap(), jobs, config);
    let to = SocketAddr::from(([127, 0, 0, 1], server.local_addr().port()));
    client.set(udp_client(to)).ok().unwrap();
    (server, udp_client(to))
}

const DEADLOCK: u32 = 1_000_000;

#[test]
fn an_inner_call_works_while_a_worker_is_free() {
    within(LONG, || {
        for _ in 0..5 {
            let (_server, client) =
                nested("127.0.0.1:0", 2, |client| client.make(OTHER, 1).unwrap());
            assert_eq!(client.make(RUN, 0), Ok(2));
            let (_server, client) = nested("127.0.0.1:0", 2, |client| {
                let key = client.start(OTHER, 1);
                client.finish(key).unwrap()
            });
            assert_eq!(client.make(RUN, 0), Ok(2));
        }
    });
}

#[test]
fn an_inner_call_without_a_worker_fails_at_once() {
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        within(LONG, move || {
            let (_server, client) = nested(address, 1, |client| {
                let result = client.make(OTHER, 1);
                if is_deadlock(result) { DEADLOCK } else { 0 }
            });
            let start = Instant::now();
            assert_eq!(client.make(RUN, 0), Ok(DEADLOCK));
            assert!(start.elapsed() < Duration::from_secs(2));
        });
    }
}

#[test]
fn waiting_for_a_started_inner_call_without_a_worker_fails_at_once() {
    within(LONG, || {
        let (_server, client) = nested("127.0.0.1:0", 1, |client| {
            let key = client.start(OTHER, 1);
            if is_deadlock(client.finish(key)) { DEADLOCK } else { 0 }
        });
        let start = Instant::now();
        assert_eq!(client.make(RUN, 0), Ok(DEADLOCK));
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(client.make(OTHER, 5), Ok(6), "the server goes on");
    });
}

#[test]
fn an_inner_call_may_be_started_and_left_alone() {
    within(LONG, || {
        let (server, client) = nested("127.0.0.1:0", 1, |client| {
            let key = client.start(OTHER, 1);
            client.detach(key);
            7
        });
        assert_eq!(client.make(RUN, 0), Ok(7));
        while server.statistics().executions < 2 {
            std::thread::yield_now();
        }
    });
}

#[test]
fn a_crowd_of_inner_calls_never_hangs() {
    within(LONG, || {
        let (_server, client) = nested("127.0.0.1:0", 3, |client| match client.make(OTHER, 1) {
            Ok(n) => n,
            result if is_deadlock(result.clone()) => DEADLOCK,
            Err(failure) => panic!("{failure:?}"),
        });
        let keys: Vec<_> = (0..200).map(|n| client.start(RUN, n)).collect();
        for key in keys {
            let result = client.finish(key).unwrap();
            assert!(result == 2 || result == DEADLOCK);
        }
    });
}
