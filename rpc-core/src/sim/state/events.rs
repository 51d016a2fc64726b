//! What will happen, and what each event does to the world.

use core::time::Duration;
use std::sync::Arc;

use super::{Completed, Event, MOST_EVENTS_AN_INSTANT, Packet, State};
use crate::endpoint::server::{CallToken, Finished};
use crate::service::{Dispatched, Task};
use crate::sim::agenda::Class;
use crate::sim::node::{Node, NodeId, Role};
use crate::sim::trace::What;
use crate::time::{Clock, Timestamp};

impl State {
    pub(in crate::sim) fn plan(&mut self, after: Duration, event: Event) {
        let at = self.clock.now() + after;
        if at != Timestamp::NEVER {
            self.agenda.add(at, Class::Action, event);
        }
    }

    pub(in crate::sim) fn planned(&self) -> usize {
        self.agenda.len()
    }

    /// Lets the next event happen, if it comes at `limit` or before. False if there is none.
    pub(in crate::sim) fn happen(&mut self, limit: Timestamp) -> bool {
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
    pub(in crate::sim) fn advance(&mut self, to: Timestamp) {
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
    pub(in crate::sim) fn complete(&mut self, completed: Completed) {
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
    pub(in crate::sim) fn answer(
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
    pub(in crate::sim) fn put_off(
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
    pub(in crate::sim) fn wake_task(
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
