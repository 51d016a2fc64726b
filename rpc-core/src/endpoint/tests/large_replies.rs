//! Results that arrive in parts, from a server that is a hand-written one.

use super::*;
use crate::marshal::Body;
use crate::transfer::ANSWER_DELAY;
use crate::wire::frame::{ReplyCode, ServerAnswer, write_reply_part};
use crate::wire::part::{Arrived, Part};

/// A client with one call under way, whose server's frames a test writes itself.
struct Caller {
    pair: Pair,
    key: CallKey,
    subject: Subject,
    session: u64,
    number: u64,
}

impl Caller {
    fn new(config: ClientConfig, call: NewCall) -> Self {
        let mut pair = Pair::with(config, ServerConfig::default());
        pair.open();
        let session = pair.session_id();
        let key = pair.submit(call);
        let subject = request_of(&mut pair);
        Self { pair, key, subject, session, number: 0 }
    }

    fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        Header { role: Role::Server, kind: Kind::Frames, session: self.session }.write(&mut out);
        write(&mut out);
        integrity::seal(&mut out, 0);
        let now = self.pair.now();
        self.pair.client.handle_datagram(now, self.pair.server_address, None, &Bytes::from(out));
    }

    /// A part of `message`, which says that it is `described`.
    fn part(&mut self, described: &[u8], offset: usize, bytes: &[u8]) {
        self.number += 1;
        let part = Part {
            number: self.number,
            length: described.len() as u32,
            offset: offset as u32,
            identity: 0,
            checksum: integrity::crc32c(described),
            body: 0..0,
        };
        let subject = self.subject;
        self.send(|out| write_reply_part(out, subject, ReplyCode::Result, &part, bytes));
    }

    /// What the client says about parts, at once or after the time that one which came alone waits for
    /// others.
    fn arrived(&mut self) -> Option<Arrived> {
        self.arrived_by_now().or_else(|| {
            let now = self.pair.now() + ANSWER_DELAY;
            self.pair.clock.0.store(now.as_nanos(), Ordering::Relaxed);
            self.pair.client.handle_timeout(now);
            self.arrived_by_now()
        })
    }

    /// How many bytes of the present call's result are taken, if the client says so now.
    fn limit_by_now(&mut self) -> Option<usize> {
        let subject = self.subject;
        let mut told = self
            .all_arrived()
            .into_iter()
            .filter(|(about, _)| (about.lane, about.sequence) == (subject.lane, subject.sequence));
        told.next_back().map(|(_, arrived)| arrived.limit as usize)
    }

    fn arrived_by_now(&mut self) -> Option<Arrived> {
        self.all_arrived().pop().map(|(_, arrived)| arrived)
    }

    fn all_arrived(&mut self) -> Vec<(Subject, Arrived)> {
        self.pair.collect_client();
        let mut all = Vec::new();
        for datagram in self.pair.to_server.drain(..) {
            let (_, body) = Header::parse(&datagram).unwrap();
            let mut at = 0;
            while at < body.len() {
                if let frame::ClientFrame::Arrived(subject, arrived) =
                    frame::next_client_frame(body, &mut at).unwrap()
                {
                    all.push((subject, arrived));
                }
            }
        }
        all
    }
}

/// The subject of the last request that the client sends.
fn request_of(pair: &mut Pair) -> Subject {
    pair.collect_client();
    let mut found = None;
    for datagram in pair.to_server.drain(..) {
        let (_, body) = Header::parse(&datagram).unwrap();
        let mut at = 0;
        while at < body.len() {
            if let frame::ClientFrame::Request(subject, _) =
                frame::next_client_frame(body, &mut at).unwrap()
            {
                found = Some(subject);
            }
        }
    }
    found.expect("a request was sent")
}

fn message(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 13 + index / 200) as u8).collect()
}

