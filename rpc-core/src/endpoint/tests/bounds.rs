//! Nothing grows without a bound, and nothing is left behind.

use super::*;
use crate::wire::{reply_room, request_room};

#[test]
fn an_answer_that_finds_no_room_can_be_asked_for_again() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    // More questions at once than a session may have answers waiting.
    let session = pair.session_id();
    let probes = pair.datagram(session, |out| {
        for lane in 0..4000 {
            frame::write_probe(out, Subject { lane: lane % 100 + 1, sequence: 9, attempt: 1 });
        }
    });
    let (now, from) = (pair.now(), pair.client_address);
    for _ in 0..5 {
        pair.server.handle_datagram(now, from, None, &probes);
    }
    pair.server.complete(ready.token, result(b"y"));
    pair.lose_everything();
    pair.pass(Duration::from_secs(2), Pair::deliver);
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn a_parked_call_runs_although_the_one_before_it_was_fenced() {
    let server = ServerConfig { maximum_running_per_session: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _first = pair.submit(call(ECHO, b"1"));
    let second = pair.submit(call(ECHO, b"2"));
    let third = pair.submit(call(ECHO, b"3"));
    pair.deliver();
    let ready = pair.take();
    assert!(pair.server.take_ready(pair.now()).is_none());
    pair.server.complete(ready.token, result(b"y"));
    pair.client.cancel(second);
    pair.deliver();
    let ready = pair.take();
    assert_eq!(&ready.body[..], b"3");
    pair.server.complete(ready.token, result(b"z"));
    pair.deliver();
    assert_eq!(pair.reply(third), "z");
}

#[test]
fn a_closed_session_leaves_no_call_waiting() {
    let server = ServerConfig { maximum_running_per_session: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    for _ in 0..3 {
        let _key = pair.submit(call(ECHO, b"x"));
        let _line = pair.submit(call(LOG, b"line"));
    }
    pair.deliver();
    let ready = pair.take();
    assert!(pair.server.take_ready(pair.now()).is_none(), "the others are parked");
    assert_eq!(pair.server.statistics().queued, 5);
    pair.client.close();
    pair.deliver();
    assert_eq!(pair.server.statistics().sessions, 0);
    assert!(pair.server.take_ready(pair.now()).is_none());
    pair.server.complete(ready.token, result(b"y"));
    let statistics = pair.server.statistics();
    assert_eq!((statistics.queued, statistics.running, statistics.reply_bytes), (0, 0, 0));
}

#[test]
fn calls_that_are_given_up_leave_nothing_in_the_servers_queues() {
    let server = ServerConfig { maximum_running_per_session: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _first = pair.submit(call(ECHO, b"1"));
    pair.deliver();
    let ready = pair.take();
    for _ in 0..5000 {
        let key = pair.submit(call(ECHO, b"2"));
        pair.deliver();
        pair.client.release(key);
        pair.deliver();
    }
    assert!(pair.server.footprint() < 1000, "{}", pair.server.footprint());
    // The same, when each of them was looked at and parked.
    for _ in 0..5000 {
        let key = pair.submit(call(ECHO, b"2"));
        pair.deliver();
        assert!(pair.server.take_ready(pair.now()).is_none());
        pair.client.release(key);
        pair.deliver();
    }
    assert!(pair.server.footprint() < 1000, "{}", pair.server.footprint());
    pair.server.complete(ready.token, result(b"y"));
}

#[test]
fn a_slow_call_holds_no_timers_of_the_quick_ones_after_it() {
    let server =
        ServerConfig { working_delay: Duration::from_secs(3600), ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _slow = pair.submit(call(ECHO, b"1"));
    pair.deliver();
    let _ready = pair.take();
    for _ in 0..5000 {
        let _key = pair.submit(call(ECHO, b"2"));
        pair.deliver();
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"y"));
        pair.deliver();
    }
    assert!(pair.server.footprint() < 1000, "{}", pair.server.footprint());
}

#[test]
fn sessions_that_come_and_go_leave_nothing() {
    let mut pair = Pair::new();
    pair.client_address = "127.0.0.1:2000".parse().unwrap();
    for seed in 0..2000 {
        let servers = vec![pair.server_address];
        let now = pair.now();
        pair.client =
            ClientEndpoint::new(ClientConfig::default(), servers, entropy(seed + 10), now);
        pair.open();
        pair.client.close();
        pair.deliver();
    }
    assert_eq!(pair.server.statistics().sessions, 0);
    assert!(pair.server.footprint() < 1000, "{}", pair.server.footprint());
}

#[test]
fn refusals_take_no_more_memory_than_replies_may() {
    let server = ServerConfig { maximum_reply_bytes: 4000, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let keys: Vec<_> =
        (0..128).map(|_| pair.submit(NewCall { signature: 1, ..call(TEXT, b"x") })).collect();
    pair.deliver();
    assert!(pair.server.statistics().reply_bytes <= 4000);
    for key in keys {
        let (outcome, kind) = pair.failure(key);
        assert_eq!(outcome, Outcome::NotExecuted);
        assert!(matches!(kind, CallErrorKind::SignatureMismatch { .. }), "{kind:?}");
    }
}

#[test]
fn busy_takes_no_memory_and_says_when_to_come_again() {
    let server = ServerConfig { maximum_queued_calls: 1, ..ServerConfig::default() };
    let client = ClientConfig { deadline: None, ..ClientConfig::default() };
    let mut pair = Pair::with(client, server);
    pair.open();
    let _first = pair.submit(call(ECHO, b"1"));
    pair.deliver();
    let before = pair.server.statistics().reply_bytes;
    let deadline = Some(Duration::from_millis(10));
    let keys: Vec<_> =
        (0..100).map(|_| pair.submit(NewCall { deadline, ..call(ECHO, b"2") })).collect();
    pair.deliver();
    assert_eq!(pair.server.statistics().reply_bytes, before);
    for key in keys {
        let retry_after = Duration::from_millis(50);
        assert_eq!(pair.failure(key), (Outcome::NotExecuted, CallErrorKind::Busy { retry_after }));
    }
}

#[test]
fn a_refusal_with_a_detail_is_acknowledged_like_a_reply() {
    let mut pair = Pair::new();
    pair.open();
    let _key = pair.submit(NewCall { signature: 1, ..call(ECHO, b"x") });
    pair.deliver();
    assert_ne!(pair.server.statistics().reply_bytes, 0);
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.statistics().reply_bytes, 0);
}

#[test]
fn a_busy_server_is_not_asked_more_often_than_the_budget_allows() {
    let server = ServerConfig {
        maximum_queued_calls: 1,
        busy_retry_after: Duration::from_millis(1),
        ..ServerConfig::default()
    };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _first = pair.submit(call(ECHO, b"1"));
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"2") });
    pair.pass(Duration::from_secs(5), Pair::deliver);
    // 200 in the bucket at first, 20 a second, one for each new call.
    assert!(pair.server.statistics().refusals < 330, "{}", pair.server.statistics().refusals);
    assert_eq!(pair.failure(key).0, Outcome::NotExecuted);
}

