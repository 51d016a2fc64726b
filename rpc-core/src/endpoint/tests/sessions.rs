//! Getting, keeping, resuming and losing a session.

use super::*;

#[test]
fn an_idle_client_acknowledges_and_the_server_frees_the_reply() {
    let mut pair = Pair::new();
    pair.open();
    let _key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"yyyy"));
    pair.deliver();
    assert_eq!(pair.server.statistics().reply_bytes, 4);
    assert_eq!(pair.server.unacknowledged(), 1);
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.statistics().reply_bytes, 0);
    assert_eq!(pair.server.unacknowledged(), 0);
    let sent = pair.client.statistics().datagrams_sent;
    pair.pass(Duration::from_secs(200), Pair::deliver);
    assert_eq!(pair.client.statistics().datagrams_sent, sent, "an idle client is silent");
}

#[test]
fn an_old_copy_of_a_reply_does_not_hide_a_newer_one_from_its_acknowledgement() {
    let mut pair = Pair::new();
    pair.open();
    let mut copies = Vec::new();
    for _ in 0..2 {
        let _key = pair.submit(call(ECHO, b"x"));
        pair.deliver();
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"yyyy"));
        pair.collect();
        copies.extend(pair.to_client.iter().cloned());
        pair.deliver();
    }
    assert_eq!(copies.len(), 2);
    pair.to_client.push_back(copies.swap_remove(0));
    pair.deliver();
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.unacknowledged(), 0);
}

#[test]
fn an_idle_session_expires_and_the_next_call_opens_another() {
    let mut pair = Pair::new();
    pair.open();
    pair.pass(Duration::from_secs(1000), Pair::deliver);
    assert_eq!(pair.server.statistics().sessions, 0);
    let key = pair.submit(call(LOOKUP, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.client.statistics().sessions_opened, 2);
}

#[test]
fn a_client_that_moved_resumes_its_session() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.client_address = "192.0.2.3:3000".parse().unwrap();
    pair.server.complete(ready.token, result(b"y"));
    pair.lose_everything();
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.server.statistics().sessions_resumed, 1);
    assert_eq!(pair.server.statistics().executions, 1);
    assert!(pair.server.statistics().received.dropped(DropReason::UnprovenAddress) >= 1);
}

#[test]
fn a_busy_server_is_asked_again_and_the_call_runs_once() {
    let server = ServerConfig { maximum_queued_calls: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let first = pair.submit(call(ECHO, b"1"));
    let second = pair.submit(call(ECHO, b"2"));
    pair.deliver();
    assert!(pair.client.completion(second).is_none());
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.pass(Duration::from_secs(1), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"z"));
    pair.deliver();
    assert_eq!((pair.reply(first), pair.reply(second)), ("y".into(), "z".into()));
    assert_eq!(pair.server.statistics().executions, 2);
}

#[test]
fn a_server_that_says_goodbye_leaves_the_next_call_not_executed() {
    let mut pair = Pair::new();
    pair.open();
    pair.server.say_goodbye();
    pair.collect();
    let now = pair.now();
    let goodbye = pair.to_client.pop_front().expect("it says so");
    pair.client.handle_datagram(now, pair.server_address, None, &goodbye);
    let key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_secs(6), Pair::lose_everything);
    let (outcome, kind) = pair.failure(key);
    assert_eq!(outcome, Outcome::NotExecuted);
    assert!(matches!(kind, CallErrorKind::NoServer { .. }), "{kind:?}");
}

#[test]
fn a_forged_goodbye_only_costs_a_handshake() {
    let mut pair = Pair::new();
    pair.open();
    pair.server.say_goodbye();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.client.statistics().sessions_opened, 1);
}

#[test]
fn a_reply_that_nobody_waits_for_any_more_is_acknowledged() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.client.cancel(key);
    pair.deliver();
    pair.server.complete(ready.token, result(b"y"));
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.unacknowledged(), 0);
}

#[test]
fn a_call_after_a_long_silence_runs_although_its_session_has_expired() {
    let mut pair = Pair::new();
    pair.open();
    pair.pass(Duration::from_secs(1000), Pair::deliver);
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn a_call_after_a_long_silence_resumes_a_session_that_still_lives() {
    let mut pair = Pair::new();
    pair.open();
    pair.pass(Duration::from_secs(200), Pair::deliver);
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
    let statistics = pair.client.statistics();
    assert_eq!((statistics.sessions_opened, statistics.sessions_resumed), (1, 1));
    // And one soon after costs no handshake.
    pair.pass(Duration::from_secs(60), Pair::deliver);
    let _key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let _ready = pair.take();
    assert_eq!(pair.client.statistics().sessions_resumed, 1);
}

#[test]
fn a_server_of_another_version_is_not_asked_without_a_pause() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.lose_everything();
    let before = pair.client.statistics().datagrams_sent;
    pair.pass(Duration::from_secs(5), |pair| {
        // The server has been replaced by one that speaks another version.
        pair.collect();
        for datagram in core::mem::take(&mut pair.to_server) {
            let (header, body) = Header::parse(&datagram).unwrap();
            if header.kind == Kind::Hello {
                let nonce = messages::parse_hello(body).unwrap();
                let mut out = Vec::new();
                messages::write_version(&mut out, nonce);
                out[2] = 9;
                let (now, from) = (pair.now(), pair.server_address);
                pair.client.handle_datagram(now, from, None, &Bytes::from(out));
            }
        }
        pair.to_client.clear();
    });
    let sent = pair.client.statistics().datagrams_sent - before;
    assert!(sent < 100, "{sent}");
    assert!(pair.client.completion(key).is_none());
    pair.pass(Duration::from_secs(10), Pair::lose_everything);
    assert_eq!(pair.failure(key).0, Outcome::Unknown);
}

