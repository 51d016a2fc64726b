//! Every outcome tells the truth.

use super::*;

#[test]
fn a_silent_server_is_unreachable_and_the_outcome_unknown() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.pass(Duration::from_secs(30), Pair::lose_everything);
    let (outcome, kind) = pair.failure(key);
    assert_eq!(outcome, Outcome::Unknown);
    assert!(matches!(kind, CallErrorKind::Unreachable { .. }), "{kind:?}");
}

#[test]
fn a_server_that_is_not_there_is_not_executed_in_bounded_time() {
    let mut pair = Pair::new();
    let key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_millis(4999), Pair::lose_everything);
    assert!(pair.client.completion(key).is_none());
    pair.pass(Duration::from_millis(2), Pair::lose_everything);
    let server = pair.server_address;
    assert_eq!(
        pair.failure(key),
        (Outcome::NotExecuted, CallErrorKind::NoServer { tried: vec![server] })
    );
    assert!(pair.client.wants_servers() || pair.client.open_calls() == 0);
}

#[test]
fn a_restarted_server_ends_a_call_that_was_sent_and_takes_the_next() {
    let mut pair = Pair::new();
    pair.open();
    let lost = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let _ready = pair.take();
    pair.restart_server();
    pair.pass(Duration::from_millis(100), Pair::deliver);
    assert_eq!(pair.failure(lost), (Outcome::Unknown, CallErrorKind::ServerRestarted));
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn an_idempotent_call_is_made_again_over_a_restart() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(LOOKUP, b"x"));
    pair.deliver();
    let _ready = pair.take();
    pair.restart_server();
    pair.pass(Duration::from_millis(100), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn a_refusal_of_the_second_try_says_nothing_about_the_first() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(LOOKUP, b"x"));
    pair.deliver();
    let _ready = pair.take();
    pair.restart_server();
    pair.pass(Duration::from_millis(100), Pair::deliver);
    assert_eq!(pair.server.queued(), 1, "it was made again");
    pair.client.cancel(key);
    pair.deliver();
    assert_eq!(pair.server.queued(), 0, "the second one never begins");
    assert_eq!(pair.failure(key), (Outcome::Unknown, CallErrorKind::Cancelled));
}

#[test]
fn a_reply_that_was_not_kept_makes_an_idempotent_call_run_again() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(LOOKUP, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.lose_everything();
    pair.pass(Duration::from_millis(100), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"z"));
    pair.deliver();
    assert_eq!(pair.reply(key), "z");
}

#[test]
fn a_cancelled_call_that_has_not_begun_never_begins() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.collect();
    let request = pair.to_server.pop_front().unwrap();
    pair.client.cancel(key);
    pair.deliver();
    // The fence was first; the request comes late.
    pair.to_server.push_back(request);
    pair.deliver();
    assert!(pair.server.take_ready(pair.now()).is_none());
    assert_eq!(pair.failure(key), (Outcome::NotExecuted, CallErrorKind::Cancelled));
}

#[test]
fn a_cancelled_call_that_runs_is_executed_and_its_handler_is_told() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.client.cancel(key);
    pair.deliver();
    assert!(ready.context.is_cancelled());
    assert_eq!(pair.failure(key), (Outcome::Executed, CallErrorKind::Cancelled));
    pair.server.complete(ready.token, result(b"y"));
}

#[test]
fn a_call_past_its_deadline_is_unknown_and_settled_by_the_fence() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_secs(10), |pair| {
        // The requests arrive, the answers do not.
        let client_address = pair.client_address;
        pair.collect();
        let now = pair.now();
        for datagram in core::mem::take(&mut pair.to_server) {
            pair.server.handle_datagram(now, client_address, None, &datagram);
        }
        pair.lose_everything();
    });
    let (outcome, _) = pair.failure(key);
    assert_eq!(outcome, Outcome::Unknown);
    assert!(pair.client.can_settle(key));
    pair.pass(Duration::from_secs(2), Pair::deliver);
    assert!(matches!(pair.client.settlement(key), Settlement::NotExecuted));
    assert!(!pair.client.can_settle(key));
}

#[test]
fn a_deadline_ends_even_a_call_that_runs() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.pass(Duration::from_secs(11), Pair::deliver);
    let (outcome, kind) = pair.failure(key);
    assert_eq!(outcome, Outcome::Executed);
    assert!(matches!(kind, CallErrorKind::DeadlineExceeded { .. }));
    assert!(ready.context.is_cancelled());
}

