//! Datagrams sent back with the plainest calls of the standard library: one `send` and one `recv` on each
//! side, and nothing else.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Instant;

use super::datagram::{self, Numbered};
use crate::measure::Exchanged;
use crate::message::Message;
use crate::system::{Client, Role, System, Workload};
use crate::threads::{call_from_threads, take_turns};
use crate::{Error, Result};

/// Nothing is lost on the way within one machine unless a buffer overflows.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a client of many sends again: their datagrams together may be more than the buffer of the
/// server holds.
const RETRIES: u32 = 20;

/// A bare UDP echo, with one way of waiting on both sides.
#[derive(Clone, Copy, Debug)]
pub struct Udp {
    name: &'static str,
    spins: bool,
}

impl Udp {
    /// Both sides sleep in `recv`.
    pub const BLOCKING: Self = Self { name: "udp-blocking", spins: false };
    /// Both sides try `recv` again and again.
    pub const SPINNING: Self = Self { name: "udp-spinning", spins: true };

    fn client(&self, server: SocketAddr) -> Result<UdpClient> {
        let link = Link::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, self.spins)?;
        link.socket.connect(server)?;
        link.socket.set_read_timeout(Some(PATIENCE))?;
        Ok(UdpClient { link, numbered: Numbered::new(), system: *self, server })
    }
}

impl System for Udp {
    fn name(&self) -> &'static str {
        self.name
    }

    fn role(&self) -> Role {
        Role::Floor
    }

    fn settings(&self) -> String {
        let how = if self.spins { "tries again and again" } else { "sleeps" };
        format!(
            "std::net::UdpSocket, {} bytes there and back; {how} in recv; with several threads, each has a socket",
            datagram::LENGTH
        )
    }

    fn lacks(&self, workload: Workload) -> Option<&'static str> {
        match workload {
            Workload::Call | Workload::Stream | Workload::Threads | Workload::Crowd => None,
            Workload::Echo(size) if size <= datagram::LARGEST => None,
            Workload::Echo(_) | Workload::Upload(_) => Some(datagram::TOO_LARGE),
            Workload::Loss => Some("what is lost stays lost"),
            Workload::Transfers | Workload::Busy => Some("there are no calls"),
        }
    }

    fn serve(&self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        let link = Link::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, self.spins)?;
        announce(link.socket.local_addr()?);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let (length, from) = link.again(|| link.socket.recv_from(&mut buffer))?;
            link.again(|| link.socket.send_to(&buffer[..length], from))?;
        }
    }

    fn connect(&self, server: SocketAddr) -> Result<Box<dyn Client>> {
        Ok(Box::new(self.client(server)?))
    }

    fn crowd(&self, server: SocketAddr, endpoints: usize, calls_each: u32) -> Result<Exchanged> {
        let mut clients = Vec::with_capacity(endpoints);
        for _ in 0..endpoints {
            let mut client = self.client(server)?;
            client.call()?;
            client.link.socket.set_read_timeout(Some(PATIENCE / RETRIES))?;
            clients.push(client);
        }
        take_turns(&mut clients, calls_each, UdpClient::send, UdpClient::receive_at_last)
    }
}

/// A socket, and how to wait for it.
#[derive(Debug)]
struct Link {
    socket: UdpSocket,
    spins: bool,
}

impl Link {
    fn new(socket: UdpSocket, spins: bool) -> Result<Self> {
        datagram::enlarge_buffer(&socket)?;
        socket.set_nonblocking(spins)?;
        Ok(Self { socket, spins })
    }

    /// Does something until it need not wait any more, if this is a link that spins.
    fn again<T>(&self, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match attempt() {
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.spins => {
                    core::hint::spin_loop();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// Whoever sends datagrams and checks what comes back.
#[derive(Debug)]
struct UdpClient {
    link: Link,
    numbered: Numbered,
    system: Udp,
    server: SocketAddr,
}

impl UdpClient {
    fn send(&mut self) -> Result<()> {
        self.link.again(|| self.link.socket.send(self.numbered.next()))?;
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        let mut buffer = [0; datagram::LENGTH + 1];
        let length = self.link.again(|| self.link.socket.recv(&mut buffer)).map_err(lost)?;
        self.numbered.check(&buffer[..length])
    }

    /// Receives, and sends again what seems to be lost.
    fn receive_at_last(&mut self) -> Result<()> {
        let mut buffer = [0; datagram::LENGTH + 1];
        for _ in 0..RETRIES {
            let begun = Instant::now();
            let received = loop {
                match self.link.socket.recv(&mut buffer) {
                    Ok(length) if self.numbered.is_old(&buffer[..length]) => {}
                    Err(error)
                        if error.kind() == ErrorKind::WouldBlock
                            && self.link.spins
                            && begun.elapsed() < PATIENCE / RETRIES => {}
                    received => break received,
                }
            };
            match received {
                Ok(length) => return self.numbered.check(&buffer[..length]),
                Err(error) if is_late(&error) => {
                    self.link.again(|| self.link.socket.send(self.numbered.awaited()))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err("the echo lost a datagram again and again".into())
    }
}

impl Client for UdpClient {
    fn call(&mut self) -> Result<()> {
        self.send()?;
        self.receive()
    }

    fn stream(&mut self, in_flight: usize, time: Duration) -> Result<Exchanged> {
        let start = Instant::now();
        let first = self.numbered.count();
        for _ in 0..in_flight {
            self.send()?;
        }
        while start.elapsed() < time {
            for _ in 0..in_flight {
                self.receive()?;
                self.send()?;
            }
        }
        let exchanged = Exchanged { count: self.numbered.count() - first, time: start.elapsed() };
        while self.numbered.in_flight() > 0 {
            self.receive()?;
        }
        Ok(exchanged)
    }

    fn threads(&mut self, threads: usize, time: Duration) -> Result<Exchanged> {
        let clients: Result<Vec<Self>> =
            (0..threads).map(|_| self.system.client(self.server)).collect();
        call_from_threads(clients?, time)
    }

    fn echo(&mut self, message: &Message) -> Result<Duration> {
        let mut buffer = vec![0; message.bytes().len() + 1];
        let began = Instant::now();
        self.link.again(|| self.link.socket.send(message.bytes()))?;
        let length = self.link.again(|| self.link.socket.recv(&mut buffer)).map_err(lost)?;
        let taken = began.elapsed();
        message.check(&buffer[..length])?;
        Ok(taken)
    }
}

/// A socket with a time-out says so in one of two ways.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn lost(error: io::Error) -> Error {
    if is_late(&error) { "the echo lost a datagram".into() } else { error.into() }
}
