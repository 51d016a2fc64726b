//! A small run of the simulator whose every decision is one of the bytes: a server and two clients, over
//! a network with faults, and disasters. However it goes, no promise is broken.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::{ClientConfig, MessageLimits, ServerConfig};
use crate::endpoint::client::{CallKey, Completion, NewCall};
use crate::host::{ClientHost, Network, ServerControl};
use crate::marshal::{Marshal, Reader, Unmarshal, Writer};
use crate::service::{Answer, Call, Interface, Method, Registry, Service};
use crate::sim::{Choices, Delay, Ended, Ledger, Link, Random, Settings, World};

/// How many things happen in a run.
const STEPS: usize = 24;
const MS: Duration = Duration::from_millis(1);

static RUN: Method = Method::new("run", 1, |_| {});
static ASK: Method = Method::new("ask", 2, |_| {}).idempotent();
pub(super) static INTERFACE: Interface = Interface::new("Fuzzing", &[&RUN, &ASK]);

/// Enters every execution, and returns the receipt with so many bytes more.
struct Runs(Ledger);

impl Service for Runs {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn dispatch(&self, call: &Call<'_>) -> Answer {
        let mut reader = call.reader();
        let arguments = <(u64, u32, Bytes)>::unmarshal(&mut reader);
        match arguments {
            Ok((id, size, _)) => {
                call.enter();
                Answer::reply((
                    self.0.execute(id),
                    Bytes::from(vec![7; size.min(1 << 20) as usize]),
                ))
            }
            Err(error) => Answer::undecodable("arguments", error),
        }
    }
}

/// A call that was made.
struct Made {
    client: usize,
    key: CallKey,
    id: u64,
}

struct Run {
    world: World,
    random: Random,
    ledger: Ledger,
    clients: Vec<Arc<dyn ClientHost>>,
    made: Vec<Made>,
}

/// Makes a run.
///
/// # Panics
/// If a promise is broken.
pub fn simulator(bytes: &[u8]) {
    run(Choices::bytes(bytes));
}

/// Makes a run, and gives its world.
pub(super) fn run(choices: Choices) -> World {
    let settings = Settings { recorded: 1024, trace: 1024, ..Settings::choosing(choices) };
    let world = World::with(settings);
    let ledger = Ledger::new();
    let mut random = world.random(0);
    let server = serve(&world, &ledger, &mut random);
    world.set_all_links(link(&mut random));
    let open = |name: &str| world.host(name).open_client("server", ClientConfig::default());
    let clients = ["alice", "bob"].map(|name| open(name).expect("there is a server")).into();
    let mut run = Run { world, random, ledger, clients, made: Vec::new() };
    for _ in 0..STEPS {
        run.step();
    }
    run.end();
    drop(server);
    run.world
}

fn serve(world: &World, ledger: &Ledger, random: &mut Random) -> Arc<dyn ServerControl> {
    let config = ServerConfig {
        workers: 1 + random.below(2) as usize,
        window: 4 - random.below(4) as u16,
        maximum_sessions: 4 - random.below(4) as usize,
        lease: Duration::from_secs(60 - random.below(58)),
        maximum_queued_calls: 8 - random.below(8) as usize,
        ..ServerConfig::default()
    };
    let mut registry = Registry::new();
    registry.add(Runs(ledger.clone()));
    let table = registry.table().expect("there is one interface");
    let binding = world.open_server("server", &config).expect("the name is free");
    binding.spawn(config, registry, table).expect("the settings make sense")
}

fn link(random: &mut Random) -> Link {
    let usual = Link::default();
    let faults = random.below(64);
    let probability = |bit: u64| if faults & bit == 0 { 0.0 } else { 0.25 };
    let slow = Delay::uniform(MS, 20 * MS);
    Link {
        loss: probability(1),
        duplication: probability(2),
        corruption: probability(4),
        late_copies: probability(8),
        delay: if faults & 16 == 0 { usual.delay } else { slow },
        size_limit: if faults & 32 == 0 { usual.size_limit } else { 1400 },
        ..usual
    }
}

impl Run {
    fn step(&mut self) {
        let server = self.world.host("server");
        let client = self.world.host(if self.random.below(2) == 0 { "alice" } else { "bob" });
        match self.random.below(16) {
            0..=5 => self.call(0),
            6 => self.call(4000),
            7 => self.call(1),
            8 => self.cancel(),
            9 => server.restart(),
            10 => server.crash(),
            11 => server.pause(MS * (1 << self.random.below(16))),
            12 => client.rebind(),
            13 => server.jump_clock(MS * (1 << self.random.below(16))),
            14 => {
                let link = link(&mut self.random);
                self.world.set_all_links(link);
            }
            _ => server.set_service_time(Delay::fixed(MS * (1 << self.random.below(14)))),
        }
        let time = [MS, Duration::ZERO, 20 * MS, 300 * MS, 5_000 * MS, 40_000 * MS];
        self.world.run_for(time[self.random.below(6) as usize]);
        self.world.check_endpoints();
    }

    /// With about so many bytes, or some of those of its result.
    fn call(&mut self, size: u32) {
        let method = if self.random.below(4) == 3 { &ASK } else { &RUN };
        let id = if method.is_idempotent() {
            self.ledger.begin_idempotent()
        } else {
            self.ledger.begin()
        };
        let reply: u32 = if size == 1 { 4000 } else { 0 };
        let mut writer = Writer::new();
        (id, reply, Bytes::from(vec![5; size as usize])).marshal(&mut writer);
        let seconds = [10, 1, 30, 60][self.random.below(4) as usize];
        let call = NewCall {
            interface: INTERFACE.id(),
            method: method.id(),
            signature: method.signature().hash,
            is_idempotent: method.is_idempotent(),
            is_oneway: false,
            limits: MessageLimits::default(),
            deadline: Some(Duration::from_secs(seconds)),
            body: writer.finish_body().expect("it can be encoded"),
            fault: None,
        };
        let client = self.random.below(2) as usize;
        let key = self.clients[client].submit(call);
        self.made.push(Made { client, key, id });
    }

    fn cancel(&mut self) {
        let which = self.random.below(self.made.len() as u64) as usize;
        if let Some(made) = self.made.get(which) {
            self.clients[made.client].cancel(made.key);
        }
    }

    /// Every call ends, then everything that was ever sent comes once more, and nothing changes by that.
    fn end(&mut self) {
        self.world.host("server").set_service_time(Delay::fixed(Duration::ZERO));
        for made in &self.made {
            let completion = self.clients[made.client].wait(made.key, None).expect("it ends");
            self.ledger.end(made.id, ended(&completion));
        }
        self.world.host("server").restart();
        self.world.heal();
        self.world.set_all_links(Link::default());
        self.world.replay(Duration::from_secs(1));
        self.world.run_for(Duration::from_secs(5));
        self.world.check_endpoints();
        self.ledger.check();
    }
}

fn ended(completion: &Completion) -> Ended {
    match completion {
        Ok(result) => {
            let receipt = <(u64, Bytes)>::unmarshal(&mut Reader::new(result));
            Ended::Ok(receipt.map_or(0, |(receipt, _)| receipt))
        }
        Err(failure) => Ended::Failed(failure.outcome),
    }
}
