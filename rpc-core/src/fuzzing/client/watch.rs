//! What a client sends, hears and tells its callers, observed from outside: what it tells has to follow from
//! what it has sent and heard.

use std::collections::{BTreeMap, BTreeSet};

use crate::endpoint::client::{CallKey, Completion};
use crate::error::Outcome;
use crate::transfer::ranges::Ranges;
use crate::wire::frame::{
    ClientFrame, ReplyCode, ServerAnswer, next_client_frame, next_server_frame,
};
use crate::wire::{Header, Kind, Role, integrity};

/// A session, a lane and a number.
type Name = (u64, u16, u64);

/// A call as its caller knows it.
pub(super) struct Call {
    pub(super) key: CallKey,
    pub(super) is_oneway: bool,
    /// Tells its arguments from those of others, where they come in parts.
    pub(super) identity: u32,
    pub(super) length: usize,
    /// The names that its requests had, and how much of its arguments was sent under each.
    pub(super) names: BTreeMap<Name, Ranges>,
    pub(super) is_released: bool,
    pub(super) ended: Option<Completion>,
}

/// What the client was told about one name.
#[derive(Default)]
struct Told {
    results: BTreeSet<u32>,
    was_refused: bool,
    ran: bool,
    has_parts: bool,
}

/// The observer of one client.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) calls: Vec<Call>,
    told: BTreeMap<Name, Told>,
    /// Which call has a sequence number.
    numbers: BTreeMap<u64, usize>,
}

impl Watch {
    /// What a datagram tells, whether or not the client believes it.
    pub(super) fn on_receive(&mut self, datagram: &[u8]) {
        let Ok((header, body)) = Header::parse(datagram) else { return };
        let mut at = 0;
        while header.kind == Kind::Frames
            && let Some(frame) = next_server_frame(body, &mut at)
        {
            let name = (header.session, frame.subject.lane, frame.subject.sequence);
            let told = self.told.entry(name).or_default();
            match frame.answer {
                ServerAnswer::Reply(ReplyCode::Result, range) => {
                    told.ran = true;
                    told.results.insert(integrity::crc32c(&body[range]));
                }
                ServerAnswer::Part(..) => (told.ran, told.has_parts) = (true, true),
                ServerAnswer::Verdict(..) => told.was_refused = true,
                ServerAnswer::Working(working) => told.ran |= working.is_running,
                ServerAnswer::Reply(..) | ServerAnswer::NotKept | ServerAnswer::Running => {
                    told.ran = true;
                }
                _ => {}
            }
        }
    }

    /// The client has sent this.
    pub(super) fn on_sent(&mut self, datagram: &[u8]) {
        let (header, body) = Header::parse(datagram).expect("what it sends is well formed");
        assert_eq!(header.role, Role::Client);
        let mut at = 0;
        while header.kind == Kind::Frames && at < body.len() {
            let frame = next_client_frame(body, &mut at).expect("it is well formed");
            let (subject, index, range) = match &frame {
                ClientFrame::Request(subject, request) | ClientFrame::Oneway(subject, request) => {
                    let arguments = &body[request.body.clone()];
                    let index = arguments.first_chunk().map(|index| u32::from_be_bytes(*index));
                    let index = index.expect("there are eight bytes at least") as usize;
                    (subject, index, 0..arguments.len())
                }
                ClientFrame::Part(subject, _, part) => {
                    let mut calls = self.calls.iter();
                    let index = calls.position(|call| call.identity == part.identity);
                    let start = part.offset as usize;
                    (subject, index.expect("it is a call's"), start..start + part.body.len())
                }
                _ => continue,
            };
            let name = (header.session, subject.lane, subject.sequence);
            let owner = *self.numbers.entry(subject.sequence).or_insert(index);
            assert_eq!(owner, index, "S8: a number is used twice");
            let names = &mut self.calls[index].names;
            names.entry(name).or_default().insert(range);
            let is_lane_free = names.keys().filter(|it| it.2 == subject.sequence).count() == 1;
            assert!(is_lane_free, "S8: a call keeps its session and lane under a number");
        }
    }

    /// A call has ended so.
    pub(super) fn on_finished(&mut self, key: CallKey, completion: Completion) {
        let call = self.calls.iter_mut().find(|call| call.key == key && !call.is_released);
        let call = call.expect("its caller waits for it");
        assert!(call.ended.is_none(), "S5: it ends twice");
        check_truth(call, &completion, &self.told);
        call.ended = Some(completion);
    }
}

/// What a caller is told follows from what was sent and heard.
fn check_truth(call: &Call, completion: &Completion, told: &BTreeMap<Name, Told>) {
    let heard = || call.names.keys().filter_map(|name| told.get(name));
    match completion {
        Ok(_) if call.is_oneway => {}
        Ok(result) => {
            let checksum = integrity::crc32c(result);
            let is_told = |told: &Told| told.has_parts || told.results.contains(&checksum);
            assert!(heard().any(is_told), "S3: nobody said so");
        }
        Err(failure) if failure.outcome == Outcome::NotExecuted => {
            for (name, sent) in &call.names {
                let was_refused = told.get(name).is_some_and(|told| told.was_refused);
                let is_whole = sent.prefix() == call.length;
                assert!(was_refused || !is_whole, "S4: {name:?} may run, {:?}", failure.kind);
            }
        }
        Err(failure) if failure.outcome == Outcome::Executed => {
            assert!(heard().any(|told| told.ran), "S4: nobody said so");
        }
        Err(_) => assert!(!call.names.is_empty(), "S4: nothing was sent, so it did not run"),
    }
}
