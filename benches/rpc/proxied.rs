//! Calls over a path that loses datagrams: a proxy, which needs no privileges.

use core::time::Duration;

use farcall::ClientConfig;

use farcall_workloads::goals::Goal;
use farcall_workloads::measure::{Latency, Spread, latency};
use farcall_workloads::report::{Section, spread_json};
use farcall_workloads::runner::Bench;
use farcall_workloads::{FarcallSystem, Result};
use serde_json::{Value, json};

use super::helpers::Helper;

/// The part of the datagrams that is lost in each direction.
const LOSS: f64 = 0.1;

/// The same path without and with loss, by repetition.
#[derive(Debug)]
struct Loss {
    without: Vec<Latency>,
    with: Vec<Latency>,
}

impl Loss {
    /// The 99th percentile in microseconds, without loss and with it.
    fn tails(&self) -> (Spread, Spread) {
        let tail = |runs: &[Latency]| Spread::of(runs.iter().map(|run| run.p99));
        (tail(&self.without), tail(&self.with))
    }

    /// What the 99th percentile with loss should stay under: ten times that without, and two of the
    /// shortest time-outs.
    fn limit(&self) -> f64 {
        let shortest = ClientConfig::default().minimum_timeout;
        self.tails().0.median * 10.0 + 2.0 * shortest.as_secs_f64() * 1e6
    }
}

/// Measures everything.
pub(crate) fn run(bench: &Bench) -> Result<Section> {
    let mut loss = Loss { without: Vec::new(), with: Vec::new() };
    let repetitions = bench.settings.repetitions();
    for repetition in 0..repetitions {
        eprintln!("proxy: repetition {} of {repetitions}", repetition + 1);
        loss.without.push(measure(0.0, bench)?);
        loss.with.push(measure(LOSS, bench)?);
    }
    Ok(Section {
        name: "proxy",
        tables: Vec::new(),
        remarks: Vec::new(),
        goals: vec![goal(&loss)],
        json: json(&loss),
    })
}

fn measure(loss: f64, bench: &Bench) -> Result<Latency> {
    let system = FarcallSystem::DEFAULT;
    let server = bench.serve(&system)?;
    let proxy = Helper::proxy(server.address(), loss, &bench.placement)?;
    let mut client = system.client(proxy.address())?;
    let time: Duration = bench.settings.time() * 3;
    latency(&mut client, bench.settings.warm_up())?;
    latency(&mut client, time)
}

fn goal(loss: &Loss) -> Goal {
    let (without, with) = loss.tails();
    let limit = loss.limit();
    Goal {
        name: format!("p99 with {:.0} % loss each way in a proxy, µs", LOSS * 100.0),
        measured: format!("{with}; {without} without"),
        goal: format!("under {limit:.0}: ten times as long, and 2 ms"),
        is_reached: with.median < limit,
    }
}

fn json(loss: &Loss) -> Value {
    let all = |runs: &[Latency]| {
        let figure = |figure: fn(&Latency) -> f64| spread_json(Spread::of(runs.iter().map(figure)));
        json!({
            "p50": figure(|run| run.p50),
            "p99": figure(|run| run.p99),
            "p99.9": figure(|run| run.p999),
            "samples": runs.iter().map(|run| run.exchanged.count).sum::<u64>(),
        })
    };
    json!({
        "lost_each_way": LOSS,
        "latency_us_without": all(&loss.without),
        "latency_us_with": all(&loss.with),
        "p99_limit_us": loss.limit(),
    })
}