#[test]
fn a_result_is_put_together_and_each_part_is_acknowledged() {
    let mut caller = Caller::new(ClientConfig::default(), call(ECHO, b"x"));
    let whole = message(3000);
    caller.part(&whole, 1000, &whole[1000..2000]);
    assert_eq!(caller.arrived().map(|it| it.newest), Some(1));
    caller.part(&whole, 1000, &whole[1000..2000]);
    caller.part(&whole, 2000, &whole[2000..]);
    let arrived = caller.arrived().unwrap();
    assert_eq!((arrived.newest, arrived.limit as usize), (3, 256 << 10));
    assert!(caller.pair.client.completion(caller.key).is_none());
    let transfer = caller.pair.client.transfer(caller.key);
    assert_eq!((transfer.received, transfer.reply), (0, Some(3000)));
    caller.part(&whole, 0, &whole[..1000]);
    assert_eq!(caller.pair.reply(caller.key), whole);
    assert_eq!(caller.arrived().map(|it| it.newest), Some(4));
    assert_eq!(caller.pair.client.statistics().assembly_bytes, 0);
    // One that comes late is acknowledged, so that nobody sends it again.
    caller.part(&whole, 0, &whole[..1000]);
    assert_eq!(caller.arrived().map(|it| it.newest), Some(5));
}

#[test]
fn a_result_that_contradicts_itself_is_no_result() {
    let whole = message(3000);
    let other = message(3001);
    let cases: [&dyn Fn(&mut Caller); 4] = [
        // Another length, another content, other bytes for the same place, and a wrong checksum.
        &|caller| caller.part(&other, 1000, &whole[1000..2000]),
        &|caller| {
            let mut third = whole.clone();
            third[0] ^= 1;
            caller.part(&whole, 2000, &whole[2000..]);
            caller.part(&third, 2500, &whole[2500..]);
        },
        &|caller| caller.part(&whole, 999, &whole[998..1500]),
        &|caller| {
            let mut wrong = whole.clone();
            wrong[1500] ^= 1;
            caller.part(&whole, 1000, &wrong[1000..]);
        },
    ];
    for (index, contradict) in cases.into_iter().enumerate() {
        let mut caller = Caller::new(ClientConfig::default(), call(ECHO, b"x"));
        caller.part(&whole, 0, &whole[..1000]);
        contradict(&mut caller);
        let failure = caller.pair.failure(caller.key);
        assert_eq!(failure, (Outcome::Executed, CallErrorKind::CorruptReply), "{index}");
        assert_eq!(caller.pair.client.statistics().assembly_bytes, 0);
        assert!(caller.arrived().is_some(), "it need not be sent again");
    }
}

#[test]
fn what_a_client_does_not_take_is_an_error_and_takes_no_memory() {
    let limits = MessageLimits { request: None, reply: Some(2000) };
    for (config, call) in [
        (ClientConfig { maximum_reply: 2000, ..ClientConfig::default() }, call(ECHO, b"x")),
        (ClientConfig::default(), NewCall { limits, ..call(ECHO, b"x") }),
    ] {
        let mut caller = Caller::new(config, call);
        let whole = message(2001);
        caller.part(&whole, 0, &whole[..1000]);
        let (outcome, kind) = caller.pair.failure(caller.key);
        assert_eq!(outcome, Outcome::Executed);
        assert!(matches!(kind, CallErrorKind::ReplyTooLarge { .. }), "{kind:?}");
        assert_eq!(caller.pair.client.statistics().assembly_bytes, 0);
    }
}

