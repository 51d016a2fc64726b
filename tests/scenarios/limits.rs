//! Bounds, and what happens at each.

use farcall::{CallErrorKind, ClientConfig, Outcome, ServerConfig};

use crate::support::{MS, SECOND, Scene, Started, assert_failed, server_config};

#[test]
fn calls_beyond_the_window_wait_for_a_lane() {
    let scene = Scene::with(1, ServerConfig { window: 2, ..server_config() });
    let client = scene.warm_client();
    scene.host().set_service_time(100 * MS);
    let before = scene.world.now();
    let started: Vec<Started> = (0..10).map(|_| client.start_run()).collect();
    for started in started {
        started.wait().unwrap();
    }
    // Two at a time, although there are four workers.
    let took = scene.world.now() - before;
    assert!((500 * MS..510 * MS).contains(&took), "{took:?}");
    scene.finish();
}

#[test]
fn a_call_that_never_gets_a_lane_never_ran() {
    let scene = Scene::with(2, ServerConfig { window: 1, ..server_config() });
    let client = scene.warm_client();
    scene.host().set_service_time(5 * SECOND);
    let first = client.start_run();
    let result = client.within(SECOND).run();
    assert_failed(result, Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::DeadlineExceeded { .. })
    });
    first.wait().unwrap();
    scene.finish();
}

#[test]
fn a_oneway_call_needs_no_lane() {
    let scene = Scene::with(3, ServerConfig { window: 1, ..server_config() });
    let client = scene.warm_client();
    scene.host().set_method_time("run", 3 * SECOND);
    let first = client.start_run();
    let second = client.start_run();
    // It does not wait behind the second call, which waits for the lane of the first.
    let before = scene.world.now();
    let call = client.tell();
    scene.world.run_for(10 * MS);
    assert!(scene.world.now() - before < 20 * MS);
    assert_eq!(scene.ledger.executions(call), 1);
    first.wait().unwrap();
    second.wait().unwrap();
    scene.finish();
}

#[test]
fn a_client_with_too_many_open_calls_refuses_the_next() {
    let scene = Scene::new(4);
    let client =
        scene.client_with("alice", ClientConfig { maximum_open_calls: 3, ..Default::default() });
    scene.host().set_service_time(SECOND);
    let started: Vec<Started> = (0..3).map(|_| client.start_run()).collect();
    assert_failed(client.run(), Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::Busy { .. })
    });
    for started in started {
        started.wait().unwrap();
    }
    client.run().unwrap();
    scene.finish();
}

#[test]
fn a_request_above_the_limit_is_not_sent() {
    let scene = Scene::new(5);
    let config = ClientConfig { maximum_request: 1_000, ..ClientConfig::default() };
    let client = scene.client_with("alice", config);
    let error = client.stub.fill(scene.ledger.begin(), 1, &[0; 1_200]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert!(matches!(error.kind(), CallErrorKind::RequestTooLarge { .. }), "{error}");
    scene.finish();
}

#[test]
fn a_reply_above_the_limit_is_an_answer_all_the_same() {
    let scene = Scene::with(6, ServerConfig { maximum_reply: 1_000, ..server_config() });
    let client = scene.warm_client();
    let call = scene.ledger.begin();
    let error = client.stub.fill(call, 1_200, &[]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Executed);
    assert!(matches!(error.kind(), CallErrorKind::ReplyTooLarge { .. }), "{error}");
    assert_eq!(scene.ledger.executions(call), 1);
    scene.finish();
}

#[test]
fn a_session_runs_no_more_handlers_at_once_than_it_may() {
    let config = ServerConfig { maximum_running_per_session: 1, ..server_config() };
    let scene = Scene::with(8, config);
    let (alice, bob) = (scene.warm_client(), scene.client("bob"));
    bob.run().unwrap();
    scene.host().set_service_time(100 * MS);
    let before = scene.world.now();
    let greedy: Vec<Started> = (0..10).map(|_| alice.start_run()).collect();
    // The other client has a worker at once.
    bob.run().unwrap();
    assert!(scene.world.now() - before < 110 * MS);
    for started in greedy {
        started.wait().unwrap();
    }
    let took = scene.world.now() - before;
    assert!((1_000 * MS..1_020 * MS).contains(&took), "{took:?}");
    scene.finish();
}

#[test]
fn a_client_beyond_the_last_session_is_told_so_and_gets_in_later() {
    let config = ServerConfig { maximum_sessions: 2, lease: 30 * SECOND, ..server_config() };
    let scene = Scene::with(9, config);
    let (alice, bob) = (scene.warm_client(), scene.client("bob"));
    bob.run().unwrap();
    let carol = scene.client("carol");
    assert_failed(carol.run(), Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::ServerFull)
    });
    // Those who are in are not driven out by those who want to come in.
    alice.run().unwrap();
    bob.run().unwrap();
    drop(alice);
    scene.world.run_for(SECOND);
    carol.run().unwrap();
    scene.finish();
}
