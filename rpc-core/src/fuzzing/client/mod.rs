//! A client that is fed by servers which say anything. What it tells its callers has to follow from what
//! it has sent and heard.

mod servers;
mod watch;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;

use self::servers::Servers;
use self::watch::{Call, Watch};
use super::host::{INTERFACE, METHODS, SIGNATURE, duration};
use super::input::Input;
use super::mutation::{bent, given};
use crate::config::{ClientConfig, MessageLimits};
use crate::endpoint::client::NewCall;
use crate::endpoint::{ClientEndpoint, Machine};
use crate::sim::Random;
use crate::time::Timestamp;
use crate::wire::frame;

/// How many datagrams are remembered for being sent again, and for being answered.
const REMEMBERED: usize = 64;

struct Run<'a> {
    input: Input<'a>,
    now: Timestamp,
    client: ClientEndpoint,
    config: ClientConfig,
    watch: Watch,
    servers: Servers,
    /// What the client sent and nobody has answered.
    asked: VecDeque<Bytes>,
    delivered: Vec<Vec<u8>>,
    /// To whom it last sent anything.
    peer: SocketAddr,
    received: u64,
}

/// Each step is a command of the host, a datagram, or time.
///
/// # Panics
/// If something does not hold.
pub fn client(bytes: &[u8]) {
    let config = ClientConfig {
        maximum_open_calls: 16,
        maximum_assembly_bytes: 512 << 10,
        ..ClientConfig::default()
    };
    let servers = (0..2).map(server).collect();
    let now = Timestamp::from_nanos(1);
    let entropy = Box::new(Random::new(1));
    let mut run = Run {
        input: Input::new(bytes),
        now,
        client: ClientEndpoint::new(config.clone(), servers, entropy, now),
        config,
        watch: Watch::default(),
        servers: Servers::default(),
        asked: VecDeque::new(),
        delivered: Vec::new(),
        peer: server(0),
        received: 0,
    };
    while !run.input.is_empty() {
        run.step();
        run.settle();
    }
    // Nobody answers any more: every call ends.
    run.pass(Duration::from_secs(120));
    assert_eq!(run.client.open_calls(), 0, "L2: a call that does not end");
    assert!(run.watch.calls.iter().all(|call| call.is_released || call.ended.is_some()), "S5");
}

fn server(index: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 9 + (index % 3) as u8], 1000))
}

