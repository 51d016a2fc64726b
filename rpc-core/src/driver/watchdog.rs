//! The alarm that a standby thread of a server sleeps on.

use core::time::Duration;
use std::io;

/// Wakes one waiting thread at a set time. Set again, the new time counts. An alarm that rings while
/// nobody waits is heard by the next one who does.
pub(super) struct Watchdog {
    #[cfg(target_os = "linux")]
    timer: super::timer::linux::Timer,
    #[cfg(not(target_os = "linux"))]
    timer: portable::Timer,
}

impl Watchdog {
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        let timer = super::timer::linux::Timer::new(super::timer::linux::Blocking::Yes)?;
        #[cfg(not(target_os = "linux"))]
        let timer = portable::Timer::default();
        Ok(Self { timer })
    }

    /// Lets it ring after `time`.
    pub(super) fn set(&self, time: Duration) {
        // The timer exists and the value is in range: there is nothing left to fail.
        let _ = self.timer.set(time);
    }

    /// Waits until it rings.
    pub(super) fn wait(&self) {
        if self.timer.wait().is_err() {
            // Without the alarm the post is worth a look now and then, and no more.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use core::time::Duration;
    use std::io;
    use std::time::Instant;

    use crate::sync::{Condvar, Mutex};

    /// The same with a condition variable: being set wakes the waiting thread as well.
    #[derive(Default)]
    pub(super) struct Timer {
        due: Mutex<Option<Instant>>,
        changed: Condvar,
    }

    impl Timer {
        pub(super) fn set(&self, time: Duration) -> io::Result<()> {
            *self.due.lock() = Some(Instant::now() + time);
            self.changed.notify_one();
            Ok(())
        }

        pub(super) fn wait(&self) -> io::Result<()> {
            let mut due = self.due.lock();
            loop {
                match *due {
                    None => self.changed.wait(&mut due),
                    Some(time) if time <= Instant::now() => {
                        *due = None;
                        return Ok(());
                    }
                    Some(time) => drop(self.changed.wait_until(&mut due, time)),
                }
            }
        }
    }
}
