//! The loop of the relay.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use fastrand::Rng;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use super::{Counts, Shared};
use crate::arguments::Fault;
use crate::weather::{Damage, Weather};

/// How often the loop looks at its orders.
const INTERVAL: Duration = Duration::from_millis(10);
/// The most datagrams that are late at once; more are lost.
const MOST_LATE: usize = 20_000;
/// How many old datagrams are kept, each in place of a random one.
const MOST_OLD: usize = 2048;
/// Larger datagrams are kept less often, or they would be all that is kept.
const LARGE: usize = 2048;
/// How long the server sees a client at one address, on average.
const REBINDING: Duration = Duration::from_secs(4);

/// The side of a client.
struct Front {
    socket: UdpSocket,
    /// Who sent last.
    client: Option<SocketAddr>,
    back: usize,
}

/// Where a datagram goes.
#[derive(Clone, Copy)]
enum Way {
    /// To the server, from this back.
    Up(usize),
    /// To the clients of this back.
    Down(usize),
}

pub(super) struct Relay {
    shared: Arc<Shared>,
    poll: Poll,
    fronts: Vec<Front>,
    /// Their tokens follow those of the fronts.
    backs: Vec<UdpSocket>,
    server: Option<SocketAddr>,
    weather: Weather,
    is_healed: bool,
    without: Vec<Fault>,
    changes_at: Instant,
    rebinds_at: Instant,
    late: BTreeMap<(Instant, u64), (Way, Vec<u8>)>,
    late_count: u64,
    old: Vec<(Way, Vec<u8>)>,
    random: Rng,
}

impl Relay {
    /// `backs` says for each front which back it has.
    pub(super) fn new(
        fronts: Vec<StdSocket>,
        backs: &[usize],
        shared: Arc<Shared>,
        (seed, without): (u64, &[Fault]),
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut random = Rng::with_seed(seed);
        let (weather, lasts) = Weather::draw(&mut random);
        let now = Instant::now();
        let mut relay = Self {
            shared,
            poll,
            fronts: Vec::new(),
            backs: Vec::new(),
            server: None,
            weather: weather.without(without),
            is_healed: false,
            without: without.to_vec(),
            changes_at: now + lasts,
            rebinds_at: now + REBINDING,
            late: BTreeMap::new(),
            late_count: 0,
            old: Vec::new(),
            random,
        };
        for (index, (socket, &back)) in fronts.into_iter().zip(backs).enumerate() {
            socket.set_nonblocking(true)?;
            let mut socket = UdpSocket::from_std(socket);
            relay.poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
            relay.fronts.push(Front { socket, client: None, back });
        }
        for back in 0..backs.iter().max().map_or(0, |most| most + 1) {
            let socket = relay.open_back(back)?;
            relay.backs.push(socket);
        }
        Ok(relay)
    }

