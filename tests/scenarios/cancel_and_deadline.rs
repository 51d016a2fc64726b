//! Calls that are given up: what is known of them, and when.

use farcall::sim::Delay;
use farcall::{CallErrorKind, Outcome};

use crate::support::{Caller, MS, SECOND, Scene, Started, assert_failed};

fn is_cancelled(kind: &CallErrorKind) -> bool {
    matches!(kind, CallErrorKind::Cancelled)
}

fn is_deadline(kind: &CallErrorKind) -> bool {
    matches!(kind, CallErrorKind::DeadlineExceeded { .. })
}

/// Handlers take a second, and the four workers have a call each.
fn busy(scene: &Scene) -> (Caller, Vec<Started>) {
    let client = scene.warm_client();
    scene.host().set_service_time(SECOND);
    let started = (0..4).map(|_| client.start_run()).collect();
    scene.world.run_for(10 * MS);
    (client, started)
}

fn wait_for_all(started: Vec<Started>) {
    for started in started {
        started.wait().unwrap();
    }
}

#[test]
fn a_cancelled_call_that_waits_at_the_server_never_runs() {
    let scene = Scene::new(1);
    let (client, others) = busy(&scene);
    let started = client.start_run();
    scene.world.run_for(10 * MS);
    started.pending.cancel();
    assert_failed(started.wait(), Outcome::NotExecuted, is_cancelled);
    wait_for_all(others);
    scene.finish();
}

#[test]
fn a_cancelled_call_that_runs_is_known_to_have_run() {
    let scene = Scene::new(2);
    let (_client, mut others) = busy(&scene);
    let started = others.pop().unwrap();
    started.pending.cancel();
    let before = scene.world.now();
    assert_failed(started.wait(), Outcome::Executed, is_cancelled);
    // That took a round trip, and did not wait for the handler.
    assert!(scene.world.now() - before < 5 * MS);
    wait_for_all(others);
    scene.finish();
}

#[test]
fn a_call_that_was_never_sent_is_cancelled_on_the_spot() {
    let scene = Scene::new(3);
    scene.host().crash();
    let client = scene.client("alice");
    let started = client.start_run();
    started.pending.cancel();
    let before = scene.world.now();
    assert_failed(started.wait(), Outcome::NotExecuted, is_cancelled);
    assert_eq!(scene.world.now(), before);
    scene.host().restart();
    scene.finish();
}

#[test]
fn a_dropped_call_that_has_not_begun_never_runs() {
    let scene = Scene::new(4);
    let (client, others) = busy(&scene);
    let Started { call, pending, .. } = client.start_run();
    scene.world.run_for(10 * MS);
    drop(pending);
    wait_for_all(others);
    scene.world.run_for(10 * SECOND);
    assert_eq!(scene.ledger.executions(call), 0);
    scene.finish();
}

#[test]
fn a_detached_call_goes_on_even_when_its_client_is_gone() {
    let scene = Scene::new(5);
    let (client, others) = busy(&scene);
    let Started { call, pending, .. } = client.start_run();
    pending.detach();
    wait_for_all(others);
    drop(client);
    scene.world.run_for(10 * SECOND);
    assert_eq!(scene.ledger.executions(call), 1);
    scene.finish();
}

#[test]
fn a_call_whose_deadline_passes_while_it_waits_never_runs() {
    let scene = Scene::new(6);
    let (client, others) = busy(&scene);
    // It is over long before a worker is free.
    let failed = client.within(SECOND / 2).run().unwrap_err();
    assert!(is_deadline(failed.error.kind()), "{failed:?}");
    assert_ne!(failed.outcome(), Outcome::Executed);
    if failed.outcome() == Outcome::Unknown {
        assert_eq!(failed.settle(SECOND), Outcome::NotExecuted);
    }
    wait_for_all(others);
    scene.finish();
}

#[test]
fn a_call_returns_at_its_deadline_with_what_is_known() {
    let scene = Scene::new(7);
    let client = scene.warm_client();
    scene.host().set_service_time(10 * SECOND);
    let before = scene.world.now();
    let result = client.within(SECOND).run();
    // The server has said that it runs.
    assert_failed(result, Outcome::Executed, is_deadline);
    assert_eq!(scene.world.now() - before, SECOND);
    scene.finish();
}

#[test]
fn an_unknown_outcome_is_settled_when_the_path_is_mended() {
    let scene = Scene::new(8);
    let client = scene.warm_client();
    // The request arrives, and no answer comes back for three seconds.
    scene.world.cut("work", "alice");
    scene.world.after(3 * SECOND, |world| world.heal());
    let failed = assert_failed(client.within(SECOND).run(), Outcome::Unknown, is_deadline);
    assert_eq!(failed.settle(SECOND), Outcome::Unknown, "the path is still cut");
    assert_eq!(failed.settle(5 * SECOND), Outcome::Executed);
    // Even its result is still there.
    assert!(failed.error.settled_reply::<u64>(SECOND).is_some());
    scene.finish();
}

#[test]
fn a_settled_call_that_never_arrived_never_runs() {
    let scene = Scene::new(9);
    let client = scene.warm_client();
    scene.world.partition(&["alice"], &["work"]);
    scene.world.after(3 * SECOND, |world| world.heal());
    let failed = assert_failed(client.within(SECOND).run(), Outcome::Unknown, is_deadline);
    assert_eq!(failed.settle(10 * SECOND), Outcome::NotExecuted);
    scene.finish();
}

#[test]
fn a_handler_sees_that_nobody_waits_any_more() {
    let scene = Scene::new(10);
    let client = scene.warm_client();
    // Four naps of a second each; the caller is prepared to wait for two and a half.
    let started = client.within(5 * SECOND / 2).start_nap(4 * SECOND);
    scene.world.run_for(10 * SECOND);
    assert_failed(started.wait(), Outcome::Executed, is_deadline);
    scene.finish();
}

#[test]
fn deadlines_hold_however_long_the_path_is() {
    let scene = Scene::new(11);
    let client = scene.warm_client();
    let delay = Delay::exponential(100 * MS, 300 * MS);
    scene.world.set_all_links(farcall::sim::Link { delay, ..Default::default() });
    for round in 1..=50 {
        let deadline = round * 20 * MS;
        let before = scene.world.now();
        let result = client.within(deadline).run();
        let took = scene.world.now() - before;
        assert!(took <= deadline, "{took:?} of {deadline:?}: {result:?}");
    }
    scene.finish();
}
