//! Many seeds, each with faults and settings of its own choice: whatever happens, no promise is broken.
//!
//! `SIM_SEEDS=first..last` runs other seeds than the gate's, `SIM_SEEDS=n` one. A seed that fails prints
//! the line that runs it again, and shrinks itself to a short run, which it prints as well. Runs that
//! failed once are kept under `saved` and are run for ever. `SIM_SHRINK=0` leaves the shrinking out, for
//! those who only want to know which seed fails.

mod disasters;
mod enemies;
mod options;
mod run;
mod saved;
mod workload;

use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use farcall::sim::{Choices, shrink};

use run::{Report, Total, Voice, run};

/// Seeds of one run of the test.
const SEEDS: Range<u64> = 0..4_000;

/// How many runs a failing seed may take to shrink, and how long.
const SHRINKING: (usize, Duration) = (4_000, Duration::from_secs(90));

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("SIM_SEEDS") else { return SEEDS };
    let number = |text: &str| text.parse().expect("SIM_SEEDS is a number or two");
    match text.split_once("..") {
        Some((first, last)) => number(first)..number(last),
        None => number(&text)..number(&text) + 1,
    }
}

#[test]
fn no_mix_of_faults_breaks_a_promise() {
    let seeds = seeds();
    let begin = Instant::now();
    let total = match run_all(&seeds) {
        Ok(total) => total,
        Err(seed) => {
            let count = seed - seeds.start + 1;
            println!("seed {seed}, the {count}th, breaks a promise. To run it again:");
            println!("SIM_SEEDS={seed} cargo test --features sim --test scenarios swarm");
            explain(seed);
        }
    };
    println!("{} seeds in {:.1?}: {total}", seeds.end - seeds.start, begin.elapsed());
    // A single seed cannot reach everything.
    if seeds.end - seeds.start >= SEEDS.end {
        total.must_have_reached_everything();
    }
}

#[test]
fn a_seed_of_the_swarm_gives_the_same_run_twice() {
    for seed in 0..6 {
        let hash = |choices| run(choices, Voice::Quiet).hash;
        let recording = Choices::recording(seed);
        assert_eq!(hash(Choices::seeded(seed)), hash(recording.clone()), "seed {seed}");
        let again = Choices::recorded(recording.decisions().expect("they were recorded"));
        assert_eq!(hash(Choices::seeded(seed)), hash(again), "recorded seed {seed}");
    }
}

/// Runs the seeds on as many threads as the machine has; gives the least one that fails.
fn run_all(seeds: &Range<u64>) -> Result<Total, u64> {
    let next = AtomicU64::new(seeds.start);
    let failed = AtomicU64::new(u64::MAX);
    let total = Mutex::new(Total::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // Seeds below one that failed are finished, so that the least one is known.
                    if seed >= seeds.end || seed > failed.load(Ordering::Relaxed) {
                        return;
                    }
                    match try_run(Choices::seeded(seed)) {
                        Ok(report) => total.lock().unwrap().add(&report),
                        Err(()) => _ = failed.fetch_min(seed, Ordering::Relaxed),
                    }
                }
            });
        }
    });
    match failed.into_inner() {
        u64::MAX => Ok(total.into_inner().unwrap()),
        seed => Err(seed),
    }
}

/// Shrinks the run of a failing seed and lets it fail once more, for everybody to see.
fn explain(seed: u64) -> ! {
    let recording = Choices::recording(seed);
    let again = try_run(recording.clone());
    assert!(again.is_err(), "seed {seed} failed once and does not fail again");
    let all = recording.decisions().expect("they were recorded");
    let is_wanted = std::env::var("SIM_SHRINK").map_or(true, |value| value != "0");
    if !is_wanted {
        run(Choices::recorded(all), Voice::Loud);
        unreachable!("the run failed a moment ago");
    }
    let (runs, time) = SHRINKING;
    let begin = Instant::now();
    let less = shrink(all.clone(), runs, |decisions| {
        begin.elapsed() < time && try_run(Choices::recorded(decisions.clone())).is_err()
    });
    println!("{} of its {} decisions are enough; to be kept in", less.count(), all.count());
    println!("tests/scenarios/swarm/saved/NAME.txt:\n{less}");
    run(Choices::recorded(less), Voice::Loud);
    unreachable!("the run failed a moment ago");
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs without a word; an error if a promise is broken.
fn try_run(choices: Choices) -> Result<Report, ()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                usual(panic);
            }
        }));
    });
    IS_QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(|| run(choices, Voice::Quiet)));
    IS_QUIET.set(false);
    result.map_err(drop)
}
