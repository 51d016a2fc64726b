//! What the system would not send, until the loop deals with it.
//!
//! Any thread sends; what goes wrong then is for the holder of the seat. Datagrams for which there is no
//! room wait here, and no endpoint is asked for more until they are gone. Datagrams that are too large
//! for the path are reported to the endpoint.

use core::time::Duration;
use std::net::SocketAddr;

use crate::endpoint::Transmit;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// How long to wait before trying again where no event says that there is room: for the queue of a
/// device, and on some systems.
pub(super) const RETRY: Duration = Duration::from_millis(1);

/// How many bytes wait at most. Whoever sends meanwhile adds what it has asked for already.
const MOST_BYTES: usize = 1 << 20;

/// How many reports about sizes wait at most; they are hints.
const MOST_REPORTS: usize = 64;

/// What the system would not send.
#[derive(Default)]
pub(super) struct Backlog {
    /// Whether there is anything in it. False alarms and late news do no harm: the lock tells.
    has_any: AtomicBool,
    is_blocked: AtomicBool,
    /// Whether it is so because the queue of the device is full, of which no event tells.
    is_paused: AtomicBool,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    transmits: Vec<Transmit>,
    too_large: Vec<(SocketAddr, usize)>,
}

impl Backlog {
    /// Whether the loop has to look.
    #[inline]
    pub(super) fn has_any(&self) -> bool {
        self.has_any.load(Ordering::Relaxed)
    }

    /// Whether nothing can be sent for now.
    #[inline]
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    /// Whether sending has to pause for a while.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    /// Nothing can be sent for now, as the queue of the device is full. These datagrams have to wait,
    /// and so that they do not meet the same queue, for [`RETRY`].
    #[cold]
    pub(super) fn pause(&self, bytes: &[u8], transmits: &[Transmit]) -> usize {
        self.is_paused.store(true, Ordering::Relaxed);
        self.hold(bytes, transmits)
    }

    /// Nothing can be sent for now, and these datagrams have to wait. What there is no room for is lost:
    /// says how many.
    #[cold]
    pub(super) fn hold(&self, bytes: &[u8], transmits: &[Transmit]) -> usize {
        let mut held = self.held.lock();
        let mut rest = bytes;
        let mut kept = 0;
        for &transmit in transmits {
            let (datagram, after) = rest.split_at(transmit.length);
            rest = after;
            if held.bytes.len() + datagram.len() > MOST_BYTES {
                break;
            }
            held.bytes.extend_from_slice(datagram);
            held.transmits.push(transmit);
            kept += 1;
        }
        self.is_blocked.store(true, Ordering::Relaxed);
        self.has_any.store(true, Ordering::Relaxed);
        transmits.len() - kept
    }

    /// Takes out what waits, in order to try again. Until then nothing counts as blocked.
    #[cold]
    pub(super) fn release(&self) -> (Vec<u8>, Vec<Transmit>) {
        let mut held = self.held.lock();
        self.is_blocked.store(false, Ordering::Relaxed);
        self.is_paused.store(false, Ordering::Relaxed);
        self.has_any.store(!held.too_large.is_empty(), Ordering::Relaxed);
        (core::mem::take(&mut held.bytes), core::mem::take(&mut held.transmits))
    }

    /// A datagram of this size is too large for the path.
    #[cold]
    pub(super) fn report(&self, to: SocketAddr, size: usize) {
        let mut held = self.held.lock();
        if held.too_large.len() < MOST_REPORTS && !held.too_large.contains(&(to, size)) {
            held.too_large.push((to, size));
        }
        self.has_any.store(true, Ordering::Relaxed);
    }

    /// The datagrams that were too large.
    #[cold]
    pub(super) fn take_reports(&self) -> Vec<(SocketAddr, usize)> {
        let mut held = self.held.lock();
        let is_blocked = self.is_blocked.load(Ordering::Relaxed);
        self.has_any.store(is_blocked, Ordering::Relaxed);
        core::mem::take(&mut held.too_large)
    }
}
