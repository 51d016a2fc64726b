//! Limits of strangers and of single clients, each of which is hit.

use super::by_hand::{Hand, Peer, REQUEST, address, subject};
use super::*;
use crate::wire::frame::VerdictCode;

fn hello(nonce: u128) -> Vec<u8> {
    let mut out = Vec::new();
    messages::write_hello(&mut out, nonce);
    out
}

/// An OPEN with a right cookie.
fn open(hand: &mut Hand, from: SocketAddr, nonce: u128) -> Vec<u8> {
    hand.receive(from, hello(nonce));
    let challenge = hand.sent().pop().expect("a HELLO is answered");
    let (nonce, cookie) = messages::parse_challenge(&challenge.body).expect("with a cookie");
    let open = Open { nonce, cookie, previous: 0, largest_reply: 1000, receive_window: 1000 };
    let mut out = Vec::new();
    messages::write_open(&mut out, &open);
    out
}

fn dropped(hand: &Hand, reason: DropReason) -> u64 {
    hand.server.statistics().received.dropped(reason)
}

#[test]
fn a_hundred_thousand_hellos_leave_nothing_behind() {
    let mut hand = Hand::new(ServerConfig::default());
    let before = hand.held();
    for index in 0..100_000_u32 {
        let from = SocketAddr::from((core::net::Ipv4Addr::from_bits(0x0b00_0000 + index), 7));
        hand.receive(from, hello(index.into()));
        let mut answers = hand.sent().into_iter();
        let first = answers.next().expect("a HELLO is answered");
        assert_eq!((first.to, first.size), (from, 60));
        assert!(answers.next().is_none());
    }
    assert_eq!(hand.held(), before);
    assert_eq!(hand.server.poll_timeout(), None, "nothing is to be done about any of them");
}

/// What a flood leaves in the line of answers while the system takes none of them.
#[test]
fn answers_to_strangers_that_cannot_be_sent_are_few() {
    let mut hand = Hand::new(ServerConfig::default());
    for index in 0..10_000_u32 {
        let from = SocketAddr::from((core::net::Ipv4Addr::from_bits(0x0b00_0000 + index), 7));
        hand.receive(from, hello(index.into()));
        assert!(hand.server.footprint() <= 1024, "{}", hand.server.footprint());
    }
    assert_eq!(hand.sent().len(), 1024);
}

/// Each answer costs a system call, so a server that gave one to each HELLO of a flood would fall behind.
#[test]
fn of_many_who_begin_at_once_each_source_is_answered_at_its_rate() {
    let config = ServerConfig { handshakes_per_second: 5, ..ServerConfig::default() };
    let mut hand = Hand::new(config);
    let this_host = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mut expected = vec![];
    for (from, most) in
        [(address(1), 4 + 10), (address(2), 10), (this_host(1), 10), (this_host(2), 10)]
    {
        (0..100).for_each(|nonce| hand.receive(from, hello(nonce)));
        expected.extend([from].repeat(most));
    }
    assert_eq!(hand.sent().iter().map(|sent| sent.to).collect::<Vec<_>>(), expected);
    assert_eq!(dropped(&hand, DropReason::RateLimited), 400 - 44);
    // Not a flood: whoever forges an address must not keep it from being answered.
    for nonce in 0..100 {
        hand.receive(address(1), hello(nonce));
        assert_eq!(hand.sent().len(), 1);
    }
}

#[test]
fn an_open_is_not_looked_at_beyond_the_rate() {
    let config = ServerConfig { handshakes_per_second: 1, ..ServerConfig::default() };
    let mut hand = Hand::new(config);
    let open = open(&mut hand, address(1), 7);
    (0..100).for_each(|_| hand.receive(address(1), open.clone()));
    assert_eq!(hand.sent().len(), 4 + 2);
    assert_eq!(dropped(&hand, DropReason::RateLimited), 94);
}

