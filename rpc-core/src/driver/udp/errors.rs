//! What errors of a socket mean. Most are late reports about a datagram that was sent before, to
//! whomever, and say nothing about the socket.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use super::calls::Calls;

/// What the system reports about earlier datagrams.
#[derive(Default)]
pub(super) struct Errors {
    /// Whether the system reports unreachable peers through the socket's error queue.
    is_enabled: bool,
    may_have_reports: AtomicBool,
    /// Whether reports may be about sizes. They look like the others in the queue.
    may_be_about_sizes: AtomicBool,
}

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The socket's buffer is full, or empty.
    WouldBlock,
    /// The device's queue is full: the datagram is lost.
    QueueFull,
    /// Something was too large: this datagram, or an earlier one.
    TooLarge,
    /// The system does not know what it was asked to do.
    Unsupported,
    /// Something else about some datagram.
    Other,
}

impl Meaning {
    pub(super) fn of(error: &io::Error) -> Self {
        if matches!(error.kind(), ErrorKind::WouldBlock) {
            return Self::WouldBlock;
        }
        match error.raw_os_error() {
            Some(code) if code == codes::NO_BUFFERS => Self::QueueFull,
            Some(code) if code == codes::IO || code == codes::INVALID => Self::Unsupported,
            _ if quinn_udp::is_msg_size_err(error) => Self::TooLarge,
            _ => Self::Other,
        }
    }
}

#[cfg(target_os = "linux")]
mod codes {
    use rustix::io::Errno;

    pub(super) const NO_BUFFERS: i32 = Errno::NOBUFS.raw_os_error();
    pub(super) const IO: i32 = Errno::IO.raw_os_error();
    pub(super) const INVALID: i32 = Errno::INVAL.raw_os_error();
}

#[cfg(not(target_os = "linux"))]
mod codes {
    /// As macOS and the BSDs have it, or Windows.
    pub(super) const NO_BUFFERS: i32 = if cfg!(windows) { 10055 } else { 55 };
    pub(super) const IO: i32 = 5;
    pub(super) const INVALID: i32 = if cfg!(windows) { 10022 } else { 22 };
}

impl Errors {
    /// Asks the system to report ICMP errors.
    pub(super) fn enable(&mut self, calls: &Calls) {
        self.is_enabled = calls.enable_reports();
    }

    /// Notes an error that is no [`Meaning::WouldBlock`].
    pub(super) fn note(&self, meaning: Meaning) {
        if meaning == Meaning::TooLarge {
            self.may_be_about_sizes.store(true, Ordering::Relaxed);
        }
        self.may_have_reports.store(true, Ordering::Relaxed);
    }

    /// Notes an event that says that there are reports.
    pub(super) fn note_event(&self) {
        self.may_have_reports.store(true, Ordering::Relaxed);
    }

    /// Names the peers that were reported as unreachable.
    pub(super) fn take_refusals(&self, calls: &Calls, mut refused: impl FnMut(SocketAddr)) {
        if !self.is_enabled || !self.may_have_reports.swap(false, Ordering::Relaxed) {
            return;
        }
        // What is reported as too large for the path is found out by whoever tried. A refusal among
        // such reports cannot be told from them; it comes again with the next datagram.
        let is_about_sizes = self.may_be_about_sizes.swap(false, Ordering::Relaxed);
        drain(calls, |peer| {
            if !is_about_sizes {
                refused(peer);
            }
        });
    }
}

/// Empties the error queue. The address of an entry is where the datagram was sent that failed.
fn drain(calls: &Calls, mut refused: impl FnMut(SocketAddr)) {
    // The queue is bounded by the receive buffer; the count is bounded so that nobody can keep the
    // loop here by refusing faster than it reads.
    for _ in 0..64 {
        let Some(address) = calls.next_report() else { return };
        if let Some(address) = address {
            refused(super::unmap(address));
        }
    }
}
