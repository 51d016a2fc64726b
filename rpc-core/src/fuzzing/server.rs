//! A server that is fed datagrams from several addresses, with its handlers and its clock in the hands of
//! whoever gives the bytes.

use std::sync::Arc;

use super::host::{self, INTERFACE, METHODS, SIGNATURE, ServerHost, address};
use super::input::Input;
use super::mutation::{bent, given};
use crate::endpoint::Machine;
use crate::endpoint::server::Finished;
use crate::sim::VirtualClock;
use crate::wire::frame::{self, FenceCause, ONEWAY_LANE, Request, Subject};
use crate::wire::handshake::{self as messages, Open};
use crate::wire::part::Part;
use crate::wire::{Header, Kind, Role, integrity};

/// How many datagrams are remembered for being sent again.
const REMEMBERED: usize = 64;

/// One of the addresses, and the session it got last.
#[derive(Clone, Copy, Default)]
struct Peer {
    session: u64,
    /// The number of the last datagram with a part.
    number: u64,
}

struct Run<'a> {
    input: Input<'a>,
    server: ServerHost,
    peers: [Peer; 4],
    nonces: u128,
    sent: Vec<Vec<u8>>,
}

/// Each step is a datagram, time, or something that the host of the server does.
///
/// # Panics
/// If something does not hold.
pub fn server(bytes: &[u8]) {
    let clock = Arc::new(VirtualClock::default());
    let mut run = Run {
        input: Input::new(bytes),
        server: ServerHost::new(host::config(), clock, 1),
        peers: [Peer::default(); 4],
        nonces: 0,
        sent: Vec::new(),
    };
    while !run.input.is_empty() {
        run.step();
        run.server.outgoing.clear();
    }
    run.server.rest();
}

