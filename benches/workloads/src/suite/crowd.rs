//! W4: many clients, one call in flight each.

use crate::results::{Case, Measured, Sample};
use crate::runner::{Bench, with_usage};
use crate::system::{System, Workload};
use crate::{Result, limits};

/// How many endpoints there are, and how many calls each makes: the more there are, the fewer are enough.
const CROWDS: [(usize, u32); 2] = [(1_000, 200), (10_000, 30)];
/// How many times fewer calls are enough to see whether it works.
const QUICKER: u32 = 10;

pub(super) fn run(bench: &Bench) -> Measured {
    let case =
        |(endpoints, _)| Case::new(format!("{endpoints} clients"), Workload::Crowd, endpoints);
    let cases = CROWDS.map(case).into();
    let is_possible = |system: &dyn System, case: &Case| {
        limits::make_room(case.count, system.files_per_endpoint())?;
        limits::find_memory(case.count, system.memory_per_endpoint())
    };
    bench.measure_where("crowd", cases, is_possible, |system, case| measure(bench, system, case))
}

fn measure(bench: &Bench, system: &dyn System, case: &Case) -> Result<Sample> {
    let crowd = CROWDS.iter().find(|(endpoints, _)| *endpoints == case.count);
    let (endpoints, calls_each) = *crowd.ok_or("there is no such crowd")?;
    let calls_each = if bench.settings.quick { calls_each / QUICKER } else { calls_each };
    let mut server = bench.serve(system)?;
    let before = server.usage()?;
    let address = server.address();
    let sample = with_usage(&mut server, 0, || {
        Ok(Sample::counted(system.crowd(address, endpoints, calls_each)?))
    })?;
    let memory = before.zip(server.usage()?).map(|(before, after)| {
        after.peak.saturating_sub(before.resident) as f64 / endpoints as f64
    });
    // What was used includes the handshakes and the first calls.
    Ok(Sample { memory, processor: None, ..sample })
}
