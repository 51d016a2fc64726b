//! A socket that is none: datagrams go from one fake to another in this process, and a plan says what
//! becomes of every system call.
//!
//! It fails as Linux does. An error that is reported late comes to whoever uses the socket next, for
//! whatever, and instead of what that call was to do; what failed lies in an error queue.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use parking_lot::Mutex;
use quinn_udp::RecvMeta;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::Errno;

use super::calls::Calls;
use super::errors::Errors;
use super::receive::BulkDetector;
use super::{AtomicBool, UdpLink};

/// What a socket is asked for.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Request<'a> {
    /// To send a datagram, or a train of datagrams of this size.
    Send { to: SocketAddr, contents: &'a [u8], size: usize },
    /// To receive one.
    Receive,
}

/// What becomes of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Fate {
    /// What is asked for.
    Fine,
    /// It fails, and does nothing.
    Fails(Errno),
    /// What is sent is lost, and some later call fails for it.
    Bounces(Errno),
    /// What is sent is lost.
    Lost,
    /// An empty datagram is received first, from somebody unknown.
    Empty,
    /// Bytes of somebody unknown are received first.
    Junk,
    /// What is received is cut to this length.
    Cut(usize),
    /// No more than this datagram is received, although there may be more.
    Short,
}

/// Decides about every system call of a socket. It must not use the socket.
pub(in super::super) type Plan = Box<dyn FnMut(&Request<'_>) -> Fate + Send>;

/// The system calls of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Counts {
    pub(in super::super) sends: usize,
    pub(in super::super) receives: usize,
    pub(in super::super) reports: usize,
    pub(in super::super) watches: usize,
    /// Datagrams that were handed to the loop.
    pub(in super::super) received: usize,
    /// Calls to which something was done.
    pub(in super::super) faults: usize,
}

/// The network in which fakes find each other.
#[derive(Default)]
pub(in super::super) struct FakeNetwork {
    places: Mutex<HashMap<SocketAddr, Arc<Place>>>,
}

/// A fake socket, as the loop has it.
pub(in super::super) struct FakeSocket {
    place: Arc<Place>,
    network: Arc<FakeNetwork>,
}

/// A fake socket, as a test has it.
pub(in super::super) struct Place {
    local: SocketAddr,
    /// Its event is the event of the socket. It is never read: each write is an event.
    event: OwnedFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    arrived: VecDeque<(SocketAddr, Vec<u8>)>,
    plan: Option<Plan>,
    /// What the next call fails with, whatever it is.
    pending: Option<Errno>,
    reports: VecDeque<(SocketAddr, Errno)>,
    /// Whether an event was asked for when there is room.
    watches: bool,
    /// Whether that event comes although there is no room.
    claims_room: bool,
    counts: Counts,
}

/// How many datagrams wait for a socket; one more is lost.
const MOST_ARRIVED: usize = 4096;

impl FakeNetwork {
    /// The socket of `local`, and what a test holds of it.
    pub(in super::super) fn open(
        self: &Arc<Self>,
        local: SocketAddr,
        is_detailed: bool,
    ) -> (UdpLink, Arc<Place>) {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap();
        let place = Arc::new(Place { local, event, state: Mutex::default() });
        self.places.lock().insert(local, Arc::clone(&place));
        let details = OnceLock::new();
        if is_detailed {
            details.get_or_init(|| super::foreign_state().unwrap());
        }
        let fake = FakeSocket { place: Arc::clone(&place), network: Arc::clone(self) };
        let calls = Calls::Fake(fake);
        let mut errors = Errors::default();
        errors.enable(&calls);
        let link = UdpLink {
            calls,
            details,
            bulk: BulkDetector::default(),
            trains: OnceLock::new(),
            takes_trains: AtomicBool::new(true),
            local,
            receive_buffer: 4 << 20,
            errors,
            troubles: Arc::default(),
        };
        (link, place)
    }

    fn carry(&self, from: SocketAddr, contents: &[u8], size: usize, to: SocketAddr) {
        let Some(place) = self.places.lock().get(&to).cloned() else { return };
        if contents.is_empty() {
            return place.put(from, &[]);
        }
        for datagram in contents.chunks(size) {
            place.put(from, datagram);
        }
    }
}

