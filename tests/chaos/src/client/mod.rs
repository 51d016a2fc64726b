//! The process that calls.

mod caller;
mod workload;

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use farcall::{Client, ClientConfig};

use self::caller::Caller;
use self::workload::Pace;
use crate::arguments::CallArguments;
use crate::interface::mix;
use crate::{Outcome, process};

pub(crate) use self::caller::REASONS;

/// The longest deadline of a call.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);

/// Impatient, so that a short run sees every kind of end.
fn config() -> ClientConfig {
    ClientConfig {
        deadline: Some(DEADLINE),
        handshake_timeout: Duration::from_secs(2),
        handshake_interval: Duration::from_millis(50),
        silence_limit: Duration::from_millis(1500),
        maximum_assembly_bytes: 16 << 20,
        ..ClientConfig::default()
    }
}

/// What a thread does until it is told to end.
type Work = fn(&mut Caller, &mut Pace, &AtomicBool);

/// The threads of a client, with the share of its calls that each of them makes.
const THREADS: [(Work, f64); 4] = [
    (workload::started, 0.6),
    (workload::synchronous, 0.2),
    (workload::asynchronous, 0.2),
    (workload::large, 0.01),
];

/// Calls until standard input ends, and then until every call has ended.
pub(crate) fn run(arguments: &CallArguments) -> Outcome {
    let client = Client::builder().config(config()).connect(arguments.server)?;
    let shared = Arc::new(caller::Shared::new(arguments)?);
    let is_ending = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for ((work, share), thread) in THREADS.into_iter().zip(0u64..) {
            let seed = mix(arguments.seed ^ u64::from(arguments.number) << 8 ^ thread)
                ^ mix(u64::from(arguments.client) + 1);
            let mut caller = Caller::new(&client, Arc::clone(&shared), seed);
            let mut pace = Pace::new(arguments.rate * share);
            let is_ending = &is_ending;
            scope.spawn(move || {
                // Without one of its threads a client would look as if it made progress.
                let abort = AbortOnPanic;
                work(&mut caller, &mut pace, is_ending);
                drop(abort);
            });
        }
        let result = process::until_asked_to_end();
        is_ending.store(true, Ordering::Relaxed);
        result
    })?;
    eprintln!("{:#}", client.statistics());
    Ok(true)
}

struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::exit(101);
        }
    }
}
