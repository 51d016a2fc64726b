//! What the protocol costs, without sockets: requests of every kind at a server, and whole calls.
//!
//! `cargo bench --bench window`. A client's and a server's endpoint exchange their datagrams in
//! memory, and time stands still, so that no timer is ever due.

use core::hint::black_box;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use farcall::{ClientConfig, ServerConfig};
use farcall_core::MessageLimits;
use farcall_core::endpoint::client::{CallKey, NewCall};
use farcall_core::endpoint::server::{Finished, MethodEntry, MethodTable};
use farcall_core::endpoint::{ClientEndpoint, Machine, ServerEndpoint};
use farcall_core::entropy::Entropy;
use farcall_core::time::{Clock, Timestamp};

const INTERFACE: u32 = 1;
const METHOD: u32 = 2;
const SIGNATURE: u32 = 3;

/// How many requests are handled between two looks at the clock, each on a lane of its own.
const BATCH: usize = 64;

/// Time stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO
    }
}

struct Seeded(fastrand::Rng);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

fn entropy(seed: u64) -> Box<dyn Entropy> {
    Box::new(Seeded(fastrand::Rng::with_seed(seed)))
}

/// A client and a server with a session.
struct Pair {
    client: ClientEndpoint,
    server: ServerEndpoint,
    client_address: SocketAddr,
    server_address: SocketAddr,
    out: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        let client_address = SocketAddr::from(([127, 0, 0, 1], 1000));
        let server_address = SocketAddr::from(([127, 0, 0, 1], 2000));
        let mut methods = MethodTable::default();
        methods.add_interface(INTERFACE);
        let entry = MethodEntry {
            service: 0,
            signature: SIGNATURE,
            signature_text: "(bytes) -> bytes",
            is_idempotent: false,
            is_oneway: false,
            limits: MessageLimits::default(),
        };
        methods.add_method(INTERFACE, METHOD, entry);
        let (config, now) = (ClientConfig::default(), Timestamp::ZERO);
        let client = ClientEndpoint::new(config, vec![server_address], entropy(1), now);
        let clock = Arc::new(Still);
        let server = ServerEndpoint::new(ServerConfig::default(), methods, clock, entropy(2), now);
        let mut pair = Self { client, server, client_address, server_address, out: Vec::new() };
        pair.client.connect(now);
        while pair.request().map(|datagram| pair.arrive(&datagram)).is_some() {
            pair.answer();
        }
        assert!(pair.client.has_session(), "the handshake failed");
        pair
    }

    fn submit(&mut self) -> CallKey {
        let call = NewCall {
            fault: None,
            interface: INTERFACE,
            method: METHOD,
            signature: SIGNATURE,
            is_idempotent: false,
            is_oneway: false,
            limits: MessageLimits::default(),
            deadline: None,
            body: Bytes::from_static(b"12345678").into(),
        };
        self.client.submit(Timestamp::ZERO, call)
    }

    /// The next datagram of the client.
    fn request(&mut self) -> Option<Bytes> {
        self.out.clear();
        self.client.poll_transmit(Timestamp::ZERO, &mut self.out)?;
        Some(Bytes::copy_from_slice(&self.out))
    }

    /// A datagram arrives at the server.
    fn arrive(&mut self, datagram: &Bytes) {
        self.server.handle_datagram(Timestamp::ZERO, self.client_address, None, datagram);
    }

    /// Runs every call that waits.
    fn run(&mut self) {
        while let Some(ready) = self.server.take_ready(Timestamp::ZERO) {
            ready.context.enter();
            let reply = ready.body.slice(..4);
            self.server.complete(ready.token, Finished::Reply(reply.into()));
        }
    }

    /// Everything that the server sends arrives at the client.
    fn answer(&mut self) {
        loop {
            self.out.clear();
            if self.server.poll_transmit(Timestamp::ZERO, &mut self.out).is_none() {
                return;
            }
            let datagram = Bytes::copy_from_slice(&self.out);
            self.client.handle_datagram(Timestamp::ZERO, self.server_address, None, &datagram);
        }
    }

    /// Ends a call.
    fn release(&mut self, key: CallKey) {
        let reply = self.client.completion(key).expect("it has ended").as_ref();
        assert_eq!(reply.expect("it has a result"), "1234");
        self.client.release(key);
        while self.client.poll_finished().is_some() {}
    }

    /// Submits a batch of calls, and gives the datagram of each.
    fn requests(&mut self) -> (Vec<CallKey>, Vec<Bytes>) {
        (0..BATCH)
            .map(|_| (self.submit(), self.request().expect("a call sends a datagram")))
            .unzip()
    }

    /// Ends a batch that has arrived.
    fn finish(&mut self, keys: Vec<CallKey>) {
        self.run();
        self.answer();
        for key in keys {
            self.release(key);
        }
    }

    /// How long it takes the server to take `datagrams`.
    fn time(&mut self, datagrams: &[Bytes]) -> Duration {
        let start = Instant::now();
        for datagram in datagrams {
            self.arrive(black_box(datagram));
        }
        start.elapsed()
    }
}

