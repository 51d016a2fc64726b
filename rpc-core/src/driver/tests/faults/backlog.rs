//! A socket without room, and what the system says late, to a machine that sends what it is told to.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustix::io::Errno;

use super::super::super::clock::SystemClock;
use super::super::super::seat::{Parts, Role, Shared};
use super::super::super::socket::Socket;
use super::super::super::udp::UdpLink;
use super::super::super::udp::fake::{FakeNetwork, Fate, Place, Request};
use super::super::super::wakeups::Wakeups;
use super::{budget, system_calls};
use crate::endpoint::{Machine, Transmit};
use crate::time::Timestamp;

/// A machine that sends what it is told to, and counts how often it is let run.
#[derive(Default)]
struct Talker {
    unsent: VecDeque<(SocketAddr, Vec<u8>)>,
    timeouts: usize,
    refused: Vec<SocketAddr>,
    too_large: Vec<(SocketAddr, usize)>,
}

impl Machine for Talker {
    fn handle_datagram(&mut self, _: Timestamp, _: SocketAddr, _: Option<IpAddr>, _: &Bytes) {}

    fn handle_timeout(&mut self, _: Timestamp) {
        self.timeouts += 1;
    }

    fn poll_transmit(&mut self, _: Timestamp, out: &mut Vec<u8>) -> Option<Transmit> {
        let (to, content) = self.unsent.pop_front()?;
        out.extend_from_slice(&content);
        Some(Transmit { to, from: None, length: content.len() })
    }

    fn handle_send_refused(&mut self, _: Timestamp, to: SocketAddr, size: usize) {
        self.too_large.push((to, size));
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
}

impl Role for Talker {
    type Machine = Self;

    fn machine(&mut self) -> &mut Self {
        self
    }

    fn on_refused(&mut self, _: Timestamp, peer: SocketAddr) {
        self.refused.push(peer);
    }

    fn on_death(&mut self, _: &mut Wakeups) {}
}

/// A machine on a fake socket, and two peers that nobody drives.
struct Stage {
    shared: Shared<Talker>,
    place: Arc<Place>,
    peers: [Arc<Place>; 2],
    addresses: [SocketAddr; 2],
    /// So that they stay in the network.
    _links: [UdpLink; 2],
}

impl Stage {
    fn new(is_detailed: bool) -> Self {
        let network = Arc::new(FakeNetwork::default());
        let open = |host| network.open(SocketAddr::from(([10, 0, 0, host], 1)), is_detailed);
        let ((link, place), first, second) = (open(1), open(2), open(3));
        let parts = Parts::new().unwrap();
        let clock = Arc::new(SystemClock::new());
        let shared =
            parts.assemble(Socket::from(link), clock, Duration::ZERO, Talker::default()).unwrap();
        let addresses = [first.0.local_addr(), second.0.local_addr()];
        let (links, peers) = ([first.0, second.0], [first.1, second.1]);
        let stage = Self { shared, place, peers, addresses, _links: links };
        stage.turn();
        stage
    }

    fn say(&self, peer: usize, content: impl Into<Vec<u8>>) {
        self.shared.lock().role.unsent.push_back((self.addresses[peer], content.into()));
    }

    /// A turn of a leader: sends, sleeps if there is nothing to do, receives.
    fn turn(&self) {
        let mut core = self.shared.flush(self.shared.lock(), self.shared.now());
        let mut leader = core.take_seat(&self.shared).expect("nobody leads");
        // Long enough for everything that is waited for here, short enough to end.
        let until = self.shared.now() + Duration::from_millis(2);
        let plan = leader.plan(&mut core, Some(until), false);
        drop(core);
        leader.proceed(plan).unwrap();
        let mut core = self.shared.lock();
        leader.deliver(&mut core, self.shared.now());
        leader.put_back(&mut core);
    }

