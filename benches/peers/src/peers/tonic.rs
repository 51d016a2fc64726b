//! tonic: gRPC over HTTP/2 without encryption.

use core::net::SocketAddr;
use std::net::Ipv4Addr;

use bytes::Bytes;
use farcall_workloads::Result;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use self::stubs::store_client::StoreClient;
use self::stubs::store_server::{Store, StoreServer};
use self::stubs::{Checksum, Length, Nothing, Numbers, Payload, Sum};
use super::Kept;
use crate::asynchronous::{Connection, Direct, Protocol};

#[allow(unreachable_pub, unused_qualifications)]
#[allow(clippy::all, clippy::pedantic, clippy::nursery)]
mod stubs {
    //! What is made of `schema/store.proto`.
    tonic::include_proto!("store");
}

/// The largest message: 4 MiB unless somebody says more.
const LARGEST: usize = 64 << 20;
/// The window of a stream and that of a connection. With larger ones, what is received waits in memory that has
/// left the caches: echoes of 1 MiB take twice as long with 32 MiB.
const WINDOW: u32 = 1_000_000;
/// How many calls may be in flight on a connection: 200 unless somebody says more.
const STREAMS: u32 = 4096;
/// The largest frame: a large message goes in fewer pieces than with the 16 KiB of the default.
const FRAME: u32 = 1 << 20;

type Answer<T> = core::result::Result<Response<T>, Status>;

#[derive(Default)]
struct Memory(Kept);

#[tonic::async_trait]
impl Store for Memory {
    async fn add(&self, request: Request<Numbers>) -> Answer<Sum> {
        let Numbers { a, b } = request.into_inner();
        Ok(Response::new(Sum { sum: a.wrapping_add(b) }))
    }

    async fn echo(&self, request: Request<Payload>) -> Answer<Payload> {
        Ok(Response::new(request.into_inner()))
    }

    async fn put(&self, request: Request<Payload>) -> Answer<Length> {
        Ok(Response::new(Length { length: self.0.put(request.into_inner().data) }))
    }

    async fn checksum(&self, _: Request<Nothing>) -> Answer<Checksum> {
        Ok(Response::new(Checksum { checksum: self.0.checksum() }))
    }
}

/// tonic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tonic;

impl Protocol for Tonic {
    fn name(self) -> &'static str {
        "tonic"
    }

    fn settings(self) -> String {
        "TCP without delay, no TLS, messages as Bytes of up to 64 MiB, runtime of one thread on \
         each side, windows of 1 MB, frames of up to 1 MiB, 4,096 streams, no router"
            .to_owned()
    }

    type Connection = Grpc;
    type Caller = Direct<Grpc>;

    async fn serve(self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into())?.with_nodelay(Some(true));
        announce(incoming.local_addr()?);
        let store = StoreServer::new(Memory::default())
            .max_decoding_message_size(LARGEST)
            .max_encoding_message_size(LARGEST);
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_concurrent_streams(STREAMS)
            .max_frame_size(FRAME);
        Ok(server.serve_with_incoming(store, incoming).await?)
    }

    async fn connect(self, server: SocketAddr) -> Result<Self::Connection> {
        let channel = Endpoint::from_shared(format!("http://{server}"))?
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .connect()
            .await?;
        let client = StoreClient::new(channel)
            .max_decoding_message_size(LARGEST)
            .max_encoding_message_size(LARGEST);
        Ok(Grpc(client))
    }

    fn share(connection: Self::Connection) -> Self::Caller {
        Direct::new(connection)
    }
}

/// The client's end of a connection.
#[derive(Clone)]
pub(super) struct Grpc(StoreClient<Channel>);

impl Connection for Grpc {
    type Sent = Payload;
    type Received = Bytes;

    fn prepare(message: &Bytes) -> Payload {
        Payload { data: message.clone() }
    }

    async fn add(&self, a: i32, b: i32) -> Result<i32> {
        Ok(self.0.clone().add(Numbers { a, b }).await?.into_inner().sum)
    }

    async fn echo(&self, message: Payload) -> Result<Bytes> {
        Ok(self.0.clone().echo(message).await?.into_inner().data)
    }

    async fn put(&self, message: Payload) -> Result<u64> {
        Ok(self.0.clone().put(message).await?.into_inner().length)
    }

    async fn checksum(&self) -> Result<u64> {
        Ok(self.0.clone().checksum(Nothing {}).await?.into_inner().checksum)
    }
}
