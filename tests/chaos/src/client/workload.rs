//! The ways to call.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::caller::Caller;

/// Calls of one thread that are under way at once.
const IN_FLIGHT: usize = 32;
/// Bytes of a large message.
const LARGE: core::ops::Range<u32> = 1000..256 << 10;

/// How far ahead of its time a call may be made.
const BURST: Duration = Duration::from_millis(10);

/// Not more than so many calls a second.
pub(super) struct Pace {
    interval: Duration,
    due: Instant,
}

impl Pace {
    pub(super) fn new(rate: f64) -> Self {
        Self { interval: Duration::from_secs_f64(1.0 / rate.max(0.1)), due: Instant::now() }
    }

    /// Waits until it is time for the next call. What was missed for a short while is caught up with.
    fn wait(&mut self) {
        let now = Instant::now();
        if let Some(early) = self.due.checked_duration_since(now) {
            // A few calls in a row and then a rest cost fewer turns of the processor.
            if early > BURST {
                std::thread::sleep(early);
            }
        } else if now > self.due + Duration::from_millis(500) {
            self.due = now;
        }
        self.due += self.interval;
    }
}

/// Started calls, the oldest of which is waited for when there are too many.
pub(super) fn started(caller: &mut Caller, pace: &mut Pace, is_ending: &AtomicBool) {
    let mut open = VecDeque::new();
    while !is_ending.load(Ordering::Relaxed) {
        pace.wait();
        let call = caller.start();
        open.extend(caller.meddle(call));
        if open.len() >= IN_FLIGHT {
            // Half of them, so that calls are started in groups and share datagrams.
            for call in open.drain(..IN_FLIGHT / 2) {
                caller.wait(call);
            }
        }
    }
    open.into_iter().for_each(|call| caller.wait(call));
}

/// One call after the other.
pub(super) fn synchronous(caller: &mut Caller, pace: &mut Pace, is_ending: &AtomicBool) {
    while !is_ending.load(Ordering::Relaxed) {
        pace.wait();
        caller.call();
    }
}

/// Groups of calls that are awaited.
pub(super) fn asynchronous(caller: &mut Caller, pace: &mut Pace, is_ending: &AtomicBool) {
    while !is_ending.load(Ordering::Relaxed) {
        let mut open = Vec::new();
        for _ in 0..caller.random.usize(1..IN_FLIGHT) {
            pace.wait();
            let call = caller.start();
            open.extend(caller.meddle(call));
        }
        pollster::block_on(async {
            for call in open {
                caller.until_ended(call).await;
            }
        });
    }
}

/// Large messages in both directions, a few at once.
pub(super) fn large(caller: &mut Caller, pace: &mut Pace, is_ending: &AtomicBool) {
    while !is_ending.load(Ordering::Relaxed) {
        let mut open = Vec::new();
        for _ in 0..caller.random.usize(1..4) {
            pace.wait();
            let is_upload = caller.random.bool();
            let call = if is_upload { caller.start_put(LARGE) } else { caller.start_get(LARGE) };
            open.extend(caller.meddle(call));
        }
        open.into_iter().for_each(|call| caller.wait(call));
    }
}
