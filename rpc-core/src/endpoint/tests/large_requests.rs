//! Arguments that arrive in parts, from clients that are hand-written ones.

use super::by_hand::*;
use super::*;
use crate::transfer::{ANSWER_DELAY, FIRST_LIMIT};
use crate::wire::frame::{ServerAnswer, VerdictCode};
use crate::wire::part::Part;

/// The largest datagrams have parts of about this size.
const PART: usize = 60_000;

fn hand() -> (Hand, Peer) {
    let mut hand = Hand::new(ServerConfig::default());
    let peer = hand.open(address(1));
    (hand, peer)
}

/// Sends everything from `start` on.
fn upload(hand: &mut Hand, peer: &mut Peer, call: Subject, whole: &Whole, start: usize) {
    let mut at = start;
    while at < whole.len() {
        let end = (at + PART).min(whole.len());
        hand.part(peer, call, whole, at..end);
        at = end;
    }
}

fn text(detail: &Bytes) -> String {
    String::from_utf8_lossy(detail).into_owned()
}

#[test]
fn parts_in_any_order_and_often_are_one_call() {
    let mut random = fastrand::Rng::with_seed(4);
    for round in 0..100 {
        let (mut hand, mut peer) = hand();
        let before = hand.held();
        let whole = message(random.usize(1..12_000));
        let mut pieces: Vec<_> = (0..whole.len()).step_by(700).collect();
        pieces.extend_from_within(..);
        random.shuffle(&mut pieces);
        for start in pieces {
            let end = (start + 700 + random.usize(0..300)).min(whole.len());
            hand.part(&mut peer, subject(3, 1), &whole, start..end);
        }
        let arrived = hand.arrived(3).unwrap();
        assert_eq!(arrived.newest, peer.number, "{round}");
        assert_eq!(hand.take().unwrap().body, *whole);
        assert!(hand.take().is_none());
        assert_eq!(hand.server.statistics().calls, 1);
        // It goes on running; nothing else is left.
        hand.pass(Duration::from_secs(1));
        let held = hand.held();
        assert_eq!((held.1, held.2), (0, (0, 0)));
        assert_eq!(held.0, before.0 + 1, "only its record is left");
        // A copy that comes late begins nothing and need not be sent again.
        hand.part(&mut peer, subject(3, 1), &whole, 0..1);
        assert_eq!(hand.arrived(3).unwrap().newest, peer.number);
        assert!(hand.take().is_none());
    }
}

#[test]
fn the_answer_is_no_measure_of_the_round_trip() {
    let (mut hand, mut peer) = hand();
    let whole = message(2000);
    upload(&mut hand, &mut peer, subject(0, 1), &whole, 0);
    let ready = hand.take().unwrap();
    hand.server.complete(ready.token, result(b"y"));
    let held: Vec<_> = hand
        .sent()
        .into_iter()
        .flat_map(|sent| sent.frames)
        .filter(|frame| matches!(frame.answer, ServerAnswer::Reply(..)))
        .map(|frame| frame.held)
        .collect();
    assert_eq!(held, [frame::HELD_UNKNOWN]);
    // A request of one datagram is one.
    hand.run(peer, subject(1, 2), Bytes::new());
    let sent = hand.sent();
    let held: Vec<_> = sent.iter().flat_map(|it| &it.frames).map(|it| it.held).collect();
    assert_eq!(held, [0]);
}

#[test]
fn a_declared_length_takes_no_memory() {
    let (mut hand, mut peer) = hand();
    let whole = message(1 << 20);
    let said = Part { length: 64 << 20, ..described(&whole, 0) };
    hand.send_part(&mut peer, subject(0, 1), &REQUEST, &said, &whole[..1]);
    let send = |hand: &mut Hand, peer: &mut Peer, start: usize, end: usize| {
        let said = Part { offset: start as u32, ..said.clone() };
        hand.send_part(peer, subject(0, 1), &REQUEST, &said, &whole[start..end]);
    };
    assert!(hand.server.statistics().assembly_bytes <= 4096);
    // One that lies far ahead is not taken, so that it has to be sent again.
    for start in [20_000, FIRST_LIMIT - 1] {
        send(&mut hand, &mut peer, start, start + 1);
        assert_eq!(hand.arrived(0).unwrap().newest, 1, "{start}");
        assert!(hand.server.statistics().assembly_bytes <= 4096);
    }
    // So is one beyond the limit, whatever has arrived.
    let mut at = 0;
    for _ in 0..8 {
        send(&mut hand, &mut peer, at, at + 30_000);
        at += 30_000;
    }
    let arrived = hand.arrived(0).unwrap();
    assert_eq!((arrived.newest, arrived.limit as usize), (peer.number, at + FIRST_LIMIT));
    send(&mut hand, &mut peer, at + FIRST_LIMIT, at + FIRST_LIMIT + 1);
    assert_eq!(hand.arrived(0).unwrap().newest, peer.number - 1);
    let allocated = hand.server.statistics().assembly_bytes;
    assert!((at..2 * at).contains(&allocated), "{allocated}");
}

