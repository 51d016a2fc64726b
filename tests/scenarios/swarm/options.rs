//! What a seed is made of: which faults, which limits, which clients. Zero is the plainest of each.

use std::fmt;
use std::time::Duration;

use farcall::sim::{Bursts, Delay, Link, Random};
use farcall::{ClientConfig, ServerConfig};

use crate::support::{MS, SECOND, server_config};

/// How many steps the workload takes.
const STEPS: u64 = 640;

/// Everything that differs between two seeds, but the luck.
pub(super) struct Options {
    pub(super) steps: u64,
    pub(super) link: Link,
    pub(super) service_time: Delay,
    pub(super) server: ServerConfig,
    pub(super) clients: Vec<ClientOptions>,
    pub(super) workload: Workload,
    /// How likely a disaster is planned, per step.
    pub(super) disasters: f64,
    /// Whether there are enemies.
    pub(super) has_enemies: bool,
    /// Everything comes back once more after the world has come to rest.
    pub(super) replays_at_the_end: bool,
}

/// Where a client lives, and its settings.
pub(super) struct ClientOptions {
    pub(super) host: String,
    pub(super) config: ClientConfig,
}

/// Which calls there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Workload {
    /// Some handlers answer later: with a reply, as a future, or never.
    pub(super) answers_late: bool,
    /// Some calls carry more than a datagram.
    pub(super) is_large: bool,
    pub(super) cancels: bool,
    pub(super) settles: bool,
    /// Handlers that panic, and handlers that report their progress.
    pub(super) is_colourful: bool,
    /// Deadlines of some milliseconds.
    pub(super) is_hasty: bool,
}

impl Options {
    /// What is new comes last: saved runs name decisions by their place.
    pub(super) fn draw(random: &mut Random) -> Self {
        let workload = Workload {
            answers_late: random.chance(0.3),
            is_large: random.chance(0.15),
            cancels: random.chance(0.5),
            settles: random.chance(0.5),
            is_colourful: random.chance(0.5),
            is_hasty: random.chance(0.5),
        };
        let mut options = Self {
            // Large messages take many more events.
            steps: if workload.is_large { STEPS / 2 } else { STEPS + STEPS / 8 },
            link: link(random),
            service_time: service_time(random),
            server: server(random, workload),
            clients: clients(random),
            workload,
            disasters: if random.chance(0.7) { 0.02 } else { 0.0 },
            replays_at_the_end: random.chance(0.3),
            has_enemies: false,
        };
        options.draw_limits(random);
        // They call an interface that servers with late answers do not have.
        options.has_enemies = random.chance(0.08) && !workload.answers_late;
        options
    }

    /// Limits so low that they are met.
    fn draw_limits(&mut self, random: &mut Random) {
        if random.chance(0.15) {
            self.server.maximum_reply_bytes = (2 + random.below(20) as usize) * 1_200;
        }
        if random.chance(0.3) {
            self.server.assembly_patience = Duration::from_millis(1 + random.below(500));
        }
        if random.chance(0.2) {
            for ClientOptions { config, .. } in &mut self.clients {
                config.initial_timeout = 40 * MS;
                config.maximum_timeout = 80 * MS;
            }
        }
    }
}

impl fmt::Display for Options {
    /// What is not as it usually is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, link, service_time, server, clients, workload, disasters, .. } = self;
        writeln!(f, "{steps} steps, {workload:?}")?;
        writeln!(f, "paths: {link}; handlers take {service_time}; disasters {disasters} per step")?;
        let (drawn, usual) = (format!("{server:#?}"), format!("{:#?}", server_config()));
        let lines = drawn.lines().zip(usual.lines());
        let changed: Vec<&str> =
            lines.filter(|(one, other)| one != other).map(|(one, _)| one.trim()).collect();
        writeln!(f, "server: {}", changed.join(" "))?;
        for ClientOptions { host, config } in clients {
            let ClientConfig { silence_limit, maximum_timeout, .. } = config;
            writeln!(f, "client on {host}: silence limit {silence_limit:?}, {maximum_timeout:?}")?;
        }
        Ok(())
    }
}

