//! Calls over real sockets and over the loopback: everything works together.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it tests the driver")]

mod driver_support;

use std::time::Duration;

use driver_support::*;
use farcall_core::driver::Loopback;
use farcall_core::host::Network;
use farcall_core::{CallErrorKind, ClientConfig, ServeError};

#[test]
fn a_call_over_udp() {
    within(LONG, || {
        let server = serve_udp(Jobs::run(|n| n + 1), server_config(2));
        let client = udp_client(server.local_addr());
        assert_eq!(client.make(RUN, 41), Ok(42));
        assert_eq!(client.make(RUN, 1), Ok(2));
    });
}

#[test]
fn a_call_over_the_loopback() {
    within(LONG, || {
        let net = Loopback::new();
        let server = serve_on(&net, "calc", Jobs::run(|n| n + 1), server_config(2));
        let client = net.open_client("calc", ClientConfig::default()).unwrap();
        assert_eq!(client.make(RUN, 41), Ok(42));
        drop(server);
    });
}

#[test]
fn a_thousand_calls_in_flight() {
    within(LONG, || {
        let server = serve_udp(Jobs::run(|n| n + 1), server_config(2));
        let client = udp_client(server.local_addr());
        let keys: Vec<_> = (0..1000).map(|n| client.start(RUN, n)).collect();
        for (n, key) in keys.into_iter().enumerate() {
            assert_eq!(client.finish(key), Ok(n as u32 + 1));
        }
    });
}

#[test]
fn a_panic_in_a_handler_is_an_answer() {
    within(LONG, || {
        let server =
            serve_udp(Jobs::run(|n| if n == 0 { panic!("no zero") } else { n }), server_config(1));
        let client = udp_client(server.local_addr());
        for _ in 0..3 {
            let failure = client.make(RUN, 0).unwrap_err();
            assert_eq!(failure.outcome, farcall_core::Outcome::Executed);
            assert_eq!(client.make(RUN, 5), Ok(5));
        }
    });
}

#[test]
fn a_client_is_opened_before_its_server_and_outlives_it() {
    within(LONG, || {
        let net = Loopback::new();
        let client = net.open_client("late", ClientConfig::default()).unwrap();
        for round in 0..2 {
            let server = serve_on(&net, "late", Jobs::run(move |n| n + round), server_config(1));
            // What the last server had promised died with it; the next call is for the new one.
            let first = client.make(RUN, 1);
            if first != Ok(1 + round) {
                assert_eq!(first.unwrap_err().kind, CallErrorKind::ServerRestarted);
                assert_eq!(client.make(RUN, 1), Ok(1 + round));
            }
            let report = server.shutdown(Duration::from_secs(5));
            assert_eq!(report.running, 0);
        }
    });
}

#[test]
fn a_name_has_one_server() {
    let net = Loopback::new();
    let config = server_config(1);
    let first = net.open_server("calc", &config).unwrap();
    assert!(matches!(net.open_server("calc", &config), Err(ServeError::NameInUse { .. })));
    assert!(net.open_server("other", &config).is_ok());
    assert!(Loopback::new().open_server("calc", &config).is_ok());
    drop(first);
    assert!(net.open_server("calc", &config).is_ok());
}

#[test]
fn a_wildcard_server_answers_on_both_families() {
    within(LONG, || {
        let server = serve_udp_at("[::]:0".parse().unwrap(), Jobs::none(), server_config(1));
        let port = server.local_addr().port();
        for host in ["127.0.0.1", "127.0.0.2", "::1"] {
            let client = udp_client((host.parse::<std::net::IpAddr>().unwrap(), port).into());
            assert_eq!(client.make(RUN, 7), Ok(7), "{host}");
        }
    });
}
