//! The encoding: XDR, as in [RFC 4506].
//!
//! A value is a row of big-endian units of four bytes. Nothing says what they mean: both sides know
//! the type. [`Marshal`] writes values to a [`Writer`]; [`Unmarshal`] reads them from a [`Reader`].
//! `#[derive(Marshal)]` of the `farcall` crate emits both for a structure or an enumeration. Which
//! types there are, and what their bytes look like, is in the documentation of [`Marshal`].
//!
//! # Bytes from a stranger
//!
//! Decoding never panics. It accepts one encoding of a value, save for the order of sets and maps:
//! padding has to be zero, and [`Reader::finish`] insists that nothing follows. What it costs is
//! bounded:
//!
//! - in time, by the bytes that are there: a count is checked against them before the loop. Elements
//!   that take no bytes, as those of `Vec<()>`, are limited to [`MAX_EMPTY_ELEMENTS`] in a message;
//! - in memory, by [`ALLOCATION_FACTOR`] times the length of the message plus [`ALLOCATION_BASE`];
//!   see [`Reader`](Reader#memory);
//! - in depth, by [`MAX_DEPTH`] pointers and collections around a value. A linked list of boxes
//!   cannot be longer than that: send a `Vec`.
//!
//! [RFC 4506]: https://www.rfc-editor.org/rfc/rfc4506

mod body;
mod collection;
mod compound;
mod error;
#[cfg(feature = "serde")]
mod foreign;
mod lend;
mod net;
mod number;
mod pool;
mod range;
mod reader;
mod scalar;
mod schema;
mod sequence;
mod time;
mod writer;

pub use body::Body;
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
#[cfg(feature = "serde")]
pub use foreign::{Serde, marshal as marshal_foreign};
pub use lend::{Borrowed, Owned, Sendable};
pub use reader::Reader;
pub use schema::{Fields, Schema, Variants};
pub use sequence::Run;
pub use writer::Writer;

use error::Place;

/// How many pointers and collections may be around a value.
///
/// Each level takes some hundreds of bytes of stack, and more for large types; a level of a
/// recursive type of a few kilobytes still fits the two megabytes of a thread.
pub const MAX_DEPTH: u32 = 64;

/// How many elements that take no bytes a message may have, all its sequences together.
pub const MAX_EMPTY_ELEMENTS: usize = 65_536;

/// How many bytes of memory may be allocated for each byte of a message.
///
/// The worst that honest values need: a hash table is at most twice as large as its entries, and
/// an empty `String` is six times as large as its encoding.
pub const ALLOCATION_FACTOR: usize = 16;

/// How many bytes of memory may be allocated for any message, however short.
///
/// It lets small messages be sparse: a thousand empty `Option`s of a kilobyte each, or a thousand
/// maps of one entry, which take a whole node of eleven.
pub const ALLOCATION_BASE: usize = 1 << 20;

