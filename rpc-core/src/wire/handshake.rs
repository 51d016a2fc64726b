//! The handshake's messages.
//!
//! | message | body, with byte offsets from the end of the header |
//! |---|---|
//! | HELLO | 0 nonce 16; zeros up to a datagram of 1,200 bytes |
//! | CHALLENGE | 0 nonce 16; 16 cookie 28 |
//! | OPEN | 0 nonce 16; 16 cookie 28; 44 previous session or zero 8; 52 largest reply 4; 56 receive window in bytes 4; zeros up to 1,200 |
//! | WELCOME | 0 nonce 16; 16 session 8; 24 flags 4 (bit 0: resumed); 28 window of lanes 4; 32 working delay in us 4; 36 lease in ms 4; 40 largest request 4; 44 largest reply 4; 48 receive window in bytes 4; zeros up to 1,200 |
//! | REFUSED | 0 nonce 16; 16 reason 4 (1 full, 2 shutting down) |
//! | VERSION | 0 nonce 16; 16 lowest version 1; 17 highest version 1; 18 zeros 2 |
//! | GONE, MOVED | empty; the header names the session |
//!
//! HELLO and OPEN are padded so that no answer to an unproven address is larger than what it sent
//! (RFC 9000, section 8.1, allows three times as much); WELCOME is padded so that the handshake shows
//! that the path carries 1,200 bytes both ways.

use core::time::Duration;

use super::{Cursor, HEADER_LENGTH, Header, Kind, Role, integrity};
use crate::config::BASE_DATAGRAM_SIZE;

/// The length of a cookie.
pub const COOKIE_LENGTH: usize = 28;

/// A cookie: proof that its holder receives what is sent to its address. Opaque to the client.
pub type Cookie = [u8; COOKIE_LENGTH];

/// A client's OPEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// The nonce of this attempt.
    pub nonce: u128,
    /// What the server's CHALLENGE carried.
    pub cookie: Cookie,
    /// The session to resume, 0 for none.
    pub previous: u64,
    /// The largest encoded result that the client takes, in bytes.
    pub largest_reply: u32,
    /// How many bytes of large messages the client's socket surely holds.
    pub receive_window: u32,
}

/// A server's WELCOME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The nonce of the OPEN that is answered.
    pub nonce: u128,
    /// The session.
    pub session: u64,
    /// Whether it is the previous one, with all its state.
    pub is_resumed: bool,
    /// How many lanes it has.
    pub window: u16,
    /// When the server says WORKING unasked.
    pub working_delay: Duration,
    /// How long the server keeps it while it is idle.
    pub lease: Duration,
    /// The largest encoded arguments, in bytes.
    pub largest_request: u32,
    /// The largest encoded result, in bytes.
    pub largest_reply: u32,
    /// How many bytes of large messages the server's socket surely holds.
    pub receive_window: u32,
}

/// Why a server grants no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Refusal {
    /// Its table of sessions is full.
    Full = 1,
    /// It is shutting down.
    ShuttingDown = 2,
}

/// Appends a HELLO.
pub fn write_hello(out: &mut Vec<u8>, nonce: u128) {
    write(out, Role::Client, Kind::Hello, 0, |out| {
        out.extend_from_slice(&nonce.to_be_bytes());
    });
}

/// Appends a CHALLENGE.
pub fn write_challenge(out: &mut Vec<u8>, nonce: u128, cookie: &Cookie) {
    write(out, Role::Server, Kind::Challenge, 0, |out| {
        out.extend_from_slice(&nonce.to_be_bytes());
        out.extend_from_slice(cookie);
    });
}

/// Appends an OPEN.
pub fn write_open(out: &mut Vec<u8>, open: &Open) {
    write(out, Role::Client, Kind::Open, 0, |out| {
        out.extend_from_slice(&open.nonce.to_be_bytes());
        out.extend_from_slice(&open.cookie);
        out.extend_from_slice(&open.previous.to_be_bytes());
        out.extend_from_slice(&open.largest_reply.to_be_bytes());
        out.extend_from_slice(&open.receive_window.to_be_bytes());
    });
}

/// Appends a WELCOME.
pub fn write_welcome(out: &mut Vec<u8>, welcome: &Welcome) {
    write(out, Role::Server, Kind::Welcome, 0, |out| {
        out.extend_from_slice(&welcome.nonce.to_be_bytes());
        out.extend_from_slice(&welcome.session.to_be_bytes());
        for number in [
            u32::from(welcome.is_resumed),
            u32::from(welcome.window),
            saturating_u32(welcome.working_delay.as_micros()),
            saturating_u32(welcome.lease.as_millis()),
            welcome.largest_request,
            welcome.largest_reply,
            welcome.receive_window,
        ] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    });
}

