//! Hosts: the machines of a world, what runs on them and what befalls them.

use core::time::Duration;
use std::net::IpAddr;
use std::sync::Arc;

use super::client::SimulatedClient;
use super::delay::Delay;
use super::node::{ClientNode, NodeId, Role};
use super::server::Binding;
use super::state::{HostId, State};
use super::world::World;
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::{ClientEndpoint, Machine};
use crate::error::{ConnectError, ServeError};
use crate::host::{ClientHost, Network, ServerBinding};
use crate::service::method_id;

/// A machine in a [`World`]: it has a name, an address and a clock, and runs one process.
///
/// It is a network for what is opened on it: `CalculatorClient::on(&world.host("alice"), "calc")`
/// opens a client on the host `alice`. Clients on one host share its address and differ by port.
#[derive(Clone, Debug)]
pub struct Host {
    world: World,
    id: HostId,
}

impl Host {
    pub(super) fn new(world: World, id: HostId) -> Self {
        Self { world, id }
    }

    /// The name.
    pub fn name(&self) -> String {
        self.with_state(|state| state.hosts[self.id].name.clone())
    }

    /// The address.
    pub fn ip(&self) -> IpAddr {
        self.with_state(|state| state.hosts[self.id].ip)
    }

    /// How long handlers take on this host from now on. Default: no time at all.
    ///
    /// A handler runs when the call is taken from the queue, and keeps its worker, and its result is
    /// kept back, until this time is over. With [`Delay::FOREVER`] it never answers.
    pub fn set_service_time(&self, time: impl Into<Delay>) {
        let time = time.into();
        self.with_state(|state| state.hosts[self.id].service_time = time);
    }

    /// How long the handlers of one method take on this host from now on. The method is named by its
    /// name on the wire.
    pub fn set_method_time(&self, method: &str, time: impl Into<Delay>) {
        self.set_method_id_time(method_id(method), time);
    }

    /// Like [`set_method_time`](Self::set_method_time), for a method whose id is pinned.
    pub fn set_method_id_time(&self, id: u32, time: impl Into<Delay>) {
        let time = time.into();
        self.with_state(|state| state.hosts[self.id].method_times.insert(id, time));
    }

    /// Everything in the memory of this host is gone, and datagrams to it are lost.
    ///
    /// Its clients are dead for ever: their open calls end with `Closed` and an unknown outcome, which
    /// stands for a caller that is gone. Its servers are down until [`restart`](Self::restart). Handlers
    /// that were running leave no result; what they did to the state of the service remains, as if it
    /// were on disk.
    pub fn crash(&self) {
        self.with_state(|state| state.crash(self.id));
    }

    /// Starts the host again, after a crash now if it is not down. Its servers serve the same handlers
    /// at the same addresses with fresh session ids; new clients on it get the ports of the old ones.
    pub fn restart(&self) {
        self.with_state(|state| state.restart(self.id));
    }

    /// Stops the host for this long, as a debugger or a hypervisor does. Its clock goes on. Datagrams
    /// wait in its sockets, as far as they have room.
    pub fn pause(&self, duration: Duration) {
        self.with_state(|state| state.pause(self.id, duration));
    }

    /// Moves every endpoint on this host to a new port, as an address translator does that forgot
    /// about it. Datagrams to the old ones are lost.
    pub fn rebind(&self) {
        self.with_state(|state| {
            for node in state.nodes_of(self.id) {
                state.rebind(node);
                state.turn(node);
            }
        });
    }

    /// The clock of this host jumps forward.
    pub fn jump_clock(&self, by: Duration) {
        self.with_state(|state| state.jump_clock(self.id, by));
    }

    /// Adds a state machine of the scenario's own: an attacker, or a stand-in for an endpoint. Gives
    /// its address.
    #[doc(hidden)]
    pub fn add_machine(&self, machine: Box<dyn Machine>) -> std::net::SocketAddr {
        self.with_state(|state| {
            let node = state.add_node(self.id, None, Role::Machine(machine));
            state.turn(node);
            state.nodes[&node].address
        })
    }

    fn with_state<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        self.world.with_state(work)
    }

    fn add_client(&self, state: &mut State, service: &str, config: ClientConfig) -> Option<NodeId> {
        let server = state.resolve(service)?;
        let node = state.add_node(self.id, None, Role::Bound);
        let now = state.hosts[self.id].now();
        let mut endpoint = ClientEndpoint::new(config, vec![server], state.entropy(node, 0), now);
        endpoint.connect(now);
        let client = ClientNode::new(endpoint, service);
        state.nodes.get_mut(&node).expect("it was just added").role = Role::Client(client);
        state.turn(node);
        Some(node)
    }
}

impl Network for Host {
    fn open_client(
        &self,
        name: &str,
        config: ClientConfig,
    ) -> Result<Arc<dyn ClientHost>, ConnectError> {
        config.validate()?;
        let node = self
            .with_state(|state| self.add_client(state, name, config))
            .ok_or_else(|| ConnectError::NoAddress { name: name.to_owned() })?;
        Ok(Arc::new(SimulatedClient::new(self.world.clone(), node)))
    }

    fn open_server(
        &self,
        name: &str,
        config: &ServerConfig,
    ) -> Result<Box<dyn ServerBinding>, ServeError> {
        config.validate()?;
        let (node, address) = self
            .with_state(|state| {
                let address = state.register(self.id, name);
                if state.is_bound(address) {
                    return None;
                }
                Some((state.add_node(self.id, Some(address), Role::Bound), address))
            })
            .ok_or_else(|| ServeError::NameInUse { name: name.to_owned() })?;
        Ok(Box::new(Binding::new(self.world.clone(), node, address)))
    }
}