/// A type whose values can be encoded.
///
/// Implemented by `#[derive(Marshal)]`, or by hand:
///
/// ```
/// use farcall_core::marshal::{DecodeError, Marshal, Reader, Schema, Unmarshal, Writer};
///
/// #[derive(Debug, PartialEq)]
/// struct Percent(u8);
///
/// impl Marshal for Percent {
///     const MAX: Option<usize> = <u8 as Marshal>::MAX;
///
///     fn marshal(&self, out: &mut Writer) {
///         self.0.marshal(out);
///     }
///
///     fn describe(schema: &mut Schema) {
///         u8::describe(schema);
///     }
/// }
///
/// impl<'a> Unmarshal<'a> for Percent {
///     const MIN: usize = <u8 as Unmarshal>::MIN;
///
///     fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
///         match u8::unmarshal(reader)? {
///             percent @ 0..=100 => Ok(Self(percent)),
///             _ => Err(reader.invalid("more than a hundred percent")),
///         }
///     }
/// }
///
/// let mut out = Writer::new();
/// Percent(42).marshal(&mut out);
/// assert_eq!(Percent::unmarshal(&mut Reader::new(out.as_slice())), Ok(Percent(42)));
/// assert!(Percent::unmarshal(&mut Reader::new(&[0, 0, 0, 101])).is_err());
/// ```
///
/// # Types, and what their bytes look like
///
/// | Rust | XDR | Bytes | Refused on arrival |
/// |---|---|---|---|
/// | `u8` `u16` `u32`, `i8` `i16` `i32` | `unsigned int`, `int` | 4 | what does not fit the type |
/// | `u64` `i64` | `unsigned hyper`, `hyper` | 8 | |
/// | `usize` `isize` | `unsigned hyper`, `hyper` | 8 | what does not fit the platform's type |
/// | `u128` `i128` | two hypers, the high one first | 16 | |
/// | `f32` `f64` | `float`, `double` | 4, 8 | nothing: every bit is kept, also of a NaN |
/// | `bool` | `bool` | 4 | all but 0 and 1 |
/// | `char` | `unsigned int` | 4 | what is no Unicode scalar value |
/// | `NonZero<N>` (`NonZeroU32`, ..) | as `N` | as `N` | 0 |
/// | `Wrapping<T>` `Saturating<T>` `Reverse<T>` | as `T` | as `T` | |
/// | `()` `PhantomData<T>` | `void` | 0 | |
/// | `String` `str` `Box<str>` `Rc<str>` `Arc<str>` `Cow<str>` | `string<>` | 4 + n, padded | what is not UTF-8 |
/// | `Vec<u8>` `[u8]` `Box<[u8]>` `Rc<[u8]>` `Arc<[u8]>` `VecDeque<u8>` `Cow<[u8]>` `Bytes` `BytesMut` | `opaque<>` | 4 + n, padded | |
/// | `[u8; N]` | `opaque[N]` | N, padded | |
/// | `Vec<T>` `[T]` `Box<[T]>` `Rc<[T]>` `Arc<[T]>` `VecDeque<T>` `Cow<[T]>` | `T<>` | 4 + elements | |
/// | `[T; N]`, also of length 0 | `T[N]` | elements | |
/// | `BTreeSet<T>` `HashSet<T, S>` | `T<>` | 4 + elements | an element that is there twice |
/// | `BTreeMap<K, V>` `HashMap<K, V, S>` | `struct { K; V }<>` | 4 + entries | a key that is there twice |
/// | `Option<T>` | `*T` | 4, or 4 + value | all but 0 and 1 in front |
/// | tuples of up to 12, structures | `struct` | fields in order | |
/// | `Result<T, E>` | `union`: 0 `Ok`, 1 `Err` | 4 + value | another tag |
/// | enumerations | `union`: variants counted from 0 | 4 + fields | another tag |
/// | `Ordering` | `enum`: 0 `Less`, 1 `Equal`, 2 `Greater` | 4 | another number |
/// | `Infallible` | `union` without variants | never | everything |
/// | `&T` `Box<T>` `Rc<T>` `Arc<T>` `Cow<T>` | as `T` | as `T` | |
/// | `Range<T>` `RangeInclusive<T>` | `struct { T start; T end; }` | both | |
/// | `Bound<T>` | `union`: 0 `Included`, 1 `Excluded`, 2 `Unbounded` | 4 + value | another tag |
/// | `Duration` | `struct { unsigned hyper s; unsigned int ns; }` | 12 | ns from 10⁹ |
/// | `SystemTime` | `struct { hyper s; unsigned int ns; }`, since 1970 | 12 | ns from 10⁹, what the platform cannot express |
/// | `Ipv4Addr`, `Ipv6Addr` | `opaque[4]`, `opaque[16]` | 4, 16 | |
/// | `SocketAddrV4` | `struct { opaque ip[4]; unsigned int port; }` | 8 | a port above 65,535 |
/// | `SocketAddrV6` | the same with 16 bytes, then flow information and scope | 28 | a port above 65,535 |
/// | `IpAddr` `SocketAddr` | `union`: 4 or 6, the IP version | 4 + address | another tag |
/// | `Serde<T>` (feature `serde`) | what serde makes of it | | what `T` refuses |
///
/// Besides, padding that is not zero is refused, and so are bytes after the last value.
///
/// - **Bytes.** A `u8` on its own takes a unit; in a run (`Vec`, slice, array, `VecDeque`) it takes one
///   byte. Only `u8` does so: neither `i8`, nor `bool`, nor a structure with a `u8` inside, so that a
///   `Vec<Newtype>` over `u8` has four bytes for each. Sets, maps, tuples and options are not runs:
///   `BTreeSet<u8>` takes a unit for each element.
/// - **Counts** have 32 bits. More elements than that cannot be encoded: see [`Writer::fail`].
/// - **Order.** Hashed maps and sets are written in the order of their encoded keys, B-trees in the
///   order of their keys. So equal values of one type are equal bytes, in every process. Any order
///   is accepted. Sorting has its price; a `Vec<(K, V)>` has the same encoding without it.
/// - **Borrowing.** `&str`, `&[u8]`, `Cow<str>` and `Cow<[u8]>` refer to the message. `Bytes` shares it
///   if it is a quarter of it and 256 bytes or more, and is a copy otherwise, so that a few bytes do not keep a large
///   message alive.
/// - **Size.** Arrays are decoded on the stack. Large ones are better off in a `Vec` or a `Box<[T]>`.
///
/// Not among them, on purpose: `PathBuf` and `OsString` (they differ from platform to platform: send a
/// `String`), `Instant` (it means nothing elsewhere: send a `Duration`), `BinaryHeap` (send a `Vec`), and
/// whatever can change while it is looked at, such as `Cell`, `Mutex` and atomics.
///
/// # Limits
///
/// | What | Limit | Beyond it |
/// |---|---|---|
/// | elements, bytes of a text | 2³² − 1, and the bytes that are there | `UnencodableArguments`, `Truncated` |
/// | pointers and collections around a value | 64 | `TooDeep` |
/// | elements that take no bytes, in a message | 65,536 | `TooManyEmptyElements` |
/// | memory for the values of a message | 16 × its length + 1 MiB | `TooLarge` |
///
/// A linked list of boxes therefore has at most 64 nodes: send a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent: it does not implement `Marshal`",
    label = "cannot be sent",
    note = "a type of your own: put `#[derive(farcall::Marshal)]` on it",
    note = "a type of another crate: wrap it in one of your own, or, if it implements the traits of serde, enable farcall's feature `serde` and send it as `farcall::Serde<..>`; mark a field with `#[marshal(serde)]`"
)]
pub trait Marshal {
    /// The most bytes that a value can take, or `None` if there is no bound or it is not known.
    /// It is never known behind a pointer, so that recursive types have this constant too.
    ///
    /// It can be checked while a program is compiled, for messages that must stay small:
    ///
    /// ```
    /// use farcall_core::marshal::Marshal;
    ///
    /// type Sample = (u64, [f32; 16], Option<u8>);
    ///
    /// const _: () = assert!(matches!(Sample::MAX, Some(bytes) if bytes <= 80));
    /// ```
    ///
    /// With text, which can have any length, the same does not compile:
    ///
    /// ```compile_fail,E0080
    /// # use farcall_core::marshal::Marshal;
    /// const _: () = assert!(matches!(<(u64, String)>::MAX, Some(bytes) if bytes <= 80));
    /// ```
    ///
    /// `#[rpc(single_datagram)]` on a method does this for its arguments and its result.
    const MAX: Option<usize> = None;

