//! The frames of a session.
//!
//! Every frame begins with the same 16 bytes:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | kind |
//! | 1 | 1 | flags, or a code |
//! | 2 | 2 | lane; `0xFFFF` is the lane of one-way calls |
//! | 4 | 2 | attempt: which copy this is, or which copy it answers |
//! | 6 | 2 | length of what follows these 16 bytes |
//! | 8 | 8 | sequence number |
//!
//! What follows them, with offsets from the beginning of the frame:
//!
//! | kind | frame | fields |
//! |---|---|---|
//! | `0x01` | REQUEST | 16 interface 4; 20 method 4; 24 signature 4; 28 remaining deadline in ms 4; 32 arguments |
//! | `0x02` | ONEWAY | as REQUEST |
//! | `0x03` | PROBE | – |
//! | `0x04` | FENCE | – (flag 1: the caller cancelled) |
//! | `0x05` | ACKNOWLEDGE | – |
//! | `0x06` | CLOSE | – |
//! | `0x81` | REPLY | 16 held 4; 20 result, or the text of a failure (the code says which) |
//! | `0x82` | VERDICT | 16 held 4; 20 detail (the code says which; 9 misuse: the digest of the refused content 4) |
//! | `0x83` | WORKING | 16 held 4; 20 running for, in ms 4; 24 reported ago, in ms 4; 28 position 4; 32 done 8; 40 total 8 (flag 1: running) |
//! | `0x84` | NOT KEPT | 16 held 4 |
//! | `0x85` | RUNNING | 16 held 4 |
//! | `0x86` | SUPERSEDED | 16 held 4 |
//! | `0x87` | UNSEEN | 16 held 4 |
//! | `0x88` | ACKNOWLEDGED | – |
//!
//! *Held* is how many microseconds the server had the copy that is answered; `0xFFFFFFFF` says that
//! the answer is no measure of the round trip. The frames of messages larger than a datagram are in
//! [`part`](mod@super::part).

use core::ops::Range;

use super::part::{self, Arrived, Part};
use super::{Cursor, Role, integrity};
use crate::marshal::Body;

/// The length of what all frames begin with.
pub const PREFIX_LENGTH: usize = 16;
/// What a REQUEST takes besides the arguments.
pub const REQUEST_OVERHEAD: usize = PREFIX_LENGTH + 16;
/// What a REPLY or a VERDICT takes besides its body.
pub const REPLY_OVERHEAD: usize = PREFIX_LENGTH + 4;
/// The length of a WORKING.
pub const WORKING_LENGTH: usize = PREFIX_LENGTH + 32;
/// The lane of one-way calls.
pub const ONEWAY_LANE: u16 = 0xFFFF;
/// A remaining deadline of "for ever".
pub const NO_DEADLINE: u32 = u32::MAX;
/// A held time that is no measure of the round trip.
pub const HELD_UNKNOWN: u32 = u32::MAX;
/// A "reported ago" of a handler that never did.
pub const NEVER_REPORTED: u32 = u32::MAX;

/// Which call a frame is about, and which copy of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The lane.
    pub lane: u16,
    /// The sequence number, never 0.
    pub sequence: u64,
    /// The number of this copy, or of the copy that is answered.
    pub attempt: u16,
}

/// A frame from a client. Bodies are ranges of the bytes that were parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame {
    /// Run this call, or answer for it.
    Request(Subject, Request),
    /// Run this call; do not answer.
    Oneway(Subject, Request),
    /// How is this call doing?
    Probe(Subject),
    /// Do not start this call any more, and say what became of it.
    Fence(Subject, FenceCause),
    /// The reply has arrived and can be freed.
    Acknowledge(Subject),
    /// The session is over.
    Close,
    /// A part of the arguments of a call.
    Part(Subject, Request, Part),
    /// These datagrams with parts of the result have arrived.
    Arrived(Subject, Arrived),
    /// Has the datagram of this number arrived?
    Question(Subject, u64),
}

