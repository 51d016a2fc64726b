//! A peer that cannot be reached for ever, while others go on.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::io::Errno;

use super::super::super::udp::fake::{Fate, Request};
use super::super::{Gate, eventually, without_hanging};
use super::{Purpose, Scene, budget, forgetless, numbered, purposes, quick, system_calls};
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::client::NewCall;
use crate::error::Outcome;
use crate::host::ClientHost;

/// What may be said for ever about one peer. That there is no room is said about all.
const LASTING: [Errno; 7] = [
    Errno::PERM,
    Errno::CONNREFUSED,
    Errno::HOSTUNREACH,
    Errno::NETUNREACH,
    Errno::MSGSIZE,
    Errno::NOBUFS,
    Errno::INVAL,
];

fn fates() -> impl Iterator<Item = Fate> {
    let late = [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::MSGSIZE].map(Fate::Bounces);
    LASTING.map(Fate::Fails).into_iter().chain(late).chain([Fate::Lost])
}

#[test]
fn a_server_that_cannot_reach_one_client_serves_the_others() {
    without_hanging(|| {
        let gate = Gate::new();
        let handler = {
            let gate = Arc::clone(&gate);
            move |method| {
                if method == 1 {
                    gate.pass();
                }
            }
        };
        let scene = Scene::with(false, ServerConfig::default(), handler);
        let other = scene.connect(false, forgetless());
        other.call(numbered(0, 0, 0, 0)).unwrap();
        let mut number = 1;
        for fate in fates() {
            scene.place.heal();
            let dead = scene.connect(false, quick());
            dead.call(numbered(0, number, 0, 0)).unwrap();
            let works = Arc::new(AtomicBool::new(false));
            let plan = {
                let works = Arc::clone(&works);
                let (dead, other) = (dead.address, other.address);
                move |request: &Request<'_>| match request {
                    Request::Send { to, .. } if *to == dead => fate,
                    Request::Send { to, .. } if *to == other => {
                        let is_working = purposes(request).contains(&Purpose::Working);
                        works.fetch_or(is_working, Ordering::SeqCst);
                        Fate::Fine
                    }
                    _ => Fate::Fine,
                }
            };
            scene.place.plan(plan);
            std::thread::scope(|scope| {
                let lost = number + 25;
                let caller = scope.spawn(move || {
                    let deadline = Some(Duration::from_millis(300));
                    let call = NewCall { deadline, ..numbered(0, lost, 0, 3000) };
                    let start = Instant::now();
                    let completion = dead.call(call);
                    (completion, start.elapsed())
                });
                for index in 0..20 {
                    let number = number + 1 + index;
                    let completion = other.call(numbered(0, number, 0, 3000));
                    assert!(completion.is_ok(), "{fate:?}: {completion:?}");
                    scene.ledger.check(number, 3000, &completion);
                }
                // A sign of work comes although nobody else is there to keep the timers.
                let slow = numbered(1, number + 22, 0, 0);
                let slow = scope.spawn(|| other.call(slow));
                gate.await_arrival();
                eventually("there is a sign of work", || works.load(Ordering::SeqCst));
                gate.open();
                slow.join().unwrap().unwrap();
                let (completion, time) = caller.join().unwrap();
                assert_eq!(completion.as_ref().unwrap_err().outcome, Outcome::Unknown, "{fate:?}");
                scene.ledger.check(lost, 3000, &completion);
                let range = Duration::from_millis(300)..Duration::from_secs(3);
                assert!(range.contains(&time), "{fate:?}: it ended after {time:?}");
            });
            number += 30;
            assert!(other.has_missed_nothing(), "{fate:?}: {}", other.handle.statistics());
        }
    });
}

#[test]
fn a_client_that_cannot_reach_its_server_keeps_its_deadline_and_does_not_spin() {
    without_hanging(|| {
        for is_detailed in [false, true] {
            let scene = Scene::new(is_detailed);
            let again = [Errno::AGAIN, Errno::NOMEM, Errno::INTR].map(Fate::Fails);
            for fate in fates().chain(again) {
                let peer = scene.connect_after(is_detailed, quick(), |place| {
                    place.plan(move |request| match request {
                        Request::Send { .. } => fate,
                        Request::Receive => Fate::Fine,
                    });
                });
                let start = Instant::now();
                let deadline = Some(Duration::from_millis(100));
                let call = NewCall { deadline, ..numbered(0, 1, 0, 0) };
                let failure = peer.call(call).unwrap_err();
                let time = start.elapsed();
                assert_eq!(failure.outcome, Outcome::NotExecuted, "{fate:?}");
                let range = Duration::from_millis(100)..Duration::from_secs(2);
                assert!(range.contains(&time), "{fate:?}: it ended after {time:?}");
                let calls = system_calls(&peer.place);
                assert!(calls <= budget(start), "{fate:?}: {calls} system calls in {time:?}");
                let statistics = peer.handle.statistics();
                let is_said = matches!(fate, Fate::Fails(error) if error != Errno::AGAIN);
                let is_counted = statistics.send_errors > 0 && statistics.datagrams_unsent > 0;
                assert!(is_counted || !is_said, "{fate:?}: {statistics}");
                // It is all over when the network is back.
                peer.place.heal();
                peer.call(numbered(0, 2, 0, 0)).unwrap();
                assert_eq!(scene.ledger.runs(1), 0);
                scene.ledger.0.lock().clear();
            }
        }
    });
}

#[test]
fn nobody_makes_system_calls_while_there_is_nothing_to_do() {
    without_hanging(|| {
        let gate = Gate::new();
        let handler = {
            let gate = Arc::clone(&gate);
            move |_| gate.pass()
        };
        // Without signs of work and without probes nothing is to be done while the handler runs, and a
        // loop that sleeps at once asks for nothing.
        let (long, spin) = (Duration::from_secs(60), Duration::ZERO);
        let config = ServerConfig { working_delay: long, spin, ..ServerConfig::default() };
        let scene = Scene::with(false, config, handler);
        let config = ClientConfig { acknowledgement_delay: long, spin, ..forgetless() };
        let peer = scene.connect(false, config);
        std::thread::scope(|scope| {
            let caller = scope.spawn(|| peer.call(numbered(0, 0, 0, 0)));
            gate.await_arrival();
            let start = Instant::now();
            let before = system_calls(&scene.place) + system_calls(&peer.place);
            // Events without a reason cost a look each, and no more.
            let mut rings = 0;
            while start.elapsed() < Duration::from_millis(200) {
                scene.place.ring();
                peer.place.ring();
                rings += 2;
                std::thread::park_timeout(Duration::from_millis(1));
            }
            let calls = system_calls(&scene.place) + system_calls(&peer.place) - before;
            assert!(calls <= 2 * rings + 20, "{calls} system calls for {rings} events");
            gate.open();
            caller.join().unwrap().unwrap();
        });
        assert!(peer.has_missed_nothing());
    });
}
