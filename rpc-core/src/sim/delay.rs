//! How long something takes: a datagram on its way, a handler at work.

use core::fmt;
use core::time::Duration;

use super::random::Random;

/// A distribution of durations.
///
/// ```
/// use std::time::Duration;
/// use farcall_core::sim::Delay;
///
/// let lan = Delay::fixed(Duration::from_micros(100));
/// let wifi = Delay::exponential(Duration::from_millis(1), Duration::from_millis(5));
/// assert_eq!(lan.to_string(), "100µs");
/// assert_eq!(wifi.to_string(), "1ms+exp(5ms)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    least: Duration,
    spread: Spread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spread {
    None,
    Uniform(Duration),
    Exponential(Duration),
}

impl Delay {
    /// No time at all.
    pub const ZERO: Self = Self::fixed(Duration::ZERO);
    /// It never comes to an end.
    pub const FOREVER: Self = Self::fixed(Duration::MAX);

    /// Always the same.
    pub const fn fixed(duration: Duration) -> Self {
        Self { least: duration, spread: Spread::None }
    }

    /// Evenly distributed from `least` to `most`; `least` if that is longer.
    pub const fn uniform(least: Duration, most: Duration) -> Self {
        Self { least, spread: Spread::Uniform(most.saturating_sub(least)) }
    }

    /// At least `least`, and an exponentially distributed time with this mean in addition.
    pub const fn exponential(least: Duration, mean: Duration) -> Self {
        Self { least, spread: Spread::Exponential(mean) }
    }

    /// One value.
    pub(super) fn sample(&self, random: &mut Random) -> Duration {
        let extra = match self.spread {
            Spread::None => return self.least,
            Spread::Uniform(range) => random.below(nanoseconds(range)),
            Spread::Exponential(mean) => random.exponential(nanoseconds(mean)),
        };
        self.least.saturating_add(Duration::from_nanos(extra))
    }
}

impl From<Duration> for Delay {
    fn from(duration: Duration) -> Self {
        Self::fixed(duration)
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::FOREVER {
            return f.write_str("forever");
        }
        match self.spread {
            Spread::None => write!(f, "{:?}", self.least),
            Spread::Uniform(range) => {
                write!(f, "{:?}..{:?}", self.least, self.least.saturating_add(range))
            }
            Spread::Exponential(mean) => write!(f, "{:?}+exp({mean:?})", self.least),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn every_sample_is_within_the_bounds() {
        let mut random = Random::new(1);
        let uniform = Delay::uniform(MS, 3 * MS);
        let exponential = Delay::exponential(MS, MS);
        for _ in 0..1_000 {
            assert_eq!(Delay::fixed(MS).sample(&mut random), MS);
            assert!((MS..3 * MS).contains(&uniform.sample(&mut random)));
            assert!(exponential.sample(&mut random) >= MS);
        }
    }

    #[test]
    fn a_uniform_delay_with_its_bounds_exchanged_is_its_least() {
        assert_eq!(Delay::uniform(3 * MS, MS).sample(&mut Random::new(1)), 3 * MS);
    }

    #[test]
    fn for_ever_has_no_end() {
        assert_eq!(Delay::FOREVER.sample(&mut Random::new(1)), Duration::MAX);
        assert_eq!(Delay::FOREVER.to_string(), "forever");
    }
}
