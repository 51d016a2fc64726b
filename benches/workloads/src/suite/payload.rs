//! W3: messages of many sizes, one at a time.

use crate::Result;
use crate::measure::distribution_of;
use crate::message::{Check, Message};
use crate::results::{Case, Measured, Sample};
use crate::runner::{Bench, Pair, with_usage};
use crate::system::{System, Workload};

/// The sizes that are sent back and forth, in bytes.
const SIZES: [usize; 5] = [1 << 10, 8 << 10, 64 << 10, 1 << 20, 16 << 20];
/// The size that is sent one way.
const UPLOAD: usize = 16 << 20;
/// How often each is sent at least, in each repetition.
const FEWEST: u64 = 5;

pub(super) fn run(bench: &Bench) -> Measured {
    let echo = |size| Case::new(format!("echo of {}", name(size)), Workload::Echo(size), size);
    let upload = Case::new(format!("upload of {}", name(UPLOAD)), Workload::Upload(UPLOAD), UPLOAD);
    let cases = SIZES.map(echo).into_iter().chain([upload]).collect();
    bench.measure("payload", cases, |system, case| measure(bench, system, case))
}

/// What people call so many bytes.
fn name(size: usize) -> String {
    if size < 1 << 20 { format!("{} KiB", size >> 10) } else { format!("{} MiB", size >> 20) }
}

fn measure(bench: &Bench, system: &dyn System, case: &Case) -> Result<Sample> {
    let Pair { mut client, mut server } = bench.pair(system)?;
    let message = Message::new(case.count, Check::Whole);
    let mut take = || match case.workload {
        Workload::Upload(_) => client.upload(&message),
        _ => client.echo(&message),
    };
    distribution_of(bench.settings.warm_up(), FEWEST, &mut take)?;
    let time = bench.time();
    let sample =
        with_usage(&mut server, 0, || Ok(Sample::timed(distribution_of(time, FEWEST, take)?)))?;
    // Most of it went into comparing bytes.
    Ok(Sample { processor: None, ..sample })
}
