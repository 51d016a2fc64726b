//! Messages larger than a datagram, between a client and a server, over a network that loses, repeats
//! and reorders.

use super::*;
use crate::wire::{reply_room, request_room};

fn bytes(length: usize) -> Bytes {
    (0..length).map(|index| (index * 31 + index / 255) as u8).collect::<Vec<_>>().into()
}

/// What a network does to datagrams.
#[derive(Clone, Copy)]
struct Faults {
    seed: u64,
    loss: f64,
    duplicates: f64,
    /// Datagrams arrive in any order.
    shuffles: bool,
    /// Larger ones are lost, or refused by the sender's system.
    largest: usize,
    refuses: bool,
}

const NONE: Faults =
    Faults { seed: 1, loss: 0.0, duplicates: 0.0, shuffles: false, largest: 65_507, refuses: true };

/// Lets both sides talk for as long as `goes_on`, with a delay of a millisecond each way; every call
/// that is ready is answered with what `answer` makes of its arguments.
fn talk(
    pair: &mut Pair,
    faults: Faults,
    answer: impl Fn(Bytes) -> Bytes,
    goes_on: impl Fn(&Pair) -> bool,
) -> (usize, usize) {
    let mut random = fastrand::Rng::with_seed(faults.seed);
    let (mut sent, mut executed) = (0, 0);
    let end = pair.now() + Duration::from_secs(600);
    while goes_on(pair) {
        assert!(pair.now() < end, "it does not end");
        let mut on_the_way = Vec::new();
        pair.collect();
        let from_client = core::mem::take(&mut pair.to_server).into_iter().map(|it| (true, it));
        let from_server = core::mem::take(&mut pair.to_client).into_iter().map(|it| (false, it));
        for (to_server, datagram) in from_client.chain(from_server) {
            if datagram.len() > faults.largest {
                let now = pair.now();
                match (faults.refuses, to_server) {
                    (true, true) => {
                        let to = pair.server_address;
                        pair.client.handle_send_refused(now, to, datagram.len());
                    }
                    (true, false) => {
                        let to = pair.client_address;
                        pair.server.handle_send_refused(now, to, datagram.len());
                    }
                    (false, _) => {}
                }
                continue;
            }
            sent += datagram.len();
            if random.f64() < faults.loss {
                continue;
            }
            if random.f64() < faults.duplicates {
                on_the_way.push((to_server, datagram.clone()));
            }
            on_the_way.push((to_server, datagram));
        }
        if faults.shuffles {
            random.shuffle(&mut on_the_way);
        }
        let timers = pair.client.poll_timeout().into_iter().chain(pair.server.poll_timeout()).min();
        let mut next = pair.now() + Duration::from_millis(1);
        if on_the_way.is_empty() {
            next = next.max(timers.expect("somebody waits for something"));
        }
        pair.clock.0.store(next.as_nanos(), Ordering::Relaxed);
        for (to_server, datagram) in on_the_way {
            match to_server {
                true => pair.server.handle_datagram(next, pair.client_address, None, &datagram),
                false => pair.client.handle_datagram(next, pair.server_address, None, &datagram),
            }
        }
        while let Some(ready) = pair.server.take_ready(next) {
            ready.context.enter();
            executed += 1;
            pair.server.complete(ready.token, Finished::Reply(answer(ready.body).into()));
        }
        pair.client.handle_timeout(next);
        pair.server.handle_timeout(next);
    }
    (sent, executed)
}

fn echo(pair: &mut Pair, faults: Faults, body: Bytes) -> (usize, usize) {
    let key = pair.submit(NewCall { deadline: None, body: body.clone().into(), ..call(ECHO, b"") });
    let done = talk(pair, faults, |body| body, |pair| pair.client.completion(key).is_none());
    assert_eq!(pair.reply(key), body);
    pair.client.release(key);
    done
}

