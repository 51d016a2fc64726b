//! W1: one null call after the other, as fast as they go and at a moderate pace.

use core::time::Duration;
use std::thread;
use std::time::Instant;

use crate::Result;
use crate::measure::{Distribution, distribution, distribution_of};
use crate::results::{Case, Measured, Sample};
use crate::runner::{Bench, Pair, with_usage};
use crate::system::{Client, System, Workload};

/// How many calls are made a second where they do not follow each other at once. Waiting for them is what
/// spinning may cost processor time for.
const PACE: u32 = 1_000;

pub(super) fn run(bench: &Bench) -> Measured {
    let cases = vec![
        Case::new("one after the other", Workload::Call, 1),
        Case::new(format!("{PACE} a second"), Workload::Call, 0),
    ];
    bench.measure("latency", cases, |system, case| measure(bench, system, case))
}

fn measure(bench: &Bench, system: &dyn System, case: &Case) -> Result<Sample> {
    let Pair { mut client, mut server } = bench.pair(system)?;
    distribution(&mut *client, bench.settings.warm_up())?;
    // The tail needs many more calls than the rates do.
    let time = bench.time() * 2;
    with_usage(&mut server, 0, || {
        let client = &mut *client;
        let timed = if case.count > 0 { distribution(client, time) } else { paced(client, time) };
        Ok(Sample::timed(timed?))
    })
}

/// Makes calls at a pace for `time`.
fn paced(client: &mut dyn Client, time: Duration) -> Result<Distribution> {
    let interval = Duration::from_secs(1) / PACE;
    let mut due = Instant::now();
    distribution_of(time, 0, || {
        due += interval;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let began = Instant::now();
        client.call()?;
        Ok(began.elapsed())
    })
}
