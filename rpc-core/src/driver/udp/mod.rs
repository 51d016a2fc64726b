//! The UDP socket: opening it, and which way it receives.
//!
//! There are two ways to receive:
//!
//! - *plain*, by `recvfrom`, for clients and for servers on a specific address, on Linux. It is the
//!   cheaper one where few datagrams wait at a time, which is what packing many frames into each
//!   datagram leads to.
//! - *detailed*, through `quinn-udp`, for servers on a wildcard address, whose answers have to leave
//!   from the address that was asked, and for everything on other systems. It takes many datagrams
//!   per system call, and whole trains of them where the system puts them together (GRO). A plain
//!   socket becomes a detailed one, for good, when large messages arrive in many datagrams.
//!
//! Inside this folder an IPv4 peer of an IPv6 socket has a mapped address (`::ffff:a.b.c.d`); outside
//! it has an IPv4 address.

mod calls;
mod errors;
#[cfg(all(test, target_os = "linux"))]
pub(super) mod fake;
mod options;
mod receive;
mod send;
#[cfg(test)]
mod tests;

use core::sync::atomic::AtomicBool;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::{Arc, OnceLock};

use mio::net::UdpSocket;
use mio::{Registry, Token};
use quinn_udp::{UdpSockRef, UdpSocketState};

use calls::Calls;
use errors::Errors;
use receive::BulkDetector;

use super::troubles::Troubles;

/// A bound UDP socket.
pub(super) struct UdpLink {
    calls: Calls,
    /// Present if it receives in detail.
    details: OnceLock<UdpSocketState>,
    bulk: BulkDetector,
    /// What sends trains, made when there is the first; empty where the system has none.
    trains: OnceLock<Option<UdpSocketState>>,
    /// Whether it makes sense to try: some devices take none although the system has them.
    takes_trains: AtomicBool,
    local: SocketAddr,
    /// What the system granted, in bytes as one asks for them; 0 if it does not say.
    receive_buffer: usize,
    errors: Errors,
    troubles: Arc<Troubles>,
}

impl UdpLink {
    /// A client's socket: any port, IPv6 and IPv4 if the system has both.
    pub(super) fn open_client(receive_buffer: usize) -> Result<Self, (SocketAddr, io::Error)> {
        let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let old = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let open = |address| {
            let socket = options::bind(address, receive_buffer)?;
            Self::new(socket, cfg!(not(target_os = "linux")))
        };
        let mut link = open(both).or_else(|_| open(old)).map_err(|error| (old, error))?;
        link.errors.enable(&link.calls);
        Ok(link)
    }

    /// A server's socket.
    pub(super) fn open_server(address: SocketAddr, receive_buffer: usize) -> io::Result<Self> {
        let wants_details = address.ip().is_unspecified() || cfg!(not(target_os = "linux"));
        Self::new(options::bind(address, receive_buffer)?, wants_details)
    }

    fn new(socket: socket2::Socket, wants_details: bool) -> io::Result<Self> {
        let receive_buffer = options::receive_buffer(&socket);
        let socket = UdpSocket::from_std(socket.into());
        let details = OnceLock::new();
        if wants_details {
            let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
            details.get_or_init(|| state);
        } else {
            options::forbid_fragments(&socket);
        }
        let local = socket.local_addr()?;
        Ok(Self {
            calls: Calls::System(socket),
            details,
            bulk: BulkDetector::default(),
            trains: OnceLock::new(),
            takes_trains: AtomicBool::new(true),
            local,
            receive_buffer,
            errors: Errors::default(),
            troubles: Arc::default(),
        })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.calls.register(registry, token)
    }

    /// As [`Calls::attach`].
    pub(super) fn attach(&self, registry: &Registry, token: Token) -> io::Result<()> {
        self.calls.attach(registry, token)
    }

    /// As [`Calls::detach`].
    pub(super) fn detach(&self, registry: &Registry) -> io::Result<()> {
        self.calls.detach(registry)
    }

    /// As [`Calls::watch_writable`].
    pub(super) fn watch_writable(&self, registry: &Registry, token: Token, watches: bool) {
        self.calls.watch_writable(registry, token, watches);
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// What the system granted, in bytes as one asks for them; 0 if it does not say.
    pub(super) fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// What went wrong so far.
    pub(super) fn troubles(&self) -> &Arc<Troubles> {
        &self.troubles
    }

    pub(super) fn take_refusals(&self, refused: impl FnMut(SocketAddr)) {
        self.errors.take_refusals(&self.calls, refused);
    }

    /// Notes that the loop saw an error event.
    pub(super) fn on_error_event(&self) {
        self.errors.note_event();
    }

    fn map(&self, address: SocketAddr) -> SocketAddr {
        match (self.local, address) {
            (SocketAddr::V6(_), SocketAddr::V4(old)) => {
                SocketAddr::V6(SocketAddrV6::new(old.ip().to_ipv6_mapped(), old.port(), 0, 0))
            }
            _ => address,
        }
    }

    fn map_ip(&self, address: IpAddr) -> IpAddr {
        match (self.local, address) {
            (SocketAddr::V6(_), IpAddr::V4(old)) => IpAddr::V6(old.to_ipv6_mapped()),
            _ => address,
        }
    }
}

fn unmap(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(new) => match new.ip().to_ipv4_mapped() {
            Some(old) => SocketAddr::from((old, new.port())),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

/// The state of `quinn-udp` for what it does to sockets that are not its own: making one for such a
/// socket itself would switch on the reception of whole trains, which `recvfrom` cannot take apart.
fn foreign_state() -> io::Result<UdpSocketState> {
    let other = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    UdpSocketState::new(UdpSockRef::from(&other))
}
