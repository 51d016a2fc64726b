//! The single source of every decision that a run leaves to chance.

use core::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::decisions::{Decisions, Recording};
use super::exhaustive::Path;
use super::random::{Purpose, Random, Source, Stream};

/// Where the decisions of a run come from: whether a datagram is lost, how long it takes, and whatever
/// a scenario asks [`World::random`](super::World::random) for.
///
/// A decision is a number, and zero always means that nothing special happens: nothing is lost, the
/// shortest delay, the first of several. So the same scenario is run in four ways:
///
/// | Form | What it is for |
/// |---|---|
/// | [`seeded`](Self::seeded) | many runs, each determined by one number |
/// | [`recorded`](Self::recorded) | a run again, in whole or with some of its decisions undone |
/// | [`bytes`](Self::bytes) | runs that a fuzzer steers |
/// | [`Exhaustive`](super::Exhaustive) | every run with so many deviations from the ordinary |
///
/// Identifiers and secrets of endpoints (session ids, nonces, cookies) come from a generator with the
/// run's seed in every form: they have to differ, and which they are decides nothing.
///
/// ```
/// use farcall_core::sim::{Choices, Settings, World};
///
/// let world = World::with(Settings::choosing(Choices::bytes(&[200, 7])));
/// let mut random = world.random(0);
/// assert_eq!((random.below(256), random.below(256)), (200, 7));
/// assert_eq!(random.below(256), 0, "where the bytes end, nothing happens any more");
/// ```
///
/// Clones share their state: a recording has one list, and bytes are used up by all together.
#[derive(Clone)]
pub struct Choices(Form);

#[derive(Clone)]
enum Form {
    Seeded(u64),
    Recording(u64, Arc<Mutex<Recording>>),
    Recorded(Arc<Decisions>),
    Bytes(Arc<Mutex<Input>>),
    Exhaustive(Arc<Mutex<Path>>),
}

impl Choices {
    /// Pseudo-random decisions, the same for the same seed on every platform and with every build.
    pub fn seeded(seed: u64) -> Self {
        Self(Form::Seeded(seed))
    }

    /// The decisions of [`seeded`](Self::seeded), written down as they are made: see
    /// [`decisions`](Self::decisions).
    pub fn recording(seed: u64) -> Self {
        Self(Form::Recording(seed, Arc::default()))
    }

    /// Decisions that were written down before. What the list does not say is zero.
    pub fn recorded(decisions: Decisions) -> Self {
        Self(Form::Recorded(Arc::new(decisions)))
    }

    /// Decisions from these bytes, in the order in which they are asked for; zero at their end. A
    /// decision takes as many bytes as its range needs.
    pub fn bytes(bytes: &[u8]) -> Self {
        let input = Input { bytes: bytes.to_vec(), next: 0 };
        Self(Form::Bytes(Arc::new(Mutex::new(input))))
    }

    pub(super) fn exhaustive(path: Arc<Mutex<Path>>) -> Self {
        Self(Form::Exhaustive(path))
    }

    /// What was decided so far, if it is being recorded or was.
    pub fn decisions(&self) -> Option<Decisions> {
        match &self.0 {
            Form::Recording(seed, recording) => Some(recording.lock().decisions(*seed)),
            Form::Recorded(decisions) => Some(Decisions::clone(decisions)),
            Form::Seeded(_) | Form::Bytes(_) | Form::Exhaustive(_) => None,
        }
    }

    /// The stream of decisions for one purpose.
    pub(super) fn stream(&self, stream: Stream) -> Random {
        if stream.purpose == Purpose::Entropy {
            return Random::stream(self.seed(), stream);
        }
        let source = match &self.0 {
            Form::Seeded(seed) => return Random::stream(*seed, stream),
            Form::Recording(seed, recording) => Source::Recording {
                generator: Source::generator(*seed, stream),
                list: recording.lock().list(stream),
                next: 0,
            },
            Form::Recorded(decisions) => {
                Source::Recorded { decisions: Arc::clone(decisions), stream, next: 0 }
            }
            Form::Bytes(input) => Source::Bytes(Arc::clone(input)),
            Form::Exhaustive(path) => Source::Exhaustive(Arc::clone(path)),
        };
        Random::from_source(source)
    }