#[test]
fn a_limit_follows_what_has_arrived_and_is_never_taken_back() {
    let (mut hand, mut peer) = hand();
    let whole = message(10 << 20);
    let (mut at, mut last) = (0, FIRST_LIMIT);
    while at < whole.len() {
        let end = (at + PART).min(whole.len());
        hand.part(&mut peer, subject(0, 1), &whole, at..end);
        at = end;
        let Some(arrived) = hand.arrived(0) else { break };
        if at == whole.len() {
            break;
        }
        let limit = arrived.limit as usize;
        assert!(limit >= last);
        assert_eq!(limit, (at + at.clamp(FIRST_LIMIT, 4 << 20)).min(whole.len()));
        last = limit;
    }
    assert_eq!(hand.take().unwrap().body, *whole);
}

#[test]
fn a_limit_of_the_server_or_of_the_method_is_judged_at_the_first_part() {
    let mut table = methods();
    let method = |limits| MethodEntry {
        service: 0,
        signature: 99,
        signature_text: "",
        is_idempotent: false,
        is_oneway: false,
        limits,
    };
    let limits = |request| MessageLimits { request: Some(request), reply: None };
    table.add_method(INTERFACE, 10, method(limits(2000)));
    table.add_method(INTERFACE, 11, method(limits(9000)));
    let config = ServerConfig { maximum_request: 5000, ..ServerConfig::default() };
    let mut hand = Hand::with(config, table);
    let mut peer = hand.open(address(1));
    let before = hand.held();
    let mut sequence = 0;
    for (method, limit) in [(ECHO, 5000), (10, 2000), (11, 9000)] {
        for length in [limit, limit + 1] {
            let whole = message(length);
            sequence += 1;
            let body = whole.clone_bytes().into();
            let identity = frame::identity(INTERFACE, method, 99, &body);
            let call = subject(0, sequence);
            let request = frame::Request { method, ..REQUEST };
            let said = Part { identity, ..described(&whole, 0) };
            hand.send_part(&mut peer, call, &request, &said, &whole);
            if length == limit {
                assert_eq!(hand.take().unwrap().body, *whole);
                continue;
            }
            assert!(hand.take().is_none());
            let limit = Bytes::copy_from_slice(&(limit as u32).to_be_bytes());
            assert_eq!(hand.verdict(), (VerdictCode::TooLarge, limit));
            // The verdict is told again to whoever did not hear it, and nothing else happens.
            hand.send_part(&mut peer, call, &request, &said, &whole);
            assert_eq!(hand.verdict().0, VerdictCode::TooLarge);
            assert_eq!(hand.server.statistics().assembly_bytes, 0);
            hand.send(peer, |out| frame::write_acknowledge(out, call));
        }
    }
    // A request of one datagram has the same limit.
    let request = frame::Request { method: 10, ..REQUEST };
    hand.send(peer, |out| frame::write_request(out, subject(1, 50), &request, &[0; 2001]));
    assert_eq!(hand.verdict().0, VerdictCode::TooLarge);
    assert_eq!(hand.held().2, before.2);
}

#[test]
fn what_is_not_served_is_refused_at_the_first_part() {
    let (mut hand, mut peer) = hand();
    let whole = message(9000);
    let cases = [
        (frame::Request { interface: 1, ..REQUEST }, VerdictCode::UnknownInterface),
        (frame::Request { method: 99, ..REQUEST }, VerdictCode::UnknownMethod),
        (frame::Request { signature: 1, ..REQUEST }, VerdictCode::SignatureMismatch),
        (frame::Request { remaining: 0, ..REQUEST }, VerdictCode::Expired),
    ];
    for (lane, (request, code)) in (0..).zip(cases) {
        let call = subject(lane, u64::from(lane) + 1);
        for start in [3000, 0] {
            let said = described(&whole, start);
            hand.send_part(&mut peer, call, &request, &said, &whole[start..start + 1000]);
            assert_eq!(hand.verdict().0, code);
        }
        // Copies that wait together are answered once.
        for _ in 0..100 {
            let said = described(&whole, 0);
            hand.send_part(&mut peer, call, &request, &said, &whole[..1000]);
        }
        assert_eq!(hand.verdict().0, code);
    }
    let statistics = hand.server.statistics();
    assert_eq!((statistics.calls, statistics.assembly_bytes, statistics.refusals), (0, 0, 4));
}

