//! E5: the parts of large messages.

use super::*;
use crate::wire::part::Part;

use self::Expect::{Answered, Dropped};

/// A part of the message that is arriving, with its own description changed.
fn part(
    stage: &Stage,
    peer: &Peer,
    lane: u16,
    change: impl Fn(&mut Part),
    bytes: &[u8],
) -> Vec<u8> {
    let mut said = by_hand::described(&stage.large, 1000);
    said.number = 50;
    change(&mut said);
    of_client(peer.session, |out| {
        frame::write_request_part(out, subject(lane, NUMBER), &REQUEST, &said, bytes);
    })
}

fn malformed(stage: &mut Stage) -> Vec<Item> {
    let peer = stage.honest[0];
    let from = peer.address;
    let malformed = |name, datagram| item(name, from, datagram, Dropped(DropReason::Malformed));
    let some = [7; 100];
    let lane = ARRIVING;
    vec![
        malformed("75: number 0", part(stage, &peer, lane, |it| it.number = 0, &some)),
        malformed("76: at the end", part(stage, &peer, lane, |it| it.offset = 5000, &some)),
        malformed("76: beyond it", part(stage, &peer, lane, |it| it.offset = u32::MAX, &some)),
        malformed("79: over the end", part(stage, &peer, lane, |it| it.offset = 4901, &some)),
        malformed("79: length 0", part(stage, &peer, lane, |it| it.length = 0, &some)),
        malformed("80: no bytes", part(stage, &peer, lane, |_| {}, &[])),
        malformed("one-way lane", part(stage, &peer, frame::ONEWAY_LANE, |_| {}, &some)),
    ]
}

fn refused(stage: &mut Stage) -> Vec<Item> {
    let enemy = stage.enemy;
    let from = enemy.address;
    let huge = part(stage, &enemy, 1, |it| (it.length, it.offset) = (u32::MAX, 0), &[7; 1000]);
    let other = part(stage, &stage.honest[0], ARRIVING, |it| it.identity ^= 1, &[7; 1000]);
    vec![
        item(
            "77, 78: too large",
            from,
            huge,
            Answered(|sent| is_verdict(sent, VerdictCode::TooLarge)),
        ),
        item(
            "82: another message",
            stage.honest[0].address,
            other,
            Answered(|sent| is_verdict(sent, VerdictCode::Misuse)),
        ),
    ]
}

#[test]
fn a_part_that_is_none_is_dropped() {
    inject_each(malformed);
}

#[test]
fn a_message_that_cannot_be_is_refused_before_memory_is_taken() {
    inject_each(refused);
    let mut stage = Stage::new();
    let before = stage.hand.held();
    for item in refused(&mut stage) {
        stage.inject(item);
    }
    let after = stage.hand.held();
    assert_eq!((after.1, after.2), (before.1, before.2));
}

/// Items 81 and 89: the same part again, while the message arrives and when it is whole.
#[test]
fn a_part_that_comes_again_takes_no_memory() {
    let mut stage = Stage::new();
    let (large, lane) = (stage.large.clone(), subject(ARRIVING, NUMBER));
    let before = stage.hand.held();
    for _ in 0..100 {
        stage.hand.part(&mut stage.honest[0], lane, &large, 0..1000);
    }
    stage.hand.pass(Duration::from_millis(5));
    assert_eq!(stage.hand.held(), before);
    let mut whole = stage.enemy;
    for start in (0..5000).step_by(1000) {
        stage.hand.part(&mut whole, subject(1, 1), &large, start..start + 1000);
    }
    stage.hand.pass(Duration::from_millis(5));
    let before = stage.hand.held();
    for _ in 0..100 {
        stage.hand.part(&mut whole, subject(1, 1), &large, 2000..3000);
    }
    stage.hand.pass(Duration::from_millis(5));
    assert_eq!(stage.hand.held(), before);
    // It is one of the calls with these arguments that is run now.
    stage.run_all();
    assert_eq!(stage.times(&large), 1);
    stage.ran.retain(|body| *body != *large);
    stage.nothing_is_lost();
}

/// Item 84, for each part that may be missing; item 71 for one whose session ends.
#[test]
fn a_message_that_never_becomes_whole_leaves_nothing() {
    let mut stage = Stage::new();
    let large = stage.large.clone();
    let before = stage.hand.held();
    let mut enemy = stage.enemy;
    for missing in 0..5 {
        for start in (0..5000).step_by(1000).filter(|start| start / 1000 != missing) {
            let lane = subject(missing as u16, 1);
            stage.hand.part(&mut enemy, lane, &large, start..start + 1000);
        }
    }
    for (lane, start) in [(6, 0), (7, 4000)] {
        stage.hand.part(&mut enemy, subject(lane, 1), &large, start..start + 1000);
    }
    assert!(stage.hand.held().1 > before.1);
    let mut other = stage.hand.open(address(67));
    stage.hand.part(&mut other, subject(0, 1), &large, 0..4000);
    stage.hand.send(other, frame::write_close);
    stage.hand.part(&mut other, subject(0, 1), &large, 4000..5000);
    assert_eq!(stage.hand.server.statistics().received.dropped(DropReason::UnknownSession), 1);
    // The honest ones go on meanwhile; only they are run.
    for round in 0..4 {
        stage.hand.pass(Duration::from_secs(3));
        for index in 0..stage.honest.len() {
            let range = 1000 * round..1000 * (round + 1);
            let lane = subject(ARRIVING, NUMBER);
            stage.hand.part(&mut stage.honest[index], lane, &large, range);
        }
    }
    stage.run_all();
    assert_eq!(stage.times(&large), 0);
    assert!(stage.hand.held().1 <= before.1, "{:?} after {before:?}", stage.hand.held());
}
