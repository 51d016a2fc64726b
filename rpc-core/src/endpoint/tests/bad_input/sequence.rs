//! E4 and the server's side of E7: numbers, lanes, copies, and frames about calls.

use super::*;

use self::Expect::{Answered, Dropped, Ignored};

fn is_working(sent: &Sent) -> bool {
    matches!(&sent.frames[..], [only] if matches!(only.answer, ServerAnswer::Working(_)))
}

fn is_plain(sent: &Sent, answer: &ServerAnswer) -> bool {
    matches!(&sent.frames[..], [only] if only.answer == *answer)
}

fn at(peer: &Peer, lane: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    of_client(peer.session, |out| {
        frame::write_request(out, subject(lane, sequence), &REQUEST, body);
    })
}

fn numbers(stage: &mut Stage) -> Vec<Item> {
    let peer = stage.honest[0];
    let from = peer.address;
    let mut zero = request(&peer, FRESH);
    zero.truncate(zero.len() - integrity::LENGTH);
    zero[HEADER_LENGTH + 8..HEADER_LENGTH + 16].fill(0);
    integrity::seal(&mut zero, 0);
    let body = arguments(&peer, DONE);
    let other_method = of_client(peer.session, |out| {
        let request = frame::Request { method: LOOKUP, ..REQUEST };
        frame::write_request(out, subject(DONE, NUMBER), &request, &body);
    });
    let misuse = |sent: &Sent| is_verdict(sent, VerdictCode::Misuse);
    vec![
        item("55: number 0", from, zero, Dropped(DropReason::Malformed)),
        item("56: below", from, at(&peer, DONE, NUMBER - 1, NEVER), Ignored),
        item("57: far below", from, at(&peer, RUNNING, 1, NEVER), Ignored),
        item("59: no such lane", from, at(&peer, 16, NUMBER, NEVER), Ignored),
        item("59: the largest", from, at(&peer, 0xfffe, NUMBER, NEVER), Ignored),
        item("61: copy, queued", from, request(&peer, QUEUED), Answered(is_working)),
        item("62: copy, running", from, request(&peer, RUNNING), Answered(is_working)),
        item(
            "33, 63: copy, done",
            from,
            request(&peer, DONE),
            Answered(
                |sent| matches!(&sent.frames[..], [only] if matches!(only.answer, ServerAnswer::Reply(..))),
            ),
        ),
        item("64: copy, freed", from, request(&peer, FREED), Ignored),
        item("65: other arguments", from, at(&peer, DONE, NUMBER, NEVER), Answered(misuse)),
        item("65: of a running call", from, at(&peer, RUNNING, NUMBER, NEVER), Answered(misuse)),
        item("67: other method", from, other_method, Answered(misuse)),
        item(
            "72: request after FENCE",
            from,
            request(&peer, FENCED),
            Answered(|sent| is_verdict(sent, VerdictCode::Fenced)),
        ),
    ]
}

