//! Clients with sessions of their own that abuse them: nobody else notices, and memory is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use farcall::sim::{Ledger, Malice, MethodIds, Settings, World};
use farcall::{Server, ServerConfig, ServerStatistics, Stub, rpc_interface};

use super::{assert_unharmed, honest_clients, live, watch_footprint};
use crate::support::{MS, SECOND, Scene, WorkServer, Worker, server_config};

/// What only malicious clients and victims call, so that the ledger of the others stays their own.
#[rpc_interface]
pub(super) trait Prey {
    fn bite(&self, number: u64) -> u64;

    #[rpc(oneway)]
    fn spit(&self, number: u64);

    fn swallow(&self, bytes: &[u8]) -> u64;
}

/// Counts how often it was called.
#[derive(Clone, Default)]
pub(crate) struct Mouse(Arc<AtomicU64>);

impl Mouse {
    pub(super) fn calls(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Prey for Mouse {
    fn bite(&self, number: u64) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed);
        number
    }

    fn spit(&self, _number: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn swallow(&self, bytes: &[u8]) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed);
        bytes.len() as u64
    }
}

/// A method of the interface above.
pub(crate) fn ids(name: &str) -> MethodIds {
    let interface = PreyClient::interface();
    let method = interface.methods().iter().find(|method| method.name() == name);
    let method = method.expect("it is one of its methods");
    (interface.id(), method.id(), method.signature().hash)
}

/// A server that serves both interfaces.
pub(super) fn scene(seed: u64, config: ServerConfig) -> (Scene, Mouse) {
    let settings = Settings { recorded: 1 << 16, trace: 1 << 14, ..Settings::new(seed) };
    scene_on(World::with(settings), config)
}

pub(crate) fn scene_on(world: World, config: ServerConfig) -> (Scene, Mouse) {
    let (ledger, mouse) = (Ledger::new(), Mouse::default());
    let server = Server::builder().config(config).on(&world, "work").unwrap();
    let server = server.serve(WorkServer::new(Worker(ledger.clone())));
    let server = server.serve(PreyServer::new(mouse.clone())).spawn().unwrap();
    (Scene { world, ledger, server }, mouse)
}

/// What a malicious client met.
struct Abuse {
    calls: u64,
    /// How many entries the tables of the server had more than without it.
    footprint: usize,
    statistics: ServerStatistics,
}

/// Honest clients beside a malicious one that sends a datagram in each `interval`, and the same without it.
#[track_caller]
fn beside(malice: Malice, config: &ServerConfig, interval: Duration) -> Abuse {
    let run = |is_attacked: bool| {
        let (scene, mouse) = scene(malice as u64, config.clone());
        scene.host().set_method_time("run", MS);
        let clients = honest_clients(&scene, 3);
        let (experiences, footprint) = watch_footprint(&scene.world, || {
            if is_attacked {
                let name = match malice {
                    Malice::Oneways => "spit",
                    Malice::OpenParts => "swallow",
                    _ => "bite",
                };
                let (server, random) = (scene.server.local_addr(), scene.world.random(9));
                let method = (ids(name), vec![0; 8].into());
                let eve = scene.world.host("eve");
                eve.add_malicious_client(server, malice, method, interval, random);
            }
            live(&scene, &clients, 60, 16 * MS)
        });
        let statistics = scene.server.statistics();
        // No promise to the honest is broken by anything that comes back.
        scene.world.host("eve").crash();
        scene.world.replay(SECOND);
        scene.world.run_for(15 * SECOND);
        scene.ledger.check();
        let after = scene.server.statistics();
        assert_eq!((after.assembly_bytes, after.queued, after.running), (0, 0, 0));
        (experiences, Abuse { calls: mouse.calls(), footprint, statistics })
    };
    let ((attacked, mut abuse), (twin, quiet)) = (run(true), run(false));
    assert_unharmed(&attacked, &twin);
    assert_eq!((quiet.calls, quiet.statistics.sessions), (0, 3));
    abuse.footprint = abuse.footprint.saturating_sub(quiet.footprint);
    let statistics = &abuse.statistics;
    assert_eq!(statistics.sessions, 4);
    assert!(statistics.received.accepted > quiet.statistics.received.accepted + 500);
    assert!(statistics.reply_bytes <= config.maximum_reply_bytes);
    // One message may exceed it, by what may be sent unasked.
    assert!(statistics.assembly_bytes <= config.maximum_assembly_bytes + 256 * 1024);
    abuse
}

fn window() -> usize {
    usize::from(server_config().window)
}

#[test]
fn a_client_that_never_acknowledges() {
    let abuse = beside(Malice::Silence, &server_config(), MS);
    assert_eq!(abuse.calls, window() as u64, "each of its calls ran once");
    // What it does not take is kept for it, within its window.
    assert!(abuse.statistics.replies_replayed > 100);
    assert!(abuse.footprint < 4 * window(), "{}", abuse.footprint);
}

#[test]
fn a_client_that_opens_messages_and_never_finishes_them() {
    let abuse = beside(Malice::OpenParts, &server_config(), MS);
    assert_eq!(abuse.calls, 0);
    assert!(abuse.footprint < 8 * window(), "{}", abuse.footprint);
    // A kilobyte of each of 128 messages, and what its first bytes made room for.
    assert!(abuse.statistics.assembly_bytes < 4 << 20, "{}", abuse.statistics.assembly_bytes);
    let tight = ServerConfig { maximum_assembly_bytes: 64 * 1024, ..server_config() };
    let abuse = beside(Malice::OpenParts, &tight, MS);
    assert!(abuse.statistics.refusals > 100, "the limit was hit");
}

#[test]
fn a_client_that_acknowledges_what_was_never_sent() {
    let abuse = beside(Malice::AbsurdAcknowledgements, &server_config(), MS);
    assert!(abuse.calls > 500);
    assert!(abuse.footprint < 4 * window(), "{}", abuse.footprint);
}

#[test]
fn a_client_that_cancels_every_call() {
    let abuse = beside(Malice::CancelStorm, &server_config(), MS / 10);
    assert!(abuse.footprint < 8 * window(), "{}", abuse.footprint);
}

#[test]
fn a_client_that_asks_without_end() {
    let abuse = beside(Malice::ProbeFlood, &server_config(), MS);
    assert_eq!(abuse.calls, 0);
    assert!(abuse.footprint < 4096, "{}", abuse.footprint);
}

#[test]
fn a_client_that_keeps_to_no_window() {
    let abuse = beside(Malice::WindowViolations, &server_config(), MS);
    assert!(abuse.statistics.misuses > 100, "{}", abuse.statistics.misuses);
    assert!(abuse.footprint < 4 * window(), "{}", abuse.footprint);
}

#[test]
fn a_client_that_sends_any_frame() {
    let abuse = beside(Malice::AnyFrame, &server_config(), MS);
    assert!(abuse.footprint < 8 * window(), "{}", abuse.footprint);
}

#[test]
fn a_client_that_sends_more_one_way_calls_than_can_be_run() {
    let abuse = beside(Malice::Oneways, &server_config(), MS);
    assert!(abuse.calls > 5_000, "they cost nothing here: {}", abuse.calls);
}
