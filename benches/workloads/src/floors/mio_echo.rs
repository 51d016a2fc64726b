//! Datagrams sent back by a bare `mio` loop, without any protocol.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket as StdSocket};
use std::time::Instant;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use super::datagram::{self, Numbered};
use crate::Result;
use crate::measure::Exchanged;
use crate::message::Message;
use crate::system::{Client, Role, System, Workload};

/// Nothing is lost on the way within one machine unless a buffer overflows.
const PATIENCE: Duration = Duration::from_secs(2);
/// After how long a client of many sends again: their datagrams together may be more than the buffer of the
/// server holds.
const RETRY: Duration = Duration::from_millis(100);

/// A bare UDP echo in an event loop.
#[derive(Clone, Copy, Debug)]
pub struct MioEcho;

impl System for MioEcho {
    fn name(&self) -> &'static str {
        "mio-echo"
    }

    fn role(&self) -> Role {
        Role::Floor
    }

    fn settings(&self) -> String {
        format!(
            "mio with level of one poll per side, {} bytes there and back, receives until there is nothing more",
            datagram::LENGTH
        )
    }

    fn lacks(&self, workload: Workload) -> Option<&'static str> {
        match workload {
            Workload::Call | Workload::Stream | Workload::Crowd => None,
            Workload::Echo(size) if size <= datagram::LARGEST => None,
            Workload::Echo(_) | Workload::Upload(_) => Some(datagram::TOO_LARGE),
            Workload::Threads => Some("the loop belongs to one thread"),
            Workload::Loss => Some("what is lost stays lost"),
            Workload::Transfers | Workload::Busy => Some("there are no calls"),
        }
    }

    fn serve(&self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let mut link = Link::new(vec![socket])?;
        announce(address);
        let mut buffer = vec![0; 1 << 16];
        loop {
            link.sleep(None)?;
            while let Some((length, from)) = maybe(link.sockets[0].recv_from(&mut buffer))? {
                // One that does not fit the buffer of its receiver is lost: the client finds out.
                maybe(link.sockets[0].send_to(&buffer[..length], from))?;
            }
        }
    }

    fn connect(&self, server: SocketAddr) -> Result<Box<dyn Client>> {
        let link = Link::new(vec![connected(server)?])?;
        Ok(Box::new(MioClient { link, numbered: Numbered::new() }))
    }

    fn crowd(&self, server: SocketAddr, endpoints: usize, calls_each: u32) -> Result<Exchanged> {
        let sockets: Result<Vec<StdSocket>> = (0..endpoints).map(|_| connected(server)).collect();
        let mut crowd = Crowd::new(Link::new(sockets?)?);
        crowd.call_all(1)?;
        let start = Instant::now();
        crowd.call_all(calls_each)?;
        let count = endpoints as u64 * u64::from(calls_each);
        Ok(Exchanged { count, time: start.elapsed() })
    }
}

fn connected(server: SocketAddr) -> Result<StdSocket> {
    let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server)?;
    Ok(socket)
}

/// What a socket gives, or `None` if it would have to be waited for.
fn maybe<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sockets in a loop of their own. The token of each is its place.
struct Link {
    poll: Poll,
    events: Events,
    sockets: Vec<UdpSocket>,
}

