//! A hostile network: what strangers, eavesdroppers and malicious clients can do, and whom it hurts.
//!
//! The checksum is no protection against somebody on the path: a victim whose datagrams are forged has no
//! guarantee. Everybody else keeps all of theirs, which is what is shown here.

mod floods;
mod forged;
pub(crate) mod malicious;
mod reflection;

use std::net::SocketAddr;
use std::time::Duration;

use farcall::Outcome;
use farcall::sim::{What, World};

use crate::support::{Caller, MS, Scene};

/// How a call of an honest client ended, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Experience {
    ended: Result<(), Outcome>,
    took: Duration,
}

/// The clients of this many hosts, each with a session.
fn honest_clients(scene: &Scene, count: usize) -> Vec<Caller> {
    let clients: Vec<Caller> =
        (0..count).map(|number| scene.client(&format!("honest-{number}"))).collect();
    for client in &clients {
        client.run().expect("nothing is in its way yet");
    }
    clients
}

/// The clients take turns with their calls, one in each `pause`.
fn live(scene: &Scene, clients: &[Caller], calls: usize, pause: Duration) -> Vec<Experience> {
    let mut experiences = Vec::new();
    for client in clients.iter().cycle().take(calls) {
        let begun = scene.world.now();
        let ended = client.run().map(drop).map_err(|failed| failed.outcome());
        experiences.push(Experience { ended, took: scene.world.now() - begun });
        scene.world.run_for(pause);
    }
    experiences
}

/// Nobody was told anything else than in the run without the attack, and the middle and the longest of
/// the calls took at most three times as long as the same ones there.
#[track_caller]
fn assert_unharmed(attacked: &[Experience], twin: &[Experience]) {
    let ended = |run: &[Experience]| run.iter().map(|call| call.ended).collect::<Vec<_>>();
    assert_eq!(ended(attacked), ended(twin));
    let times = |run: &[Experience]| {
        let mut times: Vec<Duration> = run.iter().map(|call| call.took).collect();
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() - 1])
    };
    let ((middle, longest), (twin_middle, twin_longest)) = (times(attacked), times(twin));
    assert!(middle <= 3 * twin_middle, "{middle:?}, without the attack {twin_middle:?}");
    assert!(longest <= 3 * twin_longest, "{longest:?}, without the attack {twin_longest:?}");
}

/// The largest footprint of the server, looked at every ten milliseconds while `work` goes on.
fn watch_footprint<R>(world: &World, work: impl FnOnce() -> R) -> (R, usize) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    fn look(world: &World, most: Arc<AtomicUsize>, is_over: Arc<AtomicBool>) {
        most.fetch_max(world.footprint("work"), Ordering::Relaxed);
        if !is_over.load(Ordering::Relaxed) {
            world.after(10 * MS, move |world| look(world, most, is_over));
        }
    }
    let (most, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    look(world, Arc::clone(&most), Arc::clone(&is_over));
    let result = work();
    is_over.store(true, Ordering::Relaxed);
    (result, most.load(Ordering::Relaxed))
}

/// Datagrams and bytes that were sent from one address to another, as far as the trace goes back.
fn sent(world: &World, from: SocketAddr, to: SocketAddr) -> (usize, usize) {
    let wanted = (from, to);
    let trace = world.trace();
    let lengths = trace.records().filter_map(|record| match &record.what {
        What::Datagram { from, to, data, .. } if (*from, *to) == wanted => Some(data.len()),
        _ => None,
    });
    lengths.fold((0, 0), |(datagrams, bytes), length| (datagrams + 1, bytes + length))
}

/// The session in which a client talks to its server, as somebody on the path sees it.
fn session_between(world: &World, client: SocketAddr, server: SocketAddr) -> u64 {
    let trace = world.trace();
    let of_frames = trace.records().filter_map(|record| match &record.what {
        What::Datagram { from, to, data, .. }
            if (*from, *to) == (client, server) && data.get(3) == Some(&0) =>
        {
            data.get(4..12).map(|id| u64::from_be_bytes(id.try_into().expect("eight bytes")))
        }
        _ => None,
    });
    of_frames.last().expect("the client has sent frames")
}
