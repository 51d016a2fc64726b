//! What a world consists of: hosts, and endpoints on them.

use core::task::Waker;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::delay::Delay;
use super::oracles::ClientWatch;
use super::server_node::ServerNode;
use super::state::{HostId, VirtualClock};
use crate::endpoint::client::CallKey;
use crate::endpoint::{ClientEndpoint, Machine};
use crate::time::{Clock, Timestamp};

/// Names an endpoint for the life of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(pub(super) u64);

/// A machine of its own: an address, a clock, and the endpoints of one process.
pub(super) struct HostState {
    pub(super) name: String,
    pub(super) ip: IpAddr,
    pub(super) ports_used: u16,
    pub(super) is_down: bool,
    pub(super) paused_until: Option<Timestamp>,
    /// How long handlers take here.
    pub(super) service_time: Delay,
    /// Methods that take another time, by id.
    pub(super) method_times: BTreeMap<u32, Delay>,
    clock: Arc<HostClock>,
}

/// The clock of one host: virtual time plus what it is ahead.
struct HostClock {
    world: Arc<VirtualClock>,
    skew: AtomicU64,
}

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        self.world.now() + Duration::from_nanos(self.skew.load(Ordering::Relaxed))
    }
}

impl HostState {
    pub(super) fn new(name: &str, ip: IpAddr, world: Arc<VirtualClock>) -> Self {
        Self {
            name: name.to_owned(),
            ip,
            ports_used: 0,
            is_down: false,
            paused_until: None,
            service_time: Delay::ZERO,
            method_times: BTreeMap::new(),
            clock: Arc::new(HostClock { world, skew: AtomicU64::new(0) }),
        }
    }

    /// Neither down nor paused.
    pub(super) fn is_running(&self) -> bool {
        !self.is_down && self.paused_until.is_none()
    }

    /// The time by the clock of this host.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    pub(super) fn skew(&self) -> Duration {
        Duration::from_nanos(self.clock.skew.load(Ordering::Relaxed))
    }

    pub(super) fn add_skew(&self, by: Duration) {
        self.clock.skew.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(super) fn time_of(&self, method: u32) -> Delay {
        self.method_times.get(&method).copied().unwrap_or(self.service_time)
    }
}

/// An endpoint on a host, with its socket.
pub(super) struct Node {
    pub(super) host: HostId,
    pub(super) address: SocketAddr,
    /// When its timer is planned.
    pub(super) armed: Option<Timestamp>,
    /// What arrived while the host was paused.
    pub(super) inbox: VecDeque<(SocketAddr, Bytes)>,
    pub(super) role: Role,
}

/// What a node is.
pub(super) enum Role {
    Client(ClientNode),
    Server(Box<ServerNode>),
    /// A bound address that is not served yet.
    Bound,
    /// A state machine of the scenario's own.
    Machine(Box<dyn Machine>),
}

impl Node {
    pub(super) fn new(host: HostId, address: SocketAddr, role: Role) -> Self {
        Self { host, address, armed: None, inbox: VecDeque::new(), role }
    }

    pub(super) fn machine(&mut self) -> Option<&mut dyn Machine> {
        match &mut self.role {
            Role::Client(client) => Some(&mut *client.endpoint),
            Role::Server(server) => server.endpoint.as_mut().map(|endpoint| endpoint as _),
            Role::Machine(machine) => Some(&mut **machine),
            Role::Bound => None,
        }
    }

    pub(super) fn receive(&mut self, now: Timestamp, from: SocketAddr, data: &Bytes) {
        let local = Some(self.address.ip());
        if let Some(machine) = self.machine() {
            machine.handle_datagram(now, from, local, data);
        }
    }

    /// How many entries all tables and queues of a server have.
    pub(super) fn footprint(&self) -> usize {
        match &self.role {
            Role::Server(server) => {
                server.endpoint.as_ref().map_or(0, |it| it.footprint() + it.source_entries())
            }
            _ => 0,
        }
    }

    pub(super) fn take_wakers(&mut self, wake: &mut Vec<Waker>) {
        if let Role::Client(client) = &mut self.role {
            wake.extend(client.wakers.drain(..).flatten().map(|(_, waker)| waker));
        }
    }
}

/// A client endpoint and who waits for it.
pub(super) struct ClientNode {
    pub(super) endpoint: Box<ClientEndpoint>,
    /// The name of its server.
    pub(super) service: String,
    /// Nobody holds its handle any more.
    pub(super) is_abandoned: bool,
    pub(super) watch: ClientWatch,
    /// Tasks to be woken, by [`CallKey::index`].
    wakers: Vec<Option<(CallKey, Waker)>>,
}

impl ClientNode {
    pub(super) fn new(endpoint: ClientEndpoint, service: &str) -> Self {
        Self {
            endpoint: Box::new(endpoint),
            service: service.to_owned(),
            is_abandoned: false,
            watch: ClientWatch::default(),
            wakers: Vec::new(),
        }
    }

    /// Notes who is to be woken when the call ends; gives the one that is replaced.
    #[must_use = "dropping a waker may run user code, and must wait for the lock to be free"]
    pub(super) fn set_waker(&mut self, key: CallKey, waker: Waker) -> Option<Waker> {
        if self.wakers.len() <= key.index() {
            self.wakers.resize_with(key.index() + 1, || None);
        }
        self.wakers[key.index()].replace((key, waker)).map(|(_, replaced)| replaced)
    }

    pub(super) fn collect_finished(&mut self, wake: &mut Vec<Waker>) {
        while let Some(key) = self.endpoint.poll_finished() {
            let Some(place) = self.wakers.get_mut(key.index()) else { continue };
            // A waker of an earlier call of this index must not be taken for this one's.
            if place.as_ref().is_some_and(|(waiting, _)| *waiting == key) {
                wake.extend(place.take().map(|(_, waker)| waker));
            }
        }
    }

    /// Nobody holds its handle, and nothing that was detached is still open.
    pub(super) fn is_over(&self) -> bool {
        self.is_abandoned && self.endpoint.open_calls() == 0
    }
}