#[test]
fn memory_follows_what_arrives_and_only_the_oldest_goes_on_beyond_the_budget() {
    let config = ClientConfig { maximum_assembly_bytes: 300_000, ..ClientConfig::default() };
    let mut caller = Caller::new(config, call(ECHO, b"x"));
    let whole = message(8 << 20);
    caller.part(&whole, 0, &whole[..1]);
    assert!(caller.pair.client.statistics().assembly_bytes < 8192);
    let first = caller.subject;
    for start in (0..256 << 10).step_by(32 << 10) {
        caller.part(&whole, start, &whole[start..start + (32 << 10)]);
    }
    let limit = caller.arrived().unwrap().limit as usize;
    assert_eq!(limit, (256 << 10) + (4 << 20), "the oldest goes on");
    // Another call's result is taken as far as it may be sent unasked.
    let second = caller.pair.submit(call(ECHO, b"y"));
    caller.subject = request_of(&mut caller.pair);
    for start in (0..256 << 10).step_by(32 << 10) {
        caller.part(&whole, start, &whole[start..start + (32 << 10)]);
    }
    let told = caller.arrived().unwrap().limit as usize;
    assert!(told < 4 << 20 | 1 << 18, "{told}");
    assert!(caller.pair.client.statistics().assembly_bytes < 2 << 20);
    let before = caller.number;
    caller.part(&whole, 7 << 20, &whole[7 << 20..(7 << 20) + 1000]);
    assert_eq!(caller.arrived().unwrap().newest, before, "beyond the limit: to be sent again");
    // Once nobody asks for the first any more, the second goes on, and its server hears that unasked:
    // there is no part left that it may send.
    caller.pair.client.release(caller.key);
    caller.subject = first;
    caller.part(&whole, 0, &whole[..1]);
    caller.subject = request_of_call(&caller.pair, second, first);
    assert_eq!(caller.limit_by_now(), Some((256 << 10) + (4 << 20)));
    // A server that did not hear it asks.
    let subject = caller.subject;
    caller.number += 1;
    let number = caller.number;
    caller.send(|out| frame::write_question(out, Role::Server, subject, number, 0));
    assert_eq!(caller.limit_by_now(), Some((256 << 10) + (4 << 20)));
}

#[test]
fn a_result_that_waits_for_room_goes_on_when_its_server_asks() {
    let config = ClientConfig { maximum_assembly_bytes: 300_000, ..ClientConfig::default() };
    let mut caller = Caller::new(config, call(ECHO, b"x"));
    let (first, key) = (caller.subject, caller.key);
    let whole = message(8 << 20);
    for start in (0..256 << 10).step_by(32 << 10) {
        caller.part(&whole, start, &whole[start..start + (32 << 10)]);
    }
    caller.part(&whole, 256 << 10, &whole[256 << 10..(256 << 10) + (60 << 10)]);
    caller.pair.submit(call(ECHO, b"y"));
    caller.subject = request_of(&mut caller.pair);
    let second = caller.subject;
    for start in (0..256 << 10).step_by(32 << 10) {
        caller.part(&whole, start, &whole[start..start + (32 << 10)]);
    }
    assert_eq!(caller.limit_by_now(), Some(256 << 10));
    // The first ends, and what the client says about the second gets lost.
    caller.pair.client.release(key);
    caller.subject = first;
    caller.part(&whole, 0, &whole[..1]);
    caller.pair.collect_client();
    caller.pair.to_server.clear();
    caller.number += 1;
    let number = caller.number;
    caller.send(|out| frame::write_question(out, Role::Server, second, number, 0));
    caller.subject = second;
    assert_eq!(caller.limit_by_now(), Some((256 << 10) + (4 << 20)));
}

/// The calls of these tests take lanes and numbers in turn.
fn request_of_call(_pair: &Pair, _key: CallKey, first: Subject) -> Subject {
    Subject { lane: first.lane + 1, sequence: first.sequence + 1, attempt: 1 }
}

#[test]
fn a_question_is_answered_and_is_no_sign_of_life_of_a_call() {
    let mut caller = Caller::new(ClientConfig::default(), call(ECHO, b"x"));
    let subject = caller.subject;
    caller.send(|out| frame::write_question(out, Role::Server, subject, 9, 5000));
    assert_eq!(caller.arrived().map(|it| it.newest), Some(9));
    assert!(caller.pair.client.completion(caller.key).is_none());
    let stranger = Subject { lane: 99, sequence: 12345, attempt: 0 };
    caller.send(|out| frame::write_question(out, Role::Server, stranger, 10, 0));
    assert_eq!(caller.arrived().map(|it| it.newest), Some(10));
}

