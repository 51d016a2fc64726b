//! One direction of a path between two hosts: what may happen to a datagram on it.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::corruption::Corruption;
use super::delay::Delay;
use super::forgery::{Forger, Forgery};
use super::random::Random;
use crate::config::LARGEST_DATAGRAM_SIZE;

/// The most copies of one datagram that arrive.
pub const MAXIMUM_COPIES: u8 = 5;

/// The properties of one direction of a path. Probabilities are per datagram, from 0 to 1.
///
/// The default is a quiet local network: 100 µs one way, nothing is lost. Reordering follows from a
/// [`delay`](Self::delay) that varies.
///
/// ```
/// use std::time::Duration;
/// use farcall_core::sim::{Delay, Link};
///
/// let link = Link {
///     loss: 0.1,
///     delay: Delay::uniform(Duration::from_millis(1), Duration::from_millis(20)),
///     ..Link::default()
/// };
/// assert_eq!(link.to_string(), "delay 1ms..20ms, loss 0.1");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// How long a datagram is on its way. Default 100 µs.
    pub delay: Delay,
    /// How likely a datagram is lost, independently of the others. Default 0.
    pub loss: f64,
    /// Losses that come in bursts. Default none.
    pub bursts: Option<Bursts>,
    /// How likely a copy of a datagram arrives, and a copy of the copy, up to
    /// [`MAXIMUM_COPIES`] in all. Each has a delay of its own. Default 0.
    pub duplication: f64,
    /// How likely the bytes change on the way. Each copy is changed by itself. Default 0.
    pub corruption: f64,
    /// How likely somebody on the path changes what a datagram says and makes its checksum right. Default 0.
    pub forgery: f64,
    /// How likely a datagram is recorded and arrives once more, much later. Default 0.
    pub late_copies: f64,
    /// How much later. Default from 1 s to 5 min.
    pub late_delay: Delay,
    /// The largest datagram that passes, in bytes; larger ones are lost. Default 65,507.
    pub size_limit: usize,
    /// How many datagrams may be on their way at once; more are lost. Default: any number.
    pub queue_limit: usize,
}

/// Losses in bursts: the model of Gilbert and Elliott. The path is good or bad, and each datagram may
/// change that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursts {
    /// How likely a good path turns bad, per datagram.
    pub begin: f64,
    /// How likely a bad path turns good, per datagram; the mean length of a burst is `1 / end`.
    pub end: f64,
    /// How likely a datagram is lost while the path is bad.
    pub loss: f64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Delay::fixed(Duration::from_micros(100)),
            loss: 0.0,
            bursts: None,
            duplication: 0.0,
            corruption: 0.0,
            forgery: 0.0,
            late_copies: 0.0,
            late_delay: Delay::uniform(Duration::from_secs(1), Duration::from_secs(300)),
            size_limit: LARGEST_DATAGRAM_SIZE,
            queue_limit: usize::MAX,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        write!(f, "delay {}", self.delay)?;
        for (name, value) in [
            ("loss", self.loss),
            ("duplication", self.duplication),
            ("corruption", self.corruption),
            ("forgery", self.forgery),
            ("late copies", self.late_copies),
        ] {
            if value != 0.0 {
                write!(f, ", {name} {value}")?;
            }
        }
        if let Some(Bursts { begin, end, loss }) = self.bursts {
            write!(f, ", bursts {begin}/{end}/{loss}")?;
        }
        if self.late_copies != 0.0 {
            write!(f, " after {}", self.late_delay)?;
        }
        if self.size_limit != usual.size_limit {
            write!(f, ", size limit {}", self.size_limit)?;
        }
        if self.queue_limit != usual.queue_limit {
            write!(f, ", queue limit {}", self.queue_limit)?;
        }
        Ok(())
    }
}