#[test]
fn a_source_may_have_so_many_sessions() {
    let config = ServerConfig { maximum_sessions_per_source: 3, ..ServerConfig::default() };
    let mut hand = Hand::new(config);
    let (mut granted, mut refused) = (0, 0);
    for port in 1..=8 {
        let from = SocketAddr::new(address(1).ip(), port);
        let open = open(&mut hand, from, port.into());
        hand.receive(from, open);
        let answer = hand.sent().pop().expect("WELCOME or REFUSED");
        match messages::parse_refused(&answer.body) {
            Some((_, messages::Refusal::Full)) => refused += 1,
            _ => granted += 1,
        }
    }
    assert_eq!((granted, refused), (3, 5));
    assert_eq!(dropped(&hand, DropReason::SessionLimit), 5);
    // Another source, and one of this machine, have room of their own.
    hand.open(address(2));
    for port in 1..=8 {
        hand.open(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    assert_eq!(hand.server.statistics().sessions, 12);
}

#[test]
fn a_source_may_open_so_many_sessions_a_second() {
    let config = ServerConfig { handshakes_per_second: 5, ..ServerConfig::default() };
    let mut hand = Hand::new(config);
    let granted = |hand: &mut Hand, ports: core::ops::Range<u16>| {
        let before = hand.server.statistics().sessions_opened;
        for port in ports {
            let from = SocketAddr::new(address(1).ip(), port);
            let open = open(hand, from, port.into());
            hand.receive(from, open);
        }
        hand.server.statistics().sessions_opened - before
    };
    assert_eq!(granted(&mut hand, 1..100), 10);
    assert_eq!(dropped(&hand, DropReason::RateLimited), 89);
    hand.pass(Duration::from_millis(200));
    assert_eq!(granted(&mut hand, 100..200), 1);
}

#[test]
fn a_source_is_told_so_often_a_second_that_a_session_is_not_its_own() {
    let config = ServerConfig { hints_per_second: 4, ..ServerConfig::default() };
    let mut hand = Hand::new(config);
    let told = |hand: &mut Hand, address: SocketAddr| {
        for session in 1..100 {
            let stranger = Peer { address, session, number: 0 };
            hand.send(stranger, |out| frame::write_probe(out, subject(1, 1)));
        }
        hand.sent().len()
    };
    assert_eq!(told(&mut hand, address(1)), 8);
    hand.pass(Duration::from_millis(250));
    assert_eq!(told(&mut hand, address(1)), 1);
    // Those on the same machine do not share what they are told, but are not told more.
    for port in 1..=4 {
        assert_eq!(told(&mut hand, SocketAddr::from(([127, 0, 0, 1], port))), 8);
    }
}

#[test]
fn the_calls_of_one_session_do_not_take_the_room_of_others() {
    let config = ServerConfig {
        maximum_queued_calls: 100,
        maximum_queued_per_session: 10,
        maximum_running_per_session: 1,
        ..ServerConfig::default()
    };
    let mut hand = Hand::new(config);
    let (greedy, modest) = (hand.open(address(1)), hand.open(address(2)));
    let request = frame::Request { method: LOG, ..REQUEST };
    for sequence in 1..=500 {
        let subject = Subject { lane: frame::ONEWAY_LANE, sequence, attempt: 1 };
        hand.send(greedy, |out| frame::write_request(out, subject, &request, b"greedy"));
    }
    assert_eq!(
        (hand.server.statistics().queued, hand.server.statistics().oneway_dropped),
        (10, 490)
    );
    hand.send(greedy, |out| frame::write_request(out, subject(1, 501), &REQUEST, b"greedy"));
    assert_eq!(hand.verdict().0, VerdictCode::Busy);
    hand.send(modest, |out| frame::write_request(out, subject(1, 1), &REQUEST, b"modest"));
    let bodies: Vec<_> = core::iter::from_fn(|| hand.take()).map(|ready| ready.body).collect();
    assert_eq!(bodies, ["greedy", "modest"]);
    // What runs does not wait.
    let subject = Subject { lane: frame::ONEWAY_LANE, sequence: 502, attempt: 1 };
    hand.send(greedy, |out| frame::write_request(out, subject, &request, b"one more"));
    assert_eq!(hand.server.statistics().queued, 10);
}

#[test]
fn new_calls_are_refused_while_the_oldest_has_waited_too_long() {
    let maximum_queue_delay = Duration::from_millis(20);
    let mut hand = Hand::new(ServerConfig { maximum_queue_delay, ..ServerConfig::default() });
    let peer = hand.open(address(1));
    hand.send(peer, |out| frame::write_request(out, subject(1, 1), &REQUEST, b"1"));
    hand.pass(Duration::from_millis(20));
    hand.send(peer, |out| frame::write_request(out, subject(2, 2), &REQUEST, b"2"));
    assert_eq!(hand.server.statistics().queued, 2);
    hand.pass(Duration::from_millis(1));
    hand.send(peer, |out| frame::write_request(out, subject(3, 3), &REQUEST, b"3"));
    assert_eq!((hand.verdict().0, hand.server.statistics().queued), (VerdictCode::Busy, 2));
}

#[test]
fn a_call_of_a_wanted_method_overtakes_those_before_it() {
    let mut hand = Hand::new(ServerConfig::default());
    let peer = hand.open(address(1));
    let is_log = |method: (usize, u32)| method == (0, LOG);
    let log = frame::Request { method: LOG, ..REQUEST };
    let oneway = |sequence| Subject { lane: frame::ONEWAY_LANE, sequence, attempt: 1 };
    hand.send(peer, |out| {
        for lane in 1..=3 {
            frame::write_request(out, subject(lane, u64::from(lane)), &REQUEST, b"first");
        }
        frame::write_request(out, oneway(4), &log, b"fourth");
        frame::write_request(out, subject(4, 5), &REQUEST, b"last");
        frame::write_request(out, oneway(6), &log, b"sixth");
    });
    let now = hand.now();
    assert_eq!(hand.server.peek_ready_of(is_log), Some((0, LOG)));
    for body in ["fourth", "sixth"] {
        assert_eq!(hand.server.take_ready_of(now, is_log).unwrap().body, body);
    }
    assert_eq!(hand.server.peek_ready_of(is_log), None);
    assert!(hand.server.take_ready_of(now, is_log).is_none());
    // The others keep their order.
    let bodies: Vec<_> = core::iter::from_fn(|| hand.take()).map(|ready| ready.body).collect();
    assert_eq!(bodies, ["first", "first", "first", "last"]);
    assert_eq!(hand.server.queued(), 0);
}

#[test]
fn no_call_is_taken_from_far_behind() {
    let mut hand = Hand::new(ServerConfig::default());
    let peer = hand.open(address(1));
    let is_log = |method: (usize, u32)| method == (0, LOG);
    let log = frame::Request { method: LOG, ..REQUEST };
    let mut sequence = 0;
    let mut send = |hand: &mut Hand, request: &frame::Request| {
        sequence += 1;
        let lane = if request.method == LOG { frame::ONEWAY_LANE } else { sequence as u16 };
        let subject = Subject { lane, sequence, attempt: 1 };
        hand.send(peer, |out| frame::write_request(out, subject, request, b""));
    };
    for _ in 0..64 {
        send(&mut hand, &REQUEST);
    }
    send(&mut hand, &log);
    let now = hand.now();
    assert!(hand.server.take_ready_of(now, is_log).is_none(), "64 calls are before it");
    hand.take().unwrap();
    assert!(hand.server.take_ready_of(now, is_log).is_some());
}

#[test]
fn a_wanted_call_that_must_not_run_gives_way_to_the_next() {
    let config = ServerConfig { maximum_running_per_session: 1, ..ServerConfig::default() };
    let mut hand = Hand::new(config);
    let [one, two] = [1, 2].map(|host| hand.open(address(host)));
    hand.send(one, |out| frame::write_request(out, subject(1, 1), &REQUEST, b"runs"));
    let running = hand.take().unwrap();
    let log = frame::Request { method: LOG, ..REQUEST };
    let oneway = Subject { lane: frame::ONEWAY_LANE, sequence: 1, attempt: 1 };
    hand.send(two, |out| frame::write_request(out, oneway, &log, b"not wanted"));
    hand.send(one, |out| frame::write_request(out, subject(2, 2), &REQUEST, b"waits for it"));
    hand.send(two, |out| frame::write_request(out, subject(1, 2), &REQUEST, b"of another"));
    let now = hand.now();
    let is_wanted = |method: (usize, u32)| method.1 != LOG;
    assert_eq!(hand.server.take_ready_of(now, is_wanted).unwrap().body, "of another");
    assert!(hand.server.take_ready_of(now, is_wanted).is_none());
    hand.server.complete(running.token, Finished::Reply(Default::default()));
    assert_eq!(hand.server.take_ready_of(now, is_wanted).unwrap().body, "waits for it");
}
