//! Real sockets on the local host: errors of the network, and names that lead elsewhere.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it tests the driver")]

mod driver_support;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use driver_support::*;
use farcall_core::driver::{bind_udp, open_udp_client};
use farcall_core::{ClientConfig, ConnectError, ServeError};

/// An address at which nothing listens.
fn closed_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_refusal_makes_the_client_try_the_next_address() {
    within(LONG, || {
        let server = serve_udp(Jobs::none(), server_config(1));
        // Without the hint the next address would be tried when the first copy is due.
        let config =
            ClientConfig { handshake_interval: Duration::from_secs(4), ..ClientConfig::default() };
        let servers = vec![closed_port(), closed_port(), server.local_addr()];
        let client = open_udp_client("test".into(), servers, None, config).unwrap();
        let start = Instant::now();
        assert_eq!(client.make(RUN, 3), Ok(3));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
}

#[test]
fn an_address_that_cannot_be_sent_to_disturbs_nothing() {
    within(LONG, || {
        let server = serve_udp(Jobs::none(), server_config(1));
        // The system refuses to send to a broadcast address (EACCES), and to port 0 (EINVAL).
        let servers = vec![
            "255.255.255.255:9".parse().unwrap(),
            "127.0.0.1:0".parse().unwrap(),
            server.local_addr(),
        ];
        let config = ClientConfig {
            handshake_interval: Duration::from_millis(20),
            ..ClientConfig::default()
        };
        let client = open_udp_client("test".into(), servers, None, config).unwrap();
        assert_eq!(client.make(RUN, 3), Ok(3));
    });
}

#[test]
fn a_name_is_resolved_again_when_its_servers_are_silent() {
    within(LONG, || {
        let server = serve_udp(Jobs::none(), server_config(1));
        let address = server.local_addr();
        let resolutions = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&resolutions);
        let resolve = Box::new(move || {
            // The first time nobody knows, the second time the resolver itself is broken.
            match count.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(Vec::new()),
                1 => panic!("a bug in the resolver"),
                _ => Ok(vec![address]),
            }
        });
        let config = ClientConfig {
            handshake_timeout: Duration::from_millis(100),
            handshake_interval: Duration::from_millis(20),
            ..ClientConfig::default()
        };
        let client =
            open_udp_client("test".into(), vec![closed_port()], Some(resolve), config).unwrap();
        while client.make(RUN, 3) != Ok(3) {}
        assert!(resolutions.load(Ordering::SeqCst) >= 3);
        assert_eq!(client.servers(), vec![address]);
    });
}

#[test]
fn a_client_waits_for_a_session() {
    within(LONG, || {
        let server = serve_udp(Jobs::none(), server_config(1));
        assert_eq!(udp_client(server.local_addr()).ready(LONG), Ok(()));
        let lonely = udp_client(closed_port());
        let start = Instant::now();
        assert!(lonely.ready(Duration::from_millis(30)).is_err());
        assert!(start.elapsed() >= Duration::from_millis(30));
    });
}

#[test]
fn a_wait_ends_in_time() {
    within(LONG, || {
        let gate = Gate::new();
        let inner = Arc::clone(&gate);
        let jobs = Jobs::run(move |n| {
            inner.pass();
            n
        });
        let server = serve_udp(jobs, server_config(1));
        let client = udp_client(server.local_addr());
        let key = client.start(RUN, 1);
        gate.await_arrival();
        for patience in [0, 1, 20] {
            let start = Instant::now();
            assert!(client.wait(key, Some(Duration::from_millis(patience))).is_none());
            assert!(start.elapsed() >= Duration::from_millis(patience));
        }
        assert!(client.try_wait(key).is_none());
        gate.open();
        assert_eq!(client.finish(key), Ok(1));
    });
}

#[test]
fn a_flood_of_empty_datagrams_does_not_stop_a_server() {
    within(LONG, || {
        let server = serve_udp(Jobs::none(), server_config(1));
        let client = udp_client(server.local_addr());
        client.ready(LONG).unwrap();
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                // More than the server takes in one turn, and not so much that calls are lost in it.
                while done.load(Ordering::Relaxed) == 0 {
                    for _ in 0..200 {
                        let _ = socket.send_to(&[], server.local_addr());
                    }
                    std::thread::yield_now();
                }
            });
            while server.statistics().received.dropped_total() == 0 {
                std::thread::yield_now();
            }
            for n in 0..10 {
                assert_eq!(client.make(RUN, n), Ok(n));
            }
            done.store(1, Ordering::Relaxed);
        });
    });
}

#[test]
fn what_cannot_be_opened_is_said() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = server_config(1);
    let Err(ServeError::Bind { local, source }) = bind_udp("test", &[address], &config) else {
        panic!("the port is taken");
    };
    assert_eq!((local, source.kind()), (address, std::io::ErrorKind::AddrInUse));
    let free = "127.0.0.1:0".parse().unwrap();
    assert!(bind_udp("test", &[address, free], &config).is_ok(), "the second address is free");
    assert!(bind_udp("test", &[], &config).is_err());
    let nowhere = open_udp_client("nowhere".into(), Vec::new(), None, ClientConfig::default());
    assert!(matches!(nowhere, Err(ConnectError::NoAddress { name }) if name == "nowhere"));
}

#[test]
fn a_port_is_free_after_a_shutdown_even_if_a_handler_is_stuck() {
    within(LONG, || {
        let gate = Gate::new();
        let inner = Arc::clone(&gate);
        let jobs = Jobs::run(move |n| {
            inner.pass();
            n
        });
        let server = serve_udp(jobs, server_config(1));
        let address = server.local_addr();
        let client = udp_client(address);
        let key = client.start(RUN, 1);
        gate.await_arrival();
        assert_eq!(server.shutdown(Duration::ZERO).running, 1);
        let next = serve_udp_at(address, Jobs::none(), server_config(1));
        assert_eq!(udp_client(address).make(RUN, 2), Ok(2));
        gate.open();
        client.release(key);
        drop(next);
    });
}

#[test]
fn spinning_changes_nothing_but_time() {
    within(LONG, || {
        let spin = Duration::from_micros(50);
        let config = farcall_core::ServerConfig { spin, ..server_config(2) };
        let server = serve_udp(Jobs::run(|n| n + 1), config);
        let config = ClientConfig { spin, ..ClientConfig::default() };
        let client = udp_client_with(server.local_addr(), config);
        for n in 0..1000 {
            assert_eq!(client.make(RUN, n), Ok(n + 1));
        }
    });
}
