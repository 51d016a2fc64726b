//! What has to hold: in every state (`always`), and in some (`sometimes`), without which a check would
//! have looked at nothing.

use stateright::Property;

use crate::client::{Ending, Outcome, Phase};
use crate::message::{Message, ONEWAY, Verdict};
use crate::model::Protocol;
use crate::scope::{Kind, Scope};
use crate::server::LaneState;
use crate::state::State;

type Properties = Vec<Property<Protocol>>;

/// The properties of a scope.
pub(crate) fn all(scope: &Scope) -> Properties {
    let mut properties = execution();
    properties.extend(protocol());
    properties.extend(progress());
    properties.extend(reachable(scope));
    properties
}

type Condition = fn(&Protocol, &State) -> bool;

fn always(name: &'static str, condition: Condition) -> Property<Protocol> {
    Property::always(name, condition)
}

fn sometimes(name: &'static str, condition: Condition) -> Property<Protocol> {
    Property::sometimes(name, condition)
}

/// The calls with their indices.
fn calls(state: &State) -> impl Iterator<Item = (u8, &crate::client::Call)> {
    state.client.calls.iter().enumerate().map(|(index, call)| (index as u8, call))
}

/// Whether a call ended, or was settled, like this.
fn ended(state: &State, is_like: impl Fn(u8, Ending) -> bool) -> bool {
    calls(state).any(|(index, call)| {
        [call.ending, call.settlement].into_iter().flatten().any(|ending| is_like(index, ending))
    })
}

/// What callers are promised.
fn execution() -> Properties {
    vec![
        always("a call runs at most once", |model, state| {
            calls(state).all(|(call, _)| {
                let is_idempotent = model.scope.calls[usize::from(call)] == Kind::Idempotent;
                is_idempotent || state.ledger.entries_of(call) <= 1
            })
        }),
        always("a number runs at most once", |_, state| {
            state.ledger.entered.windows(2).all(|pair| pair[0].0 != pair[1].0)
        }),
        always("a reply is that of the call, which ran", |_, state| {
            !ended(state, |call, ending| match ending {
                Ending::Reply(body) => body != call || !state.ledger.has_finished(call),
                _ => false,
            })
        }),
        always("`NotExecuted`: it did not run and never will", |_, state| {
            !ended(state, |call, ending| {
                ending.promises() == Some(Outcome::NotExecuted) && state.ledger.entries_of(call) > 0
            })
        }),
        always("`Executed`: it ran", |_, state| {
            !ended(state, |call, ending| {
                ending.promises() == Some(Outcome::Executed) && state.ledger.entries_of(call) == 0
            })
        }),
        always("what is learnt later contradicts nothing", |_, state| {
            let known = |ending: Ending| ending.promises().unwrap_or(Outcome::Executed);
            calls(state).all(|(_, call)| match (call.ending, call.settlement) {
                (Some(ending), Some(settlement)) => {
                    known(ending) == Outcome::Unknown || known(ending) == known(settlement)
                }
                _ => true,
            })
        }),
    ]
}

/// What the promises rest on.
fn protocol() -> Properties {
    vec![
        always("a number that was refused never starts", |_, state| {
            state.network.iter().all(|message| match message {
                Message::Verdict { name, .. } => {
                    state.ledger.entered.iter().all(|(entered, _)| *entered != name)
                }
                _ => true,
            })
        }),
        always("a number names one call", |_, state| {
            let mut last = None;
            state.network.iter().all(|message| match message {
                Message::Request { name, .. } => last.replace(name) != Some(name),
                _ => true,
            })
        }),
        always("an answer ends the call that it names", |_, state| {
            !state.ledger.has_taken_foreign_answer
        }),
        always("WORKING that says running is true", |_, state| {
            state.network.iter().all(|message| match message {
                Message::Working { name, is_running: true } => {
                    state.ledger.entered.iter().any(|(entered, _)| *entered == name)
                }
                _ => true,
            })
        }),
        always("nothing is taken for a dead session", |_, state| {
            !state.ledger.has_run_for_dead_session
        }),
        always("a session has one client process", |_, state| {
            let sessions = &state.ledger.sessions;
            sessions.iter().all(|(id, process)| {
                sessions.iter().all(|(other, another)| id != other || process == another)
            })
        }),
        always("a session with work in hand ends by CLOSE only", |_, state| {
            state.server.executions.iter().all(|it| {
                let session = it.name.session;
                state.server.sessions.iter().any(|own| own.id == session)
                    || state.network.has(Message::Close { session })
            })
        }),
        always("a reply is freed when it was acknowledged", |_, state| {
            state.server.sessions.iter().all(|session| {
                session.lanes.iter().enumerate().all(|(lane, it)| {
                    let (session, lane, number) = (session.id, lane as u8, it.number);
                    let name = crate::message::Name { session, lane, number };
                    it.state != LaneState::Freed || state.network.has(Message::Acknowledge { name })
                })
            })
        }),
    ]
}

