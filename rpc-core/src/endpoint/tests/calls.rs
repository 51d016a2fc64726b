//! What a call costs, and how it gets through.

use super::*;

#[test]
fn a_call_costs_two_datagrams() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"ping"));
    let sent = pair.client.statistics().datagrams_sent;
    pair.deliver();
    let ready = pair.take();
    assert_eq!(&ready.body[..], b"ping");
    pair.server.complete(ready.token, result(b"pong"));
    assert_eq!(pair.client.status(pair.now(), key), CallStatus::Sent);
    pair.deliver();
    assert_eq!(pair.reply(key), "pong");
    assert_eq!(pair.client.poll_finished(), Some(key));
    assert_eq!(pair.client.poll_finished(), None);
    assert_eq!(pair.client.statistics().datagrams_sent, sent + 1);
    // CHALLENGE, WELCOME and the reply.
    assert_eq!(pair.server.statistics().datagrams_sent, 3);
}

#[test]
fn calls_that_are_ready_together_share_a_datagram() {
    let mut pair = Pair::new();
    pair.open();
    let keys: Vec<_> = (0..10).map(|_| pair.submit(call(ECHO, b"x"))).collect();
    let before = pair.server.statistics().received.datagrams;
    pair.deliver();
    assert_eq!(pair.server.statistics().received.datagrams, before + 1);
    for _ in 0..10 {
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"y"));
    }
    let before = pair.client.statistics().received.datagrams;
    pair.deliver();
    assert_eq!(pair.client.statistics().received.datagrams, before + 1);
    assert!(keys.iter().all(|&key| pair.reply(key) == "y"));
}

#[test]
fn a_lost_request_is_repeated_and_a_lost_reply_is_replayed() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.lose_everything();
    pair.pass(Duration::from_millis(5), Pair::deliver);
    let ready = pair.take();
    assert!(pair.server.take_ready(pair.now()).is_none(), "copies are not run");
    pair.server.complete(ready.token, result(b"y"));
    pair.lose_everything();
    assert!(pair.client.completion(key).is_none());
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.server.statistics().executions, 1);
    assert!(pair.server.statistics().replies_replayed >= 1);
}

#[test]
fn a_long_call_is_worked_on_and_probed_and_never_given_up() {
    let config = ClientConfig { deadline: None, ..ClientConfig::default() };
    let mut pair = Pair::with(config, ServerConfig::default());
    pair.open();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.deliver();
    let ready = pair.take();
    pair.pass(Duration::from_secs(3600), Pair::deliver);
    ready.context.report(3, 7);
    pair.pass(Duration::from_secs(2), Pair::deliver);
    let CallStatus::Running { elapsed, done, total, .. } = pair.client.status(pair.now(), key)
    else {
        panic!("it is running");
    };
    assert!(elapsed >= Duration::from_secs(3600), "{elapsed:?}");
    assert_eq!((done, total), (3, 7));
    let probes = pair.client.statistics().probes;
    assert!((1000..8000).contains(&probes), "{probes}");
    assert!(pair.client.statistics().retransmissions <= 1);
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn a_oneway_call_runs_once_and_is_not_answered() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(LOG, b"line"));
    pair.collect();
    assert_eq!(pair.reply(key), "");
    let datagram = pair.to_server[0].clone();
    pair.to_server.push_back(datagram);
    let sent = pair.server.statistics().datagrams_sent;
    pair.deliver();
    let ready = pair.take();
    assert!(pair.server.take_ready(pair.now()).is_none());
    pair.server.complete(ready.token, Finished::Nothing);
    pair.deliver();
    assert_eq!(pair.server.statistics().datagrams_sent, sent);
}

#[test]
fn a_call_alone_is_never_held_and_others_share_datagrams() {
    let mut pair = Pair::new();
    pair.open();
    let now = pair.now();
    let first = pair.submit(call(ECHO, b"x"));
    assert!(!pair.client.hold(now, first), "nothing else is under way");
    pair.collect();
    let sent = pair.client.statistics().datagrams_sent;
    for _ in 0..10 {
        let key = pair.submit(call(ECHO, b"x"));
        assert!(pair.client.hold(now, key));
    }
    let due = pair.client.poll_timeout().expect("what is held goes out by itself");
    assert!(due <= now + Duration::from_millis(1), "{due:?}");
    pair.client.handle_timeout(due);
    pair.collect();
    assert_eq!(pair.client.statistics().datagrams_sent, sent + 1);
    assert!(pair.client.poll_timeout() > Some(now + Duration::from_millis(1)));
    let mut held = 0;
    while pair.client.statistics().datagrams_sent == sent + 1 {
        let key = pair.submit(call(ECHO, b"x"));
        if pair.client.hold(now, key) {
            held += 1;
        } else {
            pair.collect();
        }
    }
    assert!(held > 30, "a datagram has room for more than {held}");
    assert_eq!(pair.client.statistics().datagrams_sent, sent + 2, "a full datagram goes out alone");
}

#[test]
fn no_timer_is_left_when_no_call_is_open() {
    let mut pair = Pair::new();
    pair.open();
    let _key = pair.submit(call(LOOKUP, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn a_request_that_never_came_goes_out_again_whatever_is_said_about_it() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.collect();
    let lost = pair.to_server.pop_front().expect("a request");
    let (header, body) = Header::parse(&lost).unwrap();
    let Some(frame::ClientFrame::Request(subject, _)) = frame::next_client_frame(body, &mut 0)
    else {
        panic!("it is a request");
    };
    // A forged WORKING: from now on the client asks how the call is.
    let working = frame::Working {
        is_running: false,
        elapsed: 0,
        reported: frame::NEVER_REPORTED,
        position: 0,
        done: 0,
        total: 0,
    };
    let mut forged = Vec::new();
    Header { role: Role::Server, kind: Kind::Frames, session: header.session }.write(&mut forged);
    frame::write_working(&mut forged, subject, 0, &working);
    integrity::seal(&mut forged, 0);
    pair.to_client.push_back(Bytes::from(forged));
    pair.deliver_client();
    // The server says that it has not seen it.
    pair.pass(Duration::from_secs(5), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}
