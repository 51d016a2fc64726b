//! One run of the swarm: faults, old datagrams, an end of the faults, and what must be true then.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use farcall::sim::{Choices, Goal, Marks, Settings, Tally, World};

use super::options::Options;
use super::workload::{Clients, late_answers};
use super::{disasters, enemies};
use crate::hostile::malicious;
use crate::support::{SECOND, Scene};

/// What the streams of decisions of a scenario are for: each step has one of its own, so that one step
/// can be undone without another meaning for the others.
const OPTIONS: u64 = 0;
const ENDS: u64 = 2;
const ENEMIES: u64 = 5;
const STEPS: u64 = 1_000;

/// With fewer sessions than this, clients may be refused.
const FEW_SESSIONS: usize = 100;

/// With less room for results than this, the results of clients that died may leave too little.
const FEW_REPLY_BYTES: usize = 100_000;

/// How much later a copy of a datagram comes at most.
const LATEST_COPY: Duration = Duration::from_secs(301);

/// What a run came to.
pub(super) struct Report {
    tally: Tally,
    pub(super) hash: u64,
    /// How often each thing became of a datagram.
    fates: BTreeMap<&'static str, u64>,
    /// Requests that came more than once.
    duplicates: u64,
    /// Which rare situations it has seen.
    marks: Marks,
}

/// What many runs came to.
#[derive(Default)]
pub(super) struct Total {
    tally: Tally,
    fates: BTreeMap<&'static str, u64>,
    duplicates: u64,
    marks: Marks,
}

impl Total {
    pub(super) fn add(&mut self, report: &Report) {
        self.tally += report.tally;
        self.duplicates += report.duplicates;
        self.marks.unite(report.marks);
        for (fate, count) in &report.fates {
            *self.fates.entry(fate).or_default() += count;
        }
    }

    /// A fault that never happens proves nothing.
    ///
    /// # Panics
    /// If there is one.
    pub(super) fn must_have_reached_everything(&self) {
        let fates = self.fates.iter().filter(|(_, count)| **count == 0).map(|(fate, _)| *fate);
        let missing: Vec<&str> = fates.chain(self.marks.missing().map(Goal::label)).collect();
        assert!(missing.is_empty(), "this never happened: {missing:?}");
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} calls, {:?}", self.tally.begun, self.tally)?;
        writeln!(
            f,
            "{} requests came more than once; datagrams: {:?}",
            self.duplicates, self.fates
        )?;
        writeln!(f, "{}", self.marks)
    }
}

/// How much a failing run says of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Nothing: it is one of many.
    Quiet,
    /// Its options, and its last records.
    Loud,
}

/// Runs the scenario with these decisions.
///
/// # Panics
/// If a promise is broken.
pub(super) fn run(choices: Choices, voice: Voice) -> Report {
    let is_quiet = voice == Voice::Quiet;
    let world = World::with(Settings {
        recorded: 1 << 15,
        socket_limit: 64,
        trace: if is_quiet { 0 } else { 400 },
        is_quiet,
        ..Settings::choosing(choices)
    });
    let options = Options::draw(&mut world.random(OPTIONS));
    if !is_quiet {
        eprintln!("{options}");
    }
    let scene = if options.workload.answers_late {
        Scene::answering(world.clone(), options.server.clone(), late_answers(&world))
    } else if options.has_enemies {
        malicious::scene_on(world.clone(), options.server.clone()).0
    } else {
        Scene::on(world.clone(), options.server.clone())
    };
    world.set_all_links(options.link.clone());
    if options.has_enemies {
        enemies::arrive(&scene, &mut world.random(ENEMIES));
    }
    scene.host().set_service_time(options.service_time);
    let mut clients = Clients::new(&scene, options.workload, &options.clients);
    for step in 0..options.steps {
        let mut random = world.random(STEPS + step);
        if random.chance(options.disasters) {
            disasters::plan(&world, &mut random, options.service_time);
        }
        clients.step(&mut random);
    }
    clients.end_all(&mut world.random(ENDS));
    enemies::leave(&scene);
    // Whatever was ever on its way comes back, past all that is cut.
    world.heal();
    world.replay(10 * SECOND);
    world.run_for(20 * SECOND);
    // Now nothing stands in anybody's way.
    world.calm();
    scene.host().set_service_time(Duration::ZERO);
    world.run_for(2 * SECOND);
    // When the last of the late copies has come, and after the lease, of which the server sees the end a
    // quarter later, nothing is left of the dead.
    let oblivion = LATEST_COPY + options.server.lease.mul_f64(1.25);
    if options.server.maximum_reply_bytes < FEW_REPLY_BYTES {
        // Results that the dead and the enemies have left behind take the room of others until then.
        world.run_for(oblivion);
    }
    let is_scarce = options.server.maximum_sessions < FEW_SESSIONS;
    clients.must_be_answered(is_scarce);
    drop(clients);
    if is_scarce {
        // Whoever holds a session and says nothing loses it, and makes room.
        world.run_for(oblivion + SECOND);
        let newcomer = scene.client("newcomer");
        assert!(newcomer.run().is_ok() || options.workload.answers_late, "L6: there is room");
    }
    if options.replays_at_the_end {
        world.replay(30 * SECOND);
    }
    world.run_for(60 * SECOND);
    scene.ledger.check();
    world.check_endpoints();
    if !options.workload.answers_late {
        // Then all is done, and nobody says anything.
        world.run_for(oblivion);
        world.check_rest(30 * SECOND);
    }
    Report {
        tally: scene.ledger.tally(),
        hash: world.trace().hash(),
        fates: world.trace().fates().collect(),
        duplicates: scene.server.statistics().duplicates,
        marks: world.marks(),
    }
}
