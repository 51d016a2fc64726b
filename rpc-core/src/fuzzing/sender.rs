//! A sender and a receiver over a network that does what the bytes say, and carries everything when there
//! are none left: then everything arrives. At no time is anything sent beyond the limits.

use core::time::Duration;
use std::collections::BTreeMap;

use super::input::Input;
use crate::time::Timestamp;
use crate::transfer::{
    Acknowledgement, Added, Assembly, FIRST_LIMIT, Key, Message, Outgoing, Received, Sender,
};

const OVERHEAD: usize = 64;
const LARGEST: usize = 65_507;

enum Packet {
    Part { number: u64, key: Key, offset: usize, size: usize },
    Probe { number: u64 },
    Answer { newest: u64, held: Duration, before: Vec<u8>, limits: Vec<(Key, usize)> },
}

/// What arrives of one message.
struct Incoming {
    assembly: Assembly,
    /// How much of it the sender has been told that it may send.
    told: usize,
    is_done: bool,
}

struct Run<'a> {
    input: Input<'a>,
    now: Timestamp,
    sender: Sender,
    received: Received,
    incoming: BTreeMap<Key, Incoming>,
    in_transit: BTreeMap<(Timestamp, u64), Packet>,
    counter: u64,
    last_number: u64,
    /// How large datagrams may be that arrive, and whether the system says so of others.
    path: (usize, bool),
    receive_window: usize,
    /// How far ahead of what has arrived the receiver lets the sender go.
    window: usize,
}

/// The first bytes say what is sent and what the path is like.
///
/// # Panics
/// If something does not hold.
pub fn sender(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let now = Timestamp::from_nanos(1);
    let receive_window = input.pick(&[16 << 10, 128 << 10, 1 << 20, 4800]);
    let window = input.pick(&[1 << 20, 4096, 60_000]);
    let path = (input.pick(&[LARGEST, 1500, 1200, 9000]), input.bool());
    let largest = input.pick(&[LARGEST, 1200, 1500]);
    let mut run = Run {
        now,
        sender: Sender::new(now, Duration::from_millis(5), largest, receive_window),
        received: Received::default(),
        incoming: BTreeMap::new(),
        in_transit: BTreeMap::new(),
        counter: 0,
        last_number: 0,
        path,
        receive_window,
        window,
        input,
    };
    run.add();
    let mut steps = 0;
    while !run.sender.is_idle() || !run.input.is_empty() {
        steps += 1;
        assert!(steps < 20_000, "it does not end: {:?} at {:?}", run.sender, run.now);
        run.step();
    }
    assert!(run.incoming.values().all(|it| it.is_done), "a message was forgotten");
}

fn byte(index: usize) -> u8 {
    (index * 13 + index / 200) as u8
}

