//! Durations and points in time.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{DecodeError, DecodeErrorKind, Marshal, Reader, Schema, Unmarshal, Writer};

const NANOSECONDS: u32 = 1_000_000_000;

/// Whole seconds as an unsigned hyper, and the nanoseconds of the last one as a unit.
#[diagnostic::do_not_recommend]
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
#[diagnostic::do_not_recommend]
impl<'a> Unmarshal<'a> for Duration {
    const MIN: usize = 12;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let seconds = reader.read_u64()?;
        Ok(Self::new(seconds, nanoseconds(reader, "the nanoseconds of a Duration")?))
    }
}

fn nanoseconds(reader: &mut Reader<'_>, type_name: &'static str) -> Result<u32, DecodeError> {
    let nanoseconds = reader.read_u32()?;
    if nanoseconds >= NANOSECONDS {
        return Err(reader.error_before(4, DecodeErrorKind::OutOfRange { type_name }));
    }
    Ok(nanoseconds)
}

/// Seconds since the beginning of 1970 in UTC as a hyper, and the nanoseconds after it as a unit.
/// Before 1970 the seconds are negative, and the nanoseconds still count forwards.
impl Marshal for SystemTime {
    const MAX: Option<usize> = Some(12);

    fn marshal(&self, out: &mut Writer) {
        let (seconds, nanoseconds) = match self.duration_since(UNIX_EPOCH) {
            Ok(after) => (i128::from(after.as_secs()), after.subsec_nanos()),
            Err(error) => {
                let before = error.duration();
                let seconds = -i128::from(before.as_secs());
                match before.subsec_nanos() {
                    0 => (seconds, 0),
                    nanoseconds => (seconds - 1, NANOSECONDS - nanoseconds),
                }
            }
        };
        let seconds = i64::try_from(seconds).unwrap_or_else(|_| {
            out.fail("a SystemTime is farther from 1970 than 64 bits of seconds can say");
            0
        });
        out.put_i64(seconds);
        out.put_u32(nanoseconds);
    }

    fn describe(schema: &mut Schema) {
        schema.structure("std::time::SystemTime", "SystemTime", |fields| {
            fields.field::<i64>("seconds");
            fields.field::<u32>("nanoseconds");
        });
    }
}

/// As exactly as the platform can express it.
impl<'a> Unmarshal<'a> for SystemTime {
    const MIN: usize = 12;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let seconds = reader.read_i64()?;
        let nanoseconds = nanoseconds(reader, "the nanoseconds of a SystemTime")?;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let second =
            if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        second
            .and_then(|second| second.checked_add(Duration::from_nanos(nanoseconds.into())))
            .ok_or_else(|| {
                let kind = DecodeErrorKind::OutOfRange { type_name: "SystemTime" };
                reader.error_before(12, kind)
            })
    }
}