fn about_calls(stage: &mut Stage) -> Vec<Item> {
    let peer = stage.honest[0];
    let from = peer.address;
    let acknowledge = |lane, sequence| {
        of_client(peer.session, |out| frame::write_acknowledge(out, subject(lane, sequence)))
    };
    let probe = |lane, sequence| {
        of_client(peer.session, |out| frame::write_probe(out, subject(lane, sequence)))
    };
    let fence = |lane, sequence| {
        let cause = frame::FenceCause::Cancelled;
        of_client(peer.session, |out| frame::write_fence(out, subject(lane, sequence), cause))
    };
    let arrived = |lane, newest| {
        let fields = (newest, 0, u32::MAX);
        of_client(peer.session, |out| {
            frame::write_arrived(out, Role::Client, subject(lane, NUMBER), fields, &[0xff; 128]);
        })
    };
    vec![
        item("92: ack beyond", from, acknowledge(DONE, NUMBER + 1), Ignored),
        item("92: ack, largest", from, acknowledge(DONE, u64::MAX), Ignored),
        item("92: ack, running", from, acknowledge(RUNNING, NUMBER), Ignored),
        item("92: ack, queued", from, acknowledge(QUEUED, NUMBER), Ignored),
        item("92: ack, no lane", from, acknowledge(999, 1), Ignored),
        item(
            "92: ack going back",
            from,
            acknowledge(DONE, NUMBER - 1),
            Answered(|sent| is_plain(sent, &ServerAnswer::Acknowledged)),
        ),
        item(
            "92: probe, unknown",
            from,
            probe(FRESH, NUMBER),
            Answered(|sent| is_plain(sent, &ServerAnswer::Unseen)),
        ),
        item("92: probe, below", from, probe(DONE, 1), Ignored),
        item("92: probe, no lane", from, probe(500, 1), Ignored),
        item(
            "92: cancel, finished",
            from,
            fence(DONE, NUMBER),
            Answered(
                |sent| matches!(&sent.frames[..], [only] if matches!(only.answer, ServerAnswer::Reply(..))),
            ),
        ),
        item(
            "92: cancel, running",
            from,
            fence(RUNNING, NUMBER),
            Answered(|sent| is_plain(sent, &ServerAnswer::Running)),
        ),
        item(
            "92: cancel, below",
            from,
            fence(DONE, 1),
            Answered(|sent| is_plain(sent, &ServerAnswer::Superseded)),
        ),
        item("92: cancel, no lane", from, fence(999, 1), Ignored),
        item("92: arrived, nothing sent", from, arrived(DONE, u64::MAX), Ignored),
        item("92: arrived, no lane", from, arrived(999, 1), Ignored),
    ]
}

#[test]
fn a_number_counts_once() {
    inject_each(numbers);
}

#[test]
fn what_is_said_about_a_call_changes_no_other_and_takes_no_reply_away() {
    inject_each(about_calls);
}

/// The largest number, and cancellations of calls that were never made, use up the enemy's own lanes.
#[test]
fn absurd_numbers_hurt_their_own_session_only() {
    let mut stage = Stage::new();
    let enemy = stage.enemy;
    stage.hand.receive(enemy.address, at(&enemy, 0, u64::MAX, b"the last"));
    stage.hand.receive(enemy.address, at(&enemy, 0, 1, NEVER));
    for lane in 1..16 {
        let cause = frame::FenceCause::Deadline;
        stage.hand.send(enemy, |out| frame::write_fence(out, subject(lane, u64::MAX), cause));
        stage.hand.receive(enemy.address, at(&enemy, lane, 7, NEVER));
        stage.hand.receive(enemy.address, at(&enemy, lane, u64::MAX, NEVER));
    }
    stage.run_all();
    assert_eq!((stage.times(b"the last"), stage.times(NEVER)), (1, 0));
    stage.nothing_is_lost();
}

/// Items 58 and 69: within the window the order does not matter; on one lane the highest number counts.
#[test]
fn requests_out_of_order_run_once_each() {
    let mut stage = Stage::new();
    let enemy = stage.enemy;
    for (lane, sequence) in [(15, 103), (13, 101), (14, 102), (7, 106), (7, 104), (7, 105)] {
        let body = sequence.to_string();
        stage.hand.receive(enemy.address, at(&enemy, lane, sequence, body.as_bytes()));
    }
    stage.run_all();
    let times = (101_u64..=106).map(|number| stage.times(number.to_string().as_bytes()));
    assert_eq!(times.collect::<Vec<_>>(), [1, 1, 1, 0, 0, 1]);
    stage.nothing_is_lost();
}

/// Item 73.
#[test]
fn a_request_after_busy_is_refused_again() {
    let config = ServerConfig { maximum_queued_calls: 1, ..ServerConfig::default() };
    let mut hand = Hand::new(config);
    let peer = hand.open(address(1));
    hand.receive(peer.address, at(&peer, 0, 1, b"first"));
    for _ in 0..2 {
        hand.receive(peer.address, at(&peer, 1, 2, b"second"));
        assert_eq!(hand.verdict().0, VerdictCode::Busy);
        while let Some(ready) = hand.take() {
            assert_eq!(ready.body, "first");
            hand.server.complete(ready.token, result(b"y"));
        }
        let _ = hand.sent();
    }
}
