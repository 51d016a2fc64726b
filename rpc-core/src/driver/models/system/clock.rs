//! A clock that stands still, but for the sleeps that a model lets end by themselves.

use core::cell::Cell;

use crate::time::{Clock, Timestamp};

// A checker runs all threads of a model on one thread of the system. When time moves is no choice that it
// has to try: whoever moves it takes a lock just before.
std::thread_local! {
    static NOW: Cell<Timestamp> = const { Cell::new(Timestamp::ZERO) };
    static HORIZON: Cell<Timestamp> = const { Cell::new(Timestamp::ZERO) };
}

/// Where the time of a model begins.
pub(in crate::driver) const START: Timestamp = Timestamp::from_nanos(1_000_000_000);

/// Nanoseconds of the model.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemClock;

impl SystemClock {
    pub(super) fn new() -> Self {
        Self
    }

    /// Begins anew. Sleeps until `horizon` or earlier end by themselves; later ones do not, so that no
    /// timer makes good for a wake-up that was lost.
    pub(super) fn begin(horizon: Timestamp) {
        NOW.set(START);
        HORIZON.set(horizon);
    }

    /// Whether a sleep until `time` ends by itself.
    pub(super) fn reaches(time: Timestamp) -> bool {
        time <= HORIZON.get()
    }

    pub(super) fn advance(time: Timestamp) {
        NOW.set(time.max(NOW.get()));
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        NOW.get()
    }
}
