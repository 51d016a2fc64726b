//! Each counter moves when its cause happens, and no other does.

use std::collections::BTreeMap;
use std::fmt::Display;

use farcall::sim::Link;
use farcall::{CallErrorKind, ClientConfig, ClientStatistics, ServerConfig, ServerStatistics};

use crate::support::{Caller, HOUR, MS, SECOND, Scene, assert_failed, server_config};

/// The counters of a table by their names, and by those of their groups.
fn counters(statistics: &impl Display) -> BTreeMap<String, i64> {
    let table = format!("{statistics:#}");
    let mut group = "";
    let mut found = BTreeMap::new();
    for line in table.lines() {
        match line.strip_prefix("  ") {
            None => group = line,
            Some(row) => {
                let (name, value) = row.rsplit_once(' ').expect("a name and a number");
                if let Ok(value) = value.parse() {
                    found.insert(format!("{group}: {}", name.trim()), value);
                }
            }
        }
    }
    found
}

/// Traffic, which everything causes.
const TRAFFIC: &[&str] = &[
    "sent: datagrams",
    "sent: bytes",
    "received: datagrams",
    "received: bytes",
    "received: accepted",
    "now: bytes of replies",
];

/// What moved between two looks, and by how much; traffic aside.
fn moved(before: &impl Display, after: &impl Display) -> Vec<(String, i64)> {
    let before = counters(before);
    counters(after)
        .into_iter()
        .filter(|(name, _)| !TRAFFIC.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value - before.get(&name).copied().unwrap_or(0)))
        .filter(|(_, change)| *change != 0)
        .collect()
}

struct Watch<'s> {
    scene: &'s Scene,
    client: &'s Caller,
    before: (ClientStatistics, ServerStatistics),
}

impl<'s> Watch<'s> {
    fn new(scene: &'s Scene, client: &'s Caller) -> Self {
        Self { scene, client, before: (client.statistics(), scene.server.statistics()) }
    }

    /// What moved since then, at the client and at the server.
    #[track_caller]
    fn assert_moved(&self, client: &[(&str, i64)], server: &[(&str, i64)]) {
        let owned = |expected: &[(&str, i64)]| -> Vec<_> {
            expected.iter().map(|(name, change)| ((*name).to_owned(), *change)).collect()
        };
        assert_eq!(moved(&self.before.0, &self.client.statistics()), owned(client));
        assert_eq!(moved(&self.before.1, &self.scene.server.statistics()), owned(server));
    }
}

#[test]
fn a_call_that_goes_well() {
    let scene = Scene::new(1);
    let client = scene.warm_client();
    let watch = Watch::new(&scene, &client);
    client.run().unwrap();
    watch.assert_moved(
        &[("calls: replied", 1), ("calls: submitted", 1)],
        &[("calls: admitted", 1), ("calls: run", 1)],
    );
    // Traffic in both directions, in datagrams and bytes, is the same on both sides.
    let (alice, server) = (client.statistics(), scene.server.statistics());
    assert_eq!(alice.datagrams_sent, server.received.datagrams);
    assert_eq!(alice.bytes_sent, server.received.bytes);
    assert_eq!(server.datagrams_sent, alice.received.datagrams);
    assert_eq!(server.bytes_sent, alice.received.bytes);
    assert_eq!(server.received.accepted, server.received.datagrams);
    let round_trip = alice.round_trip.expect("one was measured");
    assert!(round_trip.abs_diff(MS / 5) < MS / 10, "100 µs each way: {round_trip:?}");
}

#[test]
fn a_request_that_is_lost() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    let watch = Watch::new(&scene, &client);
    scene.world.cut("alice", "work");
    scene.world.after(MS / 2, |world| world.heal());
    client.run().unwrap();
    watch.assert_moved(
        &[("calls: replied", 1), ("calls: submitted", 1), ("sent: retransmissions", 1)],
        &[("calls: admitted", 1), ("calls: run", 1)],
    );
}

