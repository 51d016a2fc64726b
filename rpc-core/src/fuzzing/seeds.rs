//! First inputs for the targets, from runs of the simulator: every kind of datagram, parts, copies, restarts.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::simulator::run;
use crate::sim::{Choices, What};
use crate::wire::frame::PREFIX_LENGTH;
use crate::wire::{HEADER_LENGTH, Kind, integrity};

/// How many runs the seeds are from, and how many inputs a target gets from them at most.
const RUNS: u64 = 12;
const MOST: usize = 40;
/// The longest input, and the longest datagram in it.
const LONGEST: usize = 4000;

/// A datagram without its checksum, and whether a client sent it.
type Sent = (bool, Bytes);

/// The inputs of each target.
pub fn seeds() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let runs: Vec<Vec<Sent>> = (0..RUNS).map(datagrams).collect();
    vec![
        ("datagram", of_datagram(&runs)),
        ("server", runs.iter().map(|run| of_server(run)).chain([drip(), theft()]).collect()),
        (
            "client",
            runs.iter()
                .map(|run| of_client(run))
                .chain([conversation(), refused_again()])
                .collect(),
        ),
        ("handshake", of_handshake()),
        ("simulator", (0..8).map(noise).collect()),
        ("sender", (8..16).map(noise).collect()),
        ("reassembly", (16..24).map(noise).collect()),
        ("window", (24..32).map(noise).collect()),
        ("arguments", (32..40).map(noise).collect()),
    ]
}

/// What was sent in a run, without checksums.
fn datagrams(seed: u64) -> Vec<Sent> {
    let world = run(Choices::seeded(seed));
    let trace = world.trace();
    let sent = trace.records().filter_map(|record| match &record.what {
        What::Datagram { data, .. } if data.len() > HEADER_LENGTH + integrity::LENGTH => {
            let content = data.slice(..data.len() - integrity::LENGTH);
            Some((content[3] & 0x80 == 0, content))
        }
        _ => None,
    });
    sent.collect()
}

/// One of each kind, and of each frame, first the shortest.
fn of_datagram(runs: &[Vec<Sent>]) -> Vec<Vec<u8>> {
    let mut kinds: BTreeMap<(u8, u8, u8), Bytes> = BTreeMap::new();
    for (_, content) in runs.iter().flatten() {
        let is_frames = content[3] & 0x7F == Kind::Frames as u8;
        let frame = if is_frames { content.get(12..14).unwrap_or(&[0, 0]) } else { &[0, 0] };
        let shortest = kinds.entry((content[3], frame[0], frame[1])).or_insert(content.clone());
        if content.len() < shortest.len() {
            *shortest = content.clone();
        }
    }
    let cut: Vec<_> = kinds.values().filter_map(|content| cut_short(content)).collect();
    let inputs = kinds.into_values().map(|content| {
        let end = content.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let is_padded = content.len() == 1200 - integrity::LENGTH;
        let mut input = vec![if is_padded { content[3] | 0x40 } else { content[3] }, 5];
        let end = if is_padded { end.max(HEADER_LENGTH) } else { content.len() };
        input.extend_from_slice(&content[HEADER_LENGTH..end]);
        input
    });
    inputs.take(2 * MOST).chain(cut).collect()
}

/// The first frame of a datagram, of which half is missing and which says so.
fn cut_short(content: &[u8]) -> Option<Vec<u8>> {
    let is_frames = content[3] & 0x7F == Kind::Frames as u8;
    let (prefix, rest) =
        content[HEADER_LENGTH..].split_first_chunk::<PREFIX_LENGTH>().filter(|_| is_frames)?;
    let half = usize::from(u16::from_be_bytes([prefix[6], prefix[7]]) / 2).min(64);
    let mut input = vec![content[3], 5];
    input.extend_from_slice(prefix);
    input[8..10].copy_from_slice(&(half as u16).to_be_bytes());
    input.extend_from_slice(rest.get(..half)?);
    Some(input)
}

