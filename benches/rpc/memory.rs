//! What sessions cost a server.
//!
//! Each session comes from a socket of its own, has made its calls and fallen silent without saying
//! goodbye or acknowledging anything: the server keeps the session and the last replies. The clients
//! are protocol cores without a loop, since thousands of real ones would take more files than a
//! process may open.

use core::ops::Range;
use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use bytes::Bytes;
use farcall::{ClientConfig, Stub};
use farcall_core::endpoint::client::{CallKey, NewCall};
use farcall_core::endpoint::{ClientEndpoint, Machine};
use farcall_core::entropy::Entropy;
use farcall_core::marshal::{Marshal, Reader, Unmarshal, Writer};
use farcall_core::time::Timestamp;

use farcall_workloads::calculator::CalculatorClient;
use farcall_workloads::process::{Placement, Process, Usage};
use farcall_workloads::{FarcallSystem, Result, System};

/// How many sessions a server of moderate size has.
const FEW: u32 = 1_000;
/// How many it has at the end: enough for the cost of one to stand out.
const MANY: u32 = 10_000;
/// How many calls are in flight at once in a session that has been busy.
const BUSY: i32 = 128;

/// Memory of a server process in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Without a session.
    pub(crate) empty: u64,
    /// With [`FEW`](Self::FEW) sessions that have made one call each.
    pub(crate) few: u64,
    /// What each further session of that kind costs.
    pub(crate) per_session: f64,
    /// What each session costs that has had a full window of calls in flight.
    pub(crate) per_busy_session: f64,
}

impl Memory {
    /// How many sessions [`few`](Self::few) is about.
    pub(crate) const FEW: u32 = FEW;
    /// How many calls at once [`per_busy_session`](Self::per_busy_session) is about.
    pub(crate) const BUSY: i32 = BUSY;
}

/// Measures everything. `None` where the system does not say how much memory a process occupies.
pub(crate) fn run(placement: &Placement) -> Result<Option<Memory>> {
    if Usage::own().is_none() {
        eprintln!("memory: this system does not say how much memory a process occupies");
        return Ok(None);
    }
    eprintln!("memory: {MANY} idle sessions, {FEW} that have been busy");
    let mut server = Process::start(FarcallSystem::DEFAULT.name(), placement.server(), &[])?;
    let empty = resident(&mut server)?;
    open_sessions(&server, 0..FEW, 1)?;
    let few = resident(&mut server)?;
    open_sessions(&server, FEW..MANY, 1)?;
    let many = resident(&mut server)?;

    let mut server = Process::start(FarcallSystem::DEFAULT.name(), placement.server(), &[])?;
    // The first one has the memory made that all share.
    open_sessions(&server, 0..1, BUSY)?;
    let before = resident(&mut server)?;
    open_sessions(&server, 1..FEW + 1, BUSY)?;
    let after = resident(&mut server)?;
    Ok(Some(Memory {
        empty,
        few,
        per_session: many.saturating_sub(few) as f64 / f64::from(MANY - FEW),
        per_busy_session: after.saturating_sub(before) as f64 / f64::from(FEW),
    }))
}

fn resident(server: &mut Process) -> Result<u64> {
    let usage: Option<Usage> = server.usage()?;
    Ok(usage.ok_or("the server does not say how much memory it occupies")?.resident)
}

/// Opens sessions that each make `calls` calls at once, and leaves them.
///
/// `seeds` are as many as there are sessions, and no two sessions of a server may have the same one:
/// it would take them for one.
fn open_sessions(server: &Process, seeds: Range<u32>, calls: i32) -> Result<()> {
    for seed in seeds {
        Visitor::new(server.address(), seed)?.visit(calls)?;
    }
    Ok(())
}

/// A client that is driven by hand, as far as a visit without trouble needs it.
struct Visitor {
    endpoint: ClientEndpoint,
    socket: UdpSocket,
    server: SocketAddr,
    start: Instant,
}

impl Visitor {
    fn new(server: SocketAddr, seed: u32) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        let endpoint = ClientEndpoint::new(
            ClientConfig::default(),
            vec![server],
            Box::new(Generator(fastrand::Rng::with_seed(seed.into()))),
            Timestamp::ZERO,
        );
        Ok(Self { endpoint, socket, server, start: Instant::now() })
    }

    fn visit(&mut self, calls: i32) -> Result<()> {
        let keys: Vec<CallKey> =
            (0..calls).map(|number| self.endpoint.submit(self.now(), addition(number))).collect();
        self.drive()?;
        for (number, key) in (0..calls).zip(keys) {
            let completion = self.endpoint.completion(key).ok_or("a call has not ended")?;
            let reply = completion.as_ref().map_err(|failure| failure.kind.to_string())?;
            if i32::unmarshal(&mut Reader::new(reply))? != 2 * number {
                return Err("the server cannot add".into());
            }
        }
        Ok(())
    }

    /// Goes on until every call has ended.
    fn drive(&mut self) -> Result<()> {
        let mut buffer = [0; 2048];
        loop {
            let mut datagram = Vec::new();
            while self.endpoint.poll_transmit(self.now(), &mut datagram).is_some() {
                self.socket.send_to(&datagram, self.server)?;
                datagram.clear();
            }
            if self.endpoint.open_calls() == 0 {
                return Ok(());
            }
            let (length, from) = self.socket.recv_from(&mut buffer)?;
            let datagram = Bytes::copy_from_slice(&buffer[..length]);
            self.endpoint.handle_datagram(self.now(), from, None, &datagram);
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.start.elapsed()
    }
}

/// The call `add(number, number)`, as generated code makes it.
fn addition(number: i32) -> NewCall {
    let interface = CalculatorClient::interface();
    let method = interface.methods()[0];
    let mut body = Writer::new();
    number.marshal(&mut body);
    number.marshal(&mut body);
    NewCall {
        interface: interface.id(),
        method: method.id(),
        signature: method.signature().hash,
        is_idempotent: method.is_idempotent(),
        is_oneway: method.is_oneway(),
        limits: method.limits(),
        deadline: None,
        body: body.finish_body().expect("numbers can be encoded"),
        fault: None,
    }
}

/// Random enough for nonces that nobody attacks.
struct Generator(fastrand::Rng);

impl Entropy for Generator {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}