#[test]
fn verdicts_are_repeated_for_copies() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(NewCall { signature: 1, ..call(ECHO, b"x") });
    pair.collect();
    let request = pair.to_server[0].clone();
    pair.to_server.push_back(request);
    pair.deliver();
    assert_eq!(
        pair.failure(key),
        (
            Outcome::NotExecuted,
            CallErrorKind::SignatureMismatch {
                client: String::new(),
                server: "echo(bytes) -> bytes".to_owned()
            }
        )
    );
    assert_eq!(pair.server.statistics().duplicates, 1);
    for (interface, method, kind) in [
        (INTERFACE, 1000, CallErrorKind::UnknownMethod),
        (1000, ECHO, CallErrorKind::UnknownInterface),
    ] {
        let key = pair.submit(NewCall { interface, method, ..call(ECHO, b"x") });
        pair.deliver();
        assert_eq!(pair.failure(key), (Outcome::NotExecuted, kind));
    }
}

#[test]
fn a_fence_goes_on_until_the_server_is_back() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(NewCall { deadline: Some(Duration::from_secs(1)), ..call(ECHO, b"x") });
    pair.pass(Duration::from_secs(120), Pair::lose_everything);
    assert_eq!(pair.failure(key).0, Outcome::Unknown);
    assert!(pair.client.can_settle(key));
    let before = pair.client.statistics().fences;
    pair.pass(Duration::from_secs(100), Pair::lose_everything);
    let fences = pair.client.statistics().fences - before;
    assert!((1..=200).contains(&fences), "{fences}");
    pair.pass(Duration::from_secs(3), Pair::deliver);
    assert!(matches!(pair.client.settlement(key), Settlement::NotExecuted));
    assert!(!pair.client.can_settle(key));
}

#[test]
fn a_silent_server_is_fenced_for_one_call_at_a_time() {
    let mut pair = Pair::new();
    pair.open();
    let deadline = Some(Duration::from_secs(1));
    for _ in 0..100 {
        let _key = pair.submit(NewCall { deadline, ..call(ECHO, b"x") });
    }
    pair.pass(Duration::from_secs(120), Pair::lose_everything);
    let before = pair.client.statistics().fences;
    pair.pass(Duration::from_secs(100), Pair::lose_everything);
    let fences = pair.client.statistics().fences - before;
    assert!((50..=200).contains(&fences), "{fences}");
    // All of them are settled soon after the first answer.
    pair.pass(Duration::from_secs(4), Pair::deliver);
    let late: Vec<_> = (0..200).map(|_| pair.submit(call(ECHO, b"y"))).collect();
    pair.deliver();
    let mut runs = 0;
    while let Some(ready) = pair.server.take_ready(pair.now()) {
        ready.context.enter();
        pair.server.complete(ready.token, result(b"z"));
        pair.deliver();
        runs += 1;
    }
    assert_eq!(runs, 200);
    assert!(late.iter().all(|&key| pair.reply(key) == "z"));
}

