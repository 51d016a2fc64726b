//! What the threads of a loop share their work with: locks, conditions, parking.
//!
//! These are the system's and `parking_lot`'s. In the models of `driver::models`, which try the orders
//! in which threads can meet, they are those of `loom` or `shuttle` instead, with the same signatures:
//! the code under test is the code that is shipped.

#[cfg(all(test, any(loom, shuttle)))]
mod model;

#[cfg(all(test, any(loom, shuttle)))]
pub(crate) use model::*;
#[cfg(not(all(test, any(loom, shuttle))))]
pub(crate) use system::*;

#[cfg(not(all(test, any(loom, shuttle))))]
mod system {
    pub(crate) use core::sync::atomic;
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::{thread, thread_local};
}
