//! Which server the present thread is running a handler for.
//!
//! A handler may call its own server: that works as long as another worker is free to run the inner
//! call, and would wait for ever otherwise. Only the thread knows both sides of it.

use core::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

/// A server, as a client in one of its handlers sees it.
pub(super) trait Serving {
    /// Whether `address` leads to this server.
    fn is_at(&self, address: SocketAddr) -> bool;

    /// The handler on this thread is about to wait for a call to this server. False if it must not,
    /// and otherwise [`leave`](Self::leave) follows. In both cases it does not keep others from
    /// leading.
    fn enter(&self, admission: Admission) -> bool;

    /// The handler on this thread has stopped waiting.
    fn leave(&self);
}

/// What a handler needs for waiting for its own server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// A worker that is free now, for a call that is not sent yet.
    FreeWorker,
    /// A worker that does not wait in the same way, for a call that may be running on it.
    AnyProgress,
}

crate::sync::thread_local! {
    static CURRENT: RefCell<Option<Arc<dyn Serving>>> = const { RefCell::new(None) };
}

/// Runs `work`, in which the present thread runs handlers of `server`.
pub(super) fn as_current<T>(server: Arc<dyn Serving>, work: impl FnOnce() -> T) -> T {
    let outer = CURRENT.with(|current| current.replace(Some(server)));
    let result = work();
    CURRENT.with(|current| current.replace(outer));
    result
}

/// Whether the present thread is one of `server`'s, which ends only after what it runs now.
pub(super) fn is_inside<S: Serving>(server: &Arc<S>) -> bool {
    let is_same =
        |current: &Arc<dyn Serving>| core::ptr::addr_eq(&raw const **current, &raw const **server);
    CURRENT.try_with(|current| current.borrow().as_ref().is_some_and(is_same)).unwrap_or(false)
}

/// A wait inside a handler, as long as it lasts.
pub(super) enum Visit {
    /// Not inside a handler of the server that is waited for.
    Elsewhere,
    /// The handler may wait.
    Admitted(Arc<dyn Serving>),
    /// Waiting would never end.
    Refused,
}

impl Visit {
    /// Begins to wait for a call to a server at one of `addresses`.
    pub(super) fn enter(addresses: impl FnOnce() -> Vec<SocketAddr>, admission: Admission) -> Self {
        let current = CURRENT.try_with(|current| current.borrow().clone());
        let Ok(Some(server)) = current else { return Self::Elsewhere };
        if !addresses().into_iter().any(|address| server.is_at(address)) {
            return Self::Elsewhere;
        }
        if server.enter(admission) { Self::Admitted(server) } else { Self::Refused }
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Self::Admitted(server) = self {
            server.leave();
        }
    }
}
