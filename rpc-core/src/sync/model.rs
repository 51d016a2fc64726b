//! The same signatures over the locks and threads of a model checker.
//!
//! Time does not pass here: what waits for a time waits until it is woken. A wake-up that is lost is then
//! a thread that never goes on, which the checker reports. What has to end by its own time in a model says
//! so: see `driver::models::system`.

use core::ops::{Deref, DerefMut};
use core::time::Duration;
use std::sync::PoisonError;

#[cfg(loom)]
pub(crate) use loom as checker;
#[cfg(shuttle)]
pub(crate) use shuttle as checker;

pub(crate) use checker::sync::atomic;

/// A lock, as `parking_lot` has it.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checker::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { lock: self, guard: Some(self.acquire()) }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn acquire(&self) -> checker::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock that is held.
pub(crate) struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    /// Empty only while it is lent.
    guard: Option<checker::sync::MutexGuard<'a, T>>,
}

impl<T> MutexGuard<'_, T> {
    /// Runs `work` without the lock.
    pub(crate) fn unlocked<U>(guard: &mut Self, work: impl FnOnce() -> U) -> U {
        struct Relock<'a, 'b, T>(&'a mut MutexGuard<'b, T>);

        impl<T> Drop for Relock<'_, '_, T> {
            fn drop(&mut self) {
                self.0.guard = Some(self.0.lock.acquire());
            }
        }

        guard.guard = None;
        let _relock = Relock(guard);
        work()
    }

    pub(crate) fn unlock_fair(guard: Self) {
        drop(guard);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("it is held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("it is held")
    }
}

/// A condition, as `parking_lot` has it.
#[derive(Debug, Default)]
pub(crate) struct Condvar(checker::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(checker::sync::Condvar::new())
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let inner = guard.guard.take().expect("it is held");
        guard.guard = Some(self.0.wait(inner).unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for as long as it takes.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _time: Duration) {
        self.wait(guard);
    }
}

/// A signal that is kept until it is waited for: how threads are parked, and how a poll is woken.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    pub(crate) fn set(&self) {
        *self.is_set.lock() = true;
        self.changed.notify_all();
    }

    /// Takes the signal, if it is set.
    pub(crate) fn take(&self) -> bool {
        core::mem::take(&mut *self.is_set.lock())
    }

    /// Waits for the signal, and takes it.
    pub(crate) fn wait(&self) {
        let mut is_set = self.is_set.lock();
        while !core::mem::take(&mut *is_set) {
            self.changed.wait(&mut is_set);
        }
    }
}

pub(crate) mod thread {
    //! Threads of the checker, with a way of parking that it sees.

    use core::time::Duration;
    use std::io;
    use std::sync::Arc;

    use super::Signal;
    pub(crate) use super::checker::thread::{JoinHandle, yield_now};

    super::checker::thread_local! {
        static CURRENT: Thread = Thread(Arc::default());
    }

    /// A thread that can be woken.
    #[derive(Clone, Debug)]
    pub(crate) struct Thread(Arc<Signal>);

    /// Tells threads apart.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct ThreadId(usize);

    impl Thread {
        pub(crate) fn id(&self) -> ThreadId {
            ThreadId(Arc::as_ptr(&self.0).addr())
        }

        pub(crate) fn unpark(&self) {
            self.0.set();
        }
    }

    pub(crate) fn current() -> Thread {
        CURRENT.with(Thread::clone)
    }

    pub(crate) fn park() {
        current().0.wait();
    }

    /// Parks until woken.
    pub(crate) fn park_timeout(_time: Duration) {
        park();
    }

    #[derive(Default)]
    pub(crate) struct Builder;

    impl Builder {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn name(self, _name: String) -> Self {
            self
        }

        pub(crate) fn spawn<T: Send + 'static>(
            self,
            body: impl FnOnce() -> T + Send + 'static,
        ) -> io::Result<JoinHandle<T>> {
            Ok(spawn(body))
        }
    }

    pub(crate) use super::checker::thread::spawn;
}

/// As the system's, whose initial values are constants.
macro_rules! model_thread_local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const $initial:block;) => {
        $crate::sync::checker::thread_local! {
            $(#[$attribute])*
            static $name: $type = $initial;
        }
    };
}

pub(crate) use model_thread_local as thread_local;