fn progress() -> Properties {
    vec![
        always("on a fair network everything ends", Protocol::comes_to_an_end),
        always("nothing more can happen only when all calls have ended", |model, state| {
            use stateright::Model as _;
            let is_open = |(index, call): (u8, &crate::client::Call)| {
                call.is_open() && state.client.has(index)
            };
            let mut actions = Vec::new();
            !calls(state).any(is_open) || {
                model.actions(state, &mut actions);
                actions.into_iter().any(|action| model.next_state(state, action).is_some())
            }
        }),
    ]
}

/// What must be reached, as far as the scope has it.
fn reachable(scope: &Scope) -> Properties {
    let mut properties = Vec::new();
    if scope.calls.contains(&Kind::Plain) {
        properties.extend(reachable_outcomes());
        properties.extend(reachable_answers());
        if scope.calls.iter().filter(|kind| **kind == Kind::Plain).count() > 1 {
            properties.extend(reachable_after_another());
        }
    }
    if scope.refuses {
        properties.extend(reachable_refusals(scope));
    }
    if scope.server_restarts > 0 && scope.handshakes > 1 {
        properties.extend(reachable_restarts());
    }
    if scope.handshakes > 1 {
        properties.push(sometimes("a session is resumed", |_, state| {
            state.network.iter().any(|message| match message {
                Message::Open { nonce, previous: Some(session), .. } => {
                    state.network.has(Message::Welcome { nonce, session })
                }
                _ => false,
            })
        }));
    }
    if scope.client_restarts > 0 {
        properties.push(sometimes("a call of a dead client runs", |_, state| {
            state.server.executions.iter().any(|it| !state.client.has(it.call))
        }));
    }
    if scope.client_restarts >= scope.sessions {
        properties.push(sometimes("a server is full", |_, state| {
            state.network.iter().any(|message| matches!(message, Message::Full { .. }))
        }));
    }
    if scope.calls.contains(&Kind::Idempotent) {
        properties.extend(reachable_idempotent(scope));
    }
    if scope.calls.contains(&Kind::Oneway) {
        properties.push(sometimes("a one-way call runs", |_, state| {
            state.ledger.entered.iter().any(|(name, _)| name.lane == ONEWAY)
        }));
    }
    properties
}

fn reachable_outcomes() -> Properties {
    vec![
        sometimes("a call is answered", |_, state| {
            calls(state).any(|(_, call)| matches!(call.ending, Some(Ending::Reply(_))))
        }),
        sometimes("a call ends `NotExecuted`", |_, state| {
            ended(state, |_, ending| ending == Ending::Failed(Outcome::NotExecuted))
        }),
        sometimes("a call ends `Executed`", |_, state| {
            calls(state).any(|(_, call)| call.ending == Some(Ending::Failed(Outcome::Executed)))
        }),
        sometimes("a call ends `Unknown` that runs later", |_, state| {
            calls(state).any(|(index, call)| {
                call.ending == Some(Ending::Failed(Outcome::Unknown))
                    && state.ledger.entries_of(index) == 0
                    && state.server.queued().iter().any(|(_, queued)| *queued == index)
            })
        }),
        sometimes("a call ends `Unknown` that ran", |_, state| {
            calls(state).any(|(index, call)| {
                call.ending == Some(Ending::Failed(Outcome::Unknown))
                    && state.ledger.has_finished(index)
            })
        }),
        sometimes("an unknown call is settled: replied", |_, state| {
            calls(state).any(|(_, call)| matches!(call.settlement, Some(Ending::Reply(_))))
        }),
        sometimes("an unknown call is settled: not executed", |_, state| {
            calls(state).any(|(_, call)| {
                call.ending == Some(Ending::Failed(Outcome::Unknown))
                    && call.settlement == Some(Ending::Failed(Outcome::NotExecuted))
            })
        }),
        sometimes("an unknown call is settled: executed", |_, state| {
            calls(state).any(|(_, call)| {
                call.ending == Some(Ending::Failed(Outcome::Unknown))
                    && call.settlement == Some(Ending::Failed(Outcome::Executed))
            })
        }),
    ]
}

