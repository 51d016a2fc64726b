//! The model: which actions are possible, and where they lead.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;

use stateright::{Model, Property};

use crate::client::Phase;
use crate::fair;
use crate::message::{Message, ONEWAY, Verdict};
use crate::mutation::Mutation;
use crate::properties;
use crate::scope::{Kind, Scope};
use crate::server::Judgement;
use crate::state::{Action, State};

/// The protocol within a scope.
#[derive(Debug)]
pub(crate) struct Protocol {
    pub(crate) scope: Scope,
    /// Both sides of which it is known that they come to an end.
    ending: Mutex<HashSet<u64>>,
}

impl Protocol {
    pub(crate) fn new(scope: Scope) -> Self {
        Self { scope, ending: Mutex::default() }
    }

    /// Whether a state comes to its end on a fair network. What is in the network makes no difference to
    /// that, so that states which differ only there are looked at once.
    pub(crate) fn comes_to_an_end(&self, state: &State) -> bool {
        let mut hasher = DefaultHasher::new();
        (&state.client, &state.server).hash(&mut hasher);
        let sides = hasher.finish();
        if self.ending.lock().expect("nobody panics with it").contains(&sides) {
            return true;
        }
        let ends = fair::comes_to_an_end(&self.scope, state);
        if ends {
            self.ending.lock().expect("nobody panics with it").insert(sides);
        }
        ends
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(&self.scope)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.client_actions(state, actions);
        self.server_actions(state, actions);
        self.deliveries(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.apply(&self.scope, action);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(&self.scope)
    }
}

impl Protocol {
    fn client_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let (scope, client) = (&self.scope, &state.client);
        if client.process < scope.client_restarts {
            actions.push(Action::RestartClient);
        }
        if client.is_closed {
            return;
        }
        // Calls are alike: they are made in their order.
        let unborn = client.calls.iter().position(|call| call.phase == Phase::Unborn);
        actions.extend(unborn.map(|call| Action::Submit(call as u8)));
        for call in 0..client.calls.len() as u8 {
            let it = &client.calls[usize::from(call)];
            if !client.has(call) {
                continue;
            }
            match it.phase {
                Phase::Sent if !it.is_given_out => actions.push(Action::Transmit(call)),
                Phase::Delayed => actions.push(Action::ResumeDelayed(call)),
                _ => {}
            }
            if it.is_open() {
                actions.push(Action::Expire(call));
                if scope.cancels {
                    actions.push(Action::Cancel(call));
                }
            }
        }
        let is_sent = |call: &u8| {
            let it = &client.calls[usize::from(*call)];
            client.has(*call) && it.phase.has_lane() && it.is_open() && it.lane != ONEWAY
        };
        if (0..client.calls.len() as u8).any(|call| is_sent(&call)) {
            actions.push(Action::GiveUp);
        }
        if client.nonces < scope.handshakes {
            match client.handshake {
                Some(_) => actions.push(Action::BeginAgain),
                // Without a session, a handshake begins when there is a call.
                None if client.session.is_some() => actions.push(Action::Doubt),
                None => {}
            }
        }
        if scope.closes {
            actions.push(Action::Close);
        }
    }

    fn server_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let (scope, server) = (&self.scope, &state.server);
        if server.incarnation < scope.server_restarts {
            actions.push(Action::RestartServer);
        }
        for (name, call) in server.queued() {
            actions.push(Action::Take(name, call));
            actions.push(Action::Announce(name));
            if scope.refuses {
                actions.push(Action::ExpireQueued(name));
            }
        }
        for (place, execution) in server.executions.iter().enumerate() {
            if execution.is_entered || scope.refuses {
                actions.push(Action::Complete(place));
            }
            if !execution.is_entered {
                actions.push(Action::Enter(place));
            }
            if !execution.is_left && execution.name.lane != ONEWAY {
                actions.push(Action::Announce(execution.name));
            }
        }
        for session in &server.sessions {
            let may_expire =
                !server.has_unfinished(session) || scope.is(Mutation::ActiveSessionExpires);
            if scope.expires && may_expire {
                actions.push(Action::ExpireSession(session.id));
            }
        }
    }

    fn deliveries(&self, state: &State, actions: &mut Vec<Action>) {
        let (scope, client) = (&self.scope, &state.client);
        for message in state.network.iter() {
            if message.is_for_server() {
                actions.push(Action::ToServer(message, Judgement::Admit));
                if matches!(message, Message::Request { .. }) && scope.refuses {
                    let busy = Judgement::Refuse(Verdict::Busy);
                    actions.push(Action::ToServer(message, busy));
                    let refuse = Judgement::Refuse(Verdict::Refused);
                    actions.push(Action::ToServer(message, refuse));
                }
                continue;
            }
            // A client that was closed takes nothing; the ends of its calls are final.
            if client.is_closed {
                continue;
            }
            actions.push(Action::ToClient(message, false));
            let asks_budget = matches!(message, Message::Verdict { verdict: Verdict::Busy, .. })
                || matches!(message, Message::NotKept { .. })
                    && scope.calls.contains(&Kind::Idempotent);
            if asks_budget && client.retries < scope.retries {
                actions.push(Action::ToClient(message, true));
            }
        }
    }
}