/// What a REQUEST carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The id of the interface.
    pub interface: u32,
    /// The id of the method.
    pub method: u32,
    /// The hash of the signature that the client was compiled with.
    pub signature: u32,
    /// How many milliseconds the caller still waits, [`NO_DEADLINE`] for ever.
    pub remaining: u32,
    /// Where the arguments are.
    pub body: Range<usize>,
}

/// Why a call is fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceCause {
    /// Its deadline has passed.
    Deadline,
    /// The caller cancelled it: a handler that runs is told.
    Cancelled,
}

/// A frame from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFrame {
    /// The call it is about and the copy it answers.
    pub subject: Subject,
    /// How long the server had that copy, in microseconds.
    pub held: u32,
    /// What it says.
    pub answer: ServerAnswer,
}

/// What a server says about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAnswer {
    /// It ran, and this came of it.
    Reply(ReplyCode, Range<usize>),
    /// It was refused: it did not run and never will.
    Verdict(VerdictCode, Range<usize>),
    /// It is queued or running.
    Working(Working),
    /// It ran, and its reply was not kept.
    NotKept,
    /// It was entered; the fence came too late.
    Running,
    /// A later call has taken its lane: nothing is known of it any more.
    Superseded,
    /// It never arrived.
    Unseen,
    /// The acknowledgement arrived.
    Acknowledged,
    /// It ran, and this is a part of what came of it.
    Part(ReplyCode, Part),
    /// These datagrams with parts of the arguments have arrived.
    Arrived(Arrived),
    /// Has the datagram of this number arrived?
    Question(u64),
}

/// What a WORKING says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Working {
    /// Whether the handler has been entered.
    pub is_running: bool,
    /// For how many milliseconds it has run.
    pub elapsed: u32,
    /// How many milliseconds ago the handler last reported, [`NEVER_REPORTED`] if it never did.
    pub reported: u32,
    /// How many calls are before it.
    pub position: u32,
    /// Units of work that are done.
    pub done: u64,
    /// Units of work altogether, 0 if that is not known.
    pub total: u64,
}

/// What came of a call that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReplyCode {
    /// Its result.
    Result = 0,
    /// The handler panicked; the body is the message.
    Panicked = 1,
    /// The handler ended without an answer.
    Dropped = 2,
    /// The result was too large; the body says how large.
    TooLarge = 3,
    /// The result cannot be encoded; the body says why.
    Unencodable = 4,
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum VerdictCode {
    /// Too much to do; the body is the retry-after in milliseconds, 4 bytes.
    Busy = 1,
    /// The interface is not served.
    UnknownInterface = 2,
    /// The interface has no such method.
    UnknownMethod = 3,
    /// The signatures differ; the body is the server's.
    SignatureMismatch = 4,
    /// The arguments could not be decoded; the body says where.
    Undecodable = 5,
    /// The deadline passed before it began.
    Expired = 6,
    /// It was fenced before it began.
    Fenced = 7,
    /// The server is shutting down.
    ShuttingDown = 8,
    /// Another call has this number; the body is the [`digest`] of the one that is refused, 4 bytes.
    Misuse = 9,
    /// The server gave it up before its handler was entered.
    Abandoned = 10,
    /// The arguments are larger than the method takes; the body is the limit, 4 bytes.
    TooLarge = 11,
    /// The arguments did not arrive whole; the body says why.
    Incomplete = 12,
}

/// A checksum of what two copies of one call have in common. The attempt and the remaining deadline
/// differ from copy to copy and are left out.
pub fn digest(interface: u32, method: u32, signature: u32, arguments: &[u8]) -> u32 {
    // Two short sums are cheaper than one that goes on where another has ended, and whoever has many calls
    // of one method computes the first only once.
    digest_of_names(interface, method, signature) ^ digest_of_arguments(arguments)
}

