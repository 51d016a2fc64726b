//! A bad network between real sockets: a relay that loses datagrams. No kernel of another machine has a say in it, so
//! it is for trying out.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

/// How often it looks whether it should end.
const STOP_INTERVAL: Duration = Duration::from_millis(20);
/// The most that a datagram can have.
const LARGEST: usize = 65_535;

/// Relays between one client, whoever sent last, and one server. It ends when it is dropped.
pub(crate) struct Relay {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    /// Where the client's datagrams arrive.
    front: UdpSocket,
    /// Where the server's do.
    back: UdpSocket,
    client: Mutex<Option<SocketAddr>>,
    loss: f64,
    relayed: AtomicU64,
    lost: AtomicU64,
    is_over: AtomicBool,
}

impl Relay {
    pub(crate) fn new(server: SocketAddr, loss: f64) -> io::Result<Self> {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let back = match server {
            SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
            SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
        };
        back.connect(server)?;
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(STOP_INTERVAL))?;
            // As much as the system grants: what overflows is lost beyond what was asked for.
            SockRef::from(socket).set_recv_buffer_size(4 << 20)?;
        }
        let address = front.local_addr()?;
        let shared = Arc::new(Shared {
            front,
            back,
            client: Mutex::new(None),
            loss,
            relayed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let there = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.relay_to_server()
        });
        let back = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.relay_to_client()
        });
        Ok(Self { shared, address, threads: vec![there, back] })
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many datagrams it has passed on.
    pub(crate) fn relayed(&self) -> u64 {
        self.shared.relayed.load(Ordering::Relaxed)
    }

    /// How many it has lost.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn relay_to_server(&self) {
        self.relay(&self.front, |datagram, from| {
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
            self.back.send(datagram)
        });
    }

    fn relay_to_client(&self) {
        self.relay(&self.back, |datagram, _| {
            let client = *self.client.lock().unwrap_or_else(PoisonError::into_inner);
            client.map_or(Ok(0), |client| self.front.send_to(datagram, client))
        });
    }

    fn relay(&self, socket: &UdpSocket, pass: impl Fn(&[u8], SocketAddr) -> io::Result<usize>) {
        let mut buffer = [0; LARGEST];
        while !self.is_over.load(Ordering::Relaxed) {
            // Errors are those of networks: a server that is not there, a time-out. They are losses too.
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            if fastrand::f64() < self.loss {
                self.lost.fetch_add(1, Ordering::Relaxed);
            } else if pass(&buffer[..length], from).is_ok() {
                self.relayed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
