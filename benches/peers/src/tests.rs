//! Every peer does what it says that it takes part in, with everything in one process.

use core::time::Duration;
use std::sync::mpsc;
use std::thread;

use farcall_workloads::{Check, Message, Result, System, Workload};

use super::peers;

/// Long enough for some calls.
const TIME: Duration = Duration::from_millis(20);

fn takes_part(system: &'static dyn System) -> Result<()> {
    if let Some(reason) = system.lacks(Workload::Call) {
        println!("{}: {reason}", system.name());
        return Ok(());
    }
    let (sender, receiver) = mpsc::channel();
    // It serves until the process ends.
    thread::spawn(move || system.serve(&mut |address| drop(sender.send(address))));
    let server = receiver.recv()?;
    let mut client = system.connect(server)?;
    client.call()?;
    let offers = |workload| system.lacks(workload).is_none();
    if offers(Workload::Stream) {
        assert!(client.stream(16, TIME)?.count > 0);
    }
    if offers(Workload::Threads) {
        assert!(client.threads(3, TIME)?.count > 0);
    }
    if offers(Workload::Crowd) {
        assert_eq!(system.crowd(server, 5, 7)?.count, 35);
    }
    for size in [1, 1 << 10, 1 << 20, 16 << 20] {
        let message = Message::new(size, Check::Whole);
        if offers(Workload::Echo(size)) {
            client.echo(&message)?;
        }
        if offers(Workload::Upload(size)) {
            client.upload(&message)?;
        }
    }
    Ok(())
}

#[test]
fn tarpc() -> Result<()> {
    takes_part(peers::TARPC)
}

#[test]
fn tonic() -> Result<()> {
    takes_part(peers::TONIC)
}

#[test]
fn capnp() -> Result<()> {
    takes_part(peers::CAPNP)
}

#[test]
fn quinn() -> Result<()> {
    takes_part(peers::QUINN)?;
    takes_part(peers::QUINN_SMALL_CALLS)?;
    takes_part(peers::QUINN_LARGE_MESSAGES)
}

/// Only one of the two: a process can run one server of this library.
#[test]
fn libtirpc() -> Result<()> {
    takes_part(peers::LIBTIRPC_TCP)
}
