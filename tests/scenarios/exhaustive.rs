//! Small scopes, searched to the end: every run of the real code with so many deviations from the
//! ordinary, whatever they are and wherever they come.
//!
//! A deviation is a datagram that is lost, copied, changed, delayed or comes once more much later; an
//! old datagram that comes again between any two events; a restart or a pause of the server, the end of
//! a session's lease, another address of the client, or a cancelled call. The numbers of runs are printed: `cargo test --features sim --test scenarios exhaustive
//! -- --nocapture`.

use std::time::{Duration, Instant};

use farcall::sim::{Choices, Delay, Exhaustive, Link, Random, Settings, World};
use farcall::{CallStatus, ServerConfig};

use crate::support::{Caller, Hauling, MS, SECOND, Scene, Started, server_config};

/// What is tried.
#[derive(Clone, Copy)]
struct Scope {
    clients: usize,
    calls: &'static [Kind],
    /// The next call begins when the last has ended, on the same lane.
    is_sequential: bool,
    server: fn() -> ServerConfig,
    /// How long handlers take.
    service_time: Duration,
    /// How long callers wait.
    deadline: Duration,
    faults: Faults,
    /// How many deviations there are at most in one run.
    deviations: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    /// Arguments and result of two datagrams each.
    TwoParts,
    Oneway,
}

/// Which deviations there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Faults {
    /// Each that the simulator knows.
    All,
    /// Loss, copies, delay, restart of the server, the end of a lease.
    Few,
}

/// Longer than the lease of these servers.
const LATER: Duration = Duration::from_secs(400);

const ONE_CLIENT: Scope = Scope {
    clients: 1,
    calls: &[Kind::Small, Kind::Small],
    is_sequential: false,
    server: server_config,
    service_time: Duration::ZERO,
    deadline: Duration::from_secs(8),
    faults: Faults::All,
    deviations: 2,
};

fn one_session() -> ServerConfig {
    ServerConfig { maximum_sessions: 1, window: 2, lease: 2 * SECOND, ..server_config() }
}

#[test]
fn two_calls_at_once() {
    search("two calls at once", ONE_CLIENT);
}

#[test]
fn two_calls_one_after_the_other() {
    search("two calls, one after the other", Scope { is_sequential: true, ..ONE_CLIENT });
}

#[test]
fn two_long_calls() {
    search("two calls of 20 ms", Scope { service_time: 20 * MS, ..ONE_CLIENT });
}

#[test]
fn a_oneway_call_and_a_call() {
    let calls = &[Kind::Oneway, Kind::Small];
    search("a one-way call and a call", Scope { calls, is_sequential: true, ..ONE_CLIENT });
}

#[test]
fn two_calls_of_two_parts() {
    let calls = &[Kind::TwoParts, Kind::Small];
    search("a call of two parts and a small one", Scope { calls, ..ONE_CLIENT });
}

/// The larger scope: minutes with optimisation.
#[test]
#[ignore = "it takes minutes; `cargo test --profile sim --features sim --test scenarios exhaustive -- --ignored`"]
fn two_clients_for_one_session() {
    let scope =
        Scope { clients: 2, server: one_session, faults: Faults::Few, deviations: 3, ..ONE_CLIENT };
    search("two clients for one session", scope);
}

#[test]
#[ignore = "it takes minutes; `cargo test --profile sim --features sim --test scenarios exhaustive -- --ignored`"]
fn two_calls_with_three_faults() {
    search("two calls, three faults", Scope { faults: Faults::Few, deviations: 3, ..ONE_CLIENT });
}

fn search(name: &str, scope: Scope) {
    let begin = Instant::now();
    let (mut runs, mut calls) = (0_u64, 0);
    for choices in Exhaustive::new(scope.deviations) {
        calls += run(choices, scope);
        runs += 1;
    }
    println!("{name}: {runs} runs, {calls} calls, {:.1?}", begin.elapsed());
    assert!(runs > 1_000, "hardly anything was tried");
}

