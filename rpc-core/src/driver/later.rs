//! Answers that come after the handler's end: from other threads, and from futures.

use std::sync::{Arc, Weak};

use super::wakeups::Wakeups;
use super::worker::{Guard, ServerLoop};
use crate::endpoint::server::{CallToken, Finished};
use crate::service::{Dispatched, Keeper, Task};
use crate::sync::MutexGuard;
use crate::time::Timestamp;

impl ServerLoop {
    /// Notes that a call, whose handler has just run, is answered later.
    #[cold]
    pub(super) fn put_off(
        &self,
        core: &mut Guard<'_>,
        now: Timestamp,
        token: CallToken,
        later: Dispatched,
    ) {
        let is_over = core.role.is_stopping || core.is_dead();
        let left = if is_over { later.into_task() } else { core.role.put_off(now, token, later) };
        if let Some(task) = left {
            MutexGuard::unlocked(core, || {
                if is_over {
                    task.discard();
                }
                // If nobody is left to wake it, its call ends here.
                drop(task);
            });
        }
    }
}

/// Cold, so that what a handler does that answers at once is laid out as if there were nothing else.
impl Keeper for ServerLoop {
    #[cold]
    fn complete(&self, token: CallToken, finished: Finished) {
        let mut wakeups = Wakeups::default();
        let mut core = self.shared.lock();
        if core.is_dead() {
            return;
        }
        let now = self.shared.now();
        core.role.complete(token, finished);
        self.notify_shutdowns(&core);
        // It may have made room for calls that nobody is awake to take.
        self.share(&mut core, now, &mut wakeups);
        drop(self.shared.flush(core, now));
        wakeups.wake_threads();
    }

    fn schedule(&self, task: Arc<Task>) {
        let mut wakeups = Wakeups::default();
        let mut core = self.shared.lock();
        if core.role.is_stopping || core.is_dead() {
            drop(core);
            return task.discard();
        }
        let now = self.shared.now();
        core.role.tasks.wake(now, task);
        self.share(&mut core, now, &mut wakeups);
        drop(core);
        wakeups.wake_threads();
    }

    fn downgrade(&self) -> Weak<dyn Keeper> {
        Weak::clone(&self.me) as Weak<dyn Keeper>
    }
}
