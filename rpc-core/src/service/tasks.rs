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
    #[inline]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::endpoint::server::Finished;
    use crate::service::{Answer, Keeper};

    /// A server that keeps nothing.
    struct Nobody;

    impl Keeper for Nobody {
        fn complete(&self, _token: CallToken, _finished: Finished) {}

        fn schedule(&self, _task: Arc<Task>) {}

        fn downgrade(&self) -> Weak<dyn Keeper> {
            Weak::<Self>::new()
        }
    }

    fn task(index: u32) -> Arc<Task> {
        let token = CallToken { index, generation: 0 };
        let handler = Box::pin(async { Answer::none() });
        Task::new(handler, Nobody.downgrade(), token, (0, 0), Context::test())
    }

    #[test]
    fn calls_and_futures_take_turns() {
        let mut tasks = Tasks::default();
        assert!(tasks.next(|| false).is_none());
        for index in 0..4 {
            tasks.wake(Timestamp::ZERO, task(index));
        }
        // Without a call, one future after the other.
        assert_eq!(tasks.next(|| false).map(|task| task.token().index), Some(0));
        assert_eq!(tasks.take().map(|task| task.token().index), Some(0));
        for index in 1..4 {
            // With calls, every other.
            assert!(tasks.next(|| true).is_none());
            tasks.on_call_taken();
            assert_eq!(tasks.next(|| true).map(|task| task.token().index), Some(index));
            assert_eq!(tasks.take().map(|task| task.token().index), Some(index));
        }
        assert_eq!(tasks.woken(), 0);
    }

    #[test]
    fn whatever_has_not_ended_is_given_at_the_end() {
        let mut tasks = Tasks::default();
        let (now, waiting, gone, woken) = (Timestamp::ZERO, task(0), task(1), task(2));
        for task in [&waiting, &gone] {
            let later = Dispatched::Idle(Arc::clone(task));
            assert!(
                tasks.keep(now, task.token(), later).is_some_and(|left| Arc::ptr_eq(&left, task))
            );
        }
        assert!(tasks.keep(now, woken.token(), Dispatched::Woken(Arc::clone(&woken))).is_none());
        // Nothing but its wakers keeps it.
        drop(gone);
        tasks.forget(waiting.token());
        assert_eq!(tasks.take_all().len(), 2, "the woken one is in both lists");
        assert!(tasks.take_all().is_empty());
    }
}
