//! The client: what `rpc-core/src/endpoint/client` does, without time.

use crate::message::{Message, Name, ONEWAY, SessionId};
use crate::mutation::Mutation;
use crate::scope::{Kind, Scope};

/// What is known of whether a call ran. In this order, the later one counts when they are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Outcome {
    NotExecuted,
    Unknown,
    Executed,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// With the reply that an execution of this call gave.
    Reply(u8),
    /// A one-way call was given out.
    GivenOut,
    Failed(Outcome),
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// It was not made yet.
    Unborn,
    Waiting,
    Delayed,
    Sent,
    Working,
    Fencing,
    Settled,
}

impl Phase {
    pub(crate) fn has_lane(self) -> bool {
        matches!(self, Self::Sent | Self::Working | Self::Fencing)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    /// The process that made it.
    pub(crate) process: u8,
    pub(crate) phase: Phase,
    pub(crate) lane: u8,
    pub(crate) number: u8,
    pub(crate) is_given_out: bool,
    pub(crate) is_known_to_run: bool,
    /// What earlier submissions came to.
    pub(crate) earlier: Outcome,
    pub(crate) is_fenced: bool,
    pub(crate) ending: Option<Ending>,
    pub(crate) settlement: Option<Ending>,
}

impl Call {
    pub(crate) fn is_open(&self) -> bool {
        self.phase != Phase::Unborn && self.ending.is_none()
    }

    fn outcome_so_far(&self) -> Outcome {
        let this_time = match self.phase {
            Phase::Unborn | Phase::Waiting | Phase::Delayed => Outcome::NotExecuted,
            phase if phase.has_lane() && !self.is_given_out => Outcome::NotExecuted,
            _ if self.is_known_to_run => Outcome::Executed,
            _ => Outcome::Unknown,
        };
        self.earlier.max(this_time)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Handshake {
    pub(crate) nonce: u8,
    /// The cookie, once there is one.
    pub(crate) cookie: Option<u8>,
}

/// The present client process, and what all of them came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    pub(crate) process: u8,
    pub(crate) session: Option<SessionId>,
    pub(crate) handshake: Option<Handshake>,
    /// Nonces that were drawn. They are never drawn again, by no process.
    pub(crate) nonces: u8,
    pub(crate) calls: Vec<Call>,
    waiting: Vec<u8>,
    free: Vec<u8>,
    /// Replies by lane that have arrived and are not known to be freed.
    pub(crate) replies: Vec<Option<u8>>,
    last_number: u8,
    pub(crate) retries: u8,
    pub(crate) is_closed: bool,
}

impl Client {
    pub(crate) fn new(scope: &Scope) -> Self {
        let unborn = Call {
            process: 0,
            phase: Phase::Unborn,
            lane: 0,
            number: 0,
            is_given_out: false,
            is_known_to_run: false,
            earlier: Outcome::NotExecuted,
            is_fenced: false,
            ending: None,
            settlement: None,
        };
        Self {
            process: 0,
            session: None,
            handshake: None,
            nonces: 0,
            calls: vec![unborn; scope.calls.len()],
            waiting: Vec::new(),
            free: Vec::new(),
            replies: Vec::new(),
            last_number: 0,
            retries: 0,
            is_closed: false,
        }
    }

    /// The process dies, and another one begins. The calls of the old one never end.
    pub(crate) fn restart(&mut self) {
        self.process += 1;
        self.session = None;
        self.handshake = None;
        self.waiting.clear();
        self.free.clear();
        self.replies.clear();
        self.last_number = 0;
        self.is_closed = false;
    }

    /// Whether a call is one of the present process.
    pub(crate) fn has(&self, call: u8) -> bool {
        self.calls[usize::from(call)].process == self.process
    }

    pub(crate) fn name(&self, call: u8) -> Option<Name> {
        let Call { lane, number, .. } = self.calls[usize::from(call)];
        self.session.map(|session| Name { session, lane, number })
    }

    pub(crate) fn occupant(&self, lane: u8) -> Option<u8> {
        let holds = |&call: &u8| {
            let it = &self.calls[usize::from(call)];
            self.has(call) && it.phase.has_lane() && it.lane == lane
        };
        (0..self.calls.len() as u8).find(holds)
    }

