//! A session outlives changes of address, pauses and suspicion, and dies with its server or its lease.

use std::time::Duration;

use farcall::sim::{Delay, Link};
use farcall::{CallErrorKind, ClientConfig, Outcome, ServerConfig};

use crate::support::{Caller, HOUR, MS, SECOND, Scene, Started, assert_failed, server_config};

#[test]
fn a_call_goes_on_when_its_client_has_another_address() {
    let scene = Scene::new(1);
    let client = scene.warm_client();
    scene.host().set_service_time(5 * SECOND);
    scene.world.after(SECOND, |world| world.host("alice").rebind());
    client.run().unwrap();
    let server = scene.server.statistics();
    assert_eq!((server.sessions_opened, server.sessions_resumed), (1, 1));
    assert_eq!(server.executions, 2);
    scene.finish();
}

#[test]
fn a_captured_datagram_from_another_address_changes_nothing() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    // After this, what comes back from the recording comes from an address that is not the session's.
    scene.world.host("alice").rebind();
    client.run().unwrap();
    let before = scene.executions();
    scene.world.replay(SECOND);
    scene.world.run_for(2 * SECOND);
    assert_eq!(scene.executions(), before);
    client.run().unwrap();
    scene.finish();
}

#[test]
fn a_server_is_found_again_when_it_has_moved() {
    let scene = Scene::new(3);
    let client = scene.warm_client();
    scene.host().rebind();
    // Its name leads to the new address once the old one has been silent for long enough.
    let mut tries = 0;
    while client.run().is_err() {
        tries += 1;
        assert!(tries < 5);
    }
    scene.finish();
}

#[test]
fn a_session_that_expired_costs_a_handshake() {
    let scene = Scene::new(4);
    let client = scene.warm_client();
    scene.world.run_for(HOUR);
    assert_eq!(scene.server.statistics().sessions, 0);
    // The client learns it from its next call.
    let first = client.run();
    if let Err(failed) = first {
        assert!(matches!(failed.error.kind(), CallErrorKind::ServerRestarted), "{failed:?}");
    }
    client.run().unwrap();
    scene.finish();
}

#[test]
fn a_session_with_a_running_call_does_not_expire() {
    let scene = Scene::new(5);
    let client = scene.warm_client().within(10 * HOUR);
    scene.host().set_service_time(2 * HOUR);
    let started = client.start_run();
    // The client is out of reach for longer than the lease, and the call goes on.
    scene.world.run_for(SECOND);
    scene.host().set_service_time(Delay::ZERO);
    let long_silence = 400 * SECOND;
    scene.world.host("alice").pause(long_silence);
    started.wait().unwrap();
    scene.finish();
}

#[test]
fn a_paused_server_is_waited_for() {
    let scene = Scene::new(6);
    let client = scene.warm_client();
    scene.world.after(MS / 20, |world| world.host("work").pause(5 * SECOND));
    client.run().unwrap();
    assert_eq!(scene.server.statistics().executions, 2);
    scene.finish();
}

#[test]
fn a_paused_client_does_not_take_its_own_sleep_for_the_servers_silence() {
    let scene = Scene::new(7);
    let client = scene.warm_client().within(HOUR);
    scene.host().set_service_time(100 * SECOND);
    scene.world.after(SECOND, |world| world.host("alice").pause(60 * SECOND));
    client.run().unwrap();
    scene.finish();
}

#[test]
fn a_clock_that_jumps_breaks_nothing_but_deadlines() {
    let scene = Scene::new(8);
    let client = scene.warm_client().within(10 * HOUR);
    scene.host().set_service_time(10 * SECOND);
    scene.world.after(SECOND, |world| world.host("alice").jump_clock(HOUR));
    scene.world.after(2 * SECOND, |world| world.host("work").jump_clock(HOUR));
    client.run().unwrap();
    scene.finish();
}

#[test]
fn clients_behind_one_address_do_not_get_in_each_others_way() {
    let scene = Scene::new(9);
    // One host, and so one address, and a port each.
    let clients: Vec<Caller> = (0..20).map(|_| scene.client("home")).collect();
    scene.host().set_service_time(10 * MS);
    for _ in 0..5 {
        let started: Vec<Started> = clients.iter().map(|client| client.start_run()).collect();
        for started in started {
            started.wait().unwrap();
        }
    }
    assert_eq!(scene.server.statistics().sessions_opened, 20);
    scene.finish();
}

