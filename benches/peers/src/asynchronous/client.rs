//! A client that drives its own connection.

use core::cell::Cell;
use core::net::SocketAddr;
use core::time::Duration;
use std::rc::Rc;
use std::time::Instant;

use farcall_workloads::{Client, Error, Exchanged, Message, Result, Sums};
use tokio::runtime::LocalRuntime;
use tokio::task::JoinSet;

use super::shared::Shared;
use super::{Connection, Protocol, ask, runtime};

/// A connection and the runtime that drives it, on the thread that calls.
pub(super) struct OnRuntime<P: Protocol> {
    protocol: P,
    server: SocketAddr,
    connection: P::Connection,
    /// Dropped after what it drives.
    runtime: LocalRuntime,
    sums: Sums,
    shared: Option<Shared<P::Caller>>,
}

impl<P: Protocol> OnRuntime<P> {
    pub(super) fn connect(protocol: P, server: SocketAddr) -> Result<Self> {
        let runtime = runtime()?;
        let connection = runtime.block_on(protocol.connect(server))?;
        Ok(Self { protocol, server, connection, runtime, sums: Sums::default(), shared: None })
    }
}

impl<P: Protocol> Client for OnRuntime<P> {
    fn call(&mut self) -> Result<()> {
        self.runtime.block_on(ask(&self.connection, &mut self.sums))
    }

    fn stream(&mut self, in_flight: usize, time: Duration) -> Result<Exchanged> {
        self.runtime.block_on(stream(&self.connection, in_flight, time))
    }

    /// The connection is a second one, which a thread of its own drives: while threads wait for their calls,
    /// none of them runs the runtime of this one.
    fn threads(&mut self, threads: usize, time: Duration) -> Result<Exchanged> {
        let shared = match self.shared.take() {
            Some(shared) => shared,
            None => Shared::start(self.protocol, self.server)?,
        };
        self.shared.insert(shared).run(threads, time)
    }

    fn echo(&mut self, message: &Message) -> Result<Duration> {
        let data = P::Connection::prepare(message.bytes());
        let began = Instant::now();
        let reply = self.runtime.block_on(self.connection.echo(data))?;
        let taken = began.elapsed();
        message.check(reply.as_ref())?;
        Ok(taken)
    }

    fn upload(&mut self, message: &Message) -> Result<Duration> {
        let data = P::Connection::prepare(message.bytes());
        let began = Instant::now();
        let length = self.runtime.block_on(self.connection.put(data))?;
        let taken = began.elapsed();
        message.check_upload(length, self.runtime.block_on(self.connection.checksum())?)?;
        Ok(taken)
    }
}

/// As many tasks as calls are to be in flight, of which each makes one call after the other.
async fn stream(
    connection: &impl Connection,
    in_flight: usize,
    time: Duration,
) -> Result<Exchanged> {
    let (count, is_over) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..in_flight {
        let connection = connection.clone();
        let (count, is_over) = (Rc::clone(&count), Rc::clone(&is_over));
        tasks.spawn_local(async move {
            let mut sums = Sums::default();
            while !is_over.get() {
                ask(&connection, &mut sums).await?;
                count.set(count.get() + 1);
            }
            Ok::<(), Error>(())
        });
    }
    // Cheaper than a look at the clock for each call.
    tokio::time::sleep(time).await;
    let exchanged = Exchanged { count: count.get(), time: start.elapsed() };
    is_over.set(true);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(exchanged)
}