    fn has_backlog(&self) -> bool {
        self.shared.lock().has_backlog()
    }
}

#[test]
fn what_waits_for_room_is_bounded_and_goes_out_in_order_while_timers_run() {
    for is_detailed in [false, true] {
        for claims_room in [false, true] {
            let stage = Stage::new(is_detailed);
            stage.place.claim_room(claims_room);
            stage.place.plan(|request| match request {
                Request::Send { .. } => Fate::Fails(Errno::AGAIN),
                Request::Receive => Fate::Fine,
            });
            let (start, before) = (Instant::now(), stage.place.counts());
            let timeouts = stage.shared.lock().role.timeouts;
            let mut number = 0u32;
            let mut turns = 0;
            while start.elapsed() < Duration::from_millis(300) {
                // Somebody else has something to say all the time.
                for _ in 0..10 {
                    stage.say((number % 2) as usize, number.to_be_bytes());
                    number += 1;
                }
                stage.turn();
                turns += 1;
            }
            let time = start.elapsed();
            let counts = stage.place.counts();
            let calls = counts.sends + counts.watches - before.sends - before.watches;
            assert!(calls <= budget(start), "{calls} system calls in {time:?}, {claims_room}");
            assert_eq!(stage.shared.lock().role.timeouts - timeouts, turns, "timers run");
            // Ten were asked for and wait; nobody asked for the others.
            assert_eq!(stage.shared.lock().role.unsent.len(), number as usize - 10);

            stage.place.heal();
            while stage.has_backlog() || !stage.shared.lock().role.unsent.is_empty() {
                stage.turn();
            }
            for (index, peer) in (0..).zip(&stage.peers) {
                let heard = peer.take_arrived();
                let said = (index..number).step_by(2).map(|number| number.to_be_bytes().to_vec());
                assert!(heard.iter().cloned().eq(said), "in order: {heard:?}");
            }
        }
    }
}

#[test]
fn what_others_wanted_to_send_meanwhile_is_bounded() {
    let stage = Stage::new(false);
    stage.place.plan(|_| Fate::Fails(Errno::AGAIN));
    let network = Arc::new(FakeNetwork::default());
    let (link, place) = network.open(SocketAddr::from(([10, 0, 0, 9], 1)), false);
    place.plan(|_| Fate::Fails(Errno::AGAIN));
    let socket = Socket::from(link);
    for size in [1, 60, 1200, 65_507] {
        let transmit = Transmit { to: stage.addresses[0], from: None, length: size };
        for _ in 0..(4 << 20) / size.max(60) {
            socket.send(&vec![0; size], &[transmit]);
        }
    }
    let (bytes, transmits) = socket.backlog().release();
    assert!(bytes.len() <= 1 << 20, "{}", bytes.len());
    assert_eq!(transmits.iter().map(|transmit| transmit.length).sum::<usize>(), bytes.len());
}

#[test]
fn reports_about_one_peer_cost_another_nothing_however_many_come() {
    for is_detailed in [false, true] {
        for error in [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::MSGSIZE] {
            let stage = Stage::new(is_detailed);
            let [dead, _] = stage.addresses;
            stage.place.plan(move |request| match request {
                Request::Send { to, .. } if *to == dead => Fate::Bounces(error),
                _ => Fate::Fine,
            });
            // One report in front of each, and many at once, which each wait behind the one before.
            for number in 0..100u32 {
                for _ in 0..1 + number % 4 {
                    stage.say(0, [0; 4]);
                }
                stage.say(1, number.to_be_bytes());
                if number % 3 == 0 {
                    stage.turn();
                }
            }
            while stage.has_backlog() || !stage.shared.lock().role.unsent.is_empty() {
                stage.turn();
            }
            let heard = stage.peers[1].take_arrived();
            let said = (0..100u32).map(|number| number.to_be_bytes().to_vec());
            assert!(heard.iter().cloned().eq(said), "{error:?} {is_detailed}: {heard:?}");
            for _ in 0..10 {
                stage.turn();
            }
            let refused = core::mem::take(&mut stage.shared.lock().role.refused);
            assert!(refused.iter().all(|&peer| peer == dead), "{refused:?}");
            assert_eq!(refused.is_empty(), error == Errno::MSGSIZE, "a size is no refusal");
        }
    }
}

#[test]
fn a_datagram_survives_reports_that_come_between_its_tries() {
    for is_detailed in [false, true] {
        for error in [Errno::CONNREFUSED, Errno::INTR, Errno::MSGSIZE] {
            let stage = Stage::new(is_detailed);
            let mut calls = 0;
            // Two at a time: a second report comes while the first is dealt with.
            stage.place.plan(move |request| match request {
                Request::Send { .. } => {
                    calls += 1;
                    if calls % 3 == 0 { Fate::Fine } else { Fate::Fails(error) }
                }
                Request::Receive => Fate::Fine,
            });
            for number in 0..30u32 {
                stage.say(1, number.to_be_bytes());
            }
            stage.turn();
            let heard = stage.peers[1].take_arrived();
            let said = (0..30u32).map(|number| number.to_be_bytes().to_vec());
            assert!(heard.iter().cloned().eq(said), "{error:?} {is_detailed}: {heard:?}");
        }
    }
}

#[test]
fn a_queue_that_is_always_full_for_one_peer_delays_another_and_loses_nothing_of_it() {
    let stage = Stage::new(false);
    let [dead, _] = stage.addresses;
    stage.place.plan(move |request| match request {
        Request::Send { to, .. } if *to == dead => Fate::Fails(Errno::NOBUFS),
        _ => Fate::Fine,
    });
    for number in 0..50u32 {
        stage.say(0, [0; 4]);
        stage.say(1, number.to_be_bytes());
    }
    let start = Instant::now();
    let before = system_calls(&stage.place);
    while stage.has_backlog() || !stage.shared.lock().role.unsent.is_empty() {
        stage.turn();
    }
    let calls = system_calls(&stage.place) - before;
    assert!(calls <= budget(start), "{calls} in {:?}", start.elapsed());
    let heard = stage.peers[1].take_arrived();
    let said = (0..50u32).map(|number| number.to_be_bytes().to_vec());
    assert!(heard.iter().cloned().eq(said), "{heard:?}");
}

#[test]
fn every_failure_is_counted_once() {
    for is_detailed in [false, true] {
        // What is said, how often it is said, and whether the datagram is sent in the end.
        for (error, count, errors, unsent) in [
            (Errno::AGAIN, 3, 0, 0),
            (Errno::NOBUFS, 1, 1, 1),
            (Errno::PERM, 3, 3, 0),
            (Errno::PERM, 4, 4, 1),
            (Errno::MSGSIZE, 4, 4, 1),
            (Errno::INTR, 1, 1, 0),
            (Errno::CONNREFUSED, 2, 2, 0),
        ] {
            let stage = Stage::new(is_detailed);
            let mut left = count;
            stage.place.plan(move |request| match request {
                Request::Send { .. } if left > 0 => {
                    left -= 1;
                    Fate::Fails(error)
                }
                _ => Fate::Fine,
            });
            stage.say(1, [1; 4]);
            stage.say(0, [2; 4]);
            stage.turn();
            while stage.has_backlog() {
                stage.turn();
            }
            let core = stage.shared.lock();
            let counted = (core.troubles().send_errors(), core.troubles().unsent());
            assert_eq!(counted, (errors, unsent), "{error:?} {count} times");
            assert_eq!(core.troubles().receive_errors(), 0);
            assert_eq!(stage.peers[1].arrived() as u64, 1 - unsent);
            assert_eq!(stage.peers[0].arrived(), 1, "the rest goes on its way");
            let too_large = [(stage.addresses[1], 4)];
            let is_too_large = error == Errno::MSGSIZE;
            assert_eq!(core.role.too_large, too_large[..usize::from(is_too_large)], "once");
        }
        let stage = Stage::new(is_detailed);
        let mut left = 10;
        stage.place.plan(move |request| match request {
            Request::Receive if left > 0 => {
                left -= 1;
                Fate::Fails(Errno::CONNRESET)
            }
            _ => Fate::Fine,
        });
        stage.place.ring();
        while stage.place.counts().faults < 10 {
            stage.turn();
        }
        assert_eq!(stage.shared.lock().troubles().receive_errors(), 10);
    }
}

#[test]
fn what_there_is_no_room_to_keep_is_counted() {
    let network = Arc::new(FakeNetwork::default());
    let (link, place) = network.open(SocketAddr::from(([10, 0, 0, 9], 1)), false);
    place.plan(|_| Fate::Fails(Errno::AGAIN));
    let socket = Socket::from(link);
    let to = SocketAddr::from(([10, 0, 0, 2], 1));
    for _ in 0..20 {
        socket.send(&[0; 65_507], &[Transmit { to, from: None, length: 65_507 }]);
    }
    let kept = socket.backlog().release().1.len();
    assert_eq!(kept as u64 + socket.troubles().unsent(), 20);
    assert_eq!(socket.troubles().send_errors(), 0);
}