#[test]
fn a_client_that_starts_again_at_its_old_address_is_another_client() {
    let scene = Scene::new(10);
    let client = scene.warm_client();
    for _ in 0..5 {
        client.run().unwrap();
    }
    let home = scene.world.host("alice");
    home.restart();
    // The old one is dead with whatever it held ..
    assert_failed(client.run(), Outcome::NotExecuted, |kind| matches!(kind, CallErrorKind::Closed));
    // .. and the new one, at the same port, has nothing to do with its calls.
    let reborn = scene.client("alice");
    for _ in 0..5 {
        reborn.run().unwrap();
    }
    assert_eq!(scene.executions(), 11);
    assert_eq!(scene.server.statistics().sessions_opened, 2);
    scene.finish();
}

#[test]
fn a_session_survives_a_false_suspicion() {
    let scene = Scene::new(11);
    let client = scene.warm_client();
    scene.host().set_service_time(8 * SECOND);
    // Nothing gets through for long enough that the client doubts the session, and not longer.
    scene.world.after(SECOND, |world| world.partition(&["alice"], &["work"]));
    scene.world.after(6 * SECOND, |world| world.heal());
    client.run().unwrap();
    let server = scene.server.statistics();
    assert_eq!((server.sessions_opened, server.executions), (1, 2));
    scene.finish();
}

#[test]
fn a_cut_in_one_direction_ends_with_the_truth() {
    for (from, to) in [("alice", "work"), ("work", "alice")] {
        let scene = Scene::new(12);
        let client = scene.warm_client();
        scene.world.cut(from, to);
        let failed = client.within(20 * SECOND).run().unwrap_err();
        assert_eq!(failed.outcome(), Outcome::Unknown);
        // The path is mended, and the next call gets through.
        scene.world.heal();
        client.run().unwrap();
        assert_ne!(failed.settle(10 * SECOND), Outcome::Unknown);
        scene.finish();
    }
}

#[test]
fn a_client_that_was_idle_in_an_outage_calls_again_at_once() {
    // With one lane, which the lost call holds, and with many.
    for window in [1, 128] {
        let scene = Scene::with(14, ServerConfig { window, ..server_config() });
        let client = scene.warm_client();
        scene.world.partition(&["alice"], &["work"]);
        // It is over before the client doubts the session.
        let failed = client.within(SECOND / 5).run().unwrap_err();
        assert_eq!(failed.outcome(), Outcome::Unknown);
        // Nobody calls for long enough that its fence is given up.
        scene.world.run_for(60 * SECOND);
        scene.world.heal();
        scene.world.run_for(60 * SECOND);
        let before = scene.world.now();
        client.run().unwrap();
        assert!(scene.world.now() - before < 10 * MS, "window {window}");
        scene.finish();
    }
}

#[test]
fn an_old_silence_is_not_held_against_a_new_call() {
    let scene = Scene::new(15);
    let config = ClientConfig { silence_limit: 700 * MS, ..ClientConfig::default() };
    let client = scene.client_with("alice", config);
    client.run().unwrap();
    scene.world.partition(&["alice"], &["work"]);
    assert!(client.within(30 * MS).run().is_err());
    // Its fence is not answered for longer than the limit, while nobody calls.
    scene.world.run_for(800 * MS);
    // The path is mended shortly after the next call was made, which is not much of a silence.
    scene.world.after(100 * MS, |world| world.heal());
    client.run().unwrap();
    scene.finish();
}

#[test]
fn a_wild_path_is_only_slow() {
    let scene = Scene::new(13);
    let delay = Delay::exponential(Duration::ZERO, SECOND);
    scene.world.set_all_links(Link { delay, ..Link::default() });
    let client = scene.client("alice").within(300 * SECOND);
    let mut failures = 0;
    for _ in 0..20 {
        failures += u32::from(client.run().is_err());
    }
    assert!(failures <= 2, "{failures}");
    scene.finish();
}
