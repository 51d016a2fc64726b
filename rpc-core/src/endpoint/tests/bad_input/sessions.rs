//! E3: handshakes and sessions.

use super::*;

use self::Expect::{Answered, Dropped, Told};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// An OPEN of this address with the cookie that it has just been given.
fn open(stage: &mut Stage, from: SocketAddr, nonce: u128, previous: u64) -> Open {
    stage.hand.receive(from, written(|out| messages::write_hello(out, nonce)));
    let challenge = stage.hand.sent().pop().expect("a HELLO is answered");
    let (nonce, cookie) = messages::parse_challenge(&challenge.body).expect("with a cookie");
    Open { nonce, cookie, previous, largest_reply: 1000, receive_window: 1000 }
}

fn cut(mut datagram: Vec<u8>) -> Vec<u8> {
    datagram.truncate(1199 - integrity::LENGTH);
    integrity::seal(&mut datagram, 0);
    datagram
}

fn handshakes(stage: &mut Stage) -> Vec<Item> {
    use DropReason::{BadCookie, Malformed, WrongRole};
    let (from, enemy) = (stage.stranger, stage.enemy.address);
    let hello = written(|out| messages::write_hello(out, 7));
    let right = open(stage, from, 7, 0);
    let short = cut(written(|out| messages::write_open(out, &right)));
    let whole = written(|out| messages::write_open(out, &right));
    let other = Open { nonce: 8, ..right };
    let other_nonce = written(|out| messages::write_open(out, &other));
    let challenge = written(|out| messages::write_challenge(out, 7, &[1; 28]));
    let mut items = vec![
        item("35: HELLO of 1,199 bytes", from, cut(hello.clone()), Dropped(Malformed)),
        item("35: OPEN of 1,199 bytes", from, short, Dropped(Malformed)),
        item("39: cookie of another", enemy, whole, Dropped(BadCookie)),
        item("39: of another nonce", from, other_nonce, Dropped(BadCookie)),
        item("43: of a server", from, challenge, Dropped(WrongRole)),
    ];
    // Every one of them is tried beside the cookies themselves.
    for bit in (0..28 * 8).step_by(9) {
        let mut forged = right;
        forged.cookie[bit / 8] ^= 1 << (bit % 8);
        let datagram = written(|out| messages::write_open(out, &forged));
        items.push(item("42: a bit of the cookie", from, datagram, Dropped(BadCookie)));
    }
    for _ in 0..5 {
        items.push(item("36: HELLO", from, hello.clone(), Answered(|sent| sent.size == 60)));
    }
    items
}

fn strange_sessions(stage: &mut Stage) -> Vec<Item> {
    use DropReason::{UnknownSession, UnprovenAddress};
    // Of another incarnation of the server.
    let other = Hand::new(ServerConfig::default()).open(address(1)).session ^ 0x55;
    let mut items = Vec::new();
    let (from, peer) = (stage.stranger, stage.honest[0]);
    for (name, session) in [("46", 12_345), ("48", other), ("49: 0", 0), ("49: max", u64::MAX)] {
        let datagram = request(&Peer { session, ..peer }, FRESH);
        items.push(item(name, from, datagram.clone(), Told(UnknownSession)));
        items.push(item(name, peer.address, datagram, Told(UnknownSession)));
    }
    // The session is the proof, the address the other one; who has only one of them is nobody.
    items.push(item("47: wrong address", from, request(&peer, FRESH), Told(UnprovenAddress)));
    let close = of_client(peer.session, frame::write_close);
    items.push(item("47: CLOSE", stage.enemy.address, close, Told(UnprovenAddress)));
    let acknowledge =
        of_client(peer.session, |out| frame::write_acknowledge(out, subject(DONE, NUMBER)));
    items.push(item("47: ACKNOWLEDGE", from, acknowledge, Told(UnprovenAddress)));
    let cause = frame::FenceCause::Cancelled;
    let fence =
        of_client(peer.session, |out| frame::write_fence(out, subject(QUEUED, NUMBER), cause));
    items.push(item("47: FENCE", from, fence, Told(UnprovenAddress)));
    items
}

#[test]
fn a_handshake_that_is_not_right_is_none() {
    inject_each(handshakes);
}

#[test]
fn nobody_uses_the_session_of_another() {
    inject_each(strange_sessions);
}

/// Item 36: all copies of an OPEN have one session.
#[test]
fn copies_of_an_open_get_the_same_session() {
    let mut stage = Stage::new();
    let from = stage.stranger;
    let right = open(&mut stage, from, 7, 0);
    let mut sessions = Vec::new();
    for _ in 0..5 {
        stage.hand.receive(from, written(|out| messages::write_open(out, &right)));
        let sent = stage.hand.sent().pop().expect("a WELCOME");
        assert_eq!(sent.size, 1200);
        sessions.push(messages::parse_welcome(&sent.body).expect("it is one").session);
    }
    sessions.dedup();
    assert_eq!((sessions.len(), stage.hand.server.statistics().sessions), (1, 5));
    stage.nothing_is_lost();
}

/// Item 37: what comes when its cookie is old makes no session.
#[test]
fn an_open_that_comes_late_is_none() {
    let config = ServerConfig { cookie_lifetime: Duration::from_secs(3), ..Default::default() };
    let mut hand = Hand::new(config);
    let from = address(9);
    for (wait, sessions) in [(3, 1), (4, 1)] {
        hand.receive(from, written(|out| messages::write_hello(out, wait.into())));
        let challenge = hand.sent().pop().expect("a HELLO is answered");
        let (nonce, cookie) = messages::parse_challenge(&challenge.body).expect("with a cookie");
        hand.pass(Duration::from_secs(wait));
        let open = Open { nonce, cookie, previous: 0, largest_reply: 1, receive_window: 1 };
        hand.receive(from, written(|out| messages::write_open(out, &open)));
        assert_eq!(hand.server.statistics().sessions, sessions);
    }
    assert_eq!(hand.server.statistics().received.dropped(DropReason::BadCookie), 1);
}

/// Item 53.
#[test]
fn what_is_not_served_is_refused_and_the_session_stays() {
    inject_each(|stage| {
        let peer = stage.enemy;
        let unknown = |interface, method, signature| {
            let request = frame::Request { interface, method, signature, ..REQUEST };
            of_client(peer.session, |out| {
                frame::write_request(
                    out,
                    subject(9, u64::from(interface ^ method) + 1),
                    &request,
                    b"",
                );
            })
        };
        vec![
            item(
                "53: interface",
                peer.address,
                unknown(8, ECHO, 99),
                Answered(|sent| is_verdict(sent, VerdictCode::UnknownInterface)),
            ),
            item(
                "53: method",
                peer.address,
                unknown(INTERFACE, 1000, 99),
                Answered(|sent| is_verdict(sent, VerdictCode::UnknownMethod)),
            ),
            item(
                "53: signature",
                peer.address,
                unknown(INTERFACE, LOOKUP + 5000, 1),
                Answered(|sent| is_verdict(sent, VerdictCode::UnknownMethod)),
            ),
        ]
    });
}
