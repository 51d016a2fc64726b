//! Everything at random, from a seed: no call runs twice, and every caller is told the truth.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::time::Instant;

use fastrand::Rng;
use rustix::io::Errno;

use super::super::super::udp::fake::{Fate, Plan, Request};
use super::{Scene, numbered, quick};
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::client::{Completion, NewCall};
use crate::host::ServerControl;

const SEEDS: u64 = 200;
const CLIENTS: u64 = 3;
const CALLS: u64 = 6;

/// Faults of sending and of receiving, each of which a seed has or has not.
const SENDING: [Fate; 11] = [
    Fate::Lost,
    Fate::Fails(Errno::AGAIN),
    Fate::Fails(Errno::NOBUFS),
    Fate::Fails(Errno::MSGSIZE),
    Fate::Fails(Errno::PERM),
    Fate::Fails(Errno::CONNREFUSED),
    Fate::Fails(Errno::INTR),
    Fate::Fails(Errno::IO),
    Fate::Bounces(Errno::CONNREFUSED),
    Fate::Bounces(Errno::HOSTUNREACH),
    Fate::Bounces(Errno::MSGSIZE),
];
const RECEIVING: [Fate; 9] = [
    Fate::Fails(Errno::AGAIN),
    Fate::Fails(Errno::CONNREFUSED),
    Fate::Fails(Errno::CONNRESET),
    Fate::Fails(Errno::INTR),
    Fate::Fails(Errno::NOMEM),
    Fate::Empty,
    Fate::Junk,
    Fate::Short,
    Fate::Cut(30),
];

/// The plan of one socket of a seed.
fn plan(seed: u64, socket: u64) -> Plan {
    // The classes belong to the seed, and the draws to the socket.
    let mut random = Rng::with_seed(seed);
    let rate = [0.0, 0.01, 0.05, 0.15][random.usize(..4)];
    let sending: Vec<Fate> = SENDING.into_iter().filter(|_| random.bool()).collect();
    let receiving: Vec<Fate> = RECEIVING.into_iter().filter(|_| random.bool()).collect();
    let mut random = Rng::with_seed(seed << 8 | socket);
    // An error seldom comes alone.
    let (mut stretch, mut index) = (0, 0);
    Box::new(move |request| {
        let fates = match request {
            Request::Send { .. } => &sending,
            Request::Receive => &receiving,
        };
        if stretch == 0 && random.f64() < rate {
            stretch = if random.u8(..8) == 0 { random.usize(1..30) } else { 1 };
            index = random.usize(..);
        }
        if stretch == 0 || fates.is_empty() {
            return Fate::Fine;
        }
        stretch -= 1;
        fates[index % fates.len()]
    })
}

/// Runs a seed. Gives how many system calls something was done to.
fn run(seed: u64) -> usize {
    let mut random = Rng::with_seed(!seed);
    let long = Duration::from_secs(100);
    let config = ServerConfig {
        workers: 1 + random.usize(..3),
        assembly_patience: long,
        ..ServerConfig::default()
    };
    let scene = Scene::with(random.bool(), config, |_| {});
    scene.place.plan(plan(seed, 0));
    let config = ClientConfig { handshake_timeout: long, silence_limit: long, ..quick() };
    let peers: Vec<_> = (1..=CLIENTS)
        .map(|index| {
            let plan = plan(seed, index);
            let config = config.clone();
            scene.connect_after(random.bool(), config, |place| place.plan(plan))
        })
        .collect();
    let mut told: Vec<(u64, usize, Option<Duration>, Completion)> = Vec::new();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..)
            .zip(&peers)
            .map(|(index, peer)| {
                let mut random = Rng::with_seed(seed << 8 | index);
                scope.spawn(move || {
                    let mut told = Vec::new();
                    for call in 0..CALLS {
                        let number = index * CALLS + call;
                        let most = if random.u8(..4) == 0 { 20_000 } else { 200 };
                        let (request, reply) = (random.usize(..most), random.usize(..most));
                        let is_short = random.u8(..5) == 0;
                        let deadline = is_short.then(|| Duration::from_millis(random.u64(1..40)));
                        let call = numbered(0, number, request.next_multiple_of(4), reply);
                        let completion = peer.call(NewCall { deadline, ..call });
                        told.push((number, reply, deadline, completion));
                    }
                    told
                })
            })
            .collect();
        for caller in callers {
            told.extend(caller.join().unwrap_or_else(|_| panic!("seed {seed}")));
        }
    });
    let places = peers.iter().map(|peer| &peer.place).chain([&scene.place]);
    let faults = places.map(|place| place.counts().faults).sum();
    // What has not run by now never does.
    scene.place.heal();
    let _report = scene.control.shutdown(Duration::from_secs(20));
    drop(peers);
    for (number, size, deadline, completion) in told {
        naming(seed, || scene.ledger.check(number, size, &completion));
        let is_good = completion.is_ok() || deadline.is_some();
        assert!(is_good, "seed {seed}: call {number}: {completion:?}");
    }
    faults
}

/// Names the seed of what fails.
fn naming(seed: u64, check: impl FnOnce()) {
    let result = std::panic::catch_unwind(core::panic::AssertUnwindSafe(check));
    assert!(result.is_ok(), "seed {seed}");
}

#[test]
fn whatever_goes_wrong_calls_run_once_and_outcomes_are_true() {
    let (next, faults) = (AtomicU64::new(0), AtomicU64::new(0));
    let start = Instant::now();
    // They wait for their timers, mostly.
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= SEEDS {
                        return;
                    }
                    faults.fetch_add(run(seed) as u64, Ordering::SeqCst);
                }
            });
        }
    });
    let faults = faults.into_inner();
    println!("{SEEDS} seeds, {faults} faults, {:?}", start.elapsed());
    assert!(faults > 10 * SEEDS, "{faults}");
}
