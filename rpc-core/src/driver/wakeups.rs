//! Who is to be woken once the lock is free.

use core::time::Duration;
use std::sync::Arc;
use std::task::Waker;

use super::watchdog::Watchdog;
use crate::service::{Task, shielded};
use crate::sync::thread::Thread;
use crate::time::Timestamp;

/// Threads and tasks that have been chosen under the lock and are woken without it.
#[derive(Default)]
pub(super) struct Wakeups {
    threads: Vec<Thread>,
    tasks: Vec<Waker>,
    starts_background: bool,
    /// When a client is to be looked after that nobody drives.
    look_at: Option<Timestamp>,
    alarm: Option<Arc<Watchdog>>,
    /// Futures of calls that nobody will be told of.
    discarded: Vec<Arc<Task>>,
}

impl Wakeups {
    pub(super) fn add_thread(&mut self, thread: Thread) {
        self.threads.push(thread);
    }

    pub(super) fn add_task(&mut self, task: Waker) {
        self.tasks.push(task);
    }

    /// Rings the alarm that the standby thread of a server sleeps on.
    pub(super) fn ring(&mut self, alarm: &Arc<Watchdog>) {
        self.alarm = Some(Arc::clone(alarm));
    }

    /// Lets futures be dropped.
    pub(super) fn discard_tasks(&mut self, tasks: Vec<Arc<Task>>) {
        self.discarded = tasks;
    }

    /// Asks for the background thread of a client to be started.
    pub(super) fn start_background(&mut self) {
        self.starts_background = true;
    }

    /// Whether that was asked since this was last called.
    pub(super) fn take_start(&mut self) -> bool {
        core::mem::take(&mut self.starts_background)
    }

    /// Asks that a client be looked after at this time.
    pub(super) fn look_at(&mut self, time: Timestamp) {
        self.look_at = Some(time);
    }

    /// When, if that was asked since this was last called.
    pub(super) fn take_look(&mut self) -> Option<Timestamp> {
        self.look_at.take()
    }

    /// How many threads are to be woken.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Whether there is anything for [`wake_threads`](Self::wake_threads) to do.
    #[inline]
    pub(super) fn has_any(&self) -> bool {
        !self.threads.is_empty() || self.alarm.is_some()
    }

    /// Whether threads are to be woken.
    pub(super) fn has_threads(&self) -> bool {
        !self.threads.is_empty()
    }

    /// Whether waking runs code of the user, which must find the seat free.
    pub(super) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Wakes the threads, which runs nobody's code.
    pub(super) fn wake_threads(&mut self) {
        for thread in self.threads.drain(..) {
            thread.unpark();
        }
        if let Some(alarm) = self.alarm.take() {
            alarm.set(Duration::ZERO);
        }
    }

    /// Wakes everybody. The caller holds neither the lock nor the seat.
    pub(super) fn wake_all(&mut self) {
        self.wake_threads();
        for task in self.tasks.drain(..) {
            // A waker is the user's code, and its panic is no reason to lose the others.
            shielded(|| task.wake());
        }
        for task in self.discarded.drain(..) {
            task.discard();
        }
    }
}
