//! What the network does to a datagram, from its sender to the socket it was sent to.

use core::time::Duration;
use std::net::SocketAddr;

use bytes::Bytes;

use super::{Event, HostId, Packet, State};
use crate::sim::agenda::Class;
use crate::sim::link::{Copy, Fate, LinkState};
use crate::sim::node::NodeId;
use crate::sim::random::{Purpose, Random, Stream};
use crate::sim::trace::What;
use crate::time::{Clock, Timestamp};

impl State {
    pub(in crate::sim) fn link(&mut self, path: (HostId, HostId)) -> &mut LinkState {
        let choices = &self.settings.choices;
        self.links.entry(path).or_insert_with(|| {
            let stream = Stream::new(Purpose::Link, path.0 as u64, path.1 as u64);
            LinkState::new(choices.stream(stream))
        })
    }

    pub(in crate::sim) fn links(&mut self) -> impl Iterator<Item = &mut LinkState> {
        self.links.values_mut()
    }

    /// The links that do not have the properties of the world: from whom, to whom.
    pub(in crate::sim) fn own_links(&self) -> impl Iterator<Item = (&str, &str, &LinkState)> {
        self.links
            .iter()
            .filter(|(_, link)| link.own.is_some() || link.is_cut)
            .map(|((from, to), link)| (&*self.hosts[*from].name, &*self.hosts[*to].name, link))
    }

    /// Hands a datagram to the network.
    pub(in crate::sim) fn send(
        &mut self,
        host: HostId,
        from: SocketAddr,
        to: SocketAddr,
        data: Bytes,
    ) {
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

    pub(in crate::sim) fn recorded(&self) -> usize {
        self.recorded.len()
    }

    /// One of the recorded datagrams: from whom, to whom, and what.
    pub(in crate::sim) fn pick_recorded(
        &self,
        random: &mut Random,
    ) -> Option<(SocketAddr, SocketAddr, Bytes)> {
        let index = random.below(self.recorded.len() as u64) as usize;
        self.recorded.get(index).map(|packet| (packet.from, packet.to, packet.data.clone()))
    }

    /// Sends every recorded datagram once more, in an order that `random` draws, within `period`.
    pub(in crate::sim) fn replay(&mut self, random: &mut Random, period: Duration) -> usize {
        let range = period.as_nanos() as u64;
        for number in 0..self.recorded.len() {
            self.replay_after(number, Duration::from_nanos(1 + random.below(range)));
        }
        self.recorded.len()
    }

    /// Sends one recorded datagram once more.
    pub(in crate::sim) fn replay_one(&mut self, number: usize) -> bool {
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
    pub(super) fn arrive(&mut self, packet: Packet) -> Option<NodeId> {
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
