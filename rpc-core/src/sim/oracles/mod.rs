//! The oracles: what must hold at every event of every run, whatever the network does.
//!
//! They see what is handed to the network and what arrives, which handlers begin and end, and who crashes,
//! and they may look into the endpoints. From that they keep books of their own, against which the endpoints are
//! held. A violation is a panic with the id of the invariant and a sentence.
//!
//! # What is checked where
//!
//! | id | invariant | where |
//! |---|---|---|
//! | S1 | a call runs at most once | by number here (`book`), by content in the [`Ledger`](super::Ledger), at the event |
//! | S2 | nothing runs that was not asked for | as S1 |
//! | S3 | a reply is its call's own | `book` when it is sent, the ledger when the caller is told |
//! | S4 | what was refused never runs, and what ran is never refused | `frames` at the event; the ledger at the end, after old datagrams have come back |
//! | S5 | a caller is told once | the ledger; `audit` of the client; [`World::check_rest`](super::World::check_rest) |
//! | S6 | a reply has the same bytes whenever it is sent | `book`: those that the handler returned |
//! | S7 | other content under a number is neither run nor answered with the first one's reply | `server`, `book` |
//! | S8 | a number is never used again, and a lane not before its call is settled | `client` |
//! | S9 | nothing begins after its refusal was sent | `book` |
//! | S10 | nothing of a session that is over begins or is accepted, and no id is issued twice | `server`; across servers and restarts `mod` |
//! | S11 | the result of a call that was left behind sends nothing and takes nothing with it | `frames`, `server`, the audit |
//! | S12 | a client accepts nothing of another session, and one WELCOME for each that it asked for | `client` |
//! | S13 | the window, and how many handlers of a session run | `server`, the audit |
//! | S14 | a stored reply is dropped only when it is acknowledged; a client acknowledges what it has | `server`, `book`, `client` |
//! | S15 | nothing runs that is not recorded and booked | `server` |
//! | S16 | memory keeps its bounds, and is what the counters say | `audit` of both endpoints, every few turns and at rest |
//! | S17 | nothing to an unproven address but what it paid for, and no session | `addresses`, `server` |
//! | S18 | a hint is smaller than its cause, and causes nothing | `addresses`, `server`, `client` |
//! | S19 | what fails integrity changes nothing | `inert` |
//! | S20 | what was damaged is not accepted | `inert`, which computes the checksum itself |
//! | S21 | messages arrive as they were sent | the scenarios: handlers and callers check large cargo; results also `book` |
//! | S22 | WORKING is true | `frames` |
//! | S23 | time-outs keep their bounds | the audit of the client |
//! | S24 | copies keep their distance | `client`; the budget by its unit tests and a scenario |
//! | S25 | a seed gives the same run | the swarm runs seeds twice and compares the hashes of the traces |
//! | S26 | no panic, no overflow | the profile `sim` has debug assertions and overflow checks |
//! | S27 | what has ended leaves nothing behind | the audits; [`World::check_rest`](super::World::check_rest) |
//! | S28 | time may jump | the swarm lets clocks jump and hosts pause, and all of this holds |
//! | S29 | each datagram is in one counter | `inert` |
//! | S30 | a session with work in hand is never given up | `server` |
//! | S31 | an attacker changes nothing for others | scenarios that run with and without one |
//! | S32 | recorded, then sent | `book`: no reply before the end of its handler |
//! | S33 | nothing begins after it was left behind or fenced | `book` |
//! | L1 | progress after the faults | [`World::check_progress`](super::World::check_progress); the audit finds calls that nothing will be done about |
//! | L2 | nobody waits beyond the deadline | the audit of the client |
//! | L10 | silence at rest | [`World::check_rest`](super::World::check_rest) |
//!
//! The other properties of progress have scenarios of their own, in `tests/scenarios`: L3, L13 `long_calls`; L4
//! `at_most_once`, `later`; L5 `restart`; L6, L8 `sessions`; L7 `limits`; L9 `overload`; L11 `limits`, `large`; L12
//! `loss`.

mod addresses;
mod book;
mod client;
mod covered;
mod frames;
mod inert;
mod marks;
mod rest;
mod server;
#[cfg(test)]
mod tests;
mod violation;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;

use self::violation::{Verdict, ensure};
use super::ledger::Ledger;
use super::link::Fate;
use super::node::{Node, NodeId, Role};
use super::server_node::ServerNode;
use crate::endpoint::server::Ready;
use crate::time::Timestamp;
use crate::wire::frame::{ServerAnswer, next_server_frame};
use crate::wire::{Header, Kind};

pub use marks::{Goal, Marks};

pub(super) use client::ClientWatch;
pub(super) use server::ServerWatch;

/// Everything that looks on in one world.
#[derive(Default)]
pub(super) struct Oracles {
    marks: Marks,
    /// Every session that was ever issued.
    issued: BTreeSet<u64>,
    /// Those whose servers have crashed.
    crashed: BTreeSet<u64>,
    /// At which addresses clients were seen.
    clients: BTreeMap<SocketAddr, NodeId>,
    ledgers: Vec<Ledger>,
    /// What was found first. A handler that drives the world must not hide it by catching the panic.
    failed: Option<String>,
}

impl Oracles {
    /// Also holds what this account says against its rules, after every event.
    pub(super) fn watch(&mut self, ledger: &Ledger) {
        self.ledgers.push(ledger.clone());
    }

    /// The marks that were reached so far.
    pub(super) fn marks(&self) -> Marks {
        self.marks
    }

