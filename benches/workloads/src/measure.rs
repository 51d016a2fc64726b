//! Taking times and summing them up.

use core::fmt;
use core::time::Duration;
use std::time::Instant;

use hdrhistogram::Histogram;

use super::Result;
use super::system::Client;

/// How many were answered, and within which time.
#[derive(Clone, Copy, Debug)]
pub struct Exchanged {
    /// How many.
    pub count: u64,
    /// How long it took.
    pub time: Duration,
}

impl Exchanged {
    /// Per second.
    pub fn rate(self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }
}

/// How long calls took that were made one after the other, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// In the middle.
    pub p50: f64,
    /// One in a hundred takes longer.
    pub p99: f64,
    /// One in a thousand takes longer.
    pub p999: f64,
    /// How many they were.
    pub exchanged: Exchanged,
}

/// How long each of many things took, and how long all of them together.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// In nanoseconds.
    pub histogram: Histogram<u64>,
    /// How many they were.
    pub exchanged: Exchanged,
}

impl Distribution {
    /// The figures that people compare.
    pub fn latency(&self) -> Latency {
        let microseconds = |quantile| self.histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Latency {
            p50: microseconds(0.5),
            p99: microseconds(0.99),
            p999: microseconds(0.999),
            exchanged: self.exchanged,
        }
    }
}

/// Makes calls one after the other for `time`.
///
/// # Errors
/// When a call fails.
pub fn latency(client: &mut dyn Client, time: Duration) -> Result<Latency> {
    Ok(distribution(client, time)?.latency())
}

/// Makes calls one after the other for `time`.
///
/// # Errors
/// When a call fails.
pub fn distribution(client: &mut dyn Client, time: Duration) -> Result<Distribution> {
    distribution_of(time, 0, || {
        let began = Instant::now();
        client.call()?;
        Ok(began.elapsed())
    })
}

/// Has something done again and again for `time`, and at least `fewest` times, that says itself how
/// long it took.
///
/// # Errors
/// What `take` fails with.
pub fn distribution_of(
    time: Duration,
    fewest: u64,
    mut take: impl FnMut() -> Result<Duration>,
) -> Result<Distribution> {
    // A thousandth of precision from a nanosecond to a minute.
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    let start = Instant::now();
    while start.elapsed() < time || histogram.len() < fewest {
        let taken = take()?;
        histogram.saturating_record(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX));
    }
    let exchanged = Exchanged { count: histogram.len(), time: start.elapsed() };
    Ok(Distribution { histogram, exchanged })
}

/// One figure over all repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// In the middle.
    pub median: f64,
    /// The least.
    pub minimum: f64,
    /// The most.
    pub maximum: f64,
}

impl Spread {
    /// Of the figures of at least one repetition.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (Some(&minimum), Some(&maximum)) = (figures.first(), figures.last()) else {
            return Self { median: f64::NAN, minimum: f64::NAN, maximum: f64::NAN };
        };
        let middle = figures.len() / 2;
        let median = if figures.len() % 2 == 1 {
            figures[middle]
        } else {
            f64::midpoint(figures[middle - 1], figures[middle])
        };
        Self { median, minimum, maximum }
    }

    /// The same in another unit.
    pub fn times(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            minimum: self.minimum * factor,
            maximum: self.maximum * factor,
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.median {
            median if median < 10.0 => 2,
            median if median < 1000.0 => 1,
            _ => 0,
        };
        let [median, minimum, maximum] =
            [self.median, self.minimum, self.maximum].map(|value| grouped(value, digits));
        write!(f, "{median} ({minimum} .. {maximum})")
    }
}

/// A number with a comma after each three digits before the point.
fn grouped(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if place > 0 && left % 3 == 0 && digit.is_ascii_digit() && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_its_middle_and_its_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!(spread, Spread { median: 2.0, minimum: 1.0, maximum: 3.0 });
        assert_eq!(Spread::of([1.0, 2.0]).median, 1.5);
        assert!(Spread::of([]).median.is_nan());
    }

    #[test]
    fn large_numbers_can_be_read() {
        assert_eq!(grouped(1_234_567.4, 0), "1,234,567");
        assert_eq!(grouped(-123.45, 1), "-123.5");
        assert_eq!(grouped(999.0, 2), "999.00");
        assert_eq!(grouped(f64::NAN, 0), "NaN");
    }
}
