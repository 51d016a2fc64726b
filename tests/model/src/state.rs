//! A state of the whole, and what can happen in it.

use crate::client::{Client, Ending};
use crate::message::{Message, Name, Network, SessionId};
use crate::scope::Scope;
use crate::server::{Judgement, Server};

/// Both sides, the network, and what an observer who sees everything has written down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) network: Network,
    pub(crate) ledger: Ledger,
}

/// What really happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    /// Every entry into a handler: under which name, of which call. In order of names.
    pub(crate) entered: Vec<(Name, u8)>,
    /// Handlers that have returned, by call.
    pub(crate) finished: u8,
    /// Which process had which session.
    pub(crate) sessions: Vec<(SessionId, u8)>,
    /// A call was taken although its session was gone.
    pub(crate) has_run_for_dead_session: bool,
    /// A call ended with an answer that was given under another name.
    pub(crate) has_taken_foreign_answer: bool,
}

impl Ledger {
    pub(crate) fn entries_of(&self, call: u8) -> usize {
        self.entered.iter().filter(|(_, it)| *it == call).count()
    }

    pub(crate) fn has_finished(&self, call: u8) -> bool {
        self.finished >> call & 1 == 1
    }
}

/// What can happen. `DESIGN.md` says which function does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// A call is made.
    Submit(u8),
    /// Its request is given out.
    Transmit(u8),
    /// Its caller cancels it.
    Cancel(u8),
    /// Its deadline passes, or it has waited too long for a session.
    Expire(u8),
    /// The server was silent for too long.
    GiveUp,
    /// The wait after BUSY is over.
    ResumeDelayed(u8),
    /// A hint, a silence, an idle time: a handshake begins.
    Doubt,
    /// A handshake that is not answered begins again.
    BeginAgain,
    /// The client closes its session.
    Close,
    /// The client's process dies, and another one begins.
    RestartClient,
    /// A message comes to the server, which judges a new call so.
    ToServer(Message, Judgement),
    /// A message comes to the client, whose retry budget says so.
    ToClient(Message, bool),
    /// A call is taken from the queue.
    Take(Name, u8),
    /// A call that waits in the queue is too late.
    ExpireQueued(Name),
    /// The handler of this execution is entered.
    Enter(usize),
    /// An execution ends, with a reply if it was entered.
    Complete(usize),
    /// The server says unasked that it works on a call.
    Announce(Name),
    /// A session expires.
    ExpireSession(SessionId),
    /// The server's process dies, and another one begins.
    RestartServer,
}

impl State {
    pub(crate) fn new(scope: &Scope) -> Self {
        Self {
            client: Client::new(scope),
            server: Server::default(),
            network: Network::default(),
            ledger: Ledger::default(),
        }
    }

    /// Does it. What is sent goes to the network, and is given to the caller too.
    pub(crate) fn apply(&mut self, scope: &Scope, action: Action) -> Vec<Message> {
        let mut out = Vec::new();
        let Self { client, server, ledger, .. } = self;
        match action {
            Action::Submit(call) => client.submit(scope, call, &mut out),
            Action::Transmit(call) => client.transmit(scope, call, &mut out),
            Action::Cancel(call) => client.cancel(scope, call, &mut out),
            Action::Expire(call) => client.expire(scope, call, &mut out),
            Action::GiveUp => client.give_up(&mut out),
            Action::ResumeDelayed(call) => client.resume_delayed(scope, call, &mut out),
            Action::Doubt => client.begin_handshake(scope, &mut out),
            Action::BeginAgain => client.draw_handshake(scope, &mut out),
            Action::Close => client.close(scope, &mut out),
            Action::RestartClient => client.restart(),
            Action::ToServer(message, judgement) => {
                server.receive(scope, message, judgement, &mut out);
            }
            Action::ToClient(message, again) => self.receive(scope, message, again, &mut out),
            Action::Take(name, call) => {
                let lives = server.index_of(scope, name.session).is_some();
                ledger.has_run_for_dead_session |= server.take(scope, name, call) && !lives;
            }
            Action::ExpireQueued(name) => server.expire_queued(scope, name, &mut out),
            Action::Enter(place) => {
                let execution = &mut server.executions[place];
                execution.is_entered = true;
                ledger.entered.push((execution.name, execution.call));
                ledger.entered.sort_unstable();
            }
            Action::Complete(place) => {
                let execution = server.executions[place];
                ledger.finished |= u8::from(execution.is_entered) << execution.call;
                server.complete(scope, place, &mut out);
            }
            Action::Announce(name) => {
                let is_running = server.is_entered(name);
                out.push(Message::Working { name, is_running });
            }
            Action::ExpireSession(id) => {
                if let Some(index) = server.index_of(scope, id) {
                    server.remove_session(scope, index);
                }
            }
            Action::RestartServer => server.restart(scope),
        }
        out.iter().for_each(|&message| self.network.send(message));
        if !scope.keeps_all {
            let Self { client, server, .. } = self;
            self.network.forget(|message| is_dead(client, server, message));
        }
        out
    }