/// The part of a [`digest`] in which all calls of a method are alike.
pub fn digest_of_names(interface: u32, method: u32, signature: u32) -> u32 {
    let mut names = [0; 12];
    names[..4].copy_from_slice(&interface.to_be_bytes());
    names[4..8].copy_from_slice(&method.to_be_bytes());
    names[8..].copy_from_slice(&signature.to_be_bytes());
    integrity::crc32c(&names)
}

/// The rest of a [`digest`].
pub fn digest_of_arguments(arguments: &[u8]) -> u32 {
    integrity::crc32c(arguments)
}

/// What stands for the [`digest`] of a call whose arguments are sent in parts: it has to be known with the
/// first of them, and should not cost a pass over all. It covers the length, the beginning and the end.
pub fn identity(interface: u32, method: u32, signature: u32, arguments: &Body) -> u32 {
    const EDGE: usize = 16 * 1024;
    let length = arguments.len();
    let begin = digest(interface, method, signature, &(length as u64).to_be_bytes());
    let front = arguments.pieces(0..EDGE.min(length));
    let back = arguments.pieces(length.saturating_sub(EDGE).max(EDGE)..length);
    front.chain(back).fold(begin, integrity::crc32c_append)
}

impl ReplyCode {
    fn from_bits(bits: u8) -> Option<Self> {
        [Self::Result, Self::Panicked, Self::Dropped, Self::TooLarge, Self::Unencodable]
            .into_iter()
            .find(|&code| code as u8 == bits)
    }
}

impl VerdictCode {
    fn from_bits(bits: u8) -> Option<Self> {
        [
            Self::Busy,
            Self::UnknownInterface,
            Self::UnknownMethod,
            Self::SignatureMismatch,
            Self::Undecodable,
            Self::Expired,
            Self::Fenced,
            Self::ShuttingDown,
            Self::Misuse,
            Self::Abandoned,
            Self::TooLarge,
            Self::Incomplete,
        ]
        .into_iter()
        .find(|&code| code as u8 == bits)
    }
}

macro_rules! kinds {
    ($($name:ident = $value:literal,)*) => {
        $(pub(super) const $name: u8 = $value;)*

        /// Every kind, for tests that must leave none out.
        #[cfg(test)]
        pub(in crate::wire) const ALL: &[u8] = &[$($value,)*];
    };
}

pub(super) mod kind {
    kinds! {
        REQUEST = 0x01,
        ONEWAY = 0x02,
        PROBE = 0x03,
        FENCE = 0x04,
        ACKNOWLEDGE = 0x05,
        CLOSE = 0x06,
        REQUEST_PART = 0x07,
        REQUEST_ARRIVED = 0x8A,
        REPLY_PART = 0x89,
        REPLY_ARRIVED = 0x08,
        CLIENT_QUESTION = 0x09,
        SERVER_QUESTION = 0x8B,
        REPLY = 0x81,
        VERDICT = 0x82,
        WORKING = 0x83,
        NOT_KEPT = 0x84,
        RUNNING = 0x85,
        SUPERSEDED = 0x86,
        UNSEEN = 0x87,
        ACKNOWLEDGED = 0x88,
    }
}

/// Appends a REQUEST or, on the lane of one-way calls, a ONEWAY.
pub fn write_request(out: &mut Vec<u8>, subject: Subject, request: &Request, body: &[u8]) {
    let kind = if subject.lane == ONEWAY_LANE { kind::ONEWAY } else { kind::REQUEST };
    write_prefix(out, kind, 0, subject, 16 + body.len());
    for number in [request.interface, request.method, request.signature, request.remaining] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(body);
}

/// Appends a PROBE.
pub fn write_probe(out: &mut Vec<u8>, subject: Subject) {
    write_prefix(out, kind::PROBE, 0, subject, 0);
}

