//! Floods of strangers: memory stays flat, and honest calls take as long as ever.

use farcall::sim::{Attack, Malice, Source, Weapon};

use super::{assert_unharmed, honest_clients, live, watch_footprint};
use crate::support::{MS, SECOND, Scene};

/// How often honest clients call while a flood lasts.
const CALLS: usize = 60;

/// Runs a flood beside honest clients, and the same without it; gives the footprints of both.
#[track_caller]
fn flood(seed: u64, weapons: &[Weapon], source: Source, count: u64) -> (usize, usize) {
    let run = |is_attacked: bool| {
        let scene = Scene::new(seed);
        scene.host().set_service_time(MS);
        let clients = honest_clients(&scene, 3);
        let (experiences, most) = watch_footprint(&scene.world, || {
            if is_attacked {
                let attack = Attack {
                    weapons: weapons.to_vec(),
                    target: scene.server.local_addr(),
                    source,
                    // As many as there are in the time of the honest calls.
                    interval: SECOND / count as u32,
                    count,
                };
                scene.world.attack("mallory", attack, scene.world.random(9));
            }
            let experiences = live(&scene, &clients, CALLS, 16 * MS);
            scene.world.run_for(SECOND);
            experiences
        });
        let statistics = scene.server.statistics();
        let received = &statistics.received;
        assert_eq!(received.datagrams, received.accepted + received.dropped_total());
        assert!(!is_attacked || received.datagrams >= count, "{received:?}");
        assert_eq!((statistics.sessions, statistics.sessions_opened), (3, 3));
        assert_eq!((statistics.assembly_bytes, statistics.misuses), (0, 0));
        // Strangers can still come.
        scene.client("late").run().unwrap();
        scene.ledger.check();
        (experiences, most)
    };
    let ((attacked, most), (twin, twin_most)) = (run(true), run(false));
    assert_unharmed(&attacked, &twin);
    (most, twin_most)
}

/// A few datagrams more wait at the moment of looking, and the table of those who are told that they have no
/// session is made with the first of them.
const SLACK: usize = 1024 + 64;

#[test]
fn hellos_from_tens_of_thousands_of_addresses() {
    let (most, twin) = flood(1, &[Weapon::Hello], Source::Nobody, 30_000);
    assert!(most <= twin + SLACK, "{most}, without the flood {twin}");
}

#[test]
fn opens_with_guessed_cookies() {
    let (most, twin) = flood(2, &[Weapon::Open], Source::Nobody, 10_000);
    assert!(most <= twin + SLACK, "{most}, without the flood {twin}");
}

#[test]
fn every_kind_of_datagram_with_guessed_ids() {
    let (most, twin) = flood(3, &[Weapon::Guess], Source::Nobody, 20_000);
    assert!(most <= twin + SLACK, "{most}, without the flood {twin}");
}

#[test]
fn garbage_nothing_at_all_and_the_largest_datagrams() {
    for (seed, weapon, count) in
        [(4, Weapon::Garbage, 10_000), (5, Weapon::Empty, 20_000), (6, Weapon::Oversize, 1_000)]
    {
        let (most, twin) = flood(seed, &[weapon], Source::Nobody, count);
        assert!(most <= twin + SLACK, "{weapon:?}: {most}, without the flood {twin}");
    }
}

#[test]
fn guesses_that_seem_to_come_from_an_honest_client() {
    // Its address is the first of the first host that is made after the server's.
    let victim = "10.0.0.2:7000".parse().unwrap();
    let weapons = [Weapon::Guess, Weapon::Open, Weapon::Garbage];
    let (most, twin) = flood(7, &weapons, Source::Of(victim), 20_000);
    assert!(most <= twin + SLACK, "{most}, without the flood {twin}");
}

#[test]
fn a_flood_beside_a_malicious_client_is_no_worse_than_either() {
    let (scene, _) = super::malicious::scene(8, crate::support::server_config());
    let clients = honest_clients(&scene, 2);
    let server = scene.server.local_addr();
    let attack = Attack {
        weapons: Weapon::ALL.to_vec(),
        target: server,
        source: Source::Nobody,
        interval: MS / 10,
        count: 10_000,
    };
    scene.world.attack("mallory", attack, scene.world.random(9));
    let random = scene.world.random(10);
    let method = (super::malicious::ids("bite"), vec![0; 8].into());
    scene.world.host("eve").add_malicious_client(server, Malice::AnyFrame, method, MS, random);
    let experiences = live(&scene, &clients, 50, 10 * MS);
    assert!(experiences.iter().all(|call| call.ended.is_ok()), "{experiences:?}");
}
