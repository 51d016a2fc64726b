//! What large values cost: one allocation and one copy on the way out, none on the way in where a type
//! can share the message.

#[allow(dead_code, reason = "shared with other tests")]
mod counting_allocator;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use counting_allocator::asked;
use farcall_core::marshal::{Body, Marshal, Reader, Schema, Unmarshal, Writer};
use farcall_core::service::Answer;

const LARGE: usize = 16 << 20;

/// What a message takes besides its bytes: a count, padding, room behind, a counter of references.
const BESIDES: usize = 512 + SMALL;

/// How large the buffers are that a thread keeps for small messages.
const SMALL: usize = 256;

/// Sees to it that this thread has such a buffer.
fn warm_up() {
    let mut out = Writer::for_room(4);
    7_u32.marshal(&mut out);
    drop(out.finish_body());
}

/// Encodes as generated code does, and says how many bytes of memory were asked for.
fn cost<T: Marshal + ?Sized>(value: &T) -> (Bytes, usize) {
    warm_up();
    let before = asked();
    let mut out = Writer::for_room(value.marshal_room());
    value.marshal(&mut out);
    let message = out.finish().expect("it can be encoded");
    let shared = message.clone();
    (shared, asked() - before)
}

fn is_written_once<T: Marshal + ?Sized>(value: &T) {
    let (message, asked) = cost(value);
    assert!(message.len() >= LARGE / 2, "{} bytes", message.len());
    assert!(
        asked <= message.len() + BESIDES,
        "{}: {asked} bytes asked for, {} in the message",
        std::any::type_name::<T>(),
        message.len(),
    );
}

#[test]
fn a_large_value_is_written_into_one_allocation() {
    // With padding and without.
    for length in LARGE - 3..=LARGE {
        let bytes = vec![7; length];
        is_written_once(&bytes);
        is_written_once(bytes.as_slice());
        is_written_once(&Bytes::copy_from_slice(&bytes));
        is_written_once(&BytesMut::from(bytes.as_slice()));
        is_written_once(&VecDeque::from(bytes.clone()));
        is_written_once(&Cow::Borrowed(bytes.as_slice()));
        is_written_once(&Arc::<[u8]>::from(bytes.as_slice()));
        is_written_once(&Some(bytes.as_slice()));
        is_written_once(&Ok::<_, String>(bytes.as_slice()));
        // What comes before and behind does not double the buffer either.
        is_written_once(&(7_u64, "name", bytes.as_slice(), 7_u64, true));
        is_written_once(&"x".repeat(length));
    }
    is_written_once(&vec![7_u64; LARGE / 8]);
    is_written_once(&vec![true; LARGE / 4]);
    is_written_once(&(vec![7_u8; LARGE / 2], vec![8_u8; LARGE / 2]));
    is_written_once(&(vec![7_u64; LARGE / 16], vec![8_u64; LARGE / 16]));
    is_written_once(&(vec![true; LARGE / 8], vec!['x'; LARGE / 8]));
}

/// As a derived type: nothing is known of it before it is written.
struct File {
    name: String,
    content: Vec<u8>,
    modified: u64,
    owner: String,
}

impl Marshal for File {
    fn marshal(&self, out: &mut Writer) {
        self.name.marshal(out);
        self.content.marshal(out);
        self.modified.marshal(out);
        self.owner.marshal(out);
    }

    fn describe(schema: &mut Schema) {
        <(String, Vec<u8>, u64, String)>::describe(schema);
    }
}

#[test]
fn a_large_field_does_not_double_the_buffer() {
    for length in LARGE - 3..=LARGE {
        is_written_once(&File {
            name: "name".to_owned(),
            content: vec![7; length],
            modified: 7,
            owner: "owner".to_owned(),
        });
    }
}

/// A small value of a type that may have large ones.
struct Sparse;

impl Marshal for Sparse {
    const MAX: Option<usize> = Some(10_000);

    fn marshal(&self, out: &mut Writer) {
        out.put_tag(0);
    }

    fn describe(schema: &mut Schema) {
        u32::describe(schema);
    }
}

#[test]
fn a_small_value_takes_little_room() {
    assert!(cost(&7_u32).1 <= 128);
    assert!(cost("a name").1 <= 128);
    assert!(cost(&vec![7_u8; 1000]).1 <= 1000 + BESIDES);
    assert!(cost(&None::<[u64; 1000]>).1 <= 128);
    assert!(cost(&Sparse).1 <= 128, "a large bound says nothing about a value");
}

