//! The simulated network by itself: time, paths, hosts, trace; with two machines that know nothing of
//! the protocol.
#![cfg(feature = "sim")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use farcall_core::endpoint::{Machine, Transmit};
use farcall_core::sim::{Delay, Fate, Link, Settings, What, World};
use farcall_core::time::Timestamp;

const MS: Duration = Duration::from_millis(1);

/// Sends a numbered datagram every millisecond, for so many times.
struct Sender {
    to: SocketAddr,
    next: Timestamp,
    left: u32,
    is_due: bool,
}

impl Sender {
    fn new(to: SocketAddr, times: u32) -> Box<Self> {
        Box::new(Self { to, next: Timestamp::ZERO, left: times, is_due: false })
    }
}

impl Machine for Sender {
    fn handle_datagram(&mut self, _: Timestamp, _: SocketAddr, _: Option<IpAddr>, _: &Bytes) {}

    fn handle_timeout(&mut self, now: Timestamp) {
        if self.left > 0 && now >= self.next {
            self.next = now + MS;
            self.is_due = true;
        }
    }

    fn poll_transmit(&mut self, _: Timestamp, out: &mut Vec<u8>) -> Option<Transmit> {
        if !std::mem::take(&mut self.is_due) {
            return None;
        }
        self.left -= 1;
        out.extend_from_slice(&self.left.to_be_bytes());
        Some(Transmit { to: self.to, from: None, length: 4 })
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        (self.left > 0).then_some(self.next)
    }
}

/// Counts what arrives, and keeps when it last did.
#[derive(Clone, Default)]
struct Receiver {
    received: Arc<AtomicUsize>,
    turns: Arc<AtomicUsize>,
}

impl Receiver {
    fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }
}

impl Machine for Receiver {
    fn handle_datagram(&mut self, _: Timestamp, _: SocketAddr, _: Option<IpAddr>, _: &Bytes) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    fn handle_timeout(&mut self, _: Timestamp) {}

