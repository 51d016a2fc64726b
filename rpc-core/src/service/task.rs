//! Futures of handlers that the server's own workers poll.

use core::fmt;
use core::task::{Context as TaskContext, Poll, Waker};
use std::sync::{Arc, Weak};
use std::task::Wake;

use super::answer::Handler;
use super::keeper::Keeper;
use super::registry::Dispatched;
use super::spawner::{discard, poll_handler};
use crate::context::Context;
use crate::endpoint::server::{CallToken, Finished};
use crate::sync::Mutex;

/// The future of one call.
///
/// It is kept alive by its wakers and, while it waits to be polled, by the server's queue. A future
/// that nobody can wake any more is dropped, and its call ends without an answer.
pub struct Task {
    stage: Mutex<Stage>,
    keeper: Weak<dyn Keeper>,
    token: CallToken,
    /// The service and the method.
    method: (usize, u32),
    context: Context,
}

/// Where the future is. It is taken out while it is polled, so that no lock is held then.
enum Stage {
    /// It waits to be woken.
    Idle(Handler),
    /// It was woken and waits to be polled.
    Woken(Handler),
    /// It is being polled.
    Polled,
    /// It is being polled and was woken meanwhile.
    PolledAndWoken,
    /// It is gone.
    Over,
}

/// What one poll came to.
enum Progress {
    /// It has ended.
    Finished(Finished),
    /// It waits to be woken.
    Idle,
    /// It was woken while it was polled, and is to be polled again.
    Woken,
    /// It was discarded while it was polled.
    Discarded,
}

impl Task {
    pub(super) fn new(
        handler: Handler,
        keeper: Weak<dyn Keeper>,
        token: CallToken,
        method: (usize, u32),
        context: Context,
    ) -> Arc<Self> {
        let stage = Mutex::new(Stage::Woken(handler));
        Arc::new(Self { stage, keeper, token, method, context })
    }

    /// The call that it answers.
    pub fn token(&self) -> CallToken {
        self.token
    }

    /// The service and the method of the call.
    pub fn method(&self) -> (usize, u32) {
        self.method
    }

    /// Polls it once, if it was woken.
    fn poll(self: &Arc<Self>) -> Progress {
        let Some(mut handler) = self.take_woken() else { return Progress::Discarded };
        let waker = Waker::from(Arc::clone(self));
        let polled =
            poll_handler(&mut handler, &self.context, &mut TaskContext::from_waker(&waker));
        let mut stage = self.stage.lock();
        let progress = match (polled, &*stage) {
            (Poll::Pending, Stage::Polled) => {
                *stage = Stage::Idle(handler);
                return Progress::Idle;
            }
            (Poll::Pending, Stage::PolledAndWoken) => {
                *stage = Stage::Woken(handler);
                return Progress::Woken;
            }
            (Poll::Pending, _) => Progress::Discarded,
            (Poll::Ready(finished), _) => Progress::Finished(finished),
        };
        *stage = Stage::Over;
        drop(stage);
        discard(handler);
        progress
    }

    /// Polls it once, if it was woken, and says what that means for the call.
    pub fn resume(self: Arc<Self>) -> Dispatched {
        match self.poll() {
            Progress::Finished(finished) => {
                #[cfg(feature = "tracing")]
                super::span::end(&self.context, &finished);
                Dispatched::Finished(finished)
            }
            Progress::Woken => Dispatched::Woken(self),
            Progress::Idle | Progress::Discarded => Dispatched::Idle(self),
        }
    }

    fn take_woken(&self) -> Option<Handler> {
        let mut stage = self.stage.lock();
        match core::mem::replace(&mut *stage, Stage::Polled) {
            Stage::Woken(handler) => Some(handler),
            other => {
                *stage = other;
                None
            }
        }
    }

    /// Drops the future without polling it again. One that is being polled is dropped after that.
    pub fn discard(&self) {
        let stage = core::mem::replace(&mut *self.stage.lock(), Stage::Over);
        if let Stage::Idle(handler) | Stage::Woken(handler) = stage {
            discard(handler);
        }
    }

    /// Marks it as woken. True if it has to be lined up for that.
    fn note_wake(&self) -> bool {
        let mut stage = self.stage.lock();
        let (next, is_new) = match core::mem::replace(&mut *stage, Stage::Over) {
            Stage::Idle(handler) => (Stage::Woken(handler), true),
            Stage::Polled => (Stage::PolledAndWoken, false),
            other => (other, false),
        };
        *stage = next;
        is_new
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !self.note_wake() {
            return;
        }
        match self.keeper.upgrade() {
            Some(keeper) => keeper.schedule(self),
            None => self.discard(),
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.note_wake() {
            return;
        }
        match self.keeper.upgrade() {
            Some(keeper) => keeper.schedule(Arc::clone(self)),
            None => self.discard(),
        }
    }
}

/// Nobody can wake it any more.
impl Drop for Task {
    fn drop(&mut self) {
        let stage = core::mem::replace(self.stage.get_mut(), Stage::Over);
        let (Stage::Idle(handler) | Stage::Woken(handler)) = stage else { return };
        discard(handler);
        #[cfg(feature = "tracing")]
        super::span::end(&self.context, &Finished::Dropped);
        if let Some(keeper) = self.keeper.upgrade() {
            keeper.complete(self.token, Finished::Dropped);
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("token", &self.token).finish_non_exhaustive()
    }
}
