//! Somebody on the path of one client, and forged answers to others.

use std::time::Duration;

use farcall::sim::{Attack, Link, Source, Weapon, What, World};
use farcall::{CallErrorKind, Client, ClientConfig, Outcome, Stub};

use super::malicious::{PreyClient, scene};
use super::{assert_unharmed, honest_clients, live, session_between};
use crate::support::{HOUR, MS, SECOND, Scene, assert_failed, server_config};

/// One client whose path belongs to an enemy has no guarantee, but ends all its calls; everybody else
/// notices nothing.
#[test]
fn forged_datagrams_hurt_nobody_but_the_two_ends_of_their_path() {
    let run = |seed: u64, forgery: f64| {
        let (scene, mouse) = scene(seed, server_config());
        scene.host().set_method_time("run", MS);
        let clients = honest_clients(&scene, 2);
        let victim: PreyClient = Client::on(&scene.world.host("victim"), "work").unwrap().stub();
        let victim = victim.with_deadline(2 * SECOND);
        victim.bite(1).expect("nothing is in its way yet");
        let link = Link { forgery, ..Link::default() };
        scene.world.set_link("victim", "work", link.clone());
        scene.world.set_link("work", "victim", link);
        let (mut experiences, mut open) = (Vec::new(), Vec::new());
        for round in 0..60 {
            open.push(victim.start().bite(round));
            open.push(victim.start().swallow(&vec![7; 3000 * (round as usize % 10)]));
            experiences.extend(live(&scene, &clients, 2, 5 * MS));
        }
        scene.world.run_for(5 * SECOND);
        let failures = open.into_iter().filter_map(|call| call.wait().err()).count();
        let of_victim = victim.client().statistics();
        assert_eq!(of_victim.open(), 0);
        assert!(of_victim.assembly_bytes <= ClientConfig::default().maximum_assembly_bytes);
        let forged = scene.world.trace().to_string().matches("FORGED").count();
        // With its enemy gone it is an honest client again.
        scene.world.calm();
        scene.world.run_for(30 * SECOND);
        victim.bite(2).or_else(|_| victim.bite(3)).expect("nothing stands in its way any more");
        scene.world.host("victim").crash();
        scene.world.run_for(15 * SECOND);
        let server = scene.server.statistics();
        assert_eq!((server.assembly_bytes, server.queued, server.running), (0, 0, 0));
        let received = server.received;
        assert_eq!(received.datagrams, received.accepted + received.dropped_total());
        scene.ledger.check();
        (experiences, failures, forged, mouse.calls())
    };
    let mut hurt = 0;
    for seed in 0..8 {
        let (attacked, failures, forged, _) = run(seed, 0.2);
        let (twin, none, nothing, calls) = run(seed, 0.0);
        assert_unharmed(&attacked, &twin);
        assert_eq!((none, nothing, calls), (0, 0, 122));
        assert!(forged > 10, "{forged}");
        hurt += failures;
    }
    assert!(hurt > 10, "the forger reaches what is behind the checksum: {hurt}");
}

/// What was on its way comes again all the time, from everywhere and to everywhere, and after a restart.
#[test]
fn what_an_eavesdropper_sends_again_changes_no_outcome() {
    let run = |count: u64, restarts: bool| {
        let scene = Scene::new(3);
        scene.host().set_service_time(MS);
        let clients = honest_clients(&scene, 3);
        let attack = Attack {
            weapons: vec![Weapon::Replay],
            target: scene.server.local_addr(),
            source: Source::Nobody,
            interval: MS / 4,
            count,
        };
        scene.world.attack("mallory", attack, scene.world.random(9));
        let mut experiences = live(&scene, &clients, 60, 10 * MS);
        if restarts {
            scene.host().restart();
            experiences = live(&scene, &clients, 60, 10 * MS);
        }
        scene.ledger.check();
        scene.finish();
        experiences
    };
    assert_unharmed(&run(4_000, false), &run(0, false));
    assert_unharmed(&run(8_000, true), &run(0, true));
}

/// Forged answers of the server: with a guessed session they are nothing, and a hint that names the real
/// one costs a handshake.
#[test]
fn forged_answers_of_the_server_change_no_outcome() {
    for knows_the_session in [false, true] {
        let scene = Scene::new(4);
        let client = scene.warm_client();
        let (server, alice) = (scene.server.local_addr(), scene.world.addresses_of("alice")[0]);
        let session = session_between(&scene.world, alice, server);
        scene.host().set_service_time(3 * SECOND);
        let started: Vec<_> = (0..10).map(|_| client.start_run()).collect();
        let mut random = scene.world.random(1);
        for _ in 0..200 {
            let id = if knows_the_session { session } else { random.next_u64() };
            for datagram in World::every_datagram(id) {
                // GONE and MOVED are all that says nothing about a call, and about the right one an
                // answer on the path may say anything.
                if !knows_the_session || [0x86, 0x87].contains(&datagram[3]) {
                    scene.world.spoof("mallory", server, alice, datagram);
                }
            }
            scene.world.run_for(10 * MS);
        }
        for call in started {
            call.wait().unwrap();
        }
        assert_eq!(client.statistics().sessions_opened, 1);
        assert_eq!(scene.executions(), 11);
        scene.finish();
    }
}

/// A server is gone, and somebody says for it that it still works, as it once did.
#[test]
fn repeated_working_keeps_nobody_waiting_for_ever() {
    let scene = Scene::on(
        World::with(farcall::sim::Settings {
            trace: 1 << 12,
            recorded: 1 << 12,
            ..farcall::sim::Settings::new(5)
        }),
        server_config(),
    );
    let client = scene.warm_client();
    let (server, alice) = (scene.server.local_addr(), scene.world.addresses_of("alice")[0]);
    scene.host().set_service_time(HOUR);
    let call = client.within(2 * HOUR).start_run();
    scene.world.run_for(5 * SECOND);
    let trace = scene.world.trace();
    let working: Vec<_> = trace
        .records()
        .filter_map(|record| match &record.what {
            What::Datagram { from, to, data, .. }
                if (*from, *to) == (server, alice) && data.get(12) == Some(&0x83) =>
            {
                Some(data.clone())
            }
            _ => None,
        })
        .collect();
    assert!(working.len() > 3, "it said that it works on it: {}", working.len());
    scene.world.partition(&["alice"], &["work"]);
    let begun = scene.world.now();
    for round in 0..600 {
        let world = working[round % working.len()].clone();
        scene
            .world
            .after(round as u32 * 100 * MS, move |it| it.spoof("mallory", server, alice, world));
    }
    assert_failed(call.wait(), Outcome::Executed, |kind| {
        matches!(kind, CallErrorKind::Unreachable { .. })
    });
    let limit = ClientConfig::default().silence_limit + Duration::from_secs(2);
    let took = scene.world.now() - begun;
    assert!(took <= limit, "{took:?}");
    scene.ledger.check();
}
