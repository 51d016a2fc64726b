//! Answers that come later than the handler's end: who takes them, and the duty to give one.

use std::sync::{Arc, Weak};

use super::task::Task;
use crate::context::Context;
use crate::endpoint::server::{CallToken, Finished};

/// A server, as the calls see it that are answered after their handlers have returned.
///
/// They hold it weakly: a server that is gone needs no answers.
pub trait Keeper: Send + Sync {
    /// Takes the result of a call, on whatever thread. The first one counts; the result of a call
    /// whose lane or session has moved on, and of a server that has stopped, is dropped.
    fn complete(&self, token: CallToken, finished: Finished);

    /// Lets the future of a call be polled soon. It is dropped instead if the server has stopped.
    fn schedule(&self, task: Arc<Task>);

    /// A handle of the server that does not keep it alive.
    fn downgrade(&self) -> Weak<dyn Keeper>;
}

/// The duty to answer one call, wherever it goes. Dropped, it records that there is no answer.
pub(crate) struct Debt {
    keeper: Weak<dyn Keeper>,
    token: CallToken,
    context: Context,
    is_open: bool,
}

impl Debt {
    pub(crate) fn new(keeper: Weak<dyn Keeper>, token: CallToken, context: Context) -> Self {
        Self { keeper, token, context, is_open: true }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Answers the call.
    pub(crate) fn pay(mut self, finished: Finished) {
        self.settle(finished);
    }

    fn settle(&mut self, finished: Finished) {
        self.is_open = false;
        #[cfg(feature = "tracing")]
        super::span::end(&self.context, &finished);
        if let Some(keeper) = self.keeper.upgrade() {
            keeper.complete(self.token, finished);
        }
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        // A handler that panics ends its call as a panic, which says more. It does so itself, unless
        // it has ended without one.
        let is_left = || std::thread::panicking() && self.context.lose_reply();
        if self.is_open && !is_left() {
            self.settle(Finished::Dropped);
        }
    }
}