#[test]
fn a_forged_arrived_says_nothing() {
    let body = Bytes::from(message(60_000));
    let mut pair = Pair::new();
    pair.open();
    let session = pair.session_id();
    let key = pair.submit(NewCall { body: body.into(), ..call(ECHO, b"") });
    pair.collect_client();
    let sent = pair.to_server.len();
    assert!(sent > 5, "{sent} {:?}", pair.client.transfer(key));
    for newest in [1 << 40, u64::MAX] {
        let mut out = Vec::new();
        Header { role: Role::Server, kind: Kind::Frames, session }.write(&mut out);
        let subject = Subject { lane: 0, sequence: 1, attempt: 0 };
        let fields = (newest, 0, u32::MAX);
        frame::write_arrived(&mut out, Role::Server, subject, fields, &[0xFF; 128]);
        integrity::seal(&mut out, 0);
        let now = pair.now();
        pair.client.handle_datagram(now, pair.server_address, None, &Bytes::from(out));
    }
    assert_eq!(pair.client.transfer(key).sent, 0);
    assert!(pair.client.completion(key).is_none());
}

#[test]
fn a_part_alone_is_what_a_datagram_carries() {
    let mut pair = Pair::new();
    pair.open();
    let _large = pair.submit(NewCall { body: message(60_000).into(), ..call(ECHO, b"") });
    let _small = pair.submit(call(ECHO, b"x"));
    pair.collect_client();
    let mut kinds = Vec::new();
    for datagram in pair.to_server.drain(..) {
        let (_, body) = Header::parse(&datagram).unwrap();
        let (mut at, mut frames) = (0, Vec::new());
        while at < body.len() {
            frames.push(frame::next_client_frame(body, &mut at).unwrap());
        }
        let is_part = |it: &frame::ClientFrame| {
            matches!(it, frame::ClientFrame::Part(..) | frame::ClientFrame::Question(..))
        };
        assert!(frames.len() == 1 || !frames.iter().any(is_part));
        kinds.push(is_part(&frames[0]));
    }
    assert!(!kinds[0], "the small call goes first");
    assert!(kinds.iter().filter(|&&is_part| is_part).count() > 5, "{kinds:?}");
}

#[test]
fn a_reply_part_is_read_back_as_it_was_written() {
    let mut out = Vec::new();
    let part = Part { number: 1, length: 10, offset: 4, identity: 0, checksum: 7, body: 0..0 };
    let subject = Subject { lane: 1, sequence: 2, attempt: 0 };
    write_reply_part(&mut out, subject, ReplyCode::Panicked, &part, b"abc");
    let read = frame::next_server_frame(&out, &mut 0).unwrap();
    let ServerAnswer::Part(ReplyCode::Panicked, read) = read.answer else { panic!("{read:?}") };
    assert_eq!(&out[read.body.clone()], b"abc");
    assert_eq!(Part { body: 0..0, ..read }, part);
}

#[test]
fn the_pieces_of_a_message_are_not_to_be_seen_on_the_wire() {
    let whole = Bytes::from(message(60_000));
    let pieces = [0..4, 4..5_001, 5_001..60_000].map(|part| whole.slice(part));
    let in_pieces = Body::chain(pieces.into());
    assert_eq!(in_pieces.as_whole(), None);
    let [first, second] = [in_pieces, Body::from(whole)].map(|body| {
        let mut pair = Pair::new();
        pair.open();
        let _large = pair.submit(NewCall { body, ..call(ECHO, b"") });
        pair.collect_client();
        assert!(pair.to_server.iter().map(Bytes::len).sum::<usize>() > 6_000);
        pair.to_server
    });
    assert_eq!(first, second);
}
