//! What the threads of a server share under the lock: the endpoint, the work that waits, and which
//! thread does what.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use super::runtimes::Runtimes;
use super::seat::Role;
use super::wakeups::Wakeups;
use super::watchdog::Watchdog;
use crate::config::ServerConfig;
use crate::endpoint::ServerEndpoint;
use crate::endpoint::server::{CallToken, Finished, Ready};
use crate::service::{Dispatched, Task, Tasks};
use crate::sync::thread::Thread;
use crate::time::Timestamp;

/// How long calls may wait for the leader while workers are idle.
const LONGEST_WAIT: Duration = Duration::from_micros(200);

/// How many thresholds the watchdog waits at most, when no handler has outlasted one for long.
const MOST_THRESHOLDS: u32 = 8;

/// A server's endpoint and what its threads are doing.
pub(super) struct ServerRole {
    pub(super) endpoint: ServerEndpoint,
    pub(super) runtimes: Runtimes,
    pub(super) watchdog: Arc<Watchdog>,
    pub(super) workers: usize,
    pub(super) threads: usize,
    /// Handlers that run.
    pub(super) busy: usize,
    /// Handlers among them that wait for calls to this very server.
    pub(super) waiting_inside: usize,
    /// Since when the last leader has been in a handler. `None`: it does not come back.
    pub(super) left_at: Option<Timestamp>,
    pub(super) idle: Vec<Thread>,
    pub(super) has_standby: bool,
    pub(super) watchdog_is_set: bool,
    /// After how long it rings.
    watchdog_period: Duration,
    /// Whether a thread is on its way to take a call.
    pub(super) is_summoned: bool,
    /// Futures that answer calls.
    pub(super) tasks: Tasks,
    pub(super) shutdowns: usize,
    pub(super) is_stopping: bool,
    pub(super) failure: Option<io::Error>,
}

impl Role for ServerRole {
    type Machine = ServerEndpoint;

    fn machine(&mut self) -> &mut ServerEndpoint {
        &mut self.endpoint
    }

    fn on_death(&mut self, wakeups: &mut Wakeups) {
        self.dismiss(wakeups);
        wakeups.discard_tasks(self.tasks.take_all());
    }
}

impl ServerRole {
    pub(super) fn new(endpoint: ServerEndpoint, config: &ServerConfig) -> io::Result<Self> {
        Ok(Self {
            endpoint,
            runtimes: Runtimes::default(),
            watchdog: Arc::new(Watchdog::new()?),
            workers: config.workers,
            threads: 0,
            busy: 0,
            waiting_inside: 0,
            left_at: None,
            idle: Vec::new(),
            has_standby: false,
            watchdog_is_set: false,
            watchdog_period: config.handler_threshold,
            is_summoned: false,
            tasks: Tasks::default(),
            shutdowns: 0,
            is_stopping: false,
            failure: None,
        })
    }

    /// Takes the next call or woken future, if a worker may run it.
    #[inline]
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Job> {
        if self.busy >= self.workers {
            return None;
        }
        let call = if self.next_task().is_none() { self.endpoint.take_ready(now) } else { None };
        let job = match call {
            Some(ready) => {
                self.tasks.on_call_taken();
                Job::Call(ready)
            }
            None => Job::Task(self.tasks.take()?),
        };
        self.busy += 1;
        Some(job)
    }

    /// The method of a call that may run although every worker is busy: one such call at a time, whose method is
    /// known to be short. There is a thread for it.
    pub(super) fn peek_extra(&self, threshold: Duration) -> Option<(usize, u32)> {
        if self.busy != self.workers {
            return None;
        }
        self.endpoint.peek_ready_of(|method| self.runtimes.is_short(method, threshold))
    }

    /// Takes that call.
    fn take_extra(&mut self, now: Timestamp, threshold: Duration) -> Option<Job> {
        if self.busy != self.workers {
            return None;
        }
        let Self { endpoint, runtimes, .. } = self;
        let ready = endpoint.take_ready_of(now, |method| runtimes.is_short(method, threshold))?;
        self.tasks.on_call_taken();
        self.busy += 1;
        Some(Job::Call(ready))
    }

    /// Takes whatever may run now, by a worker or beyond them. A thread that does not lead and has ended a handler
    /// does so, too: the leader may sleep, since there was nobody to run it.
    pub(super) fn take_any(&mut self, now: Timestamp, threshold: Duration) -> Option<Job> {
        match self.take(now) {
            None => self.take_extra(now, threshold),
            job => job,
        }
    }

    /// Whether the leader should look again at once, since something waits that could run.
    pub(super) fn has_more(&self, threshold: Duration) -> bool {
        let has_worker = self.busy < self.workers && !self.is_summoned && self.peek().is_some();
        has_worker || self.peek_extra(threshold).is_some()
    }