#[test]
fn parts_that_contradict_each_other_are_no_call() {
    let whole = message(9000);
    let mut other = whole.to_vec();
    other[2500] ^= 1;
    let other = Whole::from(other);
    type Lie = fn(&mut Hand, &mut Peer, &Whole, &Whole);
    let lies: [(&str, Lie); 4] = [
        ("differ where they overlap", |hand, peer, whole, other| {
            let said = described(whole, 2000);
            hand.send_part(peer, subject(0, 1), &REQUEST, &said, &other[2000..4000]);
        }),
        ("do not agree", |hand, peer, whole, _| {
            let said = Part { length: 9001, ..described(whole, 3000) };
            hand.send_part(peer, subject(0, 1), &REQUEST, &said, &whole[3000..4000]);
        }),
        ("do not agree", |hand, peer, whole, _| {
            let request = frame::Request { method: LOOKUP, ..REQUEST };
            let said = described(whole, 3000);
            hand.send_part(peer, subject(0, 1), &request, &said, &whole[3000..4000]);
        }),
        ("checksum", |hand, peer, whole, _| {
            let mut wrong = whole.to_vec();
            wrong[8999] ^= 1;
            let said = described(whole, 3000);
            hand.send_part(peer, subject(0, 1), &REQUEST, &said, &wrong[3000..]);
        }),
    ];
    for (why, lie) in lies {
        let (mut hand, mut peer) = hand();
        let before = hand.held();
        hand.part(&mut peer, subject(0, 1), &whole, 0..3000);
        assert!(hand.held().1 > 0);
        lie(&mut hand, &mut peer, &whole, &other);
        let (code, detail) = hand.verdict();
        assert_eq!(code, VerdictCode::Incomplete);
        assert!(text(&detail).contains(why), "{}", text(&detail));
        assert_eq!(hand.server.statistics().assembly_bytes, 0);
        // The number is kept: what comes now does not make it run.
        upload(&mut hand, &mut peer, subject(0, 1), &whole, 0);
        assert_eq!(hand.verdict().0, VerdictCode::Incomplete);
        assert!(hand.take().is_none());
        assert_eq!(hand.server.statistics().arguments_lost, 1);
        hand.send(peer, |out| frame::write_acknowledge(out, subject(0, 1)));
        // What was to be said of the first part is not due any more.
        hand.pass(ANSWER_DELAY);
        assert_eq!(hand.held(), before, "{why}");
    }
}

#[test]
fn another_message_under_the_same_number_is_misuse_and_harms_nobody() {
    let (mut hand, mut peer) = hand();
    let (whole, other) = (message(9000), message(9001));
    hand.part(&mut peer, subject(0, 1), &whole, 0..3000);
    let before = hand.arrived(0).unwrap();
    for _ in 0..50 {
        hand.part(&mut peer, subject(0, 1), &other, 3000..6000);
    }
    let digest = described(&other, 0).identity.to_be_bytes();
    assert_eq!(hand.verdict(), (VerdictCode::Misuse, Bytes::copy_from_slice(&digest)));
    hand.part(&mut peer, subject(0, 1), &other, 0..1000);
    let after = hand.arrived(0).unwrap();
    assert_eq!(after.newest, before.newest, "nobody is told that those have arrived");
    // Nor is a request of one datagram.
    hand.send(peer, |out| frame::write_request(out, subject(0, 1), &REQUEST, b"x"));
    assert_eq!(hand.verdict().0, VerdictCode::Misuse);
    assert_eq!(hand.server.statistics().misuses, 52);
    upload(&mut hand, &mut peer, subject(0, 1), &whole, 3000);
    assert_eq!(hand.take().unwrap().body, *whole);
}

#[test]
fn arguments_that_drip_are_given_up() {
    let (mut hand, mut peer) = hand();
    let before = hand.held();
    let whole = message(1 << 20);
    let mut at = 0;
    let mut seconds = 0;
    while hand.server.statistics().arguments_lost == 0 {
        if at < whole.len() {
            hand.part(&mut peer, subject(0, 1), &whole, at..at + 1000);
            at += 1000;
        }
        hand.pass(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 20, "it is held for ever");
    }
    assert_eq!(seconds, 11, "the default is ten, and a little for what has come");
    hand.part(&mut peer, subject(0, 1), &whole, at..at + 1000);
    let (code, detail) = hand.verdict();
    assert_eq!(code, VerdictCode::Incomplete);
    assert!(text(&detail).contains("`assembly_patience`"), "{}", text(&detail));
    assert!(text(&detail).contains("11000 of 1048576"), "{}", text(&detail));
    assert_eq!(hand.server.statistics().assembly_bytes, 0);
    hand.send(peer, |out| frame::write_acknowledge(out, subject(0, 1)));
    assert_eq!(hand.held(), before);
    assert!(hand.take().is_none());
}