#[test]
fn a_large_result_is_written_into_one_allocation() {
    let result = Ok::<_, String>((vec![7_u64; LARGE / 16], vec![7_u64; LARGE / 16]));
    let before = asked();
    let answer = Answer::reply(result);
    let asked = asked() - before;
    drop(answer);
    assert!((LARGE..LARGE + BESIDES).contains(&asked), "{asked}");
    warm_up();
    let before = counting_allocator::asked();
    drop(Answer::reply(()));
    assert_eq!(counting_allocator::asked() - before, 0, "nothing takes nothing");
}

/// Whether `part` lies within `message`.
fn shares(message: &Bytes, part: &[u8]) -> bool {
    message.as_ptr_range().start <= part.as_ptr()
        && part.as_ptr_range().end <= message.as_ptr_range().end
}

#[test]
fn large_bytes_are_shared_with_the_message_they_came_in() {
    let content = Bytes::from(vec![7_u8; LARGE]);
    type Message = (String, Option<Bytes>, u32, Result<Bytes, ()>);
    let sent: Message =
        ("name".to_owned(), Some(content.clone()), 7, Ok(content.slice(..LARGE / 2)));
    let (message, _) = cost(&sent);

    let before = asked();
    let mut reader = Reader::of_message(&message);
    let received = Message::unmarshal(&mut reader).expect("a value");
    reader.finish().expect("and no more");
    let asked = asked() - before;
    assert_eq!(received, sent);
    assert!(asked <= BESIDES, "{asked} bytes asked for");
    assert!(shares(&message, received.1.as_ref().expect("there")));
    assert!(shares(&message, received.3.as_ref().expect("there")));

    // What is lent is not copied either, whatever its size.
    let mut reader = Reader::of_message(&message);
    let name = <&str>::unmarshal(&mut reader).expect("a text");
    assert!(shares(&message, name.as_bytes()));
}

/// Encodes as generated code does with what it owns.
fn given<T: Marshal>(value: T) -> Body {
    let mut out = Writer::for_room(value.marshal_owned_room());
    value.marshal_owned(&mut out);
    let written = out.len();
    let body = out.finish_body().expect("it can be encoded");
    assert_eq!(body.len(), written);
    body
}

/// Checks that a value made of these bytes becomes a message without a copy of them, and that it is the
/// message that it would be otherwise.
fn is_moved<T: Marshal>(length: usize, make: impl FnOnce(Vec<u8>) -> T) {
    let bytes = vec![b'x'; length];
    let place = bytes.as_ptr();
    let value = make(bytes);
    let mut copied = Writer::new();
    value.marshal(&mut copied);

    let before = asked();
    let body = given(value);
    let asked = asked() - before;
    assert!(asked <= 2 * BESIDES, "{}: {asked} bytes asked for", std::any::type_name::<T>());
    let is_in_place = body.pieces(0..body.len()).any(|piece| piece.as_ptr() == place);
    assert!(is_in_place, "{}: copied", std::any::type_name::<T>());
    assert_eq!(body.as_whole(), None);
    assert_eq!(body.into_bytes(), copied.finish().expect("it can be encoded"));
}

#[test]
fn what_is_given_away_is_not_copied() {
    for length in LARGE - 3..=LARGE {
        is_moved(length, |bytes| bytes);
        is_moved(length, |bytes| String::from_utf8(bytes).expect("it is ASCII"));
        is_moved(length, Bytes::from);
        is_moved(length, Some);
        is_moved(length, Ok::<Vec<u8>, String>);
        is_moved(length, |bytes| Err::<u32, _>(Bytes::from(bytes)));
        is_moved(length, |bytes| (7_u64, "name".to_owned(), bytes, 8_u64, true));
        // Sharing needs no ownership.
        is_moved(length, |bytes| vec![Bytes::from(bytes); 3]);
        is_moved(length, |bytes| [("name", Box::new(Bytes::from(bytes)))]);
        is_moved(length, |bytes| (Bytes::from(bytes), vec![b'y'; LARGE], "tail"));
    }
    is_moved(Body::SHARED_FROM, |bytes| bytes);
}

#[test]
fn a_message_that_fits_a_datagram_is_in_one_piece() {
    // A UDP datagram has no more than that.
    const { assert!(Body::SHARED_FROM > 65_507) };
    for length in [0, 1, 1000, 65_507, Body::SHARED_FROM - 1] {
        assert!(given(vec![7_u8; length]).as_whole().is_some());
        assert!(given(Bytes::from(vec![7_u8; length])).as_whole().is_some());
    }
    // A buffer that is mostly empty would be kept for a few bytes.
    let mut bytes = Vec::with_capacity(LARGE);
    bytes.resize(Body::SHARED_FROM, 7_u8);
    assert!(given(bytes).as_whole().is_some());
    // Who writes by hand, and looks at what was written, sees all of it.
    let mut out = Writer::new();
    Bytes::from(vec![7; LARGE]).marshal(&mut out);
    assert_eq!(out.as_slice().len(), LARGE + 4);
}