#[test]
fn a_reply_that_is_lost() {
    let scene = Scene::new(3);
    let client = scene.warm_client();
    let watch = Watch::new(&scene, &client);
    scene.world.cut("work", "alice");
    scene.world.after(MS / 2, |world| world.heal());
    client.run().unwrap();
    watch.assert_moved(
        &[("calls: replied", 1), ("calls: submitted", 1), ("sent: retransmissions", 1)],
        &[
            ("calls: admitted", 1),
            ("calls: run", 1),
            ("copies: duplicates", 1),
            ("copies: replies sent again", 1),
        ],
    );
}

#[test]
fn an_empty_budget_for_retransmissions() {
    let config = ClientConfig {
        retransmissions_per_call: 0.0,
        retransmissions_per_second: 1,
        ..ClientConfig::default()
    };
    let scene = Scene::new(4);
    let client = scene.client_with("alice", config).within(20 * SECOND);
    client.run().unwrap();
    let before = client.statistics();
    scene.world.cut("alice", "work");
    scene.world.after(SECOND, |world| world.heal());
    let started: Vec<_> = (0..50).map(|_| client.start_run()).collect();
    scene.world.run_for(SECOND);
    let after = client.statistics();
    assert!(after.retransmissions_delayed > before.retransmissions_delayed, "{after:#}");
    for started in started {
        started.wait().unwrap();
    }
}

#[test]
fn everything_twice() {
    let scene = Scene::new(5);
    let client = scene.warm_client();
    let watch = Watch::new(&scene, &client);
    scene.world.set_all_links(Link { duplication: 1.0, ..Link::default() });
    client.run().unwrap();
    scene.world.run_for(5 * MS);
    let (alice, server) = (client.statistics(), scene.server.statistics());
    let names = |changes: Vec<(String, i64)>| changes.into_iter().map(|(name, _)| name).collect();
    let client_moved: Vec<String> = names(moved(&watch.before.0, &alice));
    assert_eq!(client_moved, ["calls: replied", "calls: submitted", "session: stale frames"]);
    let server_moved: Vec<String> = names(moved(&watch.before.1, &server));
    assert_eq!(
        server_moved,
        ["calls: admitted", "calls: run", "copies: duplicates", "sent: WORKING"],
        "the second copy comes while the call runs"
    );
}

#[test]
fn a_long_call() {
    let scene = Scene::new(6);
    let client = scene.warm_client();
    let watch = Watch::new(&scene, &client);
    scene.host().set_service_time(MS);
    let started = client.start_run();
    scene.world.run_for(MS / 2);
    watch.assert_moved(
        &[("calls: open", 1), ("calls: submitted", 1)],
        &[("calls: admitted", 1), ("calls: run", 1), ("now: running", 1), ("sent: WORKING", 1)],
    );
    started.wait().unwrap();
    watch.assert_moved(
        &[("calls: replied", 1), ("calls: submitted", 1)],
        &[("calls: admitted", 1), ("calls: run", 1), ("sent: WORKING", 1)],
    );

    let watch = Watch::new(&scene, &client);
    scene.host().set_service_time(30 * MS);
    client.run().unwrap();
    watch.assert_moved(
        &[("calls: replied", 1), ("calls: submitted", 1), ("sent: probes", 1)],
        &[
            ("calls: admitted", 1),
            ("calls: run", 1),
            ("copies: duplicates", 1),
            ("sent: WORKING", 2),
        ],
    );
}

#[test]
fn a_call_that_waits_and_is_given_up() {
    let scene = Scene::with(7, ServerConfig { workers: 1, ..server_config() });
    let client = scene.warm_client();
    scene.host().set_service_time(SECOND);
    let running = client.start_run();
    scene.world.run_for(2 * MS);
    let watch = Watch::new(&scene, &client);
    let waiting = client.start_run();
    scene.world.run_for(2 * MS);
    watch.assert_moved(
        &[("calls: open", 1), ("calls: submitted", 1)],
        &[("calls: admitted", 1), ("now: queued", 1), ("sent: WORKING", 1)],
    );
    waiting.pending.cancel();
    waiting.wait().unwrap_err();
    let after = scene.server.statistics();
    assert_eq!((after.queued, after.refusals - watch.before.1.refusals), (0, 1));
    assert_eq!(client.statistics().fences - watch.before.0.fences, 1);
    running.wait().unwrap();
}

