//! How bad the network is at the moment.

use core::time::Duration;

use fastrand::Rng;

use crate::arguments::Fault;

/// What happens to each datagram, with probabilities from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weather {
    pub(crate) loss: f64,
    pub(crate) duplication: f64,
    /// Some bytes are other ones.
    pub(crate) corruption: f64,
    /// Some bytes are missing at the end.
    pub(crate) truncation: f64,
    /// It arrives so late that others overtake it.
    pub(crate) delay: f64,
    /// The mean of such a delay.
    pub(crate) mean_delay: Duration,
    /// A datagram of long ago, perhaps of a process that is dead, arrives beside it.
    pub(crate) replay: f64,
    /// Nothing gets through.
    pub(crate) is_blackout: bool,
}

impl Weather {
    /// Everything arrives, once, in order.
    pub(crate) const CALM: Self = Self {
        loss: 0.0,
        duplication: 0.0,
        corruption: 0.0,
        truncation: 0.0,
        delay: 0.0,
        mean_delay: Duration::ZERO,
        replay: 0.0,
        is_blackout: false,
    };

    /// The weather of the next while, and how long it lasts. Each kind of fault is off in half of all
    /// weathers, so that the others are seen alone as well.
    pub(crate) fn draw(random: &mut Rng) -> (Self, Duration) {
        let mut up_to = |most: f64| if random.bool() { random.f64() * most } else { 0.0 };
        let weather = Self {
            loss: up_to(0.2),
            duplication: up_to(0.3),
            corruption: up_to(0.05),
            truncation: up_to(0.05),
            delay: up_to(0.3),
            mean_delay: Duration::from_micros(500 + (up_to(1.0) * 20_000.0) as u64),
            replay: up_to(0.05),
            is_blackout: false,
        };
        if random.u8(..12) == 0 {
            let blackout = Self { is_blackout: true, ..weather };
            return (blackout, Duration::from_millis(random.u64(50..800)));
        }
        (weather, Duration::from_millis(random.u64(300..3000)))
    }

    /// The same without some kinds of faults.
    pub(crate) fn without(mut self, faults: &[Fault]) -> Self {
        for fault in faults {
            match fault {
                Fault::Loss => self.loss = 0.0,
                Fault::Duplication => self.duplication = 0.0,
                Fault::Corruption => self.corruption = 0.0,
                Fault::Truncation => self.truncation = 0.0,
                Fault::Delay => self.delay = 0.0,
                Fault::Replay => self.replay = 0.0,
                Fault::Blackout => self.is_blackout = false,
                Fault::Rebinding | Fault::Kills | Fault::Stops => {}
            }
        }
        self
    }
}

/// How a datagram is changed on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    Corrupted,
    Truncated,
}

impl Damage {
    /// A changed copy of `datagram`, always different from it. An empty one can only grow.
    pub(crate) fn apply(self, datagram: &[u8], random: &mut Rng) -> Vec<u8> {
        let mut bytes = datagram.to_vec();
        match self {
            Self::Truncated if !bytes.is_empty() => bytes.truncate(random.usize(..bytes.len())),
            Self::Corrupted if !bytes.is_empty() && random.u8(..4) > 0 => {
                overwrite(&mut bytes, random);
            }
            _ => bytes.extend((0..random.usize(1..=16)).map(|_| random.u8(..))),
        }
        bytes
    }
}

/// Changes one bit, or a run of bytes.
fn overwrite(bytes: &mut [u8], random: &mut Rng) {
    let start = random.usize(..bytes.len());
    if random.bool() {
        bytes[start] ^= 1 << random.u8(..8);
        return;
    }
    // The first byte of the run surely changes.
    bytes[start] ^= random.u8(1..);
    let length = random.usize(..64);
    for byte in bytes[start..].iter_mut().skip(1).take(length) {
        *byte = random.u8(..);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_always_changes_something() {
        let mut random = Rng::with_seed(1);
        for round in 0..2000 {
            let datagram: Vec<u8> = (0..round % 50).map(|byte| byte as u8).collect();
            for damage in [Damage::Corrupted, Damage::Truncated] {
                assert_ne!(damage.apply(&datagram, &mut random), datagram, "{damage:?}");
            }
        }
    }

    #[test]
    fn a_seed_has_weather_of_every_kind() {
        let mut random = Rng::with_seed(2);
        let drawn: Vec<_> = (0..200).map(|_| Weather::draw(&mut random).0).collect();
        let some = |is: fn(&Weather) -> bool| drawn.iter().filter(|weather| is(weather)).count();
        for (what, count) in [
            ("loss", some(|weather| weather.loss > 0.0)),
            ("no loss", some(|weather| weather.loss == 0.0)),
            ("duplication", some(|weather| weather.duplication > 0.0)),
            ("corruption", some(|weather| weather.corruption > 0.0)),
            ("truncation", some(|weather| weather.truncation > 0.0)),
            ("delay", some(|weather| weather.delay > 0.0)),
            ("replay", some(|weather| weather.replay > 0.0)),
        ] {
            assert!((60..=140).contains(&count), "{what}: {count}");
        }
        assert!((5..50).contains(&some(|weather| weather.is_blackout)));
    }
}