    /// Appends the value to `out`. The length of what is appended is a multiple of four.
    fn marshal(&self, out: &mut Writer);

    /// Describes the type: one call of [`Schema::structure`] or [`Schema::enumeration`], or of the
    /// `describe` of another type with the same encoding.
    fn describe(schema: &mut Schema);

    /// As [`marshal`](Self::marshal), where the value is not needed any more: what it owns may become a
    /// part of the message.
    #[doc(hidden)]
    #[inline]
    fn marshal_owned(self, out: &mut Writer)
    where
        Self: Sized,
    {
        self.marshal(out);
    }

    /// As [`marshal_owned`](Self::marshal_owned), for a vector of this type.
    #[doc(hidden)]
    #[inline]
    fn marshal_owned_run(run: Vec<Self>, out: &mut Writer)
    where
        Self: Sized,
    {
        run.as_slice().marshal(out);
    }

    /// How much room to make for the value before it is written, so that a long text or a large run of
    /// bytes is copied into memory of the right size at once. It may be too little: a walk through the
    /// value would cost more than it saves.
    #[doc(hidden)]
    #[inline]
    fn marshal_room(&self) -> usize {
        const { small(Self::MAX) }
    }

    /// As [`marshal_room`](Self::marshal_room), for [`marshal_owned`](Self::marshal_owned): none for what
    /// is not copied then.
    #[doc(hidden)]
    #[inline]
    fn marshal_owned_room(&self) -> usize {
        self.marshal_room()
    }

    /// As [`marshal_room`](Self::marshal_room), for a sequence of this type.
    #[doc(hidden)]
    #[inline]
    fn marshal_run_room(count: usize) -> usize {
        let _ = count;
        0
    }

    /// As [`marshal_owned_room`](Self::marshal_owned_room), for a vector of this type.
    #[doc(hidden)]
    #[inline]
    fn marshal_owned_run_room(count: usize) -> usize {
        Self::marshal_run_room(count)
    }

    /// As [`MAX`](Self::MAX), for an element of a run.
    #[doc(hidden)]
    const RUN_MAX: Option<usize> = Self::MAX;

    /// Appends neighbouring elements of a sequence. The sequence writes its count before and aligns
    /// after.
    #[doc(hidden)]
    #[inline]
    fn marshal_run(run: &[Self], out: &mut Writer)
    where
        Self: Sized,
    {
        for element in run {
            element.marshal(out);
        }
    }

    /// Describes the field `name`, whose type this is. For generated code.
    #[doc(hidden)]
    fn describe_in(name: &'static str, fields: &mut Fields<'_>) {
        fields.field::<Self>(name);
    }

    /// Describes a sequence of this type: of `length` elements, or of as many as its count says.
    #[doc(hidden)]
    fn describe_run(length: Option<usize>, schema: &mut Schema) {
        schema.array::<Self>(length);
    }
}