impl Place {
    /// Lets a plan decide from now on.
    pub(in super::super) fn plan(&self, plan: impl FnMut(&Request<'_>) -> Fate + Send + 'static) {
        self.state.lock().plan = Some(Box::new(plan));
    }

    /// Nothing goes wrong from now on. Who waits for room hears of it.
    pub(in super::super) fn heal(&self) {
        let watches = {
            let mut state = self.state.lock();
            state.plan = None;
            state.watches
        };
        if watches {
            self.ring();
        }
    }

    /// Whether the socket says that there is room where there is none.
    pub(in super::super) fn claim_room(&self, claims_room: bool) {
        self.state.lock().claims_room = claims_room;
    }

    pub(in super::super) fn counts(&self) -> Counts {
        self.state.lock().counts
    }

    /// A datagram arrives.
    pub(in super::super) fn put(&self, from: SocketAddr, datagram: &[u8]) {
        let mut state = self.state.lock();
        if state.arrived.len() < MOST_ARRIVED {
            state.arrived.push_back((from, datagram.to_vec()));
        }
        drop(state);
        self.ring();
    }

    /// Says that there is something, which need not be so.
    pub(in super::super) fn ring(&self) {
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    /// What has arrived and was not received.
    pub(in super::super) fn take_arrived(&self) -> Vec<Vec<u8>> {
        self.state.lock().arrived.drain(..).map(|(_, content)| content).collect()
    }

    pub(in super::super) fn arrived(&self) -> usize {
        self.state.lock().arrived.len()
    }
}

impl State {
    /// What becomes of a call.
    fn meet(&mut self, request: &Request<'_>) -> io::Result<Fate> {
        if let Some(error) = self.pending.take() {
            return Err(error.into());
        }
        let fate = self.plan.as_mut().map_or(Fate::Fine, |plan| plan(request));
        self.counts.faults += usize::from(fate != Fate::Fine);
        match fate {
            Fate::Fails(error) => Err(error.into()),
            fate => Ok(fate),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, bool)> {
        let fate = self.meet(&Request::Receive)?;
        let stranger = SocketAddr::from(([203, 0, 113, 7], 7));
        let (from, mut content) = match fate {
            Fate::Empty => (stranger, Vec::new()),
            Fate::Junk => (stranger, vec![0xfa; 1 + self.counts.received % 1400]),
            _ => self.arrived.pop_front().ok_or(Errno::AGAIN)?,
        };
        if let Fate::Cut(length) = fate {
            content.truncate(length);
        }
        self.counts.received += 1;
        let length = content.len().min(buffer.len());
        buffer[..length].copy_from_slice(&content[..length]);
        Ok((length, from, fate == Fate::Short))
    }
}

impl FakeSocket {
    pub(super) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        let event = self.place.event.as_raw_fd();
        registry.register(&mut SourceFd(&event), token, Interest::READABLE)
    }

    pub(super) fn deregister(&self, registry: &Registry) -> io::Result<()> {
        let event = self.place.event.as_raw_fd();
        registry.deregister(&mut SourceFd(&event))
    }

    pub(super) fn watch_writable(&self, watches: bool) {
        let mut state = self.place.state.lock();
        state.counts.watches += 1;
        state.watches = watches;
        let rings = watches && (state.claims_room || state.plan.is_none());
        drop(state);
        if rings {
            self.place.ring();
        }
    }

    pub(super) fn send(&self, contents: &[u8], size: usize, to: SocketAddr) -> io::Result<()> {
        let mut state = self.place.state.lock();
        state.counts.sends += 1;
        match state.meet(&Request::Send { to, contents, size })? {
            Fate::Bounces(error) => {
                state.pending = Some(error);
                state.reports.push_back((to, error));
                drop(state);
                // An error is an event as well.
                self.place.ring();
            }
            Fate::Lost => {}
            _ => {
                drop(state);
                self.network.carry(self.place.local, contents, size, to);
            }
        }
        Ok(())
    }

    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut state = self.place.state.lock();
        state.counts.receives += 1;
        let (length, from, _) = state.receive(buffer)?;
        Ok((length, from))
    }

    /// Like `recvmmsg`: an error after the first datagram is kept for the next call.
    pub(super) fn receive_many(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> io::Result<usize> {
        let mut state = self.place.state.lock();
        state.counts.receives += 1;
        let mut filled = 0;
        for (buffer, meta) in buffers.iter_mut().zip(metas) {
            let (length, from, is_last) = match state.receive(buffer) {
                Ok(received) => received,
                Err(error) if filled == 0 => return Err(error),
                Err(error) => {
                    state.pending = Errno::from_io_error(&error).filter(|&e| e != Errno::AGAIN);
                    break;
                }
            };
            *meta = RecvMeta::default();
            (meta.addr, meta.len, meta.stride) = (from, length, length);
            filled += 1;
            if is_last {
                break;
            }
        }
        Ok(filled)
    }

    /// The next report announces the one after it as an error of the socket, as Linux does.
    pub(super) fn next_report(&self) -> Option<SocketAddr> {
        let mut state = self.place.state.lock();
        state.counts.reports += 1;
        let (to, _) = state.reports.pop_front()?;
        state.pending = state.reports.front().map(|&(_, error)| error);
        Some(to)
    }
}

impl Drop for FakeSocket {
    fn drop(&mut self) {
        self.network.places.lock().remove(&self.place.local);
    }
}
