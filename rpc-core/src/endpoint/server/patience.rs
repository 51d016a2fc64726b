//! How long a server waits for arguments that come in parts.
//!
//! A client whose arguments stop arriving, or that lets them drip, must not hold memory for long. But how
//! fast one message arrives says little: many that are sent at once share what the path carries. So the
//! bytes of all messages of a session count for each of them, and a message is given up when its session
//! is too slow, or when nothing at all is heard of it.

use core::time::Duration;

use crate::time::Timestamp;

/// The slowest rate at which the arguments of a session may arrive, in bytes a second, when they take
/// longer than `assembly_patience`. Two small datagrams a round trip of 100 ms are more, which is the
/// least that a sender falls back to.
const SLOWEST: u32 = 16 * 1024;

/// The patience that a session has left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SessionPatience {
    until: Timestamp,
}

impl SessionPatience {
    /// Arguments begin to arrive, and no others are under way.
    pub(super) fn begin(&mut self, now: Timestamp, patience: Duration) {
        self.until = now + patience;
    }

    /// Bytes that were missing have arrived. They buy time, which cannot be saved up: whoever falls
    /// silent is waited for no longer than anybody else.
    pub(super) fn on_arrived(&mut self, now: Timestamp, bytes: usize, patience: Duration) {
        let bought = Duration::from_secs_f64(bytes as f64 / f64::from(SLOWEST));
        self.until = (self.until + bought).min(now + patience);
    }

    /// When a message is given up that began to arrive at `begun_at` and was heard of last at `heard_at`.
    pub(super) fn ends_at(
        self,
        begun_at: Timestamp,
        heard_at: Timestamp,
        patience: Duration,
    ) -> Timestamp {
        (begun_at + patience).max(self.until.min(heard_at + patience))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    const BEGUN: Timestamp = Timestamp::from_nanos(1);

    fn after(seconds: u64) -> Timestamp {
        BEGUN + Duration::from_secs(seconds)
    }

    #[test]
    fn a_session_that_is_fast_enough_is_waited_for() {
        let mut session = SessionPatience::default();
        session.begin(BEGUN, PATIENCE);
        for second in 1..1000 {
            session.on_arrived(after(second), SLOWEST as usize, PATIENCE);
            let ends_at = session.ends_at(BEGUN, after(second), PATIENCE);
            assert_eq!(ends_at, after(second) + PATIENCE);
        }
    }

    #[test]
    fn a_session_that_drips_is_given_up() {
        let mut session = SessionPatience::default();
        session.begin(BEGUN, PATIENCE);
        let mut second = 0;
        while session.ends_at(BEGUN, after(second), PATIENCE) > after(second) {
            second += 1;
            session.on_arrived(after(second), SLOWEST as usize / 2, PATIENCE);
        }
        assert_eq!(second, 20, "ten, and half of what was spent comes back");
    }

    #[test]
    fn what_arrived_early_buys_nothing_for_later() {
        let mut session = SessionPatience::default();
        session.begin(BEGUN, PATIENCE);
        session.on_arrived(after(1), 1 << 30, PATIENCE);
        assert_eq!(session.ends_at(BEGUN, after(1), PATIENCE), after(11));
        // Nothing was heard of this one, whatever the others do.
        session.on_arrived(after(100), 1 << 30, PATIENCE);
        assert_eq!(session.ends_at(BEGUN, after(30), PATIENCE), after(40));
        assert_eq!(session.ends_at(after(99), after(99), PATIENCE), after(109));
    }
}
