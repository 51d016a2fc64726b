//! What is asked of the system for a socket, and what it granted.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;
use socket2::{Domain, Protocol, Type};

/// The send buffer asked for, in bytes: room for what one turn of the loop sends, with what the system
/// keeps beside it. More would only let datagrams grow old in the host's own queue.
const SEND_BUFFER: usize = 512 * 1024;

/// A bound socket that does not block.
pub(super) fn bind(address: SocketAddr, receive_buffer: usize) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if domain == Domain::IPV6 && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    // The system grants what its own limit allows and says nothing; a small buffer loses datagrams
    // under load and nothing else, so it is no reason to refuse to work.
    let _ = socket.set_recv_buffer_size(receive_buffer);
    if socket.send_buffer_size().is_ok_and(|size| size < SEND_BUFFER) {
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The receive buffer that was granted, in bytes as one asks for them; 0 if the system does not say.
pub(super) fn receive_buffer(socket: &socket2::Socket) -> usize {
    let granted = socket.recv_buffer_size().unwrap_or(0);
    // Linux doubles what it is asked for, to have room for its bookkeeping, and says so.
    if cfg!(target_os = "linux") { granted / 2 } else { granted }
}

/// Sets "don't fragment" and ignores what the system believes about the path. Where it is refused,
/// an oversized datagram travels in pieces, as all datagrams once did.
///
/// IPv6 routers never fragment; this host still would, if a datagram were larger than what its own
/// interface carries.
#[cfg(target_os = "linux")]
pub(super) fn forbid_fragments(socket: &UdpSocket) {
    use rustix::net::sockopt;

    let _ = sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::PROBE);
    let _ = sockopt::set_ipv6_mtu_discover(socket, sockopt::Ipv6PathMtuDiscovery::PROBE);
}

#[cfg(not(target_os = "linux"))]
pub(super) fn forbid_fragments(_socket: &UdpSocket) {
    // Detailed sockets, which are all of them here, have it set by `quinn-udp`.
}
