//! W2: many null calls at once.

use core::time::Duration;

use crate::Result;
use crate::results::{Case, Measured, Sample};
use crate::runner::{Bench, Pair, with_usage};
use crate::system::{Client, System, Workload};

/// How many calls are in flight in turn, from one thread.
const IN_FLIGHT: [usize; 4] = [1, 16, 64, 256];
/// How many threads make synchronous calls.
const THREADS: usize = 8;

pub(super) fn run(bench: &Bench) -> Measured {
    bench.measure("throughput", cases(), |system, case| measure(bench, system, case))
}

/// Every way of making many calls.
pub(super) fn cases() -> Vec<Case> {
    let stream =
        |in_flight| Case::new(format!("{in_flight} in flight"), Workload::Stream, in_flight);
    let threads = Case::new(format!("{THREADS} threads"), Workload::Threads, THREADS);
    IN_FLIGHT.map(stream).into_iter().chain([threads]).collect()
}

fn measure(bench: &Bench, system: &dyn System, case: &Case) -> Result<Sample> {
    let Pair { mut client, mut server } = bench.pair(system)?;
    exchange(&mut *client, case, bench.settings.warm_up())?;
    with_usage(&mut server, case.count, || exchange(&mut *client, case, bench.time()))
}

/// Makes calls as the case says.
pub(super) fn exchange(client: &mut dyn Client, case: &Case, time: Duration) -> Result<Sample> {
    let exchanged = match case.workload {
        Workload::Threads => client.threads(case.count, time)?,
        _ => client.stream(case.count, time)?,
    };
    Ok(Sample::counted(exchanged))
}
