//! Servers that fall silent: what is still sent to them, and what is not.

use super::*;

#[test]
fn an_acknowledgement_that_was_lost_each_time_rides_on_a_later_packet() {
    let mut pair = Pair::new();
    pair.open();
    let keys: Vec<_> = (0..8).map(|_| pair.submit(call(ECHO, b"x"))).collect();
    pair.deliver();
    for _ in &keys {
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"y"));
    }
    pair.deliver();
    pair.pass(Duration::from_secs(60), Pair::lose_everything);
    assert_eq!(pair.server.unacknowledged(), 8);
    let sent = pair.client.statistics().datagrams_sent;
    pair.pass(Duration::from_secs(30), Pair::lose_everything);
    assert_eq!(pair.client.statistics().datagrams_sent, sent, "they cause no packets any more");
    // Each datagram that is sent for another reason takes a few, and a lost one does not matter.
    let mut longest = 0;
    for turn in 0..4 {
        let _key = pair.submit(call(ECHO, b"x"));
        pair.collect();
        longest = longest.max(pair.to_server.iter().map(Bytes::len).max().unwrap());
        if turn == 0 {
            pair.lose_everything();
        }
        pair.pass(Duration::from_secs(1), Pair::deliver);
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"y"));
        pair.pass(Duration::from_secs(1), Pair::deliver);
    }
    assert_eq!(pair.server.unacknowledged(), 0);
    assert!(longest <= 12 + 33 + 4 * 16 + 4, "{longest}");
    let sent = pair.client.statistics().bytes_sent;
    pair.pass(Duration::from_secs(30), Pair::deliver);
    assert_eq!(pair.client.statistics().bytes_sent, sent);
}

#[test]
fn a_dead_server_is_left_alone_when_nobody_asks_any_more() {
    let mut pair = Pair::new();
    pair.open();
    let keys: Vec<_> = (0..3).map(|_| pair.submit(call(ECHO, b"x"))).collect();
    pair.lose_everything();
    for &key in &keys[..2] {
        pair.client.release(key);
    }
    pair.pass(Duration::from_secs(100), Pair::lose_everything);
    let sent = pair.client.statistics().datagrams_sent;
    pair.pass(Duration::from_secs(100), Pair::lose_everything);
    assert!(pair.client.statistics().datagrams_sent > sent, "somebody may settle the third");
    pair.client.release(keys[2]);
    pair.pass(Duration::from_secs(20), Pair::lose_everything);
    let sent = pair.client.statistics().datagrams_sent;
    pair.pass(Duration::from_secs(1000), Pair::lose_everything);
    assert_eq!(pair.client.statistics().datagrams_sent, sent);
    assert_eq!(pair.client.poll_timeout(), None);
    // With the next call everything goes on.
    pair.restart_server();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn what_rests_goes_on_as_soon_as_anything_is_heard() {
    let server = ServerConfig { lease: Duration::MAX, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.client.release(key);
    pair.pass(Duration::from_secs(100), Pair::lose_everything);
    assert_eq!(pair.client.poll_timeout(), None);
    // Its lane is taken: the reply comes late and frees it, and is acknowledged.
    pair.server.complete(ready.token, result(b"y"));
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.unacknowledged(), 0);

    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let _ready = pair.take();
    let session = pair.session_id();
    pair.client.release(key);
    pair.pass(Duration::from_secs(100), Pair::lose_everything);
    assert_eq!(pair.client.poll_timeout(), None);
    // An answer to another call says that the server is back.
    let mut heard = Vec::new();
    Header { role: Role::Server, kind: Kind::Frames, session }.write(&mut heard);
    let other = Subject { lane: 5, sequence: 1, attempt: 1 };
    frame::write_plain(&mut heard, other, 0, frame::PlainAnswer::Unseen);
    integrity::seal(&mut heard, 0);
    let (now, from) = (pair.now(), pair.server_address);
    pair.client.handle_datagram(now, from, None, &Bytes::from(heard));
    let fences = pair.client.statistics().fences;
    pair.pass(Duration::from_secs(2), Pair::deliver);
    assert!(pair.client.statistics().fences > fences);
    assert_eq!(pair.client.poll_timeout(), None, "the server has answered");
}

/// Lets time pass without any server, and says when each address was first asked for a session.
fn asked(pair: &mut Pair, duration: Duration, mut at: impl FnMut(Timestamp, SocketAddr)) {
    pair.pass(duration, |pair| {
        let (now, mut out) = (pair.now(), Vec::new());
        while let Some(transmit) = pair.client.poll_transmit(now, &mut out) {
            if Header::parse(&out).unwrap().0.kind == Kind::Hello {
                at(now, transmit.to);
            }
            out.clear();
        }
    });
}

#[test]
fn calls_that_are_open_keep_the_client_at_their_server_until_it_is_unreachable() {
    let mut pair = Pair::new();
    let other: SocketAddr = "192.0.2.9:1000".parse().unwrap();
    let now = pair.now();
    pair.client.set_servers(now, vec![pair.server_address, other]);
    pair.open();
    let begun = pair.now();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    let mut own = 0;
    asked(&mut pair, Duration::from_secs(9), |_, to| {
        assert_ne!(to, other, "the call may still be answered");
        own += 1;
    });
    assert!(own > 4, "{own}");
    assert!(pair.client.completion(key).is_none());
    // Neither a refusal by the network nor other addresses change that.
    let now = pair.now();
    pair.client.handle_refused(now, pair.server_address);
    pair.client.set_servers(now, vec![other]);
    asked(&mut pair, Duration::from_millis(900), |_, to| assert_ne!(to, other));
    // A call that was made meanwhile finds the other server.
    let later = pair.submit(NewCall { deadline: None, ..call(ECHO, b"y") });
    let mut first = None;
    asked(&mut pair, Duration::from_secs(3), |now, to| {
        if to == other {
            first.get_or_insert(now);
        }
    });
    let (outcome, kind) = pair.failure(key);
    assert_eq!(outcome, Outcome::Unknown);
    assert!(matches!(kind, CallErrorKind::Unreachable { .. }), "{kind:?}");
    assert!(first.expect("it is asked").since(begun) >= Duration::from_secs(10));
    assert!(pair.client.completion(later).is_none());
    pair.server_address = other;
    pair.restart_server();
    pair.pass(Duration::from_secs(3), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"z"));
    pair.deliver();
    assert_eq!(pair.reply(later), "z");
}
