//! The decoding of a zoo of types: it never panics, costs no more than it may, and accepts only what
//! encoding gives.

#![allow(clippy::use_self, reason = "its types are written as the derive writes them")]

use core::fmt::Debug;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::input::Input;
use crate::marshal::{
    ALLOCATION_BASE, ALLOCATION_FACTOR, DecodeError, Marshal, Reader, Schema, Unmarshal, Writer,
};

/// What an error with the longest path takes, with the smaller vectors it grew from.
const ERROR: usize = 2048;

/// How many bytes of memory a decoder gets for each byte of the message here, which is less than usual.
const TIGHT_FACTOR: usize = 4;

/// The first byte says which type the others are decoded as. `asked` says how many bytes of memory this
/// thread has ever asked for.
///
/// # Panics
/// If something does not hold.
pub fn arguments(bytes: &[u8], asked: fn() -> usize) {
    let mut input = Input::new(bytes);
    let which = input.u8();
    decode_as(which, input.rest(), asked);
}

/// Calls `exact` or `unordered` for the type of this number.
macro_rules! zoo {
    ($which:expr, $bytes:expr, $asked:expr, exact [$($exact:ty),*], unordered [$($unordered:ty),*]) => {{
        let checks: &[fn(&[u8], fn() -> usize)] =
            &[$(|bytes, asked| exact::<$exact>(bytes, asked),)* $(|bytes, asked| unordered::<$unordered>(bytes, asked),)*];
        checks[usize::from($which) % checks.len()]($bytes, $asked);
    }};
}

fn decode_as(which: u8, bytes: &[u8], asked: fn() -> usize) {
    zoo! { which, bytes, asked, exact [
        u8, i8, u16, i32, u64, i128, f64, bool, char, usize, NonZeroU16, (),
        String, &str, &[u8], Bytes, Cow<'_, str>, Box<str>, Arc<str>,
        Option<u32>, Option<Option<String>>, Result<String, u8>, [u8; 5], [String; 3],
        (u8, String, Option<bool>), Vec<u8>, Vec<()>, Vec<u16>, Vec<bool>, Vec<String>, Vec<&str>,
        Vec<Vec<u8>>, Vec<Vec<Vec<u32>>>, Vec<Option<Box<[u64; 16]>>>, VecDeque<String>, Rc<[u16]>,
        Box<[String]>, Vec<[(); 1000]>, Range<u32>, Duration, SystemTime, IpAddr, SocketAddr,
        Shape, Vec<Shape>, Entry<'_>, Vec<Entry<'_>>, Option<Box<Shape>>
        ], unordered [
        BTreeMap<u8, String>, BTreeMap<String, Vec<u16>>, BTreeSet<u64>, HashMap<u8, [u64; 4]>,
        HashMap<String, Shape>, HashSet<u16>, HashSet<()>, Vec<BTreeMap<u8, u8>>,
        BTreeMap<u8, BTreeSet<u8>>
        ]
    }
}

/// Decodes with a tight allowance and with the usual one. The value that the latter gives, if it is one.
fn decode<'a, T: Unmarshal<'a>>(bytes: &'a [u8], asked: fn() -> usize) -> Option<T> {
    let usual = bytes.len() * ALLOCATION_FACTOR + ALLOCATION_BASE;
    let mut value = None;
    for allowance in [bytes.len() * TIGHT_FACTOR, usual] {
        let mut reader = Reader::new(bytes).with_allowance(allowance);
        let before = asked();
        let result = T::unmarshal(&mut reader);
        let asked = asked() - before;
        let charged = allowance - reader.allowance();
        let error = if result.is_err() { ERROR } else { 0 };
        assert!(
            asked <= charged + error,
            "{}: {asked} bytes allocated, {charged} charged, {} in the message",
            core::any::type_name::<T>(),
            bytes.len(),
        );
        assert!(reader.position() + reader.remaining() == bytes.len());
        value = result.ok().filter(|_| reader.finish().is_ok());
    }
    value
}

