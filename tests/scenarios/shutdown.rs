//! A server that shuts down: what it still does, what it refuses, what it reports.

use farcall::sim::{Delay, Link};
use farcall::{CallErrorKind, Outcome, ShutdownReport};

use crate::support::{MS, SECOND, Scene, Started, assert_failed, lossy};

#[test]
fn running_calls_end_and_new_ones_are_refused() {
    let scene = Scene::new(1);
    let client = scene.warm_client();
    scene.host().set_service_time(SECOND);
    let running: Vec<Started> = (0..4).map(|_| client.start_run()).collect();
    scene.world.run_for(10 * MS);
    let Scene { world, ledger, server } = scene;
    // A call made while the server drains: it is told so, and will never run.
    let late = client.clone();
    let (result, refused) = std::sync::mpsc::channel();
    world.after(100 * MS, move |_| result.send(late.run()).unwrap());
    let report = server.shutdown(10 * SECOND);
    assert_eq!(report, ShutdownReport { running: 0, unacknowledged: 0 });
    assert_failed(refused.try_recv().unwrap(), Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::ShuttingDown)
    });
    for started in running {
        started.wait().unwrap();
    }
    world.replay(SECOND);
    world.run_for(5 * SECOND);
    ledger.check();
}

#[test]
fn the_last_replies_are_delivered_although_datagrams_are_lost() {
    for seed in 0..30 {
        let scene = Scene::new(seed);
        let client = scene.warm_client();
        scene.world.set_all_links(lossy(0.2));
        scene.host().set_service_time(200 * MS);
        let running: Vec<Started> = (0..4).map(|_| client.start_run()).collect();
        scene.world.run_for(100 * MS);
        let Scene { ledger, server, .. } = scene;
        let report = server.shutdown(10 * SECOND);
        assert_eq!(report.running, 0);
        let results = running.into_iter().map(Started::wait);
        let lost = results.filter(|result| result.is_err()).count();
        // Whatever was not delivered was not acknowledged either, and the report says so.
        assert!(lost <= report.unacknowledged, "seed {seed}: {lost} lost, {report:?}");
        ledger.check();
    }
}

#[test]
fn a_large_result_on_its_way_is_waited_for_as_long_as_it_moves() {
    for (grace, is_delivered) in [(60 * SECOND, true), (MS, false)] {
        let scene = Scene::new(4);
        let client = scene.warm_client();
        // The arguments are there soon; the result takes longer than a server lingers.
        scene.world.set_all_links(Link { delay: Delay::fixed(5 * MS), ..Link::default() });
        let hauling = client.start_haul(8 << 20);
        while hauling.pending.transfer().received == 0 {
            scene.world.run_for(MS);
        }
        scene.world.set_all_links(Link { delay: Delay::fixed(100 * MS), ..Link::default() });
        let Scene { world, ledger, server } = scene;
        let before = world.now();
        let report = server.shutdown(grace);
        assert_eq!(report.running, 0);
        assert_eq!(report.unacknowledged, usize::from(!is_delivered), "{report:?}");
        let took = world.now() - before;
        assert_eq!(took > SECOND, is_delivered, "{took:?}");
        if is_delivered {
            hauling.wait().unwrap();
        } else {
            assert_eq!(hauling.wait().unwrap_err().outcome(), Outcome::Executed);
        }
        ledger.check();
    }
}

#[test]
fn a_handler_that_outlasts_the_grace_time_is_reported() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    scene.host().set_service_time(60 * SECOND);
    let started = client.start_run();
    scene.world.run_for(10 * MS);
    let Scene { world, ledger, server } = scene;
    let before = world.now();
    assert_eq!(server.shutdown(SECOND).running, 1);
    assert!(world.now() - before < 2 * SECOND);
    // Its caller knows that it was running.
    assert_eq!(started.wait().unwrap_err().outcome(), Outcome::Executed);
    ledger.check();
}

#[test]
fn the_name_is_free_after_a_shutdown() {
    let scene = Scene::new(3);
    let client = scene.warm_client();
    let Scene { world, ledger, server } = scene;
    let _ = server.shutdown(SECOND);
    let scene = Scene::on(world, crate::support::server_config());
    assert_eq!(scene.server.statistics().calls, 0);
    // The client finds the new server under the old name, and learns that it is a new one.
    let first = client.run();
    assert!(first.is_err());
    ledger.check();
}
