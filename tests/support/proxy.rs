//! A bad network between real sockets: a relay in user space that loses and doubles datagrams.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What happens to the datagrams of both directions, each with a probability from 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub loss: f64,
    pub duplication: f64,
}

/// Relays datagrams between any number of clients and one server. It ends when it is dropped.
///
/// Every client gets a socket of its own towards the server, as an address translator would give it.
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    server: SocketAddr,
    faults: Faults,
    requests_are_cut: AtomicBool,
    answers_are_cut: AtomicBool,
    /// Clients get new sockets towards the server when it changes.
    generation: AtomicU64,
    is_stopping: AtomicBool,
    relayed: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
}

/// What stands for one client on the server's side.
struct Back {
    socket: UdpSocket,
    thread: JoinHandle<io::Result<()>>,
}

/// How often the relay looks whether it should end.
const STOP_INTERVAL: Duration = Duration::from_millis(20);

impl Proxy {
    /// A relay to `server`. The seed decides which datagrams of each direction suffer.
    pub fn new(server: SocketAddr, faults: Faults, seed: u64) -> io::Result<Self> {
        let front = UdpSocket::bind("127.0.0.1:0")?;
        let address = front.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            faults,
            requests_are_cut: AtomicBool::new(false),
            answers_are_cut: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            is_stopping: AtomicBool::new(false),
            relayed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            doubled: AtomicU64::new(0),
        });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.relay_requests(&front, seed).expect("the relay's sockets work")
        });
        Ok(Self { shared, address, thread: Some(thread) })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing gets from the clients to the server, or it does again.
    pub fn cut_requests(&self, is_cut: bool) {
        self.shared.requests_are_cut.store(is_cut, Ordering::SeqCst);
    }

    /// From now on nothing gets from the server to the clients, or it does again.
    pub fn cut_answers(&self, is_cut: bool) {
        self.shared.answers_are_cut.store(is_cut, Ordering::SeqCst);
    }

    /// Does both.
    pub fn cut(&self, is_cut: bool) {
        self.cut_requests(is_cut);
        self.cut_answers(is_cut);
    }

    /// Forgets the clients, as an address translator does after a while: from the server's point of view
    /// they have other addresses from now on, and what is sent to the old ones is lost.
    pub fn rebind(&self) {
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Datagrams that got through, copies included.
    pub fn relayed(&self) -> u64 {
        self.shared.relayed.load(Ordering::SeqCst)
    }

    /// Datagrams that were lost.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// Datagrams that got through twice.
    pub fn doubled(&self) -> u64 {
        self.shared.doubled.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the relay failed");
        }
    }
}

impl Shared {
    /// Client to server; starts one thread for every client's answers.
    fn relay_requests(self: &Arc<Self>, front: &UdpSocket, seed: u64) -> io::Result<()> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut backs: HashMap<(SocketAddr, u64), Back> = HashMap::new();
        let mut buffer = [0; 65_536];
        front.set_read_timeout(Some(STOP_INTERVAL))?;
        while let Some((length, client)) = self.receive(front, &mut buffer)? {
            let generation = self.generation.load(Ordering::SeqCst);
            let back = match backs.entry((client, generation)) {
                Entry::Occupied(back) => back.into_mut(),
                Entry::Vacant(place) => {
                    place.insert(self.open_back(front, client, generation, random.u64(..))?)
                }
            };
            self.pass_on(&mut random, &self.requests_are_cut, || {
                // A server that is gone refuses datagrams; on a network they would just be lost.
                let _ = back.socket.send_to(&buffer[..length], self.server);
            });
        }
        for (_, back) in backs {
            back.thread.join().expect("the relay does not panic")?;
        }
        Ok(())
    }

    fn open_back(
        self: &Arc<Self>,
        front: &UdpSocket,
        client: SocketAddr,
        generation: u64,
        seed: u64,
    ) -> io::Result<Back> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let (to_client, from_server) = (front.try_clone()?, socket.try_clone()?);
        let relay = Arc::clone(self);
        let thread = std::thread::spawn(move || {
            relay.relay_answers(&from_server, &to_client, client, generation, seed)
        });
        Ok(Back { socket, thread })
    }

    fn relay_answers(
        &self,
        back: &UdpSocket,
        front: &UdpSocket,
        client: SocketAddr,
        generation: u64,
        seed: u64,
    ) -> io::Result<()> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut buffer = [0; 65_536];
        back.set_read_timeout(Some(STOP_INTERVAL))?;
        while let Some((length, _)) = self.receive(back, &mut buffer)? {
            if self.generation.load(Ordering::SeqCst) != generation {
                self.lost.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            self.pass_on(&mut random, &self.answers_are_cut, || {
                let _ = front.send_to(&buffer[..length], client);
            });
        }
        Ok(())
    }

    /// The next datagram; `None` when it is time to end.
    fn receive(
        &self,
        socket: &UdpSocket,
        buffer: &mut [u8],
    ) -> io::Result<Option<(usize, SocketAddr)>> {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, TimedOut, WouldBlock};
        while !self.is_stopping.load(Ordering::SeqCst) {
            match socket.recv_from(buffer) {
                Ok(received) => return Ok(Some(received)),
                Err(error)
                    if matches!(
                        error.kind(),
                        WouldBlock | TimedOut | ConnectionRefused | ConnectionReset
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn pass_on(&self, random: &mut fastrand::Rng, is_cut: &AtomicBool, mut send: impl FnMut()) {
        if is_cut.load(Ordering::SeqCst) || random.f64() < self.faults.loss {
            self.lost.fetch_add(1, Ordering::SeqCst);
            return;
        }
        send();
        self.relayed.fetch_add(1, Ordering::SeqCst);
        if random.f64() < self.faults.duplication {
            send();
            self.relayed.fetch_add(1, Ordering::SeqCst);
            self.doubled.fetch_add(1, Ordering::SeqCst);
        }
    }
}
