//! The server's window and the client's lanes against models that remember everything.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::input::Input;
use crate::endpoint::client::CallKey;
use crate::endpoint::client::lanes::Lanes;
use crate::endpoint::server::window::{LaneState, OnewayWindow, Position, Window};
use crate::time::Timestamp;

/// The first byte says which of them.
///
/// # Panics
/// If one differs from its model.
pub fn window(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(3) {
        0 => lanes_of_a_server(&mut input),
        1 => oneway(&mut input),
        _ => lanes_of_a_client(&mut input),
    }
}

/// Every number that a lane has seen is known for ever: a number runs once, and only if it is higher
/// than all before it.
fn lanes_of_a_server(input: &mut Input<'_>) {
    let size = u16::from(input.u8()) + 1;
    let mut window = Window::new(size);
    let mut seen: BTreeMap<u16, BTreeSet<u64>> = BTreeMap::new();
    let mut states: BTreeMap<u16, LaneState> = BTreeMap::new();
    while !input.is_empty() {
        let lane = u16::from(input.u8()) | u16::from(input.u8() & 1) << 8;
        let highest = seen.get(&lane).and_then(|seen| seen.last().copied()).unwrap_or(0);
        let sequence = match input.u8() {
            near @ 0..=0x7F => highest.saturating_add(u64::from(near)).saturating_sub(64).max(1),
            _ => input.number().max(1),
        };
        let state = input.pick(&[LaneState::Recorded(7), LaneState::NotKept, LaneState::Freed]);
        let found = window.lane(lane);
        assert_eq!(found.is_some(), lane < size);
        let Some(found) = found else { continue };
        let known = seen.entry(lane).or_default();
        let expected = match known.last() {
            Some(&last) if last == sequence => Position::Duplicate,
            Some(&last) if last > sequence => Position::Stale,
            _ => Position::New,
        };
        assert_eq!(found.position(sequence), expected, "{sequence} after {highest}");
        if expected == Position::New {
            assert!(known.insert(sequence), "a number that was seen is new");
            let before = states.insert(lane, state).unwrap_or(LaneState::Empty);
            assert_eq!(found.advance(sequence, state), before);
        }
    }
    for (index, lane) in window.lanes().enumerate() {
        let known = seen.get(&(index as u16)).and_then(|seen| seen.last().copied());
        assert_eq!(lane.sequence, known.unwrap_or(0));
    }
}

/// The lane of one-way calls: a number runs at most once, and always if it is less than 64 below the
/// highest.
fn oneway(input: &mut Input<'_>) {
    let mut window = OnewayWindow::default();
    let mut seen = BTreeSet::new();
    while !input.is_empty() {
        let highest: u64 = seen.last().copied().unwrap_or(0);
        let sequence = match input.u8() {
            near @ 0..=0xBF => highest.saturating_add(u64::from(near)).saturating_sub(96).max(1),
            _ => input.number().max(1),
        };
        let is_too_old = highest.saturating_sub(sequence) >= 64;
        let may_run = window.mark(sequence);
        assert_eq!(may_run, !is_too_old && !seen.contains(&sequence), "{sequence} of {highest}");
        if may_run {
            seen.insert(sequence);
        }
    }
}

/// What is known of one of the client's lanes.
#[derive(Clone, Default)]
struct ModelLane {
    occupant: Option<CallKey>,
    reply: Option<(u64, Timestamp)>,
}

fn lanes_of_a_client(input: &mut Input<'_>) {
    const INTERVAL: Duration = Duration::from_nanos(10);
    let size = u16::from(input.u8() % 8) + 1;
    let mut lanes = Lanes::new(size);
    let mut model = vec![ModelLane::default(); usize::from(size)];
    let mut free: Vec<u16> = (0..size).rev().collect();
    let mut riding: VecDeque<(u16, u64)> = VecDeque::new();
    let (mut calls, mut now) = (0, Timestamp::ZERO);
    while !input.is_empty() {
        let (what, lane) = (input.below(7), u16::from(input.u8() % 10));
        let sequence = u64::from(input.u8() % 4);
        let entry = model.get_mut(usize::from(lane));
        match what {
            0 => {
                calls += 1;
                let key = CallKey { index: calls, generation: 0 };
                let expected = free.pop();
                assert_eq!(lanes.take(key), expected, "the one that was used last");
                if let Some(lane) = expected {
                    model[usize::from(lane)] = ModelLane { occupant: Some(key), reply: None };
                }
            }
            1 => {
                lanes.release(lane);
                if entry.is_some_and(|entry| entry.occupant.take().is_some()) {
                    free.push(lane);
                }
            }
            2 => {
                lanes.on_reply(lane, sequence, now);
                // An old copy of an earlier reply is no news.
                if let Some(entry) = entry
                    && entry.reply.is_none_or(|(newest, _)| newest <= sequence)
                {
                    entry.reply = Some((sequence, now));
                }
            }
            3 => {
                lanes.on_acknowledged(lane, sequence);
                if let Some(entry) = entry.filter(|it| it.reply.is_some_and(|it| it.0 == sequence))
                {
                    entry.reply = None;
                }
            }
            4 => {
                lanes.let_ride(lane, sequence);
                riding.push_back((lane, sequence));
            }
            5 => {
                let found = lanes.next_rider(now, INTERVAL);
                check_rider(found, &mut model, &mut riding, now, INTERVAL);
            }
            _ => now = now + Duration::from_nanos(input.u8().into()),
        }
        assert_eq!(lanes.are_free(), free.len() == model.len());
        assert_eq!(lanes.occupants().count() + free.len(), model.len(), "a lane is free or taken");
        for (lane, entry) in model.iter().enumerate() {
            assert_eq!(lanes.occupant(lane as u16), entry.occupant);
        }
        let stored: Vec<_> = lanes.replies().map(|(lane, it)| (lane, it.sequence)).collect();
        let replies = model.iter().enumerate();
        let replies = replies.filter_map(|(lane, it)| Some((lane as u16, it.reply?.0)));
        assert_eq!(stored, replies.collect::<Vec<_>>());
    }
}

/// An acknowledgement that rides is one of a reply that is stored, and is not repeated before its time.
fn check_rider(
    found: Option<(u16, u64)>,
    model: &mut [ModelLane],
    riding: &mut VecDeque<(u16, u64)>,
    now: Timestamp,
    interval: Duration,
) {
    let Some((lane, sequence)) = found else { return };
    let reply = model[usize::from(lane)].reply.as_mut().expect("it is stored");
    assert!(reply.0 == sequence && reply.1 <= now, "{reply:?} at {now:?}");
    assert!(riding.contains(&(lane, sequence)), "it was to ride");
    reply.1 = now + interval;
}
