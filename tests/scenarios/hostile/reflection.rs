//! Nobody can use a server to send to somebody else more than he sends himself, or make two of our own
//! talk to each other for ever.

use std::net::SocketAddr;

use farcall::sim::{Attack, What};
use farcall::sim::{Settings, Source, Weapon, World};

use super::{sent, session_between};
use crate::support::{MS, SECOND, Scene, server_config};

fn traced(seed: u64) -> Scene {
    let settings = Settings { trace: 1 << 20, recorded: 1 << 16, ..Settings::new(seed) };
    Scene::on(World::with(settings), server_config())
}

#[test]
fn no_datagram_of_any_kind_brings_a_stranger_more_than_it_sent() {
    let scene = traced(1);
    let _client = scene.warm_client();
    let (server, alice) = (scene.server.local_addr(), scene.world.addresses_of("alice")[0]);
    let session = session_between(&scene.world, alice, server);
    let mut answered = 0;
    for (number, id) in [session, session ^ 1, 0, u64::MAX].into_iter().enumerate() {
        for (kind, datagram) in World::every_datagram(id).into_iter().enumerate() {
            // A stranger of its own for each, so that no limit by source hides anything.
            let stranger = SocketAddr::from(([198, 51, number as u8, kind as u8], 53));
            scene.world.spoof("mallory", stranger, server, datagram);
            scene.world.run_for(50 * MS);
            let (_, bytes_in) = sent(&scene.world, stranger, server);
            let (datagrams, bytes) = sent(&scene.world, server, stranger);
            assert!(datagrams <= 1 && bytes <= bytes_in, "{datagrams}, {bytes} for {bytes_in}");
            answered += datagrams;
        }
    }
    // HELLO, that of another version, and nine frames; of the last there is one about each session.
    assert_eq!(answered, 4 * (2 + 9));
    scene.finish();
}

/// The same as an account of every address while everything is sent at once, and a window of any length.
#[test]
fn at_no_moment_has_a_stranger_got_more_than_it_sent() {
    let scene = traced(2);
    let client = scene.warm_client();
    let server = scene.server.local_addr();
    // Few strangers, so that what a limit or a queue lets through adds up, and the loops of two servers.
    for stranger in 0..8_u8 {
        let attack = Attack {
            weapons: Weapon::ALL.to_vec(),
            target: server,
            source: Source::Of(SocketAddr::from(([198, 51, 100, stranger], 7000))),
            interval: MS / 4,
            count: 1000,
        };
        scene.world.attack("mallory", attack, scene.world.random(u64::from(stranger)));
    }
    for _ in 0..100 {
        client.run().unwrap();
        scene.world.run_for(5 * MS);
    }
    scene.world.run_for(SECOND);
    let trace = scene.world.trace();
    let mut accounts = std::collections::BTreeMap::new();
    let is_stranger = |address: &SocketAddr| address.ip().to_string().starts_with("198.");
    let mut answers = 0;
    for record in trace.records() {
        let What::Datagram { from, to, data, .. } = &record.what else { continue };
        if is_stranger(from) && *to == server {
            let (datagrams, bytes) = accounts.entry(*from).or_insert((0_usize, 0_usize));
            (*datagrams, *bytes) = (*datagrams + 1, *bytes + data.len());
        } else if *from == server && is_stranger(to) {
            let (datagrams, bytes) = accounts.get_mut(to).expect("it has sent something first");
            let left = (datagrams.checked_sub(1), bytes.checked_sub(data.len()));
            let (Some(left_datagrams), Some(left_bytes)) = left else {
                panic!("{to} has got more than it sent");
            };
            (*datagrams, *bytes) = (left_datagrams, left_bytes);
            answers += 1;
        }
    }
    assert!(answers > 500, "{answers}");
    scene.finish();
}

#[test]
fn two_servers_wired_together_are_silent_after_two_hops() {
    let scene = traced(3);
    let other = Scene::answering_as(
        "other",
        scene.world.clone(),
        server_config(),
        Box::new(|_, receipt| farcall::__private::Answer::reply(receipt)),
    );
    let _client = scene.warm_client();
    let (one, two) = (scene.server.local_addr(), other.server.local_addr());
    let alice = scene.world.addresses_of("alice")[0];
    let session = session_between(&scene.world, alice, one);
    let between = || sent(&scene.world, one, two).0 + sent(&scene.world, two, one).0;
    let to_itself = || sent(&scene.world, one, one).0;
    let mut answered = 0;
    for id in [session, 12345] {
        for datagram in World::every_datagram(id) {
            for (from, to) in [(two, one), (one, two)] {
                let before = between();
                scene.world.spoof("mallory", from, to, datagram.clone());
                scene.world.run_for(100 * MS);
                let hops = between() - before;
                assert!(hops <= 2, "{hops} hops");
                answered += hops - 1;
            }
            let before = to_itself();
            scene.world.spoof("mallory", one, one, datagram.clone());
            scene.world.run_for(100 * MS);
            let hops = to_itself() - before;
            assert!(hops <= 2, "{hops} hops");
        }
    }
    assert_eq!(answered, 2 * 2 * (2 + 9), "the answers of one server reach the other");
    scene.finish();
}

#[test]
fn two_clients_wired_together_say_nothing_to_each_other() {
    let scene = traced(4);
    let (one, two) = (scene.client("alice"), scene.client("bob"));
    one.run().unwrap();
    two.run().unwrap();
    let server = scene.server.local_addr();
    let addresses = [scene.world.addresses_of("alice")[0], scene.world.addresses_of("bob")[0]];
    let sessions = addresses.map(|client| session_between(&scene.world, client, server));
    let between = || {
        sent(&scene.world, addresses[0], addresses[1]).0
            + sent(&scene.world, addresses[1], addresses[0]).0
    };
    let before = between();
    let mut count = 0;
    for id in [sessions[0], sessions[1], 12345] {
        for datagram in World::every_datagram(id) {
            for (from, to) in [(0, 1), (1, 0)] {
                scene.world.spoof("mallory", addresses[from], addresses[to], datagram.clone());
                count += 1;
            }
        }
    }
    scene.world.run_for(SECOND);
    assert_eq!(between() - before, count, "only what the attacker sent");
    one.run().unwrap();
    two.run().unwrap();
    scene.finish();
}

#[test]
fn forged_hints_cost_a_client_one_handshake_at_a_time() {
    let scene = traced(5);
    let client = scene.warm_client();
    let (server, alice) = (scene.server.local_addr(), scene.world.addresses_of("alice")[0]);
    let session = session_between(&scene.world, alice, server);
    let (before, _) = sent(&scene.world, alice, server);
    // Somebody on the path, who knows the session, says GONE and MOVED a thousand times.
    let hints: Vec<_> = World::every_datagram(session)
        .into_iter()
        .filter(|it| [0x86, 0x87].contains(&it[3]))
        .collect();
    assert_eq!(hints.len(), 2);
    for _ in 0..500 {
        for hint in &hints {
            scene.world.spoof("mallory", server, alice, hint.clone());
        }
        scene.world.run_for(MS / 50);
    }
    let (after, _) = sent(&scene.world, alice, server);
    assert!(after - before <= 110, "{} datagrams for 1000", after - before);
    client.run().unwrap();
    assert_eq!(client.statistics().sessions_opened, 1, "it has its session still");
    scene.finish();
}
