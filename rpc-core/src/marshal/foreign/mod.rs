//! Types of other crates, which implement the traits of [serde] and not ours. Feature `serde`.
//!
//! [serde]: https://serde.rs

mod deserializer;
mod probe;
mod serializer;

use core::any::type_name;
use core::fmt;
use core::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use super::{DecodeError, Marshal, Reader, Schema, Unmarshal, Writer};

/// A value that is sent through [serde](https://serde.rs): for types of other crates. Feature `serde`.
///
/// ```
/// use farcall_core::marshal::{Marshal, Reader, Serde, Unmarshal, Writer};
/// use uuid::Uuid;
///
/// let id = Uuid::from_u128(7);
/// let mut out = Writer::new();
/// Serde(id).marshal(&mut out);
/// let message = out.finish()?;
/// let decoded = Serde::<Uuid>::unmarshal(&mut Reader::new(&message))?;
/// assert_eq!(decoded.into_inner(), id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A field of a type of your own needs no wrapper: mark it `#[marshal(serde)]`. Where a type can derive
/// `Marshal`, that is better: it is faster, borrows, has a known size, and every part of it is in the
/// signature.
///
/// # Encoding
///
/// | serde | XDR |
/// |---|---|
/// | numbers, `bool`, `char` | as the Rust types of these names: see [`Marshal`] |
/// | `str`, `bytes` | `string<>`, `opaque<>` |
/// | `Option` | `*T` |
/// | unit, unit structures | `void` |
/// | newtype structures | their content |
/// | sequences, maps | counted arrays of elements, of pairs |
/// | tuples, arrays, structures | their fields in order |
/// | enumerations | `union`: variants counted from 0, then their fields |
///
/// - `Vec<u8>` is a sequence of units for serde, four bytes for each. `serde_bytes` makes it `bytes`.
/// - Maps and sets keep the order in which they are iterated. A `HashMap` therefore has different
///   bytes in each process. What becomes of a key that is there twice is up to the map.
/// - Types are told that the format is not made for people
///   ([`is_human_readable`](serde::Deserializer::is_human_readable) is false): a `Uuid` is bytes.
///
/// # What does not work
///
/// XDR does not describe itself: both sides know the type. So there is no decoding a type that asks what
/// comes next: `serde_json::Value`, enumerations that are `untagged` or have a `tag`, fields that are
/// `flatten`. The error says which type asked. A field left out by `skip_serializing_if` cannot be
/// encoded, because nothing would say that it is not there.
///
/// # Limits on arrival
///
/// Those of [`Marshal`], with two differences. Depth: every structure, newtype and option counts as a
/// level, besides collections, since pointers are not to be seen. Memory: what these types allocate is
/// up to them. It is estimated by the sizes of the values they ask for, as they ask for them, and no
/// count that a message claims is passed on to them.
///
/// # In the signature
///
/// What serde shows of a type without a value: its kind, through options, sequences, maps and
/// newtypes; of a structure the names of its fields, of an enumeration the names of its variants, each
/// `alias` included. What is inside of those is not seen. If client and server differ there, the call
/// does not end with a signature mismatch. As a rule the bytes cannot be decoded then (of arguments:
/// `NotExecuted`; of a result: `Executed`); if they happen to fit both types they are misread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serde<T>(pub T);

impl<T> Serde<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Serde<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Serde<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Serde<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Display> fmt::Display for Serde<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A type whose values can be written and described.
///
/// Whatever can be received can be received for ever; the description needs no more than that. It is a
/// trait of its own because two bounds by one trait of serde, as `Unmarshal` would need them, are
/// ambiguous.
pub trait Foreign: Serialize {
    /// Describes the type.
    fn describe(schema: &mut Schema);
}

impl<T: Serialize + Deserialize<'static>> Foreign for T {
    fn describe(schema: &mut Schema) {
        probe::describe::<T>(schema);
    }
}

impl<T: Foreign> Marshal for Serde<T> {
    fn marshal(&self, out: &mut Writer) {
        marshal(&self.0, out);
    }

    fn describe(schema: &mut Schema) {
        T::describe(schema);
    }
}

/// Writes a value that is not wrapped. For derived code.
pub fn marshal<T: Serialize + ?Sized>(value: &T, out: &mut Writer) {
    if let Err(error) = value.serialize(serializer::Serializer::new(out)) {
        out.fail(format_args!("{}: {error}", type_name::<T>()));
    }
}

impl<'a, T: Foreign + Deserialize<'a>> Unmarshal<'a> for Serde<T> {
    /// Nothing is known.
    const MIN: usize = 0;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        deserializer::read(reader).map(Self)
    }
}
