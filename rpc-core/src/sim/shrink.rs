//! Makes a failing run short enough to be read.

use super::decisions::Decisions;

/// Undoes as many decisions of a failing run as it can so that it still fails: "delta debugging"
/// (Zeller and Hildebrandt, 2002), from large blocks of decisions to single ones.
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
    mut fails: impl FnMut(&Decisions) -> bool,
) -> Decisions {
    let mut best = failing;
    let mut runs = 0;
    let mut block = best.count().max(1);
    loop {
        let before = best.count();
        let mut start = 0;
        loop {
            let places: Vec<_> = best.places().skip(start).take(block).collect();
            if places.is_empty() {
                break;
            }
            if runs == limit {
                return best;
            }
            runs += 1;
            let less = best.without(&places);
            if fails(&less) {
                best = less;
            } else {
                start += block;
            }
        }
        // At the end, single decisions are tried until none can be undone.
        if block == 1 && best.count() == before {
            return best;
        }
        block = (block / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::choices::Choices;
    use super::super::random::{Purpose, Stream};
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