/// What the network did with one copy of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It will arrive as it was sent.
    Sent,
    /// A copy beyond the first will arrive.
    Duplicated,
    /// It will arrive changed.
    Corrupted(Corruption),
    /// It will arrive forged, with a right checksum.
    Forged(Forgery),
    /// A recorded copy will arrive much later.
    Late,
    /// It is an old datagram that the scenario sent once more.
    Replayed,
    /// It was lost by itself.
    Lost,
    /// It was lost in a burst.
    LostInBurst,
    /// It was larger than the path carries.
    TooLarge,
    /// Too many others were on their way.
    QueueFull,
    /// The path is cut.
    Cut,
    /// Nobody has the address it was sent to.
    NoSuchAddress,
    /// The host it was sent to is down.
    HostDown,
    /// The socket it was sent to is full, because its host is paused.
    SocketFull,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "sent",
            Self::Duplicated => "copy",
            Self::Corrupted(how) => return write!(f, "corrupted: {how}"),
            Self::Forged(how) => return write!(f, "FORGED: {how}"),
            Self::Late => "late copy",
            Self::Replayed => "replayed",
            Self::Lost => "LOST",
            Self::LostInBurst => "LOST in a burst",
            Self::TooLarge => "LOST: too large",
            Self::QueueFull => "LOST: queue full",
            Self::Cut => "LOST: path cut",
            Self::NoSuchAddress => "LOST: no such address",
            Self::HostDown => "LOST: host down",
            Self::SocketFull => "LOST: socket full",
        })
    }
}

/// One copy of a datagram on its way; `after` is `None` for a lost one.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) fate: Fate,
    pub(super) after: Option<Duration>,
    pub(super) data: Bytes,
}

/// The changing state of one direction of a path.
#[derive(Debug)]
pub(super) struct LinkState {
    /// Its own properties; `None` for those of the world.
    pub(super) own: Option<Link>,
    pub(super) is_cut: bool,
    /// How many datagrams are on their way.
    pub(super) in_flight: usize,
    is_bad: bool,
    forger: Forger,
    random: Random,
}

impl LinkState {
    pub(super) fn new(random: Random) -> Self {
        Self {
            own: None,
            is_cut: false,
            in_flight: 0,
            is_bad: false,
            forger: Forger::default(),
            random,
        }
    }

    /// Decides what becomes of a datagram: one entry in `copies` for each copy of it.
    pub(super) fn carry(&mut self, usual: &Link, data: &Bytes, copies: &mut Vec<Copy>) {
        let own = self.own.take();
        self.carry_over(own.as_ref().unwrap_or(usual), data, copies);
        self.own = own;
    }

    fn carry_over(&mut self, link: &Link, data: &Bytes, copies: &mut Vec<Copy>) {
        let random = &mut self.random;
        if random.chance(link.late_copies) && !self.is_cut {
            let after = link.late_delay.sample(random);
            copies.push(Copy { fate: Fate::Late, after: Some(after), data: data.clone() });
        }
        if let Some(fate) = self.loss(link, data.len()) {
            copies.push(Copy { fate, after: None, data: data.clone() });
            return;
        }
        let random = &mut self.random;
        let mut fate = Fate::Sent;
        for _ in 0..MAXIMUM_COPIES {
            let mut data = data.clone();
            if random.chance(link.corruption) {
                let (how, corrupted) = Corruption::apply(&data, random);
                (fate, data) = (Fate::Corrupted(how), corrupted);
            }
            if random.chance(link.forgery)
                && let Some((how, forged)) = self.forger.forge(&data, random)
            {
                (fate, data) = (Fate::Forged(how), forged);
            }
            // Cause and effect never share an instant, or a path without delay stops the clock.
            let after = link.delay.sample(random).max(Duration::from_nanos(1));
            copies.push(Copy { fate, after: Some(after), data });
            if !random.chance(link.duplication) {
                break;
            }
            fate = Fate::Duplicated;
        }
    }

