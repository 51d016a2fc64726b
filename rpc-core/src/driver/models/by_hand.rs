//! The other side of a loop under test: an endpoint without threads, driven by the model.

use super::super::clock::SystemClock;
use super::super::inbox::Inbox;
use super::super::poller::Poller;
use super::super::seat::Parts;
use super::super::socket::{Readiness, Socket};
use crate::endpoint::Machine;
use crate::time::{Clock, Timestamp};

/// An endpoint and its socket.
pub(super) struct ByHand<M> {
    pub(super) machine: M,
    socket: Socket,
    poller: Poller,
    inbox: Inbox,
}

impl<M: Machine> ByHand<M> {
    pub(super) fn new(machine: M, parts: Parts, socket: Socket) -> Self {
        Self { machine, socket, poller: parts.into_poller(), inbox: Inbox::new() }
    }

    /// Takes in what has arrived, and sends what that gives to send.
    pub(super) fn turn(&mut self) {
        while self.socket.receive(&mut self.inbox, 64) == Readiness::MayBeReadable {}
        let now = SystemClock.now();
        for datagram in self.inbox.drain() {
            self.machine.handle_datagram(now, datagram.from, datagram.local, &datagram.content);
        }
        self.machine.handle_timeout(now);
        self.send();
    }

    /// Sends what there is to send.
    pub(super) fn send(&mut self) {
        let mut bytes = Vec::new();
        while let Some(transmit) = self.machine.poll_transmit(SystemClock.now(), &mut bytes) {
            self.socket.send_one(&bytes, transmit.to, transmit.from);
            bytes.clear();
        }
    }

    /// Turns whenever something arrives, until `condition` gives something.
    pub(super) fn until<T>(&mut self, mut condition: impl FnMut(&mut M) -> Option<T>) -> T {
        loop {
            self.turn();
            if let Some(value) = condition(&mut self.machine) {
                return value;
            }
            let now = SystemClock.now();
            self.poller.sleep(&self.socket, now, Timestamp::NEVER).expect("it has no system");
        }
    }
}