    /// The method of what would be taken next.
    pub(super) fn peek(&self) -> Option<(usize, u32)> {
        match self.next_task() {
            Some(task) => Some(task.method()),
            None => self.endpoint.peek_ready(),
        }
    }

    fn next_task(&self) -> Option<&Task> {
        self.tasks.next(|| self.endpoint.peek_ready().is_some())
    }

    /// Notes that a call is answered later. Gives what is to be dropped when the lock is free.
    #[must_use = "it must be dropped when the lock is free"]
    pub(super) fn put_off(
        &mut self,
        now: Timestamp,
        token: CallToken,
        later: Dispatched,
    ) -> Option<Arc<Task>> {
        // It may have been answered meanwhile.
        let is_open = self.endpoint.suspend(token);
        if is_open { self.tasks.keep(now, token, later) } else { later.into_task() }
    }

    /// Records what became of a call.
    #[inline]
    pub(super) fn complete(&mut self, token: CallToken, finished: Finished) {
        self.endpoint.complete(token, finished);
        self.tasks.forget(token);
    }

    /// Whether handlers run, or calls can be taken that have not run.
    pub(super) fn has_work(&self) -> bool {
        let endpoint = &self.endpoint;
        endpoint.running() > endpoint.suspended() || endpoint.peek_ready().is_some()
    }

    /// Whether somebody other than the last leader should lead now.
    pub(super) fn is_abandoned(&self, now: Timestamp, threshold: Duration) -> bool {
        self.left_at.is_none_or(|left_at| now.since(left_at) >= threshold)
    }

    /// Whether the calls that wait should not wait for the leader, who runs one after the other.
    pub(super) fn is_backed_up(
        &self,
        now: Timestamp,
        next: (usize, u32),
        threshold: Duration,
    ) -> bool {
        let woken = self.tasks.oldest().unwrap_or(now);
        let oldest = self.endpoint.oldest_queued().map_or(woken, |since| since.min(woken));
        if now > oldest + LONGEST_WAIT {
            return true;
        }
        let usual = self.runtimes.usual(next).unwrap_or_default();
        let queued = self.endpoint.queued() + self.tasks.woken();
        usual > threshold || usual.as_nanos() * queued as u128 > LONGEST_WAIT.as_nanos()
    }

    /// The watchdog, if it has to be set, and after how long it is to ring: it is set once, for as long as it
    /// takes to ring.
    pub(super) fn engage_watchdog(&mut self) -> Option<(Arc<Watchdog>, Duration)> {
        let is_set = core::mem::replace(&mut self.watchdog_is_set, true);
        (!is_set).then(|| (Arc::clone(&self.watchdog), self.watchdog_period))
    }

    /// The watchdog has rung. While it does so in vain it rings less often, for it delays the calls that are
    /// being answered.
    pub(super) fn disengage_watchdog(&mut self, is_in_vain: bool, threshold: Duration) {
        self.watchdog_is_set = false;
        self.watchdog_period = match is_in_vain {
            true => (self.watchdog_period * 2).min(threshold.saturating_mul(MOST_THRESHOLDS)),
            false => threshold,
        };
    }

    /// Brings in one more thread to run a call.
    pub(super) fn summon(&mut self, wakeups: &mut Wakeups) {
        if self.is_summoned {
            return;
        }
        if let Some(thread) = self.idle.pop() {
            wakeups.add_thread(thread);
        } else if self.has_standby {
            self.watchdog_is_set = true;
            wakeups.ring(&self.watchdog);
        } else {
            // Every thread is in a handler or on its way out of one, and will look for itself.
            return;
        }
        self.is_summoned = true;
    }

    /// Somebody has to stand by. To be called by whoever goes to work.
    pub(super) fn appoint_standby(&mut self, wakeups: &mut Wakeups) {
        if !self.has_standby
            && let Some(thread) = self.idle.pop()
        {
            wakeups.add_thread(thread);
        }
    }

    /// Makes every thread look that does not look anyway.
    pub(super) fn dismiss(&mut self, wakeups: &mut Wakeups) {
        for thread in self.idle.drain(..) {
            wakeups.add_thread(thread);
        }
        wakeups.ring(&self.watchdog);
    }
}

/// Something for a worker to do.
pub(super) enum Job {
    /// A call that was taken.
    Call(Ready),
    /// A future that was woken.
    Task(Arc<Task>),
}

impl Job {
    /// The service and the method.
    pub(super) fn method(&self) -> (usize, u32) {
        match self {
            Self::Call(ready) => (ready.service, ready.method),
            Self::Task(task) => task.method(),
        }
    }
}
