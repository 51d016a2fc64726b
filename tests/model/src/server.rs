//! The server: what `rpc-core/src/endpoint/server` does, without time.

use crate::message::{Message, Name, ONEWAY, SessionId, Verdict};
use crate::mutation::Mutation;
use crate::scope::{Kind, Scope};

/// What is known of a lane's present call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LaneState {
    Empty,
    Queued { call: u8 },
    Running { call: u8 },
    Done { call: u8 },
    Refused(Verdict),
    NotKept,
    Freed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    pub(crate) number: u8,
    pub(crate) state: LaneState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// The nonce of the OPEN that made it.
    origin: u8,
    pub(crate) lanes: Vec<Lane>,
    /// One-way calls that were seen, a bit for each number.
    oneway: u32,
}

/// A call that was taken to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Execution {
    pub(crate) name: Name,
    pub(crate) call: u8,
    pub(crate) is_entered: bool,
    /// Its lane has moved on or its session is gone: nobody will ask for its result.
    pub(crate) is_left: bool,
}

/// What a server decides about a new call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Judgement {
    Admit,
    Refuse(Verdict),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) incarnation: u8,
    issued: u8,
    pub(crate) sessions: Vec<Session>,
    pub(crate) executions: Vec<Execution>,
    /// One-way calls that wait: no lane leads to them.
    pub(crate) oneway_queue: Vec<(Name, u8)>,
}

impl Server {
    /// A crash, with the loss of everything, and a new process.
    pub(crate) fn restart(&mut self, scope: &Scope) {
        let mut sessions = core::mem::take(&mut self.sessions);
        *self = Self { incarnation: self.incarnation + 1, ..Self::default() };
        if scope.is(Mutation::SessionSurvivesRestart) {
            for lane in sessions.iter_mut().flat_map(|session| &mut session.lanes) {
                *lane = Lane { number: 0, state: LaneState::Empty };
            }
            self.sessions = sessions;
        }
    }

    pub(crate) fn index_of(&self, scope: &Scope, id: SessionId) -> Option<usize> {
        let is_same = |own: SessionId| {
            own == id || scope.is(Mutation::IncarnationNotCompared) && own.index == id.index
        };
        self.sessions.iter().position(|session| is_same(session.id))
    }

    /// The state of the lane of a call that is the lane's present one.
    pub(crate) fn state_of(&mut self, scope: &Scope, name: Name) -> Option<&mut LaneState> {
        let index = self.index_of(scope, name.session)?;
        let lane = self.sessions[index].lanes.get_mut(usize::from(name.lane))?;
        (lane.number == name.number).then_some(&mut lane.state)
    }

    pub(crate) fn receive(
        &mut self,
        scope: &Scope,
        message: Message,
        judgement: Judgement,
        out: &mut Vec<Message>,
    ) {
        match message {
            Message::Hello { nonce } => {
                out.push(Message::Challenge { nonce, cookie: self.incarnation });
            }
            Message::Open { nonce, cookie, previous } => {
                // The key of a cookie dies with its server.
                if cookie == self.incarnation {
                    self.receive_open(scope, nonce, previous, out);
                }
            }
            Message::Close { session } => {
                if let Some(index) = self.index_of(scope, session) {
                    self.remove_session(scope, index);
                }
            }
            Message::Request { name, call } if name.lane == ONEWAY => {
                self.receive_oneway(scope, name, call, judgement);
            }
            Message::Request { name, call } => {
                self.receive_request(scope, name, call, judgement, out);
            }
            Message::Probe { name } => {
                if self.is_new(scope, name) {
                    out.push(Message::Unseen { name });
                } else {
                    self.answer_duplicate(scope, name, None, out);
                }
            }
            Message::Fence { name } => self.receive_fence(scope, name, out),
            Message::Acknowledge { name } => self.receive_acknowledge(scope, name, out),
            _ => unreachable!("it is for the client"),
        }
    }

    fn receive_open(
        &mut self,
        scope: &Scope,
        nonce: u8,
        previous: Option<SessionId>,
        out: &mut Vec<Message>,
    ) {
        let made = self.sessions.iter().position(|session| session.origin == nonce);
        let found = previous.and_then(|id| self.index_of(scope, id)).or(made);
        let session = if let Some(index) = found {
            self.sessions[index].id
        } else if self.sessions.len() >= usize::from(scope.sessions) {
            return out.push(Message::Full { nonce });
        } else if self.issued > scope.handshakes {
            // Copies of an OPEN make sessions as often as theirs expire; the limit of the source ends that.
            return;
        } else {
            let id = SessionId { incarnation: self.incarnation, index: self.issued };
            self.issued += 1;
            let lanes = vec![Lane { number: 0, state: LaneState::Empty }; usize::from(scope.lanes)];
            self.sessions.push(Session { id, origin: nonce, lanes, oneway: 0 });
            id
        };
        out.push(Message::Welcome { nonce, session });
    }

