//! What a restart of the server means for its calls: the truth, and nothing twice.

use farcall::sim::Delay;
use farcall::{CallErrorKind, Outcome};

use crate::support::{MS, SECOND, Scene, Started, assert_failed, server_config};

fn is_restart(kind: &CallErrorKind) -> bool {
    matches!(kind, CallErrorKind::ServerRestarted)
}

#[test]
fn a_call_that_was_running_is_known_to_have_run() {
    let scene = Scene::new(1);
    let client = scene.warm_client();
    scene.host().set_service_time(10 * SECOND);
    // By then the server has said that it is working on it.
    scene.world.after(SECOND, |world| world.host("work").restart());
    let result = client.run();
    assert_failed(result, Outcome::Executed, is_restart);
    scene.finish();
}

#[test]
fn a_call_of_which_nothing_was_heard_is_of_unknown_outcome() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    // The request arrives and runs, its reply is lost, and the server dies.
    scene.world.cut("work", "alice");
    scene.world.after(50 * MS, |world| {
        world.host("work").restart();
        world.heal();
    });
    let failed = assert_failed(client.run(), Outcome::Unknown, is_restart);
    // Nobody can know it any more.
    assert_eq!(failed.settle(10 * SECOND), Outcome::Unknown);
    assert_eq!(scene.executions(), 2);
    scene.finish();
}

#[test]
fn a_call_that_was_never_sent_is_made_again_by_itself() {
    let config = farcall::ServerConfig { window: 1, ..server_config() };
    let scene = Scene::with(3, config);
    let client = scene.warm_client();
    scene.host().set_service_time(SECOND);
    // The only lane is taken by the first call; the second waits for it.
    let first = client.start_run();
    let second = client.start_run();
    scene.world.after(SECOND / 2, |world| world.host("work").restart());
    assert_failed(first.wait(), Outcome::Executed, is_restart);
    second.wait().unwrap();
    scene.finish();
}

#[test]
fn an_idempotent_call_is_made_again_by_itself() {
    let scene = Scene::new(4);
    let client = scene.warm_client();
    scene.host().set_service_time(SECOND);
    scene.world.after(SECOND / 2, |world| world.host("work").restart());
    let started = client.start_look();
    let call = started.call;
    started.wait().unwrap();
    assert_eq!(scene.ledger.executions(call), 2);
    scene.finish();
}

#[test]
fn an_unresolved_try_is_not_outweighed_by_a_later_refusal() {
    let scene = Scene::with(10, farcall::ServerConfig { workers: 1, ..server_config() });
    let client = scene.warm_client();
    let bob = scene.client("bob");
    bob.run().unwrap();
    // The first try runs, its reply is lost, and the server dies.
    scene.world.cut("work", "alice");
    let started = client.start_look();
    scene.world.run_for(10 * MS);
    assert_eq!(scene.ledger.executions(started.call), 1);
    scene.host().restart();
    // The second try waits behind a long call of somebody else, and is cancelled there.
    scene.host().set_method_time("run", 60 * SECOND);
    let _ = bob.run();
    let long = bob.start_run();
    scene.world.run_for(SECOND);
    scene.world.heal();
    scene.world.run_for(5 * SECOND);
    started.pending.cancel();
    // That it will not run again is known, and that it ran before is not.
    assert_failed(started.wait(), Outcome::Unknown, |_| true);
    drop(long);
    scene.finish();
}

#[test]
fn the_next_call_after_a_restart_costs_a_handshake_and_no_timeout() {
    let scene = Scene::new(5);
    let client = scene.warm_client();
    scene.host().restart();
    // The first call finds out; it may have been received for all its client knows.
    assert_failed(client.run(), Outcome::Unknown, is_restart);
    let before = scene.world.now();
    client.run().unwrap();
    assert!(scene.world.now() - before < 10 * MS);
    scene.finish();
}

#[test]
fn what_was_sent_to_the_old_server_does_not_run_in_the_new_one() {
    let scene = Scene::new(6);
    let client = scene.warm_client();
    for _ in 0..20 {
        client.run().unwrap();
    }
    scene.host().restart();
    scene.world.replay(SECOND);
    scene.world.run_for(2 * SECOND);
    assert_eq!(scene.executions(), 21);
    assert_eq!(scene.server.statistics().calls, 0);
    scene.finish();
}

#[test]
fn two_restarts_within_a_millisecond_are_as_good_as_one() {
    let scene = Scene::new(7);
    let clients: Vec<_> = (0..5).map(|number| scene.client(&format!("client-{number}"))).collect();
    scene.host().set_service_time(Delay::uniform(MS, 100 * MS));
    for round in 0..10 {
        let started: Vec<Started> = clients.iter().map(|client| client.start_run()).collect();
        let host = scene.host();
        scene.world.after(20 * MS, move |world| {
            host.restart();
            let host = host.clone();
            world.after(MS / 2, move |_| host.restart());
        });
        // Whatever each is told is true: the ledger sees to that.
        let ended = started.into_iter().filter_map(|started| started.wait().ok()).count();
        assert!(ended <= 5, "round {round}");
        scene.world.run_for(SECOND);
    }
    for client in &clients {
        client.run().or_else(|_| client.run()).unwrap();
    }
    scene.finish();
}

#[test]
fn a_call_made_while_the_server_is_down_waits_for_it() {
    let scene = Scene::new(8);
    scene.host().crash();
    let client = scene.client("alice");
    scene.world.after(2 * SECOND, |world| world.host("work").restart());
    client.run().unwrap();
    scene.finish();
}

#[test]
fn a_call_to_a_server_that_stays_down_never_ran() {
    let scene = Scene::new(9);
    scene.host().crash();
    let client = scene.client("alice");
    assert_failed(client.run(), Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::NoServer { .. })
    });
    // It was told so when a handshake has taken long enough, not only at its deadline.
    assert!(scene.world.now() < 6 * SECOND, "{:?}", scene.world.now());
    scene.host().restart();
    scene.finish();
}
