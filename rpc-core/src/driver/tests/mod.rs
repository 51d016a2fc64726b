//! Directed tests of the rules of handing the role on. Load does not find their faults: another
//! thread barges in, or a lost event looks like a lost datagram.

mod backlog;
mod bulk;
mod busy;
mod clients;
#[cfg(target_os = "linux")]
mod exhaustion;
#[cfg(target_os = "linux")]
mod faults;
mod future_ends;
mod futures;
mod replies;
mod seat;
mod servers;
mod sharing;

use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use parking_lot::Mutex;

use super::fixtures::{
    call, connect, connect_with, patient_client, register, serve, serve_dispatching, serve_with,
};
use super::local::Exchange;
use super::{client, server};

/// Where a handler waits until the test lets it go on.
pub(super) struct Gate {
    arrivals: (Sender<()>, Mutex<Receiver<()>>),
    openings: (Sender<()>, Mutex<Receiver<()>>),
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        let (arrive, arrivals) = channel();
        let (open, openings) = channel();
        Arc::new(Self {
            arrivals: (arrive, Mutex::new(arrivals)),
            openings: (open, Mutex::new(openings)),
        })
    }

    pub(super) fn pass(&self) {
        self.arrivals.0.send(()).unwrap();
        let _ = self.openings.1.lock().recv_timeout(LONG);
    }

    pub(super) fn await_arrival(&self) {
        self.arrivals.1.lock().recv_timeout(LONG).expect("a handler arrives");
    }

    pub(super) fn open(&self) {
        self.openings.0.send(()).unwrap();
    }
}

/// A server whose method one waits at the gate; the others answer at once.
pub(super) fn gated(exchange: &Arc<Exchange>, workers: usize) -> (server::Control, Arc<Gate>) {
    let gate = Gate::new();
    let inner = Arc::clone(&gate);
    let (control, _) = serve(exchange, workers, move |method| {
        if method == 1 {
            inner.pass();
        }
    });
    (control, gate)
}

/// Longer than anything takes.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// Waits for something that becomes true by itself.
pub(super) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(5), "never: {what}");
        std::thread::yield_now();
    }
}

/// Runs `body`, and fails if it hangs.
pub(super) fn without_hanging(body: impl FnOnce() + Send + 'static) {
    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        body();
        let _ = done.send(());
    });
    match wait.recv_timeout(LONG) {
        Ok(()) => thread.join().unwrap(),
        Err(RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().unwrap_err());
        }
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
    }
}
