//! Frames over a TCP stream of the standard library.
//!
//! It is made as fast as a plain program can be: no delay, whatever is ready in one write, buffers that are
//! allocated once. A server of messages that belong to somebody, as those of a handler do, could not use its
//! buffer again; this one does.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use super::frame::{self, Frames, HEADER, Kind, READ};
use crate::Result;
use crate::measure::Exchanged;
use crate::message::{Message, checksum};
use crate::system::{Client, Role, Sums, System, Workload};
use crate::threads::call_from_threads;

/// Nobody waits for a TCP stream for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bare TCP stream.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

impl System for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn role(&self) -> Role {
        Role::Floor
    }

    fn settings(&self) -> String {
        "std::net::TcpStream, no delay, frames with a length before them, what is ready in one write; the server \
         has a thread for each connection; with several threads, each has a connection"
            .to_owned()
    }

    fn lacks(&self, workload: Workload) -> Option<&'static str> {
        match workload {
            Workload::Crowd => Some("this server has a thread for each connection"),
            Workload::Busy => Some("a connection waits only for itself"),
            _ => None,
        }
    }

    fn serve(&self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        announce(listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept()?;
            // Whatever goes wrong, the client is the one who finds out.
            thread::spawn(move || answer(stream));
        }
    }

    fn connect(&self, server: SocketAddr) -> Result<Box<dyn Client>> {
        Ok(Box::new(TcpClient::new(server)?))
    }
}

/// Answers one client.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut frames, mut out, mut kept) = (Frames::default(), Vec::new(), 0);
    loop {
        frames.read(&mut stream)?;
        while let Some((kind, frame)) = frames.next()? {
            let data = &frame[HEADER..];
            match kind {
                Kind::Add => {
                    frame::begin(kind, 4, &mut out);
                    out.extend(sum(data).to_be_bytes());
                }
                Kind::Echo if frame.len() < READ => out.extend_from_slice(frame),
                Kind::Echo => {
                    flush(&mut stream, &mut out)?;
                    stream.write_all(frame)?;
                }
                Kind::Put => {
                    frame::begin(kind, 8, &mut out);
                    out.extend((data.len() as u64).to_be_bytes());
                    // Whoever waits for this need not wait for the checksum too.
                    flush(&mut stream, &mut out)?;
                    kept = checksum(data);
                }
                Kind::Checksum => {
                    frame::begin(kind, 8, &mut out);
                    out.extend(kept.to_be_bytes());
                }
            }
        }
        flush(&mut stream, &mut out)?;
    }
}

/// Writes what is ready, if there is something.
fn flush(stream: &mut TcpStream, out: &mut Vec<u8>) -> io::Result<()> {
    if !out.is_empty() {
        stream.write_all(out)?;
        out.clear();
    }
    Ok(())
}

fn sum(data: &[u8]) -> i32 {
    let numbers = data.as_chunks::<4>().0.iter();
    numbers.fold(0, |sum, number| sum.wrapping_add(i32::from_be_bytes(*number)))
}

/// The other end.
#[derive(Debug)]
struct TcpClient {
    stream: TcpStream,
    server: SocketAddr,
    sums: Sums,
    /// The sums that are awaited.
    pending: VecDeque<i32>,
    out: Vec<u8>,
    frames: Frames,
}

impl TcpClient {
    fn new(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            server,
            sums: Sums::default(),
            pending: VecDeque::new(),
            out: Vec::new(),
            frames: Frames::default(),
        })
    }

    /// Prepares one more question.
    fn ask(&mut self) {
        let (a, b, sum) = self.sums.question();
        frame::begin(Kind::Add, 8, &mut self.out);
        self.out.extend(a.to_be_bytes());
        self.out.extend(b.to_be_bytes());
        self.pending.push_back(sum);
    }

    /// Sends what is prepared, and takes whatever answers are there, one at least. Says how many.
    fn turn(&mut self) -> Result<usize> {
        flush(&mut self.stream, &mut self.out)?;
        let mut count = 0;
        while count == 0 {
            self.frames.read(&mut self.stream)?;
            while let Some((_, frame)) = self.frames.next()? {
                let awaited = self.pending.pop_front().ok_or("an answer too much")?;
                Sums::check(sum(&frame[HEADER..]), awaited)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Waits for a number that is an answer.
    fn number(&mut self) -> Result<u64> {
        loop {
            if let Some((_, frame)) = self.frames.next()? {
                let number = frame[HEADER..].first_chunk().ok_or("an answer is too short")?;
                return Ok(u64::from_be_bytes(*number));
            }
            self.frames.read(&mut self.stream)?;
        }
    }

    /// Prepares a message.
    fn prepare(&mut self, kind: Kind, message: &Message) {
        self.out.clear();
        frame::begin(kind, message.bytes().len(), &mut self.out);
        self.out.extend_from_slice(message.bytes());
    }
}

impl Client for TcpClient {
    fn call(&mut self) -> Result<()> {
        self.ask();
        self.turn()?;
        Ok(())
    }

    fn stream(&mut self, in_flight: usize, time: Duration) -> Result<Exchanged> {
        let start = Instant::now();
        let mut count = 0;
        for _ in 0..in_flight {
            self.ask();
        }
        while start.elapsed() < time {
            let answers = self.turn()?;
            count += answers as u64;
            for _ in 0..answers {
                self.ask();
            }
        }
        let exchanged = Exchanged { count, time: start.elapsed() };
        while !self.pending.is_empty() {
            self.turn()?;
        }
        Ok(exchanged)
    }

    fn threads(&mut self, threads: usize, time: Duration) -> Result<Exchanged> {
        let clients: Result<Vec<Self>> = (0..threads).map(|_| Self::new(self.server)).collect();
        call_from_threads(clients?, time)
    }

    fn echo(&mut self, message: &Message) -> Result<Duration> {
        self.prepare(Kind::Echo, message);
        let began = Instant::now();
        self.stream.write_all(&self.out)?;
        let (taken, reply) = loop {
            self.frames.read(&mut self.stream)?;
            if self.frames.is_whole() {
                let taken = began.elapsed();
                break (taken, self.frames.next()?);
            }
        };
        self.out.clear();
        let (_, frame) = reply.ok_or("no answer")?;
        message.check(&frame[HEADER..])?;
        Ok(taken)
    }

    fn upload(&mut self, message: &Message) -> Result<Duration> {
        self.prepare(Kind::Put, message);
        let began = Instant::now();
        self.stream.write_all(&self.out)?;
        self.out.clear();
        let length = self.number()?;
        let taken = began.elapsed();
        frame::begin(Kind::Checksum, 0, &mut self.out);
        flush(&mut self.stream, &mut self.out)?;
        let arrived = self.number()?;
        message.check_upload(length, arrived)?;
        Ok(taken)
    }
}
