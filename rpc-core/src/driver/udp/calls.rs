//! The system calls on a socket, one function for each. What their results mean, whether to try again
//! and how much to receive is decided by those who use them.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};

/// A socket of the system's.
pub(super) enum Calls {
    /// A real one.
    System(UdpSocket),
    /// One whose calls go wrong as a test wants them to.
    #[cfg(all(test, target_os = "linux"))]
    Fake(super::fake::FakeSocket),
}

impl Calls {
    /// Asks for events.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::System(socket) => registry.register(socket, token, Interest::READABLE),
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => fake.register(registry, token),
        }
    }

    /// Asks for events of a socket that is in use, until they are not wanted any more.
    ///
    /// # Errors
    /// `Unsupported` where that cannot be taken back.
    pub(super) fn attach(&self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Self::System(socket) => {
                use std::os::fd::AsRawFd;

                let mut source = mio::unix::SourceFd(&socket.as_raw_fd());
                registry.register(&mut source, token, Interest::READABLE)
            }
            #[cfg(not(unix))]
            Self::System(_) => {
                let _ = (registry, token);
                Err(io::ErrorKind::Unsupported.into())
            }
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => fake.register(registry, token),
        }
    }

    /// Asks for no events any more.
    pub(super) fn detach(&self, registry: &Registry) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Self::System(socket) => {
                use std::os::fd::AsRawFd;

                registry.deregister(&mut mio::unix::SourceFd(&socket.as_raw_fd()))
            }
            #[cfg(not(unix))]
            Self::System(_) => {
                let _ = registry;
                Ok(())
            }
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => fake.deregister(registry),
        }
    }

    /// Asks for an event when the socket takes datagrams again, or for none any more. Without one, as
    /// on systems where this does nothing, the loop tries again after a while.
    pub(super) fn watch_writable(&self, registry: &Registry, token: Token, watches: bool) {
        match self {
            #[cfg(unix)]
            Self::System(socket) => {
                use std::os::fd::AsRawFd;

                let interest = if watches {
                    Interest::READABLE | Interest::WRITABLE
                } else {
                    Interest::READABLE
                };
                let mut source = mio::unix::SourceFd(&socket.as_raw_fd());
                let _ = registry.reregister(&mut source, token, interest);
            }
            #[cfg(not(unix))]
            Self::System(_) => {
                let _ = (registry, token, watches);
            }
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => fake.watch_writable(watches),
        }
    }

    /// Sends one datagram.
    #[inline]
    pub(super) fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        match self {
            Self::System(socket) => socket.send_to(datagram, to).map(drop),
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => fake.send(datagram, datagram.len(), to),
        }
    }

    /// Sends one datagram, or a train of them, in detail.
    #[inline]
    pub(super) fn transmit(
        &self,
        state: &UdpSocketState,
        transmit: &quinn_udp::Transmit<'_>,
    ) -> io::Result<()> {
        match self {
            Self::System(socket) => {
                socket.try_io(|| state.try_send(UdpSockRef::from(socket), transmit))
            }
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => {
                let contents = transmit.contents;
                let size = transmit.segment_size.unwrap_or(contents.len());
                fake.send(contents, size, transmit.destination)
            }
        }
    }

    /// Receives one datagram.
    #[inline]
    pub(super) fn receive_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self {
            Self::System(socket) => socket.recv_from(buffer),
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => fake.receive(buffer),
        }
    }

    /// Receives many datagrams, or trains of them. Says how many buffers it filled.
    #[inline]
    pub(super) fn receive_many(
        &self,
        state: &UdpSocketState,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> io::Result<usize> {
        match self {
            Self::System(socket) => {
                socket.try_io(|| state.recv(UdpSockRef::from(socket), buffers, metas))
            }
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => fake.receive_many(buffers, metas),
        }
    }

    /// Makes the socket one that receives in detail.
    pub(super) fn begin_details(&self) -> io::Result<UdpSocketState> {
        match self {
            Self::System(socket) => UdpSocketState::new(UdpSockRef::from(socket)),
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(_) => super::foreign_state(),
        }
    }

    /// Asks the system to report ICMP errors. Without this an unconnected socket hears of none. False
    /// if it does not.
    pub(super) fn enable_reports(&self) -> bool {
        match self {
            // The method uses nothing of the state it is called on.
            #[cfg(target_os = "linux")]
            Self::System(socket) => super::foreign_state()
                .and_then(|state| state.enable_transport_errors(UdpSockRef::from(socket)))
                .is_ok(),
            #[cfg(not(target_os = "linux"))]
            Self::System(_) => false,
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(_) => true,
        }
    }

    /// Takes a report out of the error queue: where the datagram was sent that failed, if that is
    /// known. `None` if there is none.
    pub(super) fn next_report(&self) -> Option<Option<SocketAddr>> {
        match self {
            #[cfg(target_os = "linux")]
            Self::System(socket) => {
                use rustix::net::{RecvFlags, recvfrom};

                let mut content = [0; 1];
                let flags = RecvFlags::ERRQUEUE | RecvFlags::DONTWAIT;
                let (_, _, address) = recvfrom(socket, &mut content[..], flags).ok()?;
                Some(address.and_then(|address| SocketAddr::try_from(address).ok()))
            }
            #[cfg(not(target_os = "linux"))]
            Self::System(_) => None,
            #[cfg(all(test, target_os = "linux"))]
            Self::Fake(fake) => fake.next_report().map(Some),
        }
    }
}
