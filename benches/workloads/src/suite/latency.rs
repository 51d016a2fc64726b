//! W1: one null call after the other.

use crate::Result;
use crate::measure::distribution;
use crate::results::{Case, Measured, Sample};
use crate::runner::{Bench, Pair, with_usage};
use crate::system::{System, Workload};

pub(super) fn run(bench: &Bench) -> Measured {
    let cases = vec![Case::new("null call", Workload::Call, 1)];
    bench.measure("latency", cases, |system, _| measure(bench, system))
}

fn measure(bench: &Bench, system: &dyn System) -> Result<Sample> {
    let Pair { mut client, mut server } = bench.pair(system)?;
    distribution(&mut *client, bench.settings.warm_up())?;
    // The tail needs many more calls than the rates do.
    let time = bench.time() * 2;
    with_usage(&mut server, 0, || Ok(Sample::timed(distribution(&mut *client, time)?)))
}
