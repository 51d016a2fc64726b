//! Arguments that a method takes by reference.

use core::ops::Deref;

use super::{DecodeError, Reader, Run, Unmarshal};

/// What a server holds while it lends a `&Self` to a method.
///
/// A method may take `&str`, `&[T]` or `&T`. Text and bytes are lent out of the message itself;
/// other slices and values are decoded once and then lent.
///
/// ```
/// use farcall_core::marshal::{Lend, Reader};
///
/// fn shout(text: &str) -> String {
///     text.to_uppercase()
/// }
///
/// let mut reader = Reader::new(b"\0\0\0\x02hi\0\0");
/// let text = <str as Lend>::lend(&mut reader)?;
/// assert_eq!(shout(&text), "HI");
/// # Ok::<(), farcall_core::marshal::DecodeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be an argument: `{Self}` does not implement `Unmarshal`",
    label = "cannot be decoded",
    note = "a type of your own: put `#[derive(farcall::Marshal)]` on it"
)]
pub trait Lend<'a> {
    /// The value, or the part of the message that is the value.
    type Held: Deref<Target = Self>;

    /// Decodes what is to be lent.
    ///
    /// # Errors
    ///
    /// If the bytes are not a value of this type.
    fn lend(reader: &mut Reader<'a>) -> Result<Self::Held, DecodeError>;
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

impl<'a> Lend<'a> for str {
    type Held = &'a Self;

    #[inline]
    fn lend(reader: &mut Reader<'a>) -> Result<Self::Held, DecodeError> {
        reader.read_str()
    }
}

impl<'a, T: Unmarshal<'a> + 'a> Lend<'a> for [T] {
    type Held = Run<'a, T>;

    #[inline]
    fn lend(reader: &mut Reader<'a>) -> Result<Self::Held, DecodeError> {
        let count = reader.read_count()?;
        let run = T::unmarshal_slice(count, reader)?;
        reader.align()?;
        Ok(run)
    }
}

impl<'a, T: Unmarshal<'a>> Lend<'a> for T {
    type Held = Owned<T>;

    #[inline]
    fn lend(reader: &mut Reader<'a>) -> Result<Self::Held, DecodeError> {
        T::unmarshal(reader).map(Owned)
    }
}
