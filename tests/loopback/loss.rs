//! Calls through a relay that loses and doubles datagrams.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use farcall::{
    Client, ClientConfig, ClientStatistics, Server, ServerHandle, ServerStatistics, rpc_interface,
};

use crate::support::PATIENCE;
use crate::support::proxy::{Faults, Proxy};

#[rpc_interface]
pub trait Counter {
    /// Counts one execution of the call that has this number.
    fn count(&self, call: u32) -> u32;
}

/// How often each call was executed.
struct Executions(Vec<AtomicU32>);

impl Counter for Executions {
    fn count(&self, call: u32) -> u32 {
        self.0[call as usize].fetch_add(1, Ordering::SeqCst);
        call
    }
}

const CLIENTS: usize = 4;
const THREADS: usize = 4;

/// What a run found out.
struct Report {
    calls: usize,
    took: Duration,
    /// Sorted.
    times: Vec<Duration>,
    lost: u64,
    relayed: u64,
    clients: Vec<ClientStatistics>,
    server: ServerStatistics,
}

impl Report {
    fn percentile(&self, percent: f64) -> Duration {
        let last = self.times.len() - 1;
        self.times[(last as f64 * percent / 100.0).round() as usize]
    }

    fn print(&self, title: &str) {
        let retransmissions: u64 = self.clients.iter().map(|client| client.retransmissions).sum();
        println!(
            "{title}: {} calls by {CLIENTS} clients with {THREADS} threads each in {:.2?}: \
             p50 {:?}, p90 {:?}, p99 {:?}, p99.9 {:?}, longest {:?}; {} datagrams relayed, {} lost; \
             {retransmissions} retransmissions, {} duplicates suppressed, {} executions",
            self.calls,
            self.took,
            self.percentile(50.0),
            self.percentile(90.0),
            self.percentile(99.0),
            self.percentile(99.9),
            self.percentile(100.0),
            self.relayed,
            self.lost,
            self.server.duplicates,
            self.server.executions,
        );
    }
}

/// Makes `calls` calls and checks that each returned its own result and ran exactly once.
fn run(calls: usize, faults: Faults) -> Report {
    let executions = Arc::new(Executions((0..calls).map(|_| AtomicU32::new(0)).collect()));
    let service = CounterServer::shared(Arc::clone(&executions));
    let server: ServerHandle = Server::bind("127.0.0.1:0").unwrap().serve(service).spawn().unwrap();
    let proxy = Proxy::new(server.local_addr(), faults, 7).unwrap();
    // What a handshake costs on a lossy network is a matter of its own.
    let config = ClientConfig {
        handshake_interval: Duration::from_millis(20),
        handshake_timeout: PATIENCE,
        ..ClientConfig::default()
    };
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::builder().config(config.clone()).connect(proxy.address()).unwrap())
        .collect();
    clients.iter().for_each(|client| client.ready(PATIENCE).unwrap());

    let start = Instant::now();
    let next = AtomicU32::new(0);
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS * THREADS)
            .map(|thread| {
                let counter: CounterClient = clients[thread % CLIENTS].stub();
                let next = &next;
                scope.spawn(move || {
                    let mut times = Vec::new();
                    loop {
                        let call = next.fetch_add(1, Ordering::Relaxed);
                        if call as usize >= calls {
                            return times;
                        }
                        let start = Instant::now();
                        assert_eq!(counter.count(call).unwrap(), call);
                        times.push(start.elapsed());
                    }
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let took = start.elapsed();
    times.sort();

    for (call, count) in executions.0.iter().enumerate() {
        assert_eq!(count.load(Ordering::SeqCst), 1, "executions of call {call}");
    }
    Report {
        calls,
        took,
        times,
        lost: proxy.lost(),
        relayed: proxy.relayed(),
        clients: clients.iter().map(Client::statistics).collect(),
        server: server.statistics(),
    }
}

const TEN_PERCENT: Faults = Faults { loss: 0.1, duplication: 0.0 };

#[test]
fn every_call_runs_exactly_once_at_ten_percent_loss() {
    let report = run(4000, TEN_PERCENT);
    assert_eq!(report.server.executions, 4000);
    // That much was lost and made good.
    assert!(report.lost > 200, "{} of {} datagrams were lost", report.lost, report.relayed);
    assert!(report.clients.iter().all(|client| client.retransmissions > 0), "{:?}", report.clients);
    assert!(report.server.duplicates > 0);
}

#[test]
fn every_call_runs_exactly_once_when_half_of_everything_comes_twice() {
    let report = run(2000, Faults { loss: 0.0, duplication: 0.5 });
    assert_eq!(report.server.executions, 2000);
    assert!(report.server.duplicates > 200, "{:?}", report.server);
}

#[test]
fn every_call_runs_exactly_once_at_heavy_loss_and_duplication() {
    let report = run(500, Faults { loss: 0.3, duplication: 0.3 });
    assert_eq!(report.server.executions, 500);
}

/// Takes a while: `cargo test --release --test loopback -- --ignored --nocapture hundred_thousand`
#[test]
#[ignore = "a measurement that takes a while"]
fn a_hundred_thousand_calls_with_and_without_loss() {
    run(100_000, Faults::default()).print("without loss");
    run(100_000, TEN_PERCENT).print("10 % loss in each direction");
}