/// A type whose values can be decoded from a message that lives for `'a`.
///
/// What can be received can also be sent, so that one bound is enough for both. See [`Marshal`] for
/// an example.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent: it does not implement both `Marshal` and `Unmarshal`",
    label = "cannot be sent",
    note = "a type of your own: put `#[derive(farcall::Marshal)]` on it",
    note = "a type of another crate: wrap it in one of your own, or, if it implements the traits of serde, enable farcall's feature `serde` and send it as `farcall::Serde<..>`; mark a field with `#[marshal(serde)]`"
)]
pub trait Unmarshal<'a>: Marshal + Sized {
    /// The fewest bytes that a value can take. For an enumeration it is 4, even where every variant
    /// has fields: otherwise recursive types would not compile. A number that is too large makes
    /// sequences of this type refuse good messages; with 0, elements that take no bytes are counted one
    /// by one.
    const MIN: usize;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// If the bytes are not a value of this type, or it would cost too much.
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// As [`MIN`](Self::MIN), for an element of a run.
    #[doc(hidden)]
    const RUN_MIN: usize = Self::MIN;

    /// Reads `count` elements, which may be what a stranger said.
    #[doc(hidden)]
    fn unmarshal_run(count: usize, reader: &mut Reader<'a>) -> Result<Vec<Self>, DecodeError> {
        if Self::RUN_MIN > 0 {
            reader.admit(count, Self::RUN_MIN)?;
        }
        reader.charge(count.saturating_mul(size_of::<Self>()))?;
        reader.nested(|reader| {
            let mut run = Vec::with_capacity(count);
            for index in 0..count {
                let start = reader.position();
                run.push(unmarshal_element(index, reader)?);
                if Self::RUN_MIN == 0 {
                    reader.admit_since(start)?;
                }
            }
            Ok(run)
        })
    }

    /// Reads the elements of an array.
    #[doc(hidden)]
    fn unmarshal_array<const N: usize>(reader: &mut Reader<'a>) -> Result<[Self; N], DecodeError> {
        reader.admit(N, Self::RUN_MIN)?;
        let mut first_error = None;
        let slots: [Option<Self>; N] = core::array::from_fn(|index| {
            if first_error.is_some() {
                return None;
            }
            unmarshal_element(index, reader).map_err(|error| first_error = Some(error)).ok()
        });
        match first_error {
            Some(error) => Err(error),
            // Without an error each slot is filled.
            None => Ok(slots.map(|slot| slot.expect("an element is missing without an error"))),
        }
    }

    /// Reads `count` elements where they may be borrowed.
    #[doc(hidden)]
    #[inline]
    fn unmarshal_slice<'s>(
        count: usize,
        reader: &mut Reader<'a>,
    ) -> Result<Run<'s, Self>, DecodeError>
    where
        'a: 's,
        Self: 's,
    {
        Self::unmarshal_run(count, reader).map(Run::Owned)
    }
}

/// Reads the element `index` of a sequence, and says so in an error.
#[inline]
fn unmarshal_element<'a, T: Unmarshal<'a>>(
    index: usize,
    reader: &mut Reader<'a>,
) -> Result<T, DecodeError> {
    T::unmarshal(reader).map_err(|error| error.within(Place::Index(index)))
}

/// What is certainly no waste of room: the bound of a small value.
const fn small(max: Option<usize>) -> usize {
    match max {
        Some(max) if max <= 64 => max,
        _ => 0,
    }
}

/// The largest size of two values one after the other. `None` is "without bound".
#[doc(hidden)]
#[must_use]
pub const fn max_add(first: Option<usize>, second: Option<usize>) -> Option<usize> {
    match (first, second) {
        (Some(first), Some(second)) => first.checked_add(second),
        _ => None,
    }
}

/// The largest size of one of two values. `None` is "without bound".
#[doc(hidden)]
#[must_use]
pub const fn max_of(first: Option<usize>, second: Option<usize>) -> Option<usize> {
    match (first, second) {
        (Some(first), Some(second)) => Some(if first > second { first } else { second }),
        _ => None,
    }
}

/// The smallest size of two values one after the other.
#[doc(hidden)]
#[must_use]
pub const fn min_add(first: usize, second: usize) -> usize {
    first.saturating_add(second)
}

/// A small message may be a part of a chunk of this size.
const SHARED_CHUNK: usize = 1024;

/// A reader of a message that was received.
pub(crate) fn received(message: &bytes::Bytes) -> Reader<'_> {
    Reader::of_message_in(message, message.len().max(SHARED_CHUNK))
}

/// Decodes a whole message. Bytes that follow the value are an error.
pub(crate) fn from_message<T>(message: &bytes::Bytes) -> Result<T, DecodeError>
where
    T: for<'a> Unmarshal<'a>,
{
    let mut reader = received(message);
    let value = T::unmarshal(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
