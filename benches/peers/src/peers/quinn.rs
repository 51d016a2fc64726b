//! QUIC: quinn, with one bidirectional stream for each call.
//!
//! A call is one byte that says what is asked for, and what belongs to it; the end of the stream is the end of the
//! call. quinn has no messages of its own, so this is all that is put between the streams and the calls.

use core::net::SocketAddr;
use core::time::Duration;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;

use bytes::Bytes;
use farcall_workloads::{Result, Workload};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    AckFrequencyConfig, ClientConfig, Connection as QuicConnection, Endpoint, EndpointConfig,
    Incoming, RecvStream, SendStream, ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use socket2::{Domain, Socket, Type};

use super::{Kept, unverified::Unverified};
use crate::asynchronous::{Connection, Direct, Protocol};

/// What is asked for.
const ADD: u8 = 0;
const ECHO: u8 = 1;
const PUT: u8 = 2;
const CHECKSUM: u8 = 3;

/// The largest message.
const LARGEST: usize = 64 << 20;
/// The windows, so that a large message is never held up by them.
const WINDOW: u32 = 32 << 20;
/// How many calls may be in flight on a connection: 100 unless somebody says more.
const STREAMS: u32 = 4096;
/// How long a connection may be idle: many of them take long to make.
const IDLE: Duration = Duration::from_secs(600);
/// The limit that a socket has for what nobody has read yet.
const SOCKET_BUFFER: usize = 4 << 20;

/// A path that is known to carry larger datagrams than those of an Ethernet. quinn gives the system ten at once, and
/// those may have 64 KiB together: with a little more it stops for seconds.
const LARGE_DATAGRAM: u16 = 6500;
/// How long an acknowledgement may be held back, where it is not the 25 ms of the protocol. A client waits that
/// long, and the time of a round trip, before it takes a packet for lost.
const ACKNOWLEDGE: Duration = Duration::from_millis(1);

/// quinn, set up for something. There is nothing that is best for everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quinn {
    set_up: SetUp,
}

/// What quinn is set up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SetUp {
    /// Nothing: the timers and the datagrams are those that it comes with.
    Default,
    /// Small calls: datagrams go one by one, so that the other side is at work on the first of them while the last is
    /// written, and acknowledgements come soon.
    SmallCalls,
    /// Large messages, over loopback.
    LargeMessages,
}

impl Quinn {
    pub(super) const DEFAULT: Self = Self { set_up: SetUp::Default };
    pub(super) const SMALL_CALLS: Self = Self { set_up: SetUp::SmallCalls };
    pub(super) const LARGE_MESSAGES: Self = Self { set_up: SetUp::LargeMessages };

    /// The settings of both sides.
    fn transport(self) -> Result<Arc<TransportConfig>> {
        let mut config = TransportConfig::default();
        config
            .stream_receive_window(VarInt::from_u32(WINDOW))
            .receive_window(VarInt::from_u32(WINDOW))
            .send_window(WINDOW.into())
            .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
            .max_idle_timeout(Some(IDLE.try_into()?));
        if self.set_up != SetUp::Default {
            let mut acknowledge = AckFrequencyConfig::default();
            acknowledge.max_ack_delay(Some(ACKNOWLEDGE));
            config.ack_frequency_config(Some(acknowledge));
        }
        if self.set_up == SetUp::SmallCalls {
            config.enable_segmentation_offload(false);
        }
        if self.set_up == SetUp::LargeMessages {
            config.initial_mtu(LARGE_DATAGRAM).mtu_discovery_config(None);
        }
        Ok(Arc::new(config))
    }

    /// A socket and what drives it.
    fn endpoint(self, server: Option<ServerConfig>) -> Result<Endpoint> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.set_recv_buffer_size(SOCKET_BUFFER)?;
        socket.set_send_buffer_size(SOCKET_BUFFER)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let mut config = EndpointConfig::default();
        if self.set_up == SetUp::LargeMessages {
            config.max_udp_payload_size(LARGE_DATAGRAM)?;
        }
        Ok(Endpoint::new(config, server, UdpSocket::from(socket), Arc::new(TokioRuntime))?)
    }
}

