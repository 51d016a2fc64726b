//! Datagrams that are lost cost time, and little of it.

use farcall::Outcome;
use farcall::sim::{Bursts, Delay, Link};

use crate::support::{MS, SECOND, Scene, lossy};

#[test]
fn a_lost_request_costs_milliseconds() {
    let scene = Scene::new(1);
    let client = scene.warm_client();
    // Nothing gets through for 1 ms, which is the first copy.
    scene.world.cut("alice", "work");
    scene.world.after(MS, |world| world.heal());
    let before = scene.world.now();
    client.run().unwrap();
    let took = scene.world.now() - before;
    assert!(took < 10 * MS, "{took:?}");
    scene.finish();
}

#[test]
fn calls_get_through_when_every_third_datagram_is_lost() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    scene.world.set_all_links(lossy(0.33));
    for _ in 0..200 {
        client.run().unwrap();
    }
    assert_eq!(scene.executions(), 201);
    scene.finish();
}

#[test]
fn calls_get_through_when_losses_come_in_bursts() {
    let scene = Scene::new(3);
    let client = scene.warm_client();
    let bursts = Some(Bursts { begin: 0.05, end: 0.25, loss: 0.95 });
    let delay = Delay::uniform(MS, 3 * MS);
    scene.world.set_all_links(Link { bursts, delay, ..Link::default() });
    for _ in 0..200 {
        client.run().unwrap();
    }
    scene.finish();
}

#[test]
fn a_session_is_opened_however_often_its_handshake_is_lost() {
    for seed in 0..20 {
        let scene = Scene::new(seed);
        scene.world.set_all_links(lossy(0.3));
        let client = scene.client("alice").within(60 * SECOND);
        // A call does not wait for a server longer than a handshake may take; the handshake goes on.
        let mut tries = 1;
        while let Err(failed) = client.run() {
            assert_eq!(failed.outcome(), Outcome::NotExecuted);
            tries += 1;
        }
        assert!(tries <= 5, "{tries} tries with seed {seed}");
        scene.finish();
    }
}

#[test]
fn on_a_path_without_faults_nothing_is_sent_twice() {
    let scene = Scene::new(4);
    scene.host().set_service_time(Delay::uniform(MS / 10, 15 * MS));
    let client = scene.warm_client();
    for _ in 0..300 {
        client.run().unwrap();
    }
    let (client, server) = (client.statistics(), scene.server.statistics());
    assert_eq!((client.retransmissions, client.stale_frames, client.fences), (0, 0, 0));
    assert_eq!((server.replies_replayed, server.stale_requests, server.misuses), (0, 0, 0));
    assert_eq!(client.received.dropped_total() + server.received.dropped_total(), 0);
    scene.finish();
}