    /// Whether a number is above its lane's, in a session that lives.
    pub(crate) fn is_new(&self, scope: &Scope, name: Name) -> bool {
        self.index_of(scope, name.session).is_some_and(|index| {
            match self.sessions[index].lanes.get(usize::from(name.lane)) {
                Some(lane) => name.number > lane.number,
                None => self.sessions[index].oneway >> name.number & 1 == 0,
            }
        })
    }

    fn receive_request(
        &mut self,
        scope: &Scope,
        name: Name,
        call: u8,
        judgement: Judgement,
        out: &mut Vec<Message>,
    ) {
        if scope.is(Mutation::JudgedBeforeLookedUp)
            && let Judgement::Refuse(verdict) = judgement
            && self.state_of(scope, name).is_some()
        {
            return out.push(Message::Verdict { name, verdict });
        }
        if !self.is_new(scope, name) {
            return self.answer_duplicate(scope, name, Some(call), out);
        }
        match judgement {
            Judgement::Admit => self.advance(scope, name, LaneState::Queued { call }),
            Judgement::Refuse(verdict) => {
                if !scope.is(Mutation::RefusalNotStored) {
                    self.advance(scope, name, LaneState::Refused(verdict));
                }
                out.push(Message::Verdict { name, verdict });
            }
        }
    }

    /// Answers a copy of the lane's call. It is never run again.
    fn answer_duplicate(
        &mut self,
        scope: &Scope,
        name: Name,
        content: Option<u8>,
        out: &mut Vec<Message>,
    ) {
        let Some(&mut state) = self.state_of(scope, name) else { return };
        if let LaneState::Queued { call } | LaneState::Running { call } | LaneState::Done { call } =
            state
            && let Some(other) = content.filter(|&other| other != call)
        {
            return out.push(Message::Misuse { name, call: other });
        }
        match state {
            LaneState::Queued { .. } => out.push(Message::Working { name, is_running: false }),
            LaneState::Running { .. } => {
                let is_running = self.is_entered(name);
                out.push(Message::Working { name, is_running });
            }
            LaneState::Done { call } => out.push(Message::Reply { name, call }),
            LaneState::Refused(verdict) => out.push(Message::Verdict { name, verdict }),
            LaneState::NotKept => out.push(Message::NotKept { name }),
            LaneState::Freed | LaneState::Empty => {}
        }
    }

    pub(crate) fn is_entered(&self, name: Name) -> bool {
        self.executions.iter().any(|it| it.name == name && it.is_entered)
    }

    fn receive_oneway(&mut self, scope: &Scope, name: Name, call: u8, judgement: Judgement) {
        let Some(index) = self.index_of(scope, name.session) else { return };
        let session = &mut self.sessions[index];
        if session.oneway >> name.number & 1 == 1 {
            return;
        }
        if !scope.is(Mutation::OnewayNotMarked) {
            session.oneway |= 1 << name.number;
        }
        if judgement == Judgement::Admit {
            self.oneway_queue.push((name, call));
        }
    }

    fn receive_fence(&mut self, scope: &Scope, name: Name, out: &mut Vec<Message>) {
        if self.index_of(scope, name.session).is_none() {
            return;
        }
        if self.is_new(scope, name) {
            if !scope.is(Mutation::FenceLeavesNoTombstone) {
                self.advance(scope, name, LaneState::Refused(Verdict::Fenced));
            }
            return out.push(Message::Verdict { name, verdict: Verdict::Fenced });
        }
        let is_entered = self.is_entered(name);
        let fenced = Message::Verdict { name, verdict: Verdict::Fenced };
        out.push(match self.state_of(scope, name) {
            None => Message::Superseded { name },
            Some(state @ LaneState::Queued { .. }) => {
                if !scope.is(Mutation::FencedCallStaysInQueue) {
                    *state = LaneState::Refused(Verdict::Fenced);
                }
                fenced
            }
            Some(LaneState::Running { .. }) if scope.is(Mutation::FenceIgnoresRunning) => fenced,
            Some(LaneState::Running { .. }) if is_entered => Message::Running { name },
            Some(LaneState::Running { .. }) if scope.is(Mutation::TakenCountsAsEntered) => {
                Message::Running { name }
            }
            Some(LaneState::Running { .. }) => Message::Working { name, is_running: false },
            Some(LaneState::Done { call }) => Message::Reply { name, call: *call },
            Some(LaneState::Refused(verdict)) => Message::Verdict { name, verdict: *verdict },
            Some(LaneState::NotKept) => Message::NotKept { name },
            Some(LaneState::Freed | LaneState::Empty) => Message::Superseded { name },
        });
    }

    fn receive_acknowledge(&mut self, scope: &Scope, name: Name, out: &mut Vec<Message>) {
        let Some(index) = self.index_of(scope, name.session) else { return };
        if self.is_new(scope, name) {
            return;
        }
        let lane = &mut self.sessions[index].lanes[usize::from(name.lane)];
        let is_present = lane.number == name.number;
        match lane.state {
            LaneState::Done { .. } if is_present || scope.is(Mutation::OldAcknowledgementFrees) => {
                lane.state = LaneState::Freed;
            }
            LaneState::Queued { .. } | LaneState::Running { .. } if is_present => return,
            _ => {}
        }
        out.push(Message::Acknowledged { name });
    }

