//! A poll without a system: it sleeps until it is woken, by a datagram of an in-process socket or by the
//! loop.

use std::io;
use std::sync::Arc;

use super::clock::SystemClock;
use super::socket::Socket;
use crate::sync::{Signal, thread};
use crate::time::Timestamp;

/// The poll of one loop.
pub(super) struct Poller {
    waker: Waker,
}

/// Wakes a [`Poller`] out of its sleep, or out of its next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Waker(Arc<Signal>);

impl Waker {
    pub(super) fn wake(&self) {
        self.0.set();
    }
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { waker: Waker::default() })
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(super) fn register(&self, _socket: &mut Socket) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn attach(&self, _socket: &Socket) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn detach(&self, _socket: &Socket) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn watch_writable(&self, _socket: &Socket, _watches: bool) {}

    /// Sleeps until woken; until `until` only if that is near. True if the socket may be readable.
    pub(super) fn sleep(
        &mut self,
        _socket: &Socket,
        now: Timestamp,
        until: Timestamp,
    ) -> io::Result<bool> {
        if until > now && !SystemClock::reaches(until) {
            self.waker.0.wait();
            return Ok(true);
        }
        // Whoever only looks, again and again, waits for others to go on.
        thread::yield_now();
        let is_woken = self.waker.0.take();
        if !is_woken {
            SystemClock::advance(until);
        }
        Ok(is_woken)
    }
}
