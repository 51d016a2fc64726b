//! Any bytes as a datagram: decoding never panics, and what it accepts is what encoding gives.

use super::input::Input;
use crate::statistics::DropReason;
use crate::wire::frame::{
    self, ClientFrame, PREFIX_LENGTH, PlainAnswer, Request, ServerAnswer, ServerFrame, Subject,
    next_client_frame, next_server_frame,
};
use crate::wire::handshake as messages;
use crate::wire::{DATAGRAM_OVERHEAD, HEADER_LENGTH, Header, Kind, Role, VERSION, integrity};

/// The bytes as they are, then with a checksum, then as the body of every kind of datagram.
///
/// # Panics
/// If something does not hold.
pub fn datagram(bytes: &[u8]) {
    check(bytes);
    let mut sealed = bytes.to_vec();
    integrity::seal(&mut sealed, 0);
    check(&sealed);
    let mut input = Input::new(bytes);
    let (kind, session) = (input.u8(), input.number());
    let mut out = vec![0xFA, 0xCA, VERSION, kind];
    out.extend_from_slice(&session.to_be_bytes());
    out.extend_from_slice(input.rest());
    if kind & 0x40 != 0 {
        // A handshake message is long, and a fuzzer has no use for zeros.
        out[3] = kind & !0x40;
        out.resize(out.len().max(1200 - integrity::LENGTH), 0);
    }
    integrity::seal(&mut out, 0);
    check(&out);
}

fn check(datagram: &[u8]) {
    let parsed = Header::parse(datagram);
    let expected = reason(datagram);
    let (header, body) = match parsed {
        Ok(parsed) => parsed,
        Err(found) => {
            assert_eq!(Some(found), expected, "it is dropped for its first fault");
            check_foreign(datagram);
            return;
        }
    };
    assert_eq!(expected, None, "it has a fault");
    let mut again = Vec::new();
    header.write(&mut again);
    again.extend_from_slice(body);
    integrity::seal(&mut again, 0);
    assert_eq!(again, datagram);
    check_message(datagram, header, body);
    check_frames(body);
}

/// Why a datagram is dropped, worked out in another way.
fn reason(datagram: &[u8]) -> Option<DropReason> {
    let length = datagram.len();
    if length < DATAGRAM_OVERHEAD {
        return Some(DropReason::Truncated);
    }
    if !datagram.starts_with(&[0xFA, 0xCA]) {
        return Some(DropReason::WrongMagic);
    }
    if datagram[2] != VERSION {
        return Some(DropReason::WrongVersion);
    }
    let mut again = datagram[..length - integrity::LENGTH].to_vec();
    integrity::seal(&mut again, 0);
    if again != datagram {
        return Some(DropReason::Corrupt);
    }
    (datagram[3] & 0x7F > 8).then_some(DropReason::Malformed)
}

/// What is read of datagrams of other versions stays where it is in all of them.
fn check_foreign(datagram: &[u8]) {
    let nonce = |bytes: &[u8]| {
        u128::from_be_bytes(bytes[HEADER_LENGTH..][..16].try_into().expect("there are 16"))
    };
    if let Some(found) = messages::nonce_of_foreign_hello(datagram) {
        assert!(datagram.len() >= 1200, "an answer must not be larger");
        assert_eq!((datagram[3], found), (1, nonce(datagram)));
    }
    if let Some((found, highest)) = messages::parse_version(datagram) {
        assert_eq!((datagram[3], found, highest), (0x88, nonce(datagram), datagram[29]));
    }
}

/// Each handshake message: what is parsed, written again, is the datagram, save for its padding.
fn check_message(datagram: &[u8], header: Header, body: &[u8]) {
    let mut again = Vec::new();
    let fields = match header.kind {
        Kind::Hello => messages::parse_hello(body).map(|nonce| {
            messages::write_hello(&mut again, nonce);
            16
        }),
        Kind::Challenge => messages::parse_challenge(body).map(|(nonce, cookie)| {
            messages::write_challenge(&mut again, nonce, &cookie);
            44
        }),
        Kind::Open => messages::parse_open(body).map(|open| {
            messages::write_open(&mut again, &open);
            60
        }),
        Kind::Welcome => messages::parse_welcome(body).map(|welcome| {
            messages::write_welcome(&mut again, &welcome);
            52
        }),
        Kind::Refused => messages::parse_refused(body).map(|(nonce, refusal)| {
            messages::write_refused(&mut again, nonce, refusal);
            20
        }),
        _ => None,
    };
    let Some(fields) = fields else { return };
    // The header's role and session mean nothing to these parsers: whoever calls them has looked at the role.
    let (from, to) = (HEADER_LENGTH, HEADER_LENGTH + fields);
    assert_eq!(again[from..to], datagram[from..to]);
    let is_padded = matches!(header.kind, Kind::Hello | Kind::Open | Kind::Welcome);
    if !is_padded {
        assert_eq!(again.len(), datagram.len(), "nothing may follow");
    } else if header.kind != Kind::Welcome {
        assert!(datagram.len() >= again.len(), "it is padded");
    }
}

