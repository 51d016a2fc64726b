//! What must hold when the faults are over (L1) and when everything has ended (S5, S27, L10).

use core::time::Duration;

use super::marks::{Goal, Marks};
use crate::sim::ledger::Ledger;
use crate::sim::node::Role;
use crate::sim::server_node::ServerNode;
use crate::sim::state::State;
use crate::sim::world::World;

impl World {
    /// Holds this account against its rules after every event, so that a run stops where a promise is
    /// broken.
    pub fn watch(&self, ledger: &Ledger) {
        self.with_state(|state| state.oracles.watch(ledger));
    }

    /// The rare situations that this run has seen.
    pub fn marks(&self) -> Marks {
        self.with_state(|state| {
            for node in state.nodes.values_mut() {
                match &mut node.role {
                    Role::Server(server) => {
                        let ServerNode { endpoint, watch, .. } = &mut **server;
                        endpoint.iter().for_each(|endpoint| watch.mark_counters(endpoint));
                    }
                    Role::Client(client) => client.watch.mark_counters(&client.endpoint),
                    Role::Machine(_) | Role::Bound => {}
                }
                state.oracles.collect(node);
            }
            if state.hosts.iter().any(|host| !host.skew().is_zero()) {
                state.oracles.reach(Goal::ClockJumped);
            }
            state.oracles.marks()
        })
    }

    /// Audits every endpoint now.
    ///
    /// # Panics
    /// If one is not what it counts (S16, S23, L2).
    pub fn check_endpoints(&self) {
        self.with_state(|state| {
            for node in state.nodes.values_mut() {
                let host = &state.hosts[node.host];
                let verdict = match &node.role {
                    Role::Server(server) => match &server.endpoint {
                        Some(endpoint) => server.watch.audit(endpoint),
                        None => Ok(()),
                    },
                    // A paused host has not done yet what is due.
                    Role::Client(client) if host.is_running() => {
                        client.watch.audit(host.now(), &client.endpoint)
                    }
                    _ => Ok(()),
                };
                state.oracles.judge(verdict);
            }
        });
    }

    /// With the faults over, lets time pass until every call has ended.
    ///
    /// # Panics
    /// If that takes longer than `limit` (L1).
    pub fn check_progress(&self, limit: Duration) {
        let begun = self.now();
        while self.with_state(|state| open_calls(state)) > 0 {
            let left = (begun + limit).saturating_sub(self.now());
            let open = self.with_state(|state| open_calls(state));
            assert!(
                !left.is_zero(),
                "L1: {open} calls are open {limit:?} after the faults have ended"
            );
            self.run_for(left.min(Duration::from_millis(100)));
        }
        self.check_endpoints();
    }

    /// With every call ended, lets time pass until all that is left over is gone: at most `limit`. Then
    /// nothing may be on its way or in hand (S27), and nothing is sent any more (L10).
    ///
    /// Stored replies may be left: of clients that are gone, and of those whose last acknowledgements were
    /// lost; the next call, or the end of the session, takes them away.
    ///
    /// # Panics
    /// If something is left, or the network is not silent.
    pub fn check_rest(&self, limit: Duration) {
        self.run_for(limit);
        self.check_endpoints();
        let before = self.with_state(|state| {
            let left = leftovers(state);
            assert!(left.is_empty(), "S27: at rest there are {}", left.join(", "));
            sent(state)
        });
        self.run_for(limit);
        let after = self.with_state(|state| sent(state));
        assert_eq!(before, after, "L10: datagrams are sent although nobody wants anything");
    }
}

fn open_calls(state: &State) -> usize {
    let clients = state.nodes.values().filter_map(|node| match &node.role {
        Role::Client(client) => Some(client.endpoint.open_calls()),
        _ => None,
    });
    clients.sum()
}

/// What should be gone, and how much of it there is.
fn leftovers(state: &mut State) -> Vec<String> {
    let mut left = Vec::new();
    let mut count = |number: usize, what: &str| {
        if number > 0 {
            left.push(format!("{number} {what}"));
        }
    };
    for node in state.nodes.values() {
        match &node.role {
            Role::Client(client) => {
                let statistics = client.endpoint.statistics();
                count(client.endpoint.open_calls(), "open calls");
                count(statistics.assembly_bytes, "bytes of results that are not whole");
            }
            Role::Server(server) => {
                let Some(endpoint) = &server.endpoint else { continue };
                let statistics = endpoint.statistics();
                count(statistics.queued, "queued calls");
                count(statistics.running, "running calls");
                count(statistics.assembly_bytes, "bytes of arguments");
                count(server.busy(), "busy workers");
            }
            Role::Machine(_) | Role::Bound => {}
        }
    }
    count(state.links().map(|link| link.in_flight).sum(), "datagrams on their way");
    left
}

fn sent(state: &State) -> u64 {
    let nodes = state.nodes.values().map(|node| match &node.role {
        Role::Client(client) => client.endpoint.counters().datagrams_sent,
        Role::Server(server) => {
            server.endpoint.as_ref().map_or(0, |endpoint| endpoint.counters().datagrams_sent)
        }
        Role::Machine(_) | Role::Bound => 0,
    });
    nodes.sum()
}
