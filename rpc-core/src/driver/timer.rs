//! Sleeping for less than a millisecond.
//!
//! `mio` rounds the time-out of a poll up to a whole millisecond. On Linux the loop therefore sleeps
//! the whole milliseconds in the poll and leaves the rest to a timer of the system's, which is an
//! event source like the socket. It is set only when less than a millisecond is left, so that a call
//! whose answer comes first pays nothing, and never unset: its event is then an empty turn.
//! On other systems the loop wakes up to a millisecond late.

use core::time::Duration;
use std::io;

use mio::{Registry, Token};

const MILLISECOND: Duration = Duration::from_millis(1);

/// How a loop has to sleep for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nap {
    /// Poll with this time-out, which is whole milliseconds and perhaps shorter than asked.
    Poll(Duration),
    /// Poll without a time-out: the timer is set.
    Timer,
}

/// The timer of a loop.
pub(super) struct NapTimer {
    #[cfg(target_os = "linux")]
    timer: Option<linux::Timer>,
}

impl NapTimer {
    /// A timer whose events carry `token`. Without one, naps are rounded up.
    #[cfg(target_os = "linux")]
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        let timer = linux::Timer::new(linux::Blocking::No)?;
        let fd = timer.as_fd().as_raw_fd();
        registry.register(&mut mio::unix::SourceFd(&fd), token, mio::Interest::READABLE)?;
        Ok(Self { timer: Some(timer) })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Prepares to sleep for `time`.
    pub(super) fn nap(&self, time: Duration) -> Nap {
        let whole = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if whole > 0 {
            return Nap::Poll(Duration::from_millis(whole));
        }
        #[cfg(target_os = "linux")]
        if self.timer.as_ref().is_some_and(|timer| timer.set(time).is_ok()) {
            return Nap::Timer;
        }
        Nap::Poll(MILLISECOND)
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
