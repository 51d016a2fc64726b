//! Makes a failing run short enough to be read.

use super::decisions::Decisions;
use super::random::Stream;

/// Undoes as many decisions of a failing run as it can so that it still fails: "delta debugging"
/// (Zeller and Hildebrandt, 2002). Whole streams of decisions come first, the last ones before the first,
/// then single decisions; of each, large blocks come before small ones.
///
/// `fails` runs the scenario with [`Choices::recorded`](super::Choices::recorded) and says whether it
/// fails. It is asked at most `limit` times.
///
/// ```
/// use farcall_core::sim::{Choices, Settings, World, shrink};
///
/// fn fails(choices: Choices) -> bool {
///     let mut random = World::with(Settings::choosing(choices)).random(0);
///     (0..100).any(|_| random.below(50) == 49)
/// }
///
/// let recording = Choices::recording(1);
/// assert!(fails(recording.clone()));
/// let all = recording.decisions().expect("they were recorded");
/// let less = shrink(all, 1_000, |decisions| fails(Choices::recorded(decisions.clone())));
/// assert_eq!(less.count(), 1);
/// ```
pub fn shrink(
    failing: Decisions,
    limit: usize,
    fails: impl FnMut(&Decisions) -> bool,
) -> Decisions {
    let mut shrinking = Shrinking { best: failing, left: limit, fails };
    shrinking.undo_all(|decisions| {
        let mut streams: Vec<Vec<Place>> = Vec::new();
        for place in decisions.places() {
            match streams.last_mut().filter(|stream| stream[0].0 == place.0) {
                Some(stream) => stream.push(place),
                None => streams.push(vec![place]),
            }
        }
        streams
    });
    shrinking.undo_all(|decisions| decisions.places().map(|place| vec![place]).collect());
    shrinking.best
}

type Place = (Stream, usize);

struct Shrinking<F> {
    best: Decisions,
    left: usize,
    fails: F,
}

impl<F: FnMut(&Decisions) -> bool> Shrinking<F> {
    /// Undoes units of decisions until no single one can be undone.
    fn undo_all(&mut self, units: impl Fn(&Decisions) -> Vec<Vec<Place>>) {
        let mut block = units(&self.best).len();
        while block > 0 {
            let before = self.best.count();
            let mut rest = units(&self.best);
            while !rest.is_empty() {
                let places = rest.split_off(rest.len().saturating_sub(block)).concat();
                if !self.undo(&places) {
                    return;
                }
            }
            let is_done = block == 1 && self.best.count() == before;
            block = if is_done { 0 } else { (block / 2).max(1) };
        }
    }

    /// Undoes these decisions if the run fails without them. False if the limit is reached.
    fn undo(&mut self, places: &[Place]) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let less = self.best.without(places);
        if (self.fails)(&less) {
            self.best = less;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::choices::Choices;
    use super::super::random::Purpose;
    use super::*;

    const STREAM: Stream = Stream::new(Purpose::Scenario, 0, 0);

    /// A thousand decisions.
    fn recorded() -> Decisions {
        let choices = Choices::recording(3);
        let mut random = choices.stream(STREAM);
        (0..1_000).for_each(|_| _ = random.next_u64());
        choices.decisions().expect("they were recorded")
    }

    #[test]
    fn only_what_makes_the_run_fail_is_left() {
        let fails = |decisions: &Decisions| {
            [17, 400, 999].iter().all(|place| decisions.get(STREAM, *place) != 0)
        };
        let mut runs = 0;
        let less = shrink(recorded(), 1_000, |decisions| {
            runs += 1;
            fails(decisions)
        });
        assert_eq!(less.places().map(|(_, place)| place).collect::<Vec<_>>(), [17, 400, 999]);
        assert!(runs < 200, "{runs}");
    }

    #[test]
    fn a_limit_is_kept_and_the_result_still_fails() {
        let fails = |decisions: &Decisions| decisions.count() >= 300;
        let mut runs = 0;
        let less = shrink(recorded(), 20, |decisions| {
            runs += 1;
            fails(decisions)
        });
        assert_eq!(runs, 20);
        assert!(fails(&less));
    }
}
