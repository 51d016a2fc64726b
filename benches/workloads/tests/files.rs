//! A crowd is measured only where it may open its files: how many those are must be known before.

#[cfg(target_os = "linux")]
#[test]
fn a_client_has_as_many_files_as_it_says() -> farcall_workloads::Result<()> {
    use std::sync::mpsc;
    use std::{fs, thread};

    use farcall_workloads::{FarcallSystem, System};

    const CLIENTS: usize = 1_000;
    /// What the polls of a few of them take.
    const POLLS: usize = 256;
    let open = || fs::read_dir("/proc/self/fd").map(Iterator::count);
    let system = FarcallSystem::DEFAULT;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || system.serve(&mut |address| sender.send(address).unwrap_or_default()));
    let server = receiver.recv()?;
    // Whatever all of them share is there.
    let mut first = system.client(server)?;
    farcall_workloads::Client::call(&mut first)?;
    let before = open()?;
    let clients: Result<Vec<_>, _> = (0..CLIENTS).map(|_| system.client(server)).collect();
    let clients = clients?;
    let opened = open()? - before;
    let said = clients.len() * system.files_per_endpoint();
    assert!((said..said + POLLS).contains(&opened), "{opened} instead of {said}");
    Ok(())
}
