//! Everything in a world, and what each event does to it. Runs no user code.

use core::task::Waker;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::agenda::{Agenda, Class};
use super::keeper::Incarnation;
use super::link::{Copy, Fate, LinkState};
use super::node::{HostState, Node, NodeId, Role};
use super::oracles::Oracles;
use super::random::{Purpose, Random, Stream};
use super::trace::{Trace, What};
use super::world::{Settings, WeakWorld, World};
use crate::endpoint::server::{CallToken, Finished};
use crate::service::{Dispatched, Task};
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
pub(super) type HostId = usize;

/// What a scenario planned for a later time.
pub(super) type Action = Box<dyn FnOnce(&World) + Send>;

/// Something that happens at a point in time.
pub(super) enum Event {
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
pub(super) struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    data: Bytes,
    path: (HostId, HostId),
    is_queued: bool,
}

/// A handler's result, kept back until its service time is over. `None`: it comes later.
#[derive(Debug)]
pub(super) struct Completed {
    pub(super) node: NodeId,
    pub(super) incarnation: u64,
    pub(super) token: CallToken,
    pub(super) finished: Option<Finished>,
}

/// What has to be done without the lock, because user code may run in it.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) wake: Vec<Waker>,
    /// Servers that may have calls to run.
    pub(super) serve: Vec<NodeId>,
    /// Their destructors may run user code.
    pub(super) discard: Vec<Node>,
    /// Futures of calls that died with their host.
    pub(super) tasks: Vec<Arc<Task>>,
    pub(super) act: Option<Action>,
}

impl Effects {
    pub(super) fn is_empty(&self) -> bool {
        self.wake.is_empty()
            && self.serve.is_empty()
            && self.discard.is_empty()
            && self.tasks.is_empty()
            && self.act.is_none()
    }
}

pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) trace: Trace,
    pub(super) hosts: Vec<HostState>,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) effects: Effects,
    pub(super) oracles: Oracles,
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
    pub(super) fn new(settings: Settings, clock: Arc<VirtualClock>, world: WeakWorld) -> Self {
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

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The host of this name, made if there is none.
    pub(super) fn host(&mut self, name: &str) -> HostId {
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

    pub(super) fn has_host(&self, name: &str) -> bool {
        self.host_names.contains_key(name)
    }

    /// A name for the host of one more client that did not ask for a host.
    pub(super) fn unused_host_name(&self) -> String {
        (1..)
            .map(|number| format!("client-{number}"))
            .find(|name| !self.has_host(name))
            .expect("the numbers do not end")
    }

    /// The address that a server's name stands for. A host of that name is enough, even before it
    /// serves anything.
    pub(super) fn resolve(&mut self, service: &str) -> Option<SocketAddr> {
        if let Some(address) = self.services.get(service) {
            return Some(*address);
        }
        let host = *self.host_names.get(service)?;
        Some(self.register(host, service))
    }

    /// Gives the server's name an address on `host`, unless it has one there.
    pub(super) fn register(&mut self, host: HostId, service: &str) -> SocketAddr {
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

    pub(super) fn is_bound(&self, address: SocketAddr) -> bool {
        self.addresses.contains_key(&address)
    }

    pub(super) fn note(&mut self, text: String) {
        self.trace.add(self.clock.now(), What::Note(text));
    }
}

/// Nodes.
impl State {
    /// Adds a node at `address`, or at a fresh one.
    pub(super) fn add_node(
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
    pub(super) fn remove_node(&mut self, id: NodeId) {
        let Some(mut node) = self.nodes.remove(&id) else { return };
        self.addresses.remove(&node.address);
        self.oracles.lost(&mut node);
        node.take_wakers(&mut self.effects.wake);
        self.effects.discard.push(node);
    }

    pub(super) fn nodes_of(&self, host: HostId) -> Vec<NodeId> {
        self.nodes.iter().filter(|(_, node)| node.host == host).map(|(id, _)| *id).collect()
    }

    /// The seeded source of random bits of one incarnation of one node.
    pub(super) fn entropy(&self, id: NodeId, incarnation: u64) -> Box<Random> {
        Box::new(self.random(Purpose::Entropy, id.0, incarnation))
    }

    pub(super) fn service_random(&self, id: NodeId) -> Random {
        self.random(Purpose::Service, id.0, 0)
    }

    fn random(&self, purpose: Purpose, first: u64, second: u64) -> Random {
        self.settings.choices.stream(Stream::new(purpose, first, second))
    }

    /// Moves a node to another port: its old address leads nowhere from now on.
    pub(super) fn rebind(&mut self, id: NodeId) {
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
    pub(super) fn turn(&mut self, id: NodeId) {
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
    pub(super) fn turn_without_serving(&mut self, id: NodeId) {
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
    pub(super) fn arm(&mut self, id: NodeId) {
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

/// The network.
impl State {
    pub(super) fn link(&mut self, path: (HostId, HostId)) -> &mut LinkState {
        let choices = &self.settings.choices;
        self.links.entry(path).or_insert_with(|| {
            let stream = Stream::new(Purpose::Link, path.0 as u64, path.1 as u64);
            LinkState::new(choices.stream(stream))
        })
    }

    pub(super) fn links(&mut self) -> impl Iterator<Item = &mut LinkState> {
        self.links.values_mut()
    }

    /// The links that do not have the properties of the world: from whom, to whom.
    pub(super) fn own_links(&self) -> impl Iterator<Item = (&str, &str, &LinkState)> {
        self.links
            .iter()
            .filter(|(_, link)| link.own.is_some() || link.is_cut)
            .map(|((from, to), link)| (&*self.hosts[*from].name, &*self.hosts[*to].name, link))
    }

    /// Hands a datagram to the network.
    pub(super) fn send(&mut self, host: HostId, from: SocketAddr, to: SocketAddr, data: Bytes) {
        let now = self.clock.now();
        let Some(receiver) = self.host_addresses.get(&to.ip()).copied() else {
            let fate = Fate::NoSuchAddress;
            self.trace.add(now, What::Datagram { from, to, data, fate, arrival: None });
            return;
        };
        let path = (host, receiver);
        let mut copies = core::mem::take(&mut self.copies);
        let usual = self.settings.link.clone();
        self.link(path).carry(&usual, &data, &mut copies);
        self.record(Packet { from, to, data, path, is_queued: false });
        for Copy { fate, after, data } in copies.drain(..) {
            let arrival = after.map(|after| now + after).filter(|at| *at != Timestamp::NEVER);
            if let Some(at) = arrival {
                let is_queued = fate != Fate::Late;
                if is_queued {
                    self.link(path).in_flight += 1;
                }
                let packet = Packet { from, to, data: data.clone(), path, is_queued };
                self.agenda.add(at, Class::Arrival, Event::Arrive(packet));
            }
            self.oracles.dropped(fate);
            self.trace.add(now, What::Datagram { from, to, data, fate, arrival });
        }
        self.copies = copies;
    }

    fn record(&mut self, packet: Packet) {
        if self.settings.recorded == 0 {
            return;
        }
        if self.recorded.len() == self.settings.recorded {
            self.recorded.pop_front();
        }
        self.recorded.push_back(packet);
    }

    pub(super) fn recorded(&self) -> usize {
        self.recorded.len()
    }

    /// One of the recorded datagrams: from whom, to whom, and what.
    pub(super) fn pick_recorded(
        &self,
        random: &mut Random,
    ) -> Option<(SocketAddr, SocketAddr, Bytes)> {
        let index = random.below(self.recorded.len() as u64) as usize;
        self.recorded.get(index).map(|packet| (packet.from, packet.to, packet.data.clone()))
    }

    /// Sends every recorded datagram once more, in an order that `random` draws, within `period`.
    pub(super) fn replay(&mut self, random: &mut Random, period: Duration) -> usize {
        let range = period.as_nanos() as u64;
        for number in 0..self.recorded.len() {
            self.replay_after(number, Duration::from_nanos(1 + random.below(range)));
        }
        self.recorded.len()
    }

    /// Sends one recorded datagram once more.
    pub(super) fn replay_one(&mut self, number: usize) -> bool {
        let exists = number < self.recorded.len();
        if exists {
            self.replay_after(number, Duration::from_nanos(1));
        }
        exists
    }

    fn replay_after(&mut self, number: usize, delay: Duration) {
        let packet = self.recorded[number].clone();
        let now = self.clock.now();
        let arrival = now + delay;
        let Packet { from, to, ref data, .. } = packet;
        let (data, fate) = (data.clone(), Fate::Replayed);
        self.trace.add(now, What::Datagram { from, to, data, fate, arrival: Some(arrival) });
        self.agenda.add(arrival, Class::Arrival, Event::Arrive(packet));
    }

    /// A datagram arrives; gives the node that got it.
    fn arrive(&mut self, packet: Packet) -> Option<NodeId> {
        let link = self.link(packet.path);
        link.in_flight -= usize::from(packet.is_queued);
        if link.is_cut {
            return self.drop_packet(packet, Fate::Cut);
        }
        let host = &self.hosts[packet.path.1];
        if host.is_down {
            return self.drop_packet(packet, Fate::HostDown);
        }
        let Some(id) = self.addresses.get(&packet.to).copied() else {
            return self.drop_packet(packet, Fate::NoSuchAddress);
        };
        let node = self.nodes.get_mut(&id).expect("every bound address has its node");
        if host.is_running() {
            self.oracles.deliver(host.now(), node, packet.from, &packet.data);
            return Some(id);
        }
        if node.inbox.len() >= self.settings.socket_limit {
            return self.drop_packet(packet, Fate::SocketFull);
        }
        node.inbox.push_back((packet.from, packet.data));
        None
    }

    fn drop_packet(&mut self, packet: Packet, fate: Fate) -> Option<NodeId> {
        let Packet { from, to, data, .. } = packet;
        self.oracles.dropped(fate);
        self.trace.add(self.clock.now(), What::Datagram { from, to, data, fate, arrival: None });
        None
    }
}

/// Events.
impl State {
    pub(super) fn plan(&mut self, after: Duration, event: Event) {
        let at = self.clock.now() + after;
        if at != Timestamp::NEVER {
            self.agenda.add(at, Class::Action, event);
        }
    }

    pub(super) fn planned(&self) -> usize {
        self.agenda.len()
    }

    /// Lets the next event happen, if it comes at `limit` or before. False if there is none.
    pub(super) fn happen(&mut self, limit: Timestamp) -> bool {
        if self.agenda.next_at().is_none_or(|at| at > limit) {
            return false;
        }
        let Some((at, event)) = self.agenda.take() else { return false };
        self.oracles.check();
        self.watch_progress(at);
        match event {
            Event::Arrive(packet) => self.arrive_together(packet),
            Event::Timer(id) => self.fire(id, at),
            Event::Complete(completed) => {
                let id = completed.node;
                self.complete(completed);
                self.turn(id);
            }
            Event::Answer(Completed { node, incarnation, token, finished }) => {
                if let Some(finished) = finished {
                    self.answer(node, incarnation, token, finished);
                }
            }
            Event::Serve(id) => self.turn(id),
            Event::Resume(host) => self.resume(host),
            Event::Act(action) => self.effects.act = Some(action),
        }
        true
    }

    /// Moves the clock to `to` without an event.
    pub(super) fn advance(&mut self, to: Timestamp) {
        self.clock.advance(to);
    }

    fn watch_progress(&mut self, at: Timestamp) {
        if at > self.clock.now() {
            self.clock.advance(at);
            self.events_this_instant = 0;
        }
        self.events_this_instant += 1;
        assert!(
            self.events_this_instant < MOST_EVENTS_AN_INSTANT,
            "time stands still at {at:?}: an endpoint asks for a timer again and again"
        );
    }

    /// Hands over a datagram and those that arrive at the same socket in the same instant, then lets
    /// the node act once: as a loop does that drains its socket.
    fn arrive_together(&mut self, packet: Packet) {
        let (to, now) = (packet.to, self.clock.now());
        let mut node = self.arrive(packet);
        while let Some((at, Event::Arrive(next))) = self.agenda.peek() {
            if at > now || next.to != to {
                break;
            }
            let Some((_, Event::Arrive(next))) = self.agenda.take() else { break };
            node = self.arrive(next).or(node);
        }
        if let Some(id) = node {
            self.turn(id);
        }
    }

    fn fire(&mut self, id: NodeId, at: Timestamp) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.armed != Some(at) {
            return;
        }
        node.armed = None;
        let host = &self.hosts[node.host];
        if !host.is_running() {
            return;
        }
        let now = host.now();
        if let Some(machine) = node.machine() {
            machine.handle_timeout(now);
        }
        self.turn(id);
    }

    /// A handler's service time is over. The node has to act on it.
    pub(super) fn complete(&mut self, completed: Completed) {
        let Some(node) = self.nodes.get_mut(&completed.node) else { return };
        let host = &mut self.hosts[node.host];
        if let Some(until) = host.paused_until {
            self.agenda.add(until, Class::Action, Event::Complete(completed));
            return;
        }
        let server = node.address;
        let Role::Server(role) = &mut node.role else { return };
        let Completed { incarnation, token, finished, .. } = completed;
        if let Some(method) = role.complete(self.clock.now(), incarnation, token, finished) {
            self.trace.add(self.clock.now(), What::Answered { server, method });
        }
    }

    /// A call is answered after its handler has returned. The answer goes out at once; what the server
    /// does next waits for whoever drives.
    pub(super) fn answer(
        &mut self,
        id: NodeId,
        incarnation: u64,
        token: CallToken,
        finished: Finished,
    ) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if let Some(until) = self.hosts[node.host].paused_until {
            let completed = Completed { node: id, incarnation, token, finished: Some(finished) };
            self.agenda.add(until, Class::Action, Event::Answer(completed));
            return;
        }
        let server = node.address;
        let Role::Server(role) = &mut node.role else { return };
        let Some(method) = role.answer(incarnation, token, finished) else { return };
        self.trace.add(self.clock.now(), What::Answered { server, method });
        self.turn_without_serving(id);
        self.plan(Duration::ZERO, Event::Serve(id));
    }

    /// A call has been run that is answered later. Gives what is to be dropped without the lock.
    #[must_use = "it must be dropped without the lock"]
    pub(super) fn put_off(
        &mut self,
        id: NodeId,
        incarnation: u64,
        token: CallToken,
        later: Dispatched,
    ) -> Option<Arc<Task>> {
        let now = self.clock.now();
        match self.nodes.get_mut(&id) {
            Some(Node { role: Role::Server(server), .. }) => {
                server.put_off(now, incarnation, token, later)
            }
            _ => later.into_task(),
        }
    }

    /// A future was woken. It is given back if its server is gone.
    pub(super) fn wake_task(
        &mut self,
        id: NodeId,
        incarnation: u64,
        task: Arc<Task>,
    ) -> Option<Arc<Task>> {
        let now = self.clock.now();
        let Some(Node { role: Role::Server(server), .. }) = self.nodes.get_mut(&id) else {
            return Some(task);
        };
        let left = server.wake(now, incarnation, task);
        if left.is_none() {
            self.plan(Duration::ZERO, Event::Serve(id));
        }
        left
    }
}

/// Faults of hosts.
impl State {
    pub(super) fn crash(&mut self, host: HostId) {
        self.note(format!("{} crashes", self.hosts[host].name));
        let state = &mut self.hosts[host];
        state.is_down = true;
        state.paused_until = None;
        // The next process on this host gets the ports of the one that died.
        state.ports_used = 0;
        for id in self.nodes_of(host) {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            node.inbox.clear();
            node.armed = None;
            self.oracles.lost(node);
            match &mut node.role {
                Role::Server(server) => self.effects.tasks.extend(server.crash()),
                Role::Bound => {}
                Role::Client(_) | Role::Machine(_) => self.remove_node(id),
            }
        }
    }

    pub(super) fn restart(&mut self, host: HostId) {
        if !self.hosts[host].is_down {
            self.crash(host);
        }
        self.note(format!("{} starts again", self.hosts[host].name));
        self.hosts[host].is_down = false;
        for id in self.nodes_of(host) {
            self.start_server(id);
        }
    }

    /// Gives a server node a fresh endpoint.
    pub(super) fn start_server(&mut self, id: NodeId) {
        let choices = &self.settings.choices;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let host = &self.hosts[node.host];
        let Role::Server(server) = &mut node.role else { return };
        let entropy = choices.stream(Stream::new(Purpose::Entropy, id.0, server.incarnation));
        let keeper = Incarnation::new(self.world.clone(), id, server.incarnation);
        server.start(host.clock(), Box::new(entropy), host.now(), keeper);
        self.turn(id);
    }

    pub(super) fn pause(&mut self, host: HostId, duration: Duration) {
        let until = self.clock.now() + duration;
        self.note(format!("{} pauses for {duration:?}", self.hosts[host].name));
        self.hosts[host].paused_until = Some(until);
        self.agenda.add(until, Class::Action, Event::Resume(host));
    }

    fn resume(&mut self, host: HostId) {
        let state = &mut self.hosts[host];
        if state.paused_until.is_none_or(|until| until > self.clock.now()) {
            return;
        }
        state.paused_until = None;
        self.note(format!("{} goes on", self.hosts[host].name));
        self.wake_nodes(host);
    }

    /// Moves the clock of a host forward.
    pub(super) fn jump_clock(&mut self, host: HostId, by: Duration) {
        self.note(format!("the clock of {} jumps by {by:?}", self.hosts[host].name));
        self.hosts[host].add_skew(by);
        self.wake_nodes(host);
    }

    /// One loop turn of every node: drain the socket, then run the timers.
    fn wake_nodes(&mut self, host: HostId) {
        for id in self.nodes_of(host) {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            let now = self.hosts[host].now();
            while let Some((from, data)) = node.inbox.pop_front() {
                self.oracles.deliver(now, node, from, &data);
            }
            if let Some(machine) = node.machine() {
                machine.handle_timeout(now);
            }
            self.turn(id);
        }
    }
}
