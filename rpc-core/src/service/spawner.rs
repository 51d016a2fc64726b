//! Futures of handlers that an executor of the user's polls.

use core::fmt;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::answer::Handler;
use super::keeper::Debt;
use super::registry::{panic_message, shielded};
use crate::endpoint::server::Finished;

/// The future of one call, as `spawn_on` hands it to an executor.
///
/// Whatever becomes of it becomes of the call: when it ends, the call is answered; when it is dropped
/// before, the caller is told so.
pub type CallFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How futures get to an executor.
#[derive(Clone)]
pub struct Spawner(Arc<dyn Fn(CallFuture) + Send + Sync>);

impl Spawner {
    /// Hands futures to `spawn`, which gives a handle of the task or nothing.
    pub fn new<R>(spawn: impl Fn(CallFuture) -> R + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |future| drop(spawn(future))))
    }

    pub(super) fn spawn(&self, handler: Handler, debt: Debt) {
        (self.0)(Box::pin(Spawned { handler: Some(handler), debt: Some(debt) }));
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spawner")
    }
}

/// A handler's future, and the duty to answer with what it ends with.
struct Spawned {
    /// Both are there until it has ended.
    handler: Option<Handler>,
    debt: Option<Debt>,
}

impl Future for Spawned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        let Self { handler: Some(handler), debt: Some(debt) } = &mut *self else {
            return Poll::Ready(());
        };
        let Poll::Ready(finished) = poll_handler(handler, debt.context(), task) else {
            return Poll::Pending;
        };
        let debt = self.debt.take();
        self.discard();
        if let Some(debt) = debt {
            debt.pay(finished);
        }
        Poll::Ready(())
    }
}

impl Spawned {
    fn discard(&mut self) {
        if let Some(handler) = self.handler.take() {
            discard(handler);
        }
    }
}

/// First the future, whose destructor may still use what it holds, then the duty.
impl Drop for Spawned {
    fn drop(&mut self) {
        self.discard();
    }
}

/// Polls once in the scope of the call. A panic ends the call.
pub(super) fn poll_handler(
    handler: &mut Handler,
    context: &crate::context::Context,
    task: &mut TaskContext<'_>,
) -> Poll<Finished> {
    let poll = || context.scope(|| handler.as_mut().poll(task));
    match catch_unwind(AssertUnwindSafe(poll)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(answer)) => Poll::Ready(answer.into_finished()),
        Err(payload) => Poll::Ready(Finished::Panicked { message: panic_message(payload) }),
    }
}

/// Drops a future, whose destructor is the user's code.
pub(super) fn discard(handler: Handler) {
    shielded(move || drop(handler));
}
