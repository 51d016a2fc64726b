//! The bytes of a datagram.
//!
//! Every number is big-endian. A datagram is a fixed [header](Header), a body that its kind decides,
//! and the integrity field, here the CRC-32C of everything before it:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 2 | magic `0xFACA` |
//! | 2 | 1 | version, now 1 |
//! | 3 | 1 | role bit (`0x80`: sent by a server) and kind |
//! | 4 | 8 | session id, 0 in a handshake |
//! | 12 | n | body: frames of one session, or one handshake message |
//! | 12 + n | 4 | CRC-32C |
//!
//! The first four bytes and, in a HELLO, the nonce behind the header stay where they are in every
//! version, so that a version mismatch can be told. Nothing but [`integrity`] knows the length of
//! the integrity field: authenticated encryption will need a longer one.

pub mod frame;
pub mod handshake;
pub mod integrity;
pub mod part;
#[cfg(any(test, feature = "sim"))]
pub(crate) mod samples;

use crate::statistics::DropReason;

/// The first two bytes of every datagram.
pub const MAGIC: u16 = 0xFACA;
/// The version of the protocol that this library speaks.
pub const VERSION: u8 = 1;
/// The length of the fixed header.
pub const HEADER_LENGTH: usize = 12;
/// What a datagram takes besides its body.
pub const DATAGRAM_OVERHEAD: usize = HEADER_LENGTH + integrity::LENGTH;

/// The most bytes of arguments that fit a datagram of this size, from 1,200 bytes.
pub const fn request_room(datagram_size: usize) -> usize {
    datagram_size - DATAGRAM_OVERHEAD - frame::REQUEST_OVERHEAD
}

/// The most bytes of a result that fit a datagram of this size, from 1,200 bytes.
pub const fn reply_room(datagram_size: usize) -> usize {
    datagram_size - DATAGRAM_OVERHEAD - frame::REPLY_OVERHEAD
}

const ROLE_SERVER: u8 = 0x80;

/// Who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A client, to a server.
    Client,
    /// A server, to a client.
    Server,
}

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Frames of one session.
    Frames = 0,
    /// A client asks for a cookie.
    Hello = 1,
    /// The server answers with one.
    Challenge = 2,
    /// The client returns it and asks for a session.
    Open = 3,
    /// The server grants one.
    Welcome = 4,
    /// The server grants none.
    Refused = 5,
    /// The server does not know the session. A hint, nothing more.
    Gone = 6,
    /// The session's address is another one. A hint, nothing more.
    Moved = 7,
    /// The server speaks other versions.
    Version = 8,
}

impl Kind {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Frames,
            1 => Self::Hello,
            2 => Self::Challenge,
            3 => Self::Open,
            4 => Self::Welcome,
            5 => Self::Refused,
            6 => Self::Gone,
            7 => Self::Moved,
            8 => Self::Version,
            _ => return None,
        })
    }
}

/// The fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sent it.
    pub role: Role,
    /// What it is.
    pub kind: Kind,
    /// The session, 0 in a handshake.
    pub session: u64,
}

impl Header {
    /// Checks a datagram once and splits it into its header and its body.
    ///
    /// # Errors
    /// Why it must be dropped.
    pub fn parse(datagram: &[u8]) -> Result<(Self, &[u8]), DropReason> {
        if datagram.len() < DATAGRAM_OVERHEAD {
            return Err(DropReason::Truncated);
        }
        if datagram[..2] != MAGIC.to_be_bytes() {
            return Err(DropReason::WrongMagic);
        }
        if datagram[2] != VERSION {
            return Err(DropReason::WrongVersion);
        }
        let Some(content) = integrity::verify(datagram) else {
            return Err(DropReason::Corrupt);
        };
        let role = if content[3] & ROLE_SERVER == 0 { Role::Client } else { Role::Server };
        let Some(kind) = Kind::from_bits(content[3] & !ROLE_SERVER) else {
            return Err(DropReason::Malformed);
        };
        let mut session = [0; 8];
        session.copy_from_slice(&content[4..HEADER_LENGTH]);
        let header = Self { role, kind, session: u64::from_be_bytes(session) };
        Ok((header, &content[HEADER_LENGTH..]))
    }

    /// Appends the header to a datagram.
    pub fn write(self, out: &mut Vec<u8>) {
        let role = match self.role {
            Role::Client => 0,
            Role::Server => ROLE_SERVER,
        };
        out.extend_from_slice(&MAGIC.to_be_bytes());
        out.extend_from_slice(&[VERSION, role | self.kind as u8]);
        out.extend_from_slice(&self.session.to_be_bytes());
    }
}

/// Reads numbers from the front of a slice. Running out of bytes is an answer, never a panic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_be_bytes)
    }
}

#[cfg(test)]
mod vectors;
