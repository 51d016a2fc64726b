//! Everybody who takes part, and how they are doing.

use core::time::Duration;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::actor::{Actor, PATIENCE};
use super::tally::{OldServer, Tally};
use crate::arguments::Plan;
use crate::clock;
use crate::compare::Ledgers;
use crate::interface::mix;
use crate::progress::Progress;
use crate::proxy::Proxy;

/// How often everybody is looked after.
const TICK: Duration = Duration::from_millis(20);
/// The longest time without a result while everything is up.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// After this time a server has met everything that takes memory for good.
const WARM_UP: Duration = Duration::from_secs(2);
/// More than all bounds of the server's configuration allow, together with its threads.
const MOST_MEMORY: u64 = 128 << 20;
/// So many clients, the last ones, reach the server without the relay. The system tells them when nobody
/// is at its address.
const DIRECT: usize = 1;

/// What was counted at the ends of processes: kind, and how many so far.
type Network = Vec<(&'static str, u64)>;

pub(super) struct Stage {
    directory: PathBuf,
    proxy: Proxy,
    address: SocketAddr,
    pub(super) server: Actor,
    pub(super) clients: Vec<(Actor, Progress)>,
    /// When its present process was started, and what that occupied when it was warm.
    server_since: Instant,
    warm_memory: Option<u64>,
    rate: f64,
    seed: u64,
    ledgers: Ledgers,
    pub(super) tally: Tally,
    looked_at: Instant,
    healed_at: Option<u64>,
}

impl Stage {
    /// Everything is there, and nobody was started yet.
    pub(super) fn set(plan: &Plan, seed: u64, directory: &Path) -> std::io::Result<Self> {
        let proxy = Proxy::start(usize::from(plan.clients) - DIRECT, mix(seed ^ 1), &plan.without)?;
        let clients = (0..plan.clients).map(|client| {
            let actor = Actor::new(format!("client-{client}"));
            let progress = Progress::new(actor.ledger(directory));
            (actor, progress)
        });
        Ok(Self {
            directory: directory.to_owned(),
            proxy,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            server: Actor::new("server".to_owned()),
            clients: clients.collect(),
            server_since: Instant::now(),
            warm_memory: None,
            rate: plan.rate / f64::from(plan.clients),
            seed,
            ledgers: Ledgers::default(),
            tally: Tally::default(),
            looked_at: Instant::now(),
            healed_at: None,
        })
    }

    /// Starts who is due, and looks how everybody is doing. Takes a tick.
    pub(super) fn tick(&mut self) -> Result<(), String> {
        let now = Instant::now();
        if self.server.is_stopped_until(now) {
            self.server.go_on().map_err(|error| error.to_string())?;
        }
        if self.server.is_due(now) {
            self.start_server()?;
        }
        self.server.check()?;
        for client in 0..self.clients.len() {
            let actor = &mut self.clients[client].0;
            if actor.is_stopped_until(now) {
                actor.go_on().map_err(|error| error.to_string())?;
            }
            if actor.is_due(now) {
                self.start_client(client).map_err(|error| error.to_string())?;
            }
            self.clients[client].0.check()?;
        }
        if !self.proxy.is_running() {
            return Err("the proxy has ended".to_owned());
        }
        self.look()?;
        std::thread::sleep(TICK);
        Ok(())
    }

    fn start_server(&mut self) -> Result<(), String> {
        let ledger = self.server.ledger(&self.directory);
        let arguments = [
            "serve".to_owned(),
            format!("--address={}", self.address),
            format!("--ledger={}", ledger.display()),
            format!("--number={}", self.server.number),
            format!("--clients={}", self.clients.len()),
        ];
        self.ledgers.servers.push(ledger);
        let process = self.server.start(&arguments, &self.directory);
        let address = process.map_err(|error| error.to_string())?.address()?;
        if core::mem::replace(&mut self.address, address) != address {
            // Somebody has taken the old one. Only the relay can follow.
            for client in self.proxy.fronts().len()..self.clients.len() {
                self.kill_client(client, Duration::ZERO)?;
            }
        }
        self.proxy.set_server(self.address);
        self.server_since = Instant::now();
        self.warm_memory = None;
        Ok(())
    }

    fn start_client(&mut self, client: usize) -> std::io::Result<()> {
        let (actor, progress) = &mut self.clients[client];
        let ledger = actor.ledger(&self.directory);
        let arguments = [
            "call".to_owned(),
            format!("--server={}", self.proxy.fronts().get(client).unwrap_or(&self.address)),
            format!("--ledger={}", ledger.display()),
            format!("--client={client}"),
            format!("--number={}", actor.number),
            format!("--seed={}", self.seed),
            format!("--rate={}", self.rate),
        ];
        self.ledgers.clients.push(ledger.clone());
        *progress = progress.of_the_next(ledger);
        if let Some(time) = self.healed_at {
            progress.heal(time);
        }
        actor.start(&arguments, &self.directory).map(drop)
    }

    /// Reads what clients have written since the last time.
    fn look(&mut self) -> Result<(), String> {
        let passed = self.looked_at.elapsed();
        self.looked_at = Instant::now();
        let is_open = self.server.is_up() && !self.proxy.is_blackout();
        for (client, (actor, progress)) in self.clients.iter_mut().enumerate() {
            // Where this process was not being run itself, others may not have been either.
            let counts = is_open && actor.is_up() && passed < Duration::from_millis(500);
            let (ended, replied) = (progress.ended, progress.replied);
            progress.look(if counts { passed } else { Duration::ZERO })?;
            self.tally.ended += progress.ended - ended;
            self.tally.replies += progress.replied - replied;
            let stalled = progress.stalled.as_secs_f64();
            self.tally.longest_stall = self.tally.longest_stall.max(stalled);
            if progress.stalled > STALL_LIMIT {
                return Err(format!(
                    "client {client} had no result for {stalled:.1} s in which everything was up"
                ));
            }
        }
        self.look_at_memory()
    }

    fn look_at_memory(&mut self) -> Result<(), String> {
        let Some(memory) = self.server.process().and_then(|process| process.resident()) else {
            return Ok(());
        };
        let age = self.server_since.elapsed();
        self.tally.most_memory = self.tally.most_memory.max(Some(memory));
        if age >= WARM_UP {
            let first = *self.warm_memory.get_or_insert(memory);
            if self.tally.oldest_server.is_none_or(|oldest| age > oldest.age) {
                self.tally.oldest_server = Some(OldServer { age, first, last: memory });
            }
        }
        if memory > MOST_MEMORY {
            return Err(format!("the server occupies {memory} bytes, and its bounds are smaller"));
        }
        Ok(())
    }

    pub(super) fn kill_server(&mut self, pause: Duration) -> std::io::Result<()> {
        if let Some(killed) = self.server.kill(pause)? {
            self.tally.server_kills += 1;
            self.ledgers.kills.push(killed);
        }
        Ok(())
    }

    /// The server says goodbye and ends when its handlers have. The next one comes at once.
    pub(super) fn restart_server(&mut self) {
        self.tally.server_restarts += u64::from(self.server.end());
    }

    pub(super) fn kill_client(&mut self, client: usize, pause: Duration) -> Result<(), String> {
        let (actor, progress) = &mut self.clients[client];
        if actor.kill(pause).map_err(|error| error.to_string())?.is_some() {
            self.tally.client_kills += 1;
            let (ended, replied) = (progress.ended, progress.replied);
            progress.look(Duration::ZERO)?;
            self.tally.ended += progress.ended - ended;
            self.tally.replies += progress.replied - replied;
        }
        Ok(())
    }

    /// Nothing goes wrong any more.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.proxy.heal();
        let actors = self.clients.iter_mut().map(|(actor, _)| actor);
        for actor in actors.chain([&mut self.server]) {
            actor.hurry().map_err(|error| error.to_string())?;
        }
        self.tick()?;
        let now = clock::now();
        self.healed_at = Some(now);
        self.clients.iter_mut().for_each(|(_, progress)| progress.heal(now));
        Ok(())
    }

    /// Waits until each client has a result of a call that it made after the end of all disasters.
    pub(super) fn until_recovered(&mut self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            self.tick()?;
            let times: Option<Vec<_>> =
                self.clients.iter().map(|(_, progress)| progress.recovered_at).collect();
            if let (Some(times), Some(healed)) = (times, self.healed_at) {
                let last = times.into_iter().max().unwrap_or(healed);
                self.tally.recovered_after = Some(last.saturating_sub(healed) as f64 / 1e9);
                return Ok(());
            }
            if start.elapsed() > STALL_LIMIT {
                return Err(format!(
                    "not every client had a result within {STALL_LIMIT:?} after the last disaster"
                ));
            }
        }
    }

    pub(super) fn go_on_for(&mut self, time: Duration) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.tick()?;
        }
        Ok(())
    }

    /// Asks the clients to end, and waits until every call of theirs has ended.
    pub(super) fn end_clients(&mut self) -> Result<(), String> {
        let mut processes: Vec<_> =
            self.clients.iter_mut().filter_map(|(actor, _)| actor.process()).collect();
        processes.iter_mut().for_each(|process| process.ask_to_end());
        for (client, process) in processes.into_iter().enumerate() {
            process.until_ended(PATIENCE).map_err(|error| format!("client {client}: {error}"))?;
        }
        self.look()
    }

    /// Lets old datagrams arrive.
    pub(super) fn replay(&self, count: usize) {
        self.proxy.replay(count);
    }

    pub(super) fn end_server(&mut self) -> Result<(), String> {
        let Some(process) = self.server.process() else { return Ok(()) };
        process.ask_to_end();
        process.until_ended(PATIENCE).map_err(|error| format!("server: {error}"))
    }

    /// How everybody is doing, for people.
    pub(super) fn dump(&mut self) -> String {
        let mut lines = vec![format!("server at {}: {}", self.address, self.server.describe())];
        for (actor, progress) in &self.clients {
            lines.push(format!(
                "{}: {} calls ended, {} with a result, {:?} without one",
                actor.describe(),
                progress.ended,
                progress.replied,
                progress.stalled,
            ));
        }
        lines.push(format!("network: {:?}", self.proxy.counts()));
        lines.push(format!("{:?}", self.tally));
        lines.join("\n")
    }

    /// Ends everybody who is left, and gives what is to be compared.
    pub(super) fn clear(self) -> (Tally, Ledgers, Network) {
        let network = self.proxy.counts();
        (self.tally, self.ledgers, network)
    }
}