    pub(crate) fn submit(&mut self, scope: &Scope, call: u8, out: &mut Vec<Message>) {
        let process = self.process;
        let it = &mut self.calls[usize::from(call)];
        it.process = process;
        it.phase = Phase::Waiting;
        if scope.calls[usize::from(call)] == Kind::Oneway && self.session.is_some() {
            self.waiting.insert(0, call);
        } else {
            self.waiting.push(call);
        }
        self.start_waiting(scope);
        if self.session.is_none() {
            self.begin_handshake(scope, out);
        }
    }

    pub(crate) fn begin_handshake(&mut self, scope: &Scope, out: &mut Vec<Message>) {
        if self.handshake.is_none() {
            self.draw_handshake(scope, out);
        }
    }

    /// A handshake under a fresh nonce, if the scope has any left.
    pub(crate) fn draw_handshake(&mut self, scope: &Scope, out: &mut Vec<Message>) {
        if self.nonces >= scope.handshakes {
            return;
        }
        self.nonces += 1;
        let nonce = if scope.is(Mutation::NonceRepeated) { 1 } else { self.nonces };
        self.handshake = Some(Handshake { nonce, cookie: None });
        out.push(Message::Hello { nonce });
    }

    /// Gives lanes to waiting calls, unless the session is in doubt.
    pub(crate) fn start_waiting(&mut self, scope: &Scope) {
        if self.session.is_none() || self.handshake.is_some() {
            return;
        }
        while let Some(&call) = self.waiting.first() {
            if self.calls[usize::from(call)].phase != Phase::Waiting {
                self.waiting.remove(0);
                continue;
            }
            let lane = if scope.calls[usize::from(call)] == Kind::Oneway {
                ONEWAY
            } else if let Some(lane) = self.free.pop() {
                self.replies[usize::from(lane)] = None;
                lane
            } else {
                return;
            };
            self.waiting.remove(0);
            self.last_number += 1;
            let number = self.last_number;
            let it = &mut self.calls[usize::from(call)];
            it.phase = Phase::Sent;
            (it.lane, it.number) = (lane, number);
            it.is_given_out = false;
            it.is_known_to_run = false;
        }
    }

    /// The request of a call is given out for the first time.
    pub(crate) fn transmit(&mut self, scope: &Scope, call: u8, out: &mut Vec<Message>) {
        let Some(name) = self.name(call) else { return };
        self.calls[usize::from(call)].is_given_out = true;
        out.push(Message::Request { name, call });
        if scope.calls[usize::from(call)] == Kind::Oneway {
            self.settle_lane(scope, call);
            self.finish(call, Ending::GivenOut);
        }
    }

    pub(crate) fn cancel(&mut self, scope: &Scope, call: u8, out: &mut Vec<Message>) {
        let it = self.calls[usize::from(call)];
        match it.phase {
            Phase::Waiting | Phase::Delayed => self.finish(call, Ending::Failed(it.earlier)),
            Phase::Sent if !it.is_given_out => {
                self.settle_lane(scope, call);
                self.finish(call, Ending::Failed(it.earlier));
            }
            Phase::Sent | Phase::Working if scope.is(Mutation::NumberReusedAfterCancel) => {
                let outcome = it.outcome_so_far();
                self.last_number -= 1;
                self.settle_lane(scope, call);
                self.finish(call, Ending::Failed(outcome));
            }
            Phase::Sent | Phase::Working => self.fence(call, out),
            Phase::Unborn | Phase::Fencing | Phase::Settled => {}
        }
    }

    fn fence(&mut self, call: u8, out: &mut Vec<Message>) {
        let it = &mut self.calls[usize::from(call)];
        it.phase = Phase::Fencing;
        it.is_fenced = true;
        out.extend(self.name(call).map(|name| Message::Fence { name }));
    }

    /// Its deadline has passed, or it has waited too long for a session.
    pub(crate) fn expire(&mut self, scope: &Scope, call: u8, out: &mut Vec<Message>) {
        let it = self.calls[usize::from(call)];
        let outcome = match it.outcome_so_far() {
            Outcome::Unknown if scope.is(Mutation::DeadlineSaysNotExecuted) => Outcome::NotExecuted,
            outcome => outcome,
        };
        match it.phase {
            Phase::Sent if !it.is_given_out => self.settle_lane(scope, call),
            Phase::Sent | Phase::Working => self.fence(call, out),
            _ => {}
        }
        self.finish(call, Ending::Failed(outcome));
    }

