//! Every run of a scenario that departs from the ordinary in at most so many places.

use core::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::choices::Choices;

/// Gives the [`Choices`] of one run after the other, until all runs have been had: depth first, over
/// every decision that the scenario asks for.
///
/// A run may deviate from "nothing special happens" in at most so many decisions. That makes "every
/// single fault, anywhere" a finite number of runs. A range of more than 16 values is tried at its
/// ends and its middle, and an exponential delay is none or four times its mean.
///
/// ```
/// use farcall_core::sim::{Exhaustive, Settings, World};
///
/// // Three decisions between two, of which one at most may be 1.
/// let mut seen = Vec::new();
/// for choices in Exhaustive::new(1) {
///     let mut random = World::with(Settings::choosing(choices)).random(0);
///     seen.push([(); 3].map(|()| random.below(2)));
/// }
/// assert_eq!(seen, [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]);
/// ```
///
/// The runs must be deterministic: with the same decisions, the next one has as many alternatives.
#[derive(Debug)]
pub struct Exhaustive {
    path: Arc<Mutex<Path>>,
    state: Search,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    NotBegun,
    UnderWay,
    Done,
}

impl Exhaustive {
    /// Every run with at most this many deviations.
    pub fn new(deviations: usize) -> Self {
        let path = Path { taken: Vec::new(), next: 0, left: deviations, most: deviations };
        Self { path: Arc::new(Mutex::new(path)), state: Search::NotBegun }
    }
}

impl Iterator for Exhaustive {
    type Item = Choices;

    fn next(&mut self) -> Option<Choices> {
        self.state = match self.state {
            Search::NotBegun => Search::UnderWay,
            Search::UnderWay if self.path.lock().advance() => Search::UnderWay,
            Search::UnderWay | Search::Done => Search::Done,
        };
        (self.state == Search::UnderWay).then(|| Choices::exhaustive(Arc::clone(&self.path)))
    }
}

/// One way through all decisions, and how to find the next.
#[derive(Debug)]
pub(super) struct Path {
    /// What was chosen, of how many alternatives.
    taken: Vec<(u64, u64)>,
    next: usize,
    /// How many deviations this run may still have.
    left: usize,
    most: usize,
}

impl Path {
    /// Chooses one of `alternatives`.
    pub(super) fn choose(&mut self, alternatives: u64) -> u64 {
        if alternatives <= 1 || self.left == 0 {
            return 0;
        }
        if self.next == self.taken.len() {
            self.taken.push((0, alternatives));
        }
        let (chosen, of) = self.taken[self.next];
        assert_eq!(of, alternatives, "with the same decisions, the run is not the same");
        self.next += 1;
        self.left -= usize::from(chosen != 0);
        chosen
    }

    /// Goes on to the next run; false if there is none.
    fn advance(&mut self) -> bool {
        // What the last run did not come to is not part of it.
        self.taken.truncate(self.next);
        self.next = 0;
        self.left = self.most;
        while let Some((chosen, of)) = self.taken.pop() {
            if chosen + 1 < of {
                self.taken.push((chosen + 1, of));
                return true;
            }
        }
        false
    }
}

impl fmt::Display for Path {
    /// The deviations: which decision it was, counted from zero, and what was chosen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deviations")?;
        let made = self.taken.iter().enumerate().take(self.next);
        for (place, (chosen, of)) in made.filter(|(_, (chosen, _))| *chosen != 0) {
            write!(f, " {place}={chosen} of {of}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::{Purpose, Stream};
    use super::*;

    /// What `run` gives for each run.
    fn all<R>(deviations: usize, mut run: impl FnMut(&Choices) -> R) -> Vec<R> {
        Exhaustive::new(deviations).map(|choices| run(&choices)).collect()
    }

    #[test]
    fn every_combination_comes_once() {
        let mut runs = all(2, |choices| {
            let mut random = choices.stream(Stream::new(Purpose::Scenario, 0, 0));
            [(); 4].map(|()| random.below(3))
        });
        runs.sort_unstable();
        runs.dedup();
        // Four places, two of which are 1 or 2: 1 + 4 * 2 + 6 * 4.
        assert_eq!(runs.len(), 33);
    }

    #[test]
    fn decisions_may_depend_on_earlier_ones() {
        let runs = all(9, |choices| {
            let mut random = choices.stream(Stream::new(Purpose::Scenario, 0, 0));
            if random.chance(0.001) { 10 + random.below(2) } else { random.below(1 << 20) }
        });
        assert_eq!(runs, [0, 1 << 19, (1 << 20) - 1, 10, 11]);
    }

    #[test]
    fn a_run_names_its_deviations() {
        let runs = all(1, |choices| {
            let mut random = choices.stream(Stream::new(Purpose::Scenario, 0, 0));
            let sum = random.below(2) + random.below(3);
            (sum, choices.to_string())
        });
        let (_, last) = runs.last().expect("there are runs");
        assert_eq!((runs.len(), last.as_str()), (4, "deviations 0=1 of 2"));
    }
}