#[test]
fn bytes_that_arrive_buy_time() {
    let config = ServerConfig { assembly_patience: Duration::from_secs(5), ..Default::default() };
    let mut hand = Hand::new(config);
    let mut peer = hand.open(address(1));
    // Four megabytes at a little more than 64 KiB in four seconds take four minutes.
    let whole = message(4 << 20);
    for start in (0..whole.len()).step_by(1 << 16) {
        let (half, end) = (start + (1 << 15), start + (1 << 16));
        hand.part(&mut peer, subject(0, 1), &whole, start..half);
        hand.part(&mut peer, subject(0, 1), &whole, half..end);
        hand.pass(Duration::from_millis(3960));
    }
    assert_eq!(hand.take().unwrap().body, *whole);
    // A third of that is too slow.
    for start in (0..whole.len()).step_by(1 << 16) {
        let (half, end) = (start + (1 << 15), start + (1 << 16));
        hand.part(&mut peer, subject(0, 2), &whole, start..half);
        hand.part(&mut peer, subject(0, 2), &whole, half..end);
        hand.pass(Duration::from_millis(12_000));
    }
    assert!(hand.take().is_none());
    assert_eq!(hand.server.statistics().arguments_lost, 1);
}

#[test]
fn a_client_that_falls_silent_does_not_live_on_what_it_sent() {
    let (mut hand, mut peer) = hand();
    let before = hand.held();
    let whole = message(8 << 20);
    for start in (0..4 << 20).step_by(1 << 15) {
        hand.part(&mut peer, subject(0, 1), &whole, start..start + (1 << 15));
    }
    assert!(hand.server.statistics().assembly_bytes >= 4 << 20);
    hand.pass(Duration::from_secs(9));
    assert_eq!(hand.server.statistics().arguments_lost, 0);
    hand.pass(Duration::from_secs(2));
    let statistics = hand.server.statistics();
    assert_eq!((statistics.arguments_lost, statistics.assembly_bytes), (1, 0));
    hand.send(peer, |out| frame::write_acknowledge(out, subject(0, 1)));
    assert_eq!(hand.held(), before);
}

#[test]
fn messages_that_share_a_slow_path_buy_time_for_each_other() {
    let (mut hand, mut peer) = hand();
    let whole = message(64 << 10);
    // Thirty-two at once, each of them at one kilobyte a second.
    for start in (0..whole.len()).step_by(1 << 10) {
        for lane in 0..32 {
            let call = subject(lane, 1 + u64::from(lane));
            hand.part(&mut peer, call, &whole, start..start + (1 << 10));
        }
        hand.pass(Duration::from_secs(1));
    }
    assert_eq!(hand.server.statistics().arguments_lost, 0);
    for _ in 0..32 {
        assert_eq!(hand.take().unwrap().body, *whole);
    }
}

#[test]
fn arguments_that_waited_for_room_are_to_be_sent_later() {
    let config = ServerConfig { maximum_assembly_bytes: 2 << 20, ..Default::default() };
    let mut hand = Hand::new(config);
    let (mut first, mut second) = (hand.open(address(1)), hand.open(address(2)));
    let whole = message(8 << 20);
    let send = |hand: &mut Hand, peer: &mut Peer, start: usize| {
        hand.part(peer, subject(0, 1), &whole, start..start + (1 << 15));
    };
    for start in (0..1 << 20).step_by(1 << 15) {
        send(&mut hand, &mut first, start);
    }
    for start in (0..1 << 18).step_by(1 << 15) {
        send(&mut hand, &mut second, start);
    }
    // The first one goes on so that the second one has to wait, and asks whether it may go on.
    for start in (1 << 20..3 << 20).step_by(1 << 17) {
        send(&mut hand, &mut first, start);
        hand.pass(Duration::from_secs(1));
        let number = second.number + 1;
        second.number = number;
        let call = subject(0, 1);
        hand.send(second, |out| frame::write_question(out, Role::Client, call, number, 0));
    }
    let _ = hand.sent();
    hand.part(&mut second, subject(0, 1), &whole, 0..1000);
    assert_eq!(hand.verdict().0, VerdictCode::Busy);
    assert_eq!(hand.server.statistics().arguments_lost, 0);
}

#[test]
fn a_deadline_counts_from_the_first_part() {
    let (mut hand, mut peer) = hand();
    let whole = message(9000);
    let request = frame::Request { remaining: 100, ..REQUEST };
    hand.send_part(&mut peer, subject(0, 1), &request, &described(&whole, 0), &whole[..1000]);
    hand.pass(Duration::from_millis(99));
    assert!(hand.held().1 > 0);
    hand.pass(Duration::from_millis(1));
    assert_eq!(hand.held().1, 0);
    hand.send_part(&mut peer, subject(0, 1), &request, &described(&whole, 0), &whole[..1000]);
    assert_eq!(hand.verdict().0, VerdictCode::Expired);
}

