//! A server whose clients are hand-written ones.

use super::*;
use crate::transfer::ANSWER_DELAY;
use crate::wire::frame::{Request, ServerAnswer, ServerFrame};
use crate::wire::part::{Arrived, Part};

/// A server and its clock.
pub(super) struct Hand {
    pub(super) clock: Arc<VirtualClock>,
    pub(super) server: ServerEndpoint,
}

/// A session with the server.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) session: u64,
    /// The number of the last datagram with a part.
    pub(super) number: u64,
}

/// What the server has sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) to: SocketAddr,
    pub(super) size: usize,
    pub(super) body: Bytes,
    pub(super) frames: Vec<ServerFrame>,
}

pub(super) const REQUEST: Request =
    Request { interface: INTERFACE, method: ECHO, signature: 99, remaining: u32::MAX, body: 0..0 };

pub(super) fn subject(lane: u16, sequence: u64) -> Subject {
    Subject { lane, sequence, attempt: 1 }
}

/// The arguments of a call, with what its parts say of them.
#[derive(Clone)]
pub(super) struct Whole {
    bytes: Bytes,
    identity: u32,
    checksum: u32,
}

impl Whole {
    pub(super) fn clone_bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl core::ops::Deref for Whole {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

impl From<Vec<u8>> for Whole {
    fn from(bytes: Vec<u8>) -> Self {
        let identity = frame::identity(INTERFACE, ECHO, 99, &bytes.clone().into());
        Self { identity, checksum: integrity::crc32c(&bytes), bytes: bytes.into() }
    }
}

/// Bytes of which no two thousand are the same.
pub(super) fn message(length: usize) -> Whole {
    (0..length).map(|index| (index * 13 + index / 200) as u8).collect::<Vec<_>>().into()
}

impl Hand {
    pub(super) fn new(config: ServerConfig) -> Self {
        Self::with(config, methods())
    }

    pub(super) fn with(config: ServerConfig, methods: MethodTable) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let now = clock.now();
        let server = ServerEndpoint::new(config, methods, clock.clone(), entropy(2), now);
        Self { clock, server }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn receive(&mut self, from: SocketAddr, datagram: Vec<u8>) {
        let now = self.now();
        self.server.handle_datagram(now, from, None, &Bytes::from(datagram));
    }

    /// Everything that the server has to send.
    pub(super) fn sent(&mut self) -> Vec<Sent> {
        let now = self.now();
        let mut sent = Vec::new();
        let mut out = Vec::new();
        while let Some(transmit) = self.server.poll_transmit(now, &mut out) {
            let datagram = core::mem::take(&mut out);
            assert_eq!(datagram.len(), transmit.length);
            let (header, body) = Header::parse(&datagram).expect("it is well formed");
            let (mut at, mut frames) = (0, Vec::new());
            while header.kind == Kind::Frames && at < body.len() {
                frames.push(frame::next_server_frame(body, &mut at).expect("it is well formed"));
            }
            let body = Bytes::copy_from_slice(body);
            sent.push(Sent { to: transmit.to, size: datagram.len(), body, frames });
        }
        sent
    }

    /// What it says about calls.
    pub(super) fn answers(&mut self) -> Vec<(Subject, ServerAnswer)> {
        let sent = self.sent().into_iter().flat_map(|sent| sent.frames);
        sent.map(|frame| (frame.subject, frame.answer)).collect()
    }

    /// The only verdict that it has to tell, with its detail.
    pub(super) fn verdict(&mut self) -> (frame::VerdictCode, Bytes) {
        let mut verdicts = Vec::new();
        for sent in self.sent() {
            for frame in sent.frames {
                if let ServerAnswer::Verdict(code, detail) = frame.answer {
                    verdicts.push((code, sent.body.slice(detail)));
                }
            }
        }
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        verdicts.remove(0)
    }

    /// The last ARRIVED that it has to tell about a lane's call, at once or after the time that a part
    /// which came alone waits for others.
    pub(super) fn arrived(&mut self, lane: u16) -> Option<Arrived> {
        self.arrived_by_now(lane).or_else(|| {
            let now = self.now() + ANSWER_DELAY;
            self.clock.0.store(now.as_nanos(), Ordering::Relaxed);
            self.server.handle_timeout(now);
            self.arrived_by_now(lane)
        })
    }

    fn arrived_by_now(&mut self, lane: u16) -> Option<Arrived> {
        let answers = self.answers().into_iter();
        let mut arrived = answers.rev().filter_map(|(subject, answer)| match answer {
            ServerAnswer::Arrived(arrived) if subject.lane == lane => Some(arrived),
            _ => None,
        });
        arrived.next()
    }

    pub(super) fn open(&mut self, address: SocketAddr) -> Peer {
        self.open_with(address, 0, u32::MAX)
    }

    pub(super) fn open_with(
        &mut self,
        address: SocketAddr,
        previous: u64,
        largest_reply: u32,
    ) -> Peer {
        let nonce = u128::from(address.port()) << 64 | self.now().as_nanos() as u128;
        let mut out = Vec::new();
        messages::write_hello(&mut out, nonce);
        self.receive(address, out);
        let challenge = self.sent().pop().expect("a challenge");
        let (nonce, cookie) = messages::parse_challenge(&challenge.body).unwrap();
        let mut out = Vec::new();
        let open = Open { nonce, cookie, previous, largest_reply, receive_window: 1 << 20 };
        messages::write_open(&mut out, &open);
        self.receive(address, out);
        let welcome = self.sent().into_iter().find_map(|it| messages::parse_welcome(&it.body));
        Peer { address, session: welcome.expect("a welcome").session, number: 0 }
    }

    /// Lets time pass, and the server's timers run, each at its time. What it sends is lost.
    pub(super) fn pass(&mut self, duration: Duration) -> usize {
        let end = self.now() + duration;
        let mut sent = 0;
        while let Some(due) = self.server.poll_timeout().filter(|&due| due <= end) {
            let now = due.max(self.now());
            self.clock.0.store(now.as_nanos(), Ordering::Relaxed);
            self.server.handle_timeout(now);
            sent += self.sent().len();
        }
        self.clock.0.store(end.as_nanos(), Ordering::Relaxed);
        sent
    }

    /// A call that can be run.
    pub(super) fn take(&mut self) -> Option<Ready> {
        let now = self.now();
        let ready = self.server.take_ready(now)?;
        ready.context.enter();
        Some(ready)
    }

    /// Makes a small call and lets it give `reply`.
    pub(super) fn run(&mut self, peer: Peer, subject: Subject, reply: Bytes) {
        self.send(peer, |out| frame::write_request(out, subject, &REQUEST, b"x"));
        let ready = self.take().expect("it is admitted");
        self.server.complete(ready.token, Finished::Reply(reply.into()));
    }

    pub(super) fn send(&mut self, peer: Peer, write: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        let header = Header { role: Role::Client, kind: Kind::Frames, session: peer.session };
        header.write(&mut out);
        write(&mut out);
        integrity::seal(&mut out, 0);
        self.receive(peer.address, out);
    }

    /// Sends a part of a message of which nothing is right but what `said` and `request` say.
    pub(super) fn send_part(
        &mut self,
        peer: &mut Peer,
        subject: Subject,
        request: &Request,
        said: &Part,
        bytes: &[u8],
    ) {
        peer.number += 1;
        let said = Part { number: peer.number, ..said.clone() };
        self.send(*peer, |out| frame::write_request_part(out, subject, request, &said, bytes));
    }

    /// Sends bytes `range` of `whole`.
    pub(super) fn part(
        &mut self,
        peer: &mut Peer,
        subject: Subject,
        whole: &Whole,
        range: core::ops::Range<usize>,
    ) {
        let said = described(whole, range.start);
        self.send_part(peer, subject, &REQUEST, &said, &whole[range]);
    }

    /// Everything that takes memory and should not when nothing is under way.
    pub(super) fn held(&mut self) -> (usize, usize, (usize, usize), usize) {
        let _ = self.sent();
        let statistics = self.server.statistics();
        let footprint = self.server.footprint();
        (footprint, statistics.assembly_bytes, self.server.charged(), statistics.reply_bytes)
    }
}

/// How a part of `whole` describes itself.
pub(super) fn described(whole: &Whole, offset: usize) -> Part {
    Part {
        number: 0,
        length: whole.len() as u32,
        offset: offset as u32,
        identity: whole.identity,
        checksum: whole.checksum,
        body: 0..0,
    }
}

pub(super) fn address(index: u32) -> SocketAddr {
    let ip = core::net::Ipv4Addr::from_bits(0xC000_0200 + index);
    SocketAddr::from((ip, 2000))
}
