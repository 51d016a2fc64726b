//! The frames that carry messages larger than a datagram.
//!
//! They begin with the 16 bytes of every frame (see [`frame`](super::frame)), whose attempt is zero:
//! instead, every datagram with one of these has a number of its own. Offsets count from the beginning
//! of the frame.
//!
//! | kind | frame | fields |
//! |---|---|---|
//! | `0x07` | REQUEST PART | 16 number 8; 24 message length 4; 28 offset 4; 32 identity 4; 36 interface 4; 40 method 4; 44 signature 4; 48 remaining deadline in ms 4; 52 checksum 4; 56 bytes |
//! | `0x89` | REPLY PART | 16 number 8; 24 message length 4; 28 offset 4; 32 checksum 4; 36 bytes (the code is that of a REPLY) |
//! | `0x08`, `0x8A` | ARRIVED | 16 newest 8; 24 held 4; 28 limit 4; 32 a bit for each number before the newest, lowest bit first, at most 128 bytes |
//! | `0x09`, `0x8B` | QUESTION | 16 number 8; 24 filling |
//!
//! The identity is that of [`frame::identity`](super::frame::identity). The checksum is the CRC-32C of the
//! whole message in the part with its last byte, and means nothing in the others: it is known when everything
//! before that was given out. *Held* is how many microseconds the newest datagram had been there.
//! The limit is how many bytes of the message, from its beginning, the receiver takes.

use core::ops::Range;

use super::Cursor;
use super::frame::{PREFIX_LENGTH, Request};

/// What a REQUEST PART takes besides its bytes.
pub const REQUEST_PART_OVERHEAD: usize = PREFIX_LENGTH + 40;
/// What a REPLY PART takes besides its bytes.
pub const REPLY_PART_OVERHEAD: usize = PREFIX_LENGTH + 20;
/// What an ARRIVED takes besides its bits.
pub const ARRIVED_OVERHEAD: usize = PREFIX_LENGTH + 16;
/// What a QUESTION takes besides its filling.
pub const QUESTION_OVERHEAD: usize = PREFIX_LENGTH + 8;
/// The longest list of bits of an ARRIVED.
pub const LONGEST_BITS: usize = 128;

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The number of the datagram.
    pub number: u64,
    /// How long the whole message is.
    pub length: u32,
    /// Where in it the bytes belong.
    pub offset: u32,
    /// Tells this call's arguments from those of another call under its number. Of no use in a reply.
    pub identity: u32,
    /// The CRC-32C of the whole message, in the part with its last byte.
    pub checksum: u32,
    /// Where the bytes are. There is at least one, and none beyond the end of the message.
    pub body: Range<usize>,
}

/// Which datagrams have arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The newest of them.
    pub newest: u64,
    /// How many microseconds ago it did.
    pub held: u32,
    /// How many bytes of the message, from its beginning, the receiver takes.
    pub limit: u32,
    /// Where the bits are.
    pub bits: Range<usize>,
}

/// Appends what comes before the bytes of a REQUEST PART.
pub(super) fn request_part_fields(part: &Part, request: &Request) -> [u8; 40] {
    let mut fields = [0; 40];
    fields[..20].copy_from_slice(&part_fields(part));
    let Request { interface, method, signature, remaining, .. } = *request;
    fields[16..20].copy_from_slice(&part.identity.to_be_bytes());
    let numbers = [interface, method, signature, remaining, part.checksum];
    for (number, field) in numbers.iter().zip(fields[20..].chunks_exact_mut(4)) {
        field.copy_from_slice(&number.to_be_bytes());
    }
    fields
}

/// What comes before the bytes of a REPLY PART.
pub(super) fn part_fields(part: &Part) -> [u8; 20] {
    let mut fields = [0; 20];
    fields[..8].copy_from_slice(&part.number.to_be_bytes());
    for (number, field) in
        [part.length, part.offset, part.checksum].iter().zip(fields[8..].chunks_exact_mut(4))
    {
        field.copy_from_slice(&number.to_be_bytes());
    }
    fields
}

/// What comes before the bits of an ARRIVED.
pub(super) fn arrived_fields(newest: u64, held: u32, limit: u32) -> [u8; 16] {
    let mut fields = [0; 16];
    fields[..8].copy_from_slice(&newest.to_be_bytes());
    fields[8..12].copy_from_slice(&held.to_be_bytes());
    fields[12..].copy_from_slice(&limit.to_be_bytes());
    fields
}

/// Reads what follows the prefix of a REQUEST PART that ends at `end`.
pub(super) fn read_request_part(rest: &[u8], end: usize) -> Option<(Part, Request)> {
    let mut part = read_part(rest, end)?;
    part.identity = part.checksum;
    part.body.start += 20;
    let mut cursor = Cursor::new(rest.get(20..)?);
    let request = Request {
        interface: cursor.u32()?,
        method: cursor.u32()?,
        signature: cursor.u32()?,
        remaining: cursor.u32()?,
        body: 0..0,
    };
    part.checksum = cursor.u32()?;
    is_inside(&part).then_some((part, request))
}

/// Reads what follows the prefix of a REPLY PART that ends at `end`.
pub(super) fn read_reply_part(rest: &[u8], end: usize) -> Option<Part> {
    read_part(rest, end).filter(is_inside)
}

/// Reads what follows the prefix of an ARRIVED that ends at `end`.
pub(super) fn read_arrived(rest: &[u8], end: usize) -> Option<Arrived> {
    let mut cursor = Cursor::new(rest);
    let (newest, held, limit) = (cursor.u64()?, cursor.u32()?, cursor.u32()?);
    let bits = end + 16 - rest.len()..end;
    (newest > 0 && bits.len() <= LONGEST_BITS).then_some(Arrived { newest, held, limit, bits })
}

/// Reads what follows the prefix of a QUESTION: the number of the datagram.
pub(super) fn read_question(rest: &[u8]) -> Option<u64> {
    Cursor::new(rest).u64().filter(|&number| number > 0)
}

fn read_part(rest: &[u8], end: usize) -> Option<Part> {
    let mut cursor = Cursor::new(rest);
    let number = cursor.u64()?;
    let (length, offset, checksum) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let body = end + 20 - rest.len()..end;
    Some(Part { number, length, offset, identity: 0, checksum, body })
}

impl Part {
    /// The checksum of the whole message, if this part says it: that with the last of the bytes does.
    pub fn whole_checksum(&self) -> Option<u32> {
        let end = u64::from(self.offset) + self.body.len() as u64;
        (end == u64::from(self.length)).then_some(self.checksum)
    }
}

fn is_inside(part: &Part) -> bool {
    let bytes = part.body.len() as u64;
    part.number > 0 && bytes > 0 && u64::from(part.offset) + bytes <= part.length.into()
}