#[test]
fn a_fragment_of_the_maximum_from_each_of_a_thousand_sessions_holds_next_to_nothing() {
    let config = ServerConfig { maximum_sessions_per_source: 10_000, ..Default::default() };
    let mut hand = Hand::new(config);
    let whole = message(3 << 20);
    let said = Part { length: 64 << 20, ..described(&whole, 0) };
    let peers: Vec<_> = (0..1000).map(|index| hand.open(address(index + 2))).collect();
    let mut honest = hand.open(address(1));
    let before = hand.held();
    for (index, mut peer) in peers.into_iter().enumerate() {
        // The dearest place that is taken at once.
        let offset = [0, 16_000, 250_000][index % 3];
        let said = Part { offset, ..said.clone() };
        hand.send_part(&mut peer, subject(0, 1), &REQUEST, &said, &whole[..1]);
    }
    let held = hand.server.statistics().assembly_bytes;
    assert!(held < 8 << 20, "{held}");
    // An honest one gets through among them.
    upload(&mut hand, &mut honest, subject(0, 1), &whole, 0);
    assert_eq!(hand.take().unwrap().body, *whole);
    hand.pass(Duration::from_secs(12));
    assert_eq!(hand.server.statistics().arguments_lost, 1000);
    let held = hand.held();
    assert_eq!((held.1, held.2), (0, (0, 0)));
    assert!(held.0 <= before.0 + 1001, "the refusals and the call that runs: {held:?}");
}

#[test]
fn beyond_the_budget_only_the_oldest_goes_on() {
    let config = ServerConfig { maximum_assembly_bytes: 1 << 20, ..Default::default() };
    let mut hand = Hand::new(config);
    let mut peers: Vec<_> = (1..=3).map(|index| hand.open(address(index))).collect();
    let whole = message(2 << 20);
    let first = 200_000;
    for peer in &mut peers[..2] {
        for start in (0..first).step_by(20_000) {
            hand.part(peer, subject(0, 1), &whole, start..start + 20_000);
        }
    }
    // The oldest sends all but its last byte.
    let mut at = first;
    while at < whole.len() - 1 {
        let end = (at + PART).min(whole.len() - 1);
        hand.part(&mut peers[0], subject(0, 1), &whole, at..end);
        at = end;
    }
    let held = hand.server.statistics().assembly_bytes;
    assert!(held <= whole.len() + (1 << 20), "{held}");
    let _ = hand.sent();
    // What the second was granted before is taken; it is granted no more.
    let granted = first + FIRST_LIMIT;
    hand.part(&mut peers[1], subject(0, 1), &whole, first..granted - 400_000 + first);
    let said = hand.arrived(0).unwrap();
    assert_eq!((said.newest, said.limit as usize), (peers[1].number, granted));
    hand.part(&mut peers[1], subject(0, 1), &whole, granted..granted + 1);
    assert_eq!(hand.arrived(0).unwrap().newest, peers[1].number - 1, "it is not taken");
    // A third one is told to come again: it did not run.
    hand.part(&mut peers[2], subject(0, 1), &whole, 0..1000);
    assert_eq!(hand.verdict().0, VerdictCode::Busy);
    // The oldest is whole, and is charged until it runs.
    hand.part(&mut peers[0], subject(0, 1), &whole, at..at + 1);
    assert!(hand.arrived(0).is_some());
    hand.part(&mut peers[2], subject(0, 2), &whole, 0..1000);
    assert_eq!(hand.verdict().0, VerdictCode::Busy);
    assert_eq!(hand.take().unwrap().body, *whole);
    // The next hears at once that it may go on.
    let limit = hand.arrived(0).unwrap().limit as usize;
    assert!(limit > granted, "{limit}");
    upload(&mut hand, &mut peers[1], subject(0, 1), &whole, first);
    assert_eq!(hand.take().unwrap().body, *whole);
    let held = hand.held();
    assert_eq!((held.1, held.2), (0, (0, 0)));
}

#[test]
fn what_is_sent_unasked_finds_no_room_beyond_the_budget_either() {
    let config = ServerConfig { maximum_assembly_bytes: 1 << 20, ..Default::default() };
    let mut hand = Hand::new(config);
    let mut peers: Vec<_> = (1..=20).map(|index| hand.open(address(index))).collect();
    let whole = message(FIRST_LIMIT);
    for peer in &mut peers {
        hand.part(peer, subject(0, 1), &whole, 0..1000);
    }
    let _ = hand.sent();
    for peer in &mut peers {
        for start in (1000..FIRST_LIMIT - 40_000).step_by(40_000) {
            hand.part(peer, subject(0, 1), &whole, start..start + 40_000);
        }
    }
    let held = hand.server.statistics().assembly_bytes;
    assert!((900_000..1_200_000).contains(&held), "{held}");
    upload(&mut hand, &mut peers[0], subject(0, 1), &whole, 0);
    assert_eq!(hand.take().unwrap().body, *whole, "the oldest always goes on");
    // The last one's parts count as lost, so that they are sent again later.
    let said = hand.sent().into_iter().filter(|sent| sent.to == address(20));
    let newest = said.flat_map(|sent| sent.frames).find_map(|frame| match frame.answer {
        ServerAnswer::Arrived(arrived) => Some(arrived.newest),
        _ => None,
    });
    assert_eq!(newest, Some(1));
    hand.pass(Duration::from_secs(20));
    assert_eq!(hand.server.statistics().assembly_bytes, 0);
}

