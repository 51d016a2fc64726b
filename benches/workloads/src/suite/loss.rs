//! W5: null calls while the system loses packets.

use core::time::Duration;

use super::throughput;
use crate::Result;
use crate::measure::distribution;
use crate::packet_loss::PacketLoss;
use crate::results::{Case, Measured, Sample};
use crate::runner::{Bench, Pair};
use crate::system::{System, Workload};

/// Which parts of the packets are lost in turn, in each direction.
const LOSSES: [f64; 4] = [0.0, 0.001, 0.01, 0.05];

pub(super) fn run(bench: &Bench) -> Result<Measured> {
    PacketLoss::check()?;
    let kinds: Vec<Case> = [Case::new("null call", Workload::Call, 1)]
        .into_iter()
        // One in flight is what the null call is.
        .chain(throughput::cases().into_iter().filter(|case| case.count > 1))
        .collect();
    let cases = LOSSES.into_iter().flat_map(|loss| {
        kinds.iter().map(move |kind| Case {
            name: format!("{}, {} % loss", kind.name, loss * 100.0),
            loss,
            ..kind.clone()
        })
    });
    let is_possible = |system: &dyn System, _: &Case| {
        system.lacks(Workload::Loss).map_or(Ok(()), |reason| Err(reason.to_owned()))
    };
    let measure = |system, case: &Case| measure(bench, system, case);
    Ok(bench.measure_where("loss", cases.collect(), is_possible, measure))
}

fn measure(bench: &Bench, system: &dyn System, case: &Case) -> Result<Sample> {
    let Pair { mut client, server } = bench.pair(system)?;
    let warm_up = bench.settings.warm_up();
    let time = bench.time();
    // Where nothing is lost the rules are not in the way either.
    let lose = || {
        (case.loss > 0.0).then(|| PacketLoss::start(server.address().port(), case.loss)).transpose()
    };
    if case.workload == Workload::Call {
        distribution(&mut *client, warm_up)?;
        let _loss = lose()?;
        return Ok(Sample::timed(distribution(&mut *client, tail(time))?));
    }
    throughput::exchange(&mut *client, case, warm_up)?;
    let _loss = lose()?;
    throughput::exchange(&mut *client, case, time / 2)
}

/// The tail needs many calls, and some of them take very long.
fn tail(time: Duration) -> Duration {
    time * 3
}
