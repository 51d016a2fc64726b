//! What the messages of the server mean to the client: `receive.rs` and `handshake.rs`.

use crate::client::{Client, Ending, Handshake, Outcome, Phase};
use crate::message::{Message, Name, SessionId, Verdict};
use crate::mutation::Mutation;
use crate::scope::{Kind, Scope};

impl Client {
    /// `again` is what the retry budget says, where it is asked.
    pub(crate) fn receive(
        &mut self,
        scope: &Scope,
        message: Message,
        again: bool,
        out: &mut Vec<Message>,
    ) {
        match message {
            Message::Challenge { nonce, cookie } => {
                if let Some(Handshake { nonce: expected, cookie: known @ None }) =
                    &mut self.handshake
                    && *expected == nonce
                {
                    *known = Some(cookie);
                    out.push(Message::Open { nonce, cookie, previous: self.session });
                }
            }
            Message::Welcome { nonce, session } => {
                if self.expects(scope, nonce) {
                    self.take_session(scope, session);
                }
            }
            Message::Full { nonce } => {
                if self.expects(scope, nonce) {
                    self.draw_handshake(scope, out);
                }
            }
            Message::Acknowledged { name } => {
                if self.is_ours(scope, name.session)
                    && self.replies[usize::from(name.lane)] == Some(name.number)
                {
                    self.replies[usize::from(name.lane)] = None;
                }
            }
            Message::Reply { name, .. }
            | Message::Verdict { name, .. }
            | Message::Misuse { name, .. }
            | Message::Working { name, .. }
            | Message::NotKept { name }
            | Message::Running { name }
            | Message::Superseded { name }
            | Message::Unseen { name } => self.receive_answer(scope, name, message, again, out),
            _ => unreachable!("it is for the server"),
        }
    }

    /// Whether an OPEN with this nonce waits for its answer.
    fn expects(&self, scope: &Scope, nonce: u8) -> bool {
        self.handshake.is_some_and(|it| {
            it.cookie.is_some() && (it.nonce == nonce || scope.is(Mutation::NonceNotCompared))
        })
    }

    fn is_ours(&self, scope: &Scope, session: SessionId) -> bool {
        self.session.is_some_and(|own| {
            own == session
                || scope.is(Mutation::IncarnationNotCompared) && own.index == session.index
        })
    }

    fn receive_answer(
        &mut self,
        scope: &Scope,
        name: Name,
        message: Message,
        again: bool,
        out: &mut Vec<Message>,
    ) {
        if !self.is_ours(scope, name.session) {
            return;
        }
        let Some(call) = self.occupant(name.lane) else {
            if matches!(message, Message::Reply { .. }) {
                self.note_reply(scope, name, out);
            }
            return;
        };
        let it = self.calls[usize::from(call)];
        if it.number != name.number && !scope.is(Mutation::NumberOfAnswerNotCompared) {
            return;
        }
        match message {
            Message::Reply { call: body, .. } => {
                if scope.calls[usize::from(call)] != Kind::Idempotent {
                    self.note_reply(scope, name, out);
                }
                self.settle_lane(scope, call);
                self.finish(call, Ending::Reply(body));
            }
            Message::Verdict { verdict: Verdict::Busy, .. } => {
                self.settle_lane(scope, call);
                if again && matches!(it.phase, Phase::Sent | Phase::Working) {
                    self.retries += 1;
                    self.calls[usize::from(call)].phase = Phase::Delayed;
                } else {
                    self.finish(call, Ending::Failed(it.earlier));
                }
            }
            Message::Verdict { .. } => {
                self.settle_lane(scope, call);
                self.finish(call, Ending::Failed(it.earlier));
            }
            Message::Misuse { call: refused, .. } => {
                if refused == call {
                    self.settle_lane(scope, call);
                    self.finish(call, Ending::Failed(it.earlier));
                }
            }
            Message::Working { is_running, .. } => self.on_working(call, is_running, out),
            Message::NotKept { .. } => self.on_not_kept(scope, call, again),
            Message::Running { .. } => {
                self.settle_lane(scope, call);
                self.finish(call, Ending::Failed(Outcome::Executed));
            }
            Message::Superseded { .. } => {
                let outcome = it.earlier.max(match it.is_known_to_run {
                    true => Outcome::Executed,
                    false => Outcome::Unknown,
                });
                self.settle_lane(scope, call);
                self.finish(call, Ending::Failed(outcome));
            }
            Message::Unseen { .. } => {
                let it = &mut self.calls[usize::from(call)];
                if it.phase == Phase::Working {
                    it.phase = Phase::Sent;
                }
            }
            _ => unreachable!("it is no answer"),
        }
    }

    /// The server stores a reply that has arrived: it is told so, unless a call takes the lane before.
    fn note_reply(&mut self, scope: &Scope, name: Name, out: &mut Vec<Message>) {
        let known = &mut self.replies[usize::from(name.lane)];
        // An old copy is no news of the lane.
        if scope.is(Mutation::OldReplyNoted) || known.is_none_or(|known| known < name.number) {
            *known = Some(name.number);
        }
        out.push(Message::Acknowledge { name });
    }

    fn on_working(&mut self, call: u8, is_running: bool, out: &mut Vec<Message>) {
        let name = self.name(call);
        let it = &mut self.calls[usize::from(call)];
        it.is_known_to_run |= is_running;
        if it.phase == Phase::Sent {
            it.phase = Phase::Working;
            out.extend(name.map(|name| Message::Probe { name }));
        }
    }

    /// It ran, and its reply is gone.
    fn on_not_kept(&mut self, scope: &Scope, call: u8, again: bool) {
        self.settle_lane(scope, call);
        let it = &mut self.calls[usize::from(call)];
        let is_idempotent = scope.calls[usize::from(call)] == Kind::Idempotent;
        if it.is_open() && again && is_idempotent && !it.is_fenced {
            self.retries += 1;
            it.earlier = Outcome::Executed;
            it.phase = Phase::Waiting;
            self.wait_first(call);
            self.start_waiting(scope);
        } else {
            self.finish(call, Ending::Failed(Outcome::Executed));
        }
    }
}
