//! A server of a simulated network: how its handlers run, and what the public face knows of it.

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::keeper::Incarnation;
use super::node::{NodeId, Role};
use super::server_node::{ServerNode, Work};
use super::state::{Completed, Event, State};
use super::trace::What;
use super::world::World;
use crate::config::ServerConfig;
use crate::endpoint::server::MethodTable;
use crate::error::ServeError;
use crate::host::{LONGEST_LINGER, ServerBinding, ServerControl, ShutdownReport};
use crate::service::{Dispatched, Registry};
use crate::statistics::ServerStatistics;
use crate::time::Timestamp;

/// Something that a worker does now.
struct Job {
    work: Work,
    registry: Arc<Registry>,
    keeper: Arc<Incarnation>,
    incarnation: u64,
    service_time: Duration,
}

/// Running handlers.
impl World {
    /// Runs the calls that wait at a server and polls the futures that were woken, as far as it has
    /// workers, on this thread and without the lock.
    pub(super) fn serve(&self, node: NodeId) {
        while let Some(job) = self.with_state(|state| take_job(state, node)) {
            let Job { work, registry, keeper, incarnation, service_time } = job;
            let (token, dispatched) = self.nested(|| match work {
                Work::Call(ready) => (ready.token, registry.dispatch(&ready, &*keeper)),
                Work::Task(task) => (task.token(), task.resume()),
            });
            // The last handle to the services may go with it, while the lock is not held.
            drop(registry);
            let left = self.with_state(|state| {
                let (finished, left) = match dispatched {
                    Dispatched::Finished(finished) => (Some(finished), None),
                    later => (None, state.put_off(node, incarnation, token, later)),
                };
                let completed = Completed { node, incarnation, token, finished };
                if !service_time.is_zero() {
                    state.plan(service_time, Event::Complete(completed));
                } else {
                    if completed.finished.is_some() {
                        state.complete(completed);
                    }
                    // This loop goes on by itself; a nested one would grow the stack.
                    state.turn_without_serving(node);
                }
                left
            });
            // A future that nobody can wake any more ends its call here.
            drop(left);
        }
    }
}

fn take_job(state: &mut State, id: NodeId) -> Option<Job> {
    let node = state.nodes.get_mut(&id)?;
    let host = &state.hosts[node.host];
    if !host.is_running() {
        return None;
    }
    let address = node.address;
    let Role::Server(server) = &mut node.role else { return None };
    let keeper = server.keeper()?;
    let Some(work) = server.take(host.now()) else {
        // Taking a call may refuse others, whose deadline passed while they waited.
        state.turn_without_serving(id);
        return None;
    };
    let mut service_time = Duration::ZERO;
    if let Work::Call(ready) = &work {
        state.oracles.began(server, ready);
        service_time = host.time_of(ready.method).sample(&mut server.random);
        if service_time == Duration::MAX {
            server.give_up_one();
        }
        if !service_time.is_zero() {
            server.engage(ready.token);
        }
    }
    let registry = Arc::clone(&server.registry);
    let incarnation = server.incarnation;
    if let Work::Call(ready) = &work {
        let what = What::Entered { server: address, method: ready.method };
        let now = state.now();
        state.trace.add(now, what);
    }
    Some(Job { work, registry, keeper, incarnation, service_time })
}

/// A bound name that is not served yet.
pub(super) struct Binding {
    world: World,
    node: NodeId,
    address: SocketAddr,
    is_served: bool,
}

impl Binding {
    pub(super) fn new(world: World, node: NodeId, address: SocketAddr) -> Self {
        Self { world, node, address, is_served: false }
    }

