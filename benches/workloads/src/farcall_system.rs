//! farcall as a system to be measured.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Instant;

use farcall::{
    Client as RpcClient, ClientConfig, ClientStatistics, Pending, Server, ServerConfig, Stub,
};

use super::Result;
use super::calculator::{Calc, CalculatorClient, CalculatorServer};
use super::measure::Exchanged;
use super::message::Message;
use super::store::{Memory, StoreClient, StoreServer};
use super::system::{Client, Role, Sums, System};
use super::threads::{call_from_threads, take_turns};

/// How long a session may take to be there.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long both sides look at the socket before they sleep if they are to spin: long enough that they never
/// sleep while calls are made one after the other.
const SPIN: Duration = Duration::from_millis(1);

/// farcall, with one way of waiting on both sides.
#[derive(Clone, Copy, Debug)]
pub struct FarcallSystem {
    name: &'static str,
    /// `None`: as users get it who set nothing.
    spin: Option<Duration>,
}

impl FarcallSystem {
    /// With the settings that it comes with.
    pub const DEFAULT: Self = Self { name: "farcall", spin: None };
    /// Without spinning: to be compared with what sleeps until a datagram is there.
    pub const BLOCKING: Self = Self { name: "farcall-blocking", spin: Some(Duration::ZERO) };
    /// Spinning: to be compared with what never sleeps.
    pub const SPINNING: Self = Self { name: "farcall-spinning", spin: Some(SPIN) };

    /// The settings of a client.
    pub fn client_config(&self) -> ClientConfig {
        let config = ClientConfig::default();
        ClientConfig { spin: self.spin.unwrap_or(config.spin), ..config }
    }

    /// The settings of a server.
    pub fn server_config(&self) -> ServerConfig {
        let config = ServerConfig::default();
        ServerConfig { spin: self.spin.unwrap_or(config.spin), ..config }
    }

    /// A client with a session.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn client(&self, server: SocketAddr) -> Result<FarcallClient> {
        let client = RpcClient::builder().config(self.client_config()).connect(server)?;
        client.ready(PATIENCE)?;
        Ok(FarcallClient::of(&client))
    }
}

impl System for FarcallSystem {
    fn name(&self) -> &'static str {
        self.name
    }

    fn role(&self) -> Role {
        Role::Ours
    }

    fn settings(&self) -> String {
        let (client, server) = (self.client_config().spin, self.server_config().spin);
        format!(
            "default settings{}; spins for {client:?} (client) and {server:?} (server)",
            if self.spin.is_some() { " but for `spin`" } else { "" }
        )
    }

    fn serve(&self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        let server =
            Server::builder().config(self.server_config()).bind((Ipv4Addr::LOCALHOST, 0))?;
        let server =
            server.serve(CalculatorServer::new(Calc)).serve(StoreServer::new(Memory::default()));
        announce(server.local_addr());
        Ok(server.run()?)
    }

    fn connect(&self, server: SocketAddr) -> Result<Box<dyn Client>> {
        Ok(Box::new(self.client(server)?))
    }

    fn crowd(&self, server: SocketAddr, endpoints: usize, calls_each: u32) -> Result<Exchanged> {
        let mut clients = Vec::with_capacity(endpoints);
        for _ in 0..endpoints {
            let mut client = self.client(server)?;
            client.call()?;
            clients.push(client);
        }
        let start = |client: &mut FarcallClient| {
            client.start();
            Ok(())
        };
        take_turns(&mut clients, calls_each, start, |client| client.finish().map(drop))
    }

    fn files_per_endpoint(&self) -> usize {
        // The socket. Polls are few.
        1
    }
}

/// A client that checks every sum and every byte.
#[derive(Debug)]
pub struct FarcallClient {
    calculator: CalculatorClient,
    store: StoreClient,
    sums: Sums,
    pending: VecDeque<(i32, Pending<i32>)>,
}

impl FarcallClient {
    /// On a session that is there.
    pub fn of(client: &RpcClient) -> Self {
        Self {
            calculator: client.stub(),
            store: client.stub(),
            sums: Sums::default(),
            pending: VecDeque::new(),
        }
    }

    /// Counters.
    pub fn statistics(&self) -> ClientStatistics {
        self.calculator.client().statistics()
    }

    fn start(&mut self) {
        let (a, b, sum) = self.sums.question();
        let pending = self.calculator.start().add(a, b);
        self.pending.push_back((sum, pending));
    }

    /// Waits for the oldest call. False if there is none.
    fn finish(&mut self) -> Result<bool> {
        let Some((sum, pending)) = self.pending.pop_front() else { return Ok(false) };
        Sums::check(pending.wait()?, sum)?;
        Ok(true)
    }
}

impl Client for FarcallClient {
    fn call(&mut self) -> Result<()> {
        let (a, b, sum) = self.sums.question();
        Sums::check(self.calculator.add(a, b)?, sum)
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

    fn threads(&mut self, threads: usize, time: Duration) -> Result<Exchanged> {
        let client = self.calculator.client();
        let clients = (0..threads).map(|_| Self::of(client)).collect();
        call_from_threads(clients, time)
    }

    fn echo(&mut self, message: &Message) -> Result<Duration> {
        let data = message.bytes().clone();
        let began = Instant::now();
        let reply = self.store.echo(data)?;
        let taken = began.elapsed();
        message.check(&reply)?;
        Ok(taken)
    }

    fn upload(&mut self, message: &Message) -> Result<Duration> {
        let data = message.bytes().clone();
        let began = Instant::now();
        let length = self.store.put(data)?;
        let taken = began.elapsed();
        message.check_upload(length, self.store.checksum()?)?;
        Ok(taken)
    }

    fn occupy(&mut self, time: Duration) -> Result<()> {
        let microseconds = u64::try_from(time.as_micros())?;
        let workers = ServerConfig::default().workers;
        let calls: Vec<Pending<()>> =
            (0..workers).map(|_| self.calculator.start().hold(microseconds)).collect();
        for call in calls {
            call.wait()?;
        }
        Ok(())
    }

    fn companion(&mut self) -> Option<Box<dyn Client + Send>> {
        Some(Box::new(Self::of(self.calculator.client())))
    }
}