fn reachable_answers() -> Properties {
    vec![
        sometimes("a FENCE comes before its request", |_, state| {
            state.server.sessions.iter().flat_map(|it| &it.lanes).any(|lane| {
                lane.state == LaneState::Refused(Verdict::Fenced)
                    && state.ledger.entered.is_empty()
                    && state.network.iter().any(|message| matches!(message, Message::Fence { .. }))
            })
        }),
        sometimes("a FENCE is answered RUNNING", |_, state| {
            state.network.iter().any(|message| matches!(message, Message::Running { .. }))
        }),
        sometimes("a FENCE finds a call taken and not entered", |_, state| {
            state.server.executions.iter().any(|it| {
                let name = it.name;
                !it.is_entered
                    && state.network.has(Message::Fence { name })
                    && state.network.has(Message::Working { name, is_running: false })
            })
        }),
        sometimes("a reply is freed by an acknowledgement", |_, state| {
            state
                .server
                .sessions
                .iter()
                .any(|session| session.lanes.iter().any(|lane| lane.state == LaneState::Freed))
        }),
    ]
}

/// What takes a second call on a lane.
fn reachable_after_another() -> Properties {
    vec![
        sometimes("an old FENCE comes after a newer call", |_, state| {
            state.network.iter().any(|message| match message {
                Message::Fence { name } => state.server.sessions.iter().any(|session| {
                    let lane = session.lanes[usize::from(name.lane)];
                    session.id == name.session && lane.number > name.number
                }),
                _ => false,
            })
        }),
        sometimes("a result is of use to nobody", |_, state| {
            state.server.executions.iter().any(|it| it.is_entered && it.is_left)
        }),
    ]
}

fn reachable_refusals(scope: &Scope) -> Properties {
    let mut properties = vec![
        sometimes("a call is given up before its handler is entered", |_, state| {
            state
                .network
                .iter()
                .any(|it| matches!(it, Message::Verdict { verdict: Verdict::Abandoned, .. }))
        }),
        sometimes("a refused request comes again", |_, state| {
            state.network.iter().any(|message| match message {
                Message::Verdict { name, verdict: Verdict::Busy } => {
                    (0..8).any(|call| state.network.has(Message::Request { name, call }))
                }
                _ => false,
            })
        }),
    ];
    if scope.retries > 0 {
        properties.push(sometimes("a call is answered after BUSY", |_, state| {
            // It has a number beyond those of first tries.
            state.client.retries > 0
                && calls(state).any(|(_, call)| {
                    matches!(call.ending, Some(Ending::Reply(_)))
                        && usize::from(call.number) > state.client.calls.len()
                })
        }));
    }
    properties
}

/// Whether a call of an earlier incarnation is under way, or was until the restart.
fn is_of_old_incarnation(state: &State, name: crate::message::Name) -> bool {
    name.session.incarnation < state.server.incarnation
}

fn reachable_restarts() -> Properties {
    vec![
        sometimes("a server restarts with a call that waits", |_, state| {
            calls(state).any(|(index, call)| {
                call.phase == Phase::Working
                    && state.client.name(index).is_some_and(|it| is_of_old_incarnation(state, it))
                    && state.ledger.entries_of(index) == 0
            })
        }),
        sometimes("a server restarts with a call that runs", |_, state| {
            calls(state).any(|(index, call)| {
                matches!(call.phase, Phase::Sent | Phase::Working)
                    && state.client.name(index).is_some_and(|it| is_of_old_incarnation(state, it))
                    && state.ledger.entries_of(index) == 1
                    && !state.ledger.has_finished(index)
            })
        }),
        sometimes("a server restarts with a reply on its way", |_, state| {
            state.network.iter().any(|message| match message {
                Message::Reply { name, .. } => is_of_old_incarnation(state, name),
                _ => false,
            })
        }),
        sometimes("a call that was not sent is made in the next session", |_, state| {
            // The first call is the first to get a number.
            let call = &state.client.calls[0];
            let is_later = state.client.session.is_some_and(|it| it.incarnation > 0);
            call.phase == Phase::Sent && call.number > 1 && is_later
        }),
    ]
}

fn reachable_idempotent(scope: &Scope) -> Properties {
    let mut properties = vec![sometimes("a reply was not kept", |_, state| {
        state.network.iter().any(|message| matches!(message, Message::NotKept { .. }))
    })];
    if scope.retries > 0 || scope.server_restarts > 0 && scope.handshakes > 1 {
        properties.push(sometimes("an idempotent call runs twice", |_, state| {
            calls(state).any(|(index, _)| state.ledger.entries_of(index) > 1)
        }));
    }
    properties
}
