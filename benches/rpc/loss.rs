//! Calls over a path that loses datagrams.

use core::time::Duration;

use farcall::ClientConfig;

use farcall_workloads::measure::{Latency, Spread, latency};
use farcall_workloads::process::{Placement, Process};
use farcall_workloads::{FarcallSystem, Result, System};

use super::arguments::Arguments;
use super::helpers::Helper;

/// The part of the datagrams that is lost in each direction.
pub(crate) const LOSS: f64 = 0.1;

/// The same path without and with loss, by repetition.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) without: Vec<Latency>,
    pub(crate) with: Vec<Latency>,
}

impl Loss {
    /// The 99th percentile in microseconds, without loss and with it.
    pub(crate) fn tails(&self) -> (Spread, Spread) {
        let tail = |runs: &[Latency]| Spread::of(runs.iter().map(|run| run.p99));
        (tail(&self.without), tail(&self.with))
    }

    /// What the 99th percentile with loss should stay under: ten times that without, and two of the
    /// shortest time-outs.
    pub(crate) fn limit(&self) -> f64 {
        let shortest = ClientConfig::default().minimum_timeout;
        self.tails().0.median * 10.0 + 2.0 * shortest.as_secs_f64() * 1e6
    }
}

/// Measures everything.
pub(crate) fn run(arguments: &Arguments, placement: &Placement) -> Result<Loss> {
    let mut loss = Loss { without: Vec::new(), with: Vec::new() };
    for repetition in 0..arguments.repetitions() {
        eprintln!("loss: repetition {} of {}", repetition + 1, arguments.repetitions());
        loss.without.push(measure(0.0, arguments, placement)?);
        loss.with.push(measure(LOSS, arguments, placement)?);
    }
    Ok(loss)
}

fn measure(loss: f64, arguments: &Arguments, placement: &Placement) -> Result<Latency> {
    let server = Process::start(FarcallSystem::BLOCKING.name(), placement.server(), &[])?;
    let proxy = Helper::proxy(server.address(), loss, placement)?;
    let mut client = FarcallSystem::BLOCKING.client(proxy.address())?;
    let time: Duration = arguments.time() * 3;
    latency(&mut client, arguments.warm_up())?;
    latency(&mut client, time)
}