impl Run<'_> {
    fn step(&mut self) {
        match self.input.u8() % 64 {
            0..=9 => self.submit(),
            10..=30 => {
                if let Some(asked) = self.asked.pop_front() {
                    let datagram = self.servers.answer(&mut self.input, &asked);
                    self.deliver(datagram);
                }
            }
            31..=36 => {
                let datagram = given(&mut self.input, self.servers.session);
                self.deliver(datagram);
            }
            37..=40 => {
                let again = usize::from(self.input.u8()) % self.delivered.len().max(1);
                if let Some(datagram) = self.delivered.get(again).cloned() {
                    self.deliver(datagram);
                }
            }
            41..=44 => {
                let again = usize::from(self.input.u8()) % self.delivered.len().max(1);
                if let Some(datagram) = self.delivered.get(again) {
                    let datagram = bent(&mut self.input, datagram);
                    self.deliver(datagram);
                }
            }
            45..=52 => {
                let duration = duration(&mut self.input);
                self.pass(duration);
            }
            53..=56 => {
                self.asked.pop_front();
            }
            _ => self.command(),
        }
    }

    fn submit(&mut self) {
        let method = self.input.pick(&METHODS);
        let index = self.watch.calls.len() as u32;
        let length = 8 + self.input.pick(&[0, 0, 0, 0, 100, 1200, 5000, 60_000]);
        let mut body = vec![0; length];
        body[..4].copy_from_slice(&index.to_be_bytes());
        let body = crate::marshal::Body::from(body);
        let seconds = self.input.pick(&[Some(10), Some(1), Some(30), None, Some(0)]);
        let call = NewCall {
            interface: INTERFACE,
            method,
            signature: SIGNATURE,
            is_idempotent: method == 2,
            is_oneway: method == 3,
            limits: MessageLimits::default(),
            deadline: seconds.map(Duration::from_secs),
            body: body.clone(),
            fault: None,
        };
        let key = self.client.submit(self.now, call);
        self.watch.calls.push(Call {
            key,
            is_oneway: method == 3,
            identity: frame::identity(INTERFACE, method, SIGNATURE, &body),
            length,
            names: BTreeMap::new(),
            is_released: false,
            ended: None,
        });
    }

    fn command(&mut self) {
        let count = self.watch.calls.len().max(1);
        let which = usize::from(self.input.u8()) % count;
        let what = self.input.u8();
        let Some(call) = self.watch.calls.get_mut(which) else { return };
        if call.is_released {
            return;
        }
        match what {
            0..=0x5F => self.client.cancel(call.key),
            0x60..=0x8F => {
                self.client.release(call.key);
                call.is_released = true;
            }
            0x90..=0xBF => {
                self.client.detach(call.key);
                call.is_released = true;
            }
            0xC0..=0xCF => self.client.set_servers(self.now, vec![server(1), server(0)]),
            0xD0..=0xDF => self.client.handle_send_refused(self.now, server(0), 1400),
            0xE0..=0xFC => {
                self.client.hold(self.now, call.key);
            }
            _ => self.client.close(),
        }
    }

    /// From its server as a rule, and from another one now and then.
    fn deliver(&mut self, datagram: Vec<u8>) {
        let from = match self.input.u8() {
            0xF0.. => server(self.input.below(3)),
            _ => self.peer,
        };
        if self.delivered.len() < REMEMBERED {
            self.delivered.push(datagram.clone());
        }
        self.watch.on_receive(&datagram);
        self.received += 1;
        self.client.handle_datagram(self.now, from, None, &Bytes::from(datagram));
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        for _ in 0..2000 {
            let Some(due) = self.client.poll_timeout().filter(|&due| due <= end) else { break };
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
        self.client.handle_timeout(end);
        self.settle();
    }

    /// Takes what is to be sent, and what has ended, and checks what always holds.
    fn settle(&mut self) {
        let mut count = 0;
        loop {
            let mut out = Vec::new();
            let Some(transmit) = self.client.poll_transmit(self.now, &mut out) else { break };
            count += 1;
            assert!(count < 2000, "it does not stop sending");
            assert_eq!(out.len(), transmit.length);
            self.peer = transmit.to;
            self.watch.on_sent(&out);
            if self.asked.len() < REMEMBERED {
                self.asked.push_back(Bytes::from(out));
            }
        }
        while let Some(key) = self.client.poll_finished() {
            let completion = self.client.completion(key).expect("it has ended").clone();
            self.watch.on_finished(key, completion);
        }
        let faults = self.client.audit(self.now);
        assert!(faults.is_empty(), "S16: it is not what it counts: {faults:?}");
        let told = self.client.statistics();
        let received = &told.received;
        assert_eq!(received.datagrams, self.received, "S29");
        assert_eq!(received.datagrams, received.accepted + received.dropped_total(), "S29");
        let open = self.client.open_calls();
        assert!(open <= self.config.maximum_open_calls, "S16: open calls");
        let footprint = self.client.footprint();
        assert!(
            footprint <= 8 * open + 4 * self.watch.calls.len() + 400,
            "S16: {footprint} entries"
        );
        let unasked = crate::transfer::FIRST_LIMIT * 3 / 2;
        let bound = self.config.maximum_assembly_bytes + (open + 1) * unasked;
        assert!(told.assembly_bytes <= bound, "S16: {} bytes of results", told.assembly_bytes);
    }
}