    fn poll_transmit(&mut self, _: Timestamp, _: &mut Vec<u8>) -> Option<Transmit> {
        self.turns.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
}

/// `alice` sends `times` datagrams to `bob`.
fn sending(world: &World, times: u32) -> Receiver {
    let receiver = Receiver::default();
    let to = world.host("bob").add_machine(Box::new(receiver.clone()));
    world.host("alice").add_machine(Sender::new(to, times));
    receiver
}

fn harsh() -> Link {
    Link {
        loss: 0.1,
        duplication: 0.2,
        corruption: 0.1,
        late_copies: 0.05,
        delay: Delay::exponential(MS, 5 * MS),
        ..Link::default()
    }
}

#[test]
fn time_jumps_from_event_to_event() {
    let world = World::new(1);
    let receiver = sending(&world, 3);
    world.run_for(Duration::from_micros(50));
    // The first datagram is on its way for 100 microseconds.
    assert_eq!((receiver.received(), world.now()), (0, Duration::from_micros(50)));
    world.run_for(Duration::from_micros(50));
    assert_eq!(receiver.received(), 1);
    world.run_until_idle();
    assert_eq!((receiver.received(), world.now()), (3, Duration::from_micros(2_100)));
    world.run_for(Duration::from_secs(3600));
    assert_eq!(world.now(), Duration::from_micros(2_100) + Duration::from_secs(3600));
}

#[test]
fn a_seed_gives_the_same_run_again_and_another_seed_another() {
    let run = |seed| {
        let world = World::new(seed);
        world.set_all_links(harsh());
        let receiver = sending(&world, 1_000);
        world.run_until_idle();
        (world.trace().hash(), world.trace().to_string(), receiver.received(), world.now())
    };
    let first = run(7);
    assert_eq!(first, run(7));
    assert_ne!(first.0, run(8).0);
    assert_ne!(first.2, 1_000, "the faults did something");
}

#[test]
fn the_luck_of_one_path_does_not_depend_on_the_others() {
    let run = |with_others| {
        let world = World::new(7);
        world.set_all_links(harsh());
        let receiver = sending(&world, 500);
        if with_others {
            let other = world.host("carol").add_machine(Box::new(Receiver::default()));
            world.host("dave").add_machine(Sender::new(other, 500));
        }
        world.run_until_idle();
        receiver.received()
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn a_cut_is_one_way_and_takes_what_is_on_its_way() {
    let world = World::new(1);
    let receiver = sending(&world, 10);
    world.run_for(Duration::from_micros(50));
    world.cut("bob", "alice");
    world.run_for(Duration::from_micros(50));
    assert_eq!(receiver.received(), 1, "the other direction is not affected");
    world.run_for(Duration::from_micros(950));
    // The second datagram was sent and has not arrived.
    world.cut("alice", "bob");
    world.run_for(3 * MS);
    assert_eq!(receiver.received(), 1);
    world.heal();
    world.run_until_idle();
    assert_eq!(receiver.received(), 6);
}

#[test]
fn a_path_may_change_in_mid_run() {
    let world = World::new(1);
    let receiver = sending(&world, 10);
    world.after(Duration::from_micros(4_500), |world| {
        world.set_link("alice", "bob", Link { loss: 1.0, ..Link::default() });
    });
    world.run_until_idle();
    assert_eq!(receiver.received(), 5);
    let expected = "seed 1; all paths: delay 100µs; alice -> bob: delay 100µs, loss 1";
    assert_eq!(world.reproduction(), expected);
}

#[test]
fn datagrams_of_one_instant_are_handed_over_before_the_host_acts() {
    let world = World::new(1);
    let receiver = Receiver::default();
    let to = world.host("bob").add_machine(Box::new(receiver.clone()));
    for name in ["alice", "carol", "dave"] {
        world.host(name).add_machine(Sender::new(to, 1));
    }
    let turns_before = receiver.turns.load(Ordering::Relaxed);
    world.run_until_idle();
    assert_eq!(receiver.received(), 3);
    assert_eq!(receiver.turns.load(Ordering::Relaxed) - turns_before, 1);
}

#[test]
fn the_socket_of_a_paused_host_keeps_what_it_has_room_for() {
    let world = World::with(Settings { socket_limit: 4, ..Settings::new(1) });
    let receiver = sending(&world, 10);
    world.run_for(Duration::from_micros(1_500));
    world.host("bob").pause(20 * MS);
    world.run_for(19 * MS);
    assert_eq!(receiver.received(), 2);
    world.run_until_idle();
    assert_eq!(receiver.received(), 6);
    let full = |what: &What| matches!(what, What::Datagram { fate: Fate::SocketFull, .. });
    assert_eq!(world.trace().records().filter(|record| full(&record.what)).count(), 4);
}

#[test]
fn a_paused_host_sends_nothing_until_it_goes_on() {
    let world = World::new(1);
    let receiver = sending(&world, 3);
    world.host("alice").pause(100 * MS);
    world.run_for(99 * MS);
    assert_eq!(receiver.received(), 0);
    world.run_until_idle();
    assert_eq!(receiver.received(), 3);
}

#[test]
fn what_was_recorded_comes_back_all_of_it() {
    let world = World::with(Settings { recorded: 100, ..Settings::new(1) });
    // Everything is lost, and recorded all the same.
    world.set_all_links(Link { loss: 1.0, ..Link::default() });
    let receiver = sending(&world, 10);
    world.run_until_idle();
    assert_eq!(receiver.received(), 0);
    assert_eq!(world.replay(Duration::from_secs(60)), 10);
    world.run_until_idle();
    assert_eq!(receiver.received(), 10);
}

#[test]
fn nothing_reaches_an_address_that_was_left() {
    let world = World::new(1);
    let receiver = sending(&world, 10);
    world.after(Duration::from_micros(2_500), |world| world.host("bob").rebind());
    world.run_until_idle();
    assert_eq!(receiver.received(), 3);
}

#[test]
fn a_clock_that_jumps_is_the_hosts_own() {
    let world = World::new(1);
    let receiver = sending(&world, 10);
    world.run_for(Duration::from_micros(500));
    world.host("alice").jump_clock(Duration::from_secs(3600));
    // The second datagram was due within that hour: it is sent at once, the third 1 ms later.
    world.run_for(Duration::from_micros(200));
    assert_eq!((receiver.received(), world.now()), (2, Duration::from_micros(700)));
    world.run_until_idle();
    assert_eq!((receiver.received(), world.now()), (10, Duration::from_micros(8_600)));
}

#[test]
fn an_action_is_done_at_its_time_and_may_plan_others() {
    let world = World::new(1);
    let done = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&done);
    world.after(3 * MS, move |world| {
        world.after(2 * MS, move |_| flag.store(true, Ordering::Relaxed));
        farcall_core::sim::sleep(MS);
    });
    world.run_until(|| done.load(Ordering::Relaxed));
    assert_eq!(world.now(), 5 * MS);
    assert!(!world.step(), "nothing else is to come");
}

#[test]
#[should_panic(expected = "nothing can happen any more")]
fn waiting_for_what_cannot_happen_is_a_panic() {
    World::new(1).run_until(|| false);
}

#[test]
#[should_panic(expected = "seed 99")]
fn a_deadlock_names_the_seed() {
    World::new(99).block_on(std::future::pending::<()>());
}
