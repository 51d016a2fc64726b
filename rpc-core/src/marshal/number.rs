//! Numbers with a rule or a behaviour of their own: on the wire they are just the numbers.

use core::cmp::Reverse;
use core::num::{NonZero, Saturating, Wrapping};

use super::{DecodeError, Marshal, Reader, Schema, Unmarshal, Writer};

macro_rules! non_zero {
    ($($number:ty)*) => {$(
        impl Marshal for NonZero<$number> {
            const MAX: Option<usize> = <$number as Marshal>::MAX;

            #[inline]
            fn marshal(&self, out: &mut Writer) {
                self.get().marshal(out);
            }

            fn describe(schema: &mut Schema) {
                <$number>::describe(schema);
            }
        }

        impl<'a> Unmarshal<'a> for NonZero<$number> {
            const MIN: usize = <$number as Unmarshal<'a>>::MIN;

            #[inline]
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let number = <$number>::unmarshal(reader)?;
                Self::new(number)
                    .ok_or_else(|| reader.broken(<Self as Unmarshal<'a>>::MIN, "the number must not be zero"))
            }
        }
    )*};
}

non_zero! { u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize }

/// Types that contain one value and change what is done with it.
macro_rules! transparent {
    ($($wrapper:ident)*) => {$(
        impl<T: Marshal> Marshal for $wrapper<T> {
            const MAX: Option<usize> = T::MAX;

            #[inline]
            fn marshal(&self, out: &mut Writer) {
                self.0.marshal(out);
            }

            fn describe(schema: &mut Schema) {
                T::describe(schema);
            }
        }

        impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for $wrapper<T> {
            const MIN: usize = T::MIN;

            #[inline]
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                T::unmarshal(reader).map(Self)
            }
        }
    )*};
}

transparent! { Wrapping Saturating Reverse }
