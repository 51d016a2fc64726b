//! What a handler can know about the call it is answering.

use core::cell::RefCell;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::time::{Clock, Timestamp};

/// The call that a handler is answering: who asked, how long is left, whether anybody still wants
/// the answer. It is also where the handler reports its progress.
///
/// A handler asks for it with a first argument `#[ctx] cx: &Context`. It is cheap to clone and may be
/// kept beyond the call.
///
/// ```
/// use farcall_core::Context;
///
/// fn import(cx: &Context, rows: u64) -> u64 {
///     for row in 0..rows {
///         if cx.is_cancelled() {
///             return row;
///         }
///         cx.report(row, rows);
///     }
///     rows
/// }
///
/// let cx = Context::test();
/// assert_eq!(import(&cx, 3), 3);
/// assert_eq!(cx.progress(), Some((2, 3)));
/// cx.cancel();
/// assert_eq!(import(&cx, 3), 0);
/// ```
///
/// The caller's side of it:
///
/// ```
/// use farcall::{CallStatus, Context, Loopback, Server, rpc_interface};
/// use std::time::Duration;
///
/// #[rpc_interface]
/// pub trait Importer {
///     fn import(&self, #[ctx] cx: &Context, rows: u64) -> u64;
/// }
///
/// struct Rows;
/// impl Importer for Rows {
///     fn import(&self, cx: &Context, rows: u64) -> u64 {
///         assert!(cx.remaining() <= Some(Duration::from_secs(30)), "what the caller waits");
///         (0..rows).inspect(|row| cx.report(*row, rows)).count() as u64
///     }
/// }
///
/// let net = Loopback::new();
/// let server = Server::on(&net, "importer")?.serve(ImporterServer::new(Rows)).spawn()?;
/// let importer = ImporterClient::on(&net, "importer")?;
/// let mut call = importer.start().import(1000); // no context: the server makes it
/// let imported = loop {
///     if let Some(result) = call.wait_timeout(Duration::from_millis(10)) {
///         break result?;
///     }
///     if let CallStatus::Running { done, total, .. } = call.status() {
///         println!("{done} of {total}");
///     }
/// };
/// assert_eq!(imported, 1000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    call: Served,
}

/// The call.
struct Served {
    peer: Option<SocketAddr>,
    deadline: Timestamp,
    entered: AtomicBool,
    cancelled: AtomicBool,
    /// How the handler and the [`Reply`](crate::Reply) it was given stand to each other.
    later: AtomicU8,
    has_reported: AtomicBool,
    reported_at: AtomicU64,
    done: AtomicU64,
    total: AtomicU64,
    /// The span of the call, until it is answered.
    #[cfg(feature = "tracing")]
    span: parking_lot::Mutex<Option<Arc<tracing::Span>>>,
}

impl Served {
    fn new(peer: Option<SocketAddr>, deadline: Timestamp) -> Self {
        Self {
            peer,
            deadline,
            entered: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            later: AtomicU8::new(HANDLER_RUNS),
            has_reported: AtomicBool::new(false),
            reported_at: AtomicU64::new(0),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            #[cfg(feature = "tracing")]
            span: parking_lot::Mutex::new(None),
        }
    }
}

/// The handler has not returned.
const HANDLER_RUNS: u8 = 0;
/// It has returned, and its answer comes later.
const HANDLER_RETURNED: u8 = 1;
/// Its reply was dropped by a panic before it returned.
const REPLY_LOST: u8 = 2;