#[test]
fn a_session_has_a_budget_of_its_own() {
    let config = ServerConfig { maximum_assembly_bytes_per_session: 1 << 20, ..Default::default() };
    let mut hand = Hand::new(config);
    let (mut greedy, mut other) = (hand.open(address(1)), hand.open(address(2)));
    let whole = message(4 << 20);
    for lane in 0..8 {
        for start in (0..200_000).step_by(20_000) {
            hand.part(
                &mut greedy,
                subject(lane, 1 + u64::from(lane)),
                &whole,
                start..start + 20_000,
            );
        }
    }
    let limits: Vec<_> = hand
        .answers()
        .into_iter()
        .filter_map(|(subject, answer)| match answer {
            ServerAnswer::Arrived(arrived) => Some((subject.lane, arrived.limit as usize)),
            _ => None,
        })
        .collect();
    assert_eq!(limits.len(), 8);
    let granted = limits.iter().filter(|(_, limit)| *limit > FIRST_LIMIT).count();
    assert!((1..=2).contains(&granted), "{limits:?}");
    assert!(limits.iter().all(|(_, limit)| *limit >= FIRST_LIMIT));
    upload(&mut hand, &mut greedy, subject(0, 1), &whole, 200_000);
    assert_eq!(hand.take().unwrap().body, *whole, "its oldest goes on");
    upload(&mut hand, &mut other, subject(0, 1), &whole, 0);
    assert_eq!(hand.take().unwrap().body, *whole, "and so does another session");
}

#[test]
fn whoever_ends_a_call_frees_its_bytes() {
    let whole = message(9000);
    type End = fn(&mut Hand, &mut Peer);
    let ends: [(&str, End); 4] = [
        ("fence", |hand, peer| {
            let cause = frame::FenceCause::Cancelled;
            hand.send(*peer, |out| frame::write_fence(out, subject(0, 1), cause));
            assert_eq!(hand.verdict().0, VerdictCode::Fenced);
            hand.part(peer, subject(0, 1), &message(9000), 3000..9000);
            assert_eq!(hand.verdict().0, VerdictCode::Fenced);
        }),
        ("another number", |hand, peer| {
            hand.send(*peer, |out| frame::write_probe(out, subject(1, 2)));
            hand.send(*peer, |out| frame::write_request(out, subject(0, 3), &REQUEST, b"x"));
            hand.part(peer, subject(0, 1), &message(9000), 3000..9000);
            let ready = hand.take().unwrap();
            assert_eq!(ready.body, "x");
            hand.server.complete(ready.token, result(b"y"));
            hand.send(*peer, |out| frame::write_acknowledge(out, subject(0, 3)));
        }),
        ("the lane's next large call", |hand, peer| {
            let next = message(5000);
            hand.part(peer, subject(0, 2), &next, 0..2000);
            hand.part(peer, subject(0, 1), &message(9000), 3000..9000);
            hand.part(peer, subject(0, 2), &next, 2000..5000);
            let ready = hand.take().unwrap();
            assert_eq!(ready.body, *next);
            hand.server.complete(ready.token, result(b"y"));
            hand.send(*peer, |out| frame::write_acknowledge(out, subject(0, 2)));
        }),
        ("shutdown", |hand, _| {
            hand.server.begin_shutdown();
            assert_eq!(hand.verdict().0, VerdictCode::ShuttingDown);
        }),
    ];
    for (name, end) in ends {
        let (mut hand, mut peer) = hand();
        let before = hand.held();
        hand.part(&mut peer, subject(0, 1), &whole, 0..3000);
        assert_ne!(hand.held(), before);
        end(&mut hand, &mut peer);
        assert!(hand.take().is_none(), "{name}");
        hand.pass(ANSWER_DELAY);
        assert_eq!(hand.held(), before, "{name}");
        // It can expire: nothing of it counts as unfinished.
        hand.pass(Duration::from_secs(600));
        assert_eq!(hand.server.statistics().sessions, 0, "{name}");
    }
}

