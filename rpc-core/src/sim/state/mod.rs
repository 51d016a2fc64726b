//! Everything in a world, and what each event does to it. Runs no user code.

mod disasters;
mod events;
mod network;

use core::task::Waker;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::endpoint::server::{CallToken, Finished};
use crate::service::Task;
use crate::sim::agenda::{Agenda, Class};
use crate::sim::link::{Copy, LinkState};
use crate::sim::node::{HostState, Node, NodeId, Role};
use crate::sim::oracles::Oracles;
use crate::sim::random::{Purpose, Random, Stream};
use crate::sim::trace::{Trace, What};
use crate::sim::world::{Settings, WeakWorld, World};
use crate::time::{Clock, Timestamp};

/// The port of the first socket of a host; later sockets count upwards.
const FIRST_PORT: u16 = 7000;

/// More datagrams than any endpoint sends in one turn: one that exceeds it never stops.
const MOST_DATAGRAMS_A_TURN: usize = 1 << 17;

/// More events than happen in one instant: a run that exceeds it does not get on.
const MOST_EVENTS_AN_INSTANT: u32 = 1 << 20;

/// Virtual time, readable without any lock.
#[derive(Debug, Default)]
pub(crate) struct VirtualClock(AtomicU64);

impl VirtualClock {
    pub(crate) fn advance(&self, to: Timestamp) {
        self.0.fetch_max(to.as_nanos(), Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A number for a host; they count upwards from zero.
pub(in crate::sim) type HostId = usize;

/// What a scenario planned for a later time.
pub(in crate::sim) type Action = Box<dyn FnOnce(&World) + Send>;

/// Something that happens at a point in time.
pub(in crate::sim) enum Event {
    Arrive(Packet),
    Timer(NodeId),
    Complete(Completed),
    /// A call is answered that was to be answered later.
    Answer(Completed),
    /// A server has something to do.
    Serve(NodeId),
    Resume(HostId),
    Act(Action),
}

/// One copy of a datagram on its way.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    data: Bytes,
    path: (HostId, HostId),
    is_queued: bool,
}

/// A handler's result, kept back until its service time is over. `None`: it comes later.
#[derive(Debug)]
pub(in crate::sim) struct Completed {
    pub(in crate::sim) node: NodeId,
    pub(in crate::sim) incarnation: u64,
    pub(in crate::sim) token: CallToken,
    pub(in crate::sim) finished: Option<Finished>,
}

/// What has to be done without the lock, because user code may run in it.
#[derive(Default)]
pub(in crate::sim) struct Effects {
    pub(in crate::sim) wake: Vec<Waker>,
    /// Servers that may have calls to run.
    pub(in crate::sim) serve: Vec<NodeId>,
    /// Their destructors may run user code.
    pub(in crate::sim) discard: Vec<Node>,
    /// Futures of calls that died with their host.
    pub(in crate::sim) tasks: Vec<Arc<Task>>,
    pub(in crate::sim) act: Option<Action>,
}

impl Effects {
    pub(in crate::sim) fn is_empty(&self) -> bool {
        self.wake.is_empty()
            && self.serve.is_empty()
            && self.discard.is_empty()
            && self.tasks.is_empty()
            && self.act.is_none()
    }
}

pub(in crate::sim) struct State {
    pub(in crate::sim) settings: Settings,
    pub(in crate::sim) clock: Arc<VirtualClock>,
    pub(in crate::sim) trace: Trace,
    pub(in crate::sim) hosts: Vec<HostState>,
    pub(in crate::sim) nodes: BTreeMap<NodeId, Node>,
    pub(in crate::sim) effects: Effects,
    pub(in crate::sim) oracles: Oracles,
    world: WeakWorld,
    agenda: Agenda<Event>,
    host_names: BTreeMap<String, HostId>,
    host_addresses: BTreeMap<IpAddr, HostId>,
    /// Which address a server's name stands for; it outlives the server.
    services: BTreeMap<String, SocketAddr>,
    addresses: BTreeMap<SocketAddr, NodeId>,
    links: BTreeMap<(HostId, HostId), LinkState>,
    recorded: VecDeque<Packet>,
    nodes_made: u64,
    events_this_instant: u32,
    buffer: Vec<u8>,
    copies: Vec<Copy>,
}

/// Names and hosts.
impl State {
    pub(in crate::sim) fn new(
        settings: Settings,
        clock: Arc<VirtualClock>,
        world: WeakWorld,
    ) -> Self {
        Self {
            trace: Trace::new(settings.trace),
            settings,
            clock,
            hosts: Vec::new(),
            nodes: BTreeMap::new(),
            effects: Effects::default(),
            oracles: Oracles::default(),
            world,
            agenda: Agenda::new(),
            host_names: BTreeMap::new(),
            host_addresses: BTreeMap::new(),
            services: BTreeMap::new(),
            addresses: BTreeMap::new(),
            links: BTreeMap::new(),
            recorded: VecDeque::new(),
            nodes_made: 0,
            events_this_instant: 0,
            buffer: Vec::new(),
            copies: Vec::new(),
        }
    }

    pub(in crate::sim) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The host of this name, made if there is none.
    pub(in crate::sim) fn host(&mut self, name: &str) -> HostId {
        if let Some(id) = self.host_names.get(name) {
            return *id;
        }
        let id = self.hosts.len();
        let number = u32::try_from(id + 1).expect("there are fewer than 2^24 hosts").to_be_bytes();
        let ip = IpAddr::V4(Ipv4Addr::new(10, number[1], number[2], number[3]));
        self.hosts.push(HostState::new(name, ip, Arc::clone(&self.clock)));
        self.host_names.insert(name.to_owned(), id);
        self.host_addresses.insert(ip, id);
        id
    }

    pub(in crate::sim) fn has_host(&self, name: &str) -> bool {
        self.host_names.contains_key(name)
    }

    /// A name for the host of one more client that did not ask for a host.
    pub(in crate::sim) fn unused_host_name(&self) -> String {
        (1..)
            .map(|number| format!("client-{number}"))
            .find(|name| !self.has_host(name))
            .expect("the numbers do not end")
    }

    /// The address that a server's name stands for. A host of that name is enough, even before it
    /// serves anything.
    pub(in crate::sim) fn resolve(&mut self, service: &str) -> Option<SocketAddr> {
        if let Some(address) = self.services.get(service) {
            return Some(*address);
        }
        let host = *self.host_names.get(service)?;
        Some(self.register(host, service))
    }

    /// Gives the server's name an address on `host`, unless it has one there.
    pub(in crate::sim) fn register(&mut self, host: HostId, service: &str) -> SocketAddr {
        match self.services.get(service) {
            Some(address) if self.host_addresses.get(&address.ip()) == Some(&host) => *address,
            _ => {
                let address = self.unused_address(host);
                self.services.insert(service.to_owned(), address);
                address
            }
        }
    }

    fn unused_address(&mut self, host: HostId) -> SocketAddr {
        let ip = self.hosts[host].ip;
        loop {
            let port = FIRST_PORT + self.hosts[host].ports_used;
            self.hosts[host].ports_used += 1;
            let address = SocketAddr::new(ip, port);
            let is_reserved = self.services.values().any(|service| *service == address);
            if !self.addresses.contains_key(&address) && !is_reserved {
                return address;
            }
        }
    }

    pub(in crate::sim) fn is_bound(&self, address: SocketAddr) -> bool {
        self.addresses.contains_key(&address)
    }

    pub(in crate::sim) fn note(&mut self, text: String) {
        self.trace.add(self.clock.now(), What::Note(text));
    }
}

/// Nodes.
impl State {
    /// Adds a node at `address`, or at a fresh one.
    pub(in crate::sim) fn add_node(
        &mut self,
        host: HostId,
        address: Option<SocketAddr>,
        role: Role,
    ) -> NodeId {
        let address = address.unwrap_or_else(|| self.unused_address(host));
        self.nodes_made += 1;
        let id = NodeId(self.nodes_made);
        self.nodes.insert(id, Node::new(host, address, role));
        self.addresses.insert(address, id);
        self.trace.name(address, &self.hosts[host].name);
        id
    }

    /// Takes a node out of the world. What is on its way to it gets lost.
    pub(in crate::sim) fn remove_node(&mut self, id: NodeId) {
        let Some(mut node) = self.nodes.remove(&id) else { return };
        self.addresses.remove(&node.address);
        self.oracles.lost(&mut node);
        node.take_wakers(&mut self.effects.wake);
        self.effects.discard.push(node);
    }

    pub(in crate::sim) fn nodes_of(&self, host: HostId) -> Vec<NodeId> {
        self.nodes.iter().filter(|(_, node)| node.host == host).map(|(id, _)| *id).collect()
    }

    /// The seeded source of random bits of one incarnation of one node.
    pub(in crate::sim) fn entropy(&self, id: NodeId, incarnation: u64) -> Box<Random> {
        Box::new(self.random(Purpose::Entropy, id.0, incarnation))
    }

    pub(in crate::sim) fn service_random(&self, id: NodeId) -> Random {
        self.random(Purpose::Service, id.0, 0)
    }

    fn random(&self, purpose: Purpose, first: u64, second: u64) -> Random {
        self.settings.choices.stream(Stream::new(purpose, first, second))
    }

    /// Moves a node to another port: its old address leads nowhere from now on.
    pub(in crate::sim) fn rebind(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else { return };
        let (host, old) = (node.host, node.address);
        let new = self.unused_address(host);
        self.addresses.remove(&old);
        self.addresses.insert(new, id);
        for service in self.services.values_mut().filter(|service| **service == old) {
            *service = new;
        }
        let name = self.hosts[host].name.clone();
        self.trace.name(new, &name);
        self.note(format!("{name} moves from port {} to {}", old.port(), new.port()));
        if let Some(node) = self.nodes.get_mut(&id) {
            node.address = new;
        }
    }

    /// Lets a node act on what it was just given: sends what it has to send, sets its timer, wakes
    /// who waited for it. To be called after every input.
    pub(in crate::sim) fn turn(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else { return };
        if !self.hosts[node.host].is_running() {
            return;
        }
        self.transmit(id);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        self.oracles.turned(self.hosts[node.host].now(), id, node);
        let is_over = match &mut node.role {
            Role::Client(client) => {
                client.collect_finished(&mut self.effects.wake);
                client.is_over()
            }
            Role::Server(server) => {
                if server.has_work() {
                    self.effects.serve.push(id);
                }
                false
            }
            Role::Machine(_) | Role::Bound => false,
        };
        if is_over {
            self.close_client(id);
            return;
        }
        self.resolve_again(id);
        self.arm(id);
    }

    /// Like [`turn`](Self::turn), for one who serves the node next.
    pub(in crate::sim) fn turn_without_serving(&mut self, id: NodeId) {
        self.turn(id);
        self.effects.serve.retain(|node| *node != id);
    }

    /// Ends a client whose handle is gone.
    fn close_client(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if let Role::Client(client) = &mut node.role {
            client.endpoint.close();
        }
        self.transmit(id);
        self.remove_node(id);
    }

    fn resolve_again(&mut self, id: NodeId) {
        let Some(Node { role: Role::Client(client), .. }) = self.nodes.get_mut(&id) else { return };
        if !client.endpoint.wants_servers() {
            return;
        }
        let service = client.service.clone();
        let Some(address) = self.resolve(&service) else { return };
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let now = self.hosts[node.host].now();
        if let Role::Client(client) = &mut node.role {
            client.endpoint.set_servers(now, vec![address]);
        }
        self.transmit(id);
    }

    /// Plans the node's next timer, if it is earlier than the one that is planned. An entry that has
    /// become too early does nothing but plan the next.
    pub(in crate::sim) fn arm(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let host = &self.hosts[node.host];
        let Some(at) = node.machine().and_then(|machine| machine.poll_timeout()) else { return };
        if at == Timestamp::NEVER {
            return;
        }
        let at = (at - host.skew()).max(self.clock.now());
        if node.armed.is_none_or(|armed| at < armed) {
            node.armed = Some(at);
            self.agenda.add(at, Class::Timer, Event::Timer(id));
        }
    }

    fn transmit(&mut self, id: NodeId) {
        for _ in 0..MOST_DATAGRAMS_A_TURN {
            let Some(node) = self.nodes.get_mut(&id) else { return };
            let (host, from) = (node.host, node.address);
            let now = self.hosts[host].now();
            self.buffer.clear();
            let Some(machine) = node.machine() else { return };
            let Some(transmit) = machine.poll_transmit(now, &mut self.buffer) else { return };
            assert_eq!(transmit.length, self.buffer.len(), "the length of a datagram is wrong");
            let data = Bytes::copy_from_slice(&self.buffer);
            self.oracles.sent(now, node, transmit.to, &data);
            self.send(host, from, transmit.to, data);
        }
        panic!("an endpoint sends without end");
    }
}
