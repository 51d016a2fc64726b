//! Calls whose answers come after their handlers have returned.

use super::*;
use crate::config::ConfigError;

/// A call that was taken, and whose handler has returned.
fn suspended(pair: &mut Pair) -> (CallKey, Ready) {
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.server.take_ready(pair.now()).expect("a call is queued");
    assert!(pair.server.suspend(ready.token));
    (key, ready)
}

#[test]
fn a_call_that_was_given_up_before_it_was_entered_did_not_run() {
    let mut pair = Pair::new();
    pair.open();
    let (key, ready) = suspended(&mut pair);
    // The verdict is lost once, and found again.
    pair.server.complete(ready.token, Finished::Dropped);
    pair.lose_everything();
    pair.pass(Duration::from_secs(2), Pair::deliver);
    assert_eq!(pair.failure(key), (Outcome::NotExecuted, CallErrorKind::Abandoned));
    assert_eq!(pair.server.suspended(), 0);

    let (key, ready) = suspended(&mut pair);
    ready.context.enter();
    pair.server.complete(ready.token, Finished::Dropped);
    pair.deliver();
    assert_eq!(pair.failure(key), (Outcome::Executed, CallErrorKind::ReplyDropped));
}

#[test]
fn a_fence_decides_nothing_about_a_call_that_may_yet_be_entered() {
    let mut pair = Pair::new();
    pair.open();
    let (key, ready) = suspended(&mut pair);
    pair.client.cancel(key);
    pair.deliver();
    assert!(pair.client.completion(key).is_none());
    assert!(ready.context.is_cancelled());
    pair.server.complete(ready.token, Finished::Dropped);
    pair.deliver();
    assert_eq!(pair.failure(key).0, Outcome::NotExecuted);

    let (key, ready) = suspended(&mut pair);
    pair.client.cancel(key);
    pair.deliver();
    ready.context.enter();
    pair.pass(Duration::from_secs(2), Pair::deliver);
    assert_eq!(pair.failure(key), (Outcome::Executed, CallErrorKind::Cancelled));
}

#[test]
fn a_call_counts_as_suspended_from_its_handlers_return_to_its_answer() {
    let mut pair = Pair::new();
    pair.open();
    let (_, first) = suspended(&mut pair);
    let (_, second) = suspended(&mut pair);
    let counts = |pair: &Pair| (pair.server.running(), pair.server.suspended());
    assert_eq!(counts(&pair), (2, 2));
    // Each counts once, ...
    assert!(pair.server.suspend(first.token));
    assert_eq!(counts(&pair), (2, 2));
    pair.server.complete(first.token, result(b"y"));
    assert_eq!(counts(&pair), (1, 1));
    // ... an answer that came before the handler returned stands, ...
    assert!(!pair.server.suspend(first.token));
    pair.server.complete(first.token, Finished::Dropped);
    assert_eq!(counts(&pair), (1, 1));
    // ... and so does one that nobody waits for any more.
    pair.client.close();
    pair.deliver();
    assert_eq!(counts(&pair), (1, 1));
    assert!(second.context.is_cancelled());
    pair.server.complete(second.token, result(b"y"));
    assert_eq!(counts(&pair), (0, 0));
}

#[test]
fn a_oneway_call_may_be_suspended() {
    let mut pair = Pair::new();
    pair.open();
    let _line = pair.submit(call(LOG, b"line"));
    pair.deliver();
    let ready = pair.take();
    assert!(pair.server.suspend(ready.token));
    pair.server.complete(ready.token, Finished::Nothing);
    assert_eq!((pair.server.running(), pair.server.suspended()), (0, 0));
}

#[test]
fn no_more_calls_are_suspended_than_may_be() {
    let server = ServerConfig { maximum_suspended: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let (_, first) = suspended(&mut pair);
    let second = pair.submit(call(ECHO, b"2"));
    pair.deliver();
    assert_eq!(pair.server.peek_ready(), None);
    assert!(pair.server.take_ready(pair.now()).is_none());
    assert_eq!(pair.server.queued(), 1);
    pair.server.complete(first.token, result(b"y"));
    assert_eq!(pair.server.peek_ready(), Some((0, ECHO)));
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"z"));
    pair.deliver();
    assert_eq!(pair.reply(second), "z");

    let none = ServerConfig { maximum_suspended: 0, ..ServerConfig::default() };
    assert_eq!(none.validate().as_ref().map_err(ConfigError::setting), Err("maximum_suspended"));
}