/// Appends a FENCE.
pub fn write_fence(out: &mut Vec<u8>, subject: Subject, cause: FenceCause) {
    let flags = match cause {
        FenceCause::Deadline => 0,
        FenceCause::Cancelled => 1,
    };
    write_prefix(out, kind::FENCE, flags, subject, 0);
}

/// Appends an ACKNOWLEDGE.
pub fn write_acknowledge(out: &mut Vec<u8>, subject: Subject) {
    write_prefix(out, kind::ACKNOWLEDGE, 0, subject, 0);
}

/// Appends a CLOSE.
pub fn write_close(out: &mut Vec<u8>) {
    write_prefix(out, kind::CLOSE, 0, Subject { lane: 0, sequence: 0, attempt: 0 }, 0);
}

/// Appends a REPLY.
pub fn write_reply(out: &mut Vec<u8>, subject: Subject, held: u32, code: ReplyCode, body: &[u8]) {
    write_held(out, kind::REPLY, code as u8, subject, held, body.len());
    out.extend_from_slice(body);
}

/// Appends a VERDICT.
pub fn write_verdict(
    out: &mut Vec<u8>,
    subject: Subject,
    held: u32,
    code: VerdictCode,
    detail: &[u8],
) {
    write_held(out, kind::VERDICT, code as u8, subject, held, detail.len());
    out.extend_from_slice(detail);
}

/// Appends a WORKING.
pub fn write_working(out: &mut Vec<u8>, subject: Subject, held: u32, working: &Working) {
    write_held(out, kind::WORKING, working.is_running.into(), subject, held, 28);
    for number in [working.elapsed, working.reported, working.position] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(&working.done.to_be_bytes());
    out.extend_from_slice(&working.total.to_be_bytes());
}

/// Appends one of the answers that carry nothing but their kind.
pub fn write_plain(out: &mut Vec<u8>, subject: Subject, held: u32, answer: PlainAnswer) {
    let kind = match answer {
        PlainAnswer::NotKept => kind::NOT_KEPT,
        PlainAnswer::Running => kind::RUNNING,
        PlainAnswer::Superseded => kind::SUPERSEDED,
        PlainAnswer::Unseen => kind::UNSEEN,
        PlainAnswer::Acknowledged => {
            return write_prefix(out, kind::ACKNOWLEDGED, 0, subject, 0);
        }
    };
    write_held(out, kind, 0, subject, held, 0);
}

/// Appends a REQUEST PART.
pub fn write_request_part(
    out: &mut Vec<u8>,
    subject: Subject,
    request: &Request,
    described: &Part,
    bytes: &[u8],
) {
    let fields = part::request_part_fields(described, request);
    write_prefix(out, kind::REQUEST_PART, 0, subject, fields.len() + bytes.len());
    out.extend_from_slice(&fields);
    out.extend_from_slice(bytes);
}

/// Appends a REPLY PART.
pub fn write_reply_part(
    out: &mut Vec<u8>,
    subject: Subject,
    code: ReplyCode,
    described: &Part,
    bytes: &[u8],
) {
    let fields = part::part_fields(described);
    write_prefix(out, kind::REPLY_PART, code as u8, subject, fields.len() + bytes.len());
    out.extend_from_slice(&fields);
    out.extend_from_slice(bytes);
}

/// Appends an ARRIVED. `role` is who writes it.
pub fn write_arrived(
    out: &mut Vec<u8>,
    role: Role,
    subject: Subject,
    (newest, held, limit): (u64, u32, u32),
    bits: &[u8],
) {
    let kind = match role {
        Role::Client => kind::REPLY_ARRIVED,
        Role::Server => kind::REQUEST_ARRIVED,
    };
    let fields = part::arrived_fields(newest, held, limit);
    write_prefix(out, kind, 0, subject, fields.len() + bits.len());
    out.extend_from_slice(&fields);
    out.extend_from_slice(bits);
}