impl Link {
    fn new(sockets: Vec<StdSocket>) -> Result<Self> {
        let poll = Poll::new()?;
        let mut registered = Vec::with_capacity(sockets.len());
        for (place, socket) in sockets.into_iter().enumerate() {
            socket.set_nonblocking(true)?;
            datagram::enlarge_buffer(&socket)?;
            let mut socket = UdpSocket::from_std(socket);
            poll.registry().register(&mut socket, Token(place), Interest::READABLE)?;
            registered.push(socket);
        }
        let events = Events::with_capacity(registered.len().clamp(8, 1024));
        Ok(Self { poll, events, sockets: registered })
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

/// Whoever sends datagrams and checks what comes back.
struct MioClient {
    link: Link,
    numbered: Numbered,
}

impl MioClient {
    fn send(&mut self) -> Result<()> {
        self.link.sockets[0].send(self.numbered.next())?;
        Ok(())
    }

    /// Receives one datagram if there is one.
    fn receive(&mut self) -> Result<bool> {
        let mut buffer = [0; datagram::LENGTH + 1];
        let Some(length) = maybe(self.link.sockets[0].recv(&mut buffer))? else { return Ok(false) };
        self.numbered.check(&buffer[..length])?;
        Ok(true)
    }

    fn sleep(&mut self) -> Result<()> {
        self.link.sleep(Some(PATIENCE))?;
        if self.link.events.is_empty() {
            return Err("the echo lost a datagram".into());
        }
        Ok(())
    }

    /// Receives whatever is there, and sends a new one for each if `more` is wanted.
    fn turn(&mut self, more: bool) -> Result<()> {
        self.sleep()?;
        while self.receive()? {
            if more {
                self.send()?;
            }
        }
        Ok(())
    }
}

impl Client for MioClient {
    fn call(&mut self) -> Result<()> {
        self.send()?;
        // A loop that is told of each datagram once has to go on until there is none.
        while self.numbered.in_flight() > 0 {
            self.turn(false)?;
        }
        Ok(())
    }

    fn stream(&mut self, in_flight: usize, time: Duration) -> Result<Exchanged> {
        let start = Instant::now();
        let first = self.numbered.count();
        for _ in 0..in_flight {
            self.send()?;
        }
        while start.elapsed() < time {
            self.turn(true)?;
        }
        let exchanged = Exchanged { count: self.numbered.count() - first, time: start.elapsed() };
        while self.numbered.in_flight() > 0 {
            self.turn(false)?;
        }
        Ok(exchanged)
    }

    fn echo(&mut self, message: &Message) -> Result<Duration> {
        let mut buffer = vec![0; message.bytes().len() + 1];
        let began = Instant::now();
        self.link.sockets[0].send(message.bytes())?;
        let length = loop {
            self.sleep()?;
            if let Some(length) = maybe(self.link.sockets[0].recv(&mut buffer))? {
                break length;
            }
        };
        // Until there is none, as above.
        let more = maybe(self.link.sockets[0].recv(&mut [0]))?;
        let taken = began.elapsed();
        if more.is_some() {
            return Err("the echo answered twice".into());
        }
        message.check(&buffer[..length])?;
        Ok(taken)
    }
}

/// Many sockets, each with a datagram under way.
struct Crowd {
    link: Link,
    numbered: Vec<Numbered>,
    /// How many each has still to send.
    left: Vec<u32>,
}

impl Crowd {
    fn new(link: Link) -> Self {
        let numbered: Vec<Numbered> = link.sockets.iter().map(|_| Numbered::new()).collect();
        let left = vec![0; numbered.len()];
        Self { link, numbered, left }
    }

    /// Has each socket exchange so many datagrams, one after the other.
    fn call_all(&mut self, calls_each: u32) -> Result<()> {
        let mut under_way = self.numbered.len();
        self.left.fill(calls_each - 1);
        for place in 0..self.numbered.len() {
            self.link.sockets[place].send(self.numbered[place].next())?;
        }
        let mut silence = Duration::ZERO;
        while under_way > 0 {
            self.link.sleep(Some(RETRY))?;
            if self.link.events.is_empty() {
                silence += RETRY;
                if silence > PATIENCE {
                    return Err("the echo lost a datagram again and again".into());
                }
                self.send_again()?;
                continue;
            }
            silence = Duration::ZERO;
            under_way -= self.turn()?;
        }
        Ok(())
    }

    /// Receives at every socket that has something, and sends what is next there. Says how many of them
    /// are done.
    fn turn(&mut self) -> Result<usize> {
        let mut done = 0;
        let mut buffer = [0; datagram::LENGTH + 1];
        for event in &self.link.events {
            let place = event.token().0;
            let (socket, numbered) = (&self.link.sockets[place], &mut self.numbered[place]);
            while let Some(length) = maybe(socket.recv(&mut buffer))? {
                if numbered.is_old(&buffer[..length]) {
                    continue;
                }
                numbered.check(&buffer[..length])?;
                match self.left[place].checked_sub(1) {
                    None => done += 1,
                    Some(left) => {
                        self.left[place] = left;
                        socket.send(numbered.next())?;
                    }
                }
            }
        }
        Ok(done)
    }

    /// What was not answered is lost: nothing has come for a long time.
    fn send_again(&mut self) -> Result<()> {
        for (socket, numbered) in self.link.sockets.iter().zip(&mut self.numbered) {
            if numbered.in_flight() > 0 {
                socket.send(numbered.awaited())?;
            }
        }
        Ok(())
    }
}
