//! The yardstick of large messages: frames over a TCP stream of the standard library.
//!
//! It is made as fast as a plain program can be: no delay, a frame of whatever length in one write,
//! buffers that are allocated once. A server of messages that belong to somebody, as those of a handler
//! do, could not use its buffer again; this one does.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use super::Result;
use super::payload::{Carrier, checksum};

/// What is asked for: the first byte of a frame. Four bytes of length follow.
const ECHO: u8 = 0;
const PUT: u8 = 1;
const CHECKSUM: u8 = 2;
/// The length of both.
const HEADER: usize = 5;

/// Answers every client, one thread each, for ever.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        // Whatever goes wrong, the client is the one who finds out.
        std::thread::spawn(move || answer(stream));
    }
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frame = Frame::default();
    let mut last = 0;
    loop {
        frame.receive(&mut stream)?;
        let data = &frame.bytes[HEADER..frame.length];
        match frame.bytes[0] {
            ECHO => stream.write_all(&frame.bytes[..frame.length])?,
            PUT => {
                last = frame.length;
                stream.write_all(&(data.len() as u64).to_be_bytes())?;
            }
            // This one is a header and nothing else: the message before it is still there.
            CHECKSUM => stream.write_all(&checksum(&frame.bytes[HEADER..last]).to_be_bytes())?,
            _ => return Err(ErrorKind::InvalidData.into()),
        }
    }
}

/// A buffer for one frame.
#[derive(Default)]
struct Frame {
    bytes: Vec<u8>,
    /// How much of the buffer is the frame.
    length: usize,
}

impl Frame {
    /// Receives a whole frame. With one in flight, nothing follows it.
    fn receive(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let mut filled = 0;
        self.length = HEADER;
        while filled < self.length {
            // A short frame comes with its header, in one read.
            self.bytes.resize(self.bytes.len().max(self.length).max(1 << 16), 0);
            match stream.read(&mut self.bytes[filled..])? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
            if filled >= HEADER {
                let length = [self.bytes[1], self.bytes[2], self.bytes[3], self.bytes[4]];
                self.length = HEADER + u32::from_be_bytes(length) as usize;
            }
        }
        Ok(())
    }
}

/// The other end.
pub(crate) struct Client {
    stream: TcpStream,
    /// The message as a frame.
    request: Vec<u8>,
    reply: Frame,
}

impl Client {
    pub(crate) fn connect(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), reply: Frame::default() })
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = [0; 8];
        self.stream.read_exact(&mut number)?;
        Ok(u64::from_be_bytes(number))
    }
}

impl Carrier for Client {
    fn prepare(&mut self, data: &[u8]) -> Result<()> {
        self.request.clear();
        self.request.push(ECHO);
        self.request.extend(u32::try_from(data.len())?.to_be_bytes());
        self.request.extend(data);
        Ok(())
    }

    fn echo(&mut self) -> Result<Duration> {
        self.request[0] = ECHO;
        let began = Instant::now();
        self.stream.write_all(&self.request)?;
        self.reply.receive(&mut self.stream)?;
        let taken = began.elapsed();
        if self.reply.bytes[..self.reply.length] != self.request {
            return Err("the stream changed a message".into());
        }
        Ok(taken)
    }

    fn put(&mut self) -> Result<Duration> {
        self.request[0] = PUT;
        let began = Instant::now();
        self.stream.write_all(&self.request)?;
        let length = self.number()?;
        let taken = began.elapsed();
        self.stream.write_all(&[CHECKSUM, 0, 0, 0, 0])?;
        let arrived = self.number()?;
        let data = &self.request[HEADER..];
        if length != data.len() as u64 || arrived != checksum(data) {
            return Err("the stream changed an upload".into());
        }
        Ok(taken)
    }
}
