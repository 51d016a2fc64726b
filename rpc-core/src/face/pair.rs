//! A [`Reply`] and the [`Pending`] that waits for it, without a client, a server and a network
//! between them.

use core::task::{Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};

use super::client::Ticket;
use super::pending::Pending;
use crate::context::Context;
use crate::endpoint::client::{CallKey, CallStatus, Completion, Failure, Transfer};
use crate::endpoint::server::{CallToken, Finished};
use crate::error::{CallErrorKind, Outcome, Settlement};
use crate::host::CallHost;
use crate::marshal::Unmarshal;
use crate::service::{Debt, Interface, Keeper, Method, Reply, Task};

static METHOD: Method = Method::new("pair", 0, |_| {});
static INTERFACE: Interface = Interface::new("Reply", &[&METHOD]);

/// The only call that there is.
const KEY: CallKey = CallKey { index: 0, generation: 0 };
const TOKEN: CallToken = CallToken { index: 0, generation: 0 };

impl<T> Reply<T>
where
    T: for<'a> Unmarshal<'a>,
{
    /// A reply, and the handle of the call that it answers: for unit tests of handlers, which need no
    /// server then.
    ///
    /// The value is encoded and decoded on its way. The call has no deadline and no peer. Cancelling or
    /// dropping the [`Pending`] cancels the [`context`](Self::context) of the reply.
    ///
    /// ```
    /// use farcall_core::{CallErrorKind, Outcome, Reply};
    ///
    /// let (to, pending) = Reply::<String>::pair();
    /// to.send("done".to_owned());
    /// assert_eq!(pending.wait()?, "done");
    ///
    /// let (to, pending) = Reply::<String>::pair();
    /// drop(to);
    /// let error = pending.wait().unwrap_err();
    /// assert_eq!(error.outcome(), Outcome::Executed);
    /// assert_eq!(error.kind(), &CallErrorKind::ReplyDropped);
    ///
    /// let (to, pending) = Reply::<String>::pair();
    /// drop(pending);
    /// assert!(to.context().is_cancelled());
    /// # Ok::<(), farcall_core::CallError>(())
    /// ```
    pub fn pair() -> (Self, Pending<T>) {
        let pair = Arc::new_cyclic(|me| Pair {
            me: Weak::clone(me),
            context: Context::test(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        pair.context.enter();
        // There is no handler that could still return.
        pair.context.end_handler();
        let reply = Self::new(Debt::new(pair.downgrade(), TOKEN, pair.context.clone()));
        (reply, Pending::new(Ticket::of(pair, KEY, &INTERFACE, &METHOD)))
    }
}

/// Client and server of one call.
struct Pair {
    me: Weak<Self>,
    context: Context,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    completion: Option<Completion>,
    waker: Option<Waker>,
}

impl Pair {
    /// Ends the call, unless it has ended.
    fn end(&self, completion: Completion) {
        let mut state = self.state.lock();
        if state.completion.is_some() {
            return;
        }
        state.completion = Some(completion);
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Keeper for Pair {
    fn complete(&self, _token: CallToken, finished: Finished) {
        let outcome = Outcome::Executed;
        self.end(match finished {
            Finished::Reply(reply) => Ok(reply.into_bytes()),
            Finished::Unencodable { detail } => {
                Err(Failure { outcome, kind: CallErrorKind::UnencodableReply { detail } })
            }
            _ => Err(Failure { outcome, kind: CallErrorKind::ReplyDropped }),
        });
    }

    fn schedule(&self, task: Arc<Task>) {
        task.discard();
    }

    fn downgrade(&self) -> Weak<dyn Keeper> {
        Weak::clone(&self.me) as Weak<dyn Keeper>
    }
}

impl CallHost for Pair {
    fn wait(&self, _key: CallKey, timeout: Option<Duration>) -> Option<Completion> {
        let mut state = self.state.lock();
        let is_open = |state: &mut State| state.completion.is_none();
        match timeout {
            Some(timeout) => drop(self.changed.wait_while_for(&mut state, is_open, timeout)),
            None => self.changed.wait_while(&mut state, is_open),
        }
        state.completion.clone()
    }

    fn poll(&self, _key: CallKey, waker: &Waker) -> Poll<Completion> {
        // Cloning and dropping wakers is the user's code, and must not happen under the lock.
        let waker = waker.clone();
        let mut state = self.state.lock();
        if let Some(completion) = &state.completion {
            return Poll::Ready(completion.clone());
        }
        let replaced = state.waker.replace(waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    fn try_wait(&self, _key: CallKey) -> Option<Completion> {
        self.state.lock().completion.clone()
    }

    /// As when the server has answered that the call runs.
    fn cancel(&self, _key: CallKey) {
        self.context.cancel();
        self.end(Err(Failure { outcome: Outcome::Executed, kind: CallErrorKind::Cancelled }));
    }

    fn release(&self, _key: CallKey) {
        self.context.cancel();
    }

    fn release_ended(&self, _key: CallKey) {}

    fn detach(&self, _key: CallKey) {}

    fn status(&self, _key: CallKey) -> CallStatus {
        if self.state.lock().completion.is_some() {
            return CallStatus::Finished;
        }
        let progress = self.context.progress();
        let (done, total) = progress.unwrap_or_default();
        let reported = progress.map(|_| Duration::ZERO);
        CallStatus::Running { elapsed: Duration::ZERO, reported, done, total }
    }

    fn transfer(&self, _key: CallKey) -> Transfer {
        Transfer::default()
    }

    fn settle(&self, _key: CallKey, _timeout: Duration) -> Settlement {
        Settlement::Open
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a reply comes from another thread")]
mod tests {
    use core::task::Context as TaskContext;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::thread;

    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn a_value_goes_through_its_encoding_to_whoever_waits() {
        let (to, pending) = Reply::<Vec<String>>::pair();
        let value = vec!["a".to_owned(), String::new()];
        let sent = value.clone();
        let sending = thread::spawn(move || to.send(sent));
        assert_eq!(pending.wait().unwrap(), value);
        sending.join().unwrap();
        // A reply of another type is what a server of another version would send.
        let (to, mut pending) = Reply::<u32>::pair();
        assert!(pending.try_wait().is_none());
        assert!(pending.wait_timeout(SOON).is_none());
        to.into_debt().pay(Finished::Reply(bytes::Bytes::from_static(b"five!").into()));
        let error = pending.try_wait().expect("it has ended").unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::UndecodableReply(_)), "{error}");
        assert_eq!(error.outcome(), Outcome::Executed);
    }

    #[test]
    fn the_caller_sees_the_progress_and_may_give_up() {
        let (to, mut pending) = Reply::<u32>::pair();
        to.context().report(1, 4);
        assert!(matches!(pending.status(), CallStatus::Running { done: 1, total: 4, .. }));
        pending.cancel();
        assert!(to.context().is_cancelled());
        to.send(5);
        let error = pending.wait_timeout(SOON).expect("it has ended").unwrap_err();
        assert_eq!((error.outcome(), error.kind()), (Outcome::Executed, &CallErrorKind::Cancelled));
        assert_eq!(error.to_string(), "Reply.pair: the caller cancelled it; the call ran once");

        let (to, pending) = Reply::<u32>::pair();
        drop(pending);
        assert!(to.context().is_cancelled());
        to.send(5);
        let (to, pending) = Reply::<u32>::pair();
        pending.detach();
        assert!(!to.context().is_cancelled());
        // A call that has ended is not cancelled by the end of its handle.
        let (to, pending) = Reply::<u32>::pair();
        let context = to.context().clone();
        to.send(5);
        assert_eq!(pending.wait().unwrap(), 5);
        assert!(!context.is_cancelled());
    }

    #[test]
    fn it_can_be_awaited() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut task = TaskContext::from_waker(&waker);
        let (to, pending) = Reply::<u32>::pair();
        let mut pending = pin!(pending);
        assert!(pending.as_mut().poll(&mut task).is_pending());
        assert!(pending.as_mut().poll(&mut task).is_pending());
        to.send(7);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        let Poll::Ready(result) = pending.as_mut().poll(&mut task) else { panic!("it is ready") };
        assert_eq!(result.unwrap(), 7);
    }

    #[test]
    fn a_reply_that_a_panic_drops_ends_the_call() {
        let (to, pending) = Reply::<u32>::pair();
        let panicking = thread::spawn(move || {
            let _to = to;
            panic!("on purpose")
        });
        panicking.join().unwrap_err();
        assert_eq!(pending.wait().unwrap_err().kind(), &CallErrorKind::ReplyDropped);
    }

    #[test]
    fn replies_can_be_sent_and_shared_whatever_their_type() {
        fn is_both<T: Send + Sync>() {}
        is_both::<Reply<std::rc::Rc<core::cell::Cell<u32>>>>();
    }
}
