//! The network between clients and server: a relay in user space, on a thread of its own.
//!
//! ```text
//! client 0 --> front 0 --\
//!                         back 0 --\
//! client 1 --> front 1 --/          server
//! client 2 --> front 2 --- back 1 --/
//! ```
//!
//! Clients 0 and 1 share one address: the server sees both of them at back 0, and each of them gets what
//! was meant for the other one too. Every other client has a back of its own. A client that is started
//! again keeps its front, so that a new process speaks from the address of a dead one.

mod relay;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use self::relay::Relay;
use crate::arguments::Fault;

/// How many clients share the first address.
const SHARERS: usize = 2;

/// The relay. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    fronts: Vec<SocketAddr>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What the relay is told and tells.
#[derive(Debug)]
struct Shared {
    orders: Mutex<Orders>,
    is_stopping: AtomicBool,
    is_blackout: AtomicBool,
    counts: Counts,
}

/// What the relay is told.
#[derive(Clone, Copy, Debug)]
struct Orders {
    server: Option<SocketAddr>,
    /// The weather is calm from now on.
    is_healed: bool,
    /// So many old datagrams are to be sent again.
    replay: usize,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// What happened to datagrams.
        #[derive(Debug, Default)]
        struct Counts { $($(#[$doc])* $name: AtomicU64,)* }

        impl Counts {
            fn list(&self) -> Vec<(&'static str, u64)> {
                vec![$(($label, self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counts! {
    received = "received by the proxy",
    lost = "lost",
    duplicated = "duplicated",
    corrupted = "corrupted",
    truncated = "truncated",
    delayed = "delayed",
    replayed = "old ones replayed",
    blacked_out = "lost in a blackout",
    rebound = "address changes of a client",
    /// Not a fault that was asked for.
    failed = "refused by the system",
}

impl Counts {
    fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Proxy {
    /// A relay for so many clients. The seed decides about the weather and about every datagram; some
    /// faults are left out.
    pub(crate) fn start(clients: usize, seed: u64, without: &[Fault]) -> io::Result<Self> {
        let fronts: Vec<_> =
            (0..clients).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let addresses = fronts.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared {
            orders: Mutex::new(Orders { server: None, is_healed: false, replay: 0 }),
            is_stopping: AtomicBool::new(false),
            is_blackout: AtomicBool::new(false),
            counts: Counts::default(),
        });
        let backs: Vec<_> = (0..clients).map(|client| client.saturating_sub(SHARERS - 1)).collect();
        let mut relay = Relay::new(fronts, &backs, Arc::clone(&shared), (seed, without))?;
        let thread = std::thread::spawn(move || relay.run());
        Ok(Self { shared, fronts: addresses, thread: Some(thread) })
    }

    /// Where each client finds the server.
    pub(crate) fn fronts(&self) -> &[SocketAddr] {
        &self.fronts
    }

    /// Where the server is from now on.
    pub(crate) fn set_server(&self, server: SocketAddr) {
        self.order(|orders| orders.server = Some(server));
    }

    /// Makes the weather calm for ever.
    pub(crate) fn heal(&self) {
        self.order(|orders| orders.is_healed = true);
    }

    /// Sends so many datagrams of long ago again, in both directions.
    pub(crate) fn replay(&self, count: usize) {
        self.order(|orders| orders.replay += count);
    }

    /// Whether nothing gets through at the moment.
    pub(crate) fn is_blackout(&self) -> bool {
        self.shared.is_blackout.load(Ordering::Relaxed)
    }

    /// What happened to datagrams so far.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.shared.counts.list()
    }

    /// Whether the relay's thread still runs.
    pub(crate) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.shared.orders.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => eprintln!("the proxy failed: {error}"),
                Err(_) => eprintln!("the proxy panicked"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Three clients, of which the first two share an address, and a server that answers `!`.
    #[test]
    fn clients_are_told_apart_unless_they_share_an_address() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start(3, 1, &[]).unwrap();
        proxy.heal();
        proxy.set_server(server.local_addr().unwrap());
        let clients: Vec<_> = proxy
            .fronts()
            .iter()
            .map(|front| {
                let client = UdpSocket::bind("127.0.0.1:0").unwrap();
                client.connect(front).unwrap();
                client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                client
            })
            .collect();
        server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut sources = Vec::new();
        let mut buffer = [0; 100];
        for (client, number) in clients.iter().zip(0u8..) {
            client.send(&[number]).unwrap();
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            assert_eq!(buffer[..length], [number]);
            sources.push(from);
        }
        assert!(sources[0] == sources[1] && sources[1] != sources[2], "{sources:?}");
        for source in [sources[2], sources[0]] {
            server.send_to(b"!", source).unwrap();
        }
        for client in &clients {
            assert_eq!(client.recv(&mut buffer).unwrap(), 1);
        }
        clients[2].set_nonblocking(true).unwrap();
        assert!(clients[2].recv(&mut buffer).is_err(), "it was told what was meant for others");
    }
}
