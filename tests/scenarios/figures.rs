//! How fast the simulator is. Not part of the gate: a busy machine must not fail it.
//!
//! `cargo test --release --features sim --test scenarios figures -- --ignored --nocapture`

use std::time::Instant;

use farcall::sim::{Delay, Link};
use farcall::{ClientConfig, ServerConfig};

use crate::support::{Caller, HOUR, MS, Scene, Started, server_config};

const ROUNDS: usize = 1_000;
const CLIENTS: usize = 10;
const AT_ONCE: usize = 20;

#[test]
#[ignore = "it measures"]
fn calls_a_second_under_faults() {
    let scene = Scene::with(1, ServerConfig { workers: 16, ..server_config() });
    scene.world.set_all_links(Link {
        loss: 0.1,
        duplication: 0.1,
        corruption: 0.01,
        delay: Delay::exponential(MS / 10, MS),
        ..Link::default()
    });
    let clients: Vec<Caller> =
        (0..CLIENTS).map(|number| scene.client(&format!("client-{number}"))).collect();
    let begin = Instant::now();
    for _ in 0..ROUNDS {
        let started: Vec<Started> =
            clients.iter().flat_map(|client| (0..AT_ONCE).map(|_| client.start_run())).collect();
        for started in started {
            let _ = started.wait();
        }
    }
    let took = begin.elapsed();
    scene.ledger.check();
    let calls = ROUNDS * CLIENTS * AT_ONCE;
    println!("{calls} calls under faults in {took:.2?}: {:.0}/s", rate(calls, took));
}

#[test]
#[ignore = "it measures"]
fn calls_a_second_one_at_a_time_without_faults() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    let calls = 200_000;
    let begin = Instant::now();
    for _ in 0..calls {
        client.run().unwrap();
    }
    let took = begin.elapsed();
    println!("{calls} calls one at a time in {took:.2?}: {:.0}/s", rate(calls, took));
}

#[test]
#[ignore = "it measures"]
fn an_hour_of_one_long_call() {
    let scene = Scene::new(3);
    let endless = ClientConfig { deadline: None, ..ClientConfig::default() };
    let client = scene.client_with("alice", endless);
    scene.host().set_service_time(HOUR);
    let begin = Instant::now();
    client.run().unwrap();
    println!("an hour of one call in {:.2?}", begin.elapsed());
}

fn rate(calls: usize, took: std::time::Duration) -> f64 {
    calls as f64 / took.as_secs_f64()
}
