//! A place where handlers wait until their test lets them go on.

use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

/// Holds handlers back. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    entered: usize,
    is_open: bool,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// For handlers: says that this one has begun, and waits for [`open`](Self::open).
    ///
    /// It waits longer than any test does, and not for ever, so that a test that fails also ends.
    pub fn pass(&self) {
        let mut state = self.0.state.lock().expect("no test panics in here");
        state.entered += 1;
        self.0.changed.notify_all();
        let wait = self.0.changed.wait_timeout_while(state, PATIENCE * 2, |state| !state.is_open);
        let (state, timeout) = wait.expect("no test panics in here");
        drop(state);
        assert!(!timeout.timed_out(), "nobody opened the gate");
    }

    /// How many handlers have come so far.
    pub fn entered(&self) -> usize {
        self.0.state.lock().expect("no test panics in here").entered
    }

    /// Waits until `count` handlers have come.
    #[track_caller]
    pub fn until_entered(&self, count: usize) {
        let state = self.0.state.lock().expect("no test panics in here");
        let wait =
            self.0.changed.wait_timeout_while(state, PATIENCE, |state| state.entered < count);
        let (state, _) = wait.expect("no test panics in here");
        let entered = state.entered;
        drop(state);
        assert!(entered >= count, "{entered} of {count} handlers began");
    }

    /// Lets everybody pass, now and later.
    pub fn open(&self) {
        self.0.state.lock().expect("no test panics in here").is_open = true;
        self.0.changed.notify_all();
    }
}
