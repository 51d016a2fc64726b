//! capnp-rpc between two parties over TCP.

use core::net::SocketAddr;
use std::net::Ipv4Addr;
use std::rc::Rc;

use bytes::Bytes;
use capnp::message::ReaderOptions;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{RpcSystem, new_client};
use farcall_workloads::Result;
use futures_util::AsyncReadExt;
use futures_util::io::{BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::Kept;
use crate::asynchronous::{Connection, Protocol, Relayed};
use crate::store_capnp::store;

/// The buffers for what is read and written, in bytes.
const BUFFER: usize = 64 << 10;

#[derive(Default)]
struct Memory(Kept);

impl store::Server for Memory {
    async fn add(
        self: Rc<Self>,
        params: store::AddParams,
        mut results: store::AddResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        results.get().set_sum(params.get_a().wrapping_add(params.get_b()));
        Ok(())
    }

    async fn echo(
        self: Rc<Self>,
        params: store::EchoParams,
        mut results: store::EchoResults,
    ) -> capnp::Result<()> {
        results.get().set_data(params.get()?.get_data()?);
        Ok(())
    }

    async fn put(
        self: Rc<Self>,
        params: store::PutParams,
        mut results: store::PutResults,
    ) -> capnp::Result<()> {
        let data = Bytes::copy_from_slice(params.get()?.get_data()?);
        results.get().set_length(self.0.put(data));
        Ok(())
    }

    async fn checksum(
        self: Rc<Self>,
        _: store::ChecksumParams,
        mut results: store::ChecksumResults,
    ) -> capnp::Result<()> {
        results.get().set_checksum(self.0.checksum());
        Ok(())
    }
}

/// capnp-rpc.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capnp;

impl Protocol for Capnp {
    fn name(self) -> &'static str {
        "capnp-rpc"
    }

    fn settings(self) -> String {
        "TCP without delay, buffers of 64 KiB, no limit on traversal, runtime of one thread on \
         each side; threads ask the one that has the connection"
            .to_owned()
    }

    type Connection = Party;
    type Caller = Relayed;

    async fn serve(self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        announce(listener.local_addr()?);
        let store: store::Client = new_client(Memory::default());
        loop {
            let (stream, _) = listener.accept().await?;
            let network = network(stream, Side::Server)?;
            tokio::task::spawn_local(RpcSystem::new(network, Some(store.client.clone())));
        }
    }

    async fn connect(self, server: SocketAddr) -> Result<Party> {
        let network = network(TcpStream::connect(server).await?, Side::Client)?;
        let mut system = RpcSystem::new(network, None);
        let store = system.bootstrap(Side::Server);
        tokio::task::spawn_local(system);
        Ok(Party(store))
    }

    fn share(connection: Party) -> Relayed {
        Relayed::new(connection)
    }
}

/// The way to the other party.
fn network(stream: TcpStream, side: Side) -> Result<Box<dyn capnp_rpc::VatNetwork<Side>>> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.compat().split();
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(None);
    let reader = BufReader::with_capacity(BUFFER, reader);
    let writer = BufWriter::with_capacity(BUFFER, writer);
    Ok(Box::new(VatNetwork::new(reader, writer, side, options)))
}

/// A message inside of the answer that it came with: it is not copied.
pub(super) struct Echo(capnp::capability::Response<store::echo_results::Owned>);

impl AsRef<[u8]> for Echo {
    fn as_ref(&self) -> &[u8] {
        // It has been looked at when it arrived.
        self.0.get().and_then(|results| results.get_data()).unwrap_or_default()
    }
}

/// The client's end of a connection.
#[derive(Clone)]
pub(super) struct Party(store::Client);

impl Connection for Party {
    type Sent = Bytes;
    type Received = Echo;

    fn prepare(message: &Bytes) -> Bytes {
        message.clone()
    }

    async fn add(&self, a: i32, b: i32) -> Result<i32> {
        let mut request = self.0.add_request();
        request.get().set_a(a);
        request.get().set_b(b);
        Ok(request.send().promise.await?.get()?.get_sum())
    }

    async fn echo(&self, message: Bytes) -> Result<Echo> {
        let mut request = self.0.echo_request();
        request.get().set_data(&message);
        let response = request.send().promise.await?;
        response.get()?.get_data()?;
        Ok(Echo(response))
    }

    async fn put(&self, message: Bytes) -> Result<u64> {
        let mut request = self.0.put_request();
        request.get().set_data(&message);
        Ok(request.send().promise.await?.get()?.get_length())
    }

    async fn checksum(&self) -> Result<u64> {
        Ok(self.0.checksum_request().send().promise.await?.get()?.get_checksum())
    }
}
