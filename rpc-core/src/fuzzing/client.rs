//! A client that is fed by servers which say anything. What it tells its callers has to follow from what
//! it has sent and heard.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;

use super::host::{INTERFACE, METHODS, SIGNATURE, duration};
use super::input::Input;
use super::mutation::{bent, given};
use crate::config::{ClientConfig, MessageLimits};
use crate::endpoint::client::{CallKey, Completion, NewCall};
use crate::endpoint::{ClientEndpoint, Machine};
use crate::error::Outcome;
use crate::sim::Random;
use crate::time::Timestamp;
use crate::transfer::ranges::Ranges;
use crate::wire::frame::{
    self, ClientFrame, PlainAnswer, ReplyCode, ServerAnswer, Subject, VerdictCode, Working,
    next_client_frame, next_server_frame,
};
use crate::wire::handshake::{self as messages, Open, Refusal, Welcome};
use crate::wire::part::Part;
use crate::wire::{Header, Kind, Role, integrity};

/// A session, a lane and a number.
type Name = (u64, u16, u64);

/// How many datagrams are remembered for being sent again, and for being answered.
const REMEMBERED: usize = 64;

/// A call as its caller knows it.
struct Call {
    key: CallKey,
    is_oneway: bool,
    /// Tells its arguments from those of others, where they come in parts.
    identity: u32,
    length: usize,
    /// The names that its requests had, and how much of its arguments was sent under each.
    names: BTreeMap<Name, Ranges>,
    is_released: bool,
    ended: Option<Completion>,
}

/// What the client was told about one name.
#[derive(Default)]
struct Told {
    results: BTreeSet<u32>,
    was_refused: bool,
    ran: bool,
    has_parts: bool,
}

struct Run<'a> {
    input: Input<'a>,
    now: Timestamp,
    client: ClientEndpoint,
    config: ClientConfig,
    calls: Vec<Call>,
    told: BTreeMap<Name, Told>,
    /// Which call has a sequence number.
    numbers: BTreeMap<u64, usize>,
    /// What the client sent and nobody has answered.
    asked: VecDeque<Bytes>,
    delivered: Vec<Vec<u8>>,
    /// To whom it last sent anything.
    peer: SocketAddr,
    session: u64,
    sessions: u64,
    number: u64,
    received: u64,
    bytes_in: usize,
}

/// Each step is a command of the host, a datagram, or time.
///
/// # Panics
/// If something does not hold.
pub fn client(bytes: &[u8]) {
    let config = ClientConfig {
        maximum_open_calls: 16,
        maximum_assembly_bytes: 512 << 10,
        ..ClientConfig::default()
    };
    let servers = (0..2).map(server).collect();
    let now = Timestamp::from_nanos(1);
    let entropy = Box::new(Random::new(1));
    let mut run = Run {
        input: Input::new(bytes),
        now,
        client: ClientEndpoint::new(config.clone(), servers, entropy, now),
        config,
        calls: Vec::new(),
        told: BTreeMap::new(),
        numbers: BTreeMap::new(),
        asked: VecDeque::new(),
        delivered: Vec::new(),
        peer: server(0),
        session: 0,
        sessions: 0,
        number: 0,
        received: 0,
        bytes_in: 0,
    };
    while !run.input.is_empty() {
        run.step();
        run.settle();
    }
    // Nobody answers any more: every call ends.
    run.pass(Duration::from_secs(120));
    assert_eq!(run.client.open_calls(), 0, "L2: a call that does not end");
    assert!(run.calls.iter().all(|call| call.is_released || call.ended.is_some()), "S5");
}

fn server(index: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 9 + (index % 3) as u8], 1000))
}

