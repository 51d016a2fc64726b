//! A call under way.

use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use core::time::Duration;

use super::client::Ticket;
use crate::endpoint::client::{CallStatus, Completion};
use crate::error::CallError;
use crate::marshal::Unmarshal;

/// A call that was started and whose result, of type `T`, is still to come.
///
/// It can be waited for, polled, cancelled, or awaited on any executor. The call was encoded and
/// submitted before this handle was made, so nothing is borrowed any more, and whatever goes wrong
/// shows in the result.
///
/// Dropping it cancels: a call that has not begun will not begin; one that runs goes on, and its
/// result is thrown away. [`detach`](Self::detach) lets it go on instead.
#[must_use = "dropping it cancels the call; `wait` for it, await it or `detach` it"]
pub struct Pending<T> {
    /// `None` once the result was given out.
    ticket: Option<Ticket>,
    result: PhantomData<fn() -> T>,
}

impl<T> Pending<T>
where
    T: for<'a> Unmarshal<'a>,
{
    pub(super) fn new(ticket: Ticket) -> Self {
        Self { ticket: Some(ticket), result: PhantomData }
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// Whatever happened to the call.
    ///
    /// # Panics
    /// If the result was given out before.
    pub fn wait(mut self) -> Result<T, CallError> {
        loop {
            if let Some(result) = self.wait_for(None) {
                return result;
            }
        }
    }

    /// Waits for the result, but no longer than `timeout`. `None` means that it is still to come.
    ///
    /// The call's own deadline is not changed by this.
    ///
    /// # Panics
    /// If the result was given out before.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<T, CallError>> {
        self.wait_for(Some(timeout))
    }

    /// The result, if it has come. Never blocks.
    ///
    /// # Panics
    /// If the result was given out before.
    pub fn try_wait(&mut self) -> Option<Result<T, CallError>> {
        let ticket = self.ticket();
        let completion = ticket.host.try_wait(ticket.key)?;
        Some(self.conclude(completion))
    }

    /// How far the call has come.
    pub fn status(&self) -> CallStatus {
        match &self.ticket {
            Some(ticket) => ticket.host.status(ticket.key),
            None => CallStatus::Finished,
        }
    }

    /// Asks that the call not run. The result still comes: an error that says `NotExecuted` if it had
    /// not begun, an error that says `Executed` if it had, or its result if that was faster.
    pub fn cancel(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.host.cancel(ticket.key);
        }
    }

    /// Lets the call go on without anybody waiting for it.
    pub fn detach(mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.detach();
        }
    }

    fn ticket(&self) -> &Ticket {
        self.ticket.as_ref().expect("the result of this call was given out before")
    }

    fn wait_for(&mut self, timeout: Option<Duration>) -> Option<Result<T, CallError>> {
        let ticket = self.ticket();
        let completion = ticket.host.wait(ticket.key, timeout)?;
        Some(self.conclude(completion))
    }

    fn conclude(&mut self, completion: Completion) -> Result<T, CallError> {
        self.ticket.take().expect("it was there just now").conclude(completion)
    }
}

impl<T> Future for Pending<T>
where
    T: for<'a> Unmarshal<'a>,
{
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let ticket = self.ticket();
        match ticket.host.poll(ticket.key, context.waker()) {
            Poll::Ready(completion) => Poll::Ready(self.conclude(completion)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.ticket.as_ref().map(|ticket| ticket.host.status(ticket.key));
        f.debug_struct("Pending").field("status", &status).finish()
    }
}
