//! A long call lives for as long as its server works on it, and no longer.

use std::sync::{Arc, Mutex, mpsc};

use farcall::sim::Delay;
use farcall::{CallErrorKind, CallStatus, Outcome};

use crate::support::{HOUR, MS, SECOND, Scene, Started, assert_failed, lossy};

/// A call without a deadline.
fn start_endless(scene: &Scene) -> Started {
    let config = farcall::ClientConfig { deadline: None, ..Default::default() };
    scene.client_with("alice", config).start_run()
}

#[test]
fn a_call_of_an_hour_ends_with_its_result() {
    let scene = Scene::new(1);
    scene.host().set_service_time(HOUR);
    start_endless(&scene).wait().unwrap();
    assert!(scene.world.now() > HOUR);
    // It was asked about once a second, and sent once.
    let server = scene.server.statistics();
    assert!((3_500..3_800).contains(&server.duplicates), "{}", server.duplicates);
    scene.finish();
}

#[test]
fn a_call_of_an_hour_ends_with_its_result_when_every_third_datagram_is_lost() {
    let scene = Scene::new(2);
    scene.world.set_all_links(lossy(0.33));
    scene.host().set_service_time(HOUR);
    start_endless(&scene).wait().unwrap();
    assert_eq!(scene.executions(), 1);
    scene.finish();
}

#[test]
fn a_call_outlives_the_numbers_of_its_probes() {
    let scene = Scene::new(3);
    // One probe a second: more than the 65,535 that an attempt number counts.
    scene.host().set_service_time(19 * HOUR);
    start_endless(&scene).wait().unwrap();
    // And never did anybody doubt the session.
    assert_eq!(scene.server.statistics().sessions_resumed, 0);
    scene.finish();
}

#[test]
fn the_caller_sees_how_far_the_handler_has_come() {
    let scene = Scene::new(4);
    let client = scene.warm_client().within(60 * SECOND);
    // The handler reports after 2, 4, 6 and 8 s, and is looked at after 5 s.
    let started = Arc::new(Mutex::new(Some(client.start_nap(8 * SECOND))));
    let (status, seen) = mpsc::channel();
    let looked_at = Arc::clone(&started);
    scene.world.after(5 * SECOND, move |_| {
        let started = looked_at.lock().unwrap();
        status.send(started.as_ref().unwrap().pending.status()).unwrap();
    });
    scene.world.run_for(6 * SECOND);
    let status = seen.try_recv().unwrap();
    let CallStatus::Running { reported: Some(reported), done: 2, total: 4, .. } = status else {
        panic!("{status:?}");
    };
    assert!(reported.abs_diff(SECOND) < SECOND / 10, "{reported:?}");
    let started = started.lock().unwrap().take().unwrap();
    started.wait().unwrap();
    scene.finish();
}

#[test]
fn a_working_server_is_seen_to_be_working() {
    let scene = Scene::new(5);
    let client = scene.warm_client().within(60 * SECOND);
    scene.host().set_service_time(20 * SECOND);
    let started = client.start_run();
    scene.world.run_for(10 * SECOND);
    let CallStatus::Running { elapsed, .. } = started.pending.status() else {
        panic!("{:?}", started.pending.status());
    };
    let error = elapsed.abs_diff(10 * SECOND);
    assert!(error < SECOND / 10, "{elapsed:?}");
    started.wait().unwrap();
    scene.finish();
}

#[test]
fn calls_that_wait_for_a_worker_say_so_and_do_not_time_out() {
    let scene = Scene::new(6);
    let client = scene.warm_client().within(60 * SECOND);
    scene.host().set_service_time(4 * SECOND);
    // Four workers, six calls.
    let started: Vec<Started> = (0..6).map(|_| client.start_run()).collect();
    scene.world.run_for(2 * SECOND);
    let last = started[5].pending.status();
    assert_eq!(last, CallStatus::Queued { position: 1 });
    for started in started {
        started.wait().unwrap();
    }
    assert!(scene.world.now() < 9 * SECOND);
    scene.finish();
}

#[test]
fn a_server_that_vanishes_is_noticed_by_its_silence_not_by_the_deadline() {
    let scene = Scene::new(7);
    let client = scene.warm_client().within(10 * HOUR);
    scene.host().set_service_time(HOUR);
    scene.world.after(60 * SECOND, |world| world.host("work").crash());
    let result = client.run();
    // It was running when it was last heard of.
    assert_failed(result, Outcome::Executed, |kind| {
        matches!(kind, CallErrorKind::Unreachable { .. })
    });
    let silent = scene.world.now() - 60 * SECOND;
    assert!((9 * SECOND..15 * SECOND).contains(&silent), "{silent:?}");
    scene.host().restart();
    scene.finish();
}

#[test]
fn a_long_call_does_not_hold_up_short_ones() {
    let scene = Scene::new(8);
    let client = scene.warm_client().within(10 * HOUR);
    scene.host().set_method_time("look", Delay::fixed(HOUR));
    let long = client.start_look();
    for _ in 0..100 {
        let before = scene.world.now();
        client.run().unwrap();
        assert!(scene.world.now() - before < MS);
    }
    long.wait().unwrap();
    scene.finish();
}

#[test]
fn nothing_is_sent_while_nothing_is_open() {
    let scene = Scene::new(9);
    let client = scene.warm_client();
    scene.world.run_for(10 * SECOND);
    let before = scene.world.trace().total();
    scene.world.run_for(HOUR);
    assert_eq!(scene.world.trace().total(), before);
    // The session has expired meanwhile; that costs the next call a handshake and nothing else.
    let first = client.run();
    assert!(first.is_ok() || first.is_err_and(|failed| failed.outcome() == Outcome::Unknown));
    client.run().unwrap();
    scene.finish();
}