    pub(super) fn reach(&mut self, goal: Goal) {
        self.marks.reach(goal);
    }

    /// To be called after every event.
    ///
    /// # Panics
    /// If something was found.
    pub(super) fn check(&mut self) {
        // What a failing scenario drops on its way still acts on the world.
        if std::thread::panicking() {
            return;
        }
        if let Some(sentence) = &self.failed {
            panic!("{sentence}");
        }
        if let Some(sentence) = self.ledgers.iter().find_map(Ledger::first_violation) {
            self.fail(sentence);
        }
    }

    fn fail(&mut self, sentence: String) {
        let sentence = self.failed.insert(sentence);
        if !std::thread::panicking() {
            panic!("{sentence}");
        }
    }

    fn judge(&mut self, verdict: Verdict) {
        if let Err(violation) = verdict {
            self.fail(violation.to_string());
        }
    }

    /// Hands a datagram to a node.
    pub(super) fn deliver(
        &mut self,
        now: Timestamp,
        node: &mut Node,
        from: SocketAddr,
        data: &Bytes,
    ) {
        let ends = (from, node.address.ip());
        let verdict = match &mut node.role {
            Role::Server(server) => {
                let ServerNode { endpoint, watch, .. } = &mut **server;
                endpoint.as_mut().map_or(Ok(()), |it| watch.deliver(now, it, ends, data))
            }
            Role::Client(client) => {
                self.mark_crashed(data);
                client.watch.deliver(now, &mut client.endpoint, ends, data)
            }
            Role::Machine(_) | Role::Bound => {
                node.receive(now, from, data);
                Ok(())
            }
        };
        self.judge(verdict);
        self.collect(node);
    }

    /// A node hands a datagram to the network.
    pub(super) fn sent(&mut self, now: Timestamp, node: &mut Node, to: SocketAddr, data: &[u8]) {
        let verdict = match &mut node.role {
            Role::Server(server) => {
                let ServerNode { endpoint, watch, .. } = &mut **server;
                endpoint.as_ref().map_or(Ok(()), |it| watch.sent(now, it, to, data))
            }
            Role::Client(client) => client.watch.sent(now, &client.endpoint, data),
            Role::Machine(_) | Role::Bound => Ok(()),
        };
        self.judge(verdict);
    }

    /// A node has done what there was to do.
    pub(super) fn turned(&mut self, now: Timestamp, id: NodeId, node: &mut Node) {
        let verdict = match &mut node.role {
            Role::Server(server) => {
                let ServerNode { endpoint, watch, .. } = &mut **server;
                endpoint.as_ref().map_or(Ok(()), |it| watch.turned(now, it))
            }
            Role::Client(client) => {
                let before = self.clients.insert(node.address, id);
                let is_used = before.is_some_and(|before| before != id);
                self.marks.reach_if(Goal::ClientAtUsedAddress, is_used);
                client.watch.turned(now, &client.endpoint)
            }
            Role::Machine(_) | Role::Bound => Ok(()),
        };
        self.judge(verdict);
        self.collect(node);
    }

    /// A handler is begun.
    pub(super) fn began(&mut self, server: &mut ServerNode, ready: &Ready) {
        let ServerNode { endpoint, watch, .. } = server;
        let verdict = endpoint.as_ref().map_or(Ok(()), |it| watch.began(it, ready));
        self.judge(verdict);
    }

    /// A node crashes, or is removed.
    pub(super) fn lost(&mut self, node: &mut Node) {
        match &mut node.role {
            Role::Server(server) => {
                server.watch.crash(server.endpoint.as_ref());
                self.crashed.extend(server.watch.ended.keys());
            }
            Role::Client(client) => client.watch.mark_counters(&client.endpoint),
            Role::Machine(_) | Role::Bound => {}
        }
        self.collect(node);
    }

    /// The network has lost a datagram.
    pub(super) fn dropped(&mut self, fate: Fate) {
        self.marks.reach_if(Goal::SocketFull, fate == Fate::SocketFull);
        self.marks.reach_if(Goal::PathFull, fate == Fate::QueueFull);
    }

    /// Takes over what a node has to tell.
    fn collect(&mut self, node: &mut Node) {
        match &mut node.role {
            Role::Server(server) => {
                self.marks.unite(server.watch.marks);
                if !server.watch.issued.is_empty() {
                    let verdict = self.note_issued(core::mem::take(&mut server.watch.issued));
                    self.judge(verdict);
                }
            }
            Role::Client(client) => self.marks.unite(client.watch.marks),
            Role::Machine(_) | Role::Bound => {}
        }
    }

    fn note_issued(&mut self, sessions: Vec<u64>) -> Verdict {
        for id in sessions {
            let is_new = self.issued.insert(id);
            ensure!(is_new, "S10", "the session id {id:x} was issued before, in this world");
        }
        Ok(())
    }

    /// Marks what arrives from a server that has crashed since.
    fn mark_crashed(&mut self, data: &[u8]) {
        if self.crashed.is_empty() {
            return;
        }
        let Ok((header, body)) = Header::parse(data) else { return };
        if header.kind != Kind::Frames || !self.crashed.contains(&header.session) {
            return;
        }
        let mut at = 0;
        while let Some(frame) = next_server_frame(body, &mut at) {
            match frame.answer {
                ServerAnswer::Reply(..) => self.reach(Goal::RestartWithReply),
                ServerAnswer::Working(_) => self.reach(Goal::RestartWithWorking),
                _ => {}
            }
        }
    }
}
