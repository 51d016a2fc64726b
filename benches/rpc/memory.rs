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
use farcall_workloads::goals::Goal;
use farcall_workloads::process::{Process, Usage};
use farcall_workloads::report::Section;
use farcall_workloads::runner::Bench;
use farcall_workloads::{FarcallSystem, Result};
use serde_json::json;

/// How many sessions a server of moderate size has.
const FEW: u32 = 1_000;
/// How many it has at the end: enough for the cost of one to stand out.
const MANY: u32 = 10_000;
/// How many calls are in flight at once in a session that has been busy.
const BUSY: i32 = 128;
/// A session that makes no calls may take this many bytes.
const SESSION_GOAL: f64 = 2048.0;
/// A server with a thousand sessions should stay under this many bytes.
const SERVER_GOAL: u64 = 64 << 20;

/// Memory of a server process in bytes.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// Without a session.
    empty: u64,
    /// With [`FEW`] sessions that have made one call each.
    few: u64,
    /// What each further session of that kind costs.
    per_session: f64,
    /// What each session costs that has had a full window of calls in flight.
    per_busy_session: f64,
}

/// Measures everything.
pub(crate) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section {
        name: "memory",
        tables: Vec::new(),
        remarks: Vec::new(),
        goals: Vec::new(),
        json: serde_json::Value::Null,
    };
    if Usage::own().is_none() {
        let reason = "memory: this system does not say how much memory a process occupies";
        section.remarks.push(reason.to_owned());
        return Ok(section);
    }
    eprintln!("memory: {MANY} idle sessions, {FEW} that have been busy");
    let memory = measure(bench)?;
    section.goals = goals(&memory).into();
    section.json = json!({
        "server_bytes": memory.empty,
        "server_bytes_with_sessions": memory.few,
        "sessions": FEW,
        "bytes_per_idle_session": memory.per_session,
        "bytes_per_session_after_a_full_window": memory.per_busy_session,
    });
    Ok(section)
}

fn measure(bench: &Bench) -> Result<Memory> {
    let mut server = bench.serve(&FarcallSystem::DEFAULT)?;
    let empty = resident(&mut server)?;
    open_sessions(&server, 0..FEW, 1)?;
    let few = resident(&mut server)?;
    open_sessions(&server, FEW..MANY, 1)?;
    let many = resident(&mut server)?;

    let mut server = bench.serve(&FarcallSystem::DEFAULT)?;
    // The first one has the memory made that all share.
    open_sessions(&server, 0..1, BUSY)?;
    let before = resident(&mut server)?;
    open_sessions(&server, 1..FEW + 1, BUSY)?;
    let after = resident(&mut server)?;
    Ok(Memory {
        empty,
        few,
        per_session: many.saturating_sub(few) as f64 / f64::from(MANY - FEW),
        per_busy_session: after.saturating_sub(before) as f64 / f64::from(FEW),
    })
}

fn goals(memory: &Memory) -> [Goal; 2] {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    [
        Goal {
            name: "W4: memory of an idle session, bytes".into(),
            measured: format!(
                "{:.0}; {:.0} after {BUSY} calls at once",
                memory.per_session, memory.per_busy_session
            ),
            goal: format!("at most {SESSION_GOAL}"),
            is_reached: memory.per_session <= SESSION_GOAL,
        },
        Goal {
            name: format!("memory of a server with {FEW} sessions, MiB"),
            measured: format!(
                "{:.1}; {:.1} without any",
                mebibytes(memory.few),
                mebibytes(memory.empty)
            ),
            goal: format!("under {}", mebibytes(SERVER_GOAL)),
            is_reached: memory.few < SERVER_GOAL,
        },
    ]
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
