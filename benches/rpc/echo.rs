//! The yardstick: datagrams sent back by a bare `mio` loop, without any protocol.

use core::time::Duration;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket};
use std::time::Instant;

use farcall::ClientConfig;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use super::Result;
use super::measure::{Exchanged, Side};

/// Nothing is lost on the way within one machine unless a buffer overflows.
const PATIENCE: Duration = Duration::from_secs(2);

/// A socket in a loop of its own.
struct Link {
    poll: Poll,
    events: Events,
    socket: UdpSocket,
}

impl Link {
    fn new(socket: StdSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // As much as a farcall endpoint asks for. The usual buffer overflows with 256 in flight.
        SockRef::from(&socket).set_recv_buffer_size(ClientConfig::default().receive_buffer)?;
        let mut socket = UdpSocket::from_std(socket);
        let poll = Poll::new()?;
        poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
        Ok(Self { poll, events: Events::with_capacity(8), socket })
    }

    fn sleep(&mut self, patience: Option<Duration>) -> io::Result<()> {
        loop {
            match self.poll.poll(&mut self.events, patience) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// Sends every datagram back to where it came from, for ever.
pub(crate) fn serve(socket: StdSocket) -> io::Result<()> {
    let mut link = Link::new(socket)?;
    let mut buffer = [0; 2048];
    loop {
        link.sleep(None)?;
        loop {
            match link.socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    link.socket.send_to(&buffer[..length], from)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whoever sends datagrams and checks what comes back: the numbers in turn, since one machine does not
/// reorder the datagrams between two sockets.
pub(crate) struct Client {
    link: Link,
    server: SocketAddr,
    /// The number of the next datagram.
    next: u64,
    /// The number that has to come back next.
    expected: u64,
    /// What is sent back and forth, beginning with the number.
    buffer: Vec<u8>,
}

impl Client {
    /// A client of the echo at `server` that sends datagrams of `length` bytes, at least eight.
    pub(crate) fn connect(server: SocketAddr, length: usize) -> Result<Self> {
        let link = Link::new(StdSocket::bind((Ipv4Addr::LOCALHOST, 0))?)?;
        Ok(Self { link, server, next: 0, expected: 0, buffer: vec![0; length] })
    }

    fn send(&mut self) -> Result<()> {
        self.buffer[..8].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        self.link.socket.send_to(&self.buffer, self.server)?;
        Ok(())
    }

    /// Receives one datagram if there is one.
    fn receive(&mut self) -> Result<bool> {
        let mut buffer = [0; 2048];
        let length = match self.link.socket.recv_from(&mut buffer) {
            Ok((length, _)) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if length != self.buffer.len() || buffer[..8] != self.expected.to_be_bytes() {
            return Err("the echo lost or changed a datagram".into());
        }
        self.expected += 1;
        Ok(true)
    }

    fn sleep(&mut self) -> Result<()> {
        self.link.sleep(Some(PATIENCE))?;
        if self.link.events.is_empty() {
            return Err("the echo lost a datagram".into());
        }
        Ok(())
    }

    fn in_flight(&self) -> u64 {
        self.next - self.expected
    }

    /// Receives whatever is there, sending a new one for each while `more` says so.
    fn turn(&mut self, mut more: impl FnMut(u64) -> bool) -> Result<()> {
        self.sleep()?;
        while self.receive()? {
            if more(self.expected) {
                self.send()?;
            }
        }
        Ok(())
    }
}

impl Side for Client {
    fn call(&mut self) -> Result<()> {
        self.send()?;
        loop {
            self.sleep()?;
            let mut is_back = false;
            // A loop that is told of each datagram once has to go on until there is none.
            while self.receive()? {
                is_back = true;
            }
            if is_back {
                return Ok(());
            }
        }
    }

    fn stream(&mut self, in_flight: usize, time: Duration) -> Result<Exchanged> {
        let start = Instant::now();
        let first = self.expected;
        for _ in 0..in_flight {
            self.send()?;
        }
        while start.elapsed() < time {
            self.turn(|_| true)?;
        }
        let exchanged = Exchanged { count: self.expected - first, time: start.elapsed() };
        while self.in_flight() > 0 {
            self.turn(|_| false)?;
        }
        Ok(exchanged)
    }
}