    fn seed(&self) -> u64 {
        match &self.0 {
            Form::Seeded(seed) | Form::Recording(seed, _) => *seed,
            Form::Recorded(decisions) => decisions.seed(),
            Form::Bytes(_) | Form::Exhaustive(_) => 0,
        }
    }
}

impl fmt::Display for Choices {
    /// What gives the same run again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Seeded(seed) | Form::Recording(seed, _) => write!(f, "seed {seed}"),
            Form::Recorded(decisions) => write!(f, "{} recorded decisions", decisions.count()),
            Form::Bytes(input) => write!(f, "bytes {:02x?}", input.lock().bytes),
            Form::Exhaustive(path) => write!(f, "{}", path.lock()),
        }
    }
}

impl fmt::Debug for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is left of the bytes that decide a run.
#[derive(Debug)]
pub(super) struct Input {
    bytes: Vec<u8>,
    next: usize,
}

impl Input {
    /// A number of which the upper `bits` bits count, or a few more.
    pub(super) fn draw(&mut self, bits: u32) -> u64 {
        let mut number = [0; 8];
        for byte in number.iter_mut().take(bits.div_ceil(8) as usize) {
            *byte = self.bytes.get(self.next).copied().unwrap_or(0);
            self.next += 1;
        }
        u64::from_be_bytes(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Stream = Stream::new(Purpose::Link, 0, 1);
    const SCENARIO: Stream = Stream::new(Purpose::Scenario, 7, 0);

    fn some(random: &mut Random) -> Vec<u64> {
        let chance = u64::from(random.chance(0.5));
        vec![random.below(10), chance, random.exponential(1_000), random.below(1 << 40)]
    }

    #[test]
    fn a_recorded_run_decides_as_the_seed_did() {
        let recording = Choices::recording(5);
        let mut wanted = some(&mut recording.stream(LINK));
        wanted.extend(some(&mut recording.stream(SCENARIO)));
        assert_eq!(wanted[..4], some(&mut Choices::seeded(5).stream(LINK)));

        let text = recording.decisions().expect("it was recorded").to_string();
        let again = Choices::recorded(text.parse().expect("it is what was written"));
        let mut found = some(&mut again.stream(LINK));
        let mut random = again.stream(SCENARIO);
        found.extend(some(&mut random));
        assert_eq!(found, wanted);
        assert_eq!(some(&mut random), [0; 4], "what is not in the list is zero");
    }

    #[test]
    fn a_stream_that_is_opened_twice_is_recorded_once() {
        let recording = Choices::recording(5);
        let first = some(&mut recording.stream(LINK));
        assert_eq!(first, some(&mut recording.stream(LINK)));
        let again = Choices::recorded(recording.decisions().expect("it was recorded"));
        assert_eq!(first, some(&mut again.stream(LINK)));
        assert_eq!(first, some(&mut again.stream(LINK)));
    }

    #[test]
    fn identifiers_do_not_depend_on_the_form() {
        const ENTROPY: Stream = Stream::new(Purpose::Entropy, 1, 0);
        let recording = Choices::recording(5);
        let wanted = recording.stream(ENTROPY).next_u64();
        let again = Choices::recorded(recording.decisions().expect("it was recorded"));
        assert_eq!(again.stream(ENTROPY).next_u64(), wanted);
        assert_ne!(Choices::bytes(&[]).stream(ENTROPY).next_u64(), 0);
    }

    #[test]
    fn bytes_are_used_up_as_far_as_a_decision_needs_them() {
        let choices = Choices::bytes(&[0xff, 0x80, 0x00, 0xff, 0xff, 3]);
        let (mut one, mut other) = (choices.stream(LINK), choices.stream(SCENARIO));
        assert_eq!(one.below(2), 1);
        assert_eq!(other.below(60_000), 30_000);
        assert!(one.chance(0.001), "two bytes, all of whose bits are set");
        assert_eq!(one.below(256), 3);
        assert!(!other.chance(0.999), "the bytes are used up");
    }
}