/// Appends a QUESTION with so much filling. `role` is who writes it.
pub fn write_question(
    out: &mut Vec<u8>,
    role: Role,
    subject: Subject,
    number: u64,
    filling: usize,
) {
    let kind = match role {
        Role::Client => kind::CLIENT_QUESTION,
        Role::Server => kind::SERVER_QUESTION,
    };
    write_prefix(out, kind, 0, subject, 8 + filling);
    out.extend_from_slice(&number.to_be_bytes());
    out.resize(out.len() + filling, 0);
}

/// The answers that carry nothing but their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainAnswer {
    /// See [`ServerAnswer::NotKept`].
    NotKept,
    /// See [`ServerAnswer::Running`].
    Running,
    /// See [`ServerAnswer::Superseded`].
    Superseded,
    /// See [`ServerAnswer::Unseen`].
    Unseen,
    /// See [`ServerAnswer::Acknowledged`].
    Acknowledged,
}

/// Reads the next frame of a client, and moves `at` behind it. `None` if it is not well formed.
pub fn next_client_frame(body: &[u8], at: &mut usize) -> Option<ClientFrame> {
    let raw = next_raw(body, at)?;
    let frame = match raw.kind {
        kind::REQUEST | kind::ONEWAY => {
            let (fields, _) = raw.rest.split_first_chunk::<16>()?;
            let mut cursor = Cursor::new(fields);
            let request = Request {
                interface: cursor.u32()?,
                method: cursor.u32()?,
                signature: cursor.u32()?,
                remaining: cursor.u32()?,
                body: raw.end + 16 - raw.rest.len()..raw.end,
            };
            let is_oneway = raw.kind == kind::ONEWAY;
            if is_oneway != (raw.subject.lane == ONEWAY_LANE) || raw.flags != 0 {
                return None;
            }
            return Some(if is_oneway {
                ClientFrame::Oneway(raw.subject, request)
            } else {
                ClientFrame::Request(raw.subject, request)
            });
        }
        kind::PROBE if raw.flags == 0 => ClientFrame::Probe(raw.subject),
        kind::FENCE => ClientFrame::Fence(
            raw.subject,
            match raw.flags {
                0 => FenceCause::Deadline,
                1 => FenceCause::Cancelled,
                _ => return None,
            },
        ),
        kind::ACKNOWLEDGE if raw.flags == 0 => ClientFrame::Acknowledge(raw.subject),
        kind::CLOSE if raw.flags == 0 => ClientFrame::Close,
        _ => return next_client_part(&raw),
    };
    raw.rest.is_empty().then_some(frame)
}

fn next_client_part(raw: &RawFrame<'_>) -> Option<ClientFrame> {
    if raw.flags != 0 || raw.subject.lane == ONEWAY_LANE {
        return None;
    }
    match raw.kind {
        kind::REQUEST_PART => part::read_request_part(raw.rest, raw.end)
            .map(|(part, request)| ClientFrame::Part(raw.subject, request, part)),
        kind::REPLY_ARRIVED => part::read_arrived(raw.rest, raw.end)
            .map(|arrived| ClientFrame::Arrived(raw.subject, arrived)),
        kind::CLIENT_QUESTION => {
            part::read_question(raw.rest).map(|number| ClientFrame::Question(raw.subject, number))
        }
        _ => None,
    }
}

fn next_server_part(raw: &RawFrame<'_>) -> Option<ServerFrame> {
    let answer = match raw.kind {
        kind::REPLY_PART => {
            let code = ReplyCode::from_bits(raw.flags)?;
            ServerAnswer::Part(code, part::read_reply_part(raw.rest, raw.end)?)
        }
        _ if raw.flags != 0 => return None,
        kind::REQUEST_ARRIVED => ServerAnswer::Arrived(part::read_arrived(raw.rest, raw.end)?),
        kind::SERVER_QUESTION => ServerAnswer::Question(part::read_question(raw.rest)?),
        _ => return None,
    };
    Some(ServerFrame { subject: raw.subject, held: HELD_UNKNOWN, answer })
}

