//! Attackers who have no session: they make datagrams up, or send again what they saw, from any address.
//!
//! Off the path an attacker can only guess ids and nonces. On the path it sees what is
//! [recorded](super::Settings::recorded) and sends it again, unchanged, from elsewhere, to elsewhere, or in
//! another session. (Changing it on the way is [`Link::forgery`](super::Link::forgery).)

use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;

use super::random::Random;
use super::state::{HostId, State};
use super::world::World;
use crate::config::{BASE_DATAGRAM_SIZE, LARGEST_DATAGRAM_SIZE};
use crate::wire::frame::Subject;
use crate::wire::handshake::COOKIE_LENGTH;
use crate::wire::samples::{self, About};
use crate::wire::{HEADER_LENGTH, Header, Kind, integrity};

/// A stream of hostile datagrams to one address.
#[derive(Clone, Debug)]
pub struct Attack {
    /// Each datagram is of one of these kinds, drawn at random.
    pub weapons: Vec<Weapon>,
    /// Where they go.
    pub target: SocketAddr,
    /// Where they seem to come from.
    pub source: Source,
    /// The time between two of them.
    pub interval: Duration,
    /// How many there are.
    pub count: u64,
}

/// A kind of hostile datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weapon {
    /// A HELLO that asks for a cookie.
    Hello,
    /// An OPEN with a made-up cookie.
    Open,
    /// Any kind of datagram and frame, of either role, well formed, with guessed ids.
    Guess,
    /// Bytes that mean nothing, behind a right beginning or none.
    Garbage,
    /// A datagram without a byte.
    Empty,
    /// The largest datagram that there is.
    Oversize,
    /// Something that was recorded: as it was, from another address, back to its sender, or in a guessed
    /// session. The target counts for those alone that go elsewhere.
    Replay,
}

impl Weapon {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Hello,
        Self::Open,
        Self::Guess,
        Self::Garbage,
        Self::Empty,
        Self::Oversize,
        Self::Replay,
    ];
}

/// Whose address an attacker gives as its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody's: another address each time, one of sixteen million.
    Nobody,
    /// This one: a victim, or the server itself.
    Of(SocketAddr),
}

impl Source {
    fn draw(self, random: &mut Random) -> SocketAddr {
        match self {
            Self::Of(address) => address,
            Self::Nobody => {
                let [.., a, b, c] = random.next_u64().to_be_bytes();
                let port = 1 + random.below(65_535) as u16;
                SocketAddr::from((Ipv4Addr::new(198, a, b, c), port))
            }
        }
    }
}

impl World {
    /// Begins an attack from the host of this name. It goes on by itself while the world is driven.
    pub fn attack(&self, host: &str, attack: Attack, random: Random) {
        assert!(!attack.weapons.is_empty(), "an attack needs a weapon");
        self.note(format!("an attack begins: {attack:?}"));
        let id = self.with_state(|state| state.host(host));
        strike(self, id, attack, random);
    }

    /// Sends one datagram from `host` to `to` that says it comes from `from`.
    pub fn spoof(&self, host: &str, from: SocketAddr, to: SocketAddr, datagram: impl Into<Bytes>) {
        let datagram = datagram.into();
        self.with_state(|state| {
            let host = state.host(host);
            state.send(host, from, to, datagram);
        });
    }

    /// One datagram of every kind and with every frame, of both roles, about this session.
    pub fn every_datagram(session: u64) -> Vec<Vec<u8>> {
        samples::all(&About::session(session))
    }

    /// The addresses in use on the host of this name.
    pub fn addresses_of(&self, host: &str) -> Vec<SocketAddr> {
        self.with_state(|state| {
            let host = state.host(host);
            state.nodes_of(host).iter().map(|node| state.nodes[node].address).collect()
        })
    }

    /// How many entries all tables and queues of the servers on this host have together.
    pub fn footprint(&self, host: &str) -> usize {
        self.with_state(|state| {
            let host = state.host(host);
            let nodes = state.nodes_of(host);
            nodes.iter().map(|node| state.nodes[node].footprint()).sum()
        })
    }
}

