//! What a server receives, runs and sends, observed from outside and held against what it promises.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::endpoint::server::Finished;
use crate::endpoint::server::audit::CallName;
use crate::wire::frame::{
    ClientFrame, ReplyCode, ServerAnswer, ServerFrame, Subject, VerdictCode, next_client_frame,
    next_server_frame,
};
use crate::wire::handshake::{self as messages, Cookie};
use crate::wire::{Header, Kind, Role, integrity};

/// What was exchanged with one address.
#[derive(Default)]
struct Traffic {
    bytes_in: usize,
    bytes_out: usize,
    datagrams_in: usize,
    datagrams_out: usize,
    is_proven: bool,
}

/// What is known of one call.
#[derive(Default)]
struct Call {
    /// Checksums of the arguments that were sent under its name.
    offered: BTreeSet<u32>,
    was_taken: bool,
    was_entered: bool,
    has_ended: bool,
    was_refused: bool,
    /// What its handler returned.
    result: Option<Vec<u8>>,
    /// What was told as its reply.
    told: Option<(ReplyCode, Vec<u8>)>,
}

/// The observer of one server.
#[derive(Default)]
pub(super) struct Watch {
    traffic: BTreeMap<SocketAddr, Traffic>,
    /// Cookies that were sent to an address, with their nonces, and those that it has sent back.
    issued: BTreeSet<(SocketAddr, u128, Cookie)>,
    returned: BTreeSet<(SocketAddr, u128)>,
    /// The addresses that each session had.
    sessions: BTreeMap<u64, BTreeSet<SocketAddr>>,
    calls: BTreeMap<CallName, Call>,
    /// Bytes of parts that were sent to each session, and to all.
    parts: BTreeMap<u64, usize>,
    pub(super) part_bytes: usize,
}

fn name(session: u64, subject: Subject) -> CallName {
    (session, subject.lane, subject.sequence)
}

impl Watch {
    /// Bytes of parts that were sent to a session.
    pub(super) fn parts_of(&self, session: u64) -> usize {
        self.parts.get(&session).copied().unwrap_or(0)
    }

