//! Bad inputs to a client: E3 and E7 from its side.

use super::*;
use crate::wire::frame::{
    PlainAnswer, ReplyCode, Working, write_plain, write_reply, write_verdict,
};
use crate::wire::handshake::{Refusal, Welcome};

fn of_server(session: u64, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    crate::wire::samples::frames(Role::Server, session, write).into()
}

fn message_of(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    write(&mut out);
    out.into()
}

fn working(session: u64, subject: Subject) -> Bytes {
    let working =
        Working { is_running: true, elapsed: 1, reported: 1, position: 0, done: 0, total: 0 };
    of_server(session, |out| frame::write_working(out, subject, 9, &working))
}

fn welcome(nonce: u128, session: u64) -> Bytes {
    let welcome = Welcome {
        nonce,
        session,
        is_resumed: false,
        window: 1,
        working_delay: Duration::ZERO,
        lease: Duration::ZERO,
        largest_request: 0,
        largest_reply: 0,
        receive_window: 0,
    };
    message_of(|out| messages::write_welcome(out, &welcome))
}

/// What a client must not believe: about calls that it has not made, that are over, of another session, or
/// in answer to nothing that it asked.
fn lies(session: u64, finished: Subject) -> Vec<(&'static str, Bytes)> {
    let unknown = Subject { lane: 3, sequence: 1 << 40, attempt: 1 };
    let elsewhere = Subject { lane: 4000, sequence: 1, attempt: 1 };
    let busy = |subject| {
        let code = VerdictCode::Busy;
        of_server(session, |out| write_verdict(out, subject, 9, code, &[0xff; 4]))
    };
    let forged = |session, subject| {
        of_server(session, |out| write_reply(out, subject, 9, ReplyCode::Result, b"forged"))
    };
    let plain = |subject, answer| of_server(session, |out| write_plain(out, subject, 9, answer));
    let about_to_run = Subject { lane: 1, sequence: 2, attempt: 1 };
    vec![
        ("92: WORKING, unknown", working(session, unknown)),
        ("92: WORKING, finished", working(session, finished)),
        ("92: WORKING, another session", working(session ^ 1, about_to_run)),
        ("92: WORKING, no lane", working(session, elsewhere)),
        ("92: BUSY, done", busy(finished)),
        ("92: BUSY, unknown", busy(unknown)),
        ("92: REPLY, done", forged(session, finished)),
        ("92: REPLY, another session", forged(session ^ 1, about_to_run)),
        ("92: REPLY, previous session", forged(0, about_to_run)),
        ("NOT KEPT, done", plain(finished, PlainAnswer::NotKept)),
        ("SUPERSEDED, done", plain(finished, PlainAnswer::Superseded)),
        ("ACKNOWLEDGED, unknown", plain(unknown, PlainAnswer::Acknowledged)),
        ("UNSEEN, done", plain(finished, PlainAnswer::Unseen)),
        ("92: GONE, guessed", message_of(|out| messages::write_hint(out, Kind::Gone, session ^ 1))),
        ("92: GONE, old session", message_of(|out| messages::write_hint(out, Kind::Gone, 1))),
        ("92: GONE, right", message_of(|out| messages::write_hint(out, Kind::Gone, session))),
        ("92: MOVED, right", message_of(|out| messages::write_hint(out, Kind::Moved, session))),
        ("43: WELCOME", welcome(5, 77)),
        ("44: WELCOME, nonce 0", welcome(0, 77)),
        ("CHALLENGE", message_of(|out| messages::write_challenge(out, 5, &[1; 28]))),
        ("REFUSED", message_of(|out| messages::write_refused(out, 5, Refusal::ShuttingDown))),
        ("VERSION", message_of(|out| messages::write_version(out, 5))),
    ]
}

