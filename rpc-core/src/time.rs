//! The protocol's own clock value.
//!
//! A [`Timestamp`] is an integer count of nanoseconds since an origin that the host of an endpoint
//! chose. It cannot read a clock: time is always an argument of the core, so that the same code runs
//! under the system clock and under the virtual time of the simulator.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A point in time: nanoseconds since the host's origin.
///
/// Arithmetic saturates: a clock that jumps can make a timer late, never make it panic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// Later than every timer.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point `nanoseconds` after the origin.
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanoseconds(duration)))
    }
}

/// The length of a duration, or of the longest that a timestamp has room for.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    let rest = u64::from(duration.subsec_nanos());
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(rest)
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("never");
        }
        write!(f, "{}.{:09}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// Where a [`Context`](crate::Context) reads the time from: the system clock or virtual time.
pub trait Clock: Send + Sync {
    /// The present time on this host.
    fn now(&self) -> Timestamp;
}
