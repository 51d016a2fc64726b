//! The UDP socket: opening, receiving until it would block, sending, and what errors mean.
//!
//! There are two ways to receive, chosen when the socket is opened:
//!
//! - *plain*, by `recvfrom`, for clients and for servers on a specific address, on Linux. It is the
//!   cheaper one where few datagrams wait at a time, which is what packing many frames into each
//!   datagram leads to.
//! - *detailed*, through `quinn-udp`, for servers on a wildcard address, whose answers have to leave
//!   from the address that was asked, and for everything on other systems. It takes many datagrams
//!   per system call.
//!
//! Inside this file an IPv4 peer of an IPv6 socket has a mapped address (`::ffff:a.b.c.d`); outside
//! it has an IPv4 address.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Type};

use super::inbox::{Inbox, LARGEST};
use super::socket::Readiness;

/// A bound UDP socket.
pub(super) struct UdpLink {
    socket: UdpSocket,
    /// Present if it receives in detail.
    details: Option<UdpSocketState>,
    local: SocketAddr,
    /// Whether the system reports unreachable peers through the socket's error queue.
    reports_refusals: bool,
    may_have_refusals: AtomicBool,
}

/// How many buffers one detailed reception fills. Each takes 64 KiB, since the system may put a whole
/// train of datagrams into one; memory that is never written is never real.
const DETAILED_BATCH: usize = 16;

/// How many receptions may fail in a row before the socket is left alone until its next event.
const MOST_FAILURES: usize = 16;

impl UdpLink {
    /// A client's socket: any port, IPv6 and IPv4 if the system has both.
    pub(super) fn open_client(receive_buffer: usize) -> Result<Self, (SocketAddr, io::Error)> {
        let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let old = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut link = bind(both, receive_buffer)
            .and_then(|socket| Self::new(socket, cfg!(not(target_os = "linux"))))
            .or_else(|_| {
                let socket = bind(old, receive_buffer)?;
                Self::new(socket, cfg!(not(target_os = "linux")))
            })
            .map_err(|error| (old, error))?;
        link.reports_refusals = report_refusals(&link.socket).unwrap_or(false);
        Ok(link)
    }

    /// A server's socket.
    pub(super) fn open_server(address: SocketAddr, receive_buffer: usize) -> io::Result<Self> {
        let wants_details = address.ip().is_unspecified() || cfg!(not(target_os = "linux"));
        Self::new(bind(address, receive_buffer)?, wants_details)
    }

    fn new(socket: socket2::Socket, wants_details: bool) -> io::Result<Self> {
        let socket = UdpSocket::from_std(socket.into());
        let details = if wants_details {
            Some(UdpSocketState::new(UdpSockRef::from(&socket))?)
        } else {
            forbid_fragments(&socket);
            None
        };
        let local = socket.local_addr()?;
        let may_have_refusals = AtomicBool::new(false);
        Ok(Self { socket, details, local, reports_refusals: false, may_have_refusals })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn receive(&self, inbox: &mut Inbox, limit: usize) -> Readiness {
        match &self.details {
            None => self.receive_plain(inbox, limit),
            Some(details) => self.receive_detailed(details, inbox, limit),
        }
    }

    fn receive_plain(&self, inbox: &mut Inbox, limit: usize) -> Readiness {
        let mut scratch = inbox.take_scratch(1);
        let mut failures = 0;
        let mut readiness = Readiness::MayBeReadable;
        for _ in 0..limit {
            match self.socket.recv_from(&mut scratch) {
                Ok((length, from)) => {
                    inbox.push(unmap(from), None, &scratch[..length]);
                    failures = 0;
                }
                Err(error) if self.is_drained(&error, &mut failures) => {
                    readiness = Readiness::Drained;
                    break;
                }
                Err(_) => {}
            }
        }
        inbox.return_scratch(scratch);
        readiness
    }

    fn receive_detailed(
        &self,
        details: &UdpSocketState,
        inbox: &mut Inbox,
        limit: usize,
    ) -> Readiness {
        let buffers = limit.min(DETAILED_BATCH);
        let mut scratch = inbox.take_scratch(buffers);
        let mut metas = [RecvMeta::default(); DETAILED_BATCH];
        let mut failures = 0;
        let mut received = 0;
        let mut readiness = Readiness::MayBeReadable;
        while received < limit {
            let mut chunks = scratch.chunks_exact_mut(LARGEST);
            // The tail of the array is empty slices, which are not handed over.
            let mut slices: [IoSliceMut<'_>; DETAILED_BATCH] =
                core::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            let result = self.socket.try_io(|| {
                details.recv(UdpSockRef::from(&self.socket), &mut slices[..buffers], &mut metas)
            });
            match result {
                Ok(count) => {
                    received += count.max(1);
                    failures = 0;
                    for (meta, buffer) in metas[..count].iter().zip(scratch.chunks_exact(LARGEST)) {
                        push_train(inbox, meta, buffer);
                    }
                }
                Err(error) if self.is_drained(&error, &mut failures) => {
                    readiness = Readiness::Drained;
                    break;
                }
                Err(_) => received += 1,
            }
        }
        inbox.return_scratch(scratch);
        readiness
    }

    /// Whether there is nothing more to receive for now. Every other error is about one datagram, or
    /// about something that was sent to some other peer a while ago, and says nothing about the
    /// socket; only if there are nothing but errors is it left alone for a turn.
    fn is_drained(&self, error: &io::Error, failures: &mut usize) -> bool {
        if error.kind() == ErrorKind::WouldBlock {
            return true;
        }
        self.may_have_refusals.store(true, Ordering::Relaxed);
        *failures += 1;
        *failures >= MOST_FAILURES
    }

    pub(super) fn send(&self, datagram: &[u8], to: SocketAddr, from: Option<IpAddr>) {
        // An error can be the late report about an earlier datagram to somebody else, and then this
        // one was not sent: so it gets a second try. Full buffers do not empty that quickly.
        for _ in 0..2 {
            match self.try_send(datagram, to, from) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    self.may_have_refusals.store(true, Ordering::Relaxed);
                }
                Ok(()) | Err(_) => return,
            }
        }
    }

