//! A client on a socket: its callers drive it while they wait.
//!
//! A thread that waits for a reply takes the seat if it is free and then sends, sleeps and receives on
//! its own stack, so that a synchronous call crosses no thread. If somebody else leads it sends its
//! own request, or leaves that to a leader that is awake, parks, and is woken when its call has ended or when the seat has become free.

use core::task::{Poll, Waker};
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::client_loop::{ClientLoop, ClientRole};
use super::clock::SystemClock;
use super::entropy::SystemEntropy;
use super::seat::Parts;
use super::serving::{Admission, Visit};
use super::socket::Socket;
use super::udp::UdpLink;
use super::waiters::Subject;
use crate::config::ClientConfig;
use crate::endpoint::ClientEndpoint;
use crate::endpoint::client::{CallKey, CallStatus, Completion, Failure, NewCall, Transfer};
#[cfg(feature = "tracing")]
use crate::endpoint::client::{CallTrace, SessionNews};
use crate::error::{CallErrorKind, ConnectError, Outcome, Settlement};
use crate::host::{CallHost, ClientHost};
use crate::statistics::ClientStatistics;
use crate::time::{Clock, Timestamp};

/// Finds the addresses of a server anew. It may block.
pub type Resolve = Box<dyn Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Opens a client of the server at one of `servers`, and starts the handshake without waiting for it.
///
/// `name` is what the addresses were resolved from, and `resolve` does that again when they stop
/// answering.
///
/// # Errors
/// The configuration contradicts itself, there is no address, or no socket could be opened.
pub fn open_udp_client(
    name: String,
    servers: Vec<SocketAddr>,
    resolve: Option<Resolve>,
    config: ClientConfig,
) -> Result<Arc<dyn ClientHost>, ConnectError> {
    config.validate()?;
    if servers.is_empty() {
        return Err(ConnectError::NoAddress { name });
    }
    let link = UdpLink::open_client(config.receive_buffer)
        .map_err(|(local, source)| ConnectError::Socket { local, source })?;
    let local = link.local_addr();
    let handle = Parts::on_loan()
        .and_then(|parts| open(parts, Socket::from(link), servers, resolve, config))
        .map_err(|source| ConnectError::Socket { local, source })?;
    Ok(Arc::new(handle))
}

/// Opens a client on any socket.
pub(super) fn open(
    parts: Parts,
    socket: Socket,
    servers: Vec<SocketAddr>,
    resolve: Option<Resolve>,
    config: ClientConfig,
) -> io::Result<Handle> {
    let clock = Arc::new(SystemClock::new());
    let now = clock.now();
    let spin = config.spin;
    let idle_delay = config.acknowledgement_delay.max(Duration::from_millis(1));
    let endpoint = ClientEndpoint::new(config, servers, Box::new(SystemEntropy), now);
    let role = ClientRole::new(endpoint, resolve.is_some());
    let shared = parts.assemble(socket, clock, spin, role)?;
    let client = Arc::new(ClientLoop::new(shared, resolve, idle_delay));
    let mut core = client.shared.lock();
    core.role.endpoint.connect(now);
    client.conclude(core, now);
    Ok(Handle {
        client,
        process: forkguard::new(),
        #[cfg(test)]
        is_copy: false,
    })
}

/// What the public face holds. The background thread holds the loop only, so that dropping the last
/// handle closes the client.
pub(super) struct Handle {
    client: Arc<ClientLoop>,
    /// Of the process that opened it.
    process: forkguard::Guard,
    #[cfg(test)]
    is_copy: bool,
}

/// Stands for a call that was refused before it reached the endpoint.
const NEVER_SUBMITTED: CallKey = CallKey { index: u32::MAX, generation: u32::MAX };

impl Handle {
    /// The loop behind it.
    #[cfg(test)]
    pub(super) fn client(&self) -> Arc<ClientLoop> {
        Arc::clone(&self.client)
    }

    /// Lets it take itself for a copy in a forked process, or for the original again.
    #[cfg(test)]
    pub(super) fn pretend_fork(&mut self, is_forked: bool) {
        self.is_copy = is_forked;
    }

    /// Whether this is a copy of the client in a forked process. There the locks may be held by
    /// threads that do not exist, and the socket is shared with the parent: nothing may be touched.
    #[inline]
    fn is_forked(&self) -> bool {
        // A copy, since a guard tells of a fork only once. It is a number in memory: asking the system for the
        // process would cost a third of a small call.
        let is_forked = self.process.clone().detected_fork();
        #[cfg(test)]
        let is_forked = is_forked || self.is_copy;
        is_forked
    }

