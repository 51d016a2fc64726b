//! The alarm of a server's standby: time passes for whoever waits for it.

use core::time::Duration;
use std::io;

use super::clock::SystemClock;
use crate::sync::{Condvar, Mutex};
use crate::time::{Clock, Timestamp};

/// Rings at any moment after it was set, and the clock agrees.
#[derive(Default)]
pub(super) struct Watchdog {
    due: Mutex<Option<Timestamp>>,
    changed: Condvar,
}

impl Watchdog {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self::default())
    }

    pub(super) fn set(&self, time: Duration) {
        *self.due.lock() = Some(SystemClock.now() + time);
        self.changed.notify_all();
    }

    pub(super) fn wait(&self) {
        let mut due = self.due.lock();
        loop {
            if let Some(time) = due.take() {
                return SystemClock::advance(time);
            }
            self.changed.wait(&mut due);
        }
    }
}