/// A session, and what a client sends in it, with calls that are taken and answered.
fn of_server(run: &[Sent]) -> Vec<u8> {
    let mut input = vec![0, 0, 0, 0];
    let from_client =
        run.iter().filter(|(is_client, content)| *is_client && content[3] == Kind::Frames as u8);
    for (_, content) in from_client {
        if input.len() + content.len() + 16 > LONGEST {
            break;
        }
        give(&mut input, 8, content);
        input.extend_from_slice(&[46, 0, 54, 4, 0, 0, 40, 4, 0]);
    }
    input
}

/// As the answers of a server, after a session was got.
fn of_client(run: &[Sent]) -> Vec<u8> {
    let mut input = conversation();
    let mut seen = BTreeSet::new();
    for (is_client, content) in run {
        let is_new = seen.insert((content[3], content.get(12).copied(), content.get(13).copied()));
        if *is_client || !is_new || input.len() + content.len() + 16 > LONGEST {
            continue;
        }
        input.extend_from_slice(&[0, 0, 0, 0]);
        give(&mut input, 31, content);
        input.push(0);
    }
    input
}

/// A datagram as an input contains it: the session and the checksum are put right.
fn give(input: &mut Vec<u8>, step: u8, content: &[u8]) {
    input.extend_from_slice(&[step, 3]);
    input.extend_from_slice(&(content.len() as u16).to_be_bytes());
    input.extend_from_slice(content);
}

/// A session, a part every four seconds, each a byte further on: it is given up in time.
fn drip() -> Vec<u8> {
    let mut input = vec![0, 0, 0, 0];
    for offset in 0..30 {
        // One frame, a part, lane 0, number 1, attempt 0; an honest one of 40,000 bytes for ever.
        input.extend_from_slice(&[20, 2, 6, 0, 1, 0, 0, 0, 0, 0, 0x9C, 0x3F, 0, offset, 0]);
        input.extend_from_slice(&[40, 7, 0]);
    }
    input
}

/// Handshakes whose cookies others send back.
fn theft() -> Vec<u8> {
    (0..4).flat_map(|thief| [0, 8, 0, 0, thief, 0x40, 8, 0, 0, thief]).collect()
}

/// A client gets a session, makes two calls and has them answered.
fn conversation() -> Vec<u8> {
    let mut input = vec![0, 0, 0, 0, 10, 0, 0, 10, 1, 0, 0, 0, 0, 0];
    for _ in 0..2 {
        input.extend_from_slice(&[10, 0, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0]);
    }
    input
}

/// An idempotent call runs, its reply is not kept, and when it is made again it is refused: it ran.
fn refused_again() -> Vec<u8> {
    let mut input = vec![0, 1, 0, 0, 10, 0, 0, 10, 1, 0, 0, 0, 0, 0];
    // NOT KEPT, and a verdict: the method is unknown.
    input.extend_from_slice(&[10, 0, 15, 0, 0, 10, 0, 4, 1, 0, 0]);
    input
}

/// Everything delivered in order, with something else at one place.
fn of_handshake() -> Vec<Vec<u8>> {
    let disturbances: [&[u8]; 8] = [
        &[],
        &[12],
        &[14, 0, 0, 0, 0],
        &[18, 2],
        &[20, 0, 20, 1, 20, 2],
        &[29, 0],
        &[29, 0x30, 2],
        &[23, 8, 0],
    ];
    let mut inputs = Vec::new();
    for disturbance in disturbances {
        for at in [1, 3, 6] {
            let mut input = vec![0; at];
            input.extend_from_slice(disturbance);
            input.extend_from_slice(&[0, 0, 27, 0, 0, 29, 0xFF, 0, 0]);
            inputs.push(input);
        }
    }
    inputs
}

/// Bytes of which most are small.
fn noise(seed: u64) -> Vec<u8> {
    let mut random = crate::sim::Random::new(seed);
    (0..200).map(|_| (random.below(256) >> random.below(8)) as u8).collect()
}
