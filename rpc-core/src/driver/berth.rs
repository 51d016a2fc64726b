//! Where a leader sleeps: at a poller of its endpoint's own, or at one that is lent to it.
//!
//! A poller takes three descriptors. A server has one of its own, and so has everything in process, whose
//! datagrams are announced through the poller's waker. A client on UDP needs one only while its leader sleeps, and
//! a process with ten thousand clients has few threads that could: the first of its clients keep the poller that
//! they were lent, so that a program with few of them pays nothing for this, and all others give it back
//! when their leader leaves, to the thread that led.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::io;
use std::sync::Arc;

use super::poller::{Poller, Waker};
use super::socket::Socket;
use crate::time::Timestamp;

/// How many clients of a process keep the poller that they were lent.
const MOST_KEPT: usize = 64;

/// How many do.
static KEPT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static SPARE: Cell<Option<Loan>> = const { Cell::new(None) };
}

/// A place to sleep for the leader of one endpoint.
pub(super) struct Berth(Kind);

enum Kind {
    Own(Poller),
    Lent(Option<Loan>),
    Kept(Loan),
}

/// A poller that may serve one client after the other.
struct Loan {
    poller: Box<Poller>,
    /// Of the process that made it. In a forked process it is a copy, which the parent's thread sleeps at.
    process: forkguard::Guard,
}

/// A poller that a client does not need any more. Dropping it, which must not happen under the lock, ends its
/// events.
pub(super) struct GivenBack {
    loan: Option<Loan>,
    /// The descriptor means this socket until then.
    socket: Arc<Socket>,
}

impl Berth {
    /// One with a poller of its own.
    pub(super) fn own(poller: Poller) -> Self {
        Self(Kind::Own(poller))
    }

    /// One that is lent a poller when it needs one.
    pub(super) fn lent() -> Self {
        Self(Kind::Lent(None))
    }

    fn poller(&self) -> Option<&Poller> {
        match &self.0 {
            Kind::Own(poller) => Some(poller),
            Kind::Lent(loan) => loan.as_ref().map(|loan| &*loan.poller),
            Kind::Kept(loan) => Some(&loan.poller),
        }
    }

    fn poller_mut(&mut self) -> &mut Poller {
        let poller = match &mut self.0 {
            Kind::Own(poller) => Some(poller),
            Kind::Lent(loan) => loan.as_mut().map(|loan| &mut *loan.poller),
            Kind::Kept(loan) => Some(&mut *loan.poller),
        };
        poller.expect("it was furnished before anybody sleeps")
    }

    /// Whether there is a poller, or there has to be one before anybody sleeps.
    pub(super) fn is_furnished(&self) -> bool {
        self.poller().is_some()
    }

    /// What wakes whoever sleeps here.
    pub(super) fn waker(&self) -> Option<Waker> {
        self.poller().map(Poller::waker)
    }

    /// Gets a poller, for events of this socket.
    ///
    /// # Errors
    /// The system has no descriptors left, perhaps.
    pub(super) fn furnish(&mut self, socket: &Socket) -> io::Result<()> {
        let Kind::Lent(loan) = &mut self.0 else { return Ok(()) };
        if loan.is_none() {
            let new = Loan::take()?;
            new.poller.attach(socket)?;
            *loan = Some(new);
        }
        Ok(())
    }

    /// The leader leaves: gives back what was lent, unless this is one of the few that keep it.
    pub(super) fn vacate(&mut self, socket: &Arc<Socket>) -> Option<GivenBack> {
        let Kind::Lent(loan) = &mut self.0 else { return None };
        let loan = loan.take()?;
        if KEPT.fetch_add(1, Ordering::Relaxed) < MOST_KEPT {
            self.0 = Kind::Kept(loan);
            return None;
        }
        KEPT.fetch_sub(1, Ordering::Relaxed);
        Some(GivenBack { loan: Some(loan), socket: Arc::clone(socket) })
    }

    /// As [`Poller::sleep`].
    pub(super) fn sleep(
        &mut self,
        socket: &Socket,
        now: Timestamp,
        until: Timestamp,
    ) -> io::Result<bool> {
        self.poller_mut().sleep(socket, now, until)
    }

    /// As [`Poller::watch_writable`].
    pub(super) fn watch_writable(&mut self, socket: &Socket, watches: bool) {
        self.poller_mut().watch_writable(socket, watches);
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        if let Kind::Kept(_) = self.0 {
            KEPT.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Loan {
    /// The one that this thread has to lend, or a new one.
    fn take() -> io::Result<Self> {
        let spare = SPARE.try_with(Cell::take).unwrap_or_default();
        if let Some(mut spare) = spare
            && !spare.process.detected_fork()
        {
            return Ok(spare);
        }
        Ok(Self { poller: Box::new(Poller::new()?), process: forkguard::new() })
    }
}

impl Drop for GivenBack {
    fn drop(&mut self) {
        let Some(loan) = self.loan.take() else { return };
        // If its events cannot be ended nobody may sleep there any more.
        if loan.poller.detach(&self.socket).is_ok() {
            let _ = SPARE.try_with(|spare| spare.set(Some(loan)));
        }
    }
}
