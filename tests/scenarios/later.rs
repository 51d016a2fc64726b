//! Handlers that answer after they have returned, with a reply or as a future.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farcall::__private::{Answer, Call};
use farcall::sim::{self, Link, World};
use farcall::{CallErrorKind, ClientConfig, Outcome, Reply, ServerConfig};

use crate::support::{
    Bell, Finish, MS, SECOND, Scene, answer_on, assert_failed, lossy, server_config,
};

/// Replies that handlers were given, with what they are to answer.
type Owed = Arc<Mutex<VecDeque<(u64, Reply<u64>)>>>;

fn owe(owed: &Owed) -> Finish {
    let owed = Arc::clone(owed);
    Box::new(move |call, receipt| {
        owed.lock().unwrap().push_back((receipt, call.reply()));
        Answer::later()
    })
}

fn pay(owed: &Owed) {
    let (receipt, reply) = owed.lock().unwrap().pop_front().expect("a reply is owed");
    reply.send(receipt);
}

fn owing(seed: u64, config: ServerConfig) -> (Scene, Owed) {
    let owed = Owed::default();
    (Scene::answering(World::new(seed), config, owe(&owed)), owed)
}

#[test]
fn a_reply_may_come_from_the_scenario_between_two_steps() {
    let (scene, owed) = owing(1, server_config());
    let client = scene.client("alice");
    let calls: Vec<_> = (0..10).map(|_| client.start_run()).collect();
    scene.world.run_until(|| owed.lock().unwrap().len() == 10);
    // Of ten calls four can run at once, and none of these needs a worker.
    assert_eq!(scene.server.statistics().suspended, 10);
    let before = scene.world.now();
    (0..10).for_each(|_| pay(&owed));
    for call in calls {
        call.wait().unwrap();
    }
    // They went out when they were given: one way is 100 µs.
    assert_eq!(scene.world.now() - before, MS / 10);
    assert_eq!(scene.server.statistics().suspended, 0);
    scene.finish();
}

#[test]
fn a_reply_may_come_from_another_handler() {
    let owed = Owed::default();
    let inner = Arc::clone(&owed);
    // Every second call answers the one before, and then itself.
    let finish: Finish = Box::new(move |call, receipt| {
        let previous = inner.lock().unwrap().pop_front();
        let Some((previous, reply)) = previous else {
            inner.lock().unwrap().push_back((receipt, call.reply()));
            return Answer::later();
        };
        reply.send(previous);
        Answer::reply(receipt)
    });
    let scene =
        Scene::answering(World::new(2), ServerConfig { workers: 1, ..server_config() }, finish);
    let client = scene.client("alice");
    let calls: Vec<_> = (0..200).map(|_| client.start_run()).collect();
    for call in calls {
        call.wait().unwrap();
    }
    scene.finish();
}

#[test]
fn copies_of_a_call_that_waits_are_told_so_and_run_nothing() {
    let (scene, owed) = owing(3, server_config());
    let client = scene.client("alice");
    scene.world.set_all_links(Link { duplication: 1.0, ..lossy(0.2) });
    let calls: Vec<_> = (0..20).map(|_| client.start_run()).collect();
    scene.world.run_for(10 * SECOND);
    let statistics = scene.server.statistics();
    assert!(statistics.duplicates > 0 && statistics.working_sent > 0);
    assert_eq!(scene.executions(), 20);
    (0..20).for_each(|_| pay(&owed));
    for call in calls {
        call.wait().unwrap();
    }
    scene.finish();
}

