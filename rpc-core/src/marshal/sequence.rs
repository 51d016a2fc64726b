//! Strings, byte strings, vectors, slices and arrays.
//!
//! The container writes the count, the run of its elements, and then aligns. Since every position
//! is a multiple of four, aligning does nothing unless the elements are bytes.

use core::ops::Deref;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Body, DecodeError, Marshal, Reader, Schema, Unmarshal, Writer};

/// A run of elements that was decoded: the bytes of the message themselves, or a vector.
#[derive(Clone, Debug)]
pub enum Run<'a, T> {
    /// A part of the message. Only bytes are borrowed: other elements have another form there.
    Borrowed(&'a [T]),
    /// Elements that had to be decoded.
    Owned(Vec<T>),
}

impl<T> Deref for Run<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::Borrowed(run) => run,
            Self::Owned(run) => run,
        }
    }
}

/// The room for a count, a run of `bytes` bytes, and padding.
#[inline]
const fn room(bytes: usize) -> usize {
    bytes.saturating_add(7) & !3
}

/// How many of so many bytes are copied into a message that may share them.
#[inline]
pub(super) const fn copied(bytes: usize) -> usize {
    if bytes < Body::SHARED_FROM { bytes } else { 0 }
}

#[diagnostic::do_not_recommend]
impl Marshal for str {
    #[inline]
    fn marshal(&self, out: &mut Writer) {
        out.put_opaque(self.as_bytes());
    }

    #[inline]
    fn marshal_room(&self) -> usize {
        room(self.len())
    }

    fn describe(schema: &mut Schema) {
        schema.string();
    }
}

#[diagnostic::do_not_recommend]
impl Marshal for String {
    #[inline]
    fn marshal(&self, out: &mut Writer) {
        self.as_str().marshal(out);
    }

    #[inline]
    fn marshal_owned(self, out: &mut Writer) {
        out.put_owned(self.into_bytes());
    }

    #[inline]
    fn marshal_owned_room(&self) -> usize {
        room(copied(self.len()))
    }

    #[inline]
    fn marshal_room(&self) -> usize {
        room(self.len())
    }

    fn describe(schema: &mut Schema) {
        schema.string();
    }
}

impl<T: Marshal> Marshal for [T] {
    #[inline]
    fn marshal(&self, out: &mut Writer) {
        out.put_count(self.len());
        T::marshal_run(self, out);
        out.align();
    }

    #[inline]
    fn marshal_room(&self) -> usize {
        room(T::marshal_run_room(self.len()))
    }

    fn describe(schema: &mut Schema) {
        T::describe_run(None, schema);
    }
}

impl<T: Marshal> Marshal for Vec<T> {
    #[inline]
    fn marshal(&self, out: &mut Writer) {
        self.as_slice().marshal(out);
    }

    #[inline]
    fn marshal_owned(self, out: &mut Writer) {
        T::marshal_owned_run(self, out);
    }

    #[inline]
    fn marshal_owned_room(&self) -> usize {
        room(T::marshal_owned_run_room(self.len()))
    }

    #[inline]
    fn marshal_room(&self) -> usize {
        self.as_slice().marshal_room()
    }

    fn describe(schema: &mut Schema) {
        T::describe_run(None, schema);
    }
}

impl<T: Marshal> Marshal for VecDeque<T> {
    fn marshal(&self, out: &mut Writer) {
        let (front, back) = self.as_slices();
        out.put_count(self.len());
        T::marshal_run(front, out);
        T::marshal_run(back, out);
        out.align();
    }

    #[inline]
    fn marshal_room(&self) -> usize {
        room(T::marshal_run_room(self.len()))
    }

    fn describe(schema: &mut Schema) {
        T::describe_run(None, schema);
    }
}

macro_rules! marshal_buffers {
    ($($buffer:ident: $put:ident, $copied:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Marshal for $buffer {
            #[inline]
            fn marshal(&self, out: &mut Writer) {
                out.$put(self);
            }

            #[inline]
            fn marshal_room(&self) -> usize {
                room($copied(self.len()))
            }

            fn describe(schema: &mut Schema) {
                schema.opaque(None);
            }
        }
    )*};
}

marshal_buffers! {
    Bytes: put_shared, copied;
    BytesMut: put_opaque, core::convert::identity;
}

impl<T: Marshal, const N: usize> Marshal for [T; N] {
    #[inline]
    fn marshal_room(&self) -> usize {
        T::marshal_run_room(N)
    }

    const MAX: Option<usize> = match T::RUN_MAX {
        Some(each) => match each.checked_mul(N) {
            Some(all) => all.checked_next_multiple_of(4),
            None => None,
        },
        None if N == 0 => Some(0),
        None => None,
    };

    #[inline]
    fn marshal(&self, out: &mut Writer) {
        T::marshal_run(self, out);
        out.align();
    }

    fn describe(schema: &mut Schema) {
        T::describe_run(Some(N), schema);
    }
}

#[diagnostic::do_not_recommend]
impl<'a> Unmarshal<'a> for String {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let text = reader.read_str()?;
        reader.charge(text.len())?;
        Ok(Self::from(text))
    }
}

#[diagnostic::do_not_recommend]
impl<'a> Unmarshal<'a> for Box<str> {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        String::unmarshal(reader).map(String::into_boxed_str)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> Unmarshal<'a> for Bytes {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_bytes()
    }
}

impl<'a> Unmarshal<'a> for BytesMut {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let bytes = reader.read_opaque()?;
        reader.charge(bytes.len())?;
        Ok(Self::from(bytes))
    }
}

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for Vec<T> {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = reader.read_count()?;
        let run = T::unmarshal_run(count, reader)?;
        reader.align()?;
        Ok(run)
    }
}

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for VecDeque<T> {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Vec::unmarshal(reader).map(Self::from)
    }
}

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for Box<[T]> {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // The vector is as long as its capacity, so that this does not allocate again.
        Vec::unmarshal(reader).map(Vec::into_boxed_slice)
    }
}

/// Reference-counted strings and slices have their bytes next to the two counters.
macro_rules! shared_sequences {
    ($($pointer:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<'a> Unmarshal<'a> for $pointer<str> {
            const MIN: usize = 4;

            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let text = reader.read_str()?;
                reader.charge(text.len().saturating_add(3 * size_of::<usize>()))?;
                Ok(Self::from(text))
            }
        }

        impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for $pointer<[T]> {
            const MIN: usize = 4;

            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let run = Vec::unmarshal(reader)?;
                // For a moment the elements are there twice.
                let counters = 2 * size_of::<usize>() + align_of::<T>().max(align_of::<usize>());
                reader.charge(size_of_val(run.as_slice()).saturating_add(counters))?;
                Ok(Self::from(run))
            }
        }
    )*};
}

shared_sequences! { Rc Arc }

impl<'a, T: Unmarshal<'a>, const N: usize> Unmarshal<'a> for [T; N] {
    // A multiple of four that overflows is above what any message has, and so is `usize::MAX`.
    const MIN: usize = match T::RUN_MIN.saturating_mul(N).checked_next_multiple_of(4) {
        Some(bytes) => bytes,
        None => usize::MAX,
    };

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let array = T::unmarshal_array(reader)?;
        reader.align()?;
        Ok(array)
    }
}
