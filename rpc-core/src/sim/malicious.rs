//! A client with a session of its own that abuses it.

use core::time::Duration;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::host::Host;
use super::random::Random;
use crate::endpoint::{Machine, Transmit};
use crate::time::Timestamp;
use crate::wire::frame::{self, FenceCause, NO_DEADLINE, ONEWAY_LANE, Request, Subject};
use crate::wire::handshake as messages;
use crate::wire::part::Part;
use crate::wire::samples::{self, About};
use crate::wire::{HEADER_LENGTH, Header, Kind, Role, integrity};

/// What a malicious client does to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malice {
    /// Calls on all lanes, and never acknowledges a result; asks for each again and again.
    Silence,
    /// Begins large arguments and never sends the rest.
    OpenParts,
    /// Acknowledges what was never sent, and grants what it does not have.
    AbsurdAcknowledgements,
    /// Calls, and cancels each call at once.
    CancelStorm,
    /// Asks about a thousand calls in each datagram.
    ProbeFlood,
    /// Lanes that do not exist, numbers used twice, the largest number, and steps back.
    WindowViolations,
    /// One-way calls, which need no lane.
    Oneways,
    /// Any frame of a client, with values in use or made up.
    AnyFrame,
}

impl Malice {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Silence,
        Self::OpenParts,
        Self::AbsurdAcknowledgements,
        Self::CancelStorm,
        Self::ProbeFlood,
        Self::WindowViolations,
        Self::Oneways,
        Self::AnyFrame,
    ];
}

/// A method that a malicious client calls: the ids of its interface and itself, and the hash of its
/// signature.
pub type MethodIds = (u32, u32, u32);

impl Host {
    /// Adds a client that gets a session with `server` in the ordinary way and then abuses it, with one
    /// datagram in each `interval`. Gives its address.
    pub fn add_malicious_client(
        &self,
        server: SocketAddr,
        malice: Malice,
        (method, arguments): (MethodIds, Bytes),
        interval: Duration,
        random: Random,
    ) -> SocketAddr {
        self.add_machine(Box::new(Malicious {
            server,
            malice,
            method,
            arguments,
            interval,
            random,
            session: None,
            sequence: 0,
            due: Timestamp::ZERO,
            out: VecDeque::new(),
        }))
    }
}

struct Malicious {
    server: SocketAddr,
    malice: Malice,
    method: MethodIds,
    arguments: Bytes,
    interval: Duration,
    random: Random,
    /// Its id and its window.
    session: Option<(u64, u16)>,
    sequence: u64,
    due: Timestamp,
    out: VecDeque<Vec<u8>>,
}

impl Machine for Malicious {
    fn handle_datagram(
        &mut self,
        _now: Timestamp,
        _from: SocketAddr,
        _local: Option<IpAddr>,
        datagram: &Bytes,
    ) {
        let Ok((header, body)) = Header::parse(datagram) else { return };
        match header.kind {
            Kind::Challenge => {
                let Some((nonce, cookie)) = messages::parse_challenge(body) else { return };
                let mut open = Vec::new();
                let (largest_reply, receive_window) = (u32::MAX, u32::MAX);
                let previous = 0;
                let fields =
                    messages::Open { nonce, cookie, previous, largest_reply, receive_window };
                messages::write_open(&mut open, &fields);
                self.out.push_back(open);
            }
            Kind::Welcome => {
                self.session = messages::parse_welcome(body).map(|it| (it.session, it.window));
            }
            Kind::Gone => self.session = None,
            _ => {}
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        if now < self.due {
            return;
        }
        match self.session {
            Some((session, window)) => {
                self.due = now + self.interval;
                let datagram =
                    samples::frames(Role::Client, session, |out| self.abuse(window, out));
                self.out.push_back(datagram);
            }
            None => {
                self.due = now + self.interval.max(Duration::from_millis(100));
                let mut hello = Vec::new();
                messages::write_hello(&mut hello, self.random.next_u64().into());
                self.out.push_back(hello);
            }
        }
    }

    fn poll_transmit(&mut self, _now: Timestamp, out: &mut Vec<u8>) -> Option<Transmit> {
        let datagram = self.out.pop_front()?;
        out.extend_from_slice(&datagram);
        Some(Transmit { to: self.server, from: None, length: datagram.len() })
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        Some(self.due)
    }
}

impl Malicious {
    /// A new number on the lane whose turn it is.
    fn next(&mut self, window: u16) -> Subject {
        self.sequence += 1;
        let lane = (self.sequence % u64::from(window)) as u16;
        Subject { lane, sequence: self.sequence, attempt: 1 }
    }