#[test]
fn a_session_that_is_closed_leaves_nothing() {
    let (mut hand, mut peer) = hand();
    for lane in 0..50 {
        hand.part(&mut peer, subject(lane, 1 + u64::from(lane)), &message(9000), 0..3000);
    }
    // One of them waits to be run.
    upload(&mut hand, &mut peer, subject(60, 90), &message(9000), 0);
    let _ = hand.sent();
    assert!(hand.server.statistics().assembly_bytes > 50 * 3000);
    hand.send(peer, frame::write_close);
    let held = hand.held();
    assert_eq!((held.1, held.2, held.3), (0, (0, 0), 0));
    assert!(hand.take().is_none());
    hand.pass(Duration::from_secs(600));
    assert_eq!(hand.held().0, 0);
}

#[test]
fn a_session_with_arguments_on_their_way_does_not_expire_before_they_are_given_up() {
    let config = ServerConfig {
        lease: Duration::from_secs(2),
        assembly_patience: Duration::from_secs(60),
        ..Default::default()
    };
    let mut hand = Hand::new(config);
    let mut peer = hand.open(address(1));
    hand.part(&mut peer, subject(0, 1), &message(9000), 0..3000);
    hand.pass(Duration::from_secs(59));
    assert_eq!(hand.server.statistics().sessions, 1);
    hand.pass(Duration::from_secs(5));
    assert_eq!(hand.server.statistics().sessions, 0);
    assert_eq!(hand.held(), (0, 0, (0, 0), 0));
}

#[test]
fn a_server_that_is_busy_or_ends_says_so_at_the_first_part() {
    let whole = message(9000);
    let config = ServerConfig { maximum_queued_calls: 1, ..Default::default() };
    let mut hand = Hand::new(config);
    let mut peer = hand.open(address(1));
    hand.send(peer, |out| frame::write_request(out, subject(5, 1), &REQUEST, b"x"));
    hand.part(&mut peer, subject(0, 2), &whole, 0..1000);
    assert_eq!(hand.verdict().0, VerdictCode::Busy);
    hand.part(&mut peer, subject(0, 2), &whole, 1000..2000);
    assert_eq!(hand.verdict().0, VerdictCode::Busy, "it is recorded");
    hand.server.begin_shutdown();
    hand.part(&mut peer, subject(0, 3), &whole, 0..1000);
    assert_eq!(hand.verdict().0, VerdictCode::ShuttingDown);
    assert_eq!(hand.held().1, 0);
}

#[test]
fn a_question_or_a_copy_is_answered_with_what_has_arrived() {
    let (mut hand, mut peer) = hand();
    let whole = message(9000);
    hand.part(&mut peer, subject(0, 1), &whole, 0..3000);
    let _ = hand.sent();
    // A probe of the call, a question, and one about a call that has not begun.
    hand.send(peer, |out| frame::write_probe(out, subject(0, 1)));
    assert!(matches!(&hand.answers()[..], [(_, ServerAnswer::Arrived(a))] if a.newest == 1));
    hand.send(peer, |out| frame::write_question(out, Role::Client, subject(0, 1), 7, 30_000));
    assert!(matches!(&hand.answers()[..], [(_, ServerAnswer::Arrived(a))]
            if a.newest == 7 && a.limit == 9000));
    hand.send(peer, |out| frame::write_question(out, Role::Client, subject(4, 9), 8, 0));
    assert!(matches!(&hand.answers()[..], [(Subject { lane: 4, .. }, ServerAnswer::Arrived(a))]
            if a.newest == 8 && a.limit as usize == FIRST_LIMIT));
    assert!(hand.take().is_none());
    // However many parts come together, one answer tells of all.
    for start in (3000..8000).step_by(10) {
        hand.part(&mut peer, subject(0, 1), &whole, start..start + 10);
    }
    assert_eq!(hand.answers().len(), 1);
}

#[test]
fn parts_of_lanes_that_do_not_exist_and_of_strangers_change_nothing() {
    let (mut hand, mut peer) = hand();
    let before = hand.held();
    let whole = message(9000);
    hand.part(&mut peer, subject(128, 1), &whole, 0..3000);
    hand.send(peer, |out| frame::write_question(out, Role::Client, subject(4000, 1), 8, 0));
    assert_eq!(hand.answers(), []);
    assert_eq!(hand.server.statistics().misuses, 2);
    assert_eq!(hand.held(), before);
    // Another address, and a session that does not exist.
    let mut stranger = Peer { address: address(9), ..peer };
    hand.part(&mut stranger, subject(0, 1), &whole, 0..3000);
    let mut nobody = Peer { session: peer.session ^ 1, ..peer };
    hand.part(&mut nobody, subject(0, 1), &whole, 0..3000);
    assert_eq!(hand.held(), before);
    let dropped = |reason| hand.server.statistics().received.dropped(reason);
    assert_eq!(dropped(DropReason::UnprovenAddress), 1);
    assert_eq!(dropped(DropReason::UnknownSession), 1);
    // A part of the lane of one-way calls is no frame.
    hand.part(&mut peer, subject(frame::ONEWAY_LANE, 1), &whole, 0..3000);
    assert_eq!(hand.server.statistics().received.dropped(DropReason::Malformed), 1);
}

