//! The futures of one server: those that wait to be polled, and those that wait to be woken.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

use super::registry::Dispatched;
use super::task::Task;
use crate::endpoint::server::CallToken;
use crate::time::Timestamp;

/// The futures of a server, under its lock.
///
/// Nothing here is dropped that could run the user's code: whatever is given out has to be dropped
/// when the lock is free.
#[derive(Debug, Default)]
pub struct Tasks {
    /// Woken, since when, and polled in this order.
    woken: VecDeque<(Timestamp, Arc<Task>)>,
    /// Not ended. They are kept alive by who will wake them; this is for the server's end.
    waiting: BTreeMap<CallToken, Weak<Task>>,
    /// Whether a woken future comes before the next call. They take turns, so that neither a crowd of
    /// calls nor a future that wakes itself keeps the others waiting.
    has_turn: bool,
}

impl Tasks {
    /// A future was woken.
    pub fn wake(&mut self, now: Timestamp, task: Arc<Task>) {
        self.woken.push_back((now, task));
    }

    /// How many wait to be polled.
    pub fn woken(&self) -> usize {
        self.woken.len()
    }

    /// Since when the first of them has waited.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.woken.front().map(|&(since, _)| since)
    }

    /// The one that is polled next, if that is what a worker does next.
    pub fn next(&self, is_call_ready: impl FnOnce() -> bool) -> Option<&Task> {
        let (_, task) = self.woken.front()?;
        (self.has_turn || !is_call_ready()).then_some(task)
    }

    /// Takes the next one to be polled.
    pub fn take(&mut self) -> Option<Arc<Task>> {
        self.has_turn = false;
        self.woken.pop_front().map(|(_, task)| task)
    }

    /// A worker has taken a call.
    pub fn on_call_taken(&mut self) {
        self.has_turn = true;
    }

    /// Keeps what answers a call later. Gives what is to be dropped when the lock is free.
    #[must_use = "it must be dropped when the lock is free"]
    pub fn keep(
        &mut self,
        now: Timestamp,
        token: CallToken,
        later: Dispatched,
    ) -> Option<Arc<Task>> {
        let is_woken = matches!(later, Dispatched::Woken(_));
        let task = later.into_task()?;
        self.waiting.insert(token, Arc::downgrade(&task));
        if !is_woken {
            return Some(task);
        }
        self.wake(now, task);
        None
    }

    /// A call has been answered.
    pub fn forget(&mut self, token: CallToken) {
        if !self.waiting.is_empty() {
            self.waiting.remove(&token);
        }
    }

    /// Gives all futures, to be discarded when the lock is free.
    #[must_use = "they must be discarded when the lock is free"]
    pub fn take_all(&mut self) -> Vec<Arc<Task>> {
        let waiting = core::mem::take(&mut self.waiting);
        let mut tasks: Vec<_> = waiting.values().filter_map(Weak::upgrade).collect();
        tasks.extend(self.woken.drain(..).map(|(_, task)| task));
        tasks
    }
}