#[test]
fn a_call_that_waits_for_a_lane_ends_when_the_server_is_unreachable() {
    let server = ServerConfig { window: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let sent = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    let waiting = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.pass(Duration::from_secs(60), Pair::lose_everything);
    assert_eq!(pair.failure(sent).0, Outcome::Unknown);
    let (outcome, kind) = pair.failure(waiting);
    assert_eq!(outcome, Outcome::NotExecuted);
    assert!(matches!(kind, CallErrorKind::NoServer { .. }), "{kind:?}");
}

#[test]
fn a_call_may_be_probed_more_often_than_an_attempt_number_can_count() {
    let client = ClientConfig {
        probe_interval: Duration::from_millis(20),
        maximum_probe_interval: Duration::from_millis(20),
        ..ClientConfig::default()
    };
    let mut pair = Pair::with(client, ServerConfig::default());
    pair.open();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.deliver();
    let ready = pair.take();
    pair.pass(Duration::from_secs(2000), Pair::deliver);
    assert!(pair.client.statistics().probes > 70_000);
    assert_eq!(pair.client.statistics().sessions_resumed, 0, "the server was never silent");
    assert!(pair.client.completion(key).is_none(), "{:?}", pair.client.completion(key));
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn the_first_call_after_a_silence_gets_its_own_time() {
    let mut pair = Pair::new();
    pair.open();
    let deadline = Some(Duration::from_secs(1));
    let _lost = pair.submit(NewCall { deadline, ..call(ECHO, b"x") });
    pair.pass(Duration::from_millis(10_100), Pair::lose_everything);
    let key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_millis(5), Pair::lose_everything);
    assert!(pair.client.completion(key).is_none(), "{:?}", pair.client.completion(key));
    pair.pass(Duration::from_secs(4), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn a_detached_call_is_made_again_after_busy() {
    let server = ServerConfig { maximum_queued_calls: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _first = pair.submit(call(ECHO, b"1"));
    let second = pair.submit(call(ECHO, b"2"));
    pair.client.detach(second);
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(&pair.take().body[..], b"2");
}

#[test]
fn an_older_working_does_not_undo_what_is_known() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(NewCall { deadline: Some(Duration::from_secs(1)), ..call(ECHO, b"x") });
    pair.deliver();
    // Queued: the server says so unasked.
    pair.pass(Duration::from_millis(2), |_| {});
    pair.collect();
    let queued = pair.to_client.pop_front().expect("a WORKING");
    let _ready = pair.take();
    pair.pass(Duration::from_millis(400), Pair::deliver);
    assert!(matches!(pair.client.status(pair.now(), key), CallStatus::Running { .. }));
    pair.to_client.push_back(queued);
    pair.deliver();
    pair.pass(Duration::from_secs(1), Pair::lose_everything);
    assert_eq!(pair.failure(key).0, Outcome::Executed);
}

#[test]
fn closing_takes_no_settlement_back() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.pass(Duration::from_millis(2), |_| {});
    pair.collect();
    let working = pair.to_client.pop_front().expect("a WORKING");
    // The caller gives up before it has heard that the handler runs.
    pair.pass(Duration::from_secs(10), Pair::lose_everything);
    assert_eq!(pair.failure(key).0, Outcome::Unknown);
    // A WORKING comes first, then the reply in answer to the fence.
    pair.server.complete(ready.token, result(b"y"));
    pair.to_client.push_back(working);
    pair.pass(Duration::from_secs(3), Pair::deliver);
    assert!(matches!(pair.client.settlement(key), Settlement::Replied(reply) if reply == "y"));
    pair.client.close();
    assert!(matches!(pair.client.settlement(key), Settlement::Replied(reply) if reply == "y"));
}

#[test]
fn a_panic_before_the_handler_was_entered_is_not_executed() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.server.take_ready(pair.now()).unwrap();
    pair.server.complete(ready.token, Finished::Panicked { message: "in a decoder".to_owned() });
    pair.deliver();
    let (outcome, kind) = pair.failure(key);
    assert_eq!(outcome, Outcome::NotExecuted);
    assert!(matches!(kind, CallErrorKind::UndecodableArguments { .. }), "{kind:?}");
}

#[test]
fn a_oneway_call_needs_no_free_lane() {
    let server = ServerConfig { window: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _running = pair.submit(call(ECHO, b"x"));
    let _waiting = pair.submit(call(ECHO, b"x"));
    let line = pair.submit(call(LOG, b"line"));
    pair.deliver();
    assert_eq!(pair.reply(line), "");
}

#[test]
fn a_call_that_was_in_line_when_its_session_died_is_sent_in_the_next() {
    let server = ServerConfig { maximum_queued_calls: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let _first = pair.submit(call(ECHO, b"1"));
    let second = pair.submit(NewCall { deadline: None, ..call(ECHO, b"2") });
    pair.collect();
    let now = pair.now();
    for datagram in core::mem::take(&mut pair.to_server) {
        pair.server.handle_datagram(now, pair.client_address, None, &datagram);
    }
    pair.collect();
    // The next copy is in line, and nothing can be sent, when BUSY arrives and then the session dies.
    pair.clock.0.store(150_000_000, Ordering::Relaxed);
    pair.client.handle_timeout(pair.now());
    let busy = pair.to_client.pop_front().expect("BUSY");
    pair.client.handle_datagram(pair.now(), pair.server_address, None, &busy);
    pair.restart_server();
    pair.client.begin_test_handshake(pair.now());
    let now = pair.now();
    for _ in 0..2 {
        // The handshake's packets go first, and the socket takes no more.
        let mut out = Vec::new();
        pair.client.poll_transmit(now, &mut out).expect("HELLO, then OPEN");
        pair.server.handle_datagram(now, pair.client_address, None, &Bytes::from(out));
        let mut out = Vec::new();
        pair.server.poll_transmit(now, &mut out).expect("CHALLENGE, then WELCOME");
        pair.client.handle_datagram(now, pair.server_address, None, &Bytes::from(out));
    }
    assert_eq!(pair.client.statistics().sessions_opened, 2);
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(&pair.take().body[..], b"2");
    let _ = second;
}
