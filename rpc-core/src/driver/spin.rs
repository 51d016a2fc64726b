//! When the loop polls its socket for a moment before it sleeps.
//!
//! To be woken takes a thread some ten microseconds, mostly more than the other side needs for its answer.
//! Polling instead is a bet that the next datagram comes within the budget. It is made only while such bets
//! are won: each one that is lost is followed by twice as many waits without one, and only those waits count
//! that were so short that polling might have been worth it. So a loop with sparse traffic, or whose peer is
//! far away, polls a few times in its life, and one that exchanges datagrams without a pause sleeps hardly
//! ever.

use core::time::Duration;

/// How many waits go by without polling at most, before it is tried again.
const LONGEST_PAUSE: u32 = 255;

/// A sleep of less than this many budgets counts as a short one: the answer of a peer that has to be woken
/// itself comes much sooner to somebody who polls.
const SHORT: u32 = 3;

/// Decides whether to poll, by what came of it before.
#[derive(Debug)]
pub(super) struct Spin {
    budget: Duration,
    /// Whether polling was in vain since the last datagram, so that it is time to sleep.
    is_over: bool,
    /// How many short waits go by without polling.
    pause: u32,
    /// How many of them there will be after the next bet that is lost.
    next_pause: u32,
}

impl Spin {
    /// Polls for `budget` at most; never if that is zero, or if there is one processor only, on which
    /// nobody could send anything meanwhile.
    pub(super) fn new(budget: Duration) -> Self {
        let budget = if has_one_processor() { Duration::ZERO } else { budget };
        Self { budget, is_over: false, pause: 0, next_pause: 1 }
    }

    /// For how long to poll before sleeping, if at all.
    pub(super) fn time(&self) -> Option<Duration> {
        let is_wanted = !self.is_over && self.pause == 0 && !self.budget.is_zero();
        is_wanted.then_some(self.budget)
    }

    /// A datagram has come, however it was waited for.
    pub(super) fn on_datagram(&mut self) {
        self.is_over = false;
    }

    /// The socket was polled until a datagram came, or for the whole time in vain.
    pub(super) fn on_polled(&mut self, has_arrived: bool) {
        self.is_over = !has_arrived;
        if has_arrived {
            self.next_pause = (self.next_pause / 2).max(1);
        } else {
            self.pause = self.next_pause;
            self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The loop has slept for so long, until a datagram came.
    pub(super) fn on_slept(&mut self, slept: Duration) {
        if slept < self.budget * SHORT {
            self.pause = self.pause.saturating_sub(1);
        }
    }
}

/// Whether the machine has no second processor. To which of them this process is bound does not matter: the
/// peer may run on another.
fn has_one_processor() -> bool {
    match std::fs::read_to_string("/sys/devices/system/cpu/online") {
        Ok(online) => !online.contains(['-', ',']),
        Err(_) => std::thread::available_parallelism().is_ok_and(|count| count.get() == 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Duration = Duration::from_micros(50);

    /// What a loop does that waits this long for each datagram: how often it polled in vain, and with success.
    fn waits(spin: &mut Spin, each: Duration, count: u32) -> (u32, u32) {
        let (mut lost, mut won) = (0, 0);
        for _ in 0..count {
            match spin.time() {
                Some(budget) if each <= budget => {
                    won += 1;
                    spin.on_polled(true);
                }
                Some(_) => {
                    lost += 1;
                    spin.on_polled(false);
                    spin.on_slept(each.saturating_sub(BUDGET));
                }
                None => spin.on_slept(each),
            }
            spin.on_datagram();
        }
        (lost, won)
    }

    fn spin() -> Spin {
        Spin { budget: BUDGET, is_over: false, pause: 0, next_pause: 1 }
    }

    #[test]
    fn while_answers_are_quick_it_never_sleeps() {
        assert_eq!(waits(&mut spin(), Duration::from_micros(5), 1000), (0, 1000));
    }

    #[test]
    fn where_answers_take_long_it_polls_once() {
        assert_eq!(waits(&mut spin(), Duration::from_millis(1), 100_000), (1, 0));
    }

    #[test]
    fn where_answers_come_a_little_late_it_polls_ever_less() {
        let mut spin = spin();
        let (lost, _) = waits(&mut spin, BUDGET * 2, 10_000);
        assert!((10..60).contains(&lost), "{lost}");
        let (lost, _) = waits(&mut spin, BUDGET * 2, 10_000);
        assert!((1..=40).contains(&lost), "{lost}");
    }

    #[test]
    fn when_answers_become_quick_it_polls_again() {
        let mut spin = spin();
        waits(&mut spin, BUDGET * 2, 10_000);
        // Quick answers take longer to somebody who sleeps.
        let mut won = 0;
        for _ in 0..1_000 {
            if spin.time().is_some() {
                spin.on_polled(true);
                won += 1;
            } else {
                spin.on_slept(BUDGET * 2);
            }
        }
        assert!(won > 700, "{won}");
    }

    #[test]
    fn without_a_budget_it_never_polls() {
        let mut spin = Spin::new(Duration::ZERO);
        assert_eq!(spin.time(), None);
        spin.on_slept(Duration::ZERO);
        assert_eq!(spin.time(), None);
    }
}
