//! Datagrams that overtake each other change nothing.

use farcall::sim::{Delay, Link};

use crate::support::{MS, SECOND, Scene, Started};

#[test]
fn each_of_many_calls_at_once_gets_its_own_result() {
    let scene = Scene::new(1);
    let delay = Delay::uniform(MS, 100 * MS);
    scene.world.set_all_links(Link { delay, duplication: 0.3, ..Link::default() });
    let client = scene.client("alice");
    for _ in 0..5 {
        let started: Vec<Started> = (0..60).map(|_| client.start_run()).collect();
        // The ledger knows whose receipt is whose.
        for started in started {
            started.wait().unwrap();
        }
    }
    assert_eq!(scene.executions(), 300);
    scene.finish();
}

#[test]
fn an_old_request_does_not_run_when_its_lane_has_moved_on() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    // A copy of each datagram comes up to 20 s late, when the lane has a later call.
    let late_delay = Delay::uniform(MS, 20 * SECOND);
    scene.world.set_all_links(Link { late_copies: 1.0, late_delay, ..Link::default() });
    for _ in 0..100 {
        client.run().unwrap();
        scene.world.run_for(50 * MS);
    }
    scene.world.run_for(30 * SECOND);
    assert_eq!(scene.executions(), 101);
    assert!(scene.server.statistics().stale_requests >= 50);
    scene.finish();
}
