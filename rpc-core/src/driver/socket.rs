//! What the loop needs of a network: a non-blocking socket for datagrams, over UDP or in process.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::{Registry, Token};

use super::inbox::Inbox;
use super::local::LocalSocket;
use super::udp::UdpLink;

/// A datagram socket. Any thread may send through it; only the holder of the seat receives.
pub(super) enum Socket {
    /// A UDP socket.
    Udp(UdpLink),
    /// A place in an in-process network.
    Local(LocalSocket),
}

/// What a batch of receptions left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// The socket said that it would block. Only this promises an event for the next datagram.
    Drained,
    /// The batch was full first.
    MayBeReadable,
}

impl Socket {
    /// Asks for an event under `token` whenever a datagram arrives. An in-process socket announces
    /// its datagrams through the loop's waker instead.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Udp(link) => link.register(registry, token),
            Self::Local(_) => Ok(()),
        }
    }

    /// The bound address.
    pub(super) fn local_addr(&self) -> SocketAddr {
        match self {
            Self::Udp(link) => link.local_addr(),
            Self::Local(socket) => socket.local_addr(),
        }
    }

    /// Receives at most about `limit` datagrams, without blocking. Errors and empty datagrams count
    /// as well, so that a flood of them cannot hold the loop.
    pub(super) fn receive(&self, inbox: &mut Inbox, limit: usize) -> Readiness {
        match self {
            Self::Udp(link) => link.receive(inbox, limit),
            Self::Local(socket) => socket.receive(inbox, limit),
        }
    }

    /// Sends one datagram, or loses it. A failure concerns this datagram only.
    pub(super) fn send(&self, datagram: &[u8], to: SocketAddr, from: Option<IpAddr>) {
        match self {
            Self::Udp(link) => link.send(datagram, to, from),
            Self::Local(socket) => socket.send(datagram, to),
        }
    }

    /// Peers that were reported as unreachable since this was last asked. Never exact: a hint.
    pub(super) fn take_refusals(&self, refused: impl FnMut(SocketAddr)) {
        match self {
            Self::Udp(link) => link.take_refusals(refused),
            Self::Local(_) => {}
        }
    }
}