#[test]
fn calls_that_end_while_there_is_no_session_leave_nothing_in_line() {
    let mut pair = Pair::new();
    let deadline = Some(Duration::from_millis(1));
    for _ in 0..3000 {
        let key = pair.submit(NewCall { deadline, ..call(ECHO, b"x") });
        pair.pass(Duration::from_millis(1), Pair::lose_everything);
        pair.client.release(key);
    }
    assert!(pair.client.footprint() < 1000, "{}", pair.client.footprint());
}

#[test]
fn calls_that_end_behind_one_that_waits_leave_nothing_in_line() {
    let server = ServerConfig { window: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _running = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    let _waiting = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.deliver();
    let _ready = pair.take();
    for _ in 0..3000 {
        let key = pair.submit(call(ECHO, b"x"));
        pair.client.release(key);
    }
    assert!(pair.client.footprint() < 1000, "{}", pair.client.footprint());
}

#[test]
fn a_released_call_is_not_named_as_finished() {
    let mut pair = Pair::new();
    for _ in 0..3000 {
        let key = pair.submit(call(ECHO, b"x"));
        pair.client.cancel(key);
        pair.client.release(key);
    }
    assert_eq!(pair.client.poll_finished(), None);
    let key = pair.submit(call(ECHO, b"x"));
    pair.client.cancel(key);
    assert_eq!(pair.client.poll_finished(), Some(key));
    assert!(pair.client.footprint() < 1000, "{}", pair.client.footprint());
}

#[test]
fn no_session_waits_for_the_answers_of_another() {
    let mut pair = Pair::new();
    pair.open();
    let greedy = pair.session_id();
    let greedy_address = pair.client_address;
    pair.client_address = "192.0.2.9:9".parse().unwrap();
    let now = pair.now();
    let servers = vec![pair.server_address];
    pair.client = ClientEndpoint::new(ClientConfig::default(), servers, entropy(77), now);
    pair.open();
    let probes = pair.datagram(greedy, |out| {
        for lane in 0..4000 {
            frame::write_probe(out, Subject { lane: lane % 100, sequence: 9, attempt: 1 });
        }
    });
    pair.server.handle_datagram(now, greedy_address, None, &probes);
    let key = pair.submit(NewCall { signature: 1, ..call(ECHO, b"x") });
    pair.collect_client();
    let request = pair.to_server.pop_front().unwrap();
    pair.server.handle_datagram(now, pair.client_address, None, &request);
    let mut out = Vec::new();
    let position = (0..100)
        .position(|_| {
            let transmit = pair.server.poll_transmit(now, &mut out).unwrap();
            transmit.to == pair.client_address
        })
        .unwrap();
    assert!(position <= 1, "{position} datagrams went first");
    let _ = key;
}

#[test]
fn an_idle_session_takes_no_more_than_4_kib() {
    let mut pair = Pair::new();
    pair.open();
    // It has been busy on all its lanes, and everything was acknowledged since.
    let keys: Vec<_> = (0..128).map(|_| pair.submit(call(ECHO, b"x"))).collect();
    pair.deliver();
    while let Some(ready) = pair.server.take_ready(pair.now()) {
        ready.context.enter();
        pair.server.complete(ready.token, result(b"y"));
    }
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert!(keys.iter().all(|&key| pair.reply(key) == "y"));
    assert_eq!(pair.server.unacknowledged(), 0);
    // It has been looked at for its expiry.
    pair.pass(ServerConfig::default().lease / 4, Pair::deliver);
    let bytes = pair.server.session_bytes();
    assert!((2048..=4096).contains(&bytes), "{bytes}");
}

#[test]
fn a_request_larger_than_the_server_takes_ends_at_once() {
    let mut pair = Pair::with(
        ClientConfig { datagram_size: 9000, ..ClientConfig::default() },
        ServerConfig::default(),
    );
    let submit = |pair: &mut Pair, size| {
        pair.submit(NewCall { body: Bytes::from(vec![1; size]).into(), ..call(ECHO, b"") })
    };
    // Nothing is known of the server when it is submitted.
    let waited = submit(&mut pair, 1001);
    let fits = submit(&mut pair, 1000);
    while !pair.client.has_session() {
        pair.collect();
        let now = pair.now();
        for datagram in core::mem::take(&mut pair.to_server) {
            pair.server.handle_datagram(now, pair.client_address, None, &datagram);
        }
        pair.collect();
        for datagram in core::mem::take(&mut pair.to_client) {
            let (header, body) = Header::parse(&datagram).unwrap();
            let mut datagram = datagram.clone();
            if header.kind == Kind::Welcome {
                let welcome = messages::parse_welcome(body).unwrap();
                let mut out = Vec::new();
                let welcome = messages::Welcome { largest_request: 1000, ..welcome };
                messages::write_welcome(&mut out, &welcome);
                datagram = Bytes::from(out);
            }
            pair.client.handle_datagram(now, pair.server_address, None, &datagram);
        }
    }
    let too_large =
        CallErrorKind::RequestTooLarge { size: 1001, limit: 1000, setting: RequestLimit::Server };
    assert_eq!(pair.failure(waited), (Outcome::NotExecuted, too_large.clone()));
    let at_once = submit(&mut pair, 1001);
    assert_eq!(pair.failure(at_once), (Outcome::NotExecuted, too_large));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(fits), "y");
    assert_eq!(pair.server.statistics().calls, 1);
}