/// Sends the next datagram and plans the one after it.
fn strike(world: &World, host: HostId, mut attack: Attack, mut random: Random) {
    if attack.count == 0 {
        return;
    }
    attack.count -= 1;
    world.with_state(|state| {
        let (from, to, datagram) = draw(state, &attack, &mut random);
        state.send(host, from, to, datagram);
    });
    world.after(attack.interval, move |world| strike(world, host, attack, random));
}

fn draw(state: &State, attack: &Attack, random: &mut Random) -> (SocketAddr, SocketAddr, Bytes) {
    let from = attack.source.draw(random);
    let datagram = match random.pick(&attack.weapons) {
        Weapon::Hello => of_kind(guess(random), 1),
        Weapon::Open => of_kind(guess(random), 3),
        Weapon::Guess => {
            let about = guess(random);
            let some = [samples::client_frames, samples::server_frames, samples::messages];
            let some = random.pick(&some)(&about);
            random.pick(&some).clone()
        }
        Weapon::Garbage => garbage(random),
        Weapon::Empty => Vec::new(),
        Weapon::Oversize => {
            let mut datagram = of_kind(guess(random), *random.pick(&[0, 1, 3]));
            datagram.resize(LARGEST_DATAGRAM_SIZE - integrity::LENGTH, *random.pick(&[0, 0xff]));
            integrity::seal(&mut datagram, 0);
            datagram
        }
        Weapon::Replay => return replay(state, attack, from, random),
    };
    (from, attack.target, datagram.into())
}

/// The first datagram that a client sends of this kind.
fn of_kind(about: About, kind: u8) -> Vec<u8> {
    if kind == Kind::Frames as u8 {
        return samples::client_frames(&about).swap_remove(0);
    }
    let mut all = samples::messages(&about);
    let at = all.iter().position(|datagram| datagram[3] == kind);
    all.swap_remove(at.expect("every kind is among them"))
}

/// Values as an attacker makes them up who has seen nothing.
fn guess(random: &mut Random) -> About {
    let mut number = || match random.below(4) {
        0 => random.below(300),
        1 => u64::MAX - random.below(3),
        _ => random.next_u64(),
    };
    let (session, sequence) = (number(), number().max(1));
    let nonce = u128::from(number()) << 64 | u128::from(number());
    let mut cookie = [0; COOKIE_LENGTH];
    cookie.iter_mut().for_each(|byte| *byte = number() as u8);
    let (lane, attempt) = (number() as u16 % 200, number() as u16);
    let method = (number() as u32, number() as u32, number() as u32);
    About { session, subject: Subject { lane, sequence, attempt }, method, nonce, cookie }
}

fn garbage(random: &mut Random) -> Vec<u8> {
    let length = random.below(2 * BASE_DATAGRAM_SIZE as u64) as usize;
    let mut bytes: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
    let start = of_kind(guess(random), 1);
    // The beginning of a datagram, as far as it says what it is; sealed, now and then.
    let right = (random.below(5) as usize).min(length);
    bytes[..right].copy_from_slice(&start[..right]);
    if random.chance(0.3) {
        integrity::seal(&mut bytes, 0);
    }
    bytes
}

fn replay(
    state: &State,
    attack: &Attack,
    elsewhere: SocketAddr,
    random: &mut Random,
) -> (SocketAddr, SocketAddr, Bytes) {
    let Some((from, to, data)) = state.pick_recorded(random) else {
        return (elsewhere, attack.target, Bytes::new());
    };
    match random.below(5) {
        0 => (elsewhere, to, data),
        1 => (to, from, data),
        2 => (elsewhere, attack.target, data),
        3 => (from, to, in_another_session(data, random)),
        _ => (from, to, data),
    }
}

/// The same, about a session that the attacker guessed.
fn in_another_session(data: Bytes, random: &mut Random) -> Bytes {
    if Header::parse(&data).is_err() {
        return data;
    }
    let mut bytes = data[..data.len() - integrity::LENGTH].to_vec();
    bytes[4..HEADER_LENGTH].copy_from_slice(&random.next_u64().to_be_bytes());
    integrity::seal(&mut bytes, 0);
    bytes.into()
}
