//! Floods of datagrams that mean nothing, and of errors, keep nobody from timers and from sending.

use core::time::Duration;
use std::time::Instant;

use rustix::io::Errno;

use super::super::super::udp::fake::{Fate, Request};
use super::super::{eventually, without_hanging};
use super::{Scene, forgetless, numbered, quick};
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::client::NewCall;
use crate::error::Outcome;
use crate::host::ClientHost;
use crate::statistics::DropReason;

const FLOODS: [Fate; 4] =
    [Fate::Empty, Fate::Junk, Fate::Fails(Errno::CONNREFUSED), Fate::Fails(Errno::INTR)];

#[test]
fn a_client_in_a_flood_sends_and_keeps_its_deadlines() {
    without_hanging(|| {
        for is_detailed in [false, true] {
            for spin in [Duration::ZERO, Duration::from_micros(50)] {
                for flood in FLOODS {
                    let scene = Scene::new(is_detailed);
                    let config = ClientConfig { spin, ..quick() };
                    let peer = scene.connect_after(is_detailed, config, |place| {
                        // Without end, and with nothing else in between.
                        place.plan(move |request| match request {
                            Request::Receive => flood,
                            Request::Send { .. } => Fate::Fine,
                        });
                        place.ring();
                    });
                    let deadline = Some(Duration::from_millis(150));
                    let start = Instant::now();
                    let call = NewCall { deadline, ..numbered(0, 1, 0, 0) };
                    let failure = peer.call(call).unwrap_err();
                    let time = start.elapsed();
                    assert_eq!(failure.outcome, Outcome::NotExecuted, "{flood:?}");
                    let range = Duration::from_millis(150)..Duration::from_secs(2);
                    assert!(range.contains(&time), "{flood:?}: it ended after {time:?}");
                    let sends = peer.place.counts().sends;
                    assert!(sends >= 2, "{flood:?}: it has not repeated itself");
                    peer.place.heal();
                    peer.call(numbered(0, 2, 0, 0)).unwrap();
                    assert_eq!((scene.ledger.runs(1), scene.ledger.runs(2)), (0, 1));
                    // What was read is in exactly one counter. What was left is read by whoever comes.
                    let received = peer.handle.statistics().received;
                    assert_eq!(received.datagrams, received.accepted + received.dropped_total());
                    assert_eq!(received.datagrams, peer.place.counts().received as u64);
                }
            }
        }
    });
}

#[test]
fn a_server_in_a_flood_serves_whom_it_hears() {
    without_hanging(|| {
        for is_detailed in [false, true] {
            for flood in FLOODS {
                let scene = Scene::with(is_detailed, ServerConfig::default(), |_| {});
                let mut calls = 0u64;
                scene.place.plan(move |request| {
                    let Request::Receive = request else { return Fate::Fine };
                    calls += 1;
                    // More failures in a row than it takes to leave a socket alone.
                    if calls.is_multiple_of(50) { Fate::Fine } else { flood }
                });
                scene.place.ring();
                let peer = scene.connect(is_detailed, forgetless());
                for number in 0..50 {
                    let completion = peer.call(numbered(0, number, 0, 5000));
                    assert!(completion.is_ok(), "{flood:?}: {completion:?}");
                    scene.ledger.check(number, 5000, &completion);
                }
                assert!(peer.has_missed_nothing(), "{flood:?}: {}", peer.handle.statistics());
            }
        }
    });
}

#[test]
fn what_lies_behind_a_stretch_of_errors_is_received() {
    without_hanging(|| {
        for is_detailed in [false, true] {
            for stretch in [1, 15, 16, 17, 40, 100] {
                let scene = Scene::new(is_detailed);
                let peer = scene.connect(is_detailed, forgetless());
                peer.call(numbered(0, 0, 0, 0)).unwrap();
                for (number, place) in [(1, &scene.place), (2, &peer.place)] {
                    let mut left = stretch;
                    // No event comes for what is there already.
                    place.plan(move |request| match request {
                        Request::Receive if left > 0 => {
                            left -= 1;
                            Fate::Fails(Errno::NOMEM)
                        }
                        _ => Fate::Fine,
                    });
                    let start = Instant::now();
                    peer.call(numbered(0, number, 0, 0)).unwrap();
                    let time = start.elapsed();
                    assert!(time < Duration::from_secs(5), "{stretch}: {time:?}");
                    place.heal();
                }
                assert!(peer.has_missed_nothing());
            }
        }
    });
}

#[test]
fn empty_and_cut_datagrams_and_short_batches_cost_nothing_else() {
    without_hanging(|| {
        let polls = Duration::from_micros(50);
        let sleeps = Duration::ZERO;
        // Whoever polls the socket finds what an event would have had to tell of.
        for (is_detailed, spin) in [(false, sleeps), (true, sleeps), (false, polls), (true, polls)]
        {
            let config = ServerConfig { spin, ..ServerConfig::default() };
            let scene = Scene::with(is_detailed, config, |_| {});
            let peer = scene.connect(is_detailed, ClientConfig { spin, ..forgetless() });
            peer.call(numbered(0, 0, 0, 0)).unwrap();
            for place in [&scene.place, &peer.place] {
                let mut calls = 0u64;
                place.plan(move |request| {
                    let Request::Receive = request else { return Fate::Fine };
                    calls += 1;
                    match calls % 6 {
                        0 => Fate::Empty,
                        1 => Fate::Short,
                        2 => Fate::Junk,
                        3 => Fate::Empty,
                        _ => Fate::Fine,
                    }
                });
            }
            for number in 1..30 {
                let completion = peer.call(numbered(0, number, 3000, 5000));
                assert!(completion.is_ok(), "{completion:?}");
                scene.ledger.check(number, 5000, &completion);
            }
            assert!(peer.has_missed_nothing(), "{}", peer.handle.statistics());
            // A server that polls its socket goes on taking in what the place makes up.
            scene.place.plan(|_| Fate::Fine);
            eventually("the server has taken all in", || {
                let received = scene.control.server().statistics().received;
                received.datagrams == scene.place.counts().received as u64
            });
            let received = scene.control.server().statistics().received;
            assert!(received.dropped(DropReason::Truncated) > 0, "{received:?}");
            assert!(received.dropped(DropReason::WrongMagic) > 0, "{received:?}");
            assert_eq!(received.datagrams, received.accepted + received.dropped_total());

            // Each datagram is cut once, and is whole when it comes again.
            let peer = scene.connect(is_detailed, quick());
            for place in [&scene.place, &peer.place] {
                let mut calls = 0u64;
                place.plan(move |request| {
                    let Request::Receive = request else { return Fate::Fine };
                    calls += 1;
                    if calls.is_multiple_of(3) {
                        Fate::Cut(calls as usize % 40)
                    } else {
                        Fate::Fine
                    }
                });
            }
            for number in 100..110 {
                let completion = peer.call(numbered(0, number, 3000, 5000));
                assert!(completion.is_ok(), "{completion:?}");
                scene.ledger.check(number, 5000, &completion);
            }
        }
    });
}