    /// The client receives, and the observer looks what it makes of that.
    fn receive(&mut self, scope: &Scope, message: Message, again: bool, out: &mut Vec<Message>) {
        let (Message::Reply { name, .. } | Message::Verdict { name, .. }) = message else {
            self.client.receive(scope, message, again, out);
            if let Some(session) = self.client.session {
                let entry = (session, self.client.process);
                if !self.ledger.sessions.contains(&entry) {
                    self.ledger.sessions.push(entry);
                }
            }
            return;
        };
        let before = self.client.calls.clone();
        let session = self.client.session;
        self.client.receive(scope, message, again, out);
        for (old, new) in before.iter().zip(&self.client.calls) {
            let has_ended = (old.ending, old.settlement) != (new.ending, new.settlement)
                && old.phase.has_lane();
            let asked = session.map(|session| Name { session, lane: old.lane, number: old.number });
            self.ledger.has_taken_foreign_answer |= has_ended && asked != Some(name);
        }
    }
}

/// Whether a message does nothing any more, now and for ever, because nonces, session ids and numbers
/// are never used again. To forget it makes fewer states, and no other behaviour. Scopes with a
/// mutation, and one of the gate without, keep all messages.
fn is_dead(client: &Client, server: &Server, message: Message) -> bool {
    let session_of = |id: SessionId| server.sessions.iter().find(|session| session.id == id);
    match message {
        Message::Hello { nonce }
        | Message::Challenge { nonce, .. }
        | Message::Welcome { nonce, .. }
        | Message::Full { nonce } => client.handshake.is_none_or(|it| it.nonce != nonce),
        Message::Working { name, .. }
        | Message::NotKept { name }
        | Message::Running { name }
        | Message::Unseen { name }
        | Message::Misuse { name, .. }
        | Message::Superseded { name } => {
            client.occupant(name.lane).and_then(|call| client.name(call)) != Some(name)
        }
        Message::Reply { name, .. } | Message::Acknowledged { name } => {
            client.session != Some(name.session)
        }
        Message::Request { name, .. } | Message::Probe { name } => session_of(name.session)
            .is_none_or(|session| {
                let lane = session.lanes.get(usize::from(name.lane));
                lane.is_some_and(|lane| lane.number > name.number)
            }),
        Message::Fence { name } | Message::Acknowledge { name } => {
            session_of(name.session).is_none()
        }
        Message::Open { .. } | Message::Close { .. } | Message::Verdict { .. } => false,
    }
}

impl Ending {
    /// What was promised about the execution.
    pub(crate) fn promises(self) -> Option<crate::client::Outcome> {
        match self {
            Self::Reply(_) | Self::GivenOut => None,
            Self::Failed(outcome) => Some(outcome),
        }
    }
}
