//! What befalls hosts and paths in the middle of the calls.

use std::time::Duration;

use farcall::sim::{Delay, Random, World};

use crate::support::HOUR;

/// Plans one of the things that befall hosts and paths, some time soon.
pub(super) fn plan(world: &World, random: &mut Random, service_time: Delay) {
    let at = Duration::from_millis(random.below(400));
    let time = Duration::from_millis(1 + random.below(4_000));
    let client = format!("client-{}", random.below(4));
    match random.below(10) {
        0 => world.after(at, |world| world.host("work").restart()),
        1 => world.after(at, move |world| {
            world.host("work").crash();
            world.after(time, |world| world.host("work").restart());
        }),
        2 => world.after(at, move |world| {
            world.partition(&["client-0", "client-1"], &["work"]);
            world.after(time, World::heal);
        }),
        3 => world.after(at, move |world| {
            world.cut("work", &client);
            world.after(time, World::heal);
        }),
        4 => world.after(at, move |world| {
            world.cut(&client, "work");
            world.after(time, World::heal);
        }),
        5 => world.after(at, move |world| world.host("work").pause(time)),
        6 => world.after(at, move |world| world.host(&client).pause(time)),
        7 => world.after(at, move |world| world.host(&client).rebind()),
        8 => world.after(at, |world| world.host("work").jump_clock(HOUR)),
        // Whatever is run now never answers, until the server is started again.
        _ => world.after(at, move |world| {
            world.host("work").set_service_time(Delay::FOREVER);
            world.after(time, move |world| {
                world.host("work").set_service_time(service_time);
                world.host("work").restart();
            });
        }),
    }
}