/// One run; gives the number of its calls.
///
/// # Panics
/// If a promise is broken; the message names the deviations.
fn run(choices: Choices, scope: Scope) -> u64 {
    let settings = Settings { recorded: 1 << 10, ..Settings::choosing(choices) };
    let scene = Scene::on(World::with(settings), (scope.server)());
    let world = scene.world.clone();
    world.set_all_links(scope.faults.link());
    scene.host().set_service_time(scope.service_time);
    let clients: Vec<Caller> =
        (0..scope.clients).map(|number| scene.client(&format!("client-{number}"))).collect();
    let mut disasters =
        Disasters { random: world.random(0), faults: scope.faults, is_spent: false };
    let mut open = Vec::new();
    for kind in scope.calls {
        open.extend(clients.iter().map(|client| start(&client.within(scope.deadline), *kind)));
        if scope.is_sequential {
            open.drain(..).for_each(|call| call.end(&world, &mut disasters));
        }
    }
    open.into_iter().for_each(|call| call.end(&world, &mut disasters));
    check(&scene, &clients, scope);
    scene.ledger.tally().begun
}

/// Everything comes back, in the order in which it was sent, and no promise is broken by that. Then
/// whoever has room gets an answer.
fn check(scene: &Scene, clients: &[Caller], scope: Scope) {
    let world = &scene.world;
    world.calm();
    world.run_for(SECOND);
    for number in 0..world.recorded() {
        world.replay_one(number);
        world.run_for(MS);
    }
    scene.ledger.check();
    let has_answer = |client: &Caller| client.run().is_ok() || client.run().is_ok();
    let is_answered = match scope.clients {
        1 => has_answer(&clients[0]),
        _ => clients.iter().any(has_answer),
    };
    assert!(is_answered, "nothing stands in its way any more");
    scene.ledger.check();
}

enum Open {
    Small(Started),
    TwoParts(Hauling),
    Told,
}

fn start(client: &Caller, kind: Kind) -> Open {
    match kind {
        Kind::Small => Open::Small(client.start_run()),
        Kind::TwoParts => Open::TwoParts(client.start_haul(2_000)),
        Kind::Oneway => {
            client.tell();
            Open::Told
        }
    }
}

impl Open {
    fn is_over(&self) -> bool {
        match self {
            Self::Small(started) => started.pending.status() == CallStatus::Finished,
            Self::TwoParts(hauling) => hauling.pending.status() == CallStatus::Finished,
            Self::Told => true,
        }
    }

    fn cancel(&self) {
        match self {
            Self::Small(started) => started.pending.cancel(),
            Self::TwoParts(hauling) => hauling.pending.cancel(),
            Self::Told => {}
        }
    }

    /// Waits for the call, event by event, with a disaster between any two.
    fn end(self, world: &World, disasters: &mut Disasters) {
        while !self.is_over() {
            disasters.strike(world, &self);
            assert!(world.step(), "a call is open and nothing can happen any more");
        }
        match self {
            Self::Small(started) => drop(started.wait()),
            Self::TwoParts(hauling) => drop(hauling.wait()),
            Self::Told => {}
        }
    }
}

/// What may come between two events.
struct Disasters {
    random: Random,
    faults: Faults,
    /// One old datagram has come again.
    is_spent: bool,
}

impl Disasters {
    fn strike(&mut self, world: &World, call: &Open) {
        const COMMON: u64 = 2;
        const RARE: u64 = 3;
        let more = match self.faults {
            Faults::All => RARE + if self.is_spent { 0 } else { world.recorded() as u64 },
            Faults::Few => 0,
        };
        // `below` tries the ends and the middle only of a large range; one after the other, all are.
        let Some(choice) = (1..=COMMON + more).find(|_| self.random.below(2) == 1) else { return };
        match choice {
            1 => world.host("work").restart(),
            2 => world.host("work").jump_clock(LATER),
            3 => world.host("client-0").rebind(),
            4 => world.host("work").pause(SECOND),
            5 => call.cancel(),
            _ => {
                self.is_spent = true;
                world.replay_one((choice - COMMON - RARE - 1) as usize);
            }
        }
    }
}

impl Faults {
    /// Probabilities only say what is possible here.
    fn link(self) -> Link {
        let possible = 0.5;
        let some = Link {
            loss: possible,
            duplication: possible,
            delay: Delay::uniform(Duration::from_micros(100), SECOND),
            ..Link::default()
        };
        match self {
            Self::Few => some,
            Self::All => {
                let late_delay = Delay::uniform(3 * SECOND, 40 * SECOND);
                Link { corruption: possible, late_copies: possible, late_delay, ..some }
            }
        }
    }
}
