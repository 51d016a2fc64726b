//! Each oracle finds what it is for.

use std::net::SocketAddr;

use bytes::Bytes;

use super::addresses::Addresses;
use super::book::{CallBook, SessionBook, Stage};
use super::violation::Verdict;
use crate::endpoint::server::Finished;
use crate::time::Timestamp;
use crate::wire::frame::ReplyCode;

fn address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 3], 1))
}

/// The id of the invariant that does not hold.
#[track_caller]
fn id(verdict: Verdict) -> String {
    let text = verdict.expect_err("it is a violation").to_string();
    text.split(':').next().unwrap_or_default().to_owned()
}

/// A session whose lane 1 has call 7, with these arguments.
fn session(stage: Stage) -> SessionBook {
    let mut session = SessionBook::new(address(), Timestamp::ZERO);
    let mut call = CallBook::new(7, stage);
    call.arguments = Some(5);
    session.advance(1, call);
    session
}

fn reply(bytes: &'static [u8]) -> Finished {
    Finished::Reply(Bytes::from_static(bytes).into())
}

#[test]
fn a_call_is_begun_once_with_its_own_arguments_and_nothing_stands_against_it() {
    let mut fresh = session(Stage::Accepted);
    assert_eq!(fresh.begin(1, 7, 5), Ok(()));
    assert_eq!(id(fresh.begin(1, 7, 5)), "S1");
    assert_eq!(id(session(Stage::Accepted).begin(1, 7, 6)), "S7");
    assert_eq!(id(session(Stage::Accepted).begin(1, 8, 5)), "S2");
    assert_eq!(id(session(Stage::Accepted).begin(2, 7, 5)), "S2");
    assert_eq!(id(session(Stage::Accepted).begin(1, 6, 5)), "S33");
    assert_eq!(id(session(Stage::Fenced).begin(1, 7, 5)), "S33");
    let mut refused = session(Stage::Accepted);
    refused.refused.insert((1, 7));
    assert_eq!(id(refused.begin(1, 7, 5)), "S9");
    let mut oneway = session(Stage::Accepted);
    assert_eq!(oneway.begin_oneway(9), Ok(()));
    assert_eq!(id(oneway.begin_oneway(9)), "S1");
}

#[test]
fn a_reply_comes_after_its_handler_and_is_always_the_same() {
    let mut session = session(Stage::Accepted);
    session.begin(1, 7, 5).unwrap();
    let call = session.call(1, 7).unwrap();
    assert_eq!(id(call.check_reply(ReplyCode::Result, 0, b"result")), "S32");
    assert!(session.end((1, 7), true, false, &reply(b"result")), "it is to be kept");
    let call = session.call(1, 7).unwrap();
    assert_eq!(call.check_reply(ReplyCode::Result, 0, b"result"), Ok(()));
    assert_eq!(call.check_reply(ReplyCode::Result, 2, b"sul"), Ok(()));
    assert_eq!(id(call.check_reply(ReplyCode::Result, 2, b"xyz")), "S6");
    assert_eq!(id(call.check_reply(ReplyCode::Result, 5, b"tt")), "S6");
    assert_eq!(call.check_reply(ReplyCode::TooLarge, 0, b"why"), Ok(()));
    assert_eq!(id(call.check_reply(ReplyCode::TooLarge, 0, b"who")), "S6");
    assert_eq!(id(call.check_reply(ReplyCode::Dropped, 0, b"why")), "S6");
}

#[test]
fn a_handler_that_was_not_entered_leaves_nothing_to_keep() {
    let mut session = session(Stage::Accepted);
    session.begin(1, 7, 5).unwrap();
    let finished = Finished::Undecodable { detail: String::new() };
    assert!(!session.end((1, 7), false, false, &finished));
    assert!(!session.entered.contains(&(1, 7)));
    assert!(!session.is_unfinished(Timestamp::ZERO));
}

#[test]
fn a_large_result_is_kept_until_every_part_of_it_has_arrived() {
    let mut session = session(Stage::Accepted);
    session.begin(1, 7, 5).unwrap();
    session.end((1, 7), true, false, &reply(b"0123456789"));
    session.parts.insert(1, (1, 7, 0..6));
    session.parts.insert(2, (1, 7, 6..9));
    session.parts.insert(3, (1, 7, 9..10));
    session.on_arrived(3, &[0b10]);
    assert_eq!(session.parts.len(), 1, "the second is missing");
    assert_eq!(id(session.on_dropped(1, 7)), "S14");
    session.parts.insert(4, (1, 7, 5..9));
    session.on_arrived(4, &[]);
    assert_eq!(session.on_dropped(1, 7), Ok(()));
}

#[test]
fn an_address_gets_no_more_than_it_sent_until_it_is_proven() {
    let mut addresses = Addresses::default();
    addresses.received(address(), 100, false);
    assert_eq!(addresses.sent(address(), 60), Ok(()));
    assert_eq!(id(addresses.sent(address(), 10)), "S17", "one datagram for one");
    let mut addresses = Addresses::default();
    addresses.received(address(), 100, false);
    assert_eq!(id(addresses.sent(address(), 101)), "S17");
    addresses.prove(address());
    assert_eq!(addresses.sent(address(), 1000), Ok(()));
}

#[test]
fn a_hint_has_a_cause_that_is_larger() {
    let mut addresses = Addresses::default();
    assert_eq!(id(addresses.sent_hint(address(), 16)), "S18");
    addresses.received(address(), 32, true);
    assert_eq!(addresses.sent_hint(address(), 16), Ok(()));
    assert_eq!(id(addresses.sent_hint(address(), 16)), "S18", "it was for one");
    addresses.received(address(), 16, true);
    assert_eq!(id(addresses.sent_hint(address(), 16)), "S18", "two could go on for ever");
}