#[test]
fn a_restart_ends_what_waits_and_drops_its_futures() {
    struct Dropped(Arc<AtomicUsize>, World);
    impl Drop for Dropped {
        fn drop(&mut self) {
            // The world can be used: no lock is held.
            self.1.note("a future is dropped");
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (world, bell) = (World::new(4), Bell::default());
    let dropped = Arc::new(AtomicUsize::new(0));
    let (inner, inner_bell, inner_world) = (Arc::clone(&dropped), bell.clone(), world.clone());
    let finish: Finish = Box::new(move |_, receipt| {
        let held = Dropped(Arc::clone(&inner), inner_world.clone());
        let bell = inner_bell.clone();
        Answer::future(None, async move {
            bell.rung().await;
            drop(held);
            Answer::reply(receipt)
        })
    });
    let scene = Scene::answering(world, server_config(), finish);
    let client = scene.client("alice");
    let calls: Vec<_> = (0..5).map(|_| client.start_run()).collect();
    scene.world.run_for(SECOND);
    scene.host().restart();
    assert_eq!(dropped.load(Ordering::SeqCst), 5);
    // Nobody is left to be woken, and the new server knows nothing of it.
    bell.ring();
    for call in calls {
        assert_failed(call.wait(), Outcome::Executed, |kind| {
            matches!(kind, CallErrorKind::ServerRestarted)
        });
    }
    client.run().unwrap();
    assert_eq!(scene.server.statistics().suspended, 0);
    scene.finish();
}

#[test]
fn a_reply_to_an_earlier_life_of_the_server_goes_nowhere() {
    let (scene, owed) = owing(5, ServerConfig { window: 1, ..server_config() });
    let client = scene.client("alice");
    let call = client.start_run();
    scene.world.run_for(SECOND);
    scene.host().restart();
    assert_failed(call.wait(), Outcome::Executed, |_| true);
    // The next call has the same lane, the same record and the same place in every table.
    let call = client.start_run();
    scene.world.run_until(|| owed.lock().unwrap().len() == 2);
    let (receipt, late) = owed.lock().unwrap().pop_front().unwrap();
    late.send(receipt);
    scene.world.run_for(SECOND);
    pay(&owed);
    call.wait().unwrap();
    scene.finish();
}

#[test]
fn a_handler_that_outlives_its_server_answers_nobody() {
    let owed = Owed::default();
    let (world, inner) = (World::new(15), Arc::clone(&owed));
    let (inner_world, is_first) = (world.clone(), AtomicBool::new(true));
    let finish: Finish = Box::new(move |call, receipt| {
        let reply = call.reply();
        if is_first.swap(false, Ordering::SeqCst) {
            // It goes on through the end of its process, which is more than a real one can do.
            inner_world.host("work").restart();
            sim::sleep(5 * SECOND);
            reply.send(receipt);
        } else {
            inner.lock().unwrap().push_back((receipt, reply));
        }
        Answer::later()
    });
    let scene = Scene::answering(world, server_config(), finish);
    let client = scene.client("alice");
    let first = client.start_run();
    let second = Arc::new(Mutex::new(None));
    let (inner, caller) = (Arc::clone(&second), client.clone());
    scene.world.after(SECOND, move |_| *inner.lock().unwrap() = Some(caller.start_run()));
    scene.world.run_for(10 * SECOND);
    assert_failed(first.wait(), Outcome::Unknown, |_| true);
    // The call that has its place in the new process got no answer from it.
    assert_eq!(scene.server.statistics().suspended, 1);
    pay(&owed);
    let second = second.lock().unwrap().take().expect("it was started");
    second.wait().unwrap();
    scene.finish();
}

#[test]
fn a_client_that_leaves_cancels_what_waits() {
    let (scene, owed) = owing(6, ServerConfig { lease: SECOND, ..server_config() });
    let client = scene.client("alice");
    // While a call waits, its session does not expire.
    let started = client.start_run();
    scene.world.run_for(20 * SECOND);
    assert_eq!(scene.server.statistics().sessions_expired, 0);
    let (receipt, reply) = owed.lock().unwrap().pop_front().unwrap();
    assert!(!reply.context().is_cancelled());
    // The client closes its session, with the call in it.
    drop((started, client));
    scene.world.run_for(SECOND);
    assert!(reply.context().is_cancelled());
    assert_eq!(scene.server.statistics().sessions, 0);
    reply.send(receipt);
    let statistics = scene.server.statistics();
    assert_eq!((statistics.running, statistics.suspended), (0, 0));
    scene.finish();
}

#[test]
fn no_call_is_taken_while_too_many_wait() {
    let config = ServerConfig { maximum_suspended: 2, maximum_queued_calls: 3, ..server_config() };
    let (scene, owed) = owing(7, config);
    let client = scene.client("alice").within(60 * SECOND);
    let calls: Vec<_> = (0..5).map(|_| client.start_run()).collect();
    scene.world.run_for(SECOND);
    assert_eq!(scene.executions(), 2);
    assert_eq!(scene.server.statistics().queued, 3);
    // There is no room for one more.
    let short = client.within(SECOND);
    assert_failed(short.run(), Outcome::NotExecuted, |kind| {
        matches!(kind, CallErrorKind::Busy { .. })
    });
    // Each answer makes room.
    for executions in 3..=5 {
        pay(&owed);
        // At once, not when the next datagram comes.
        scene.world.run_for(Duration::ZERO);
        assert_eq!(scene.executions(), executions);
    }
    pay(&owed);
    pay(&owed);
    for call in calls {
        call.wait().unwrap();
    }
    scene.finish();
}

#[test]
fn a_service_time_keeps_a_worker_and_the_answer() {
    let answers: [fn(&World, &Call<'_>, u64) -> Answer; 3] = [
        // A reply at once, ...
        |_, call, receipt| {
            call.reply().send(receipt);
            Answer::later()
        },
        // ... a future that is ready, ...
        |_, _, receipt| Answer::future(None, async move { Answer::reply(receipt) }),
        // ... and one that is woken soon.
        |world, _, receipt| answer_on(Bell::after(world, MS), receipt),
    ];
    for (seed, answer) in (8..).zip(answers) {
        let world = World::new(seed);
        let inner = world.clone();
        let finish: Finish = Box::new(move |call, receipt| answer(&inner, call, receipt));
        let config = ServerConfig { workers: 1, ..server_config() };
        let scene = Scene::answering(world, config, finish);
        let client = scene.warm_client();
        scene.host().set_service_time(SECOND);
        let before = scene.world.now();
        let calls = [client.start_run(), client.start_run()];
        for (number, call) in (1..).zip(calls) {
            call.wait().unwrap();
            let taken = scene.world.now() - before;
            assert!(taken >= number * SECOND && taken < number * SECOND + 10 * MS, "{taken:?}");
        }
        scene.finish();
    }
}

#[test]
fn a_future_may_wait_for_a_call_to_another_server_and_its_deadline_goes_along() {
    let world = World::new(11);
    let remaining = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&remaining);
    let backend = Scene::answering_as(
        "backend",
        world.clone(),
        server_config(),
        Box::new(move |call, receipt| {
            *seen.lock().unwrap() = call.context().remaining();
            Answer::reply(receipt)
        }),
    );
    let bell = Bell::default();
    let inner = backend.client_of("backend", "work", ClientConfig::default());
    let (inner_bell, number) = (bell.clone(), backend.ledger.begin());
    let finish: Finish = Box::new(move |_, receipt| {
        let (bell, inner) = (inner_bell.clone(), inner.clone());
        Answer::future(None, async move {
            bell.rung().await;
            farcall::Stub::start(&inner.stub).run(number).await.unwrap();
            Answer::reply(receipt)
        })
    });
    let scene = Scene::answering(world, server_config(), finish);
    let client = scene.client("alice");
    let started = client.within(10 * SECOND).start_run();
    scene.world.run_for(4 * SECOND);
    bell.ring();
    started.wait().unwrap();
    let remaining = remaining.lock().unwrap().expect("it has a deadline");
    assert!(remaining.abs_diff(6 * SECOND) < 50 * MS, "{remaining:?}");
    scene.finish();
}

#[test]
fn a_shutdown_waits_for_what_waits_and_a_drop_only_a_little() {
    let (scene, owed) = owing(12, server_config());
    let client = scene.client("alice");
    let started = client.start_run();
    scene.world.run_for(SECOND);
    let Scene { world, server, ledger } = scene;
    let inner = Arc::clone(&owed);
    world.after(SECOND, move |_| pay(&inner));
    let report = server.shutdown(10 * SECOND);
    assert_eq!((report.running, report.unacknowledged), (0, 0));
    started.wait().unwrap();
    ledger.check();

    let (scene, _owed) = owing(13, server_config());
    let client = scene.client("alice");
    let started = client.start_run();
    scene.world.run_for(SECOND);
    let Scene { world, server, .. } = scene;
    let before = world.now();
    drop(server);
    assert!(world.now() - before <= SECOND);
    assert_failed(started.wait(), Outcome::Executed, |_| true);
}

#[test]
fn a_wake_for_nothing_changes_nothing() {
    let bell = Bell::default();
    let inner = bell.clone();
    let finish: Finish = Box::new(move |_, receipt| answer_on(inner.clone(), receipt));
    let scene = Scene::answering(World::new(14), server_config(), finish);
    let client = scene.client("alice");
    let started = client.start_run();
    scene.world.run_for(SECOND);
    for _ in 0..5 {
        bell.wake();
        scene.world.run_for(MS);
    }
    scene.host().pause(SECOND);
    bell.ring();
    let before = scene.world.now();
    started.wait().unwrap();
    assert!(scene.world.now() - before >= SECOND, "a host that pauses polls nothing");
    scene.finish();
}
