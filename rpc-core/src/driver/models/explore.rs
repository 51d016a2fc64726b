//! How a model is run.

use core::time::Duration;
use std::time::Instant;

use super::super::clock::{START, SystemClock};
use super::super::entropy::SystemEntropy;

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// How many times `loom` takes the processor from a thread that could go on.
    pub(super) preemptions: usize,
    /// Until when sleeps end by themselves, counted from the start.
    pub(super) horizon: Duration,
}

impl Effort {
    /// No time passes.
    pub(super) const fn preemptions(preemptions: usize) -> Self {
        Self { preemptions, horizon: Duration::ZERO }
    }
}

/// Runs `model` in many ways, each of which begins in the same state.
#[cfg(loom)]
pub(super) fn explore(name: &str, effort: Effort, model: fn()) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let mut builder = loom::model::Builder::new();
    let most = builder.preemption_bound.unwrap_or(effort.preemptions);
    builder.preemption_bound = Some(most.min(effort.preemptions));
    builder.max_branches = 100_000;
    builder.expect_explicit_explore = true;
    let start = Instant::now();
    builder.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        begin(effort);
        model();
    });
    let bound = builder.preemption_bound.expect("it was set");
    println!("{name}: {count:?} executions, {bound} preemptions, {:?}", start.elapsed());
}

/// From here on, all orders are tried.
#[cfg(loom)]
pub(super) fn prepared() {
    loom::explore();
}

/// Runs `model` in many ways, each of which begins in the same state.
#[cfg(shuttle)]
pub(super) fn explore(name: &str, effort: Effort, model: fn()) {
    use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};

    fn run(scheduler: impl Scheduler + 'static, effort: Effort, model: fn()) -> usize {
        let mut config = shuttle::Config::default();
        config.stack_size = 1 << 18;
        config.silence_warnings = true;
        shuttle::Runner::new(scheduler, config).run(move || {
            begin(effort);
            model();
        })
    }

    let start = Instant::now();
    if let Ok(schedule) = std::env::var("SHUTTLE_REPLAY") {
        run(ReplayScheduler::new_from_encoded(&schedule), effort, model);
        return;
    }
    let count = |name| std::env::var(name).ok().and_then(|count| count.parse().ok());
    let schedules = count("SHUTTLE_SCHEDULES").unwrap_or(10_000);
    let mut executions = run(RandomScheduler::new(schedules), effort, model);
    executions += run(PctScheduler::new(3, schedules), effort, model);
    println!("{name}: {executions} schedules, {:?}", start.elapsed());
}

/// From here on, all orders are tried.
#[cfg(shuttle)]
pub(super) fn prepared() {}

fn begin(effort: Effort) {
    SystemClock::begin(START + effort.horizon);
    SystemEntropy::begin();
}
