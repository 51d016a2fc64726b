//! What is sent, as generated code sees it, and what may be borrowed from a message.

use core::ops::Deref;

use super::{DecodeError, Fields, Marshal, Reader, Run, Schema, Unmarshal, Writer};

/// What generated code may ask of a type that is sent, as an argument or as a field.
///
/// It is one trait for everything, since rustc reports a bound that does not hold once for each trait.
/// None of the functions has a receiver, so that no method of a user's type can be mistaken for them.
///
/// A method may take `&str`, `&[T]` or `&T`. Text and bytes are lent out of the message itself;
/// other slices and values are decoded once and then lent.
///
/// ```
/// use farcall_core::marshal::{Reader, Sendable};
///
/// fn shout(text: &str) -> String {
///     text.to_uppercase()
/// }
///
/// let mut reader = Reader::new(b"\0\0\0\x02hi\0\0");
/// let text = <str as Sendable>::lend(&mut reader)?;
/// assert_eq!(shout(&text), "HI");
/// # Ok::<(), farcall_core::marshal::DecodeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent: it does not implement both `Marshal` and `Unmarshal`",
    label = "cannot be sent",
    note = "a type of your own: put `#[derive(farcall::Marshal)]` on it",
    note = "a type of another crate: wrap it in one of your own, or, if it implements the traits of serde, enable farcall's feature `serde` and send it as `farcall::Serde<..>`; mark a field with `#[marshal(serde)]`"
)]
pub trait Sendable<'a> {
    /// The most bytes that a value can take: [`Marshal::MAX`].
    const MOST: Option<usize>;

    /// The fewest bytes that a value can take: [`Unmarshal::MIN`].
    const LEAST: usize;

    /// What a server holds while it lends a `&Self` to a method: the value, or the part of the message
    /// that is the value.
    type Held: Deref<Target = Self>;

    /// How much room to make for a value before it is written.
    fn room(value: &Self) -> usize;

    /// As [`room`](Self::room), for a value that is [given](Self::give).
    fn room_given(value: &Self) -> usize;

    /// Writes a value.
    fn put(value: &Self, out: &mut Writer);

    /// Writes a value that is not needed any more.
    fn give(value: Self, out: &mut Writer)
    where
        Self: Sized;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// If the bytes are not a value of this type.
    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError>
    where
        Self: Sized;

    /// Reads what is to be lent.
    ///
    /// # Errors
    ///
    /// If the bytes are not a value of this type.
    fn lend(reader: &mut Reader<'a>) -> Result<Self::Held, DecodeError>;

    /// Reads the field `name` of the type called `owner`.
    ///
    /// # Errors
    ///
    /// If the bytes are not a value of this type.
    fn take_field(
        owner: &'static str,
        name: &'static str,
        reader: &mut Reader<'a>,
    ) -> Result<Self, DecodeError>
    where
        Self: Sized;

    /// Describes the argument `name`.
    fn describe_argument(name: &'static str, schema: &mut Schema);

    /// Describes the field `name`.
    fn describe_field(name: &'static str, fields: &mut Fields<'_>);
}

/// What may be borrowed inside another type: what looks the same in the message and in memory.
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be inside another type",
    label = "inside another type only `&str` and `&[u8]` may be borrowed",
    note = "pass `&{Self}` as the argument itself, or own the value: `{Self}`"
)]
pub trait Borrowed: Marshal + 'static {
    /// Borrows it from the message.
    ///
    /// # Errors
    ///
    /// If the bytes are not a value of this type.
    fn borrow<'a>(reader: &mut Reader<'a>) -> Result<&'a Self, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl Borrowed for str {
    #[inline]
    fn borrow<'a>(reader: &mut Reader<'a>) -> Result<&'a Self, DecodeError> {
        reader.read_str()
    }
}

#[diagnostic::do_not_recommend]
impl Borrowed for [u8] {
    #[inline]
    fn borrow<'a>(reader: &mut Reader<'a>) -> Result<&'a Self, DecodeError> {
        reader.read_opaque()
    }
}

impl<'de: 'a, 'a, T: Borrowed + ?Sized> Unmarshal<'de> for &'a T {
    /// The count.
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        T::borrow(reader)
    }
}

/// A decoded value that is lent.
#[derive(Clone, Copy, Debug)]
pub struct Owned<T>(T);

impl<T> Deref for Owned<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// What is written and described the same way for every type.
macro_rules! as_marshaled {
    () => {
        const MOST: Option<usize> = <Self as Marshal>::MAX;

        #[inline]
        fn room(value: &Self) -> usize {
            value.marshal_room()
        }

        #[inline]
        fn room_given(value: &Self) -> usize {
            value.marshal_owned_room()
        }

        #[inline]
        fn put(value: &Self, out: &mut Writer) {
            value.marshal(out);
        }

        fn describe_argument(name: &'static str, schema: &mut Schema) {
            schema.argument::<Self>(name);
        }

        fn describe_field(name: &'static str, fields: &mut Fields<'_>) {
            fields.field::<Self>(name);
        }
    };
}

#[diagnostic::do_not_recommend]
impl<'a> Sendable<'a> for str {
    as_marshaled!();

    /// The count.
    const LEAST: usize = 4;

    type Held = &'a Self;

    #[inline]
    fn lend(reader: &mut Reader<'a>) -> Result<Self::Held, DecodeError> {
        reader.read_str()
    }
}

impl<'a, T: Unmarshal<'a> + 'a> Sendable<'a> for [T] {
    as_marshaled!();

    /// The count.
    const LEAST: usize = 4;

    type Held = Run<'a, T>;

    #[inline]
    fn lend(reader: &mut Reader<'a>) -> Result<Self::Held, DecodeError> {
        let count = reader.read_count()?;
        let run = T::unmarshal_slice(count, reader)?;
        reader.align()?;
        Ok(run)
    }
}

impl<'a, T: Unmarshal<'a>> Sendable<'a> for T {
    as_marshaled!();

    const LEAST: usize = T::MIN;

    type Held = Owned<T>;

    #[inline]
    fn give(value: Self, out: &mut Writer) {
        value.marshal_owned(out);
    }

    #[inline]
    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        T::unmarshal(reader)
    }

    #[inline]
    fn lend(reader: &mut Reader<'a>) -> Result<Self::Held, DecodeError> {
        T::unmarshal(reader).map(Owned)
    }

    #[inline]
    fn take_field(
        owner: &'static str,
        name: &'static str,
        reader: &mut Reader<'a>,
    ) -> Result<Self, DecodeError> {
        reader.field(owner, name)
    }
}
