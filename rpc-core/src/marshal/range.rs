//! Ranges and their bounds, and what a comparison gives.

use core::cmp::Ordering;
use core::convert::Infallible;
use core::ops::{Bound, Range, RangeInclusive};

use super::{DecodeError, Marshal, Reader, Schema, Unmarshal, Writer, max_add, min_add};

macro_rules! ranges {
    ($($range:ident: $start:expr, $end:expr, $new:expr;)*) => {$(
        /// The start and the end. Nothing says that the start comes first.
        impl<T: Marshal> Marshal for $range<T> {
            const MAX: Option<usize> = max_add(T::MAX, T::MAX);

            fn marshal(&self, out: &mut Writer) {
                let (start, end): (fn(&Self) -> &T, fn(&Self) -> &T) = ($start, $end);
                start(self).marshal(out);
                end(self).marshal(out);
            }

            fn describe(schema: &mut Schema) {
                schema.structure(core::any::type_name::<Self>(), stringify!($range), |fields| {
                    fields.field::<T>("start");
                    fields.field::<T>("end");
                });
            }
        }

        impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for $range<T> {
            const MIN: usize = min_add(T::MIN, T::MIN);

            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let start = reader.field(stringify!($range), "start")?;
                let end = reader.field(stringify!($range), "end")?;
                Ok($new(start, end))
            }
        }
    )*};
}

ranges! {
    Range: |range| &range.start, |range| &range.end, |start, end| start..end;
    RangeInclusive: Self::start, Self::end, Self::new;
}

const INCLUDED: u32 = 0;
const EXCLUDED: u32 = 1;
const UNBOUNDED: u32 = 2;

impl<T: Marshal> Marshal for Bound<T> {
    const MAX: Option<usize> = max_add(Some(4), T::MAX);

    fn marshal(&self, out: &mut Writer) {
        match self {
            Self::Included(bound) => {
                out.put_tag(INCLUDED);
                bound.marshal(out);
            }
            Self::Excluded(bound) => {
                out.put_tag(EXCLUDED);
                bound.marshal(out);
            }
            Self::Unbounded => out.put_tag(UNBOUNDED),
        }
    }

    fn describe(schema: &mut Schema) {
        schema.enumeration(core::any::type_name::<Self>(), "Bound", |variants| {
            variants.variant(INCLUDED, "Included", |fields| fields.field::<T>("0"));
            variants.variant(EXCLUDED, "Excluded", |fields| fields.field::<T>("0"));
            variants.variant(UNBOUNDED, "Unbounded", |_| {});
        });
    }
}

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for Bound<T> {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.read_tag()? {
            INCLUDED => reader.field("Bound", "Included").map(Self::Included),
            EXCLUDED => reader.field("Bound", "Excluded").map(Self::Excluded),
            UNBOUNDED => Ok(Self::Unbounded),
            tag => Err(reader.unknown_variant("Bound", tag)),
        }
    }
}

const ORDERINGS: [(&str, Ordering); 3] =
    [("Less", Ordering::Less), ("Equal", Ordering::Equal), ("Greater", Ordering::Greater)];

/// The position among the variants, as every enumeration.
impl Marshal for Ordering {
    const MAX: Option<usize> = Some(4);

    fn marshal(&self, out: &mut Writer) {
        out.put_tag((*self as i8 + 1) as u32);
    }

    fn describe(schema: &mut Schema) {
        schema.enumeration("core::cmp::Ordering", "Ordering", |variants| {
            for (tag, (name, _)) in (0..).zip(ORDERINGS) {
                variants.variant(tag, name, |_| {});
            }
        });
    }
}

impl<'a> Unmarshal<'a> for Ordering {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let tag = reader.read_tag()?;
        match ORDERINGS.get(tag as usize) {
            Some((_, ordering)) => Ok(*ordering),
            None => Err(reader.unknown_variant("Ordering", tag)),
        }
    }
}

/// There is no value to encode, as in the `Err` of a `Result<T, Infallible>`.
impl Marshal for Infallible {
    const MAX: Option<usize> = Some(0);

    fn marshal(&self, _: &mut Writer) {
        match *self {}
    }

    fn describe(schema: &mut Schema) {
        schema.enumeration("core::convert::Infallible", "Infallible", |_| {});
    }
}

/// No bytes are a value.
impl<'a> Unmarshal<'a> for Infallible {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let tag = reader.read_tag()?;
        Err(reader.unknown_variant("Infallible", tag))
    }
}