#[test]
fn a_handler_that_panics() {
    let scene = Scene::new(8);
    let client = scene.warm_client();
    let watch = Watch::new(&scene, &client);
    assert_failed(client.fail(), farcall::Outcome::Executed, |kind| {
        matches!(kind, CallErrorKind::HandlerPanicked { .. })
    });
    watch.assert_moved(
        &[("calls: failed", 1), ("calls: submitted", 1)],
        &[("calls: admitted", 1), ("calls: panicked", 1), ("calls: run", 1)],
    );
}

#[test]
fn one_way_calls_that_run_and_that_come_too_late() {
    let scene = Scene::with(9, ServerConfig { workers: 1, ..server_config() });
    let client = scene.warm_client();
    let watch = Watch::new(&scene, &client);
    client.tell();
    scene.world.run_for(MS);
    watch.assert_moved(
        &[("calls: replied", 1), ("calls: submitted", 1)],
        &[("calls: admitted", 1), ("calls: one-way", 1), ("calls: run", 1)],
    );
    scene.host().set_service_time(SECOND);
    let running = client.start_run();
    scene.world.run_for(MS / 5);
    let watch = Watch::new(&scene, &client);
    client.within(100 * MS).tell();
    running.wait().unwrap();
    scene.world.run_for(MS);
    let (before, after) = (&watch.before.1, scene.server.statistics());
    assert_eq!(after.oneway_calls - before.oneway_calls, 1);
    assert_eq!(after.oneway_dropped - before.oneway_dropped, 1, "its deadline passed in the queue");
    assert_eq!(after.refusals, before.refusals, "nobody was told");
    assert_eq!(after.executions, before.executions);
}

#[test]
fn sessions_that_move_expire_and_are_lost() {
    let scene = Scene::with(10, ServerConfig { lease: 60 * SECOND, ..server_config() });
    let client = scene.warm_client();
    scene.world.host("alice").rebind();
    client.run().unwrap();
    let (alice, server) = (client.statistics(), scene.server.statistics());
    assert_eq!((alice.sessions_opened, alice.sessions_resumed), (1, 1));
    assert_eq!((server.sessions_opened, server.sessions_resumed), (1, 1));
    assert!(server.received.dropped(farcall::DropReason::UnprovenAddress) > 0);

    scene.world.run_for(HOUR);
    let server = scene.server.statistics();
    assert_eq!((server.sessions, server.sessions_expired, server.reply_bytes), (0, 1, 0));
    client.run().unwrap();
    assert_eq!(client.statistics().sessions_opened, 2);
}

#[test]
fn old_copies_that_come_back() {
    let scene = Scene::new(11);
    let client = scene.warm_client();
    for _ in 0..50 {
        client.run().unwrap();
    }
    scene.world.run_for(SECOND);
    let before = scene.server.statistics();
    scene.world.replay(SECOND);
    scene.world.run_for(2 * SECOND);
    let after = scene.server.statistics();
    assert!(after.stale_requests > before.stale_requests, "{after:#}");
    assert_eq!(after.executions, before.executions);
    assert!(client.statistics().stale_frames > 0);
    let received = &after.received;
    assert_eq!(received.datagrams, received.accepted + received.dropped_total());
}

#[test]
fn what_is_said_of_nothing_and_of_something() {
    assert_eq!(ClientStatistics::default().to_string(), "nothing happened");
    assert_eq!(ServerStatistics::default().to_string(), "nothing happened");

    let scene = Scene::new(12);
    let client = scene.warm_client();
    let line = client.statistics().to_string();
    assert_eq!(
        line,
        "calls: 1 submitted, 1 replied; sent: 3 datagrams, 2456 bytes; received: 3 datagrams, \
         1304 bytes, 3 accepted; session: 1 opened, 200.0µs round trip"
    );
    let table = format!("{:#}", scene.server.statistics());
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("  ")).collect();
    assert!(rows.len() > 20, "zero is a number as well: {table}");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "the numbers are aligned: {table}");
    assert!(!table.contains("corrupt"), "reasons that did not happen are left out: {table}");
    assert!(!line.contains('\n'));
}
