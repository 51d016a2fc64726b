//! Calls with large arguments and results.
//!
//! Both are `Bytes`: a handler is lent the received message without a copy, may keep it, and gives it
//! back without one, and a caller gets its result as a part of the message.

use core::net::SocketAddr;
use core::time::Duration;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use farcall::{
    Client as RpcClient, ClientConfig, Server, ServerConfig, ServerHandle, rpc_interface,
};

use super::Result;
use super::farcall::calculator;
use super::payload::{Carrier, checksum};

/// Messages of any size.
#[rpc_interface]
pub(crate) trait Store {
    /// The same bytes.
    fn echo(&self, data: Bytes) -> Bytes;
    /// Keeps the bytes until others come, and says how many they are.
    fn put(&self, data: Bytes) -> u64;
    /// The checksum of what is kept.
    fn checksum(&self) -> u64;
}

#[derive(Default)]
struct Memory(Mutex<Bytes>);

impl Store for Memory {
    fn echo(&self, data: Bytes) -> Bytes {
        data
    }

    fn put(&self, data: Bytes) -> u64 {
        let length = data.len() as u64;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = data;
        length
    }

    fn checksum(&self) -> u64 {
        // Let go of at once: what is kept takes memory, and what takes memory takes time.
        let data = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        checksum(&data)
    }
}

/// Serves the store, and the calculator beside it, in the background.
pub(crate) fn serve(spin: Duration) -> Result<ServerHandle> {
    let config = ServerConfig { spin, ..ServerConfig::default() };
    let server = Server::builder().config(config).bind((Ipv4Addr::LOCALHOST, 0))?;
    let store = StoreServer::new(Memory::default());
    Ok(server.serve(store).serve(calculator()).spawn()?)
}

/// A client that checks every byte.
pub(crate) struct Client {
    stub: StoreClient,
    data: Bytes,
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
        Self { stub: client.stub(), data: Bytes::new() }
    }

    /// Sends the message there and back, and has only a look at what came: to compare all of it would
    /// take the processor from whatever is measured meanwhile.
    pub(crate) fn glance(&mut self) -> Result<Duration> {
        /// How far apart the bytes are that are looked at.
        const STEP: usize = 10_007;
        let began = Instant::now();
        let reply = self.stub.echo(self.data.clone())?;
        let taken = began.elapsed();
        let is_same = reply.len() == self.data.len()
            && reply.iter().step_by(STEP).eq(self.data.iter().step_by(STEP));
        if !is_same {
            return Err("an echo came back changed".into());
        }
        Ok(taken)
    }
}

impl Carrier for Client {
    fn prepare(&mut self, data: &[u8]) -> Result<()> {
        self.data = Bytes::copy_from_slice(data);
        Ok(())
    }

    fn echo(&mut self) -> Result<Duration> {
        let data = self.data.clone();
        let began = Instant::now();
        let reply = self.stub.echo(data)?;
        let taken = began.elapsed();
        if reply != self.data {
            return Err("an echo came back changed".into());
        }
        Ok(taken)
    }

    fn put(&mut self) -> Result<Duration> {
        let data = self.data.clone();
        let began = Instant::now();
        let length = self.stub.put(data)?;
        let taken = began.elapsed();
        if length != self.data.len() as u64 || self.stub.checksum()? != checksum(&self.data) {
            return Err("an upload arrived changed".into());
        }
        Ok(taken)
    }
}