    /// The server was silent for too long: every call that has a lane ends with what is known.
    pub(crate) fn give_up(&mut self, out: &mut Vec<Message>) {
        for call in 0..self.calls.len() as u8 {
            let it = self.calls[usize::from(call)];
            if self.has(call) && it.phase.has_lane() && it.is_open() && it.lane != ONEWAY {
                self.fence(call, out);
                self.finish(call, Ending::Failed(it.outcome_so_far()));
            }
        }
    }

    /// The wait after BUSY is over.
    pub(crate) fn resume_delayed(&mut self, scope: &Scope, call: u8, out: &mut Vec<Message>) {
        self.calls[usize::from(call)].phase = Phase::Waiting;
        self.waiting.push(call);
        self.start_waiting(scope);
        if self.session.is_none() {
            self.begin_handshake(scope, out);
        }
    }

    pub(crate) fn close(&mut self, scope: &Scope, out: &mut Vec<Message>) {
        self.is_closed = true;
        self.handshake = None;
        self.waiting.clear();
        for call in 0..self.calls.len() as u8 {
            let it = self.calls[usize::from(call)];
            if self.has(call) && it.phase != Phase::Unborn {
                self.settle_lane(scope, call);
                self.finish(call, Ending::Failed(it.outcome_so_far()));
            }
        }
        out.extend(self.session.map(|session| Message::Close { session }));
    }

    /// The server has told what became of a lane's call, or nobody needs to know any more.
    pub(crate) fn settle_lane(&mut self, scope: &Scope, call: u8) {
        let it = &mut self.calls[usize::from(call)];
        let (had_lane, lane) = (it.phase.has_lane(), it.lane);
        it.phase = Phase::Settled;
        if had_lane && lane != ONEWAY {
            self.free.push(lane);
            self.start_waiting(scope);
        }
    }

    /// A call ends; one that has ended with an unknown outcome is settled.
    pub(crate) fn finish(&mut self, call: u8, ending: Ending) {
        let it = &mut self.calls[usize::from(call)];
        match it.ending {
            None => {
                it.ending = Some(ending);
                if matches!(it.phase, Phase::Waiting | Phase::Delayed) {
                    it.phase = Phase::Settled;
                }
            }
            Some(_) if it.settlement.is_some() || ending == Ending::Failed(Outcome::Unknown) => {}
            Some(_) => it.settlement = Some(ending),
        }
    }

    /// WELCOME: the session goes on, or the old one is dead for ever.
    pub(crate) fn take_session(&mut self, scope: &Scope, session: SessionId) {
        self.handshake = None;
        if self.session != Some(session) {
            self.end_session(scope);
            self.free = (0..scope.lanes).rev().collect();
            self.replies = vec![None; usize::from(scope.lanes)];
        }
        self.session = Some(session);
        self.start_waiting(scope);
    }

    fn end_session(&mut self, scope: &Scope) {
        if self.session.take().is_none() {
            return;
        }
        let mut again = Vec::new();
        for call in 0..self.calls.len() as u8 {
            let it = self.calls[usize::from(call)];
            if !self.has(call) || !it.phase.has_lane() {
                continue;
            }
            if it.lane == ONEWAY {
                self.calls[usize::from(call)].phase = Phase::Waiting;
                self.waiting.push(call);
                continue;
            }
            let outcome = match it.outcome_so_far() {
                Outcome::Unknown if scope.is(Mutation::RestartSaysNotExecuted) => {
                    Outcome::NotExecuted
                }
                outcome => outcome,
            };
            let is_wanted = matches!(it.phase, Phase::Sent | Phase::Working);
            let may_run_again = !it.is_given_out
                || scope.calls[usize::from(call)] == Kind::Idempotent
                || scope.is(Mutation::SentCallMadeAgain);
            let target = &mut self.calls[usize::from(call)];
            if it.is_open() && is_wanted && may_run_again {
                target.earlier = outcome;
                target.phase = Phase::Waiting;
                again.push(call);
            } else {
                target.phase = Phase::Settled;
                if it.is_open() {
                    self.finish(call, Ending::Failed(outcome));
                }
            }
        }
        self.waiting.splice(0..0, again);
    }

    /// Puts a call before all others that wait.
    pub(crate) fn wait_first(&mut self, call: u8) {
        self.waiting.insert(0, call);
    }
}