#[test]
fn the_last_number_that_there_is_harms_nobody() {
    let (mut hand, mut peer) = hand();
    let whole = message(9000);
    for (number, range) in [(u64::MAX, 0..3000), (1, 3000..6000), (u64::MAX, 6000..8000)] {
        peer.number = number - 1;
        hand.part(&mut peer, subject(0, 1), &whole, range);
    }
    for number in [u64::MAX, u64::MAX - 1, 2] {
        let call = subject(0, 1);
        hand.send(peer, |out| frame::write_question(out, Role::Client, call, number, 0));
    }
    assert_eq!(hand.arrived(0).map(|it| it.newest), Some(u64::MAX));
    peer.number = 2;
    hand.part(&mut peer, subject(0, 1), &whole, 8000..9000);
    assert!(hand.take().is_some());
}

#[test]
fn a_part_of_a_call_that_is_over_need_not_be_sent_again() {
    let (mut hand, mut peer) = hand();
    let whole = message(2000);
    hand.run(peer, subject(0, 5), Bytes::new());
    hand.send(peer, |out| frame::write_acknowledge(out, subject(0, 5)));
    let _ = hand.sent();
    for sequence in [4, 5] {
        hand.part(&mut peer, subject(0, sequence), &whole, 0..1000);
        let said = hand.arrived(0).unwrap();
        assert_eq!((said.newest, said.limit), (peer.number, u32::MAX));
    }
    assert_eq!(hand.server.statistics().assembly_bytes, 0);
    hand.send(peer, |out| frame::write_fence(out, subject(0, 4), frame::FenceCause::Deadline));
    let superseded = ServerAnswer::Superseded;
    assert!(hand.answers().iter().any(|(_, answer)| *answer == superseded));
}

#[test]
fn garbage_in_parts_keeps_every_account_right() {
    let config = ServerConfig {
        maximum_assembly_bytes: 400_000,
        maximum_assembly_bytes_per_session: 200_000,
        window: 8,
        ..Default::default()
    };
    let mut random = fastrand::Rng::with_seed(8);
    let mut hand = Hand::new(config);
    let mut peers: Vec<_> = (1..=4).map(|index| hand.open(address(index))).collect();
    let messages: Vec<_> = [1, 500, 3000, 70_000, 400_000].map(message).into();
    let mut executed = 0;
    for _ in 0..30_000 {
        let index = random.usize(0..4);
        let peer = &mut peers[index];
        let call = subject(random.u16(0..9), random.u64(1..6));
        let whole = &messages[random.usize(0..5)];
        let start = random.usize(0..whole.len());
        let end = (start + random.usize(1..20_000)).min(whole.len());
        match random.u8(0..40) {
            0 => hand.send(*peer, |out| {
                frame::write_fence(out, call, frame::FenceCause::Deadline);
            }),
            1 => hand.send(*peer, |out| frame::write_acknowledge(out, call)),
            2 => hand.send(*peer, |out| frame::write_probe(out, call)),
            3 => {
                let _ = hand.pass(Duration::from_millis(random.u64(0..4000)));
            }
            4 => {
                if let Some(ready) = hand.take() {
                    assert!(messages.iter().any(|whole| **whole == ready.body));
                    executed += 1;
                    hand.server.complete(ready.token, Finished::Reply(ready.body.into()));
                }
            }
            5 if random.u8(0..4) == 0 => {
                hand.send(*peer, frame::write_close);
                let _ = hand.sent();
                peers[index] = hand.open(address(index as u32 + 1));
            }
            6 => {
                let said = Part { length: random.u32(1..), ..described(whole, start) };
                if u64::from(said.offset) + (end - start) as u64 <= said.length.into() {
                    hand.send_part(peer, call, &REQUEST, &said, &whole[start..end]);
                }
            }
            _ => hand.part(peer, call, whole, start..end),
        }
        let (all, sessions) = hand.server.charged();
        assert_eq!(all, sessions);
        assert!(hand.server.statistics().assembly_bytes <= all);
        assert!(all < 400_000 + 2 * 400_000, "{all}");
    }
    assert!(executed > 20, "{executed}");
    for peer in peers {
        hand.send(peer, frame::write_close);
    }
    while let Some(ready) = hand.take() {
        hand.server.complete(ready.token, Finished::Nothing);
    }
    hand.pass(Duration::from_secs(600));
    assert_eq!(hand.held(), (0, 0, (0, 0), 0));
}