    /// Why the datagram is lost, if it is.
    fn loss(&mut self, link: &Link, length: usize) -> Option<Fate> {
        if self.is_cut {
            return Some(Fate::Cut);
        }
        if length > link.size_limit {
            return Some(Fate::TooLarge);
        }
        if self.in_flight >= link.queue_limit {
            return Some(Fate::QueueFull);
        }
        if let Some(bursts) = link.bursts {
            let change = if self.is_bad { bursts.end } else { bursts.begin };
            self.is_bad ^= self.random.chance(change);
            if self.is_bad && self.random.chance(bursts.loss) {
                return Some(Fate::LostInBurst);
            }
        }
        self.random.chance(link.loss).then_some(Fate::Lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> LinkState {
        LinkState::new(Random::new(1))
    }

    fn carry(state: &mut LinkState, link: &Link) -> Vec<Copy> {
        let mut copies = Vec::new();
        state.carry(link, &Bytes::from_static(b"a datagram"), &mut copies);
        copies
    }

    fn share(link: &Link, test: impl Fn(&Copy) -> bool) -> f64 {
        let mut state = state();
        let hits = (0..10_000).filter(|_| carry(&mut state, link).iter().any(&test)).count();
        hits as f64 / 10_000.0
    }

    #[test]
    fn the_default_link_delivers_everything_once_and_unchanged() {
        let mut state = state();
        for _ in 0..1_000 {
            let copies = carry(&mut state, &Link::default());
            assert_eq!(copies.len(), 1);
            assert_eq!(copies[0].fate, Fate::Sent);
            assert_eq!(copies[0].after, Some(Duration::from_micros(100)));
            assert_eq!(&copies[0].data[..], b"a datagram");
        }
    }

    #[test]
    fn each_fault_happens_as_often_as_was_asked() {
        let close = |share: f64, wanted: f64| (share - wanted).abs() < 0.02;
        let loss = Link { loss: 0.2, ..Link::default() };
        assert!(close(share(&loss, |copy| copy.fate == Fate::Lost), 0.2));
        let duplication = Link { duplication: 0.2, ..Link::default() };
        assert!(close(share(&duplication, |copy| copy.fate == Fate::Duplicated), 0.2));
        let corruption = Link { corruption: 0.2, ..Link::default() };
        assert!(close(share(&corruption, |copy| matches!(copy.fate, Fate::Corrupted(_))), 0.2));
        let late = Link { late_copies: 0.2, ..Link::default() };
        assert!(close(share(&late, |copy| copy.fate == Fate::Late), 0.2));
    }

    #[test]
    fn there_are_never_more_than_five_copies() {
        let link = Link { duplication: 1.0, ..Link::default() };
        assert_eq!(carry(&mut state(), &link).len(), usize::from(MAXIMUM_COPIES));
    }

    #[test]
    fn losses_in_bursts_come_in_bursts() {
        let bursts = Bursts { begin: 0.01, end: 0.1, loss: 1.0 };
        let link = Link { bursts: Some(bursts), ..Link::default() };
        let mut state = state();
        let lost: Vec<bool> =
            (0..100_000).map(|_| carry(&mut state, &link)[0].fate == Fate::LostInBurst).collect();
        let losses = lost.iter().filter(|lost| **lost).count();
        let begins = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        // The path is bad for 0.01 / (0.01 + 0.1) of the time, ten datagrams at a time.
        assert!((8_000..10_200).contains(&losses), "{losses}");
        assert!((9..=11).contains(&(losses / begins)), "{losses} in {begins} bursts");
    }

    #[test]
    fn limits_and_cuts_lose_what_exceeds_them() {
        let mut state = state();
        let small = Link { size_limit: 9, ..Link::default() };
        assert_eq!(carry(&mut state, &small)[0].fate, Fate::TooLarge);
        state.in_flight = 2;
        let short = Link { queue_limit: 2, ..Link::default() };
        assert_eq!(carry(&mut state, &short)[0].fate, Fate::QueueFull);
        state.is_cut = true;
        assert_eq!(carry(&mut state, &Link::default())[0].fate, Fate::Cut);
    }

    #[test]
    fn the_own_properties_of_a_link_go_before_those_of_the_world() {
        let mut state = state();
        state.own = Some(Link { loss: 1.0, ..Link::default() });
        assert_eq!(carry(&mut state, &Link::default())[0].fate, Fate::Lost);
        assert_eq!(carry(&mut state, &Link::default())[0].fate, Fate::Lost, "it lasts");
    }
}
