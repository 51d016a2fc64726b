//! The seat alone, with a machine that only counts.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use super::super::clock::SystemClock;
use super::super::local::{Exchange, LocalSocket};
use super::super::seat::{Parts, Plan, Role, Shared};
use super::super::socket::Socket;
use super::super::wakeups::Wakeups;
use super::without_hanging;
use crate::endpoint::{Machine, Transmit};
use crate::time::Timestamp;

#[derive(Default)]
struct Counter {
    datagrams: usize,
    time_outs: usize,
    since_time_out: usize,
    most_between_time_outs: usize,
    deadline: Option<Timestamp>,
    panics: bool,
    deaths: usize,
}

impl Machine for Counter {
    fn handle_datagram(&mut self, _: Timestamp, _: SocketAddr, _: Option<IpAddr>, _: &Bytes) {
        assert!(!self.panics, "a bug in the endpoint");
        self.datagrams += 1;
        self.since_time_out += 1;
        self.most_between_time_outs = self.most_between_time_outs.max(self.since_time_out);
    }

    fn handle_timeout(&mut self, _: Timestamp) {
        self.time_outs += 1;
        self.since_time_out = 0;
    }

    fn poll_transmit(&mut self, _: Timestamp, _: &mut Vec<u8>) -> Option<Transmit> {
        None
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.deadline
    }
}

impl Role for Counter {
    type Machine = Self;

    fn machine(&mut self) -> &mut Self {
        self
    }

    fn on_death(&mut self, _: &mut Wakeups) {
        self.deaths += 1;
    }
}

/// A driven counter, and a socket that sends to it.
fn driven() -> (Shared<Counter>, LocalSocket, SocketAddr) {
    let exchange = Arc::new(Exchange::default());
    let parts = Parts::new().unwrap();
    let socket = exchange.open(parts.waker());
    let address = socket.local_addr();
    let shared = parts
        .assemble(
            Socket::from(socket),
            Arc::new(SystemClock::new()),
            Duration::ZERO,
            Counter::default(),
        )
        .unwrap();
    let sender = exchange.open(Parts::new().unwrap().waker());
    (shared, sender, address)
}

/// One turn of a leader that never sleeps; says what it planned.
fn turn(shared: &Shared<Counter>) -> Plan {
    let mut core = shared.lock();
    let mut leader = core.take_seat(shared).expect("nobody leads");
    let plan = leader.plan(&mut core, Some(Timestamp::ZERO), false);
    drop(core);
    leader.proceed(plan).unwrap();
    let mut core = shared.lock();
    leader.deliver(&mut core, shared.now());
    leader.put_back(&mut core);
    plan
}

#[test]
fn readiness_travels_with_the_seat() {
    let (shared, sender, address) = driven();
    sender.send(b"one", address);
    sender.send(b"two", address);
    // The batches begin with one datagram. There will be no second event for the other one.
    assert_eq!(turn(&shared), Plan::Receive);
    assert_eq!(shared.lock().role.datagrams, 1);
    assert_eq!(turn(&shared), Plan::Receive);
    assert_eq!(shared.lock().role.datagrams, 2);
    // Only a receive call that found nothing settles it.
    while turn(&shared) == Plan::Receive {}
    sender.send(b"three", address);
    assert_eq!(turn(&shared), Plan::Sleep(Timestamp::ZERO));
    assert_eq!(shared.lock().role.datagrams, 3);
}

#[test]
fn timers_wait_for_an_empty_socket() {
    let (shared, sender, address) = driven();
    sender.send(b"one", address);
    sender.send(b"two", address);
    turn(&shared);
    {
        let core = shared.lock();
        assert_eq!((core.role.datagrams, core.role.time_outs), (1, 0));
    }
    while turn(&shared) == Plan::Receive {}
    let core = shared.lock();
    assert_eq!(core.role.datagrams, 2);
    assert!(core.role.time_outs > 0);
}

#[test]
fn a_flood_of_empty_datagrams_does_not_stop_the_timers() {
    let (shared, sender, address) = driven();
    for _ in 0..4000 {
        sender.send(b"", address);
    }
    while turn(&shared) == Plan::Receive {}
    let core = shared.lock();
    assert_eq!(core.role.datagrams, 4000);
    assert!(core.role.most_between_time_outs <= 128, "{}", core.role.most_between_time_outs);
}

#[test]
fn only_an_earlier_deadline_is_urgent() {
    let (shared, _sender, _address) = driven();
    while turn(&shared) == Plan::Receive {}
    let mut core = shared.lock();
    let mut leader = core.take_seat(&shared).unwrap();
    let time = Timestamp::from_nanos;
    core.role.deadline = Some(time(500));
    assert!(!core.is_urgent(), "a leader that does not sleep looks by itself");
    assert_eq!(leader.plan(&mut core, None, false), Plan::Sleep(time(500)));
    core.role.deadline = Some(time(600));
    assert!(!core.is_urgent(), "it wakes up earlier anyway");
    core.role.deadline = Some(time(400));
    assert!(core.is_urgent());
    assert!(!core.is_urgent(), "it was told");
    leader.put_back(&mut core);
    core.role.deadline = Some(time(300));
    assert!(!core.is_urgent(), "nobody leads");
}

#[test]
fn a_wake_before_the_sleep_is_kept() {
    without_hanging(|| {
        let (shared, _sender, _address) = driven();
        while turn(&shared) == Plan::Receive {}
        let mut core = shared.lock();
        let mut leader = core.take_seat(&shared).unwrap();
        let plan = leader.plan(&mut core, None, false);
        assert_eq!(plan, Plan::Sleep(Timestamp::NEVER));
        drop(core);
        shared.wake_leader();
        leader.proceed(plan).unwrap();
        leader.put_back(&mut shared.lock());
    });
}

#[test]
fn a_leader_that_unwinds_puts_the_seat_back_and_leaves_the_endpoint_dead() {
    without_hanging(|| {
        let (shared, sender, address) = driven();
        shared.lock().role.panics = true;
        sender.send(b"one", address);
        assert!(catch_unwind(AssertUnwindSafe(|| turn(&shared))).is_err());
        let core = shared.lock();
        assert!(core.has_seat());
        assert!(core.is_dead());
        assert_eq!(core.role.deaths, 1);
    });
}

#[test]
fn a_leader_comes_late_without_taking_it_for_a_busy_time() {
    let (shared, sender, address) = driven();
    sender.send(b"one", address);
    sender.send(b"two", address);
    sender.send(b"three", address);
    turn(&shared);
    std::thread::sleep(Duration::from_millis(2));
    turn(&shared);
    assert_eq!(shared.lock().role.time_outs, 0, "an answer was still in the socket");
}