    /// The server is to receive this.
    pub(super) fn on_receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let traffic = self.traffic.entry(from).or_default();
        traffic.bytes_in += datagram.len();
        traffic.datagrams_in += 1;
        let Ok((header, body)) = Header::parse(datagram) else { return };
        if header.role != Role::Client {
            return;
        }
        if header.kind == Kind::Open
            && let Some(open) = messages::parse_open(body)
            && self.issued.contains(&(from, open.nonce, open.cookie))
        {
            self.returned.insert((from, open.nonce));
        }
        if header.kind == Kind::Frames
            && self.sessions.get(&header.session).is_some_and(|addresses| addresses.contains(&from))
        {
            self.on_frames(header.session, body);
        }
    }

    fn on_frames(&mut self, session: u64, body: &[u8]) {
        let mut frames = Vec::new();
        let mut at = 0;
        while at < body.len() {
            let Some(frame) = next_client_frame(body, &mut at) else { return };
            frames.push(frame);
        }
        for frame in frames {
            match frame {
                ClientFrame::Request(subject, request) | ClientFrame::Oneway(subject, request) => {
                    let checksum = integrity::crc32c(&body[request.body]);
                    let call = self.calls.entry(name(session, subject)).or_default();
                    call.offered.insert(checksum);
                }
                ClientFrame::Part(subject, _, part) => {
                    self.part_bytes += part.body.len();
                    *self.parts.entry(session).or_default() += part.body.len();
                    let call = self.calls.entry(name(session, subject)).or_default();
                    call.offered.extend(part.whole_checksum());
                }
                _ => {}
            }
        }
    }

    /// A call was taken to be run.
    pub(super) fn on_taken(&mut self, name: CallName, arguments: &[u8]) {
        let call = self.calls.entry(name).or_default();
        let is_known = call.offered.contains(&integrity::crc32c(arguments));
        assert!(is_known, "S2, S21: nobody sent these arguments under {name:?}");
        assert!(!call.was_taken, "S1: {name:?} runs a second time");
        assert!(!call.was_refused, "S9: {name:?} runs after it was refused");
        call.was_taken = true;
    }

    /// Its handler was entered.
    pub(super) fn on_entered(&mut self, name: CallName) {
        self.calls.entry(name).or_default().was_entered = true;
    }

    /// It has ended.
    pub(super) fn on_ended(&mut self, name: CallName, finished: &Finished) {
        let call = self.calls.entry(name).or_default();
        call.has_ended = true;
        call.result = match finished {
            Finished::Reply(body) => Some(body.part(0..body.len()).into_owned()),
            Finished::Nothing => Some(Vec::new()),
            _ => None,
        };
    }

    /// The server has sent this.
    pub(super) fn on_sent(&mut self, to: SocketAddr, datagram: &[u8]) {
        let (header, body) = Header::parse(datagram).expect("what it sends is well formed");
        assert_eq!(header.role, Role::Server);
        let nonce = match header.kind {
            Kind::Challenge => {
                let (nonce, cookie) = messages::parse_challenge(body).expect("it is well formed");
                self.issued.insert((to, nonce, cookie));
                None
            }
            Kind::Welcome => {
                let welcome = messages::parse_welcome(body).expect("it is well formed");
                self.sessions.entry(welcome.session).or_default().insert(to);
                Some(welcome.nonce)
            }
            Kind::Refused => messages::parse_refused(body).map(|(nonce, _)| nonce),
            _ => None,
        };
        if let Some(nonce) = nonce {
            let is_proven = self.returned.contains(&(to, nonce));
            assert!(is_proven, "{to} has not returned a cookie that was issued to it");
        }
        let traffic = self.traffic.entry(to).or_default();
        traffic.bytes_out += datagram.len();
        traffic.datagrams_out += 1;
        let is_amplified =
            traffic.bytes_out > traffic.bytes_in || traffic.datagrams_out > traffic.datagrams_in;
        assert!(traffic.is_proven || !is_amplified, "S17: {to} has sent less than it got");
        traffic.is_proven |= header.kind == Kind::Welcome;
        if header.kind == Kind::Frames {
            let addresses = self.sessions.get(&header.session).expect("S10: a session it issued");
            assert!(addresses.contains(&to), "to an address that the session never had");
            let mut at = 0;
            while at < body.len() {
                let frame = next_server_frame(body, &mut at).expect("it is well formed");
                self.on_answer(header.session, &frame, body);
            }
        }
    }

    fn on_answer(&mut self, session: u64, frame: &ServerFrame, body: &[u8]) {
        let name = name(session, frame.subject);
        let call = self.calls.entry(name).or_default();
        match &frame.answer {
            ServerAnswer::Reply(code, range) => {
                let told = (*code, body[range.clone()].to_vec());
                assert!(call.was_taken && call.has_ended, "S3: {name:?} has not run");
                if *code == ReplyCode::Result {
                    assert_eq!(Some(&told.1), call.result.as_ref(), "S3: the reply of {name:?}");
                }
                let first = call.told.get_or_insert_with(|| told.clone());
                assert_eq!(*first, told, "S6: the reply of {name:?} changed");
            }
            ServerAnswer::Part(code, part) => {
                assert!(call.was_taken && call.has_ended, "S3: {name:?} has not run");
                assert_eq!(*code, ReplyCode::Result);
                let result = call.result.as_ref().expect("S3: it has a result");
                let offset = part.offset as usize;
                let bytes = &body[part.body.clone()];
                assert_eq!(result.len(), part.length as usize);
                assert_eq!(result[offset..offset + bytes.len()], *bytes, "S21: {name:?}");
                if let Some(told) = part.whole_checksum() {
                    assert_eq!(told, integrity::crc32c(result), "S21: {name:?}");
                }
            }
            // It refuses another call that came under this name.
            ServerAnswer::Verdict(VerdictCode::Misuse, _) => {}
            ServerAnswer::Verdict(code, _) => {
                assert!(!call.was_entered, "S4: {name:?} ran and is refused, {code:?}");
                call.was_refused = true;
            }
            ServerAnswer::Working(working) => {
                assert!(!call.was_refused, "S22: {name:?} was refused");
                assert!(call.was_taken || !working.is_running, "S22: {name:?} does not run");
            }
            ServerAnswer::NotKept => {
                assert!(call.was_taken && call.has_ended, "S3: {name:?} has not run");
            }
            ServerAnswer::Running => assert!(call.was_entered, "S22: {name:?} was not entered"),
            ServerAnswer::Superseded
            | ServerAnswer::Unseen
            | ServerAnswer::Acknowledged
            | ServerAnswer::Arrived(_)
            | ServerAnswer::Question(_) => {}
        }
    }
}
