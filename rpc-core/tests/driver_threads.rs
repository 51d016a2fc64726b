//! The threads of this process: what they cost when there is nothing to do, and that they end. One
//! test, since it looks at the whole process.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it tests the driver")]
#![cfg(target_os = "linux")]

mod driver_support;

use std::fs;
use std::time::{Duration, Instant};

use driver_support::*;

/// The thread that all clients of a process share. It stays, and sleeps.
const KEEPER: usize = 1;

/// The threads of this library: their number, and how often they have gone to sleep.
fn threads() -> (usize, u64) {
    let mut count = 0;
    let mut sleeps = 0;
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        let Ok(status) = fs::read_to_string(path.join("status")) else { continue };
        let value = |name| {
            let line = status.lines().find_map(|line: &str| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        if value("Name:").starts_with("farcall") {
            count += 1;
            sleeps += value("voluntary_ctxt_switches:").parse::<u64>().unwrap();
        }
    }
    (count, sleeps)
}

fn await_threads(expected: usize) {
    let start = Instant::now();
    while threads().0 != expected {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{} threads, not {expected}",
            threads().0
        );
        std::thread::yield_now();
    }
}

#[test]
fn idle_threads_sleep_and_all_threads_end() {
    within(LONG, || {
        let server = serve_udp(Jobs::none(), server_config(3));
        let client = udp_client(server.local_addr());
        for n in 0..100 {
            assert_eq!(client.make(RUN, n), Ok(n));
        }
        // Three workers and two more.
        await_threads(5 + KEEPER);

        // After the last reply was acknowledged nobody has anything to do. What is measured needs
        // time to pass, and the machine may be slow in coming to rest.
        let mut woken = u64::MAX;
        for _ in 0..10 {
            let (_, before) = threads();
            std::thread::sleep(Duration::from_millis(200));
            woken = woken.min(threads().1 - before);
        }
        assert_eq!(woken, 0, "idle threads woke up");

        drop(client);
        await_threads(5 + KEEPER);
        let _ = server.shutdown(Duration::from_secs(1));
        await_threads(KEEPER);

        // Without a shutdown as well, and with a client that leads in the background.
        let server = serve_udp(Jobs::none(), server_config(3));
        let client = udp_client(server.local_addr());
        let key = client.start(RUN, 1);
        let waker = std::task::Waker::noop();
        while client.poll(key, waker).is_pending() {
            std::thread::yield_now();
        }
        drop(server);
        await_threads(1 + KEEPER);
        // This one will never be answered, so somebody leads when the client is dropped.
        let lost = client.start(RUN, 2);
        assert!(client.poll(lost, waker).is_pending());
        drop(client);
        await_threads(KEEPER);
    });
}