#[test]
fn an_old_copy_of_open_does_not_move_the_session_back() {
    let mut pair = Pair::new();
    let old_address = pair.client_address;
    let now = pair.now();
    pair.client.connect(now);
    let mut opens = Vec::new();
    while !pair.client.has_session() {
        pair.collect();
        for datagram in core::mem::take(&mut pair.to_server) {
            pair.server.handle_datagram(now, old_address, None, &datagram);
            opens.push(datagram);
        }
        pair.deliver_client();
    }
    pair.client_address = "192.0.2.3:3000".parse().unwrap();
    pair.pass(Duration::from_millis(10), |_| {});
    let key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.statistics().sessions_resumed, 1);
    let now = pair.now();
    for open in opens {
        pair.server.handle_datagram(now, old_address, None, &open);
    }
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    let mut out = Vec::new();
    while let Some(transmit) = pair.server.poll_transmit(now, &mut out) {
        let datagram = Bytes::from(core::mem::take(&mut out));
        if Header::parse(&datagram).unwrap().0.kind == Kind::Frames {
            assert_eq!(transmit.to, pair.client_address);
            pair.to_client.push_back(datagram);
        }
    }
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.server.statistics().sessions, 1);
}

#[test]
fn one_nonce_from_two_addresses_makes_two_sessions() {
    let mut pair = Pair::new();
    let now = pair.now();
    let sessions: Vec<_> = ["192.0.2.2:2000", "192.0.2.3:2000", "192.0.2.2:2000"]
        .into_iter()
        .map(|address| {
            let address: SocketAddr = address.parse().unwrap();
            let mut out = Vec::new();
            messages::write_hello(&mut out, 5);
            pair.server.handle_datagram(now, address, None, &Bytes::from(out));
            let mut out = Vec::new();
            pair.server.poll_transmit(now, &mut out).unwrap();
            let (nonce, cookie) =
                messages::parse_challenge(Header::parse(&out).unwrap().1).unwrap();
            let mut out = Vec::new();
            messages::write_open(
                &mut out,
                &Open { nonce, cookie, previous: 0, largest_reply: 1000, receive_window: 1000 },
            );
            pair.server.handle_datagram(now, address, None, &Bytes::from(out));
            let mut out = Vec::new();
            pair.server.poll_transmit(now, &mut out).unwrap();
            messages::parse_welcome(Header::parse(&out).unwrap().1).unwrap().session
        })
        .collect();
    assert_ne!(sessions[0], sessions[1]);
    assert_eq!(sessions[0], sessions[2]);
}

#[test]
fn the_scope_of_a_link_local_server_is_kept() {
    let address = SocketAddrV6::new("fe80::1".parse().unwrap(), 1000, 0, 7);
    let mut pair = Pair::new();
    let now = pair.now();
    pair.server_address = address.into();
    let servers = vec![pair.server_address];
    pair.client = ClientEndpoint::new(ClientConfig::default(), servers, entropy(9), now);
    pair.client.connect(now);
    let mut out = Vec::new();
    let transmit = pair.client.poll_transmit(now, &mut out).unwrap();
    assert_eq!(transmit.to, SocketAddr::from(address));
    pair.to_server.push_back(Bytes::from(out));
    pair.deliver();
    assert!(pair.client.has_session());
}

#[test]
fn a_server_that_takes_its_time_to_say_working_is_not_doubted() {
    let delay = Duration::from_secs(3);
    let server = ServerConfig { working_delay: delay, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_millis(3500), Pair::deliver);
    assert_eq!(pair.client.statistics().sessions_resumed, 0);
}

#[test]
fn a_server_that_was_stopped_for_long_keeps_its_sessions() {
    let mut pair = Pair::new();
    pair.open();
    let now = pair.now() + Duration::from_secs(3600);
    pair.clock.0.store(now.as_nanos(), Ordering::Relaxed);
    pair.server.handle_timeout(now);
    assert_eq!(pair.server.statistics().sessions, 1);
    pair.pass(Duration::from_secs(800), Pair::deliver);
    assert_eq!(pair.server.statistics().sessions, 0, "it expires all the same");
}

#[test]
fn a_confirmation_that_nothing_asked_for_does_not_extend_the_silence() {
    let mut pair = Pair::new();
    pair.open();
    let session = pair.session_id();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    let mut forged = Vec::new();
    Header { role: Role::Server, kind: Kind::Frames, session }.write(&mut forged);
    let subject = Subject { lane: 5, sequence: 1, attempt: 1 };
    frame::write_plain(&mut forged, subject, 0, frame::PlainAnswer::Acknowledged);
    integrity::seal(&mut forged, 0);
    let forged = Bytes::from(forged);
    pair.pass(Duration::from_secs(20), |pair| {
        pair.lose_everything();
        pair.to_client.push_back(forged.clone());
        pair.deliver_client();
        pair.lose_everything();
    });
    assert_eq!(pair.failure(key).0, Outcome::Unknown);
}
