//! What somebody on the path does to a datagram: changes what it says, and makes its checksum right.
//!
//! The checksum finds accidents only, so nothing tells a receiver that such a datagram is not its peer's.
//! The peers of that path have no guarantee about their calls; everybody else keeps all of theirs, and
//! nobody may panic or be made to use memory without a bound.

use core::fmt;
use core::ops::Range;

use bytes::Bytes;

use super::random::Random;
use crate::wire::frame::{
    ClientFrame, PREFIX_LENGTH, ServerAnswer, next_client_frame, next_server_frame,
};
use crate::wire::{HEADER_LENGTH, Header, Kind, Role, integrity};

/// How a datagram was forged. The checksum of the result is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// The field of so many bytes at this offset has another value.
    Field(u16, u8),
    /// The frame of this index is missing.
    Dropped(u16),
    /// The frame of this index is there twice.
    Repeated(u16),
    /// The frames of an earlier datagram of the same path stand before its own.
    Spliced,
}

impl fmt::Display for Forgery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(offset, width) => write!(f, "{width} bytes at {offset} changed"),
            Self::Dropped(index) => write!(f, "frame {index} left out"),
            Self::Repeated(index) => write!(f, "frame {index} repeated"),
            Self::Spliced => write!(f, "spliced with an earlier one"),
        }
    }
}

/// Offset and width of a field.
type Field = (usize, usize);

/// The fields that every frame begins with, its length among them.
const PREFIX: [Field; 6] = [(0, 1), (1, 1), (2, 2), (4, 2), (6, 2), (8, 8)];
/// Those of the header: role and kind, and the session. Another version or magic number is no forgery.
const HEADER: [Field; 2] = [(3, 1), (4, 8)];

/// Forges datagrams of one path, and remembers the last one for splicing.
#[derive(Clone, Debug, Default)]
pub(super) struct Forger {
    last: Option<Bytes>,
}

impl Forger {
    /// A changed copy of `data` with a right checksum; `None` if it has none itself. What callers gave
    /// to be carried, arguments and results, is left alone: that is no business of the protocol.
    pub(super) fn forge(&mut self, data: &Bytes, random: &mut Random) -> Option<(Forgery, Bytes)> {
        let header = Header::parse(data).ok()?.0;
        let last = self.last.replace(data.clone());
        let mut bytes = data[..data.len() - integrity::LENGTH].to_vec();
        let frames = frames(header, data);
        let forgery = match (random.below(8), frames.is_empty()) {
            (0, false) => {
                let index = random.below(frames.len() as u64) as usize;
                bytes.drain(frames[index].0.clone());
                Forgery::Dropped(index as u16)
            }
            (1, false) => {
                let index = random.below(frames.len() as u64) as usize;
                bytes.extend_from_within(frames[index].0.clone());
                Forgery::Repeated(index as u16)
            }
            (2, false) if last.as_ref().is_some_and(|last| is_of_frames(last, header.role)) => {
                let last = last.expect("it was looked at just now");
                let own = bytes.split_off(HEADER_LENGTH);
                bytes.extend_from_slice(&last[HEADER_LENGTH..last.len() - integrity::LENGTH]);
                bytes.extend_from_slice(&own);
                Forgery::Spliced
            }
            _ => {
                let (at, width) = *random.pick(&fields(header, &frames));
                let (at, width) = change(&mut bytes, at, width, random);
                Forgery::Field(at as u16, width as u8)
            }
        };
        integrity::seal(&mut bytes, 0);
        Some((forgery, bytes.into()))
    }
}

fn is_of_frames(datagram: &[u8], role: Role) -> bool {
    matches!(Header::parse(datagram), Ok((header, _)) if header.kind == Kind::Frames && header.role == role)
}

/// Where each frame of a datagram is, and which fields it has behind those of every frame.
fn frames(header: Header, data: &[u8]) -> Vec<(Range<usize>, &'static [Field])> {
    let body = &data[HEADER_LENGTH..data.len() - integrity::LENGTH];
    let (mut found, mut at) = (Vec::new(), 0);
    while header.kind == Kind::Frames && at < body.len() {
        let start = HEADER_LENGTH + at;
        let fields = match header.role {
            Role::Client => next_client_frame(body, &mut at).map(|frame| client_fields(&frame)),
            Role::Server => {
                next_server_frame(body, &mut at).map(|frame| server_fields(&frame.answer))
            }
        };
        let Some(fields) = fields else { return found };
        found.push((start..HEADER_LENGTH + at, fields));
    }
    found
}

/// The fields of a frame behind its prefix, as DESIGN.md lays them out.
fn client_fields(frame: &ClientFrame) -> &'static [Field] {
    match frame {
        ClientFrame::Request(..) | ClientFrame::Oneway(..) => &[(16, 4), (20, 4), (24, 4), (28, 4)],
        ClientFrame::Probe(_)
        | ClientFrame::Fence(..)
        | ClientFrame::Acknowledge(_)
        | ClientFrame::Close => &[],
        ClientFrame::Part(..) => {
            &[(16, 8), (24, 4), (28, 4), (32, 4), (36, 4), (40, 4), (44, 4), (48, 4), (52, 4)]
        }
        ClientFrame::Arrived(..) => ARRIVED,
        ClientFrame::Question(..) => &[(16, 8)],
    }
}