fn assert_clean(pair: &mut Pair, faults: Faults) {
    talk(pair, faults, |body| body, |pair| pair.server.unacknowledged() > 0);
    assert_eq!(pair.server.statistics().reply_bytes, 0);
    assert_eq!(pair.server.statistics().assembly_bytes, 0);
    assert_eq!(pair.client.statistics().assembly_bytes, 0);
}

#[test]
fn every_size_arrives_whole_and_runs_once() {
    let (request, reply) = (request_room(1200), reply_room(1200));
    let mut pair = Pair::new();
    pair.open();
    let part = 1200 - 68;
    for size in
        [0, 1, reply, reply + 1, request, request + 1, part, 3 * part - 1, 3 * part, 3 * part + 1]
            .into_iter()
            .chain([65_507, 256 << 10, (256 << 10) + 1, 3 << 20])
    {
        let (_, executed) = echo(&mut pair, NONE, bytes(size));
        assert_eq!(executed, 1, "{size}");
    }
    assert_clean(&mut pair, NONE);
}

#[test]
fn loss_repetition_and_disorder_cost_time_and_nothing_else() {
    for seed in 0..40 {
        let faults = Faults {
            seed,
            loss: [0.0, 0.05, 0.3][seed as usize % 3],
            duplicates: 0.2,
            shuffles: seed % 2 == 0,
            largest: [65_507, 1_500, 9_000][seed as usize % 3],
            refuses: seed % 5 != 0,
        };
        let mut pair = Pair::new();
        let key = pair.submit(call(ECHO, b"opens the session"));
        talk(&mut pair, faults, |body| body, |pair| pair.client.completion(key).is_none());
        for size in [1_500, 40_000, 400_000] {
            let (_, executed) = echo(&mut pair, faults, bytes(size));
            assert_eq!(executed, 1, "{seed}: {size}");
        }
        assert_clean(&mut pair, faults);
    }
}

#[test]
fn little_more_is_sent_than_what_is_lost() {
    let mut pair = Pair::new();
    pair.open();
    let faults = Faults { loss: 0.05, ..NONE };
    let size = 8 << 20;
    let (sent, _) = echo(&mut pair, faults, bytes(size));
    let ratio = sent as f64 / (2 * size) as f64;
    assert!(ratio < 1.15, "{ratio}");
}

#[test]
fn a_limit_of_the_method_counts_at_both_ends() {
    let mut pair = Pair::new();
    pair.open();
    let limits = MessageLimits { request: Some(2000), reply: None };
    let body = bytes(2001);
    let key = pair.submit(NewCall { limits, body: body.into(), ..call(ECHO, b"") });
    let setting = RequestLimit::Method;
    let kind = CallErrorKind::RequestTooLarge { size: 2001, limit: 2000, setting };
    assert_eq!(pair.failure(key), (Outcome::NotExecuted, kind));
    // A client that says nothing is told by the server.
    let config = ServerConfig { maximum_request: 5000, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), config);
    let key = pair.submit(NewCall { body: bytes(5001).into(), ..call(ECHO, b"") });
    talk(&mut pair, NONE, |body| body, |pair| pair.client.completion(key).is_none());
    let setting = RequestLimit::Server;
    let kind = CallErrorKind::RequestTooLarge { size: 5001, limit: 5000, setting };
    assert_eq!(pair.failure(key), (Outcome::NotExecuted, kind));
    echo(&mut pair, NONE, bytes(5000));
}

#[test]
fn a_result_that_is_too_large_is_an_error_that_says_it_ran() {
    for (client, server) in [(5000, 64 << 20), (64 << 20, 5000)] {
        let client = ClientConfig { maximum_reply: client, ..ClientConfig::default() };
        let server = ServerConfig { maximum_reply: server, ..ServerConfig::default() };
        let mut pair = Pair::with(client, server);
        let key = pair.submit(call(ECHO, b"x"));
        talk(&mut pair, NONE, |_| bytes(5001), |pair| pair.client.completion(key).is_none());
        let (outcome, kind) = pair.failure(key);
        assert_eq!(outcome, Outcome::Executed);
        assert!(matches!(kind, CallErrorKind::ReplyTooLarge { .. }), "{kind:?}");
        assert_clean(&mut pair, NONE);
    }
}