    /// Makes a new number its lane's call and leaves the previous one behind.
    fn advance(&mut self, scope: &Scope, name: Name, state: LaneState) {
        let Some(index) = self.index_of(scope, name.session) else { return };
        let (session, lane) = (self.sessions[index].id, usize::from(name.lane));
        let previous = core::mem::replace(
            &mut self.sessions[index].lanes[lane],
            Lane { number: name.number, state },
        );
        if !scope.is(Mutation::LeftResultIsRecorded) {
            self.leave(Name { session, number: previous.number, ..name });
        }
    }

    fn leave(&mut self, name: Name) {
        for execution in self.executions.iter_mut().filter(|it| it.name == name) {
            execution.is_left = true;
        }
    }

    pub(crate) fn remove_session(&mut self, scope: &Scope, index: usize) {
        let session = self.sessions.remove(index);
        for (lane, &Lane { number, .. }) in session.lanes.iter().enumerate() {
            self.leave(Name { session: session.id, lane: lane as u8, number });
        }
        if scope.is(Mutation::QueueOutlivesSession) {
            for (lane, it) in session.lanes.iter().enumerate() {
                if let LaneState::Queued { call } = it.state {
                    let name = Name { session: session.id, lane: lane as u8, number: it.number };
                    self.oneway_queue.push((name, call));
                }
            }
        }
    }

    /// Whether calls of a session are queued or running, those of left lanes included.
    pub(crate) fn has_unfinished(&self, session: &Session) -> bool {
        session.lanes.iter().any(|lane| matches!(lane.state, LaneState::Queued { .. }))
            || self.executions.iter().any(|it| it.name.session == session.id)
            || self.oneway_queue.iter().any(|(name, _)| name.session == session.id)
    }

    /// The calls that could be taken.
    pub(crate) fn queued(&self) -> Vec<(Name, u8)> {
        let mut queued = self.oneway_queue.clone();
        for session in &self.sessions {
            for (lane, it) in session.lanes.iter().enumerate() {
                if let LaneState::Queued { call } = it.state {
                    let name = Name { session: session.id, lane: lane as u8, number: it.number };
                    queued.push((name, call));
                }
            }
        }
        queued
    }

    /// Takes a call to run it. False if it was a one-way call whose session is gone.
    pub(crate) fn take(&mut self, scope: &Scope, name: Name, call: u8) -> bool {
        if let Some(place) = self.oneway_queue.iter().position(|(it, _)| *it == name) {
            self.oneway_queue.remove(place);
            let lives = self.index_of(scope, name.session).is_some();
            if !lives && !scope.is(Mutation::QueueOutlivesSession) {
                return false;
            }
        } else if let Some(state) = self.state_of(scope, name) {
            *state = LaneState::Running { call };
        }
        self.executions.push(Execution { name, call, is_entered: false, is_left: false });
        self.executions.sort_by_key(|it| (it.name, it.is_entered));
        true
    }

    /// A call that waits is refused: its deadline has passed.
    pub(crate) fn expire_queued(&mut self, scope: &Scope, name: Name, out: &mut Vec<Message>) {
        if let Some(place) = self.oneway_queue.iter().position(|(it, _)| *it == name) {
            self.oneway_queue.remove(place);
        } else if let Some(state) = self.state_of(scope, name) {
            *state = LaneState::Refused(Verdict::Refused);
            out.push(Message::Verdict { name, verdict: Verdict::Refused });
        }
    }

    /// A call ends: without being entered, or with a reply.
    pub(crate) fn complete(&mut self, scope: &Scope, place: usize, out: &mut Vec<Message>) {
        let Execution { mut name, call, is_entered, is_left } = self.executions.remove(place);
        if is_left || name.lane == ONEWAY {
            return;
        }
        if scope.is(Mutation::LeftResultIsRecorded)
            && let Some(index) = self.index_of(scope, name.session)
        {
            name.number = self.sessions[index].lanes[usize::from(name.lane)].number;
        }
        let Some(state) = self.state_of(scope, name) else { return };
        if !is_entered {
            *state = LaneState::Refused(Verdict::Abandoned);
            return out.push(Message::Verdict { name, verdict: Verdict::Abandoned });
        }
        let is_kept = scope.calls[usize::from(call)] != Kind::Idempotent;
        *state = if is_kept { LaneState::Done { call } } else { LaneState::NotKept };
        out.push(Message::Reply { name, call });
        if scope.is(Mutation::ReplyFreedBeforeAcknowledged)
            && let Some(index) = self.index_of(scope, name.session)
        {
            let empty = Lane { number: 0, state: LaneState::Empty };
            self.sessions[index].lanes[usize::from(name.lane)] = empty;
        }
    }
}