/// Appends a REFUSED.
pub fn write_refused(out: &mut Vec<u8>, nonce: u128, refusal: Refusal) {
    write(out, Role::Server, Kind::Refused, 0, |out| {
        out.extend_from_slice(&nonce.to_be_bytes());
        out.extend_from_slice(&(refusal as u32).to_be_bytes());
    });
}

/// Appends a VERSION that answers the HELLO with this nonce.
pub fn write_version(out: &mut Vec<u8>, nonce: u128) {
    write(out, Role::Server, Kind::Version, 0, |out| {
        out.extend_from_slice(&nonce.to_be_bytes());
        out.extend_from_slice(&[super::VERSION, super::VERSION, 0, 0]);
    });
}

/// Appends a GONE or a MOVED about `session`.
pub fn write_hint(out: &mut Vec<u8>, kind: Kind, session: u64) {
    write(out, Role::Server, kind, session, |_| {});
}

/// The nonce of a HELLO, which must be padded.
pub fn parse_hello(body: &[u8]) -> Option<u128> {
    is_padded(body).then(|| Cursor::new(body).u128()).flatten()
}

/// The nonce of a HELLO of another version, whose checksum need not be ours.
pub fn nonce_of_foreign_hello(datagram: &[u8]) -> Option<u128> {
    let mut cursor = Cursor::new(datagram);
    let header: [u8; HEADER_LENGTH] = cursor.array()?;
    (datagram.len() >= BASE_DATAGRAM_SIZE && header[3] == Kind::Hello as u8)
        .then(|| cursor.u128())
        .flatten()
}

/// The nonce and the cookie of a CHALLENGE.
pub fn parse_challenge(body: &[u8]) -> Option<(u128, Cookie)> {
    let mut cursor = Cursor::new(body);
    let parsed = (cursor.u128()?, cursor.array()?);
    cursor.is_empty().then_some(parsed)
}

/// An OPEN, which must be padded.
pub fn parse_open(body: &[u8]) -> Option<Open> {
    if !is_padded(body) {
        return None;
    }
    let mut cursor = Cursor::new(body);
    Some(Open {
        nonce: cursor.u128()?,
        cookie: cursor.array()?,
        previous: cursor.u64()?,
        largest_reply: cursor.u32()?,
        receive_window: cursor.u32()?,
    })
}

/// A WELCOME. One without a session or without a lane is not well formed.
pub fn parse_welcome(body: &[u8]) -> Option<Welcome> {
    let mut cursor = Cursor::new(body);
    let welcome = Welcome {
        nonce: cursor.u128()?,
        session: cursor.u64()?,
        is_resumed: match cursor.u32()? {
            0 => false,
            1 => true,
            _ => return None,
        },
        window: u16::try_from(cursor.u32()?).ok()?,
        working_delay: Duration::from_micros(cursor.u32()?.into()),
        lease: Duration::from_millis(cursor.u32()?.into()),
        largest_request: cursor.u32()?,
        largest_reply: cursor.u32()?,
        receive_window: cursor.u32()?,
    };
    (welcome.session != 0 && (1..=4096).contains(&welcome.window)).then_some(welcome)
}

/// The nonce and the reason of a REFUSED.
pub fn parse_refused(body: &[u8]) -> Option<(u128, Refusal)> {
    let mut cursor = Cursor::new(body);
    let nonce = cursor.u128()?;
    let refusal = match cursor.u32()? {
        1 => Refusal::Full,
        2 => Refusal::ShuttingDown,
        _ => return None,
    };
    cursor.is_empty().then_some((nonce, refusal))
}

/// The nonce of a VERSION and the highest version that its sender speaks. The datagram is read as
/// it stands, because its version is not ours.
pub fn parse_version(datagram: &[u8]) -> Option<(u128, u8)> {
    let mut cursor = Cursor::new(datagram);
    let header: [u8; HEADER_LENGTH] = cursor.array()?;
    if header[..2] != super::MAGIC.to_be_bytes() || header[3] != 0x80 | Kind::Version as u8 {
        return None;
    }
    let nonce = cursor.u128()?;
    let _lowest = cursor.u8()?;
    Some((nonce, cursor.u8()?))
}

fn write(out: &mut Vec<u8>, role: Role, kind: Kind, session: u64, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    Header { role, kind, session }.write(out);
    body(out);
    if matches!(kind, Kind::Hello | Kind::Open | Kind::Welcome) {
        out.resize(start + BASE_DATAGRAM_SIZE - integrity::LENGTH, 0);
    }
    integrity::seal(out, start);
}

fn is_padded(body: &[u8]) -> bool {
    body.len() >= BASE_DATAGRAM_SIZE - super::DATAGRAM_OVERHEAD
}

fn saturating_u32(number: u128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
