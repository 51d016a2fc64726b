//! A client of a simulated network, as the public face knows it.

use core::task::{Poll, Waker};
use core::time::Duration;
use std::net::SocketAddr;

use super::node::{ClientNode, NodeId, Role};
use super::state::State;
use super::world::World;
use crate::endpoint::client::{CallKey, CallStatus, Completion, Failure, NewCall, Transfer};
#[cfg(feature = "tracing")]
use crate::endpoint::client::{CallTrace, SessionNews};
use crate::error::{CallErrorKind, Outcome, Settlement};
use crate::host::{CallHost, ClientHost};
use crate::statistics::ClientStatistics;
use crate::time::Timestamp;

/// The key of a call that was submitted after the client's host had crashed.
const NEVER_SUBMITTED: CallKey = CallKey { index: u32::MAX, generation: u32::MAX };

/// Whoever waits drives the world.
pub(super) struct SimulatedClient {
    world: World,
    node: NodeId,
}

impl SimulatedClient {
    pub(super) fn new(world: World, node: NodeId) -> Self {
        Self { world, node }
    }

    /// Works on the endpoint without letting it act.
    fn look<R>(&self, work: impl FnOnce(Timestamp, &mut ClientNode) -> R) -> Option<R> {
        self.world.with_state(|state| work_on(state, self.node, work))
    }

    /// Works on the endpoint and lets it act. `None` if its host has crashed.
    fn act<R>(&self, work: impl FnOnce(Timestamp, &mut ClientNode) -> R) -> Option<R> {
        self.world.with_state(|state| {
            let result = work_on(state, self.node, work);
            state.turn(self.node);
            result
        })
    }

    fn completion(&self, key: CallKey) -> Option<Completion> {
        self.look(|_, client| client.endpoint.take_completion(key))
            .unwrap_or_else(|| Some(Err(crashed(key))))
    }

    /// Drives the world until `look` finds something, at most for `timeout`.
    fn drive<R>(
        &self,
        timeout: Option<Duration>,
        what: &str,
        mut look: impl FnMut(&Self) -> Option<R>,
    ) -> Option<R> {
        let limit = timeout.map(|timeout| self.world.timestamp() + timeout);
        let patience = limit.unwrap_or_else(|| self.world.longest_wait());
        loop {
            if let Some(found) = look(self) {
                return Some(found);
            }
            // A handler that drove the world from within may have taken longer than that.
            if limit.is_some_and(|limit| self.world.timestamp() >= limit) {
                return None;
            }
            if self.world.step_before(patience) {
                continue;
            }
            match limit {
                Some(limit) => self.world.advance(limit),
                // Another thread may have driven the last step.
                None => return look(self).or_else(|| self.world.deadlock(what)),
            }
        }
    }
}

fn work_on<R>(
    state: &mut State,
    id: NodeId,
    work: impl FnOnce(Timestamp, &mut ClientNode) -> R,
) -> Option<R> {
    let node = state.nodes.get_mut(&id)?;
    let now = state.hosts[node.host].now();
    match &mut node.role {
        Role::Client(client) => Some(work(now, client)),
        Role::Server(_) | Role::Bound | Role::Machine(_) => None,
    }
}

/// What a caller is told whose process, in the simulation, is dead.
fn crashed(key: CallKey) -> Failure {
    let outcome = if key == NEVER_SUBMITTED { Outcome::NotExecuted } else { Outcome::Unknown };
    Failure { outcome, kind: CallErrorKind::Closed }
}

impl CallHost for SimulatedClient {
    fn wait(&self, key: CallKey, timeout: Option<Duration>) -> Option<Completion> {
        // Nothing is held back from one who waits.
        self.act(|_, _| ());
        self.drive(timeout, "a call waits for ever", |client| client.completion(key))
    }