    /// How a call ended that this handle cannot ask the endpoint about.
    fn failure(&self, key: CallKey) -> Failure {
        let kind = if self.is_forked() { CallErrorKind::Forked } else { CallErrorKind::Closed };
        let outcome = if key == NEVER_SUBMITTED { Outcome::NotExecuted } else { Outcome::Unknown };
        Failure { outcome, kind }
    }

    fn is_out_of_reach(&self, key: CallKey) -> bool {
        key == NEVER_SUBMITTED || self.is_forked()
    }

    /// Waits for the end of a call.
    fn wait_for(&self, key: CallKey, until: Option<Timestamp>) -> Option<Completion> {
        let core = self.client.shared.lock();
        let mut forgotten = None;
        let completion = |role: &mut ClientRole| role.take_completion(key, &mut forgotten);
        let result = self.client.drive(core, Subject::Call(key), until, completion);
        if result.is_none() && self.client.shared.lock().is_dead() {
            return Some(Err(self.failure(key)));
        }
        result
    }

    /// Waits inside a handler for a call to the handler's own server, all of whose handlers wait so:
    /// no worker will ever take it. It is called off, which the server confirms at once.
    fn give_up(&self, key: CallKey) -> Option<Completion> {
        self.cancel(key);
        match self.wait_for(key, None)? {
            Err(Failure {
                outcome: outcome @ Outcome::NotExecuted,
                kind: CallErrorKind::Cancelled,
            }) => Some(Err(Failure { outcome, kind: CallErrorKind::WouldDeadlock })),
            completion => Some(completion),
        }
    }

    fn until(&self, timeout: Option<Duration>) -> Option<Timestamp> {
        timeout.map(|timeout| self.client.shared.now() + timeout)
    }
}

impl CallHost for Handle {
    fn wait(&self, key: CallKey, timeout: Option<Duration>) -> Option<Completion> {
        if self.is_out_of_reach(key) {
            return Some(Err(self.failure(key)));
        }
        let visit = Visit::enter(|| self.servers(), Admission::AnyProgress);
        if visit.is_refused() {
            return self.give_up(key);
        }
        self.wait_for(key, self.until(timeout))
    }

    fn poll(&self, key: CallKey, waker: &Waker) -> Poll<Completion> {
        if self.is_out_of_reach(key) {
            return Poll::Ready(Err(self.failure(key)));
        }
        // Dropping a waker is the user's code, too: this outlives the lock.
        let mut forgotten = None;
        let is_known = {
            let mut core = self.client.shared.lock();
            if let Some(completion) = core.role.take_completion(key, &mut forgotten) {
                return Poll::Ready(completion);
            }
            core.role.waiters.has_task(key, waker)
        };
        // Cloning a waker is the user's code, and must not happen under the lock.
        let waker = (!is_known).then(|| waker.clone());
        let mut core = self.client.shared.lock();
        if core.is_dead() {
            return Poll::Ready(Err(self.failure(key)));
        }
        if let Some(completion) = core.role.take_completion(key, &mut forgotten) {
            return Poll::Ready(completion);
        }
        let replaced = waker.and_then(|waker| core.role.waiters.enter_task(key, waker));
        self.client.conclude(core, self.client.shared.now());
        drop(replaced);
        Poll::Pending
    }

    fn try_wait(&self, key: CallKey) -> Option<Completion> {
        if self.is_out_of_reach(key) {
            return Some(Err(self.failure(key)));
        }
        self.wait_for(key, Some(self.client.shared.now()))
    }

    fn cancel(&self, key: CallKey) {
        if self.is_out_of_reach(key) {
            return;
        }
        self.client.change(|role| role.endpoint.cancel(key));
    }

    fn release(&self, key: CallKey) {
        if self.is_out_of_reach(key) {
            return;
        }
        let forgotten = self.client.change(|role| {
            let forgotten = role.forget(key);
            role.endpoint.release(key);
            forgotten
        });
        drop(forgotten);
    }

    fn release_ended(&self, key: CallKey) {
        // Its completion was handed out in this process, so it is not a copy's to ask the system for
        // the process again; and what is being held back for company stays so.
        if key == NEVER_SUBMITTED {
            return;
        }
        let mut core = self.client.shared.lock();
        if core.is_dead() {
            return;
        }
        let forgotten = core.role.forget(key);
        core.role.endpoint.release(key);
        drop(core);
        drop(forgotten);
    }

