//! Datagram sockets without a network: queues in this process, found by address.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::inbox::{Datagram, Inbox, MOST_BYTES};
use super::poller::Waker;
use super::socket::{Readiness, Sent};
use crate::config::LARGEST_DATAGRAM_SIZE;
use crate::sync::Mutex;

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
    #[cfg(test)]
    trouble: Trouble,
}

/// The datagrams that wait for one socket.
struct Queue {
    waiting: Mutex<Waiting>,
    waker: Waker,
}

#[derive(Default)]
struct Waiting {
    datagrams: VecDeque<(SocketAddr, Bytes)>,
    bytes: usize,
}

/// What a test lets go wrong with what is sent.
#[cfg(test)]
#[derive(Clone, Copy, Default)]
pub(super) struct Trouble {
    /// Larger datagrams are too large for the path.
    pub(super) largest: Option<usize>,
    /// How many more datagrams there is room for.
    pub(super) room: Option<usize>,
    /// Whether what finds no room is lost, as by the queue of a device.
    pub(super) drops: bool,
}

/// A socket of an [`Exchange`].
pub(super) struct LocalSocket {
    local: SocketAddr,
    queue: Arc<Queue>,
    exchange: Arc<Exchange>,
}

/// How many datagrams wait for a socket; one more is lost, as in a full socket buffer.
const MOST_WAITING: usize = 4096;
/// How many bytes wait for a socket, as in a socket buffer of the default size.
const MOST_WAITING_BYTES: usize = 4 << 20;

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
    pub(super) fn open(self: &Arc<Self>, waker: Waker) -> LocalSocket {
        let mut table = self.table.lock();
        let local = table.new_address();
        self.enter(&mut table, local, waker)
    }

    /// The socket called `name`; `None` if there is one already.
    pub(super) fn bind(self: &Arc<Self>, name: &str, waker: Waker) -> Option<LocalSocket> {
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

    /// Lets something go wrong with what is sent from now on, or nothing any more.
    #[cfg(test)]
    pub(super) fn make_trouble(&self, trouble: Trouble) {
        self.table.lock().trouble = trouble;
    }

    fn enter(self: &Arc<Self>, table: &mut Table, local: SocketAddr, waker: Waker) -> LocalSocket {
        let queue = Arc::new(Queue { waiting: Mutex::default(), waker });
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

    /// How many bytes may wait.
    pub(super) fn receive_buffer(&self) -> usize {
        MOST_WAITING_BYTES
    }

    pub(super) fn receive(&self, inbox: &mut Inbox, limit: usize) -> Readiness {
        let mut waiting = self.queue.waiting.lock();
        let mut bytes = 0;
        for _ in 0..limit {
            let Some((from, content)) = waiting.datagrams.pop_front() else {
                return Readiness::Drained;
            };
            waiting.bytes -= content.len();
            bytes += content.len();
            inbox.push_owned(Datagram { from, local: None, content });
            if bytes >= MOST_BYTES {
                break;
            }
        }
        Readiness::MayBeReadable
    }

    pub(super) fn send(&self, datagram: &[u8], to: SocketAddr) -> Sent {
        if datagram.len() > LARGEST_DATAGRAM_SIZE {
            return Sent::TooLarge;
        }
        let peer = {
            #[allow(unused_mut, reason = "only tests make trouble")]
            let mut table = self.exchange.table.lock();
            #[cfg(test)]
            if let Some(sent) = table.trouble.meet(datagram.len()) {
                return sent;
            }
            table.sockets.get(&to).and_then(Weak::upgrade)
        };
        let Some(peer) = peer else { return Sent::Gone };
        let content = Bytes::copy_from_slice(datagram);
        let was_empty = {
            let mut waiting = peer.waiting.lock();
            let is_full = waiting.datagrams.len() >= MOST_WAITING
                || waiting.bytes + content.len() > MOST_WAITING_BYTES;
            if is_full {
                return Sent::Gone;
            }
            waiting.bytes += content.len();
            waiting.datagrams.push_back((self.local, content));
            waiting.datagrams.len() == 1
        };
        // Like an edge-triggered socket: one event when the queue stops being empty. If the waker
        // fails the datagrams are found when the peer next looks, after its own timers.
        if was_empty {
            peer.waker.wake();
        }
        Sent::Gone
    }
}

#[cfg(test)]
impl Trouble {
    fn meet(&mut self, size: usize) -> Option<Sent> {
        if self.largest.is_some_and(|largest| size > largest) {
            return Some(Sent::TooLarge);
        }
        match &mut self.room {
            Some(0) if self.drops => Some(Sent::Dropped),
            Some(0) => Some(Sent::Blocked),
            Some(room) => {
                *room -= 1;
                None
            }
            None => None,
        }
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        self.exchange.table.lock().sockets.remove(&self.local);
    }
}