/// What generated code checks while a program is compiled is what the endpoints do.
#[test]
fn a_body_that_fills_a_datagram_is_sent_in_one_and_one_byte_more_in_parts() {
    let (mut pair, request, reply) = (Pair::new(), request_room(1200), reply_room(1200));
    pair.open();
    for (size, answer) in [(request, reply), (request, reply + 1), (request + 1, reply)] {
        let body = Bytes::from(vec![1; size]);
        let key = pair.submit(NewCall { body: body.into(), ..call(ECHO, b"") });
        pair.collect_client();
        let datagrams: Vec<_> = pair.to_server.iter().map(Bytes::len).collect();
        assert_eq!(datagrams == [1200], size == request, "{datagrams:?}");
        pair.deliver();
        let ready = pair.take();
        assert_eq!(ready.body.len(), size);
        pair.server.complete(ready.token, Finished::Reply(vec![2; answer].into()));
        pair.collect();
        let datagrams: Vec<_> = pair.to_client.iter().map(Bytes::len).collect();
        assert_eq!(datagrams == [1200], answer == reply, "{datagrams:?}");
        pair.deliver();
        assert_eq!(pair.reply(key).len(), answer);
        let statistics = pair.server.statistics();
        assert_eq!(statistics.parts_received > 0, size > request);
        assert_eq!(statistics.parts_sent > 0, answer > reply || size > request);
    }
}

#[test]
fn each_deadline_ends_its_own_call() {
    let mut pair = Pair::new();
    pair.open();
    // Those that wait for a lane as well as those that have one, in no order.
    let mut keys = Vec::new();
    for number in 0..500_u64 {
        let deadline = Duration::from_millis(100 + number * 7 % 500);
        let key = pair.submit(NewCall { deadline: Some(deadline), ..call(ECHO, b"x") });
        keys.push((pair.now() + deadline, key));
    }
    pair.pass(Duration::from_secs(1), |pair| {
        pair.lose_everything();
        let now = pair.now();
        for &(at, key) in &keys {
            assert_eq!(pair.client.completion(key).is_some(), at <= now, "{at:?} at {now:?}");
        }
    });
    assert_eq!(pair.client.open_calls(), 0);
}

#[test]
fn deadlines_of_ended_calls_do_not_pile_up() {
    let mut pair = Pair::new();
    pair.open();
    let long = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    for _ in 0..5000 {
        let key = pair.submit(call(ECHO, b"x"));
        pair.client.release(key);
        pair.lose_everything();
    }
    assert!(pair.client.completion(long).is_none());
    assert!(pair.client.footprint() < 500, "{}", pair.client.footprint());
}