impl Run<'_> {
    fn step(&mut self) {
        let what = self.input.u8();
        let from = usize::from(what >> 6);
        match what & 0x3F {
            0..=7 => self.open(from),
            8..=11 => {
                let datagram = given(&mut self.input, self.peers[from].session);
                self.send(from, datagram);
            }
            12..=15 => {
                let again = usize::from(self.input.u8()) % self.sent.len().max(1);
                if let Some(datagram) = self.sent.get(again).cloned() {
                    self.send(from, datagram);
                }
            }
            16..=19 => {
                let again = usize::from(self.input.u8()) % self.sent.len().max(1);
                if let Some(datagram) = self.sent.get(again) {
                    let datagram = bent(&mut self.input, datagram);
                    self.send(from, datagram);
                }
            }
            20..=39 => self.send_frames(from),
            40..=45 => {
                let duration = host::duration(&mut self.input);
                self.server.pass(duration);
            }
            46..=53 => {
                let enters = self.input.u8() < 0xE0;
                self.server.take(enters);
            }
            54..=60 => {
                let which = usize::from(what >> 6);
                let finished = host::finished(&mut self.input);
                self.server.complete(which, finished);
            }
            61 => self.server.suspend(from),
            _ => self.host_does_something(),
        }
    }

    fn host_does_something(&mut self) {
        let now = self.server.now();
        let endpoint = &mut self.server.endpoint;
        match self.input.u8() {
            0..=1 => endpoint.begin_shutdown(),
            2..=9 => endpoint.say_goodbye(),
            10..=99 => endpoint.handle_send_refused(now, address(self.input.below(4)), 1400),
            _ => endpoint.set_receive_window(usize::from(self.input.u16())),
        }
        self.server.run_timers();
    }

    fn send(&mut self, from: usize, datagram: Vec<u8>) {
        if self.sent.len() < REMEMBERED {
            self.sent.push(datagram.clone());
        }
        self.server.receive(address(from), datagram);
    }

    /// A handshake, with a cookie that may be another one's.
    fn open(&mut self, from: usize) {
        let how = self.input.u8();
        self.nonces += u128::from(how & 0x70 != 0x70);
        let mut hello = Vec::new();
        messages::write_hello(&mut hello, self.nonces);
        self.send(from, hello);
        let challenge = self.server.outgoing.pop().expect("a HELLO is answered").1;
        let (_, body) = Header::parse(&challenge).expect("it is well formed");
        let (nonce, cookie) = messages::parse_challenge(body).expect("it is well formed");
        let previous = match how & 7 {
            0..=2 => self.peers[from].session,
            3 => self.peers[(from + 1) % 4].session,
            4 => self.input.number(),
            _ => 0,
        };
        let largest_reply = self.input.pick(&[1 << 20, 1000, 0, u32::MAX]);
        let receive_window = self.input.pick(&[1 << 20, 5000, 0, u32::MAX]);
        let mut out = Vec::new();
        let open = Open { nonce, cookie, previous, largest_reply, receive_window };
        messages::write_open(&mut out, &open);
        // Somebody else has seen the cookie.
        let thief = if how & 8 != 0 { self.input.below(4) } else { from };
        self.send(thief, out);
        for (to, datagram) in &self.server.outgoing {
            let (_, body) = Header::parse(datagram).expect("it is well formed");
            if let Some(welcome) = messages::parse_welcome(body) {
                assert_eq!(*to, address(from), "a cookie is good for one address");
                self.peers[from].session = welcome.session;
            }
        }
    }

    fn send_frames(&mut self, from: usize) {
        let how = self.input.u8();
        let session = match how & 0x0F {
            0 => self.peers[(from + 1) % 4].session,
            1 => self.input.number(),
            _ => self.peers[from].session,
        };
        let mut out = Vec::new();
        Header { role: Role::Client, kind: Kind::Frames, session }.write(&mut out);
        for _ in 0..=how >> 6 {
            self.write_frame(from, &mut out);
        }
        integrity::seal(&mut out, 0);
        self.send(from, out);
    }

    fn write_frame(&mut self, from: usize, out: &mut Vec<u8>) {
        let what = self.input.below(12);
        let lane = u16::from(self.input.u8() % 5);
        let sequence = self.input.number().max(1);
        let mut subject = Subject { lane, sequence, attempt: u16::from(self.input.u8()) };
        match what {
            0..=2 => {
                let request = self.request();
                if what == 2 || request.method == 3 {
                    subject.lane = ONEWAY_LANE;
                }
                let (content, length) = (self.input.u8(), usize::from(self.input.u8() / 4));
                frame::write_request(out, subject, &request, &vec![content; length]);
            }
            3 => frame::write_probe(out, subject),
            4 => {
                let cause = self.input.pick(&[FenceCause::Deadline, FenceCause::Cancelled]);
                frame::write_fence(out, subject, cause);
            }
            5 => frame::write_acknowledge(out, subject),
            6..=9 => self.write_part(from, subject, out),
            10 => {
                let told = (self.input.number().max(1), 0, self.input.number() as u32);
                let count = usize::from(self.input.u8() % 16);
                let bits = self.input.bytes(count);
                frame::write_arrived(out, Role::Client, subject, told, bits);
            }
            _ if self.input.u8() >= 0xF0 => frame::write_close(out),
            _ => {
                let number = self.input.number().max(1);
                frame::write_question(out, Role::Client, subject, number, 3);
            }
        }
    }

    fn request(&mut self) -> Request {
        let how = self.input.u8();
        Request {
            interface: if how & 0xF0 == 0xF0 { 8 } else { INTERFACE },
            method: METHODS.get(usize::from(how & 7)).copied().unwrap_or(1 + u32::from(how & 4)),
            signature: if how & 0xF0 == 0xE0 { 98 } else { SIGNATURE },
            remaining: self.input.pick(&[u32::MAX, u32::MAX, u32::MAX, 10_000, 100, 1, 0]),
            body: 0..0,
        }
    }

    /// A part of one of 256 messages of this length, or one that says something wrong.
    fn write_part(&mut self, from: usize, subject: Subject, out: &mut Vec<u8>) {
        let request = self.request();
        let (lie, fill) = (self.input.u8(), self.input.u8());
        let length = usize::from(self.input.u16()) + 1;
        let offset = usize::from(self.input.u16()) % length;
        let size = (4 * usize::from(self.input.u8()) + 1).min(length - offset);
        let body: Vec<u8> = (0..length).map(|at| (at * 13 + at / 200) as u8 ^ fill).collect();
        let checksum = integrity::crc32c(&body);
        let mut bytes = body[offset..offset + size].to_vec();
        let (interface, method, signature) = (request.interface, request.method, request.signature);
        let identity = frame::identity(interface, method, signature, &body.into());
        let peer = &mut self.peers[from];
        peer.number = peer.number.saturating_add(1);
        let mut part = Part {
            number: peer.number,
            length: length as u32,
            offset: offset as u32,
            identity,
            checksum,
            body: 0..0,
        };
        match lie {
            0xF0..=0xF3 => bytes[0] ^= 1,
            0xF4..=0xF5 => part.identity ^= 1,
            0xF6..=0xF7 => part.checksum ^= 1,
            0xF8..=0xFA => part.length = self.input.number().max(1) as u32,
            0xFB..=0xFC => part.offset = self.input.number() as u32,
            0xFD..=0xFF => part.number = self.input.number(),
            _ => {}
        }
        frame::write_request_part(out, subject, &request, &part, &bytes);
    }
}

/// Ends a call without having been asked, for targets that run only honest ones.
pub(super) fn echo() -> Finished {
    Finished::Reply(bytes::Bytes::from_static(b"echo").into())
}
