//! Messages from parts, sets of offsets, and the numbers that have arrived, against models that keep
//! every byte and every number by itself.

use core::ops::Range;
use core::time::Duration;
use std::collections::BTreeSet;

use super::input::Input;
use crate::time::Timestamp;
use crate::transfer::ranges::Ranges;
use crate::transfer::{Added, Assembly, Received};

/// The first byte says which of them.
///
/// # Panics
/// If one differs from its model.
pub fn reassembly(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(3) {
        0 => assembly(&mut input),
        1 => ranges(&mut input),
        _ => received(&mut input),
    }
}

/// A message and what its byte at `index` is.
fn truth(index: usize) -> u8 {
    (index / 251).wrapping_add(index.wrapping_mul(7)) as u8
}

fn assembly(input: &mut Input<'_>) {
    let length = input.number().min(1 << 30) as usize;
    let reach = length.min(8192);
    let mut assembly = Assembly::new(length);
    let mut model: Vec<Option<u8>> = vec![None; reach];
    let mut limit = reach;
    let mut is_contradicted = false;
    while !input.is_empty() {
        let how = input.u8();
        let offset = if how & 1 == 0 { usize::from(input.u16()) } else { input.number() as usize };
        let size = usize::from(input.u8()) << (how >> 1 & 3);
        let mut part: Vec<u8> = (0..size).map(|at| truth(offset.wrapping_add(at))).collect();
        if how & 0x18 == 0x18 && size > 0 {
            let at = usize::from(input.u8()) % size;
            part[at] ^= 1;
        }
        if how & 0xE0 == 0xE0 {
            limit = (usize::from(input.u16()) + 1).min(reach).max(limit / 2);
        }
        let found = assembly.add(offset, &part, limit);
        let expected = add(&mut model, offset, &part, limit);
        assert_eq!(found, expected, "{size} bytes at {offset} of {length}, {limit} allowed");
        if found == Added::Contradiction {
            // Its owner gives the message up.
            is_contradicted = true;
            break;
        }
        compare(&assembly, &model, length);
    }
    let is_whole = model.len() == length && model.iter().all(Option::is_some);
    assert_eq!(assembly.is_complete(), is_whole);
    if is_whole && !is_contradicted {
        let whole: Vec<u8> = model.into_iter().flatten().collect();
        assert_eq!(assembly.into_message(), whole);
    }
}

/// What the model makes of a part.
fn add(model: &mut [Option<u8>], offset: usize, part: &[u8], limit: usize) -> Added {
    let end = offset.checked_add(part.len());
    let Some(end) = end.filter(|&end| end <= limit.min(model.len())) else { return Added::Beyond };
    let places = &mut model[offset..end];
    if places.iter().zip(part).any(|(place, byte)| place.is_some_and(|known| known != *byte)) {
        return Added::Contradiction;
    }
    let new = places.iter().filter(|place| place.is_none()).count();
    places.iter_mut().zip(part).for_each(|(place, byte)| *place = Some(*byte));
    if new == 0 { Added::Known } else { Added::New(new) }
}

fn compare(assembly: &Assembly, model: &[Option<u8>], length: usize) {
    let prefix = model.iter().take_while(|place| place.is_some()).count();
    let furthest = model.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    assert_eq!(assembly.length(), length);
    assert_eq!(assembly.prefix(), prefix);
    assert_eq!(assembly.arrived(), model.iter().flatten().count());
    let start = prefix / 2;
    let in_order: Vec<u8> = model[start..prefix].iter().copied().flatten().collect();
    assert_eq!(assembly.in_order(start), in_order);
    // Memory follows what has arrived, never what is declared.
    let bound = furthest + (furthest / 2).max(4096);
    assert!(assembly.allocated() <= bound, "{} for {furthest}", assembly.allocated());
}

