//! The calls that are measured.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Instant;

use farcall::{
    Client as RpcClient, ClientConfig, ClientStatistics, Pending, Server, ServerConfig,
    ServerHandle, Stub, rpc_interface,
};

use super::Result;
use super::measure::{Exchanged, Side};

/// A call that does next to nothing, so that what is measured is the way there and back.
#[rpc_interface]
pub(crate) trait Calculator {
    /// The sum.
    fn add(&self, a: i32, b: i32) -> i32;
}

/// It adds.
pub(crate) struct Calc;

impl Calculator for Calc {
    fn add(&self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }
}

/// Serves the calculator in the background.
pub(crate) fn serve(spin: Duration) -> Result<ServerHandle> {
    let config = ServerConfig { spin, ..ServerConfig::default() };
    let server = Server::builder().config(config).bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(server.serve(calculator()).spawn()?)
}

/// The calculator, for a server that has other services too.
pub(crate) fn calculator() -> CalculatorServer<Calc> {
    CalculatorServer::new(Calc)
}

/// A client of the calculator that checks every sum.
pub(crate) struct Client {
    stub: CalculatorClient,
    next: i32,
    pending: VecDeque<(i32, Pending<i32>)>,
}

impl Client {
    /// A client with a session.
    pub(crate) fn connect(server: SocketAddr, spin: Duration) -> Result<Self> {
        let config = ClientConfig { spin, ..ClientConfig::default() };
        let client = RpcClient::builder().config(config).connect(server)?;
        client.ready(Duration::from_secs(5))?;
        Ok(Self::of(&client))
    }

    /// On a session that is there.
    pub(crate) fn of(client: &RpcClient) -> Self {
        Self { stub: client.stub(), next: 0, pending: VecDeque::new() }
    }

    /// Counters.
    pub(crate) fn statistics(&self) -> ClientStatistics {
        self.stub.client().statistics()
    }

    /// Two numbers and their sum, other ones each time.
    fn question(&mut self) -> (i32, i32, i32) {
        self.next = self.next.wrapping_add(1);
        let (a, b) = (self.next, !self.next.rotate_left(7));
        (a, b, a.wrapping_add(b))
    }

    fn start(&mut self) {
        let (a, b, sum) = self.question();
        let pending = self.stub.start().add(a, b);
        self.pending.push_back((sum, pending));
    }

    /// Waits for the oldest call. False if there is none.
    fn finish(&mut self) -> Result<bool> {
        let Some((sum, pending)) = self.pending.pop_front() else { return Ok(false) };
        check(pending.wait()?, sum)?;
        Ok(true)
    }
}

fn check(result: i32, sum: i32) -> Result<()> {
    if result == sum { Ok(()) } else { Err("the server cannot add".into()) }
}

impl Side for Client {
    fn call(&mut self) -> Result<()> {
        let (a, b, sum) = self.question();
        check(self.stub.add(a, b)?, sum)
    }

    fn stream(&mut self, in_flight: usize, time: Duration) -> Result<Exchanged> {
        let start = Instant::now();
        for _ in 0..in_flight {
            self.start();
        }
        let mut count = 0;
        while start.elapsed() < time {
            // A look at the clock for each would be a noticeable part of what is measured.
            for _ in 0..in_flight {
                self.finish()?;
                self.start();
                count += 1;
            }
        }
        let exchanged = Exchanged { count, time: start.elapsed() };
        while self.finish()? {}
        Ok(exchanged)
    }
}