fn link(random: &mut Random) -> Link {
    let mut link = Link::default();
    // One seed in sixteen is clean.
    if !random.chance(15.0 / 16.0) {
        return link;
    }
    let harshness = if random.chance(0.125) { 3.0 } else { 1.0 };
    let mut draw = |most: f64| {
        let is_on = random.chance(0.5);
        let share = random.below(1_000) as f64 / 1_000.0;
        if is_on { most * share * share * harshness } else { 0.0 }
    };
    link.loss = draw(0.3);
    link.duplication = draw(0.3);
    link.corruption = draw(0.1);
    link.late_copies = draw(0.05);
    if draw(1.0) > 0.0 {
        link.bursts = Some(Bursts { begin: 0.01, end: 0.1, loss: 0.9 });
    }
    link.delay = match random.below(4) {
        0 => Delay::fixed(Duration::from_micros(100)),
        1 => Delay::uniform(Duration::from_micros(50), 5 * MS),
        2 => Delay::exponential(5 * MS, 30 * MS),
        _ => Delay::uniform(Duration::ZERO, 300 * MS),
    };
    if random.chance(0.2) {
        link.queue_limit = 2 + random.below(60) as usize;
    }
    if random.chance(0.1) {
        link.size_limit = 1_200 + random.below(8_000) as usize;
    }
    link
}

fn service_time(random: &mut Random) -> Delay {
    match random.below(5) {
        0 => Delay::ZERO,
        1 => Delay::uniform(Duration::ZERO, 2 * MS),
        2 => Delay::exponential(Duration::ZERO, 20 * MS),
        3 => Delay::uniform(Duration::ZERO, SECOND),
        _ => Delay::exponential(MS, 100 * MS),
    }
}

fn server(random: &mut Random, workload: Workload) -> ServerConfig {
    let usual = server_config();
    let config = ServerConfig {
        workers: 1 + random.below(8) as usize,
        window: if random.chance(0.5) { 1 + random.below(32) as u16 } else { usual.window },
        maximum_queued_calls: if random.chance(0.3) { 1 + random.below(8) as usize } else { 4096 },
        maximum_running_per_session: if random.chance(0.3) { 1 } else { usize::MAX },
        maximum_suspended: if random.chance(0.2) { 1 + random.below(4) as usize } else { 1000 },
        // Fewer than clients, now and then.
        maximum_sessions: if random.chance(0.15) { 1 + random.below(3) as usize } else { 4096 },
        lease: if random.chance(0.3) { 2 * SECOND } else { usual.lease },
        ..usual
    };
    if workload.is_large { little_memory(random, config) } else { config }
}

/// Little memory for large messages, now and then.
fn little_memory(random: &mut Random, config: ServerConfig) -> ServerConfig {
    let usual = ServerConfig::default();
    let mut draw = |usual: usize| {
        if random.chance(0.2) { 1 + random.below(1_000_000) as usize } else { usual }
    };
    ServerConfig {
        maximum_request: draw(usual.maximum_request),
        maximum_reply: draw(usual.maximum_reply),
        maximum_assembly_bytes: draw(usual.maximum_assembly_bytes),
        maximum_assembly_bytes_per_session: draw(usual.maximum_assembly_bytes_per_session),
        maximum_reply_bytes: draw(usual.maximum_reply_bytes).max(100_000),
        ..config
    }
}

/// One to four clients; now and then two of them share an address.
fn clients(random: &mut Random) -> Vec<ClientOptions> {
    let usual = ClientConfig::default();
    (0..1 + random.below(4))
        .map(|number| {
            let host = if random.chance(0.2) { 0 } else { number };
            let is_impatient = random.chance(0.3);
            let silence_limit = if is_impatient { 2 * SECOND } else { usual.silence_limit };
            let config = ClientConfig { silence_limit, ..usual.clone() };
            ClientOptions { host: format!("client-{host}"), config }
        })
        .collect()
}