fn ranges(input: &mut Input<'_>) {
    let mut ranges = Ranges::default();
    let mut model = [false; 1024];
    while !input.is_empty() {
        let (how, range) = (input.u8(), range(input));
        if how & 1 == 0 {
            ranges.insert(range.clone());
            model[range].fill(true);
        } else {
            ranges.remove(range.clone());
            model[range].fill(false);
        }
        let asked = self::range(input);
        let runs = |wanted: bool, within: Range<usize>| {
            let mut runs: Vec<Range<usize>> = Vec::new();
            for index in within.filter(|&index| model[index] == wanted) {
                match runs.last_mut().filter(|run| run.end == index) {
                    Some(run) => run.end += 1,
                    None => runs.push(index..index + 1),
                }
            }
            runs
        };
        let all = runs(true, 0..model.len());
        // An empty part says nothing.
        let common: Vec<_> = ranges.common(asked.clone()).filter(|it| !it.is_empty()).collect();
        assert_eq!(common, runs(true, asked.clone()));
        assert_eq!(ranges.missing(asked.clone()), runs(false, asked));
        assert_eq!((ranges.count(), ranges.is_empty()), (all.len(), all.is_empty()));
        assert_eq!(ranges.first(), all.first().cloned());
        let prefix = model.iter().position(|is_in| !is_in).unwrap_or(model.len());
        assert_eq!(ranges.prefix(), prefix);
    }
}

/// A range that is not beyond the model.
fn range(input: &mut Input<'_>) -> Range<usize> {
    let start = usize::from(input.u16()) % 1000;
    start..start + usize::from(input.u8() % 25)
}

fn received(input: &mut Input<'_>) {
    /// How far back numbers are told, and always are.
    const HISTORY: u64 = 1024;
    const ALWAYS_TOLD: u64 = 512;
    let mut received = Received::default();
    let mut model = BTreeSet::new();
    let mut unanswered = 0;
    let mut has_surprise = false;
    while !input.is_empty() {
        let newest: u64 = model.last().copied().unwrap_or(0);
        let number = match input.u8() {
            step @ 0..=0x7F => newest.saturating_add(u64::from(step) + 1),
            back @ 0x80..=0xBF => newest.saturating_sub(u64::from(back & 0x3F)).max(1),
            0xC0..=0xDF => newest.saturating_sub(input.u16().into()).max(1),
            0xE0..=0xEF => input.number().max(1),
            _ => {
                check_told(&mut received, &model, HISTORY, ALWAYS_TOLD);
                (unanswered, has_surprise) = (0, false);
                continue;
            }
        };
        unanswered += 1;
        has_surprise |= number - 1 != newest;
        let is_told = number > newest || newest - number <= HISTORY;
        let is_new = received.note(Timestamp::ZERO, number);
        assert_eq!(is_new, is_told && model.insert(number), "{number} after {newest}");
        assert_eq!(received.wants_answer(), unanswered >= 2 || has_surprise);
    }
    check_told(&mut received, &model, HISTORY, ALWAYS_TOLD);
}

fn check_told(received: &mut Received, model: &BTreeSet<u64>, history: u64, always: u64) {
    let mut bits = [0; 128];
    let told = received.acknowledge(Timestamp::from_nanos(5), &mut bits);
    let newest = model.last().copied().unwrap_or(0);
    assert_eq!(told.newest, newest);
    assert!(newest == 0 || told.held == Duration::from_nanos(5));
    let oldest = newest.saturating_sub(history).max(1);
    let mut is_complete = true;
    for number in oldest..=newest {
        let has_arrived = model.contains(&number);
        is_complete &= has_arrived;
        // What lies far back is not repeated if nothing is missing there.
        let may_be_left_out = is_complete && number + always < newest;
        assert!(
            told.contains(number) == has_arrived || may_be_left_out && !told.contains(number),
            "{number} of {newest}"
        );
    }
    assert!(!told.contains(newest.saturating_add(1)) || newest == u64::MAX);
}
