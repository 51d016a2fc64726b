//! Datagram sockets without a network: queues in this process, found by address.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use mio::Waker;
use parking_lot::Mutex;

use super::inbox::{Datagram, Inbox};
use super::socket::Readiness;

/// The places of one in-process network.
#[derive(Default)]
pub(super) struct Exchange {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// The address of each name. It stays with the name for ever, so that a client that was opened
    /// before its server finds it, and finds the next server of that name as well.
    names: HashMap<String, SocketAddr>,
    sockets: HashMap<SocketAddr, Weak<Queue>>,
    addresses: u32,
}

/// The datagrams that wait for one socket.
struct Queue {
    datagrams: Mutex<VecDeque<(SocketAddr, Bytes)>>,
    waker: Arc<Waker>,
}

/// A socket of an [`Exchange`].
pub(super) struct LocalSocket {
    local: SocketAddr,
    queue: Arc<Queue>,
    exchange: Arc<Exchange>,
}

/// How many datagrams wait for a socket; one more is lost, as in a full socket buffer.
const MOST_WAITING: usize = 4096;

impl Exchange {
    /// The address that `name` stands for.
    pub(super) fn address_of(&self, name: &str) -> SocketAddr {
        self.table.lock().address_of(name)
    }

    /// The names that have a socket, in order.
    pub(super) fn bound_names(&self) -> Vec<String> {
        let table = self.table.lock();
        let is_bound = |address| table.sockets.contains_key(address);
        let bound = table.names.iter().filter(|(_, address)| is_bound(*address));
        let mut names: Vec<String> = bound.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// A socket with an address of its own.
    pub(super) fn open(self: &Arc<Self>, waker: Arc<Waker>) -> LocalSocket {
        let mut table = self.table.lock();
        let local = table.new_address();
        self.enter(&mut table, local, waker)
    }

    /// The socket called `name`; `None` if there is one already.
    pub(super) fn bind(self: &Arc<Self>, name: &str, waker: Arc<Waker>) -> Option<LocalSocket> {
        let mut table = self.table.lock();
        let local = table.address_of(name);
        if table.sockets.contains_key(&local) {
            return None;
        }
        Some(self.enter(&mut table, local, waker))
    }

    /// Loses every datagram to `name` from now on, without anybody being told.
    #[cfg(test)]
    pub(super) fn lose(&self, name: &str) {
        let mut table = self.table.lock();
        let address = table.address_of(name);
        table.sockets.remove(&address);
    }

    fn enter(
        self: &Arc<Self>,
        table: &mut Table,
        local: SocketAddr,
        waker: Arc<Waker>,
    ) -> LocalSocket {
        let queue = Arc::new(Queue { datagrams: Mutex::default(), waker });
        table.sockets.insert(local, Arc::downgrade(&queue));
        LocalSocket { local, queue, exchange: Arc::clone(self) }
    }
}

impl Table {
    fn address_of(&mut self, name: &str) -> SocketAddr {
        if let Some(&address) = self.names.get(name) {
            return address;
        }
        let address = self.new_address();
        self.names.insert(name.to_owned(), address);
        address
    }

    /// A unique local address (RFC 4193) in a /64 of its own, so that limits per source take every
    /// client for another source.
    fn new_address(&mut self) -> SocketAddr {
        self.addresses += 1;
        let [high, low] = [(self.addresses >> 16) as u16, self.addresses as u16];
        SocketAddr::from((Ipv6Addr::new(0xfdfa, 0x7ca1, high, low, 0, 0, 0, 1), 1))
    }
}

impl LocalSocket {
    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn receive(&self, inbox: &mut Inbox, limit: usize) -> Readiness {
        let mut datagrams = self.queue.datagrams.lock();
        for _ in 0..limit {
            let Some((from, content)) = datagrams.pop_front() else { return Readiness::Drained };
            inbox.push_owned(Datagram { from, local: None, content });
        }
        Readiness::MayBeReadable
    }

    pub(super) fn send(&self, datagram: &[u8], to: SocketAddr) {
        let peer = self.exchange.table.lock().sockets.get(&to).and_then(Weak::upgrade);
        let Some(peer) = peer else { return };
        let content = Bytes::copy_from_slice(datagram);
        let was_empty = {
            let mut datagrams = peer.datagrams.lock();
            if datagrams.len() >= MOST_WAITING {
                return;
            }
            datagrams.push_back((self.local, content));
            datagrams.len() == 1
        };
        // Like an edge-triggered socket: one event when the queue stops being empty. If the waker
        // fails the datagrams are found when the peer next looks, after its own timers.
        if was_empty {
            let _ = peer.waker.wake();
        }
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        self.exchange.table.lock().sockets.remove(&self.local);
    }
}
