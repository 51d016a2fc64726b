//! What comes of a state when nothing goes wrong any more: no crash, no cancellation, no deadline, and a
//! network that delivers what is sent from now on, once and in order.
//!
//! That every state comes to a good end in this way is more than "nothing is stuck": calls end without
//! the help of their deadlines, lanes are settled, and the server stores nothing that was received.

use crate::client::{Call, Ending, Phase};
use crate::message::{Message, Name, ONEWAY};
use crate::scope::Scope;
use crate::server::{Judgement, LaneState, Session};
use crate::state::{Action, State};

/// More rounds than any state of a correct protocol needs.
const ROUNDS: usize = 24;

/// Whether everything comes to its end.
pub(crate) fn comes_to_an_end(scope: &Scope, state: &State) -> bool {
    // What a scope bounds is the number of misfortunes, not of attempts to get over them.
    let scope = &Scope { handshakes: u8::MAX, retries: u8::MAX, ..*scope };
    let mut state = state.clone();
    for _ in 0..ROUNDS {
        if is_at_rest(&state) {
            return true;
        }
        round(scope, &mut state);
    }
    false
}

fn is_at_rest(state: &State) -> bool {
    let State { client, server, .. } = state;
    let is_over = |call: u8| {
        let it = &client.calls[usize::from(call)];
        it.phase == Phase::Unborn || !client.has(call) || !it.is_open() && !it.phase.has_lane()
    };
    // Two replies wait for the lane's next call, or for the lease: that of a call which was answered
    // RUNNING, and one whose lane was given to a call that ended before it was sent.
    let was_received = |lane: usize, number: u8, call: u8| {
        let of_lane = |it: &Call| it.process == client.process && usize::from(it.lane) == lane;
        let was_given_on = client.calls.iter().any(|it| of_lane(it) && it.number > number);
        let it = &client.calls[usize::from(call)];
        let endings = [it.ending, it.settlement];
        !was_given_on
            && client.has(call)
            && endings.iter().any(|it| matches!(it, Some(Ending::Reply(_))))
    };
    let is_stored = |session: &Session| {
        let is_its_own = client.session == Some(session.id) && !client.is_closed;
        let mut lanes = session.lanes.iter().enumerate();
        is_its_own
            && lanes.any(|(lane, it)| match it.state {
                LaneState::Done { call } => was_received(lane, it.number, call),
                _ => false,
            })
    };
    (0..client.calls.len() as u8).all(is_over)
        && !server.sessions.iter().any(is_stored)
        && server.executions.is_empty()
        && server.queued().is_empty()
}

/// Everything that is due is sent again and answered.
fn round(scope: &Scope, state: &mut State) {
    let is_known = state.client.session.is_none_or(|id| state.server.index_of(scope, id).is_some());
    if !state.client.is_closed {
        handshake(scope, state, is_known);
        for call in 0..state.client.calls.len() as u8 {
            about(scope, state, call);
        }
    }
    for (name, call) in state.server.queued() {
        exchange(scope, state, Action::Take(name, call));
    }
    for place in (0..state.server.executions.len()).rev() {
        if !state.server.executions[place].is_entered {
            exchange(scope, state, Action::Enter(place));
        }
        exchange(scope, state, Action::Complete(place));
    }
    if !state.client.is_closed {
        acknowledge(scope, state);
    }
}

/// A packet that is not answered is repeated, and then the handshake begins again; whatever else a
/// client sends for a session that is gone is answered by a hint.
fn handshake(scope: &Scope, state: &mut State, is_known: bool) {
    let client = &state.client;
    let has_calls = client.calls.iter().any(|call| call.is_open() || call.phase.has_lane());
    match client.handshake {
        Some(_) => {
            // Room for one more session is made by those whose clients are gone.
            let others: Vec<_> = state
                .server
                .sessions
                .iter()
                .filter(|it| Some(it.id) != client.session && !state.server.has_unfinished(it))
                .map(|it| it.id)
                .collect();
            others.into_iter().for_each(|id| exchange(scope, state, Action::ExpireSession(id)));
            exchange(scope, state, Action::BeginAgain);
        }
        None if !is_known || client.session.is_none() && has_calls => {
            exchange(scope, state, Action::Doubt);
        }
        None => {}
    }
}

/// What a call's phase asks for goes out.
fn about(scope: &Scope, state: &mut State, call: u8) {
    if !state.client.has(call) {
        return;
    }
    let it = state.client.calls[usize::from(call)];
    let Some(name) = state.client.name(call) else { return };
    let message = match it.phase {
        Phase::Sent if !it.is_given_out => {
            return exchange(scope, state, Action::Transmit(call));
        }
        Phase::Sent => Message::Request { name, call },
        Phase::Working => Message::Probe { name },
        Phase::Fencing => Message::Fence { name },
        Phase::Delayed => return exchange(scope, state, Action::ResumeDelayed(call)),
        Phase::Unborn | Phase::Waiting | Phase::Settled => return,
    };
    exchange(scope, state, Action::ToServer(message, Judgement::Admit));
}

fn acknowledge(scope: &Scope, state: &mut State) {
    let Some(session) = state.client.session else { return };
    for lane in 0..state.client.replies.len() as u8 {
        if state.client.occupant(lane).is_none()
            && let Some(number) = state.client.replies[usize::from(lane)]
        {
            debug_assert_ne!(lane, ONEWAY);
            let message = Message::Acknowledge { name: Name { session, lane, number } };
            exchange(scope, state, Action::ToServer(message, Judgement::Admit));
        }
    }
}

/// Does something, and delivers what is sent because of it, and so on.
fn exchange(scope: &Scope, state: &mut State, action: Action) {
    let mut sent: std::collections::VecDeque<_> = state.apply(scope, action).into();
    // A message causes at most one other, and those end soon.
    for _ in 0..16 {
        let Some(message) = sent.pop_front() else { return };
        let delivery = match message.is_for_server() {
            true => Action::ToServer(message, Judgement::Admit),
            false if state.client.is_closed => continue,
            false => Action::ToClient(message, true),
        };
        sent.extend(state.apply(scope, delivery));
    }
}