    fn start(
        mut self,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<SimulatedServer, ServeError> {
        config.validate()?;
        self.is_served = true;
        let (id, linger) = (self.node, config.linger);
        self.world.with_state(|state| {
            let random = state.service_random(id);
            let server = ServerNode::new(config, registry, methods, random);
            let node = state.nodes.get_mut(&id).expect("a binding has its node");
            node.role = Role::Server(Box::new(server));
            if !state.hosts[node.host].is_down {
                state.start_server(id);
            }
        });
        Ok(SimulatedServer {
            world: self.world.clone(),
            node: id,
            address: self.address,
            linger,
            last: Mutex::new(ServerStatistics::default()),
        })
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        if !self.is_served {
            self.world.with_state(|state| state.remove_node(self.node));
        }
    }
}

impl ServerBinding for Binding {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn spawn(
        self: Box<Self>,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<Arc<dyn ServerControl>, ServeError> {
        Ok(Arc::new(self.start(config, registry, methods)?))
    }

    /// Serves until nothing can happen in the world any more, then closes.
    fn run(
        self: Box<Self>,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<(), ServeError> {
        let server = self.start(config, registry, methods)?;
        server.world.run_until_idle();
        let _ = server.shutdown(Duration::ZERO);
        Ok(())
    }
}

struct SimulatedServer {
    world: World,
    node: NodeId,
    address: SocketAddr,
    linger: Duration,
    /// The counters at its end.
    last: Mutex<ServerStatistics>,
}

impl SimulatedServer {
    fn look<R>(&self, work: impl FnOnce(&mut ServerNode) -> R) -> Option<R> {
        self.world.with_state(|state| match &mut state.nodes.get_mut(&self.node)?.role {
            Role::Server(server) => Some(work(server)),
            Role::Client(_) | Role::Bound | Role::Machine(_) => None,
        })
    }

    fn begin_shutdown(&self) {
        self.world.with_state(|state| {
            let Some(node) = state.nodes.get_mut(&self.node) else { return };
            let Role::Server(server) = &mut node.role else { return };
            if let Some(endpoint) = &mut server.endpoint {
                endpoint.begin_shutdown();
            }
            state.turn(self.node);
        });
    }

    fn say_goodbye(&self) {
        self.world.with_state(|state| {
            let Some(node) = state.nodes.get_mut(&self.node) else { return };
            let Role::Server(server) = &mut node.role else { return };
            if let Some(endpoint) = &mut server.endpoint {
                endpoint.say_goodbye();
            }
            state.turn_without_serving(self.node);
        });
    }

    /// Drives the world until `count` gives zero or the time has come; gives what it gave last.
    fn drain(&self, until: Timestamp, count: impl Fn(&ServerNode) -> usize) -> usize {
        let limit = until.min(self.world.longest_wait());
        loop {
            let left = self.look(|server| count(server)).unwrap_or(0);
            // A failing scenario must not be driven on while it unwinds.
            if left == 0 || std::thread::panicking() || self.world.timestamp() >= limit {
                return left;
            }
            if !self.world.step_before(limit) {
                self.world.advance(limit);
            }
        }
    }
}

impl SimulatedServer {
    /// Lets the world run until the last replies are acknowledged: for as long as a server is configured
    /// to wait, and as long as large ones move until `grace` is over. Gives how many are left.
    fn linger(&self, grace: Timestamp) -> usize {
        let last = grace.min(self.world.timestamp() + LONGEST_LINGER);
        loop {
            let confirmed = self.look(|server| server.confirmed());
            let left = self.drain(self.world.timestamp() + self.linger, ServerNode::unacknowledged);
            let moves = left > 0 && self.look(|server| server.confirmed()) != confirmed;
            if !moves || self.world.timestamp() >= last {
                return left;
            }
        }
    }

    fn end(&self, grace: Duration, patience: Duration) -> ShutdownReport {
        let start = self.world.timestamp();
        self.begin_shutdown();
        // What a worker can do is done first; what waits without one may wait for ever.
        self.drain(start + grace, ServerNode::to_be_done);
        self.drain(start + patience.min(grace), |server| server.to_be_done() + server.suspended());
        let running = self.look(|server| server.running()).unwrap_or(0);
        let unacknowledged = self.linger(start + grace);
        *self.last.lock() = self.statistics();
        self.say_goodbye();
        self.world.with_state(|state| state.remove_node(self.node));
        ShutdownReport { running, unacknowledged }
    }
}

impl ServerControl for SimulatedServer {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn shutdown(&self, grace: Duration) -> ShutdownReport {
        self.end(grace, grace)
    }

    fn close(&self) {
        let _report = self.end(Duration::MAX, self.linger);
    }

    fn statistics(&self) -> ServerStatistics {
        self.look(|server| server.endpoint.as_ref().map(|endpoint| endpoint.statistics()))
            .map_or_else(|| self.last.lock().clone(), Option::unwrap_or_default)
    }
}
