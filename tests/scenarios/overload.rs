//! A server with too much to do says so early, and recovers.

use farcall::sim::{Delay, Link};
use farcall::{CallErrorKind, Outcome, ServerConfig};

use crate::support::{MS, SECOND, Scene, Started, assert_failed, server_config};

fn small() -> ServerConfig {
    ServerConfig { workers: 1, maximum_queued_calls: 4, ..server_config() }
}

#[test]
fn a_call_beyond_the_queue_is_refused_and_never_runs() {
    let scene = Scene::with(1, small());
    let client = scene.warm_client().within(50 * MS);
    scene.host().set_service_time(10 * SECOND);
    let mut started: Vec<Started> = (0..6).map(|_| client.start_run()).collect();
    // One runs, four wait, and the sixth is told at once, since its deadline allows no second try.
    let last = started.pop().unwrap();
    assert_failed(last.wait(), Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::Busy { .. })
    });
    assert!(scene.world.now() < 50 * MS, "{:?}", scene.world.now());
    // The others are over at their deadline; those that waited never run.
    scene.world.run_for(60 * SECOND);
    for started in started {
        let failed = started.wait().unwrap_err();
        assert_ne!(failed.settle(SECOND), Outcome::Unknown);
    }
    assert_eq!(scene.executions(), 2);
    scene.finish();
}

#[test]
fn a_late_copy_of_a_refused_call_is_not_run_by_an_idle_server() {
    let scene = Scene::with(5, small());
    let client = scene.warm_client();
    scene.host().set_service_time(30 * MS);
    // Each request arrives once more when the queue has long been empty.
    let late_delay = Delay::fixed(SECOND);
    scene.world.set_link("alice", "work", Link { late_copies: 1.0, late_delay, ..Link::default() });
    let started: Vec<Started> = (0..5).map(|_| client.start_run()).collect();
    let refused = client.within(40 * MS).run();
    let failed = assert_failed(refused, Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::Busy { .. })
    });
    for started in started {
        started.wait().unwrap();
    }
    scene.world.run_for(5 * SECOND);
    assert_eq!(scene.ledger.executions(failed.call), 0);
    assert_eq!(scene.executions(), 6);
    scene.finish();
}

#[test]
fn a_refused_call_is_made_again_while_its_deadline_allows_it() {
    let scene = Scene::with(2, small());
    let client = scene.warm_client();
    scene.host().set_service_time(50 * MS);
    let started: Vec<Started> = (0..12).map(|_| client.start_run()).collect();
    let done = started.into_iter().filter_map(|started| started.wait().ok()).count();
    // Twelve calls of 50 ms through one worker, five at a time.
    assert!(done >= 9, "{done}");
    assert!(scene.server.statistics().refusals > 0);
    scene.finish();
}

#[test]
fn after_an_overload_the_server_does_useful_work_again_at_once() {
    let scene = Scene::with(3, ServerConfig { workers: 2, ..server_config() });
    scene.host().set_service_time(Delay::fixed(20 * MS));
    let clients: Vec<_> =
        (0..10).map(|number| scene.client(&format!("client-{number}")).within(500 * MS)).collect();
    // Two workers do 100 calls a second; 300 a second are asked of them for five seconds.
    let mut started = Vec::new();
    for _ in 0..150 {
        started.extend(clients.iter().map(|client| client.start_run()));
        scene.world.run_for(33 * MS);
    }
    drop(started);
    // Half of what they can do: every call gets through.
    scene.world.run_for(SECOND);
    for _ in 0..10 {
        for client in &clients {
            client.run().unwrap();
        }
    }
    scene.finish();
}

#[test]
fn work_whose_deadline_passed_in_the_queue_is_not_done() {
    let scene = Scene::with(4, ServerConfig { workers: 1, ..server_config() });
    let client = scene.warm_client();
    scene.host().set_service_time(SECOND);
    let first = client.start_run();
    let others: Vec<Started> = (0..20).map(|_| client.within(SECOND / 2).start_run()).collect();
    first.wait().unwrap();
    scene.world.run_for(5 * SECOND);
    // The warm-up, the first, and none of the others.
    assert_eq!(scene.executions(), 2);
    for started in others {
        assert!(started.wait().is_err());
    }
    scene.finish();
}
