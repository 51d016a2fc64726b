//! What the public face needs of whatever drives the endpoints: the event loop on a socket, the
//! in-process loopback, or the simulator.

use core::task::{Poll, Waker};
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::client::{CallKey, CallStatus, Completion, NewCall, Transfer};
#[cfg(feature = "tracing")]
use crate::endpoint::client::{CallTrace, SessionNews};
use crate::endpoint::server::MethodTable;
use crate::error::{CallErrorKind, ConnectError, ServeError, Settlement};
use crate::service::Registry;
use crate::statistics::{ClientStatistics, ServerStatistics};

/// Knows calls that were submitted: all that a handle of one needs.
///
/// A submitted call has to be released exactly once, by [`release`](Self::release) or
/// [`detach`](Self::detach); until then its completion can be asked for again. One exception makes the usual
/// case cheap: where [`RELEASES_RESULTS`](crate::endpoint::client::RELEASES_RESULTS), a completion that is a result is handed out once, and that releases
/// the call.
pub trait CallHost: Send + Sync + 'static {
    /// Waits until the call has ended or `timeout` is over, driving the endpoint meanwhile.
    fn wait(&self, key: CallKey, timeout: Option<Duration>) -> Option<Completion>;

    /// The completion, if the call has ended; otherwise `waker` is woken when it does.
    fn poll(&self, key: CallKey, waker: &Waker) -> Poll<Completion>;

    /// The completion, if the call has ended by now. Drives the endpoint for one turn, never blocks.
    fn try_wait(&self, key: CallKey) -> Option<Completion>;

    /// Asks that the call not run, if it has not begun.
    fn cancel(&self, key: CallKey);

    /// Nobody will ask for this call any more. One that has not ended is cancelled.
    fn release(&self, key: CallKey);

    /// As [`release`](Self::release), for a call that has ended and whose completion was handed out.
    /// There is nothing to cancel and nothing to send then, so it can cost less.
    fn release_ended(&self, key: CallKey) {
        self.release(key);
    }

    /// Nobody will ask for this call any more, and it goes on.
    fn detach(&self, key: CallKey);

    /// How far the call has come.
    fn status(&self, key: CallKey) -> CallStatus;

    /// How many bytes of the call's messages have been moved.
    fn transfer(&self, key: CallKey) -> Transfer;

    /// Waits for a definite answer to a call that ended with an unknown outcome and is not released.
    fn settle(&self, key: CallKey, timeout: Duration) -> Settlement;

    /// Where the call went, if it was sent; and what became of the session since this was last asked.
    #[cfg(feature = "tracing")]
    fn trace(&self, key: CallKey) -> (Option<CallTrace>, Vec<SessionNews>) {
        let _ = key;
        (None, Vec::new())
    }
}

/// Drives one client endpoint.
pub trait ClientHost: CallHost {
    /// Submits a call and sends it as far as that is possible at once. Never blocks.
    fn submit(&self, call: NewCall) -> CallKey;

    /// [`submit`](Self::submit) and [`wait`](CallHost::wait) in one, without a time-out. A host may be able
    /// to do this with less: the caller is known to be the one who drives the call, and a call that
    /// would wait for its own caller is refused before it is sent.
    fn call(&self, call: NewCall) -> (CallKey, Completion) {
        let key = self.submit(call);
        loop {
            if let Some(completion) = self.wait(key, None) {
                return (key, completion);
            }
        }
    }

    /// Waits for a session.
    ///
    /// # Errors
    /// Why there is none when `timeout` is over, if that is known.
    fn ready(&self, timeout: Duration) -> Result<(), Option<CallErrorKind>>;

    /// The addresses that are tried.
    fn servers(&self) -> Vec<SocketAddr>;

    /// Counters.
    fn statistics(&self) -> ClientStatistics;
}

/// A bound address that is not served yet.
pub trait ServerBinding: Send {
    /// The bound address.
    fn local_addr(&self) -> SocketAddr;

    /// Serves in the background.
    fn spawn(
        self: Box<Self>,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<Arc<dyn ServerControl>, ServeError>;

    /// Serves on this thread and those it starts, until the process ends or the loop fails.
    fn run(
        self: Box<Self>,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<(), ServeError>;
}

/// A server in the background.
pub trait ServerControl: Send + Sync {
    /// The bound address.
    fn local_addr(&self) -> SocketAddr;

    /// Stops admitting calls, lets those that run end within `grace`, lingers until the last replies
    /// are acknowledged, and closes.
    fn shutdown(&self, grace: Duration) -> ShutdownReport;

    /// As [`shutdown`](Self::shutdown), with time for every handler that runs, and little time for
    /// calls that wait for an answer without a worker, which may never come.
    fn close(&self);

    /// Counters.
    fn statistics(&self) -> ServerStatistics;
}

/// The longest that a server which shuts down waits for large replies that move.
pub(crate) const LONGEST_LINGER: Duration = Duration::from_secs(60);

/// What a shutdown left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "it says whether handlers were still running"]
pub struct ShutdownReport {
    /// Calls that were not answered when the grace time was over: handlers that still ran, futures
    /// that had not ended and replies that were owed.
    pub running: usize,
    /// Replies that no client had acknowledged when the server closed.
    pub unacknowledged: usize,
}

/// A network on which servers have names: [`Loopback`](crate::Loopback), or the simulator's.
///
/// The methods are not for users.
pub trait Network {
    /// Opens a client of the server called `name`.
    #[doc(hidden)]
    fn open_client(
        &self,
        name: &str,
        config: ClientConfig,
    ) -> Result<Arc<dyn ClientHost>, ConnectError>;

    /// Binds the name.
    #[doc(hidden)]
    fn open_server(
        &self,
        name: &str,
        config: &ServerConfig,
    ) -> Result<Box<dyn ServerBinding>, ServeError>;
}
