//! Where a leader sleeps: the system's poll, with its waker and its timer.

use std::io;
use std::sync::Arc;

use mio::{Events, Poll, Token};

use super::socket::{Link, Socket};
use super::timer::{Nap, NapTimer};
use crate::time::Timestamp;

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);
const TIMER: Token = Token(2);

/// The poll of one loop.
pub(super) struct Poller {
    poll: Poll,
    events: Events,
    timer: NapTimer,
    waker: Waker,
}

/// Wakes a [`Poller`] out of its sleep, or out of its next one.
#[derive(Clone, Debug)]
pub(super) struct Waker(Arc<mio::Waker>);

impl Waker {
    pub(super) fn wake(&self) {
        // The waker of a live poll fails only if the system is out of everything; the leader then
        // acts when its own deadline comes.
        let _ = self.0.wake();
    }
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker(Arc::new(mio::Waker::new(poll.registry(), WAKER)?));
        let timer = NapTimer::new(poll.registry(), TIMER)?;
        Ok(Self { poll, events: Events::with_capacity(8), timer, waker })
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Lets the arrival of datagrams end the sleep.
    pub(super) fn register(&self, socket: &mut Socket) -> io::Result<()> {
        socket.register(self.poll.registry(), SOCKET)
    }

    /// Lets the arrival of datagrams at a socket that others use already end the sleep, until it is
    /// [detached](Self::detach).
    pub(super) fn attach(&self, socket: &Socket) -> io::Result<()> {
        socket.attach(self.poll.registry(), SOCKET)
    }

    /// Ends that.
    pub(super) fn detach(&self, socket: &Socket) -> io::Result<()> {
        socket.detach(self.poll.registry())
    }

    /// Lets room for more datagrams to send end the sleep, or no longer.
    pub(super) fn watch_writable(&self, socket: &Socket, watches: bool) {
        socket.watch_writable(self.poll.registry(), SOCKET, watches);
    }

    /// Sleeps from `now` until `until`, a datagram or the waker. True if the socket may be readable.
    ///
    /// # Errors
    /// The poll itself failed.
    pub(super) fn sleep(
        &mut self,
        socket: &Socket,
        now: Timestamp,
        until: Timestamp,
    ) -> io::Result<bool> {
        let timeout = match self.timer.nap(now, until) {
            Nap::Poll(timeout) => Some(timeout),
            Nap::Event => None,
        };
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut may_be_readable = false;
        for event in &self.events {
            match (event.token(), socket.link()) {
                (SOCKET, Link::Udp(link)) => {
                    may_be_readable = true;
                    if event.is_error() {
                        link.on_error_event();
                    }
                }
                (WAKER, Link::Local(_)) => may_be_readable = true,
                _ => {}
            }
        }
        Ok(may_be_readable)
    }
}
