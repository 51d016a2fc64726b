//! A call runs at most once, whatever the network repeats, delays or loses.

use farcall::Outcome;
use farcall::sim::{Delay, Link};

use crate::support::{HOUR, MS, SECOND, Scene, assert_failed, lossy};

#[test]
fn five_copies_of_every_datagram_are_one_execution() {
    let scene = Scene::new(1);
    scene.world.set_all_links(Link { duplication: 1.0, ..Link::default() });
    let client = scene.client("alice");
    for _ in 0..50 {
        client.run().unwrap();
    }
    // The other four copies of each request were recognised.
    assert_eq!(scene.executions(), 50);
    let statistics = scene.server.statistics();
    assert_eq!(statistics.duplicates + statistics.stale_requests, 200);
    scene.finish();
}

#[test]
fn a_request_that_comes_back_hours_later_is_not_run() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    for _ in 0..20 {
        client.run().unwrap();
    }
    // Every datagram comes back while the session lives ..
    scene.world.replay(SECOND);
    scene.world.run_for(2 * SECOND);
    assert_eq!(scene.executions(), 21);
    // .. and when it has long expired.
    scene.world.run_for(HOUR);
    scene.world.replay(SECOND);
    scene.world.run_for(2 * SECOND);
    assert_eq!(scene.executions(), 21);
    assert!(scene.server.statistics().stale_requests > 0);
    scene.finish();
}

#[test]
fn a_lost_reply_is_sent_again_and_the_call_is_not_run_again() {
    let scene = Scene::new(3);
    let client = scene.warm_client();
    // The reply cannot come back for 100 ms.
    scene.world.cut("work", "alice");
    scene.world.after(100 * MS, |world| world.heal());
    client.run().unwrap();
    assert_eq!(scene.executions(), 2);
    assert!(scene.server.statistics().replies_replayed > 0);
    scene.finish();
}

#[test]
fn an_idempotent_call_whose_reply_was_lost_is_made_again_under_a_new_number() {
    let scene = Scene::new(4);
    let client = scene.warm_client();
    scene.world.cut("work", "alice");
    scene.world.after(100 * MS, |world| world.heal());
    // Its reply is not kept, so the result can only come from a second run.
    let started = client.start_look();
    let call = started.call;
    started.wait().unwrap();
    assert_eq!(scene.ledger.executions(call), 2);
    scene.finish();
}

#[test]
fn a_oneway_call_runs_once_however_many_copies_arrive_in_any_order() {
    let scene = Scene::new(5);
    let client = scene.warm_client();
    let delay = Delay::uniform(MS, 50 * MS);
    scene.world.set_all_links(Link { duplication: 0.7, delay, ..Link::default() });
    for _ in 0..40 {
        client.tell();
    }
    scene.world.run_for(SECOND);
    // None was lost: each ran, and none twice.
    assert_eq!(scene.executions(), 41);
    scene.finish();
}

#[test]
fn a_request_that_arrives_after_its_fence_never_runs() {
    let scene = Scene::new(6);
    let client = scene.warm_client();
    // The request is a slow datagram, and the path is quick again when its fence goes out.
    let slow = Link { delay: Delay::fixed(SECOND), ..Link::default() };
    scene.world.set_link("alice", "work", slow);
    scene.world.after(50 * MS, |world| world.set_link("alice", "work", Link::default()));
    let before = scene.executions();
    let result = client.within(50 * MS).run();
    // At the deadline nothing was heard; the fence then finds that the call has not begun.
    let failed = assert_failed(result, Outcome::Unknown, |_| true);
    assert_eq!(failed.settle(SECOND / 2), Outcome::NotExecuted);
    // That was a promise: the request arrives now.
    scene.world.run_for(2 * SECOND);
    assert_eq!(scene.executions(), before);
    scene.finish();
}

#[test]
fn a_panic_is_an_answer_and_is_kept_like_one() {
    let scene = Scene::new(7);
    let client = scene.warm_client();
    scene.world.set_all_links(lossy(0.3));
    for _ in 0..10 {
        assert_failed(
            client.fail(),
            Outcome::Executed,
            |kind| matches!(kind, farcall::CallErrorKind::HandlerPanicked { message } if message == "as asked"),
        );
    }
    assert_eq!(scene.executions(), 11);
    scene.finish();
}