thread_local! {
    /// The call in whose scope this thread is.
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// Restores the scope that was left for an inner one, also when the inner one unwinds.
struct OuterScope(Option<Context>);

impl Drop for OuterScope {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// How far a handler has come, as WORKING tells the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// When it last reported.
    pub at: Timestamp,
    /// Units of work that are done.
    pub done: u64,
    /// Units of work altogether; zero if that is not known.
    pub total: u64,
}

impl Context {
    /// The context of a call that arrived over the network.
    pub fn new(peer: Option<SocketAddr>, deadline: Timestamp, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { clock, call: Served::new(peer, deadline) }))
    }

    /// Makes it the context of another call, unless somebody else has it as well.
    pub(crate) fn renew(&mut self, peer: Option<SocketAddr>, deadline: Timestamp) -> bool {
        let inner = Arc::get_mut(&mut self.0);
        inner.map(|inner| inner.call = Served::new(peer, deadline)).is_some()
    }

    /// Whether somebody else has it as well.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// A context of no call, for using a handler directly: no peer, no deadline, never cancelled.
    pub fn detached() -> Self {
        Self::new(None, Timestamp::NEVER, process_clock())
    }

    /// A context for unit tests of handlers: like [`detached`](Self::detached), and the test may
    /// [`cancel`](Self::cancel) it and read the [`progress`](Self::progress).
    pub fn test() -> Self {
        Self::detached()
    }

    /// Like [`test`](Self::test), with a deadline `remaining` from now.
    pub fn test_with_deadline(remaining: Duration) -> Self {
        let clock = process_clock();
        Self::new(None, clock.now() + remaining, clock)
    }

    /// The address of the client; `None` outside a network.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.call.peer
    }

    /// How much time is left until the caller gives up; `None` if it never does. Zero means that
    /// nobody waits any more.
    pub fn remaining(&self) -> Option<Duration> {
        if self.0.call.deadline == Timestamp::NEVER {
            return None;
        }
        Some(self.0.call.deadline.since(self.0.clock.now()))
    }

    /// Whether the caller cancelled the call or its deadline has passed. A handler that runs long
    /// should look now and then and stop early.
    pub fn is_cancelled(&self) -> bool {
        self.0.call.cancelled.load(Ordering::Relaxed)
            || (self.0.call.deadline != Timestamp::NEVER
                && self.0.clock.now() >= self.0.call.deadline)
    }

    /// Tells the caller how far the work has come: `done` of `total` units. A `total` of zero means
    /// that it is not known. The caller sees it in its next WORKING.
    pub fn report(&self, done: u64, total: u64) {
        self.0.call.done.store(done, Ordering::Relaxed);
        self.0.call.total.store(total, Ordering::Relaxed);
        self.0.call.reported_at.store(self.0.clock.now().as_nanos(), Ordering::Relaxed);
        self.0.call.has_reported.store(true, Ordering::Release);
    }

    /// What the handler last reported, as (done, total).
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.last_report().map(|report| (report.done, report.total))
    }

    /// Asks the handler to stop early. Over the network this is the caller's doing.
    pub fn cancel(&self) {
        self.0.call.cancelled.store(true, Ordering::Relaxed);
    }

    /// Runs `work` as a part of this call: calls that it makes to other servers end by this call's
    /// deadline at the latest, since nobody waits for what comes after.
    ///
    /// Handlers run like this anyway, `async` ones too. It is for threads and tasks that a handler
    /// starts. Work that has to outlive the call runs in the scope of a [`detached`](Self::detached)
    /// context instead.
    ///
    /// With the feature `tracing`, the span of the call is entered as well.
    ///
    /// It holds for the present thread until `work` returns; scopes may be nested, and the innermost
    /// counts.
    ///
    /// Such a call fails with [`CallErrorKind::DeadlineExceeded`](crate::CallErrorKind::DeadlineExceeded)
    /// and `inherited: true`; if no time is left when it is made, at once, and it does not run. Only the
    /// deadline is passed on: a handler that was cancelled decides by itself what is still to be done.
    ///
    /// ```
    /// use farcall_core::Context;
    ///
    /// # fn write_report() {}
    /// fn handler(cx: &Context) {
    ///     let cx = cx.clone();
    ///     std::thread::spawn(move || cx.scope(write_report)); // its calls end with ours
    ///     Context::detached().scope(write_report); // its calls have their own deadlines
    /// }
    /// # handler(&Context::test());
    /// ```
    pub fn scope<R>(&self, work: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tracing")]
        let span = self.0.call.span.lock().clone();
        #[cfg(feature = "tracing")]
        let _entered = span.as_deref().map(tracing::Span::enter);
        let _outer = OuterScope(CURRENT.replace(Some(self.clone())));
        work()
    }

    /// Gives the call a span, in which its scope is from then on.
    #[cfg(feature = "tracing")]
    pub(crate) fn set_span(&self, span: tracing::Span) {
        *self.0.call.span.lock() = Some(Arc::new(span));
    }

    /// The call is answered: its span ends, if it has one.
    #[cfg(feature = "tracing")]
    pub(crate) fn take_span(&self) -> Option<Arc<tracing::Span>> {
        self.0.call.span.lock().take()
    }

    /// How much time the call is left in whose scope the present thread is; `None` if it is in none or
    /// that call has no deadline.
    pub(crate) fn remaining_in_scope() -> Option<Duration> {
        let remaining = CURRENT.try_with(|current| current.borrow().as_ref()?.remaining());
        remaining.ok().flatten()
    }

    /// Marks that the handler proper is about to be entered: from here on the call has been executed.
    #[doc(hidden)]
    pub fn enter(&self) {
        self.0.call.entered.store(true, Ordering::Release);
    }

    pub(crate) fn is_entered(&self) -> bool {
        self.0.call.entered.load(Ordering::Acquire)
    }

    /// The handler has returned, and the answer comes later. False if it cannot come any more, because
    /// a panic dropped the reply.
    pub(crate) fn end_handler(&self) -> bool {
        self.0.call.later.swap(HANDLER_RETURNED, Ordering::AcqRel) != REPLY_LOST
    }

    /// A panic has dropped the reply. True if the handler has not returned, and hears of it when it
    /// does.
    pub(crate) fn lose_reply(&self) -> bool {
        let later = &self.0.call.later;
        later
            .compare_exchange(HANDLER_RUNS, REPLY_LOST, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    pub(crate) fn last_report(&self) -> Option<Report> {
        if !self.0.call.has_reported.load(Ordering::Acquire) {
            return None;
        }
        Some(Report {
            at: Timestamp::from_nanos(self.0.call.reported_at.load(Ordering::Relaxed)),
            done: self.0.call.done.load(Ordering::Relaxed),
            total: self.0.call.total.load(Ordering::Relaxed),
        })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("peer", &self.0.call.peer)
            .field("remaining", &self.remaining())
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

/// Time since the first use in this process, for contexts that belong to no endpoint.
struct ProcessClock(Instant);

impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "a context of no endpoint has no other clock")]
fn process_clock() -> Arc<dyn Clock> {
    static CLOCK: OnceLock<Arc<ProcessClock>> = OnceLock::new();
    let clock = CLOCK.get_or_init(|| Arc::new(ProcessClock(Instant::now())));
    Arc::clone(clock) as Arc<dyn Clock>
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn the_innermost_scope_counts_and_ends_with_its_work() {
        let hour = Context::test_with_deadline(Duration::from_secs(3600));
        let minute = Context::test_with_deadline(Duration::from_secs(60));
        let remaining = Context::remaining_in_scope;
        assert_eq!(remaining(), None);
        hour.scope(|| {
            assert!(remaining().is_some_and(|left| left > Duration::from_secs(60)));
            minute.scope(|| {
                assert!(remaining().is_some_and(|left| left <= Duration::from_secs(60)));
                Context::detached().scope(|| assert_eq!(remaining(), None));
            });
            let panicking = AssertUnwindSafe(|| minute.scope(|| panic!("on purpose")));
            let unwound = catch_unwind(panicking);
            assert!(unwound.is_err());
            assert!(remaining().is_some_and(|left| left > Duration::from_secs(60)));
        });
        assert_eq!(remaining(), None);
    }
}
