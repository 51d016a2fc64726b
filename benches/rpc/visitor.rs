//! A client of the protocol without a loop.

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
use farcall_workloads::{Result, Sums};

/// A client that is driven by hand, as far as a visit without trouble needs it.
pub(crate) struct Visitor {
    endpoint: ClientEndpoint,
    socket: UdpSocket,
    server: SocketAddr,
    start: Instant,
}

impl Visitor {
    /// `seed` is its own: a server takes two sessions with the same one for one.
    pub(crate) fn new(server: SocketAddr, seed: u32) -> Result<Self> {
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

    /// Makes so many calls at once, and checks them.
    pub(crate) fn visit(&mut self, calls: i32) -> Result<()> {
        let keys: Vec<CallKey> =
            (0..calls).map(|number| self.endpoint.submit(self.now(), addition(number))).collect();
        self.drive()?;
        for (number, key) in (0..calls).zip(keys) {
            let completion = self.endpoint.completion(key).ok_or("a call has not ended")?;
            let reply = completion.as_ref().map_err(|failure| failure.kind.to_string())?;
            check(reply, number)?;
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

    /// What it consists of, and when its time began.
    pub(crate) fn into_parts(self) -> (ClientEndpoint, UdpSocket, Instant) {
        (self.endpoint, self.socket, self.start)
    }
}

/// The call `add(number, number)`, as generated code makes it.
pub(crate) fn addition(number: i32) -> NewCall {
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

/// Whether a reply is the sum that [`addition`] asks for.
pub(crate) fn check(reply: &[u8], number: i32) -> Result<()> {
    Sums::check(i32::unmarshal(&mut Reader::new(reply))?, number.wrapping_mul(2))
}

/// Random enough for nonces that nobody attacks.
struct Generator(fastrand::Rng);

impl Entropy for Generator {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}
