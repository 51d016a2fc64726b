//! Counters of what goes wrong with a socket. Nothing is counted while nothing does.

use core::sync::atomic::{AtomicU64, Ordering};

/// What went wrong with a socket so far.
#[derive(Default)]
pub(super) struct Troubles {
    send_errors: AtomicU64,
    receive_errors: AtomicU64,
    unsent: AtomicU64,
}

impl Troubles {
    /// A system call that sends failed, other than for want of room.
    #[cold]
    pub(super) fn count_send_error(&self) {
        self.send_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// A system call that receives failed, other than for want of datagrams.
    #[cold]
    pub(super) fn count_receive_error(&self) {
        self.receive_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Datagrams were given up without having left the host.
    #[cold]
    pub(super) fn count_unsent(&self, datagrams: usize) {
        self.unsent.fetch_add(datagrams as u64, Ordering::Relaxed);
    }

    pub(super) fn send_errors(&self) -> u64 {
        self.send_errors.load(Ordering::Relaxed)
    }

    pub(super) fn receive_errors(&self) -> u64 {
        self.receive_errors.load(Ordering::Relaxed)
    }

    pub(super) fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }
}
