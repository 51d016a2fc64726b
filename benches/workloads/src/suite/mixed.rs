//! W6: null calls while something large or long is under way.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::thread;

use crate::measure::distribution;
use crate::message::{Check, Message};
use crate::results::{Case, Measured, Sample};
use crate::runner::{Bench, Pair};
use crate::system::{Client, System, Workload};
use crate::{Error, Result};

/// The size of what is transferred, there and back.
const SIZE: usize = 16 << 20;
/// How long a call runs that keeps a worker busy.
const LONG: Duration = Duration::from_millis(100);

pub(super) fn run(bench: &Bench) -> Measured {
    let cases = vec![
        Case::new("alone", Workload::Transfers, 0),
        Case::new("beside echoes of 16 MiB", Workload::Transfers, SIZE),
        Case::new("while every worker is busy", Workload::Busy, 0),
    ];
    bench.measure("mixed", cases, |system, case| measure(bench, system, case))
}

fn measure(bench: &Bench, system: &dyn System, case: &Case) -> Result<Sample> {
    let Pair { mut client, server } = bench.pair(system)?;
    let (warm_up, time) = (bench.settings.warm_up(), bench.time() * 2);
    let message = Message::new(case.count, Check::Glance);
    let burden = |client: &mut dyn Client| match case.workload {
        Workload::Transfers => client.echo(&message).map(drop),
        _ => client.occupy(LONG),
    };
    if (case.workload, case.count) == (Workload::Transfers, 0) {
        distribution(&mut *client, warm_up)?;
        return Ok(Sample::timed(distribution(&mut *client, time)?));
    }
    let companion = client.companion();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut companion: Box<dyn Client> = match companion {
                Some(companion) => companion,
                None => system.connect(server.address())?,
            };
            while !is_over.load(Ordering::Relaxed) {
                burden(&mut *companion)?;
            }
            Ok::<_, Error>(())
        });
        let measured =
            distribution(&mut *client, warm_up).and_then(|_| distribution(&mut *client, time));
        is_over.store(true, Ordering::Relaxed);
        other.join().map_err(|_| "the thread beside the calls panicked")??;
        Ok(Sample::timed(measured?))
    })
}
