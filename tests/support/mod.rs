//! What the tests of the public interface have in common.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses a part of it")]

mod gate;
mod place;
pub mod proxy;

pub use gate::Gate;
pub(crate) use place::both;
pub use place::{Place, Running};

use std::time::{Duration, Instant};

use farcall::{CallStatus, Pending};

/// How long a test waits for something that happens at once, before it gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until `condition` gives something. For conditions that cannot be waited for.
///
/// # Panics
/// If that takes longer than [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "this did not happen: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until the server has said that a call is running.
#[track_caller]
pub fn until_running<T: for<'a> farcall::Unmarshal<'a>>(call: &mut Pending<T>) {
    eventually("the server says that the call is running", || {
        let ended = call.wait_timeout(Duration::from_millis(1)).is_some();
        assert!(!ended, "the call ended");
        matches!(call.status(), CallStatus::Running { .. }).then_some(())
    });
}
