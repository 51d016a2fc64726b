//! Many clients in one event loop: the protocol of each without the loop that it usually has.
//!
//! A process may not open files enough for ten thousand clients that have a poll and a timer of their own, and
//! on one processor those would mostly measure how it changes between threads. The server sees the same
//! datagrams from both.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::time::Instant;

use bytes::BytesMut;
use farcall_core::endpoint::client::CallKey;
use farcall_core::endpoint::{ClientEndpoint, Machine};
use farcall_core::time::Timestamp;
use farcall_workloads::{Client, Exchanged, FarcallSystem, Result, Role, System, Workload};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use super::visitor::{Visitor, addition, check};

/// How often all timers are looked at.
const TICK: Duration = Duration::from_millis(10);
/// How many open their sessions at once: the packets of more would not fit the buffer of the server.
const GROUP: usize = 256;
/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much is received into one piece of memory.
const CHUNK: usize = 1 << 16;
/// The largest datagram that a small call brings.
const DATAGRAM: usize = 2048;

/// farcall's protocol without its client loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores;

impl System for Cores {
    fn name(&self) -> &'static str {
        "farcall-cores"
    }

    fn role(&self) -> Role {
        Role::Ours
    }

    fn settings(&self) -> String {
        "the server of `farcall`; clients that are nothing but the protocol, all of them in one mio poll".into()
    }

    fn lacks(&self, workload: Workload) -> Option<&'static str> {
        (workload != Workload::Crowd).then_some("only for many clients")
    }

    fn serve(&self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        FarcallSystem::DEFAULT.serve(announce)
    }

    fn connect(&self, _server: SocketAddr) -> Result<Box<dyn Client>> {
        Err("only for many clients".into())
    }

    fn crowd(&self, server: SocketAddr, endpoints: usize, calls_each: u32) -> Result<Exchanged> {
        let mut crowd = Crowd::new(server, endpoints)?;
        let start = Instant::now();
        crowd.call(0, calls_each)?;
        let count = endpoints as u64 * u64::from(calls_each);
        Ok(Exchanged { count, time: start.elapsed() })
    }
}

/// One of many.
struct Member {
    endpoint: ClientEndpoint,
    socket: UdpSocket,
    start: Instant,
    call: Option<(CallKey, i32)>,
    /// How many calls it has still to make.
    left: u32,
}

struct Crowd {
    poll: Poll,
    members: Vec<Member>,
    server: SocketAddr,
    chunk: BytesMut,
}

impl Crowd {
    /// Clients with sessions, each of which has made a call.
    fn new(server: SocketAddr, endpoints: usize) -> Result<Self> {
        let (poll, members) = (Poll::new()?, Vec::with_capacity(endpoints));
        let mut crowd = Self { poll, members, server, chunk: BytesMut::new() };
        while crowd.members.len() < endpoints {
            let first = crowd.members.len();
            for place in first..endpoints.min(first + GROUP) {
                crowd.add(place)?;
            }
            crowd.call(first, 1)?;
        }
        Ok(crowd)
    }

    fn add(&mut self, place: usize) -> Result<()> {
        let visitor = Visitor::new(self.server, u32::try_from(place)?)?;
        let (endpoint, socket, start) = visitor.into_parts();
        socket.connect(self.server)?;
        socket.set_nonblocking(true)?;
        let mut socket = UdpSocket::from_std(socket);
        self.poll.registry().register(&mut socket, Token(place), Interest::READABLE)?;
        self.members.push(Member { endpoint, socket, start, call: None, left: 0 });
        Ok(())
    }

    /// Has each from `first` on make so many calls, one after the other.
    fn call(&mut self, first: usize, calls_each: u32) -> Result<()> {
        let mut under_way = self.members.len() - first;
        for member in &mut self.members[first..] {
            member.left = calls_each;
            member.submit()?;
        }
        let mut events = Events::with_capacity(1024);
        let (mut looked, mut heard) = (Instant::now(), Instant::now());
        while under_way > 0 {
            match self.poll.poll(&mut events, Some(TICK)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                let member = &mut self.members[event.token().0];
                under_way -= usize::from(member.turn(self.server, &mut self.chunk)?);
            }
            if !events.is_empty() {
                heard = Instant::now();
            }
            if heard.elapsed() > PATIENCE {
                return Err("the server has fallen silent".into());
            }
            if looked.elapsed() >= TICK {
                looked = Instant::now();
                self.members.iter_mut().try_for_each(Member::look_at_the_clock)?;
            }
        }
        Ok(())
    }
}

impl Member {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.start.elapsed()
    }

    /// Makes its next call.
    fn submit(&mut self) -> Result<()> {
        let number = i32::try_from(self.left)?;
        let key = self.endpoint.submit(self.now(), addition(number));
        self.call = Some((key, number));
        self.left -= 1;
        self.send()
    }

    /// Sends whatever there is.
    fn send(&mut self) -> Result<()> {
        let mut datagram = Vec::with_capacity(DATAGRAM);
        while self.endpoint.poll_transmit(self.now(), &mut datagram).is_some() {
            // What does not fit a buffer is lost, and sent again.
            maybe(self.socket.send(&datagram))?;
            datagram.clear();
        }
        Ok(())
    }

    /// Receives whatever there is, and makes the next call if one has ended. True if that was the last.
    fn turn(&mut self, server: SocketAddr, chunk: &mut BytesMut) -> Result<bool> {
        loop {
            if chunk.len() < DATAGRAM {
                *chunk = BytesMut::zeroed(CHUNK);
            }
            let Some(length) = maybe(self.socket.recv(&mut chunk[..DATAGRAM]))? else { break };
            let datagram = chunk.split_to(length).freeze();
            self.endpoint.handle_datagram(self.now(), server, None, &datagram);
        }
        let ended = self.call.and_then(|(key, number)| {
            self.endpoint.take_completion(key).map(|completion| (key, number, completion))
        });
        let Some((key, number, completion)) = ended else {
            // It may be a step of the handshake, which wants the next one.
            self.send()?;
            return Ok(false);
        };
        check(&completion.map_err(|failure| failure.kind.to_string())?, number)?;
        self.endpoint.release(key);
        while self.endpoint.poll_finished().is_some() {}
        self.call = None;
        if self.left == 0 {
            return Ok(true);
        }
        self.submit()?;
        Ok(false)
    }

    fn look_at_the_clock(&mut self) -> Result<()> {
        let now = self.now();
        if self.endpoint.poll_timeout().is_some_and(|due| due <= now) {
            self.endpoint.handle_timeout(now);
            self.send()?;
        }
        Ok(())
    }
}

/// What a socket gives, or `None` if it would have to be waited for.
fn maybe<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
