//! What goes wrong with sockets: every error in every place, for one call, for a while and for ever.
//! Whoever is not concerned loses nothing, timers run, and nothing spins.

mod backlog;
mod everywhere;
mod floods;
mod mixed;
mod peers;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU16, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;

use super::super::client;
use super::super::seat::Parts;
use super::super::server;
use super::super::socket::Socket;
use super::super::udp::fake::{FakeNetwork, Place, Request};
use super::call;
use crate::config::{ClientConfig, ServerConfig};
use crate::driver::fixtures::Handler;
use crate::endpoint::client::{Completion, Failure, NewCall};
use crate::error::Outcome;
use crate::host::{CallHost, ClientHost};
use crate::service::{Answer, Call, Registry};
use crate::wire::frame::{ClientFrame, ServerAnswer, next_client_frame, next_server_frame};
use crate::wire::{Header, Kind, Role};

/// How often each call ran, by the number that its arguments begin with.
#[derive(Default)]
struct Ledger(Mutex<HashMap<u64, usize>>);

impl Ledger {
    fn enter(&self, number: u64) {
        *self.0.lock().entry(number).or_default() += 1;
    }

    fn runs(&self, number: u64) -> usize {
        self.0.lock().get(&number).copied().unwrap_or(0)
    }

    /// Compares what a client was told with what is known, when nothing runs any more.
    fn check(&self, number: u64, size: usize, completion: &Completion) {
        let runs = self.runs(number);
        assert!(runs <= 1, "call {number} ran {runs} times");
        match completion {
            Ok(reply) => {
                assert_eq!(runs, 1, "call {number} has a result");
                assert_eq!(reply[..], answer(number, size)[..], "the result of {number}");
            }
            Err(Failure { outcome: Outcome::NotExecuted, kind }) => {
                assert_eq!(runs, 0, "call {number} ran, and is said not to: {kind:?}");
            }
            Err(Failure { outcome: Outcome::Executed, kind }) => {
                assert_eq!(runs, 1, "call {number} is said to have run: {kind:?}");
            }
            Err(Failure { outcome: Outcome::Unknown, .. }) => {}
        }
    }
}

/// The result of a call, as its client sees it.
fn answer(number: u64, size: usize) -> Bytes {
    let mut bytes = (size as u32).to_be_bytes().to_vec();
    bytes.extend((0..size as u64).map(|offset| (number + offset) as u8));
    bytes.resize(4 + size.next_multiple_of(4), 0);
    bytes.into()
}

/// A server, and the network it is in.
struct Scene {
    network: Arc<FakeNetwork>,
    place: Arc<Place>,
    address: SocketAddr,
    control: server::Control,
    ledger: Arc<Ledger>,
    hosts: AtomicU16,
}

/// A client of it.
struct Peer {
    handle: Arc<client::Handle>,
    place: Arc<Place>,
    address: SocketAddr,
}

impl Scene {
    fn new(is_detailed: bool) -> Self {
        Self::with(is_detailed, ServerConfig::default(), |_| {})
    }

    /// `handler` runs before each answer and is given the id of the method.
    fn with(
        is_detailed: bool,
        config: ServerConfig,
        handler: impl Fn(u32) + Send + Sync + 'static,
    ) -> Self {
        let network = Arc::new(FakeNetwork::default());
        let address = SocketAddr::from(([10, 0, 0, 1], 1));
        let (link, place) = network.open(address, is_detailed);
        let ledger = Arc::new(Ledger::default());
        let dispatch = {
            let ledger = Arc::clone(&ledger);
            move |call: &Call<'_>| {
                let mut reader = call.reader();
                let (number, size) = (reader.read_u64().unwrap(), reader.read_u32().unwrap());
                call.enter();
                ledger.enter(number);
                handler(call.method());
                let size = u64::from(size);
                Answer::reply((0..size).map(|offset| (number + offset) as u8).collect::<Vec<u8>>())
            }
        };
        let mut registry = Registry::new();
        registry.add(Handler(Box::new(dispatch)));
        let table = registry.table().unwrap();
        let binding = server::Binding::new(Parts::new().unwrap(), Socket::from(link));
        let control = binding.start(config, registry, table).unwrap();
        Self { network, place, address, control, ledger, hosts: AtomicU16::new(0) }
    }

    /// A client on a host of its own.
    fn connect(&self, is_detailed: bool, config: ClientConfig) -> Peer {
        self.connect_after(is_detailed, config, |_| {})
    }

    /// `prepare` comes before the first datagram.
    fn connect_after(
        &self,
        is_detailed: bool,
        config: ClientConfig,
        prepare: impl FnOnce(&Place),
    ) -> Peer {
        let [high, low] = self.hosts.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let address = SocketAddr::from(([10, 1, high, low], 1));
        let (link, place) = self.network.open(address, is_detailed);
        prepare(&place);
        let parts = Parts::new().unwrap();
        let servers = vec![self.address];
        let handle = client::open(parts, Socket::from(link), servers, None, config).unwrap();
        Peer { handle: Arc::new(handle), place, address }
    }
}