impl Run<'_> {
    /// One more message to send.
    fn add(&mut self) {
        let key = (self.incoming.len() as u16, 1 + self.incoming.len() as u64);
        let length = usize::from(self.input.u16()) << (self.input.u8() % 4);
        let body: Vec<u8> = (0..length).map(byte).collect();
        self.sender.add(self.now, key, Message::new(body, FIRST_LIMIT));
        let assembly = Assembly::new(length);
        let incoming = Incoming { assembly, told: FIRST_LIMIT, is_done: false };
        self.incoming.insert(key, incoming);
    }

    fn step(&mut self) {
        if self.sender.is_idle() || self.input.u8() >= 0xF8 {
            self.disturb();
        }
        self.sender.on_timeout(self.now);
        self.transmit();
        let timer = self.sender.timeout();
        let arrival = self.in_transit.keys().next().map_or(Timestamp::NEVER, |&(at, _)| at);
        let next = timer.min(arrival);
        assert!(next != Timestamp::NEVER || self.sender.is_idle(), "nothing will ever happen");
        if next != Timestamp::NEVER {
            self.now = self.now.max(next);
        }
        let mut is_due = false;
        while let Some(entry) = self.in_transit.first_entry()
            && entry.key().0 <= self.now
        {
            let packet = entry.remove();
            is_due |= self.arrive(packet);
        }
        if is_due {
            self.answer();
        }
    }

    /// Something that is not the fate of one datagram.
    fn disturb(&mut self) {
        match self.input.below(6) {
            0 if self.incoming.len() < 4 => self.add(),
            1 => self.path = (self.input.pick(&[LARGEST, 1500, 1200]), self.input.bool()),
            2 => self.sender.on_new_path(self.now, LARGEST, self.receive_window),
            3 => self.now = self.now + Duration::from_millis(self.input.u16().into()),
            4 => {
                let newest = self.input.number();
                let bits = self.input.bytes(16);
                if newest > self.last_number {
                    let held = Duration::ZERO;
                    let forged = Acknowledgement { newest, held, before: bits };
                    let arrived = self.sender.on_acknowledgement(self.now, &forged);
                    assert!(arrived.is_empty(), "it speaks of what was never sent");
                }
            }
            _ => {
                let key = (self.input.u8().into(), self.input.u8().into());
                if !self.incoming.contains_key(&key) {
                    self.sender.raise_limit(key, self.input.number() as usize);
                    self.sender.remove(key);
                }
            }
        }
    }

    fn transmit(&mut self) {
        let mut given_out = 0;
        while let Some(outgoing) = self.sender.poll(self.now, OVERHEAD) {
            let (packet, number, size) = match outgoing {
                Outgoing::Part { number, key, part } => {
                    let incoming = &self.incoming[&key];
                    assert!(!part.is_empty() && part.end <= incoming.assembly.length());
                    assert!(part.end <= incoming.told, "{part:?} beyond {}", incoming.told);
                    let size = OVERHEAD + part.len();
                    assert!(size <= self.sender.datagram_size(), "larger than the path carries");
                    let (offset, length) = (part.start, part.len());
                    (Packet::Part { number, key, offset, size: length }, number, size)
                }
                Outgoing::Probe { number, size } => {
                    (Packet::Probe { number }, number, size.unwrap_or(OVERHEAD))
                }
            };
            assert!(number > self.last_number, "a number is never used again");
            self.last_number = number;
            given_out += size;
            assert!(given_out <= 512 << 10, "small calls wait behind this");
            // Two more may go out to break a silence.
            let bound = self.receive_window.max(1200) + 2 * LARGEST;
            assert!(self.sender.in_flight() <= bound, "{} under way", self.sender.in_flight());
            self.send(packet, size);
        }
    }

    fn send(&mut self, packet: Packet, size: usize) {
        let (largest, tells) = self.path;
        if size > largest {
            if tells {
                self.sender.on_refused(self.now, size);
            }
            return;
        }
        self.carry(packet);
    }

    /// What becomes of a datagram: it arrives after a millisecond, later, twice or never.
    fn carry(&mut self, packet: Packet) {
        let delay = |micros: u64| Duration::from_micros(1000 + micros);
        let at = match self.input.u8() {
            0..=0x9F => self.now + delay(0),
            0xA0..=0xCF => return,
            0xD0..=0xEF => self.now + delay(u64::from(self.input.u8()) * 40),
            0xF0..=0xFB => self.now + delay(u64::from(self.input.u8()) * 20_000),
            _ => {
                if let Packet::Part { number, key, offset, size } = packet {
                    self.put(self.now + delay(7), Packet::Part { number, key, offset, size });
                }
                self.now + delay(3)
            }
        };
        self.put(at, packet);
    }

    fn put(&mut self, at: Timestamp, packet: Packet) {
        self.counter += 1;
        self.in_transit.insert((at, self.counter), packet);
    }

    /// True if it is to be answered.
    fn arrive(&mut self, packet: Packet) -> bool {
        match packet {
            Packet::Part { number, key, offset, size } => {
                let incoming = self.incoming.get_mut(&key).expect("it was sent");
                let bytes: Vec<u8> = (offset..offset + size).map(byte).collect();
                let added = incoming.assembly.add(offset, &bytes, incoming.told);
                assert!(matches!(added, Added::New(_) | Added::Known), "{added:?}");
                self.received.note(self.now, number);
                true
            }
            Packet::Probe { number } => {
                self.received.note(self.now, number);
                true
            }
            Packet::Answer { newest, held, before, limits } => {
                for (key, limit) in limits {
                    self.sender.raise_limit(key, limit);
                }
                let acknowledgement = Acknowledgement { newest, held, before: &before };
                for key in self.sender.on_acknowledgement(self.now, &acknowledgement) {
                    let incoming = self.incoming.get_mut(&key).expect("it was sent");
                    assert!(incoming.assembly.is_complete(), "it counts as arrived and has not");
                    assert!(!core::mem::replace(&mut incoming.is_done, true), "once");
                }
                false
            }
        }
    }

    fn answer(&mut self) {
        let mut bits = [0; 128];
        let told = self.received.acknowledge(self.now, &mut bits);
        let (newest, held, before) = (told.newest, told.held, told.before.to_vec());
        let window = self.window;
        let limits = self.incoming.iter_mut().map(|(key, incoming)| {
            incoming.told = incoming.told.max(incoming.assembly.prefix() + window);
            (*key, incoming.told)
        });
        let limits = limits.collect();
        self.carry(Packet::Answer { newest, held, before, limits });
    }
}
