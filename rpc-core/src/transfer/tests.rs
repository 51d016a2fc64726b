//! A sender and a receiver over a small network of their own, in virtual time.

use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Acknowledgement, Added, Assembly, FIRST_LIMIT, Key, Message, Outgoing, Received, Sender,
};
use crate::time::Timestamp;

const OVERHEAD: usize = 64;
const KEY: Key = (3, 9);

/// What lies between the two.
#[derive(Clone)]
struct Network {
    /// The share of datagrams that is lost, in each direction.
    loss: f64,
    delay: Duration,
    /// Up to this much more.
    jitter: Duration,
    /// Bytes a second.
    rate: f64,
    /// Bytes that may wait for the bottleneck.
    queue: usize,
    /// The largest datagram that arrives.
    largest: usize,
    /// Whether the system says that a datagram is too large.
    tells: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            loss: 0.0,
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            rate: 1e9,
            queue: usize::MAX,
            largest: 65_535,
            tells: true,
        }
    }
}

enum Packet {
    Part { number: u64, key: Key, offset: usize, size: usize },
    Probe { number: u64 },
    Answer { newest: u64, held: Duration, before: Vec<u8>, limit: usize },
}

/// One run.
struct Run {
    now: Timestamp,
    network: Network,
    random: fastrand::Rng,
    sender: Sender,
    received: Received,
    assembly: Assembly,
    message: Bytes,
    window: usize,
    in_transit: BTreeMap<(Timestamp, u64), Packet>,
    counter: u64,
    /// When the bottleneck has sent all that waits.
    bottleneck_free_at: Timestamp,
    bytes_sent: usize,
    datagrams_sent: usize,
    most_in_flight: usize,
    /// What changes in the network, and when.
    change: Option<(Timestamp, Network)>,
}

impl Run {
    fn new(seed: u64, length: usize, network: Network) -> Self {
        let now = Timestamp::from_nanos(1);
        let mut random = fastrand::Rng::with_seed(seed);
        let message: Bytes = (0..length).map(|_| random.u8(..)).collect();
        let window = 1 << 20;
        let mut sender = Sender::new(now, Duration::from_millis(5), 65_507, window);
        sender.add(now, KEY, Message::new(message.clone(), FIRST_LIMIT));
        Self {
            now,
            network,
            random,
            sender,
            received: Received::default(),
            assembly: Assembly::new(length),
            message,
            window,
            in_transit: BTreeMap::new(),
            counter: 0,
            bottleneck_free_at: now,
            bytes_sent: 0,
            datagrams_sent: 0,
            most_in_flight: 0,
            change: None,
        }
    }

    /// Runs until the sender knows that everything has arrived. How long it took.
    fn finish(&mut self) -> Duration {
        let begun_at = self.now;
        for _ in 0..3_000_000 {
            if self.sender.is_idle() {
                return self.now.since(begun_at);
            }
            self.step();
        }
        panic!("it does not end: {:?} at {:?}", self.sender, self.now);
    }

