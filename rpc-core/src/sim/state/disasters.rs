//! What befalls hosts.

use core::time::Duration;

use super::{Event, HostId, State};
use crate::sim::agenda::Class;
use crate::sim::keeper::Incarnation;
use crate::sim::node::{NodeId, Role};
use crate::sim::random::{Purpose, Stream};
use crate::time::Clock;

impl State {
    pub(in crate::sim) fn crash(&mut self, host: HostId) {
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

    pub(in crate::sim) fn restart(&mut self, host: HostId) {
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
    pub(in crate::sim) fn start_server(&mut self, id: NodeId) {
        let choices = &self.settings.choices;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let host = &self.hosts[node.host];
        let Role::Server(server) = &mut node.role else { return };
        let entropy = choices.stream(Stream::new(Purpose::Entropy, id.0, server.incarnation));
        let keeper = Incarnation::new(self.world.clone(), id, server.incarnation);
        server.start(host.clock(), Box::new(entropy), host.now(), keeper);
        self.turn(id);
    }

    pub(in crate::sim) fn pause(&mut self, host: HostId, duration: Duration) {
        let until = self.clock.now() + duration;
        self.note(format!("{} pauses for {duration:?}", self.hosts[host].name));
        self.hosts[host].paused_until = Some(until);
        self.agenda.add(until, Class::Action, Event::Resume(host));
    }

    pub(super) fn resume(&mut self, host: HostId) {
        let state = &mut self.hosts[host];
        if state.paused_until.is_none_or(|until| until > self.clock.now()) {
            return;
        }
        state.paused_until = None;
        self.note(format!("{} goes on", self.hosts[host].name));
        self.wake_nodes(host);
    }

    /// Moves the clock of a host forward.
    pub(in crate::sim) fn jump_clock(&mut self, host: HostId, by: Duration) {
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