/// Reads the next frame of a server, and moves `at` behind it. `None` if it is not well formed.
pub fn next_server_frame(body: &[u8], at: &mut usize) -> Option<ServerFrame> {
    let raw = next_raw(body, at)?;
    let mut cursor = Cursor::new(raw.rest);
    if raw.kind == kind::ACKNOWLEDGED {
        let answer = ServerAnswer::Acknowledged;
        let frame = ServerFrame { subject: raw.subject, held: HELD_UNKNOWN, answer };
        return (cursor.is_empty() && raw.flags == 0).then_some(frame);
    }
    let held = cursor.u32()?;
    let tail = raw.end + 4 - raw.rest.len()..raw.end;
    let answer = match raw.kind {
        kind::REPLY => ServerAnswer::Reply(ReplyCode::from_bits(raw.flags)?, tail),
        kind::VERDICT => ServerAnswer::Verdict(VerdictCode::from_bits(raw.flags)?, tail),
        kind::WORKING => {
            let working = Working {
                is_running: match raw.flags {
                    0 => false,
                    1 => true,
                    _ => return None,
                },
                elapsed: cursor.u32()?,
                reported: cursor.u32()?,
                position: cursor.u32()?,
                done: cursor.u64()?,
                total: cursor.u64()?,
            };
            cursor.is_empty().then_some(ServerAnswer::Working(working))?
        }
        plain => {
            let answer = match plain {
                kind::NOT_KEPT => ServerAnswer::NotKept,
                kind::RUNNING => ServerAnswer::Running,
                kind::SUPERSEDED => ServerAnswer::Superseded,
                kind::UNSEEN => ServerAnswer::Unseen,
                _ => return next_server_part(&raw),
            };
            (cursor.is_empty() && raw.flags == 0).then_some(answer)?
        }
    };
    Some(ServerFrame { subject: raw.subject, held, answer })
}

struct RawFrame<'a> {
    kind: u8,
    flags: u8,
    subject: Subject,
    rest: &'a [u8],
    end: usize,
}

#[inline]
fn next_raw<'a>(body: &'a [u8], at: &mut usize) -> Option<RawFrame<'a>> {
    let (prefix, rest) = body.get(*at..)?.split_first_chunk::<PREFIX_LENGTH>()?;
    let mut fields = Cursor::new(prefix);
    let (kind, flags) = (fields.u8()?, fields.u8()?);
    let (lane, attempt, length) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let sequence = fields.u64()?;
    let rest = rest.get(..length.into())?;
    // Sequence numbers begin with 1, and only CLOSE is about no call.
    if (sequence == 0) != (kind == kind::CLOSE) {
        return None;
    }
    let end = *at + PREFIX_LENGTH + rest.len();
    *at = end;
    let subject = Subject { lane, sequence, attempt };
    Some(RawFrame { kind, flags, subject, rest, end })
}

fn write_prefix(out: &mut Vec<u8>, kind: u8, flags: u8, subject: Subject, length: usize) {
    let length = u16::try_from(length).expect("a frame is never larger than a datagram");
    let mut prefix = [0; PREFIX_LENGTH];
    prefix[0] = kind;
    prefix[1] = flags;
    prefix[2..4].copy_from_slice(&subject.lane.to_be_bytes());
    prefix[4..6].copy_from_slice(&subject.attempt.to_be_bytes());
    prefix[6..8].copy_from_slice(&length.to_be_bytes());
    prefix[8..].copy_from_slice(&subject.sequence.to_be_bytes());
    out.extend_from_slice(&prefix);
}

fn write_held(out: &mut Vec<u8>, kind: u8, flags: u8, subject: Subject, held: u32, length: usize) {
    write_prefix(out, kind, flags, subject, 4 + length);
    out.extend_from_slice(&held.to_be_bytes());
}