/// All frames of a body, read as a client's and as a server's.
fn check_frames(body: &[u8]) {
    let mut at = 0;
    while let Some(read) = next_client_frame(body, &mut { at }) {
        let start = at;
        at = end_of(body, at);
        let mut again = Vec::new();
        write_client(&mut again, body, &read);
        compare(&mut again, &body[start..at], matches!(read, ClientFrame::Close), question(&read));
        assert!(next_server_frame(body, &mut { start }).is_none(), "a frame has one sender");
        let mut reached = start;
        next_client_frame(body, &mut reached);
        assert_eq!(reached, at);
    }
    let mut at = 0;
    while let Some(read) = next_server_frame(body, &mut { at }) {
        let start = at;
        at = end_of(body, at);
        let mut again = Vec::new();
        write_server(&mut again, body, &read);
        let is_question = matches!(read.answer, ServerAnswer::Question(_));
        compare(&mut again, &body[start..at], false, is_question);
    }
}

fn question(frame: &ClientFrame) -> bool {
    matches!(frame, ClientFrame::Question(..))
}

/// A frame says how long it is.
fn end_of(body: &[u8], at: usize) -> usize {
    let length = u16::from_be_bytes([body[at + 6], body[at + 7]]);
    let end = at + PREFIX_LENGTH + usize::from(length);
    assert!(end <= body.len());
    end
}

/// What is written again is what was read, but for what means nothing: the lane and the attempt of a
/// CLOSE, and the filling of a QUESTION.
fn compare(again: &mut Vec<u8>, read: &[u8], is_close: bool, is_question: bool) {
    if is_close {
        again[2..6].copy_from_slice(&read[2..6]);
    }
    if is_question {
        again.truncate(PREFIX_LENGTH + 8);
        again.extend_from_slice(&read[PREFIX_LENGTH + 8..]);
        again[6..8].copy_from_slice(&read[6..8]);
    }
    assert_eq!(again, read);
}

fn write_client(out: &mut Vec<u8>, body: &[u8], read: &ClientFrame) {
    match read {
        ClientFrame::Request(subject, request) | ClientFrame::Oneway(subject, request) => {
            frame::write_request(out, *subject, request, &body[request.body.clone()]);
        }
        ClientFrame::Probe(subject) => frame::write_probe(out, *subject),
        ClientFrame::Fence(subject, cause) => frame::write_fence(out, *subject, *cause),
        ClientFrame::Acknowledge(subject) => frame::write_acknowledge(out, *subject),
        ClientFrame::Close => frame::write_close(out),
        ClientFrame::Part(subject, request, part) => {
            assert!(part.body.len() as u64 + u64::from(part.offset) <= u64::from(part.length));
            frame::write_request_part(out, *subject, request, part, &body[part.body.clone()]);
        }
        ClientFrame::Arrived(subject, arrived) => {
            let (newest, held, limit) = (arrived.newest, arrived.held, arrived.limit);
            let bits = &body[arrived.bits.clone()];
            frame::write_arrived(out, Role::Client, *subject, (newest, held, limit), bits);
        }
        ClientFrame::Question(subject, number) => {
            frame::write_question(out, Role::Client, *subject, *number, 0);
        }
    }
}

fn write_server(out: &mut Vec<u8>, body: &[u8], read: &ServerFrame) {
    let ServerFrame { subject, held, answer } = read;
    let (subject, held) = (*subject, *held);
    match answer {
        ServerAnswer::Reply(code, range) => {
            frame::write_reply(out, subject, held, *code, &body[range.clone()]);
        }
        ServerAnswer::Verdict(code, range) => {
            frame::write_verdict(out, subject, held, *code, &body[range.clone()]);
        }
        ServerAnswer::Working(working) => frame::write_working(out, subject, held, working),
        ServerAnswer::NotKept => frame::write_plain(out, subject, held, PlainAnswer::NotKept),
        ServerAnswer::Running => frame::write_plain(out, subject, held, PlainAnswer::Running),
        ServerAnswer::Superseded => frame::write_plain(out, subject, held, PlainAnswer::Superseded),
        ServerAnswer::Unseen => frame::write_plain(out, subject, held, PlainAnswer::Unseen),
        ServerAnswer::Acknowledged => {
            frame::write_plain(out, subject, held, PlainAnswer::Acknowledged);
        }
        ServerAnswer::Part(code, part) => {
            assert!(part.body.len() as u64 + u64::from(part.offset) <= u64::from(part.length));
            frame::write_reply_part(out, subject, *code, part, &body[part.body.clone()]);
        }
        ServerAnswer::Arrived(arrived) => {
            let (newest, held, limit) = (arrived.newest, arrived.held, arrived.limit);
            let bits = &body[arrived.bits.clone()];
            frame::write_arrived(out, Role::Server, subject, (newest, held, limit), bits);
        }
        ServerAnswer::Question(number) => {
            frame::write_question(out, Role::Server, subject, *number, 0);
        }
    }
}

/// Fields as the encoders write them are what the decoders read: nothing honest is refused.
///
/// # Panics
/// If something does not hold.
pub fn fields(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    while !input.is_empty() {
        let subject = Subject {
            lane: input.u16() & 0x7FFF,
            sequence: input.number().max(1),
            attempt: input.u16(),
        };
        let request = Request {
            interface: input.u32(),
            method: input.u32(),
            signature: input.u32(),
            remaining: input.number() as u32,
            body: 0..0,
        };
        let length = usize::from(input.u8());
        let content = input.bytes(length);
        let mut out = Vec::new();
        frame::write_request(&mut out, subject, &request, content);
        let read = next_client_frame(&out, &mut 0);
        let expected = Request { body: out.len() - content.len()..out.len(), ..request.clone() };
        assert_eq!(read, Some(ClientFrame::Request(subject, expected)));
        assert_eq!(end_of(&out, 0), out.len());
    }
}
