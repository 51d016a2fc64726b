//! What fits a single datagram, known while a program is compiled.

use crate::config::BASE_DATAGRAM_SIZE;
use crate::wire;

/// How many bytes of arguments always fit one datagram, since no configuration allows smaller
/// datagrams than [`BASE_DATAGRAM_SIZE`].
pub const REQUEST_ROOM: usize = wire::request_room(BASE_DATAGRAM_SIZE);

/// How many bytes of a result always fit one datagram.
pub const REPLY_ROOM: usize = wire::reply_room(BASE_DATAGRAM_SIZE);

/// Refuses, while the program is compiled, what may need more than one datagram. For generated code.
///
/// `what` is the part of the method that is meant, as in "the arguments of `put`"; `max` is its
/// [`Marshal::MAX`](crate::marshal::Marshal::MAX); `room` is [`REQUEST_ROOM`] or [`REPLY_ROOM`].
///
/// ```
/// use farcall_core::marshal::Marshal;
/// use farcall_core::service::{REPLY_ROOM, assert_single_datagram};
///
/// const _: () = assert_single_datagram("the reply of `read`", <[u64; 8]>::MAX, REPLY_ROOM);
/// ```
///
/// ```compile_fail,E0080
/// # use farcall_core::marshal::Marshal;
/// # use farcall_core::service::{REPLY_ROOM, assert_single_datagram};
/// const _: () = assert_single_datagram("the reply of `read`", String::MAX, REPLY_ROOM);
/// ```
///
/// # Panics
///
/// If `max` is `None` or above `room`. The message says which of the two, and what to do.
#[track_caller]
pub const fn assert_single_datagram(what: &'static str, max: Option<usize>, room: usize) {
    let text = match max {
        Some(max) if max <= room => return,
        Some(max) => Text::new()
            .with(what)
            .with(" can take up to ")
            .with_number(max)
            .with(" bytes, and a single datagram has room for ")
            .with_number(room)
            .with("; send less, or remove `single_datagram`"),
        None => Text::new()
            .with(what)
            .with(
                " can be of any size: text, `Vec`, maps, sets and pointers such as `Box` have no \
                 bound, and a single datagram has room for ",
            )
            .with_number(room)
            .with(
                " bytes; use types of bounded size, such as `[u8; 32]` in place of `Vec<u8>`, or \
                 remove `single_datagram`",
            ),
    };
    panic!("{}", text.as_str());
}

/// A message that is put together while the program is compiled, where `format!` does not work.
struct Text {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Text {
    /// Room for the longest text above, two numbers, and the names of an interface and a method.
    /// What is beyond is cut.
    const CAPACITY: usize = 1024;

    const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], length: 0 }
    }

    const fn with(self, part: &str) -> Self {
        let mut text = self;
        let mut bytes = part.as_bytes();
        while let [byte, rest @ ..] = bytes {
            text = text.with_byte(*byte);
            bytes = rest;
        }
        text
    }

    const fn with_number(self, number: usize) -> Self {
        let text = if number < 10 { self } else { self.with_number(number / 10) };
        text.with_byte(b'0' + (number % 10) as u8)
    }

    const fn with_byte(mut self, byte: u8) -> Self {
        if self.length < Self::CAPACITY {
            self.bytes[self.length] = byte;
            self.length += 1;
        }
        self
    }

    const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            // It was cut inside a character.
            Err(_) => "this does not fit a single datagram",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marshal::Marshal;
    use crate::wire::frame::{ReplyCode, Request, Subject, write_reply, write_request};
    use crate::wire::{Header, Kind, Role, integrity};

    const SUBJECT: Subject = Subject { lane: 3, sequence: u64::MAX, attempt: u16::MAX };

    /// How long a datagram is in which one frame travels alone.
    fn datagram(role: Role, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let mut out = Vec::new();
        Header { role, kind: Kind::Frames, session: u64::MAX }.write(&mut out);
        write(&mut out);
        integrity::seal(&mut out, 0);
        out.len()
    }

    fn request(body: usize) -> usize {
        let numbers = Request {
            interface: u32::MAX,
            method: u32::MAX,
            signature: u32::MAX,
            remaining: u32::MAX,
            body: 0..0,
        };
        datagram(Role::Client, |out| write_request(out, SUBJECT, &numbers, &vec![7; body]))
    }

    fn reply(body: usize) -> usize {
        datagram(Role::Server, |out| {
            write_reply(out, SUBJECT, u32::MAX, ReplyCode::Result, &vec![7; body]);
        })
    }

    #[test]
    fn a_full_body_fills_a_datagram() {
        assert_eq!(request(REQUEST_ROOM), BASE_DATAGRAM_SIZE);
        assert_eq!(reply(REPLY_ROOM), BASE_DATAGRAM_SIZE);
    }

    /// What the compiler would say.
    fn message(max: Option<usize>, room: usize) -> String {
        let check = move || assert_single_datagram("the arguments of `put`", max, room);
        let panic = std::panic::catch_unwind(check).expect_err("it is refused");
        *panic.downcast::<String>().expect("a text with values in it")
    }

    #[test]
    fn what_fits_is_accepted() {
        assert_single_datagram("the arguments of `put`", Some(0), REQUEST_ROOM);
        assert_single_datagram("the arguments of `put`", Some(REQUEST_ROOM), REQUEST_ROOM);
        const { assert_single_datagram("a block", <[u8; REPLY_ROOM]>::MAX, REPLY_ROOM) };
    }

    #[test]
    fn a_refusal_says_what_is_too_large_and_what_to_do() {
        assert_eq!(
            message(Some(1160), 1152),
            "the arguments of `put` can take up to 1160 bytes, and a single datagram has room for \
             1152; send less, or remove `single_datagram`"
        );
        let unbounded = message(None, 1152);
        assert!(unbounded.starts_with("the arguments of `put` can be of any size: "));
        assert!(unbounded.contains("has room for 1152 bytes; use types of bounded size"));
        assert!(message(Some(usize::MAX), 0).contains(&format!(" {} bytes", usize::MAX)));
    }

    #[test]
    fn a_text_that_is_too_long_is_cut() {
        let text = Text::new().with(&"a".repeat(2000)).with_number(7);
        assert_eq!(text.as_str(), "a".repeat(Text::CAPACITY));
        let text = Text::new().with(&"a".repeat(Text::CAPACITY - 1)).with("ß");
        assert_eq!(text.as_str(), "this does not fit a single datagram");
    }
}