impl Run<'_> {
    fn step(&mut self) {
        match self.input.u8() % 64 {
            0..=9 => self.submit(),
            10..=30 => self.answer(),
            31..=36 => {
                let datagram = given(&mut self.input, self.session);
                self.deliver(datagram);
            }
            37..=40 => {
                let again = usize::from(self.input.u8()) % self.delivered.len().max(1);
                if let Some(datagram) = self.delivered.get(again).cloned() {
                    self.deliver(datagram);
                }
            }
            41..=44 => {
                let again = usize::from(self.input.u8()) % self.delivered.len().max(1);
                if let Some(datagram) = self.delivered.get(again) {
                    let datagram = bent(&mut self.input, datagram);
                    self.deliver(datagram);
                }
            }
            45..=52 => {
                let duration = duration(&mut self.input);
                self.pass(duration);
            }
            53..=56 => {
                self.asked.pop_front();
            }
            _ => self.command(),
        }
    }

    fn submit(&mut self) {
        let method = self.input.pick(&METHODS);
        let index = self.calls.len() as u32;
        let length = 8 + self.input.pick(&[0, 0, 0, 0, 100, 1200, 5000, 60_000]);
        let mut body = vec![0; length];
        body[..4].copy_from_slice(&index.to_be_bytes());
        let body = crate::marshal::Body::from(body);
        let seconds = self.input.pick(&[Some(10), Some(1), Some(30), None, Some(0)]);
        let call = NewCall {
            interface: INTERFACE,
            method,
            signature: SIGNATURE,
            is_idempotent: method == 2,
            is_oneway: method == 3,
            limits: MessageLimits::default(),
            deadline: seconds.map(Duration::from_secs),
            body: body.clone(),
            fault: None,
        };
        let key = self.client.submit(self.now, call);
        self.calls.push(Call {
            key,
            is_oneway: method == 3,
            identity: frame::identity(INTERFACE, method, SIGNATURE, &body),
            length,
            names: BTreeMap::new(),
            is_released: false,
            ended: None,
        });
    }

    fn command(&mut self) {
        let count = self.calls.len().max(1);
        let which = usize::from(self.input.u8()) % count;
        let what = self.input.u8();
        let Some(call) = self.calls.get_mut(which) else { return };
        if call.is_released {
            return;
        }
        match what {
            0..=0x5F => self.client.cancel(call.key),
            0x60..=0x8F => {
                self.client.release(call.key);
                call.is_released = true;
            }
            0x90..=0xBF => {
                self.client.detach(call.key);
                call.is_released = true;
            }
            0xC0..=0xCF => self.client.set_servers(self.now, vec![server(1), server(0)]),
            0xD0..=0xDF => self.client.handle_send_refused(self.now, server(0), 1400),
            0xE0..=0xFC => {
                self.client.hold(self.now, call.key);
            }
            _ => self.client.close(),
        }
    }

    /// Answers the oldest datagram that waits for it, honestly as a rule.
    fn answer(&mut self) {
        let Some(asked) = self.asked.pop_front() else { return };
        let Ok((header, body)) = Header::parse(&asked) else { unreachable!("it was checked") };
        let mut out = Vec::new();
        match header.kind {
            Kind::Hello => {
                let nonce = messages::parse_hello(body).expect("it is well formed");
                match self.input.u8() {
                    0xF0..=0xFF => messages::write_version(&mut out, nonce),
                    fill => messages::write_challenge(&mut out, nonce, &[fill; 28]),
                }
            }
            Kind::Open => {
                let open = messages::parse_open(body).expect("it is well formed");
                self.welcome(&open, &mut out);
            }
            _ => {
                Header { role: Role::Server, kind: Kind::Frames, session: header.session }
                    .write(&mut out);
                let empty = out.len();
                let mut at = 0;
                while let Some(frame) = next_client_frame(body, &mut at) {
                    self.answer_frame(&frame, &mut out);
                }
                if out.len() == empty {
                    out.clear();
                    let kind = self.input.pick(&[Kind::Gone, Kind::Moved]);
                    messages::write_hint(&mut out, kind, header.session);
                } else {
                    integrity::seal(&mut out, 0);
                }
            }
        }
        self.deliver(out);
    }

    fn welcome(&mut self, open: &Open, out: &mut Vec<u8>) {
        let how = self.input.u8();
        if how >= 0xF8 {
            let refusal = self.input.pick(&[Refusal::Full, Refusal::ShuttingDown]);
            return messages::write_refused(out, open.nonce, refusal);
        }
        let is_resumed = how & 1 == 0 && open.previous != 0;
        if is_resumed {
            self.session = open.previous;
        } else {
            self.sessions += 1;
            self.session = self.sessions << 32 | 5;
        }
        let welcome = Welcome {
            nonce: open.nonce,
            session: self.session,
            is_resumed,
            window: self.input.pick(&[4, 4, 1, 128]),
            working_delay: Duration::from_micros(300),
            lease: Duration::from_secs(self.input.pick(&[300, 300, 1, 0])),
            largest_request: self.input.pick(&[1 << 20, 1 << 20, 100]),
            largest_reply: 1 << 20,
            receive_window: self.input.pick(&[1 << 20, 5000]),
        };
        messages::write_welcome(out, &welcome);
    }

    fn answer_frame(&mut self, asked: &ClientFrame, out: &mut Vec<u8>) {
        match asked {
            ClientFrame::Request(subject, _)
            | ClientFrame::Probe(subject)
            | ClientFrame::Fence(subject, _) => self.answer_call(*subject, out),
            ClientFrame::Acknowledge(subject) => {
                frame::write_plain(out, *subject, 0, PlainAnswer::Acknowledged);
            }
            ClientFrame::Part(subject, _, part) => {
                let limit = self.input.pick(&[u32::MAX, 1 << 20, 0]);
                let told = (part.number, 0, limit);
                frame::write_arrived(out, Role::Server, *subject, told, &[0xFF; 16]);
            }
            ClientFrame::Question(subject, number) => {
                let told = (*number, 0, u32::MAX);
                frame::write_arrived(out, Role::Server, *subject, told, &[0xFF; 16]);
            }
            ClientFrame::Arrived(subject, _) if self.input.bool() => {
                self.write_part(*subject, out);
            }
            ClientFrame::Arrived(..) | ClientFrame::Oneway(..) | ClientFrame::Close => {}
        }
    }

    fn answer_call(&mut self, mut subject: Subject, out: &mut Vec<u8>) {
        let held = self.input.pick(&[0, 100, u32::MAX]);
        let what = self.input.u8();
        if what & 0x80 != 0 {
            // About something else, which it may have asked about before.
            subject.sequence =
                (subject.sequence + u64::from(what >> 4 & 3)).saturating_sub(2).max(1);
            subject.attempt = subject.attempt.wrapping_add(u16::from(self.input.u8()));
        }
        match what & 0x0F {
            0..=3 => {
                let codes =
                    [ReplyCode::Result, ReplyCode::Result, ReplyCode::Panicked, ReplyCode::Dropped];
                let code = self.input.pick(&codes);
                let count = usize::from(self.input.u8() % 32);
                let body = self.input.bytes(count);
                frame::write_reply(out, subject, held, code, body);
            }
            4..=6 => {
                let code = self.input.pick(&[
                    VerdictCode::Busy,
                    VerdictCode::UnknownMethod,
                    VerdictCode::SignatureMismatch,
                    VerdictCode::Undecodable,
                    VerdictCode::Expired,
                    VerdictCode::Fenced,
                    VerdictCode::ShuttingDown,
                    VerdictCode::Misuse,
                    VerdictCode::Abandoned,
                    VerdictCode::TooLarge,
                    VerdictCode::Incomplete,
                ]);
                let count = usize::from(self.input.u8() % 8);
                let detail = self.input.bytes(count);
                frame::write_verdict(out, subject, held, code, detail);
            }
            7..=9 => {
                let working = Working {
                    is_running: self.input.bool(),
                    elapsed: u32::from(self.input.u8()),
                    reported: u32::MAX - u32::from(self.input.u8()),
                    position: self.input.u8().into(),
                    done: 1,
                    total: 2,
                };
                frame::write_working(out, subject, held, &working);
            }
            10..=13 => self.write_part(subject, out),
            14 => {
                let number = self.input.number().max(1);
                frame::write_question(out, Role::Server, subject, number, 3);
            }
            _ => {
                use PlainAnswer::{NotKept, Running, Superseded, Unseen};
                let answer = self.input.pick(&[NotKept, Running, Superseded, Unseen]);
                frame::write_plain(out, subject, held, answer);
            }
        }
    }

    /// A part of a result, all of which are of one length and content.
    fn write_part(&mut self, subject: Subject, out: &mut Vec<u8>) {
        const LENGTH: usize = 2600;
        let body: Vec<u8> = (0..LENGTH).map(|at| (at * 13 + at / 200) as u8).collect();
        let (lie, step) = (self.input.u8(), usize::from(self.input.u8() % 3));
        let (offset, end) = (step * 1000, (step * 1000 + 1000).min(LENGTH));
        let mut bytes = body[offset..end].to_vec();
        self.number += 1;
        let checksum = integrity::crc32c(&body);
        let (length, at) = (LENGTH as u32, offset as u32);
        let mut part =
            Part { number: self.number, length, offset: at, identity: 0, checksum, body: 0..0 };
        match lie {
            0xF0..=0xF3 => bytes[0] ^= 1,
            0xF4..=0xF7 => part.checksum ^= 1,
            0xF8..=0xFA => part.length = self.input.number() as u32,
            0xFB..=0xFD => part.offset = self.input.number() as u32,
            0xFE..=0xFF => part.number = self.input.number(),
            _ => {}
        }
        frame::write_reply_part(out, subject, ReplyCode::Result, &part, &bytes);
    }

    /// From its server as a rule, and from another one now and then.
    fn deliver(&mut self, datagram: Vec<u8>) {
        let from = match self.input.u8() {
            0xF0.. => server(self.input.below(3)),
            _ => self.peer,
        };
        if self.delivered.len() < REMEMBERED {
            self.delivered.push(datagram.clone());
        }
        self.note(&datagram);
        self.received += 1;
        self.bytes_in += datagram.len();
        self.client.handle_datagram(self.now, from, None, &Bytes::from(datagram));
    }

    /// What a datagram tells, whether or not the client believes it.
    fn note(&mut self, datagram: &[u8]) {
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

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        for _ in 0..2000 {
            let Some(due) = self.client.poll_timeout().filter(|&due| due <= end) else { break };
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
        self.client.handle_timeout(end);
        self.settle();
    }

    /// Takes what is to be sent, and what has ended, and checks what always holds.
    fn settle(&mut self) {
        let mut count = 0;
        loop {
            let mut out = Vec::new();
            let Some(transmit) = self.client.poll_transmit(self.now, &mut out) else { break };
            count += 1;
            assert!(count < 2000, "it does not stop sending");
            assert_eq!(out.len(), transmit.length);
            self.peer = transmit.to;
            self.on_sent(&out);
            if self.asked.len() < REMEMBERED {
                self.asked.push_back(Bytes::from(out));
            }
        }
        while let Some(key) = self.client.poll_finished() {
            self.on_finished(key);
        }
        let told = self.client.statistics();
        let received = &told.received;
        assert_eq!(received.datagrams, self.received, "S29");
        assert_eq!(received.datagrams, received.accepted + received.dropped_total(), "S29");
        let open = self.client.open_calls();
        assert!(open <= self.config.maximum_open_calls, "S16: open calls");
        let footprint = self.client.footprint();
        assert!(footprint <= 8 * open + 4 * self.calls.len() + 400, "S16: {footprint} entries");
        let unasked = crate::transfer::FIRST_LIMIT * 3 / 2;
        let bound = self.config.maximum_assembly_bytes + (open + 1) * unasked;
        assert!(told.assembly_bytes <= bound, "S16: {} bytes of results", told.assembly_bytes);
    }

    fn on_sent(&mut self, datagram: &[u8]) {
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

    fn on_finished(&mut self, key: CallKey) {
        let completion = self.client.completion(key).expect("it has ended").clone();
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