    fn detach(&self, key: CallKey) {
        if self.is_out_of_reach(key) {
            return;
        }
        let forgotten = self.client.change(|role| {
            let forgotten = role.forget(key);
            role.endpoint.detach(key);
            role.has_detached = true;
            forgotten
        });
        drop(forgotten);
    }

    fn status(&self, key: CallKey) -> CallStatus {
        if self.is_out_of_reach(key) {
            return CallStatus::Finished;
        }
        let now = self.client.shared.now();
        let core = self.client.shared.lock();
        if core.is_dead() { CallStatus::Finished } else { core.role.endpoint.status(now, key) }
    }

    fn transfer(&self, key: CallKey) -> Transfer {
        if self.is_out_of_reach(key) {
            return Transfer::default();
        }
        self.client.shared.lock().role.endpoint.transfer(key)
    }

    fn settle(&self, key: CallKey, timeout: Duration) -> Settlement {
        if self.is_out_of_reach(key) {
            return Settlement::Open;
        }
        let until = self.until(Some(timeout));
        let core = self.client.shared.lock();
        let settled = self.client.drive(core, Subject::News, until, |role| {
            let settlement = role.endpoint.settlement(key);
            let is_final =
                !matches!(settlement, Settlement::Open) || !role.endpoint.can_settle(key);
            is_final.then_some(settlement)
        });
        settled.unwrap_or(Settlement::Open)
    }

    #[cfg(feature = "tracing")]
    fn trace(&self, key: CallKey) -> (Option<CallTrace>, Vec<SessionNews>) {
        if self.is_out_of_reach(key) {
            return (None, Vec::new());
        }
        let endpoint = &mut self.client.shared.lock().role.endpoint;
        (endpoint.trace(key), endpoint.take_news())
    }
}

impl ClientHost for Handle {
    fn submit(&self, call: NewCall) -> CallKey {
        if self.is_forked() {
            return NEVER_SUBMITTED;
        }
        let (mut core, now) = self.client.listen_first();
        if core.is_dead() {
            return NEVER_SUBMITTED;
        }
        let key = core.role.submit(now, call);
        self.client.conclude_start(core, key, now);
        key
    }

    fn call(&self, call: NewCall) -> (CallKey, Completion) {
        if self.is_forked() {
            return (NEVER_SUBMITTED, Err(self.failure(NEVER_SUBMITTED)));
        }
        let visit = Visit::enter(|| self.servers(), Admission::FreeWorker);
        if visit.is_refused() {
            let failure =
                Failure { outcome: Outcome::NotExecuted, kind: CallErrorKind::WouldDeadlock };
            return (NEVER_SUBMITTED, Err(failure));
        }
        let (mut core, now) = self.client.listen_first();
        if core.is_dead() {
            return (NEVER_SUBMITTED, Err(self.failure(NEVER_SUBMITTED)));
        }
        let key = core.role.submit(now, call);
        // Nobody else has ever heard of it.
        let completion = |role: &mut ClientRole| role.endpoint.take_completion(key);
        let completion = self.client.drive(core, Subject::Call(key), None, completion);
        (key, completion.unwrap_or_else(|| Err(self.failure(key))))
    }

    fn ready(&self, timeout: Duration) -> Result<(), Option<CallErrorKind>> {
        if self.is_forked() {
            return Err(Some(CallErrorKind::Forked));
        }
        let now = self.client.shared.now();
        let mut core = self.client.shared.lock();
        if core.is_dead() {
            return Err(Some(CallErrorKind::Closed));
        }
        core.role.endpoint.connect(now);
        let has_session = |role: &mut ClientRole| role.endpoint.has_session().then_some(());
        let result = self.client.drive(core, Subject::News, Some(now + timeout), has_session);
        result.ok_or_else(|| self.client.shared.lock().role.endpoint.handshake_failure().cloned())
    }

    fn servers(&self) -> Vec<SocketAddr> {
        if self.is_forked() {
            return Vec::new();
        }
        self.client.shared.lock().role.endpoint.servers().to_vec()
    }

    fn statistics(&self) -> ClientStatistics {
        if self.is_forked() {
            return ClientStatistics::default();
        }
        let shared = &self.client.shared;
        let core = shared.lock();
        let troubles = core.troubles();
        ClientStatistics {
            receive_buffer: shared.receive_buffer,
            send_errors: troubles.send_errors(),
            receive_errors: troubles.receive_errors(),
            datagrams_unsent: troubles.unsent(),
            ..core.role.endpoint.statistics()
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The parent's session is not this process's to close.
        if !self.is_forked() {
            self.client.close();
        }
    }
}
