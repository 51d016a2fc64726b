//! Hostile company for some of the runs: the honest must not notice, and keep all that they are promised.

use std::time::Duration;

use farcall::sim::{Attack, Link, Malice, Random, Source, Weapon};

use crate::hostile::malicious::ids;
use crate::support::{MS, Scene};

/// How many datagrams each of them sends at most.
const MOST_DATAGRAMS: u32 = 1_000;

/// A client with a session that it abuses, over a path on which datagrams are forged, and an attacker
/// without one.
pub(super) fn arrive(scene: &Scene, random: &mut Random) {
    let world = &scene.world;
    let server = scene.server.local_addr();
    let mallory = world.host("mallory");
    world.set_link("mallory", "work", Link { forgery: 0.2, ..Link::default() });
    let method = (ids("bite"), vec![0; 8].into());
    let malice = *random.pick(&Malice::ALL);
    let often = interval(random);
    mallory.add_malicious_client(server, malice, method, often, world.random(3));
    world.after(often * MOST_DATAGRAMS, |world| world.host("mallory").crash());
    let attack = Attack {
        weapons: Weapon::ALL.to_vec(),
        target: server,
        source: Source::Nobody,
        interval: interval(random),
        count: random.below(MOST_DATAGRAMS.into()),
    };
    world.attack("eve", attack, world.random(4));
}

/// They are gone; what they sent may still come back.
pub(super) fn leave(scene: &Scene) {
    scene.world.host("mallory").crash();
}

fn interval(random: &mut Random) -> Duration {
    MS + Duration::from_millis(random.below(50))
}
