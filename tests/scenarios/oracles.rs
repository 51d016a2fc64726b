//! What the oracles can be asked for: progress after faults, rest at the end, the situations that were seen.

use std::panic::{AssertUnwindSafe, catch_unwind};

use farcall::sim::{Delay, Ended, Goal, Link, Marks};

use crate::support::{MS, SECOND, Scene, lossy};

/// What the panic says, if there is one.
fn violation(work: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(work)).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[test]
fn after_the_faults_every_call_ends_and_then_everything_is_silent() {
    let scene = Scene::new(1);
    scene.world.set_all_links(lossy(0.4));
    let client = scene.client("alice");
    let started: Vec<_> = (0..20).map(|_| client.start_run()).collect();
    let cargo = client.start_haul(100_000);
    scene.world.run_for(2 * SECOND);
    scene.world.calm();
    scene.world.check_progress(10 * SECOND);
    started.into_iter().for_each(|started| _ = started.wait().unwrap());
    cargo.wait().unwrap();
    scene.ledger.check_ended();
    scene.world.check_rest(30 * SECOND);
    scene.finish();
}

#[test]
fn a_call_that_does_not_end_is_no_progress() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    scene.host().set_service_time(20 * SECOND);
    let started = client.start_run();
    let found = violation(|| scene.world.check_progress(SECOND)).expect("it takes longer");
    assert!(found.starts_with("L1: 1 calls are open"), "{found}");
    let found = violation(|| scene.ledger.check_ended()).expect("its caller was told nothing");
    assert!(found.starts_with("S5: "), "{found}");
    let found = violation(|| scene.world.check_rest(SECOND)).expect("it runs");
    assert!(found.starts_with("S27: at rest there are 1 running calls"), "{found}");
    started.wait().unwrap();
    scene.finish();
}

#[test]
fn what_is_said_all_the_time_is_no_silence() {
    let scene = Scene::new(3);
    let client = scene.warm_client();
    scene.world.check_rest(SECOND);
    // One call each second ends in time, and the network is never quiet.
    for second in 1..20 {
        let client = client.clone();
        scene.world.after(second * SECOND, move |_| _ = client.run());
    }
    let found =
        violation(|| scene.world.check_rest(5 * SECOND + 500 * MS)).expect("it is not silent");
    assert!(found.contains("L10: "), "{found}");
    scene.world.run_for(20 * SECOND);
    scene.finish();
}

#[test]
#[should_panic(expected = "S5: call 99 ended and was never begun")]
fn a_promise_that_is_broken_ends_the_run_at_once() {
    let scene = Scene::new(4);
    let client = scene.warm_client();
    // The account is told that a call has ended which nobody made.
    scene.ledger.end(99, Ended::Ok(1));
    _ = client.run();
}

#[test]
fn a_world_says_what_it_has_seen() {
    let scene = Scene::new(5);
    let client = scene.warm_client();
    assert!(scene.world.marks().has(Goal::CookieRequired));
    assert!(!scene.world.marks().has(Goal::DuplicateInProgress));
    scene.host().set_service_time(50 * MS);
    let link = Link { duplication: 1.0, delay: Delay::fixed(MS), ..lossy(0.0) };
    scene.world.set_all_links(link);
    client.run().unwrap();
    _ = client.fail();
    scene.world.host("work").jump_clock(MS);
    let mut sum = Marks::default();
    sum.unite(scene.world.marks());
    for goal in [Goal::DuplicateInProgress, Goal::HandlerPanicked, Goal::ClockJumped] {
        assert!(sum.has(goal), "{}", goal.label());
    }
    assert!(sum.missing().any(|goal| goal == Goal::OnewayRan));
    client.tell();
    scene.world.run_for(SECOND);
    assert!(scene.world.marks().has(Goal::OnewayRan));
    scene.finish();
}