fn server_fields(answer: &ServerAnswer) -> &'static [Field] {
    match answer {
        ServerAnswer::Reply(..)
        | ServerAnswer::NotKept
        | ServerAnswer::Running
        | ServerAnswer::Superseded
        | ServerAnswer::Unseen => &[(16, 4)],
        ServerAnswer::Verdict(..) => &[(16, 4), (20, 4)],
        ServerAnswer::Working(_) => &[(16, 4), (20, 4), (24, 4), (28, 4), (32, 8), (40, 8)],
        ServerAnswer::Acknowledged => &[],
        ServerAnswer::Part(..) => &[(16, 8), (24, 4), (28, 4), (32, 4)],
        ServerAnswer::Arrived(_) => ARRIVED,
        ServerAnswer::Question(_) => &[(16, 8)],
    }
}

const ARRIVED: &[Field] = &[(16, 8), (24, 4), (28, 4), (32, 1), (33, 1)];

/// The fields of a handshake message, from the end of the header.
fn message_fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Frames | Kind::Gone | Kind::Moved => &[],
        Kind::Hello => &[(0, 8), (8, 8)],
        Kind::Challenge => &[(0, 8), (8, 8), (16, 4), (20, 8), (28, 8), (36, 8)],
        Kind::Open => {
            &[(0, 8), (8, 8), (16, 4), (20, 8), (28, 8), (36, 8), (44, 8), (52, 4), (56, 4)]
        }
        Kind::Welcome => &[
            (0, 8),
            (8, 8),
            (16, 8),
            (24, 4),
            (28, 4),
            (32, 4),
            (36, 4),
            (40, 4),
            (44, 4),
            (48, 4),
        ],
        Kind::Refused => &[(0, 8), (8, 8), (16, 4)],
        Kind::Version => &[(0, 8), (8, 8), (16, 1), (17, 1)],
    }
}

/// Every field that may be changed, from the beginning of the datagram.
fn fields(header: Header, frames: &[(Range<usize>, &'static [Field])]) -> Vec<Field> {
    let mut all = HEADER.to_vec();
    let message = message_fields(header.kind).iter();
    all.extend(message.map(|&(at, width)| (HEADER_LENGTH + at, width)));
    for (range, fields) in frames {
        let places = PREFIX.iter().chain(*fields).map(|&(at, width)| (range.start + at, width));
        // A frame may be shorter than its table: the bits of an ARRIVED, the detail of a VERDICT.
        all.extend(places.filter(|&(at, width)| at + width <= range.end));
        debug_assert!(range.len() >= PREFIX_LENGTH);
    }
    all
}

/// Gives a field another value: near the old one, at an end of its range, with one bit inverted, or any.
fn change(bytes: &mut [u8], at: usize, width: usize, random: &mut Random) -> Field {
    // What is cut off was parsed, so the field is there.
    let field = &mut bytes[at..at + width];
    let mut padded = [0; 8];
    padded[8 - width..].copy_from_slice(field);
    let old = u64::from_be_bytes(padded);
    let mask = u64::MAX >> (64 - 8 * width);
    let new = match random.below(8) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => 0,
        3 => u64::MAX,
        4 => random.below(300),
        5 => old ^ 1 << random.below(8 * width as u64),
        6 => old.wrapping_add(random.below(1 << 20)),
        _ => random.next_u64(),
    } & mask;
    let new = if new == old { old ^ 1 } else { new };
    field.copy_from_slice(&new.to_be_bytes()[8 - width..]);
    (at, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{self, About};

    /// Every forged datagram has a right checksum and differs, and every field of every kind of datagram
    /// is changed some time.
    #[test]
    fn what_is_forged_has_a_right_checksum_and_says_something_else() {
        let mut random = Random::new(1);
        for sample in samples::all(&About::session(9)) {
            let sample = Bytes::from(sample);
            let Ok((header, _)) = Header::parse(&sample) else { continue };
            let expected = fields(header, &frames(header, &sample));
            let mut forger = Forger::default();
            let mut changed: Vec<Field> = Vec::new();
            for _ in 0..600 {
                let (how, forged) = forger.forge(&sample, &mut random).expect("it was sealed");
                assert_ne!(forged, sample, "{how}");
                let content = integrity::verify(&forged).expect("the checksum is right");
                assert_eq!(content[..3], sample[..3]);
                match how {
                    Forgery::Field(at, width) => changed.push((at.into(), width.into())),
                    _ => assert_eq!(header.kind, Kind::Frames),
                }
            }
            changed.sort_unstable();
            changed.dedup();
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(changed, expected, "{header:?}");
        }
    }

    #[test]
    fn frames_are_left_out_repeated_and_spliced() {
        let mut random = Random::new(2);
        let mut forger = Forger::default();
        let datagrams: Vec<Bytes> =
            samples::client_frames(&About::session(9)).into_iter().map(Bytes::from).collect();
        let (mut dropped, mut repeated, mut spliced) = (0, 0, 0);
        for round in 0..500 {
            let data = &datagrams[round % datagrams.len()];
            match forger.forge(data, &mut random).expect("it was sealed") {
                (Forgery::Dropped(_), forged) => {
                    dropped += 1;
                    assert_eq!(forged.len(), HEADER_LENGTH + integrity::LENGTH);
                }
                (Forgery::Repeated(_), forged) => {
                    repeated += 1;
                    assert_eq!(&forged[..data.len() - 4], &data[..data.len() - 4]);
                }
                (Forgery::Spliced, forged) => {
                    spliced += 1;
                    let header = Header::parse(&forged).expect("it was sealed").0;
                    assert_eq!(frames(header, &forged).len(), 2);
                }
                (Forgery::Field(..), forged) => assert_eq!(forged.len(), data.len()),
            }
        }
        assert!(dropped > 20 && repeated > 20 && spliced > 20, "{dropped} {repeated} {spliced}");
        assert!(forger.forge(&Bytes::from_static(b"garbage"), &mut random).is_none());
    }
}