#[test]
fn small_calls_overtake_a_large_one() {
    let mut pair = Pair::new();
    pair.open();
    let large =
        pair.submit(NewCall { deadline: None, body: bytes(8 << 20).into(), ..call(ECHO, b"") });
    for _ in 0..20 {
        let before = pair.now();
        let small = pair.submit(call(ECHO, b"x"));
        talk(&mut pair, NONE, |body| body, |pair| pair.client.completion(small).is_none());
        assert!(pair.now().since(before) <= Duration::from_millis(3));
        assert!(pair.client.completion(large).is_none());
    }
    talk(&mut pair, NONE, |body| body, |pair| pair.client.completion(large).is_none());
    assert_eq!(pair.reply(large).len(), 8 << 20);
}

#[test]
fn progress_can_be_watched() {
    let mut pair = Pair::new();
    pair.open();
    let size = 2 << 20;
    let key = pair.submit(NewCall { deadline: None, body: bytes(size).into(), ..call(ECHO, b"") });
    let mut last = pair.client.transfer(key);
    assert_eq!((last.sent, last.request, last.received, last.reply), (0, size, 0, None));
    let (mut steps, mut answers) = (0, 0);
    while pair.client.completion(key).is_none() {
        let turns = core::cell::Cell::new(0);
        talk(&mut pair, NONE, |body| body, |_| turns.replace(1) == 0);
        let transfer = pair.client.transfer(key);
        assert!(transfer.sent >= last.sent && transfer.received >= last.received);
        steps += usize::from(transfer.sent > last.sent && transfer.sent < size);
        answers += usize::from(transfer.received > last.received && transfer.received < size);
        last = transfer;
    }
    assert!(steps > 2 && answers > 2, "{steps}, {answers}");
    assert_eq!(
        (last.sent, last.request, last.received, last.reply),
        (size, size, size, Some(size))
    );
}

#[test]
fn what_was_not_sent_whole_did_not_run() {
    let cases: [fn(&mut Pair, CallKey); 2] = [
        |pair, key| pair.client.cancel(key),
        |pair, _| {
            let now = pair.now() + Duration::from_secs(1);
            pair.clock.0.store(now.as_nanos(), Ordering::Relaxed);
            pair.client.handle_timeout(now);
        },
    ];
    for end in cases {
        let mut pair = Pair::new();
        pair.open();
        let deadline = Some(Duration::from_secs(1));
        let key = pair.submit(NewCall { deadline, body: bytes(8 << 20).into(), ..call(ECHO, b"") });
        for _ in 0..5 {
            let turns = core::cell::Cell::new(0);
            talk(&mut pair, NONE, |body| body, |_| turns.replace(1) == 0);
        }
        assert!(pair.server.statistics().assembly_bytes > 0);
        end(&mut pair, key);
        assert_eq!(pair.failure(key).0, Outcome::NotExecuted);
        talk(&mut pair, NONE, |body| body, |pair| pair.server.statistics().assembly_bytes > 0);
        assert_eq!(pair.server.statistics().executions, 0);
        echo(&mut pair, NONE, bytes(10_000));
    }
}

#[test]
fn a_server_that_restarts_in_the_middle_gets_the_call_again_only_if_it_cannot_have_run() {
    for (size, runs_again) in [(8 << 20, true), (9_000, false)] {
        let mut pair = Pair::new();
        pair.open();
        let key =
            pair.submit(NewCall { deadline: None, body: bytes(size).into(), ..call(ECHO, b"") });
        for _ in 0..3 {
            // What the server says is lost, so that the small one is out and not known to be there.
            pair.collect_client();
            pair.to_server.clear();
        }
        pair.restart_server();
        talk(&mut pair, NONE, |body| body, |pair| pair.client.completion(key).is_none());
        if runs_again {
            assert_eq!(pair.reply(key).len(), size);
        } else {
            assert_eq!(pair.failure(key), (Outcome::Unknown, CallErrorKind::ServerRestarted));
        }
    }
}
