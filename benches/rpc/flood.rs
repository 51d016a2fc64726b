//! Small calls while somebody floods their server.
//!
//! The flooder is a process of its own that has nothing to do with the client: it sends as fast as it was
//! told, from many sockets, which is as near to spoofed addresses as one comes without privileges. It needs
//! a processor too, so with two of them the client, the server and the flooder share what there is.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use clap::ValueEnum;
use farcall_core::wire::frame::{self, Subject};
use farcall_core::wire::{Header, Kind, Role, handshake, integrity};

use farcall_workloads::measure::{Latency, Spread, latency};
use farcall_workloads::process::{Process, Usage};
use farcall_workloads::runner::Bench;
use farcall_workloads::{FarcallSystem, Result};

use super::helpers::Helper;

/// How many sockets a flood comes from.
const SOCKETS: usize = 256;
/// How many datagrams are sent between two looks at the clock.
const BURST: u32 = 16;

/// What a flood consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flood {
    /// HELLOs, each of which asks for a cookie.
    Hello,
    /// OPENs with cookies that are made up.
    Opens,
    /// Frames for sessions whose ids are guessed.
    Sessions,
    /// Datagrams without a byte.
    Empty,
    /// Random bytes.
    Junk,
    /// Random bytes that begin as frames do.
    Forged,
}

impl Flood {
    pub(crate) const ALL: [Self; 6] =
        [Self::Hello, Self::Opens, Self::Sessions, Self::Empty, Self::Junk, Self::Forged];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hello => "HELLOs",
            Self::Opens => "OPENs",
            Self::Sessions => "guessed sessions",
            Self::Empty => "empty datagrams",
            Self::Junk => "junk",
            Self::Forged => "junk behind a true header",
        }
    }

    /// The next datagram.
    fn write(self, random: &mut fastrand::Rng, out: &mut Vec<u8>) {
        out.clear();
        match self {
            Self::Hello => handshake::write_hello(out, random.u128(..)),
            Self::Opens => {
                let mut cookie = [0; handshake::COOKIE_LENGTH];
                random.fill(&mut cookie);
                let open = handshake::Open {
                    nonce: random.u128(..),
                    cookie,
                    previous: 0,
                    largest_reply: 1 << 20,
                    receive_window: 1 << 20,
                };
                handshake::write_open(out, &open);
            }
            Self::Sessions => {
                let (role, kind, session) = (Role::Client, Kind::Frames, random.u64(..));
                Header { role, kind, session }.write(out);
                let sequence = random.u64(1..);
                frame::write_probe(out, Subject { lane: 1, sequence, attempt: 1 });
                integrity::seal(out, 0);
            }
            Self::Empty => {}
            Self::Junk => {
                out.resize(random.usize(..1200), 0);
                random.fill(out);
            }
            Self::Forged => {
                let (role, kind, session) = (Role::Client, Kind::Frames, random.u64(..));
                Header { role, kind, session }.write(out);
                let header = out.len();
                out.resize(random.usize(header..1200), 0);
                random.fill(&mut out[header..]);
            }
        }
    }
}

/// What was measured without a flood and with each of them, by repetition.
#[derive(Debug)]
pub(crate) struct Floods {
    pub(crate) alone: Vec<Latency>,
    pub(crate) beside: Vec<(Flood, Vec<Beside>)>,
    /// How many datagrams a second the flooder was told to send.
    pub(crate) rate: u32,
}

/// Calls beside a flood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    pub(crate) latency: Latency,
    /// How many datagrams a second were sent meanwhile.
    pub(crate) sent: f64,
    /// Bytes of memory that the server occupied more than before.
    pub(crate) grown: f64,
}

impl Floods {
    /// One figure beside a flood, and its ratio to that without within each repetition.
    pub(crate) fn compare(
        &self,
        beside: &[Beside],
        figure: impl Fn(&Latency) -> f64,
    ) -> (Spread, Spread) {
        let ratios = beside.iter().zip(&self.alone).map(|(b, a)| figure(&b.latency) / figure(a));
        (Spread::of(beside.iter().map(|b| figure(&b.latency))), Spread::of(ratios))
    }
}

/// Measures everything.
pub(crate) fn run(bench: &Bench, rate: u32) -> Result<Floods> {
    let settings = &bench.settings;
    let mut floods = Floods {
        alone: Vec::new(),
        beside: Flood::ALL.map(|flood| (flood, Vec::new())).into(),
        rate,
    };
    for repetition in 0..settings.repetitions() {
        eprintln!("flood: repetition {} of {}", repetition + 1, settings.repetitions());
        let mut server = bench.serve(&FarcallSystem::DEFAULT)?;
        let mut client = FarcallSystem::DEFAULT.client(server.address())?;
        latency(&mut client, settings.warm_up())?;
        floods.alone.push(latency(&mut client, settings.time() * 2)?);
        for (flood, measured) in &mut floods.beside {
            let before: Option<Usage> = server.usage()?;
            let mut flooder = Helper::flooder(server.address(), *flood, rate)?;
            // It is at work when the measurement begins.
            latency(&mut client, settings.warm_up())?;
            let (sent_before, begun) = (count(&mut flooder)?, Instant::now());
            let latency = latency(&mut client, settings.time() * 2)?;
            let sent = (count(&mut flooder)? - sent_before) as f64 / begun.elapsed().as_secs_f64();
            drop(flooder);
            let after: Option<Usage> = server.usage()?;
            let grown = match (before, after) {
                (Some(before), Some(after)) => after.resident as f64 - before.resident as f64,
                _ => f64::NAN,
            };
            measured.push(Beside { latency, sent, grown });
        }
    }
    Ok(floods)
}

/// How many datagrams a flooder has sent.
fn count(flooder: &mut Process) -> Result<u64> {
    Ok(flooder.ask("count")?.parse()?)
}

/// Floods `target` for ever, with so many datagrams a second, and counts them.
pub(crate) fn flood(
    target: SocketAddr,
    flood: Flood,
    rate: u32,
    sent: &AtomicU64,
) -> io::Result<()> {
    let sockets: Vec<UdpSocket> = (0..SOCKETS)
        .map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<io::Result<_>>()?;
    let mut random = fastrand::Rng::new();
    let mut datagram = Vec::new();
    let begun = Instant::now();
    let mut count = 0_u64;
    for socket in sockets.iter().cycle() {
        for _ in 0..BURST {
            flood.write(&mut random, &mut datagram);
            // What the system does not take is not sent.
            let _ = socket.send_to(&datagram, target);
        }
        count += u64::from(BURST);
        sent.store(count, Ordering::Relaxed);
        let due = Duration::from_secs_f64(count as f64 / f64::from(rate.max(1)));
        if let Some(early) = due.checked_sub(begun.elapsed()).filter(|_| rate > 0) {
            std::thread::sleep(early);
        }
    }
    Ok(())
}
