//! Integers, floating point numbers, `bool` and `char`.

use super::error::Place;
use super::schema::Scalar;
use super::sequence::copied;
use super::{DecodeError, DecodeErrorKind, Marshal, Reader, Run, Schema, Unmarshal, Writer};

/// Numbers whose every bit pattern is a value: a run of them is checked once and moved in bulk.
macro_rules! plain_numbers {
    ($($type:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Marshal for $type {
            const MAX: Option<usize> = Some(size_of::<Self>());

            #[inline]
            fn marshal(&self, out: &mut Writer) {
                out.put_raw(&self.to_be_bytes());
            }

            fn describe(schema: &mut Schema) {
                schema.scalar(Scalar::$type);
            }

            #[inline]
            fn marshal_run_room(count: usize) -> usize {
                count.saturating_mul(size_of::<Self>())
            }

            #[inline]
            fn marshal_run(run: &[Self], out: &mut Writer) {
                out.put_all(run, Self::to_be_bytes);
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a> Unmarshal<'a> for $type {
            const MIN: usize = size_of::<Self>();

            #[inline]
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                reader.take_chunk().map(Self::from_be_bytes)
            }

            #[inline]
            fn unmarshal_run(
                count: usize,
                reader: &mut Reader<'a>,
            ) -> Result<Vec<Self>, DecodeError> {
                let chunks = reader.take_chunks(count)?;
                reader.charge(size_of_val(chunks))?;
                Ok(chunks.iter().copied().map(Self::from_be_bytes).collect())
            }

            #[inline]
            fn unmarshal_array<const N: usize>(
                reader: &mut Reader<'a>,
            ) -> Result<[Self; N], DecodeError> {
                let mut array = [Self::from_be_bytes([0; _]); N];
                for (value, chunk) in array.iter_mut().zip(reader.take_chunks(N)?) {
                    *value = Self::from_be_bytes(*chunk);
                }
                Ok(array)
            }
        }
    )*};
}

plain_numbers! { u32 i32 u64 i64 u128 i128 f32 f64 }

/// Types that use only some of the patterns of a unit or of a hyper.
macro_rules! checked_scalars {
    ($($type:ident: $word:ident, $to_word:expr, $from_word:expr, $kind:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Marshal for $type {
            const MAX: Option<usize> = Some(size_of::<$word>());

            #[inline]
            fn marshal(&self, out: &mut Writer) {
                let to_word: fn(Self) -> $word = $to_word;
                out.put_raw(&to_word(*self).to_be_bytes());
            }

            fn describe(schema: &mut Schema) {
                schema.scalar(Scalar::$type);
            }

            #[inline]
            fn marshal_run_room(count: usize) -> usize {
                count.saturating_mul(size_of::<$word>())
            }

            #[inline]
            fn marshal_run(run: &[Self], out: &mut Writer) {
                out.put_all(run, |value| {
                    let to_word: fn(Self) -> $word = $to_word;
                    to_word(value).to_be_bytes()
                });
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a> Unmarshal<'a> for $type {
            const MIN: usize = size_of::<$word>();

            #[inline]
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let from_word: fn($word) -> Option<Self> = $from_word;
                let word = $word::from_be_bytes(reader.take_chunk()?);
                from_word(word)
                    .ok_or_else(|| reader.error_before(size_of::<$word>(), $kind(word)))
            }

            #[inline]
            fn unmarshal_run(
                count: usize,
                reader: &mut Reader<'a>,
            ) -> Result<Vec<Self>, DecodeError> {
                let from_word: fn($word) -> Option<Self> = $from_word;
                let start = reader.position();
                let chunks = reader.take_chunks(count)?;
                reader.charge(count.saturating_mul(size_of::<Self>()))?;
                let mut run = Vec::with_capacity(count);
                for (index, chunk) in chunks.iter().enumerate() {
                    let word = $word::from_be_bytes(*chunk);
                    let Some(value) = from_word(word) else {
                        let offset = start + index * size_of::<$word>();
                        let error = DecodeError::new($kind(word), offset);
                        return Err(error.within(Place::Index(index)));
                    };
                    run.push(value);
                }
                Ok(run)
            }
        }
    )*};
}

fn out_of_range<W>(type_name: &'static str) -> impl Fn(W) -> DecodeErrorKind {
    move |_| DecodeErrorKind::OutOfRange { type_name }
}

checked_scalars! {
    i8: i32, i32::from, |word| word.try_into().ok(), out_of_range("i8");
    u16: u32, u32::from, |word| word.try_into().ok(), out_of_range("u16");
    i16: i32, i32::from, |word| word.try_into().ok(), out_of_range("i16");
    // No loss: a `usize` has at most 64 bits on every platform there is.
    usize: u64, |value| value as u64, |word| word.try_into().ok(), out_of_range("usize");
    isize: i64, |value| value as i64, |word| word.try_into().ok(), out_of_range("isize");
    bool: u32, u32::from, |word| (word < 2).then_some(word == 1),
        |value| DecodeErrorKind::NotABool { value };
    char: u32, u32::from, char::from_u32, |value| DecodeErrorKind::NotAChar { value };
}

/// A unit on its own, a byte in a run.
#[diagnostic::do_not_recommend]
impl Marshal for u8 {
    const MAX: Option<usize> = Some(4);
    const RUN_MAX: Option<usize> = Some(1);

    #[inline]
    fn marshal(&self, out: &mut Writer) {
        out.put_u32(u32::from(*self));
    }

    fn describe(schema: &mut Schema) {
        schema.scalar(Scalar::u8);
    }

    #[inline]
    fn marshal_run_room(count: usize) -> usize {
        count
    }

    #[inline]
    fn marshal_owned_run_room(count: usize) -> usize {
        copied(count)
    }

    #[inline]
    fn marshal_owned_run(run: Vec<Self>, out: &mut Writer) {
        out.put_owned(run);
    }

    #[inline]
    fn marshal_run(run: &[Self], out: &mut Writer) {
        // The padding as well, or writing it could double the buffer.
        out.reserve_run(run.len().saturating_add(3));
        out.put_raw(run);
    }

    fn describe_run(length: Option<usize>, schema: &mut Schema) {
        schema.opaque(length);
    }
}

/// A unit on its own, a byte in a run.
#[diagnostic::do_not_recommend]
impl<'a> Unmarshal<'a> for u8 {
    const MIN: usize = 4;
    const RUN_MIN: usize = 1;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader
            .read_u32()?
            .try_into()
            .map_err(|_| reader.error_before(4, DecodeErrorKind::OutOfRange { type_name: "u8" }))
    }

    #[inline]
    fn unmarshal_run(count: usize, reader: &mut Reader<'a>) -> Result<Vec<Self>, DecodeError> {
        let bytes = reader.take(count)?;
        reader.charge(count)?;
        Ok(bytes.to_vec())
    }

    #[inline]
    fn unmarshal_array<const N: usize>(reader: &mut Reader<'a>) -> Result<[Self; N], DecodeError> {
        reader.take_chunk()
    }

    #[inline]
    fn unmarshal_slice<'s>(
        count: usize,
        reader: &mut Reader<'a>,
    ) -> Result<Run<'s, Self>, DecodeError>
    where
        'a: 's,
    {
        reader.take(count).map(Run::Borrowed)
    }
}
