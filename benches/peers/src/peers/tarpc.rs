//! tarpc over TCP, with bincode.

use core::net::SocketAddr;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcall_workloads::Result;
use futures_util::StreamExt;
use tarpc::client::Config;
use tarpc::context::{self, Context};
use tarpc::serde_transport;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::LengthDelimitedCodec;

use super::Kept;
use crate::asynchronous::{Connection, Direct, Protocol};

/// The largest message: 8 MiB unless somebody says more.
const LARGEST: usize = 64 << 20;
/// How long a call may take: 10 s unless somebody says more, and under loss a call may need that.
const DEADLINE: Duration = Duration::from_secs(60);

#[tarpc::service]
trait Store {
    async fn add(a: i32, b: i32) -> i32;
    async fn echo(data: Bytes) -> Bytes;
    async fn put(data: Bytes) -> u64;
    async fn checksum() -> u64;
}

#[derive(Clone, Default)]
struct Memory(Arc<Kept>);

impl Store for Memory {
    async fn add(self, _: Context, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    async fn echo(self, _: Context, data: Bytes) -> Bytes {
        data
    }

    async fn put(self, _: Context, data: Bytes) -> u64 {
        self.0.put(data)
    }

    async fn checksum(self, _: Context) -> u64 {
        self.0.checksum()
    }
}

/// tarpc.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tarpc;

impl Protocol for Tarpc {
    fn name(self) -> &'static str {
        "tarpc"
    }

    fn settings(self) -> String {
        "TCP without delay, bincode, messages as Bytes of up to 64 MiB, runtime of one thread on \
         each side, deadlines of 60 s"
            .to_owned()
    }

    type Connection = Tcp;
    type Caller = Direct<Tcp>;

    async fn serve(self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        announce(listener.local_addr()?);
        let memory = Memory::default();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let channel = BaseChannel::with_defaults(transport(stream));
            tokio::spawn(channel.execute(memory.clone().serve()).for_each(|answer| async {
                tokio::spawn(answer);
            }));
        }
    }

    async fn connect(self, server: SocketAddr) -> Result<Tcp> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Tcp(StoreClient::new(Config::default(), transport(stream)).spawn()))
    }

    fn share(connection: Tcp) -> Self::Caller {
        Direct::new(connection)
    }
}

/// Messages over a stream.
fn transport<Item, SinkItem>(
    stream: TcpStream,
) -> serde_transport::Transport<TcpStream, Item, SinkItem, Bincode<Item, SinkItem>>
where
    Item: for<'de> serde::Deserialize<'de>,
    SinkItem: serde::Serialize,
{
    let framed = LengthDelimitedCodec::builder().max_frame_length(LARGEST).new_framed(stream);
    serde_transport::new(framed, Bincode::default())
}

fn context() -> Context {
    let mut context = context::current();
    context.deadline = Instant::now() + DEADLINE;
    context
}

/// The client's end of a connection.
#[derive(Clone)]
pub(super) struct Tcp(StoreClient);

impl Connection for Tcp {
    type Sent = Bytes;
    type Received = Bytes;

    fn prepare(message: &Bytes) -> Bytes {
        message.clone()
    }

    async fn add(&self, a: i32, b: i32) -> Result<i32> {
        Ok(self.0.add(context(), a, b).await?)
    }

    async fn echo(&self, message: Bytes) -> Result<Bytes> {
        Ok(self.0.echo(context(), message).await?)
    }

    async fn put(&self, message: Bytes) -> Result<u64> {
        Ok(self.0.put(context(), message).await?)
    }

    async fn checksum(&self) -> Result<u64> {
        Ok(self.0.checksum(context()).await?)
    }
}