    fn try_send(&self, datagram: &[u8], to: SocketAddr, from: Option<IpAddr>) -> io::Result<()> {
        let destination = self.map(to);
        let Some(details) = &self.details else {
            return self.socket.send_to(datagram, destination).map(drop);
        };
        let transmit = quinn_udp::Transmit {
            destination,
            ecn: None,
            contents: datagram,
            segment_size: None,
            src_ip: from.map(|address| self.map_ip(address)),
        };
        self.socket.try_io(|| details.try_send(UdpSockRef::from(&self.socket), &transmit))
    }

    pub(super) fn take_refusals(&self, refused: impl FnMut(SocketAddr)) {
        if self.reports_refusals && self.may_have_refusals.swap(false, Ordering::Relaxed) {
            drain_error_queue(&self.socket, refused);
        }
    }

    /// Notes that the loop saw an error event.
    pub(super) fn on_error_event(&self) {
        self.may_have_refusals.store(true, Ordering::Relaxed);
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

fn bind(address: SocketAddr, receive_buffer: usize) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if domain == Domain::IPV6 && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    // The system grants what its own limit allows and says nothing; a small buffer loses datagrams
    // under load and nothing else, so it is no reason to refuse to work.
    let _ = socket.set_recv_buffer_size(receive_buffer);
    socket.bind(&address.into())?;
    Ok(socket)
}

/// One buffer of a detailed reception holds datagrams of equal size, the last of which may be shorter.
fn push_train(inbox: &mut Inbox, meta: &RecvMeta, buffer: &[u8]) {
    let from = unmap(meta.addr);
    let local = meta.dst_ip.map(|address| address.to_canonical());
    if meta.len == 0 {
        inbox.push(from, local, &[]);
    }
    for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
        inbox.push(from, local, datagram);
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

/// Sets "don't fragment" and ignores what the system believes about the path. Where it is refused,
/// an oversized datagram travels in pieces, as all datagrams once did.
///
/// IPv6 routers never fragment; this host still would, if `datagram_size` were larger than what its
/// own interface carries.
#[cfg(target_os = "linux")]
fn forbid_fragments(socket: &UdpSocket) {
    use rustix::net::sockopt;

    let _ = sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::PROBE);
    let _ = sockopt::set_ipv6_mtu_discover(socket, sockopt::Ipv6PathMtuDiscovery::PROBE);
}

#[cfg(not(target_os = "linux"))]
fn forbid_fragments(_socket: &UdpSocket) {
    // Detailed sockets, which are all of them here, have it set by `quinn-udp`.
}

/// Asks the system to report ICMP errors. Without this an unconnected socket hears of none.
#[cfg(target_os = "linux")]
fn report_refusals(socket: &UdpSocket) -> io::Result<bool> {
    // The option is set through `quinn-udp`, whose state is of no use otherwise: making one for the
    // socket itself would switch on the reception of whole trains, which `recvfrom` cannot take
    // apart. The method uses nothing of the state it is called on.
    let other = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let state = UdpSocketState::new(UdpSockRef::from(&other))?;
    state.enable_transport_errors(UdpSockRef::from(socket))?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn report_refusals(_socket: &UdpSocket) -> io::Result<bool> {
    Ok(false)
}

/// Empties the error queue. The address of an entry is where the datagram was sent that failed.
#[cfg(target_os = "linux")]
fn drain_error_queue(socket: &UdpSocket, mut refused: impl FnMut(SocketAddr)) {
    use rustix::net::{RecvFlags, recvfrom};

    let mut content = [0; 1];
    // The queue is bounded by the receive buffer; the count is bounded so that nobody can keep the
    // loop here by refusing faster than it reads.
    for _ in 0..64 {
        let flags = RecvFlags::ERRQUEUE | RecvFlags::DONTWAIT;
        let Ok((_, _, address)) = recvfrom(socket, &mut content[..], flags) else { return };
        if let Some(address) = address.and_then(|address| SocketAddr::try_from(address).ok()) {
            refused(unmap(address));
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn drain_error_queue(_socket: &UdpSocket, _refused: impl FnMut(SocketAddr)) {}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::net::UdpSocket as Peer;

    use super::*;

    const BUFFER: usize = 1 << 20;

    fn client() -> UdpLink {
        UdpLink::open_client(BUFFER).unwrap()
    }

    /// Everything that arrives until `count` datagrams have.
    fn receive(link: &UdpLink, count: usize) -> Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)> {
        let mut inbox = Inbox::new();
        let start = std::time::Instant::now();
        while inbox.len() < count {
            assert!(start.elapsed() < Duration::from_secs(10), "only {} arrived", inbox.len());
            link.receive(&mut inbox, 64);
        }
        assert_eq!(link.receive(&mut inbox, 64), Readiness::Drained);
        inbox
            .drain()
            .map(|datagram| (datagram.from, datagram.local, datagram.content.into()))
            .collect()
    }

    #[test]
    fn a_client_talks_to_both_families_and_sees_plain_addresses() {
        let link = client();
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let peer = Peer::bind(host).unwrap();
            let address = peer.local_addr().unwrap();
            link.send(b"there", address, None);
            let mut content = [0; 16];
            let (length, from) = peer.recv_from(&mut content).unwrap();
            assert_eq!(&content[..length], b"there");
            peer.send_to(b"back", from).unwrap();
            assert_eq!(receive(&link, 1), [(address, None, b"back".to_vec())]);
        }
    }

    #[test]
    fn a_server_on_a_wildcard_address_answers_from_the_address_that_was_asked() {
        for wildcard in ["0.0.0.0:0", "[::]:0"] {
            let link = UdpLink::open_server(wildcard.parse().unwrap(), BUFFER).unwrap();
            let port = link.local_addr().port();
            let peer = Peer::bind("127.0.0.1:0").unwrap();
            peer.send_to(b"there", ("127.0.0.3", port)).unwrap();
            let received = receive(&link, 1);
            let (from, local, _) = received[0];
            assert_eq!(from, peer.local_addr().unwrap());
            assert_eq!(local, Some(IpAddr::from([127, 0, 0, 3])));
            link.send(b"back", from, local);
            let (_, answered_by) = peer.recv_from(&mut [0; 16]).unwrap();
            assert_eq!(answered_by, SocketAddr::from(([127, 0, 0, 3], port)));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_error_about_one_peer_costs_no_other_a_datagram() {
        let link = client();
        let gone = Peer::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let peer = Peer::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        for round in 0..10 {
            // The refusal of the first is reported to whoever uses the socket next.
            link.send(b"nobody hears this", gone, None);
            link.send(&[round], peer.local_addr().unwrap(), None);
            let mut content = [0; 16];
            assert_eq!(peer.recv(&mut content).unwrap(), 1);
            assert_eq!(content[0], round);
        }
        let mut refused = Vec::new();
        link.take_refusals(|peer| refused.push(peer));
        assert!(!refused.is_empty());
        assert!(refused.iter().all(|&peer| peer == gone), "{refused:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_train_of_datagrams_is_taken_apart() {
        let link = UdpLink::open_server("0.0.0.0:0".parse().unwrap(), BUFFER).unwrap();
        let peer = Peer::bind("127.0.0.1:0").unwrap();
        let state = UdpSocketState::new(UdpSockRef::from(&peer)).unwrap();
        if state.max_gso_segments() < 3 {
            return;
        }
        let transmit = quinn_udp::Transmit {
            destination: SocketAddr::from(([127, 0, 0, 1], link.local_addr().port())),
            ecn: None,
            contents: b"aaaabbbbcc",
            segment_size: Some(4),
            src_ip: None,
        };
        state.try_send(UdpSockRef::from(&peer), &transmit).unwrap();
        peer.send_to(b"", transmit.destination).unwrap();
        let contents: Vec<_> =
            receive(&link, 4).into_iter().map(|(_, _, content)| content).collect();
        assert_eq!(contents, [&b"aaaa"[..], b"bbbb", b"cc", b""]);
    }

    #[test]
    fn a_batch_has_an_end() {
        for address in ["127.0.0.1:0", "0.0.0.0:0"] {
            let link = UdpLink::open_server(address.parse().unwrap(), BUFFER).unwrap();
            let peer = Peer::bind("127.0.0.1:0").unwrap();
            let to = SocketAddr::from(([127, 0, 0, 1], link.local_addr().port()));
            for _ in 0..40 {
                peer.send_to(b"", to).unwrap();
            }
            let mut inbox = Inbox::new();
            assert_eq!(link.receive(&mut inbox, 20), Readiness::MayBeReadable);
            assert!((20..40).contains(&inbox.len()), "{}", inbox.len());
            while link.receive(&mut inbox, 20) == Readiness::MayBeReadable {}
            assert_eq!(inbox.len(), 40);
        }
    }
}