    fn open_back(&self, back: usize) -> io::Result<UdpSocket> {
        let mut socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let token = Token(self.fronts.len() + back);
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        Ok(socket)
    }

    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(64);
        let mut buffer = vec![0; 1 << 16];
        while !self.shared.is_stopping.load(Ordering::Relaxed) {
            let now = Instant::now();
            let due = self.late.first_key_value().map(|((due, _), _)| *due);
            let timeout =
                due.map_or(INTERVAL, |due| due.saturating_duration_since(now)).min(INTERVAL);
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            self.follow_orders();
            self.change_weather()?;
            for event in &events {
                self.receive(event.token().0, &mut buffer);
            }
            self.send_late();
        }
        Ok(())
    }

    fn follow_orders(&mut self) {
        let replay = {
            let mut orders = self.shared.orders.lock().unwrap_or_else(PoisonError::into_inner);
            self.server = orders.server;
            if orders.is_healed {
                self.is_healed = true;
                self.weather = Weather::CALM;
            }
            core::mem::take(&mut orders.replay)
        };
        for _ in 0..replay {
            self.replay_one();
        }
    }

    fn change_weather(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if !self.is_healed && now >= self.changes_at {
            let (weather, lasts) = Weather::draw(&mut self.random);
            self.weather = weather.without(&self.without);
            self.changes_at = now + lasts;
        }
        self.shared.is_blackout.store(self.weather.is_blackout, Ordering::Relaxed);
        let may_rebind = !self.is_healed && !self.without.contains(&Fault::Rebinding);
        if may_rebind && now >= self.rebinds_at {
            // What the server sends to the old address is lost, as behind an address translator.
            let back = self.random.usize(..self.backs.len());
            self.backs[back] = self.open_back(back)?;
            self.rebinds_at = now + REBINDING.mul_f64(self.random.f64() * 2.0);
            Counts::add(&self.shared.counts.rebound);
        }
        Ok(())
    }

    /// Reads a socket until it is empty.
    fn receive(&mut self, token: usize, buffer: &mut [u8]) {
        loop {
            let back = token.checked_sub(self.fronts.len());
            let result = match back {
                None => self.fronts[token].socket.recv_from(buffer),
                Some(back) => self.backs[back].recv_from(buffer),
            };
            match result {
                Ok((length, from)) => {
                    Counts::add(&self.shared.counts.received);
                    let way = match back {
                        None => {
                            self.fronts[token].client = Some(from);
                            Way::Up(self.fronts[token].back)
                        }
                        Some(back) => Way::Down(back),
                    };
                    self.pass_on(way, &buffer[..length]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // A process that is dead refuses datagrams, and the system says so here. There may be
                // more to read behind it.
                Err(_) => Counts::add(&self.shared.counts.failed),
            }
        }
    }

    fn pass_on(&mut self, way: Way, datagram: &[u8]) {
        let Weather { loss, duplication, replay, is_blackout, .. } = self.weather;
        self.keep(way, datagram);
        if self.random.f64() < replay {
            self.replay_one();
        }
        if is_blackout {
            return Counts::add(&self.shared.counts.blacked_out);
        }
        if self.random.f64() < loss {
            return Counts::add(&self.shared.counts.lost);
        }
        self.pass_copy(way, datagram);
        while self.random.f64() < duplication {
            Counts::add(&self.shared.counts.duplicated);
            self.pass_copy(way, datagram);
        }
    }

    /// Every copy has its own fate.
    fn pass_copy(&mut self, way: Way, datagram: &[u8]) {
        let Weather { corruption, truncation, delay, mean_delay, .. } = self.weather;
        let damaged;
        let mut datagram = datagram;
        for (damage, probability) in
            [(Damage::Corrupted, corruption), (Damage::Truncated, truncation)]
        {
            if self.random.f64() < probability {
                Counts::add(match damage {
                    Damage::Corrupted => &self.shared.counts.corrupted,
                    Damage::Truncated => &self.shared.counts.truncated,
                });
                damaged = damage.apply(datagram, &mut self.random);
                datagram = &damaged;
                break;
            }
        }
        if self.random.f64() < delay {
            Counts::add(&self.shared.counts.delayed);
            // Exponential, as the time until somebody in a queue is served.
            let wait = mean_delay.mul_f64(-(1.0 - self.random.f64()).ln());
            if self.late.len() < MOST_LATE {
                self.late_count += 1;
                let due = Instant::now() + wait;
                self.late.insert((due, self.late_count), (way, datagram.to_vec()));
            }
            return;
        }
        self.send(way, datagram);
    }

    fn send_late(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.late.first_entry() {
            if first.key().0 > now {
                return;
            }
            let (way, datagram) = first.remove();
            self.send(way, &datagram);
        }
    }

    fn send(&self, way: Way, datagram: &[u8]) {
        let send = |socket: &UdpSocket, to: Option<SocketAddr>| {
            let Some(to) = to else { return };
            if socket.send_to(datagram, to).is_err() {
                Counts::add(&self.shared.counts.failed);
            }
        };
        match way {
            Way::Up(back) => send(&self.backs[back], self.server),
            Way::Down(back) => {
                let clients = self.fronts.iter().filter(|front| front.back == back);
                clients.for_each(|front| send(&front.socket, front.client));
            }
        }
    }

    /// Keeps a datagram to be sent again some day.
    fn keep(&mut self, way: Way, datagram: &[u8]) {
        if self.random.u8(..8) > 0 || (datagram.len() > LARGE && self.random.u8(..16) > 0) {
            return;
        }
        let kept = (way, datagram.to_vec());
        if self.old.len() < MOST_OLD {
            self.old.push(kept);
        } else {
            let place = self.random.usize(..MOST_OLD);
            self.old[place] = kept;
        }
    }

    fn replay_one(&mut self) {
        if !self.old.is_empty() {
            let index = self.random.usize(..self.old.len());
            let (way, datagram) = &self.old[index];
            self.send(*way, datagram);
            Counts::add(&self.shared.counts.replayed);
        }
    }
}