/// Each lie while one call is over, one runs, one is on its way and one waits.
fn survive(lies_told: &[(&'static str, Bytes)], from_server: bool) {
    let mut pair = Pair::with(
        ClientConfig::default(),
        ServerConfig { maximum_running_per_session: 1, ..ServerConfig::default() },
    );
    pair.open();
    let done = pair.submit(call(ECHO, b"0"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"0"));
    pair.deliver();
    let runs = pair.submit(call(ECHO, b"1"));
    pair.deliver();
    let first = pair.take();
    let waits = pair.submit(call(ECHO, b"2"));
    pair.deliver();
    let on_its_way = pair.submit(call(ECHO, b"3"));
    pair.collect_client();
    let from = if from_server { pair.server_address } else { address(77) };
    for (_, lie) in lies_told {
        pair.client.handle_datagram(pair.now(), from, None, lie);
    }
    pair.deliver();
    pair.server.complete(first.token, result(b"1"));
    let mut ran = 0;
    pair.pass(Duration::from_secs(3), |pair| {
        pair.deliver();
        while let Some(ready) = pair.server.take_ready(pair.now()) {
            ready.context.enter();
            ran += 1;
            let reply = Finished::Reply(ready.body.clone().into());
            pair.server.complete(ready.token, reply);
        }
        pair.deliver();
    });
    let names: Vec<_> = lies_told.iter().map(|(name, _)| name).collect();
    let replies = [done, runs, waits, on_its_way].map(|key| pair.reply(key));
    assert_eq!(replies, ["0", "1", "2", "3"], "{names:?}");
    let statistics = pair.client.statistics();
    assert_eq!((ran, statistics.sessions_opened), (2, 1), "{names:?}");
    let received = statistics.received;
    assert_eq!(received.datagrams, received.accepted + received.dropped_total(), "{names:?}");
}

/// The session of the one client of a [`Pair`] that does what [`survive`] does: all is determined.
fn session() -> u64 {
    let mut pair = Pair::new();
    pair.open();
    pair.session_id()
}

#[test]
fn a_client_believes_no_lie_about_its_calls() {
    let lies = lies(session(), Subject { lane: 0, sequence: 1, attempt: 1 });
    for lie in &lies {
        survive(core::slice::from_ref(lie), true);
        survive(core::slice::from_ref(lie), false);
    }
    survive(&lies, true);
    survive(&lies, false);
}

/// Item 44: of all that says to answer a handshake, what has its nonce and comes from its server counts.
#[test]
fn a_client_takes_the_answer_to_its_own_handshake_only() {
    for has_cookie in [false, true] {
        let mut pair = Pair::new();
        pair.client.connect(pair.now());
        let key = pair.submit(call(ECHO, b"x"));
        pair.collect();
        let hello = pair.to_server.pop_front().expect("a HELLO");
        let (now, client, server) = (pair.now(), pair.client_address, pair.server_address);
        pair.server.handle_datagram(now, client, None, &hello);
        pair.collect();
        if has_cookie {
            pair.deliver_client();
            pair.collect();
        }
        let right = messages::parse_hello(Header::parse(&hello).expect("it is whole").1);
        let right = right.expect("it is well formed");
        let wrong = [0, 5, right ^ 1, !right, u128::MAX];
        let lies = wrong.into_iter().map(|nonce| (nonce, server)).chain([(right, address(77))]);
        for (nonce, from) in lies {
            for lie in [
                welcome(nonce, 77),
                message_of(|out| messages::write_refused(out, nonce, Refusal::Full)),
                message_of(|out| messages::write_challenge(out, nonce, &[1; 28])),
                message_of(|out| messages::write_version(out, nonce)),
            ] {
                pair.client.handle_datagram(now, from, None, &lie);
            }
        }
        assert!(!pair.client.has_session());
        pair.deliver();
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"y"));
        pair.deliver();
        assert_eq!(pair.reply(key), "y");
        let statistics = pair.client.statistics();
        assert_eq!((statistics.sessions_opened, statistics.received.accepted), (1, 3));
    }
}

/// A BUSY that says to come again in seven weeks is one that says to come again in a minute, or half of one
/// more.
#[test]
fn a_server_cannot_put_a_call_off_for_ever() {
    let mut pair = Pair::new();
    pair.open();
    let session = pair.session_id();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.collect_client();
    let datagram = pair.to_server.pop_back().expect("a request");
    let mut at = 0;
    let body = Header::parse(&datagram).expect("it is well formed").1;
    let frame = frame::next_client_frame(body, &mut at);
    let Some(frame::ClientFrame::Request(subject, _)) = frame else { panic!("{frame:?}") };
    let code = VerdictCode::Busy;
    let busy = of_server(session, |out| write_verdict(out, subject, 9, code, &[0xff; 4]));
    pair.client.handle_datagram(pair.now(), pair.server_address, None, &busy);
    pair.pass(Duration::from_secs(91), |pair| {
        pair.deliver();
        while let Some(ready) = pair.server.take_ready(pair.now()) {
            ready.context.enter();
            pair.server.complete(ready.token, result(b"y"));
        }
    });
    assert_eq!(pair.reply(key), "y");
}
