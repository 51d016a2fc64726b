//! Durations.

use core::time::Duration;

use super::{DecodeError, DecodeErrorKind, Marshal, Reader, Schema, Unmarshal, Writer};

/// Whole seconds as an unsigned hyper, and the nanoseconds of the last one as a unit.
impl Marshal for Duration {
    const MAX: Option<usize> = Some(12);

    #[inline]
    fn marshal(&self, out: &mut Writer) {
        out.put_u64(self.as_secs());
        out.put_u32(self.subsec_nanos());
    }

    fn describe(schema: &mut Schema) {
        schema.structure("core::time::Duration", "Duration", |fields| {
            fields.field::<u64>("seconds");
            fields.field::<u32>("nanoseconds");
        });
    }
}

/// A second has fewer than 10⁹ nanoseconds: each duration has one encoding.
impl<'a> Unmarshal<'a> for Duration {
    const MIN: usize = 12;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let seconds = reader.read_u64()?;
        let nanoseconds = reader.read_u32()?;
        if nanoseconds >= 1_000_000_000 {
            let kind = DecodeErrorKind::OutOfRange { type_name: "the nanoseconds of a Duration" };
            return Err(reader.error_before(4, kind));
        }
        Ok(Self::new(seconds, nanoseconds))
    }
}
