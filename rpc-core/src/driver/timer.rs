//! Sleeping for less than a millisecond.
//!
//! `mio` rounds the time-out of a poll up to a whole millisecond. On Linux the loop therefore sleeps
//! the whole milliseconds in the poll and leaves the rest to a timer of the system's, which is an
//! event source like the socket. It is set only when less than a millisecond is left and it is not set
//! to an earlier time, so that a call whose answer comes first pays nothing or little, and never unset:
//! its event is then an empty turn.
//! On other systems the loop wakes up to a millisecond late.

use core::time::Duration;
use std::io;

use mio::{Registry, Token};

use crate::time::Timestamp;

const MILLISECOND: Duration = Duration::from_millis(1);

/// How a loop has to sleep for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nap {
    /// Poll with this time-out, which is whole milliseconds and perhaps shorter than asked.
    Poll(Duration),
    /// Poll without a time-out: the timer is set, or there is nothing to wake up for.
    Event,
}

/// The timer of a loop.
pub(super) struct NapTimer {
    #[cfg(target_os = "linux")]
    timer: linux::Timer,
    /// When the timer runs out that was set last.
    runs_out: Timestamp,
}

impl NapTimer {
    /// A timer whose events carry `token`.
    #[cfg(target_os = "linux")]
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        let timer = linux::Timer::new(linux::Blocking::No)?;
        let fd = timer.as_fd().as_raw_fd();
        registry.register(&mut mio::unix::SourceFd(&fd), token, mio::Interest::READABLE)?;
        Ok(Self { timer, runs_out: Timestamp::ZERO })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self { runs_out: Timestamp::ZERO })
    }

    /// Prepares to sleep from `now` until `until`, or less.
    pub(super) fn nap(&mut self, now: Timestamp, until: Timestamp) -> Nap {
        if until == Timestamp::NEVER {
            return Nap::Event;
        }
        let time = until.since(now);
        let whole = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if whole > 0 || time.is_zero() {
            return Nap::Poll(Duration::from_millis(whole));
        }
        if self.runs_out > now && self.runs_out <= until {
            return Nap::Event;
        }
        if !self.set(time) {
            return Nap::Poll(MILLISECOND);
        }
        self.runs_out = until;
        Nap::Event
    }

    #[cfg(target_os = "linux")]
    fn set(&self, time: Duration) -> bool {
        self.timer.set(time).is_ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn set(&self, _time: Duration) -> bool {
        false
    }
}

#[cfg(target_os = "linux")]
pub(super) mod linux {
    //! A timer of the Linux kernel.

    use core::time::Duration;
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use rustix::event::Timespec;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create,
        timerfd_settime,
    };

    /// A timer that is a file descriptor.
    pub(in crate::driver) struct Timer(OwnedFd);

    /// Whether reading it waits for it.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(in crate::driver) enum Blocking {
        Yes,
        No,
    }

    impl Timer {
        pub(in crate::driver) fn new(blocking: Blocking) -> io::Result<Self> {
            let flags = match blocking {
                Blocking::Yes => TimerfdFlags::CLOEXEC,
                Blocking::No => TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
            };
            Ok(Self(timerfd_create(TimerfdClockId::Monotonic, flags)?))
        }

        /// Lets it run out after `time`, instead of at any time set before.
        pub(in crate::driver) fn set(&self, time: Duration) -> io::Result<()> {
            // Zero would unset it.
            let time = time.max(Duration::from_nanos(1));
            let value = Itimerspec {
                it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: Timespec {
                    tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
                    tv_nsec: time.subsec_nanos().into(),
                },
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &value)?;
            Ok(())
        }

        /// Waits until it has run out.
        pub(in crate::driver) fn wait(&self) -> io::Result<()> {
            loop {
                match rustix::io::read(&self.0, &mut [0; 8]) {
                    Ok(_) => return Ok(()),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }

        pub(in crate::driver) fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn timer() -> (mio::Poll, NapTimer) {
        let poll = mio::Poll::new().unwrap();
        let timer = NapTimer::new(poll.registry(), Token(0)).unwrap();
        (poll, timer)
    }

    #[test]
    fn whole_milliseconds_are_slept_in_the_poll() {
        let (_poll, mut timer) = timer();
        let now = Timestamp::from_nanos(5);
        let nap = timer.nap(now, now + Duration::from_micros(2700));
        assert_eq!(nap, Nap::Poll(Duration::from_millis(2)));
        assert_eq!(timer.nap(now, now), Nap::Poll(Duration::ZERO));
        assert_eq!(timer.nap(now, Timestamp::NEVER), Nap::Event);
    }

    #[test]
    fn a_rest_is_slept_to_the_microsecond() {
        let (mut poll, mut timer) = timer();
        let mut events = mio::Events::with_capacity(1);
        let mut shortest = Duration::MAX;
        for round in 1..=20 {
            let now = Timestamp::from_nanos(round * 1_000_000_000);
            let start = std::time::Instant::now();
            assert_eq!(timer.nap(now, now + Duration::from_micros(300)), Nap::Event);
            poll.poll(&mut events, None).unwrap();
            assert!(start.elapsed() >= Duration::from_micros(300));
            shortest = shortest.min(start.elapsed());
        }
        // The poll alone would have taken a whole millisecond each time.
        assert!(shortest < Duration::from_micros(900), "{shortest:?}");
    }

    #[test]
    fn a_timer_that_runs_out_earlier_is_left_alone() {
        let (_poll, mut timer) = timer();
        let now = Timestamp::from_nanos(1_000_000_000);
        assert_eq!(timer.nap(now, now + Duration::from_micros(500)), Nap::Event);
        let first = timer.runs_out;
        assert_eq!(timer.nap(now, now + Duration::from_micros(700)), Nap::Event);
        assert_eq!(timer.runs_out, first);
        assert_eq!(timer.nap(now, now + Duration::from_micros(400)), Nap::Event);
        assert!(timer.runs_out < first);
    }
}