    fn step(&mut self) {
        self.sender.on_timeout(self.now);
        while let Some(outgoing) = self.sender.poll(self.now, OVERHEAD) {
            self.send(outgoing);
        }
        let timer = self.sender.timeout();
        let arrival = self.in_transit.keys().next().map_or(Timestamp::NEVER, |&(at, _)| at);
        self.now = self.now.max(timer.min(arrival));
        assert_ne!(self.now, Timestamp::NEVER, "nothing will ever happen: {:?}", self.sender);
        if let Some((_, network)) = self.change.take_if(|(at, _)| *at <= self.now) {
            self.network = network;
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

    fn send(&mut self, outgoing: Outgoing) {
        let (packet, size) = match outgoing {
            Outgoing::Part { number, key, part } => {
                let packet = Packet::Part { number, key, offset: part.start, size: part.len() };
                (packet, OVERHEAD + part.len())
            }
            Outgoing::Probe { number, size } => {
                (Packet::Probe { number }, size.unwrap_or(OVERHEAD))
            }
        };
        self.most_in_flight = self.most_in_flight.max(self.sender.in_flight());
        if size > self.network.largest {
            if self.network.tells {
                self.sender.on_refused(self.now, size);
            }
            return;
        }
        self.bytes_sent += size;
        self.datagrams_sent += 1;
        let waiting = self.bottleneck_free_at.since(self.now).as_secs_f64() * self.network.rate;
        if waiting as usize > self.network.queue || self.random.f64() < self.network.loss {
            return;
        }
        let service = Duration::from_secs_f64(size as f64 / self.network.rate);
        self.bottleneck_free_at = self.bottleneck_free_at.max(self.now) + service;
        self.carry(self.bottleneck_free_at, packet);
    }

    fn carry(&mut self, from: Timestamp, packet: Packet) {
        let jitter = self.network.jitter.mul_f64(self.random.f64());
        self.counter += 1;
        self.in_transit.insert((from + self.network.delay + jitter, self.counter), packet);
    }

    /// True if it is to be answered.
    fn arrive(&mut self, packet: Packet) -> bool {
        match packet {
            Packet::Part { number, key, offset, size } => {
                assert_eq!(key, KEY);
                let limit = self.limit();
                let added = self.assembly.add(offset, &self.message[offset..offset + size], limit);
                assert!(
                    matches!(added, Added::New(_) | Added::Known),
                    "{added:?} at {offset}, {size}, {limit}, {:?}",
                    self.sender
                );
                self.received.note(self.now, number);
                true
            }
            Packet::Probe { number } => {
                self.received.note(self.now, number);
                true
            }
            Packet::Answer { newest, held, before, limit } => {
                let acknowledgement = Acknowledgement { newest, held, before: &before };
                self.sender.raise_limit(KEY, limit);
                self.sender.on_acknowledgement(self.now, &acknowledgement);
                false
            }
        }
    }

    fn answer(&mut self) {
        let mut bits = [0; 128];
        let Acknowledgement { newest, held, before } =
            self.received.acknowledge(self.now, &mut bits);
        let before = before.to_vec();
        if self.random.f64() >= self.network.loss {
            let limit = self.limit();
            self.carry(self.now, Packet::Answer { newest, held, before, limit });
        }
    }

    /// How far the receiver lets the sender go.
    fn limit(&self) -> usize {
        (self.assembly.prefix() + self.window).max(FIRST_LIMIT)
    }

    fn assert_arrived(&self) {
        assert!(self.assembly.is_complete());
        let mut assembly = Assembly::new(self.message.len());
        assembly.add(0, &self.message, usize::MAX);
        assert_eq!(assembly.into_message(), self.message);
    }
}

#[test]
fn everything_arrives_whatever_is_lost() {
    for (loss, seeds) in [(0.0, 3), (0.01, 10), (0.1, 20), (0.3, 20), (0.6, 5)] {
        for seed in 0..seeds {
            for length in [0, 1, 1_136, 1_137, 200_000] {
                let jitter = Duration::from_micros(500 * (seed % 3));
                let network = Network { loss, jitter, ..Network::default() };
                let mut run = Run::new(seed, length, network);
                run.finish();
                run.assert_arrived();
            }
        }
    }
}

#[test]
fn little_more_is_sent_than_what_is_lost() {
    for (largest, tells) in [(65_535, true), (1_500, true), (1_500, false), (1_200, false)] {
        let (mut sent, mut total) = (0, 0);
        for seed in 0..5 {
            let network = Network { loss: 0.05, largest, tells, ..Network::default() };
            let mut run = Run::new(seed, 2 << 20, network);
            run.finish();
            run.assert_arrived();
            (sent, total) = (sent + run.bytes_sent, total + run.message.len());
        }
        let ratio = sent as f64 / total as f64;
        assert!(ratio < 1.15, "{ratio} at {largest}");
    }
}

#[test]
fn datagrams_that_overtake_each_other_are_not_taken_for_lost_for_long() {
    for (delay, jitter) in [(100, 5_000), (2_000, 3_000), (20_000, 10_000)] {
        let [delay, jitter] = [delay, jitter].map(Duration::from_micros);
        let network = Network { delay, jitter, largest: 1_500, ..Network::default() };
        let mut run = Run::new(1, 8 << 20, network);
        let took = run.finish();
        run.assert_arrived();
        // Without patience every datagram that is late halves the window, and this takes a minute.
        assert!(took < Duration::from_secs(2), "{took:?} with {delay:?} and {jitter:?}");
        let ratio = run.bytes_sent as f64 / run.message.len() as f64;
        assert!(ratio < 1.25, "{ratio} with {delay:?} and {jitter:?}");
    }
}

#[test]
fn a_bottleneck_is_used_and_not_overrun() {
    // 100 Mbit/s, 10 ms round trip, a queue of 32 datagrams.
    let network = Network {
        rate: 12.5e6,
        delay: Duration::from_millis(5),
        queue: 32 * 1_500,
        largest: 1_500,
        ..Network::default()
    };
    let mut run = Run::new(1, 16 << 20, network);
    let took = run.finish().as_secs_f64();
    run.assert_arrived();
    let used = run.message.len() as f64 / took / 12.5e6;
    assert!(used > 0.8, "{used} of the link, {took} s");
    let ratio = run.bytes_sent as f64 / run.message.len() as f64;
    assert!(ratio < 1.1, "{ratio}");
}

#[test]
fn a_path_that_shrinks_in_the_middle_is_survived() {
    for tells in [true, false] {
        let network = Network { rate: 1e7, ..Network::default() };
        let mut run = Run::new(1, 4 << 20, network.clone());
        let at = run.now + Duration::from_millis(200);
        run.change = Some((at, Network { largest: 1_400, tells, ..network }));
        let took = run.finish();
        run.assert_arrived();
        // Without a word of the system every size has to be lost three times before the next is tried.
        let found = if tells { 1_392 } else { 1_200 };
        assert_eq!(run.sender.datagram_size(), found, "{:?}", run.sender);
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}

#[test]
fn the_receivers_socket_is_never_overrun() {
    let mut run = Run::new(1, 32 << 20, Network::default());
    run.finish();
    assert!(run.most_in_flight <= 1 << 20, "{}", run.most_in_flight);
    assert!(run.most_in_flight > 900 << 10, "the window is used: {}", run.most_in_flight);
}

#[test]
fn a_receiver_that_takes_nothing_is_asked_until_it_does() {
    let mut run = Run::new(1, 1 << 20, Network::default());
    run.window = 0;
    let at = run.now + Duration::from_secs(20);
    while run.now < at {
        run.step();
    }
    assert_eq!(run.assembly.prefix(), FIRST_LIMIT);
    assert!(run.datagrams_sent < 100, "{}", run.datagrams_sent);
    run.window = 1 << 20;
    run.finish();
    run.assert_arrived();
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_changes_nothing() {
    let mut run = Run::new(1, 1 << 20, Network::default());
    run.step();
    let forged = Acknowledgement { newest: 1 << 40, held: Duration::ZERO, before: &[0xFF; 128] };
    assert!(run.sender.on_acknowledgement(run.now, &forged).is_empty());
    run.finish();
    run.assert_arrived();
}