/// How long `iterations` of something take that is measured by the batch.
fn by_batch(iterations: u64, mut batch: impl FnMut() -> Duration) -> Duration {
    let batches = iterations.div_ceil(BATCH as u64);
    let total: Duration = (0..batches).map(|_| batch()).sum();
    total.mul_f64(iterations as f64 / (batches * BATCH as u64) as f64)
}

/// One datagram with one request in it, at the server.
fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("server");
    group.throughput(Throughput::Elements(1));
    group.bench_function("new request", |bencher| {
        let mut pair = Pair::new();
        bencher.iter_custom(|iterations| {
            by_batch(iterations, || {
                let (keys, datagrams) = pair.requests();
                let time = pair.time(&datagrams);
                pair.finish(keys);
                time
            })
        });
        let statistics = pair.server.statistics();
        assert_eq!(statistics.executions, pair.client.statistics().calls, "a call was lost");
    });
    group.bench_function("copy of a request that has its reply", |bencher| {
        let mut pair = Pair::new();
        let (keys, datagrams) = pair.requests();
        for datagram in &datagrams {
            pair.arrive(datagram);
        }
        pair.finish(keys);
        bencher.iter_custom(|iterations| {
            by_batch(iterations, || {
                let time = pair.time(&datagrams);
                pair.answer();
                time
            })
        });
        assert_eq!(pair.server.queued(), 0, "a copy would run");
    });
    group.bench_function("stale request", |bencher| {
        let mut pair = Pair::new();
        let (keys, stale) = pair.requests();
        for datagram in &stale {
            pair.arrive(datagram);
        }
        pair.finish(keys);
        let (keys, datagrams) = pair.requests();
        for datagram in &datagrams {
            pair.arrive(datagram);
        }
        pair.finish(keys);
        bencher.iter_custom(|iterations| by_batch(iterations, || pair.time(&stale)));
        assert_eq!(pair.server.queued(), 0, "a stale call would run");
        pair.out.clear();
        let answer = pair.server.poll_transmit(Timestamp::ZERO, &mut pair.out);
        assert_eq!(answer, None, "a stale call was answered");
    });
    group.bench_function("damaged request", |bencher| {
        let mut pair = Pair::new();
        let (_keys, mut datagrams) = pair.requests();
        for datagram in &mut datagrams {
            let mut damaged = datagram.to_vec();
            damaged[datagram.len() / 2] ^= 1;
            *datagram = damaged.into();
        }
        bencher.iter_custom(|iterations| by_batch(iterations, || pair.time(&datagrams)));
        assert_eq!(pair.server.queued(), 0, "a damaged call would run");
    });
    group.finish();
}

/// Calls from their submission to their release, through both endpoints.
fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("call");
    for in_flight in [1, BATCH] {
        group.throughput(Throughput::Elements(in_flight as u64));
        group.bench_function(format!("{in_flight} in flight"), |bencher| {
            let mut pair = Pair::new();
            bencher.iter(|| {
                let keys: Vec<CallKey> = (0..in_flight).map(|_| pair.submit()).collect();
                while let Some(datagram) = pair.request() {
                    pair.arrive(&datagram);
                }
                pair.finish(keys);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, requests, calls);
criterion_main!(benches);