impl Peer {
    /// Calls, and releases the call.
    fn call(&self, call: NewCall) -> Completion {
        let (key, completion) = self.handle.call(call);
        self.handle.release(key);
        completion
    }

    /// Whether nothing of what was sent to or from it was ever missed.
    fn has_missed_nothing(&self) -> bool {
        let statistics = self.handle.statistics();
        (statistics.retransmissions, statistics.probes, statistics.failures) == (0, 0, 0)
    }
}

/// A call whose number, and the size of whose result, the handler reads.
fn numbered(method: u32, number: u64, request: usize, reply: usize) -> NewCall {
    let mut body = number.to_be_bytes().to_vec();
    body.extend((reply as u32).to_be_bytes());
    body.resize(12 + request, 0x5a);
    NewCall { body: Bytes::from(body).into(), ..call(method) }
}

/// The settings of a client that repeats nothing before a test is long over: what is lost stays lost.
fn forgetless() -> ClientConfig {
    let long = Duration::from_secs(60);
    ClientConfig {
        initial_timeout: long,
        minimum_timeout: long,
        maximum_timeout: long,
        probe_interval: long,
        maximum_probe_interval: long,
        silence_limit: 3 * long,
        ..ClientConfig::default()
    }
}

/// The settings of a client that is quick to repeat what is lost.
fn quick() -> ClientConfig {
    ClientConfig {
        handshake_interval: Duration::from_millis(20),
        initial_timeout: Duration::from_millis(20),
        maximum_timeout: Duration::from_millis(100),
        probe_interval: Duration::from_millis(10),
        maximum_probe_interval: Duration::from_millis(50),
        retransmissions_per_call: 100.0,
        retransmissions_per_second: 1000,
        deadline: None,
        ..ClientConfig::default()
    }
}

/// What a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Hello,
    Challenge,
    Open,
    Welcome,
    Request,
    Part,
    Probe,
    Reply,
    ReplyPart,
    Arrived,
    Working,
    Other,
}

/// What the datagrams of a request are for.
fn purposes(request: &Request<'_>) -> Vec<Purpose> {
    let Request::Send { contents, size, .. } = request else { return Vec::new() };
    contents.chunks(*size).flat_map(purposes_of).collect()
}

fn purposes_of(datagram: &[u8]) -> Vec<Purpose> {
    let Ok((header, body)) = Header::parse(datagram) else { return Vec::new() };
    let kind = match header.kind {
        Kind::Hello => Purpose::Hello,
        Kind::Challenge => Purpose::Challenge,
        Kind::Open => Purpose::Open,
        Kind::Welcome => Purpose::Welcome,
        Kind::Frames => return frames(header.role, body),
        _ => Purpose::Other,
    };
    vec![kind]
}

fn frames(role: Role, body: &[u8]) -> Vec<Purpose> {
    let mut at = 0;
    let mut purposes = Vec::new();
    while at < body.len() {
        let purpose = match role {
            Role::Client => match next_client_frame(body, &mut at).expect("it is well formed") {
                ClientFrame::Request(..) => Purpose::Request,
                ClientFrame::Part(..) => Purpose::Part,
                ClientFrame::Probe(..) => Purpose::Probe,
                ClientFrame::Arrived(..) => Purpose::Arrived,
                _ => Purpose::Other,
            },
            Role::Server => {
                let frame = next_server_frame(body, &mut at).expect("it is well formed");
                match frame.answer {
                    ServerAnswer::Reply(..) => Purpose::Reply,
                    ServerAnswer::Part(..) => Purpose::ReplyPart,
                    ServerAnswer::Working(_) => Purpose::Working,
                    ServerAnswer::Arrived(_) => Purpose::Arrived,
                    _ => Purpose::Other,
                }
            }
        };
        purposes.push(purpose);
    }
    purposes
}

/// How many system calls may be made in this time for nothing: a few for each millisecond.
fn budget(since: Instant) -> usize {
    200 + 10 * since.elapsed().as_millis() as usize
}

fn system_calls(place: &Place) -> usize {
    let counts = place.counts();
    counts.sends + counts.receives + counts.reports + counts.watches
}