    fn request(&self) -> Request {
        let (interface, method, signature) = self.method;
        Request { interface, method, signature, remaining: NO_DEADLINE, body: 0..0 }
    }

    /// Writes the frames of the next datagram.
    fn abuse(&mut self, window: u16, out: &mut Vec<u8>) {
        let request = self.request();
        match self.malice {
            Malice::Silence => {
                let is_full = self.sequence >= u64::from(window);
                let sequence = 1 + self.random.below(self.sequence.max(1));
                let lane = (sequence % u64::from(window)) as u16;
                let again = Subject { lane, sequence, attempt: 2 };
                let subject = if is_full { again } else { self.next(window) };
                frame::write_request(out, subject, &request, &self.arguments);
            }
            Malice::OpenParts => {
                let subject = self.next(window);
                let number = self.sequence;
                let (length, offset) = (64 << 20, 0);
                let (identity, checksum, body) = (number as u32, 0, 0..0);
                let part = Part { number, length, offset, identity, checksum, body };
                frame::write_request_part(out, subject, &request, &part, &[7; 1000]);
            }
            Malice::AbsurdAcknowledgements => {
                let subject = self.next(window);
                frame::write_request(out, subject, &request, &self.arguments);
                for sequence in [u64::MAX, subject.sequence + 1, self.random.next_u64().max(1)] {
                    let subject = Subject { sequence, ..subject };
                    frame::write_acknowledge(out, subject);
                    let fields = (sequence, 0, u32::MAX);
                    frame::write_arrived(out, Role::Client, subject, fields, &[0xff; 128]);
                }
            }
            Malice::CancelStorm => {
                let subject = self.next(window);
                frame::write_request(out, subject, &request, &self.arguments);
                frame::write_fence(out, subject, FenceCause::Cancelled);
            }
            Malice::ProbeFlood => (0..1000).for_each(|_| {
                let lane = self.random.below(u64::from(window)) as u16;
                let sequence = 1 + self.random.below(1 << 20);
                frame::write_probe(out, Subject { lane, sequence, attempt: 1 });
            }),
            Malice::WindowViolations => {
                let lane = self.random.below(2 * u64::from(window)) as u16;
                let sequence = match self.random.below(3) {
                    0 => u64::MAX,
                    _ => 1 + self.random.below(100),
                };
                let content = [self.random.below(4) as u8; 8];
                frame::write_request(
                    out,
                    Subject { lane, sequence, attempt: 1 },
                    &request,
                    &content,
                );
            }
            Malice::Oneways => (0..10).for_each(|_| {
                let subject = Subject { lane: ONEWAY_LANE, ..self.next(window) };
                frame::write_request(out, subject, &request, &self.arguments);
            }),
            Malice::AnyFrame => {
                let mut about = About { method: self.method, ..About::session(0) };
                about.subject = self.next(window);
                if self.random.chance(0.3) {
                    about.subject.sequence = 1 + self.random.next_u64() / 2;
                }
                let frames = samples::client_frames(&about);
                // The last is a CLOSE.
                let datagram = &frames[self.random.below(frames.len() as u64 - 1) as usize];
                out.extend_from_slice(&datagram[HEADER_LENGTH..datagram.len() - integrity::LENGTH]);
            }
        }
    }
}
