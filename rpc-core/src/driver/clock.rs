//! The system's clock. Nothing else in this crate reads it, but for contexts that belong to no
//! endpoint.

use std::time::Instant;

use crate::time::{Clock, Timestamp};

/// Nanoseconds since this value was made, on the system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemClock(Instant);

impl SystemClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    /// The same time for whoever has another clock. `None` if it is too far away for the system.
    pub(super) fn instant(&self, time: Timestamp) -> Option<Instant> {
        self.0.checked_add(time.since(Timestamp::ZERO))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.0.elapsed()
    }
}
