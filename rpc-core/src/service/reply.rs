//! What a handler answers with that answers later.

use core::fmt;
use core::marker::PhantomData;

use super::answer::encode;
use super::keeper::Debt;
use crate::context::Context;
use crate::marshal::Marshal;

/// The answer of a call, still to be given: for a handler that knows its result later than it
/// returns.
///
/// A method asks for it with a last argument `#[reply] to: Reply<T>`, in place of its return value.
/// To the caller there is no difference. The handler keeps the `Reply`, or moves it to another
/// thread, and returns: its worker is free for other calls, while the caller is told that its call
/// is being worked on. [`send`](Self::send) answers, from any thread.
///
/// Exactly one answer is given. A `Reply` that is dropped unsent, on purpose or by a panic, ends the
/// call with [`CallErrorKind::ReplyDropped`](crate::CallErrorKind::ReplyDropped). It does not keep the
/// server alive: the answer of a server that was stopped goes nowhere.
///
/// Each waiting call counts towards
/// [`ServerConfig::maximum_suspended`](crate::ServerConfig::maximum_suspended).
///
/// ```
/// use std::sync::mpsc::{Receiver, Sender, channel};
/// use std::thread;
/// use farcall_core::Reply;
///
/// struct Doubler(Sender<(u32, Reply<u32>)>);
///
/// impl Doubler {
///     // In the trait: fn double(&self, n: u32, #[reply] to: Reply<u32>);
///     fn double(&self, n: u32, to: Reply<u32>) {
///         self.0.send((n, to)).unwrap();
///     }
/// }
///
/// // The thread that answers.
/// let (sender, jobs): (_, Receiver<(u32, Reply<u32>)>) = channel();
/// thread::spawn(move || {
///     for (n, to) in jobs {
///         if !to.context().is_cancelled() {
///             to.send(2 * n);
///         }
///     }
/// });
///
/// // A unit test needs no server.
/// let (to, pending) = Reply::pair();
/// Doubler(sender).double(21, to);
/// assert_eq!(pending.wait()?, 42);
/// # Ok::<(), farcall_core::CallError>(())
/// ```
#[must_use = "dropping it unsent ends the call without an answer"]
pub struct Reply<T> {
    debt: Debt,
    /// It takes a `T` and holds none.
    value: PhantomData<fn(T)>,
}

impl<T> Reply<T> {
    pub(crate) fn new(debt: Debt) -> Self {
        Self { debt, value: PhantomData }
    }

    /// What is known about the call: whether anybody still waits, and for how long. Its
    /// [`report`](Context::report) shows the caller how far the work has come.
    pub fn context(&self) -> &Context {
        self.debt.context()
    }
}

#[cfg(test)]
impl<T> Reply<T> {
    pub(crate) fn into_debt(self) -> Debt {
        self.debt
    }
}

impl<T: Marshal> Reply<T> {
    /// Answers the call. The reply goes out at once, from this thread; nothing waits for the caller.
    pub fn send(self, value: T) {
        self.debt.pay(encode(value));
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("context", self.context()).finish()
    }
}
