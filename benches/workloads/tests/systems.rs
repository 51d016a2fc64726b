//! Whatever a system offers works: results are right, and a wrong one would be noticed.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::mpsc;
use std::thread;

use farcall_workloads::floors::{MioEcho, Tcp, Udp};
use farcall_workloads::{Check, Exchanged, FarcallSystem, Message, Result, System, Workload};

const SHORT: Duration = Duration::from_millis(20);
const SIZES: [usize; 3] = [1 << 10, 64 << 10, 1 << 20];

/// Serves in a thread, for as long as the test runs.
fn serve(system: &'static dyn System) -> Result<SocketAddr> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || system.serve(&mut |address| sender.send(address).unwrap_or_default()));
    Ok(receiver.recv()?)
}

/// Has a system do everything that it does not say it cannot.
fn does_what_it_offers(system: &'static dyn System) -> Result<()> {
    let offers = |workload| system.lacks(workload).is_none();
    let some = |exchanged: Exchanged| assert!(exchanged.count > 0, "{}", system.name());
    let server = serve(system)?;
    let mut client = system.connect(server)?;
    client.call()?;
    if offers(Workload::Stream) {
        some(client.stream(1, SHORT)?);
        some(client.stream(64, SHORT)?);
    }
    if offers(Workload::Threads) {
        some(client.threads(3, SHORT)?);
    }
    for size in SIZES {
        let message = Message::new(size, Check::Whole);
        if offers(Workload::Echo(size)) {
            client.echo(&message)?;
        }
        if offers(Workload::Upload(size)) {
            client.upload(&message)?;
        }
    }
    if offers(Workload::Busy) {
        client.occupy(SHORT)?;
    }
    if offers(Workload::Crowd) {
        assert_eq!(system.crowd(server, 20, 3)?.count, 60);
    }
    // Nothing of what came before is left over.
    client.call()
}

#[test]
fn farcall_does_what_it_offers() -> Result<()> {
    does_what_it_offers(&FarcallSystem::DEFAULT)?;
    does_what_it_offers(&FarcallSystem::BLOCKING)
}

#[test]
fn the_floors_do_what_they_offer() -> Result<()> {
    does_what_it_offers(&Udp::BLOCKING)?;
    does_what_it_offers(&Udp::SPINNING)?;
    does_what_it_offers(&MioEcho)?;
    does_what_it_offers(&Tcp)
}

#[test]
fn a_message_that_has_changed_is_noticed() {
    let sent = Message::new(100_000, Check::Whole);
    let mut came = sent.bytes().to_vec();
    assert!(sent.check(&came).is_ok());
    came[77_777] ^= 1;
    assert!(sent.check(&came).is_err());
    let glance = Message::new(100_000, Check::Glance);
    assert!(glance.check(&sent.bytes()[1..]).is_err());
    assert!(glance.check(&came).is_ok(), "it looks at every 10,007th byte");
}