/// There is one encoding of a value.
fn exact<'a, T: Marshal + Unmarshal<'a>>(bytes: &'a [u8], asked: fn() -> usize) {
    let Some(value) = decode::<T>(bytes, asked) else { return };
    assert_eq!(encode(&value), bytes, "{}", core::any::type_name::<T>());
    assert!(bytes.len() >= T::MIN && T::MAX.is_none_or(|max| bytes.len() <= max));
}

/// There is one encoding of a value, save for the order of what is in it.
fn unordered<T>(bytes: &[u8], asked: fn() -> usize)
where
    T: Marshal + for<'a> Unmarshal<'a> + PartialEq + Debug,
{
    let Some(value) = decode::<T>(bytes, asked) else { return };
    let again = encode(&value);
    assert_eq!(again.len(), bytes.len(), "{}", core::any::type_name::<T>());
    let mut reader = Reader::new(&again);
    assert_eq!(T::unmarshal(&mut reader), Ok(value));
    assert_eq!(reader.finish(), Ok(()));
}

fn encode<T: Marshal>(value: &T) -> Vec<u8> {
    let mut out = Writer::new();
    value.marshal(&mut out);
    out.as_slice().to_vec()
}

/// An enumeration that contains itself, as the derive would have it.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Point,
    Circle(u32),
    Group(Vec<Shape>),
    Moved(Box<Shape>, i16),
}

impl Marshal for Shape {
    const MAX: Option<usize> = None;

    fn marshal(&self, out: &mut Writer) {
        match self {
            Self::Point => out.put_tag(0),
            Self::Circle(radius) => {
                out.put_tag(1);
                radius.marshal(out);
            }
            Self::Group(shapes) => {
                out.put_tag(2);
                shapes.marshal(out);
            }
            Self::Moved(shape, by) => {
                out.put_tag(3);
                shape.marshal(out);
                by.marshal(out);
            }
        }
    }

    fn describe(schema: &mut Schema) {
        schema.enumeration(core::any::type_name::<Self>(), "Shape", |variants| {
            variants.variant(0, "Point", |_| {});
            variants.variant(1, "Circle", |fields| fields.field::<u32>("0"));
            variants.variant(2, "Group", |fields| fields.field::<Vec<Self>>("0"));
            variants.variant(3, "Moved", |fields| {
                fields.field::<Box<Self>>("0");
                fields.field::<i16>("1");
            });
        });
    }
}

impl<'a> Unmarshal<'a> for Shape {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.read_tag()? {
            0 => Ok(Self::Point),
            1 => Ok(Self::Circle(reader.field("Shape::Circle", "0")?)),
            2 => Ok(Self::Group(reader.field("Shape::Group", "0")?)),
            3 => Ok(Self::Moved(
                reader.field("Shape::Moved", "0")?,
                reader.field("Shape::Moved", "1")?,
            )),
            tag => Err(reader.unknown_variant("Shape", tag)),
        }
    }
}

/// A structure that borrows.
#[derive(Clone, Debug, PartialEq)]
struct Entry<'a> {
    name: &'a str,
    content: &'a [u8],
    sizes: Vec<u64>,
    next: Option<Box<Entry<'a>>>,
}

impl Marshal for Entry<'_> {
    const MAX: Option<usize> = None;

    fn marshal(&self, out: &mut Writer) {
        self.name.marshal(out);
        self.content.marshal(out);
        self.sizes.marshal(out);
        self.next.marshal(out);
    }

    fn describe(schema: &mut Schema) {
        schema.structure(core::any::type_name::<Self>(), "Entry", |fields| {
            fields.field::<&str>("name");
            fields.field::<&[u8]>("content");
            fields.field::<Vec<u64>>("sizes");
            fields.field::<Option<Box<Self>>>("next");
        });
    }
}

impl<'de: 'a, 'a> Unmarshal<'de> for Entry<'a> {
    const MIN: usize = 16;

    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            name: reader.field("Entry", "name")?,
            content: reader.field("Entry", "content")?,
            sizes: reader.field("Entry", "sizes")?,
            next: reader.field("Entry", "next")?,
        })
    }
}
