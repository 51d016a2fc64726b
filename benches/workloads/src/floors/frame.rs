//! Frames of a stream.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;

/// What a frame is, its first byte. Four bytes of length follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Two numbers to be added.
    Add,
    /// A message to be sent back.
    Echo,
    /// A message to be kept; its length is the answer.
    Put,
    /// The checksum of what is kept is the answer.
    Checksum,
}

const KINDS: [Kind; 4] = [Kind::Add, Kind::Echo, Kind::Put, Kind::Checksum];

/// The length of a frame's beginning.
pub(super) const HEADER: usize = 5;

/// How much is read at once at least. Larger frames than this are worth a write of their own.
pub(super) const READ: usize = 1 << 16;

/// Appends the beginning of a frame with so many bytes of content.
pub(super) fn begin(kind: Kind, length: usize, out: &mut Vec<u8>) {
    let length = u32::try_from(length).expect("messages are shorter than 4 GiB");
    out.push(kind as u8);
    out.extend(length.to_be_bytes());
}

/// What has been read of a stream, in a buffer that is used again and again.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    /// Where what has not been taken begins, and where what has been read ends.
    start: usize,
    end: usize,
}

impl Frames {
    /// The next frame with its beginning, if all of it has been read.
    pub(super) fn next(&mut self) -> io::Result<Option<(Kind, &[u8])>> {
        let Some(length) = self.awaited().filter(|_| self.is_whole()) else { return Ok(None) };
        let frame = &self.bytes[self.start..self.start + length];
        self.start += length;
        let kind = KINDS.get(usize::from(frame[0])).ok_or(ErrorKind::InvalidData)?;
        Ok(Some((*kind, frame)))
    }

    /// Whether all of the next frame has been read.
    pub(super) fn is_whole(&self) -> bool {
        self.awaited().is_some_and(|length| self.end - self.start >= length)
    }

    /// How long the next frame is, if its beginning has been read.
    fn awaited(&self) -> Option<usize> {
        let header = self.bytes[self.start..self.end].first_chunk::<HEADER>()?;
        let [_, length @ ..] = *header;
        Some(HEADER + u32::from_be_bytes(length) as usize)
    }

    /// Reads some more: all of the next frame at once, if it is there.
    pub(super) fn read(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let needed = self.awaited().unwrap_or(HEADER).max(READ);
        if self.start + needed > self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            self.bytes.resize(self.bytes.len().max(needed), 0);
        }
        match stream.read(&mut self.bytes[self.end..])? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.end += count;
                Ok(())
            }
        }
    }
}
