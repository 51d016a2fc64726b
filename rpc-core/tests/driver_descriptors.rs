//! What many clients in one process cost in descriptors. One test, since it looks at the whole process.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it tests the driver")]
#![cfg(target_os = "linux")]

mod driver_support;

use std::fs;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driver_support::*;
use farcall_core::ClientConfig;
use farcall_core::endpoint::client::NewCall;
use farcall_core::host::ClientHost;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// So many of them keep the poll that they were lent.
const KEEPERS: usize = 64;
const CLIENTS: usize = 300;
/// What a poll takes: itself, its waker, its timer.
const POLL: usize = 3;
const THREADS: usize = 3;

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The arguments of a call that takes a while, so that its caller sleeps.
const SLOW: u32 = 1;

fn call_all(clients: &[Arc<dyn ClientHost>]) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for (place, client) in clients.iter().enumerate() {
                    // Some clients are led by several threads at once.
                    if place % THREADS == thread || place % 10 == 0 {
                        assert_eq!(client.make(RUN, SLOW), Ok(SLOW));
                    }
                }
            });
        }
    });
}

/// Somebody sleeps for long at a poll that was lent, and another caller's deadline comes first. Nothing that arrives
/// wakes it: the server is a socket that nobody reads.
fn a_sleeper_is_woken() {
    let silence = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = ClientConfig {
        spin: Duration::ZERO,
        handshake_interval: LONG,
        handshake_timeout: LONG,
        ..ClientConfig::default()
    };
    let client = udp_client_with(silence.local_addr().unwrap(), config);
    let ends = |after: Duration| {
        let call = NewCall { deadline: Some(after), ..new_call(RUN, number(0)) };
        let (key, completion) = client.call(call);
        client.release(key);
        assert!(completion.is_err(), "nobody answers it");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| ends(Duration::from_secs(4)));
        // If the other one is not asleep by then, this one leads, and the test shows nothing.
        while client.statistics().calls == 0 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(20));
        let start = Instant::now();
        ends(Duration::from_millis(50));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
}

/// The system has no descriptors left for one more poll: calls are slow, and are made.
fn nothing_is_left(client: &Arc<dyn ClientHost>) {
    let limits = getrlimit(Resource::Nofile);
    // No number below this is free.
    let current = Some(3);
    setrlimit(Resource::Nofile, Rlimit { current, ..limits }).unwrap();
    let caller = Arc::clone(client);
    // This thread has had no poll to lend yet.
    let result = std::thread::spawn(move || caller.make(RUN, SLOW)).join().unwrap();
    setrlimit(Resource::Nofile, limits).unwrap();
    assert_eq!(result, Ok(SLOW));
}

#[test]
fn many_clients_need_little_more_than_their_sockets() {
    within(LONG, || {
        let jobs = Jobs::run(|n| {
            if n == SLOW {
                std::thread::sleep(Duration::from_millis(1));
            }
            n
        });
        let server = serve_udp(jobs, server_config(4));
        let before = descriptors();
        let config = ClientConfig { spin: Duration::ZERO, ..ClientConfig::default() };
        let open = || udp_client_with(server.local_addr(), config.clone());
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| open()).collect();
        assert!(descriptors() <= before + CLIENTS, "{} for {CLIENTS}", descriptors() - before);
        call_all(&clients);
        let polls = (KEEPERS + THREADS + 1) * POLL;
        let most = before + CLIENTS + polls;
        assert!(descriptors() <= most, "{} for {CLIENTS}", descriptors() - before);

        let last = clients.last().expect("there are many");
        a_sleeper_is_woken();
        nothing_is_left(last);

        // Those that come later take the places of those that go.
        for _ in 0..3 {
            clients.drain(..CLIENTS / 2);
            clients.extend((0..CLIENTS / 2).map(|_| open()));
            call_all(&clients);
            assert!(descriptors() <= most, "{} for {CLIENTS}", descriptors() - before);
        }
        drop(clients);
        assert!(descriptors() < before + POLL * 3, "{} are left", descriptors() - before);
    });
}
