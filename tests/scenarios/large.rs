//! Arguments and results that are larger than a datagram.

use std::time::Duration;

use farcall::sim::{Delay, Link};
use farcall::{CallErrorKind, Outcome, ServerConfig};

use crate::support::{MS, SECOND, Scene, assert_failed, lossy, server_config};

const MEBIBYTE: usize = 1 << 20;

#[test]
fn sizes_around_every_boundary_go_both_ways() {
    let scene = Scene::new(1);
    let client = scene.warm_client();
    for size in (1_100..1_200).chain([0, 1, 65_400, 65_450, 65_507, 131_000, MEBIBYTE + 1]) {
        client.haul(size).unwrap();
    }
    scene.finish();
}

#[test]
fn whatever_is_lost_arrives_in_the_end() {
    for (seed, loss) in [(2, 0.05), (3, 0.3)] {
        let scene = Scene::new(seed);
        scene.world.set_all_links(lossy(loss));
        let client = scene.client("alice");
        for size in [2_000, 100_000, MEBIBYTE] {
            client.haul(size).unwrap();
        }
        scene.finish();
    }
}

#[test]
fn a_path_that_becomes_narrow_in_the_middle_is_survived() {
    let scene = Scene::new(4);
    let client = scene.warm_client();
    let slow = Link { delay: Delay::fixed(5 * MS), ..Link::default() };
    scene.world.set_all_links(slow.clone());
    let hauling = client.start_haul(4 * MEBIBYTE);
    scene.world.run_for(60 * MS);
    assert!(hauling.pending.transfer().sent > 0);
    scene.world.set_all_links(Link { size_limit: 1_400, ..slow });
    hauling.wait().unwrap();
    scene.finish();
}

#[test]
fn a_server_that_dies_in_the_middle_of_the_arguments_has_not_run_the_call() {
    let scene = Scene::new(5);
    let client = scene.warm_client();
    scene.world.set_all_links(Link { delay: Delay::fixed(5 * MS), ..Link::default() });
    let hauling = client.start_haul(8 * MEBIBYTE);
    scene.world.run_for(50 * MS);
    let transfer = hauling.pending.transfer();
    assert!(transfer.sent > 0 && transfer.sent < transfer.request, "{transfer:?}");
    scene.host().restart();
    // It is made again in the new session, by itself.
    hauling.wait().unwrap();
    assert_eq!(scene.executions(), 2);
    scene.finish();
}

#[test]
fn a_server_that_dies_in_the_middle_of_the_result_has_run_the_call() {
    let scene = Scene::new(6);
    let client = scene.warm_client();
    scene.world.set_all_links(Link { delay: Delay::fixed(5 * MS), ..Link::default() });
    let hauling = client.start_haul(2 * MEBIBYTE);
    while hauling.pending.transfer().received == 0 {
        scene.world.run_for(MS);
    }
    scene.host().crash();
    assert_failed(hauling.wait(), Outcome::Executed, |_| true);
    scene.finish();
}

#[test]
fn a_cancelled_transfer_did_not_run_and_leaves_nothing_behind() {
    let scene = Scene::new(7);
    let client = scene.warm_client();
    scene.world.set_all_links(Link { delay: Delay::fixed(5 * MS), ..Link::default() });
    let hauling = client.start_haul(8 * MEBIBYTE);
    scene.world.run_for(50 * MS);
    assert!(scene.server.statistics().assembly_bytes > 0);
    hauling.pending.cancel();
    assert_failed(hauling.wait(), Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::Cancelled)
    });
    scene.world.run_for(SECOND);
    assert_eq!(scene.server.statistics().assembly_bytes, 0);
    client.haul(100_000).unwrap();
    scene.finish();
}

#[test]
fn a_client_that_falls_silent_in_the_middle_costs_a_server_nothing_for_long() {
    let scene = Scene::new(8);
    let client = scene.warm_client();
    scene.world.set_all_links(Link { delay: Delay::fixed(5 * MS), ..Link::default() });
    let hauling = client.start_haul(8 * MEBIBYTE);
    scene.world.run_for(50 * MS);
    scene.world.cut("alice", "work");
    scene.world.run_for(9 * SECOND);
    assert!(scene.server.statistics().assembly_bytes > 0, "it is waited for");
    scene.world.run_for(10 * SECOND);
    assert_eq!(scene.server.statistics().assembly_bytes, 0);
    assert_failed(hauling.wait(), Outcome::NotExecuted, |_| true);
    scene.finish();
}

#[test]
fn results_that_nobody_has_room_for_are_said_so() {
    let scene = Scene::with(9, ServerConfig { maximum_reply_bytes: MEBIBYTE, ..server_config() });
    let client = scene.warm_client();
    client.haul(MEBIBYTE / 2).unwrap();
    let failed = assert_failed(client.haul(2 * MEBIBYTE), Outcome::Executed, |kind| {
        matches!(kind, CallErrorKind::ReplyTooLarge { .. })
    });
    assert!(failed.error.to_string().contains("maximum_reply_bytes"), "{}", failed.error);
    scene.world.run_for(SECOND);
    assert_eq!(scene.server.statistics().reply_bytes, 0);
    scene.finish();
}

#[test]
fn small_calls_are_as_fast_beside_a_large_one() {
    let scene = Scene::new(10);
    let client = scene.warm_client();
    let before = scene.world.now();
    client.run().unwrap();
    let alone = scene.world.now() - before;
    let hauling = client.start_haul(8 * MEBIBYTE);
    for _ in 0..20 {
        let before = scene.world.now();
        client.run().unwrap();
        let beside = scene.world.now() - before;
        assert!(beside < alone * 3 + Duration::from_micros(500), "{beside:?} after {alone:?}");
    }
    hauling.wait().unwrap();
    scene.finish();
}
