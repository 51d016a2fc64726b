//! Every error in every place.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

use rustix::io::Errno;

use super::super::super::udp::fake::{Fate, Request};
use super::super::{LONG, without_hanging};
use super::{Peer, Purpose, Scene, forgetless, numbered, purposes, quick};
use crate::config::ServerConfig;
use crate::host::ClientHost;

const ERRORS: [Errno; 13] = [
    Errno::AGAIN,
    Errno::NOBUFS,
    Errno::MSGSIZE,
    Errno::PERM,
    Errno::CONNREFUSED,
    Errno::CONNRESET,
    Errno::INTR,
    Errno::HOSTUNREACH,
    Errno::NETUNREACH,
    Errno::NETDOWN,
    Errno::NOMEM,
    Errno::INVAL,
    Errno::IO,
];

/// What the system may say of a datagram that has left the host.
const LATE: [Errno; 5] =
    [Errno::MSGSIZE, Errno::CONNREFUSED, Errno::CONNRESET, Errno::HOSTUNREACH, Errno::NETUNREACH];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// How an error comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// The call itself fails.
    AtOnce,
    /// It succeeds, and a later one fails for it.
    Late,
}

/// Where calls fail.
#[derive(Clone, Copy, Debug)]
enum Spot {
    /// Where a datagram for this purpose is sent.
    Sending(Purpose),
    Receiving,
}

/// Lets `count` calls of a kind fail for the client that is made for it. It needs a handshake, a small
/// call, a large one and a long one for that; they all end well, and so does all that another client
/// does.
fn meet(side: Side, spot: Spot, count: usize, is_detailed: bool) {
    let hits = Arc::new(AtomicUsize::new(0));
    let handler = {
        let hits = Arc::clone(&hits);
        move |method| {
            // The last method lasts until the error has come, if need be with probes and signs of work.
            let start = Instant::now();
            while method == 1 && hits.load(Ordering::SeqCst) < count && start.elapsed() < LONG {
                std::thread::yield_now();
            }
        }
    };
    let scene = Scene::with(is_detailed, ServerConfig::default(), handler);
    let other = scene.connect(is_detailed, forgetless());
    other.call(numbered(0, 0, 0, 0)).unwrap();
    let mut number = 1;
    for error in ERRORS {
        for manner in [Manner::AtOnce, Manner::Late] {
            let is_possible = LATE.contains(&error) && matches!(spot, Spot::Sending(_));
            if manner == Manner::Late && !is_possible {
                continue;
            }
            let what = format!("{side:?} {spot:?} {error:?} {manner:?} {count} {is_detailed}");
            hits.store(0, Ordering::SeqCst);
            let plan = {
                let hits = Arc::clone(&hits);
                let bystander = other.address;
                move |request: &Request<'_>| {
                    let is_there = match (spot, request) {
                        (Spot::Receiving, Request::Receive) => true,
                        (Spot::Sending(purpose), Request::Send { to, .. }) => {
                            *to != bystander && purposes(request).contains(&purpose)
                        }
                        _ => false,
                    };
                    if !is_there || hits.load(Ordering::SeqCst) >= count {
                        return Fate::Fine;
                    }
                    hits.fetch_add(1, Ordering::SeqCst);
                    match manner {
                        Manner::AtOnce => Fate::Fails(error),
                        Manner::Late => Fate::Bounces(error),
                    }
                }
            };
            let peer = match side {
                Side::Client => scene.connect_after(is_detailed, quick(), |place| place.plan(plan)),
                Side::Server => {
                    scene.place.plan(plan);
                    scene.connect(is_detailed, quick())
                }
            };
            number = call_all(&scene, &peer, &other, number, &what);
            assert_eq!(hits.load(Ordering::SeqCst), count, "it did not come to it: {what}");
            scene.place.heal();
            assert!(other.has_missed_nothing(), "{what}: {}", other.handle.statistics());
        }
    }
}

/// Small, long and large calls of both clients. Gives the next number.
fn call_all(scene: &Scene, peer: &Peer, other: &Peer, number: u64, what: &str) -> u64 {
    let sizes = [(0, 0, 0), (0, 9000, 7000), (1, 0, 0)];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for index in 0..4 {
                let number = number + 3 + index;
                let completion = other.call(numbered(0, number, 0, 10));
                assert!(completion.is_ok(), "the other one: {what}: {completion:?}");
                scene.ledger.check(number, 10, &completion);
            }
        });
        for (index, (method, request, reply)) in (0..).zip(sizes) {
            let completion = peer.call(numbered(method, number + index, request, reply));
            assert!(completion.is_ok(), "{what}: {completion:?}");
            scene.ledger.check(number + index, reply, &completion);
        }
    });
    number + 7
}

/// In a plain socket and in a detailed one, once and for a while.
fn meet_all(side: Side, spot: Spot) {
    for (count, is_detailed) in [(1, false), (3, true)] {
        without_hanging(move || meet(side, spot, count, is_detailed));
    }
}

#[test]
fn errors_of_a_handshake_are_of_no_consequence() {
    meet_all(Side::Client, Spot::Sending(Purpose::Hello));
    meet_all(Side::Client, Spot::Sending(Purpose::Open));
    meet_all(Side::Server, Spot::Sending(Purpose::Challenge));
    meet_all(Side::Server, Spot::Sending(Purpose::Welcome));
}

#[test]
fn errors_of_requests_and_replies_are_of_no_consequence() {
    meet_all(Side::Client, Spot::Sending(Purpose::Request));
    meet_all(Side::Server, Spot::Sending(Purpose::Reply));
}

#[test]
fn errors_of_probes_and_signs_of_work_are_of_no_consequence() {
    meet_all(Side::Client, Spot::Sending(Purpose::Probe));
    meet_all(Side::Server, Spot::Sending(Purpose::Working));
}

#[test]
fn errors_of_parts_are_of_no_consequence() {
    meet_all(Side::Client, Spot::Sending(Purpose::Part));
    meet_all(Side::Server, Spot::Sending(Purpose::ReplyPart));
}

#[test]
fn errors_of_acknowledgements_are_of_no_consequence() {
    // A transfer need not have more than one.
    for is_detailed in [false, true] {
        for side in [Side::Client, Side::Server] {
            let spot = Spot::Sending(Purpose::Arrived);
            without_hanging(move || meet(side, spot, 1, is_detailed));
        }
    }
}

#[test]
fn errors_of_receiving_are_of_no_consequence() {
    meet_all(Side::Client, Spot::Receiving);
    meet_all(Side::Server, Spot::Receiving);
}