impl Protocol for Quinn {
    fn name(self) -> &'static str {
        match self.set_up {
            SetUp::Default => "quinn",
            SetUp::SmallCalls => "quinn-small",
            SetUp::LargeMessages => "quinn-large",
        }
    }

    fn settings(self) -> String {
        let difference = match self.set_up {
            SetUp::Default => "datagrams and timers as they come",
            SetUp::SmallCalls => "no segmentation offload, acknowledgements within 1 ms",
            SetUp::LargeMessages => "datagrams of 6,500 bytes, acknowledgements within 1 ms",
        };
        format!(
            "TLS 1.3, a bidirectional stream for each call, windows of 32 MiB, 4,096 streams, socket buffers of 4 MiB, \
             runtime of one thread on each side; {difference}"
        )
    }

    fn lacks(self, workload: Workload) -> Option<&'static str> {
        let is_large = matches!(workload, Workload::Echo(_) | Workload::Upload(_));
        match self.set_up {
            SetUp::SmallCalls if is_large => Some("not set up for messages"),
            SetUp::SmallCalls if workload == Workload::Crowd => {
                Some("no different from quinn there")
            }
            SetUp::LargeMessages if !is_large => Some("not set up for small calls"),
            _ => None,
        }
    }

    fn memory_per_client(self) -> usize {
        // Each endpoint has buffers of its own for what it receives: seen at 10,000 of them.
        9 << 18
    }

    type Connection = Quic;
    type Caller = Direct<Quic>;

    async fn serve(self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let private = PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
        let mut config = ServerConfig::with_single_cert(vec![key.cert.into()], private.into())?;
        config.transport_config(self.transport()?);
        let endpoint = self.endpoint(Some(config))?;
        announce(endpoint.local_addr()?);
        let kept = Arc::new(Kept::default());
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(serve_connection(incoming, Arc::clone(&kept)));
        }
        Ok(())
    }

    async fn connect(self, server: SocketAddr) -> Result<Quic> {
        let tls = rustls::ClientConfig::builder_with_provider(Unverified::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified))
            .with_no_client_auth();
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        config.transport_config(self.transport()?);
        let endpoint = self.endpoint(None)?;
        let connection = endpoint.connect_with(config, server, "localhost")?.await?;
        Ok(Quic(connection))
    }

    fn share(connection: Quic) -> Self::Caller {
        Direct::new(connection)
    }
}

/// Answers a client until it is gone.
async fn serve_connection(incoming: Incoming, kept: Arc<Kept>) -> Result<()> {
    let connection = incoming.await?;
    loop {
        let (send, receive) = connection.accept_bi().await?;
        tokio::spawn(answer(send, receive, Arc::clone(&kept)));
    }
}

async fn answer(mut send: SendStream, mut receive: RecvStream, kept: Arc<Kept>) -> Result<()> {
    let mut request = Bytes::from(receive.read_to_end(LARGEST).await?);
    if request.is_empty() {
        return Err("a call without a method".into());
    }
    let data = request.split_off(1);
    match request[0] {
        ADD => {
            let [a, b] = numbers(&data)?;
            send.write_all(&a.wrapping_add(b).to_be_bytes()).await?;
        }
        ECHO => send.write_chunk(data).await?,
        PUT => send.write_all(&kept.put(data).to_be_bytes()).await?,
        CHECKSUM => send.write_all(&kept.checksum().to_be_bytes()).await?,
        _ => return Err("a method that is not known".into()),
    }
    Ok(send.finish()?)
}

fn numbers(data: &[u8]) -> Result<[i32; 2]> {
    let (words, rest) = data.as_chunks::<4>();
    match (words, rest) {
        ([a, b], []) => Ok([i32::from_be_bytes(*a), i32::from_be_bytes(*b)]),
        _ => Err("not two numbers".into()),
    }
}

/// The client's end of a connection.
#[derive(Clone)]
pub(super) struct Quic(QuicConnection);

impl Quic {
    /// A call whose arguments are next to nothing.
    async fn ask<const LENGTH: usize>(&self, request: &[u8]) -> Result<[u8; LENGTH]> {
        let (mut send, mut receive) = self.0.open_bi().await?;
        send.write_all(request).await?;
        send.finish()?;
        let reply = receive.read_to_end(LENGTH).await?;
        Ok(reply.as_slice().try_into()?)
    }

    /// A call with a message.
    async fn carry(&self, method: u8, message: Bytes) -> Result<RecvStream> {
        let (mut send, receive) = self.0.open_bi().await?;
        send.write_all(&[method]).await?;
        send.write_chunk(message).await?;
        send.finish()?;
        Ok(receive)
    }
}

impl Connection for Quic {
    type Sent = Bytes;
    type Received = Vec<u8>;

    fn prepare(message: &Bytes) -> Bytes {
        message.clone()
    }

    async fn add(&self, a: i32, b: i32) -> Result<i32> {
        let mut request = [ADD; 9];
        request[1..5].copy_from_slice(&a.to_be_bytes());
        request[5..].copy_from_slice(&b.to_be_bytes());
        Ok(i32::from_be_bytes(self.ask(&request).await?))
    }

    async fn echo(&self, message: Bytes) -> Result<Vec<u8>> {
        Ok(self.carry(ECHO, message).await?.read_to_end(LARGEST).await?)
    }

    async fn put(&self, message: Bytes) -> Result<u64> {
        let reply = self.carry(PUT, message).await?.read_to_end(8).await?;
        Ok(u64::from_be_bytes(reply.as_slice().try_into()?))
    }

    async fn checksum(&self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.ask(&[CHECKSUM]).await?))
    }
}
