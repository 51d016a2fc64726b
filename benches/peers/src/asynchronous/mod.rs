//! What is the same for all peers that are asynchronous: runtimes, tasks, and the clock.
//!
//! One thread on each side runs a runtime of one thread. With one processor for each side a second thread would
//! only be in the way of the first.

mod client;
mod shared;

use core::net::SocketAddr;
use std::time::Instant;

use farcall_workloads::{Client, Error, Exchanged, Result, Sums, System, Workload};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::JoinSet;

pub(crate) use self::shared::{Caller, Direct, Relayed};

/// A way to make calls, and to answer them.
pub(crate) trait Protocol: Copy + Send + Sync + 'static {
    /// The client's end of a connection.
    type Connection: Connection;
    /// What threads call through that all use one connection.
    type Caller: Caller;

    /// What it is called in tables.
    fn name(self) -> &'static str;

    /// How it is set up.
    fn settings(self) -> String;

    /// Why it does not take part in a workload that the others take part in.
    fn lacks(self, workload: Workload) -> Option<&'static str> {
        let _ = workload;
        None
    }

    /// How many bytes of memory a client takes, about.
    fn memory_per_client(self) -> usize {
        64 << 10
    }

    /// Listens, says where, and answers everybody for ever.
    async fn serve(self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()>;

    /// Connects. Whatever drives the connection is spawned.
    async fn connect(self, server: SocketAddr) -> Result<Self::Connection>;

    /// Lets other threads call, as long as the runtime runs that this is called on.
    fn share(connection: Self::Connection) -> Self::Caller;
}

/// The client's end of a connection: still the same one when it is cloned.
pub(crate) trait Connection: Clone + 'static {
    /// What a message is made of for this peer.
    type Sent;
    /// A message as it is received.
    type Received: AsRef<[u8]>;

    /// A message that can be sent, made outside of the time that is measured.
    fn prepare(message: &bytes::Bytes) -> Self::Sent;

    /// The sum, from the server.
    async fn add(&self, a: i32, b: i32) -> Result<i32>;

    /// The same message again.
    async fn echo(&self, message: Self::Sent) -> Result<Self::Received>;

    /// Leaves a message with the server, which says how long it is.
    async fn put(&self, message: Self::Sent) -> Result<u64>;

    /// The checksum of that message.
    async fn checksum(&self) -> Result<u64>;
}

/// Why no peer takes part in W6.
pub(crate) const ONLY_OURS: &str = "measured for farcall only";

/// An asynchronous peer as something to be measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asynchronous<P>(pub(crate) P);

impl<P: Protocol> System for Asynchronous<P> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn settings(&self) -> String {
        self.0.settings()
    }

    fn lacks(&self, workload: Workload) -> Option<&'static str> {
        match workload {
            Workload::Transfers | Workload::Busy => Some(ONLY_OURS),
            _ => self.0.lacks(workload),
        }
    }

    fn serve(&self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        runtime()?.block_on(self.0.serve(announce))
    }

    fn connect(&self, server: SocketAddr) -> Result<Box<dyn Client>> {
        Ok(Box::new(client::OnRuntime::connect(self.0, server)?))
    }

    fn crowd(&self, server: SocketAddr, endpoints: usize, calls_each: u32) -> Result<Exchanged> {
        runtime()?.block_on(crowd(self.0, server, endpoints, calls_each))
    }

    fn memory_per_endpoint(&self) -> usize {
        self.0.memory_per_client()
    }
}

/// A runtime of one thread that runs whatever that thread spawns.
fn runtime() -> Result<LocalRuntime> {
    Ok(Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?)
}

async fn ask(connection: &impl Connection, sums: &mut Sums) -> Result<()> {
    let (a, b, sum) = sums.question();
    Sums::check(connection.add(a, b).await?, sum)
}

async fn crowd<P: Protocol>(
    protocol: P,
    server: SocketAddr,
    endpoints: usize,
    calls_each: u32,
) -> Result<Exchanged> {
    let mut connections = Vec::with_capacity(endpoints);
    for _ in 0..endpoints {
        let connection = protocol.connect(server).await?;
        // So that nothing is left to be done for the first time.
        ask(&connection, &mut Sums::default()).await?;
        connections.push(connection);
    }
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for connection in connections {
        tasks.spawn_local(async move {
            let mut sums = Sums::default();
            for _ in 0..calls_each {
                ask(&connection, &mut sums).await?;
            }
            // The end of the connection is no part of what is measured.
            Ok::<_, Error>(connection)
        });
    }
    let mut ended = Vec::with_capacity(endpoints);
    while let Some(connection) = tasks.join_next().await {
        ended.push(connection??);
    }
    let count = endpoints as u64 * u64::from(calls_each);
    Ok(Exchanged { count, time: start.elapsed() })
}