    fn poll(&self, key: CallKey, waker: &Waker) -> Poll<Completion> {
        if let Some(completion) = self.completion(key) {
            return Poll::Ready(completion);
        }
        // Cloning and dropping wakers is user code, and must not happen under the lock.
        let waker = waker.clone();
        let replaced = self.look(|_, client| client.set_waker(key, waker));
        drop(replaced);
        Poll::Pending
    }

    /// One event of the world, so that a loop around this gets on.
    fn try_wait(&self, key: CallKey) -> Option<Completion> {
        self.completion(key).or_else(|| {
            self.world.step();
            self.completion(key)
        })
    }

    fn cancel(&self, key: CallKey) {
        self.act(|_, client| client.endpoint.cancel(key));
    }

    fn release(&self, key: CallKey) {
        self.act(|_, client| client.endpoint.release(key));
    }

    fn detach(&self, key: CallKey) {
        self.act(|_, client| client.endpoint.detach(key));
    }

    fn status(&self, key: CallKey) -> CallStatus {
        self.look(|now, client| client.endpoint.status(now, key)).unwrap_or(CallStatus::Finished)
    }

    fn transfer(&self, key: CallKey) -> Transfer {
        self.look(|_, client| client.endpoint.transfer(key)).unwrap_or_default()
    }

    fn settle(&self, key: CallKey, timeout: Duration) -> Settlement {
        let what = "a call is being settled";
        self.drive(Some(timeout), what, |client| {
            client
                .look(|_, client| match client.endpoint.settlement(key) {
                    Settlement::Open if client.endpoint.can_settle(key) => None,
                    settlement => Some(settlement),
                })
                .unwrap_or(Some(Settlement::Open))
        })
        .unwrap_or(Settlement::Open)
    }

    #[cfg(feature = "tracing")]
    fn trace(&self, key: CallKey) -> (Option<CallTrace>, Vec<SessionNews>) {
        let look =
            |client: &mut ClientNode| (client.endpoint.trace(key), client.endpoint.take_news());
        self.look(|_, client| look(client)).unwrap_or_default()
    }
}

impl ClientHost for SimulatedClient {
    /// A request may wait for those that follow, so that they share a datagram.
    fn submit(&self, call: NewCall) -> CallKey {
        self.world
            .with_state(|state| {
                let submitted = work_on(state, self.node, |now, client| {
                    let key = client.endpoint.submit(now, call);
                    (key, client.endpoint.hold(now, key))
                });
                match submitted {
                    Some((_, true)) => state.arm(self.node),
                    _ => state.turn(self.node),
                }
                submitted.map(|(key, _)| key)
            })
            .unwrap_or(NEVER_SUBMITTED)
    }

    fn call(&self, call: NewCall) -> (CallKey, Completion) {
        let key =
            self.act(|now, client| client.endpoint.submit(now, call)).unwrap_or(NEVER_SUBMITTED);
        let completion = self.wait(key, None).expect("a wait without a limit ends with the call");
        (key, completion)
    }

    fn ready(&self, timeout: Duration) -> Result<(), Option<CallErrorKind>> {
        self.act(|now, client| client.endpoint.connect(now));
        let ready = self.drive(Some(timeout), "a session is awaited", |client| {
            match client.look(|_, client| client.endpoint.has_session()) {
                None => Some(Err(Some(CallErrorKind::Closed))),
                Some(true) => Some(Ok(())),
                Some(false) => None,
            }
        });
        ready.unwrap_or_else(|| {
            Err(self.look(|_, client| client.endpoint.handshake_failure().cloned()).flatten())
        })
    }

    fn servers(&self) -> Vec<SocketAddr> {
        self.look(|_, client| client.endpoint.servers().to_vec()).unwrap_or_default()
    }

    fn statistics(&self) -> ClientStatistics {
        self.look(|_, client| client.endpoint.statistics()).unwrap_or_default()
    }
}

/// Detached calls go on; after the last of them the client closes.
impl Drop for SimulatedClient {
    fn drop(&mut self) {
        self.act(|_, client| client.is_abandoned = true);
    }
}
