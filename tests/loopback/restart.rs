//! A server process that is killed and started again, in the middle of calls.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use farcall::{CallErrorKind, Client, ClientConfig, Outcome, Server, rpc_interface};

use crate::support::until_running;

#[rpc_interface]
pub trait Unit {
    /// Which process answers: the first, the second ..
    fn generation(&self) -> u32;
    /// Never returns in this process.
    fn hang(&self) -> u32;
    /// Never returns in the first process.
    #[rpc(idempotent)]
    fn hang_at_first(&self) -> u32;
    /// How many calls hang or did not.
    fn entered(&self) -> u32;
}

struct Process {
    generation: u32,
    entered: AtomicU32,
}

impl Unit for Process {
    fn generation(&self) -> u32 {
        self.generation
    }

    fn hang(&self) -> u32 {
        self.entered.fetch_add(1, Ordering::SeqCst);
        loop {
            std::thread::park();
        }
    }

    fn hang_at_first(&self) -> u32 {
        if self.generation == 1 {
            return self.hang();
        }
        self.generation
    }

    fn entered(&self) -> u32 {
        self.entered.load(Ordering::SeqCst)
    }
}

const ADDRESS: &str = "FARCALL_TEST_ADDRESS";
const GENERATION: &str = "FARCALL_TEST_GENERATION";
const MARK: &str = "serving on ";

/// The server process. It does nothing when it is run as a test.
#[test]
#[ignore = "it is the process that the other tests start and kill"]
fn server_process() {
    let (Ok(address), Ok(generation)) = (std::env::var(ADDRESS), std::env::var(GENERATION)) else {
        return;
    };
    let process = Process { generation: generation.parse().unwrap(), entered: AtomicU32::new(0) };
    let server = Server::bind(address).unwrap().serve(UnitServer::new(process));
    println!("\n{MARK}{}", server.local_addr());
    std::thread::spawn(|| server.run().unwrap());
    // Whatever happens to the process that started this one, this one ends with it.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// A server process, killed when this is dropped.
struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

impl ServerProcess {
    fn start(address: SocketAddr, generation: u32) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "restart::server_process", "--ignored", "--nocapture"])
            .env(ADDRESS, address.to_string())
            .env(GENERATION, generation.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let address = output
            .lines()
            .find_map(|line| line.unwrap().strip_prefix(MARK)?.parse().ok())
            .expect("the process says where it serves");
        Self { child, address }
    }

    fn first() -> Self {
        Self::start(SocketAddr::from(([127, 0, 0, 1], 0)), 1)
    }

    /// Kills the process without any warning and starts the next one at the same address.
    fn restart(self, generation: u32) -> Self {
        let address = self.address;
        self.kill();
        Self::start(address, generation)
    }

    fn kill(self) {
        drop(self);
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_running_call_ends_truthfully_and_is_not_run_again() {
    let server = ServerProcess::first();
    let unit = UnitClient::connect(server.address).unwrap();
    let mut call = unit.start().hang();
    until_running(&mut call);
    assert_eq!(unit.entered().unwrap(), 1);

    let server = server.restart(2);
    let start = Instant::now();
    let error = call.wait().unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    assert_eq!(error.outcome(), Outcome::Executed, "the server said so: {error}");
    assert_eq!(*error.kind(), CallErrorKind::ServerRestarted, "{error}");

    // The same client goes on with the new process, which has run nothing of the old one's.
    assert_eq!(unit.generation().unwrap(), 2);
    assert_eq!(unit.entered().unwrap(), 0);
    drop(server);
}

#[test]
fn an_idempotent_call_is_repeated_unasked() {
    let server = ServerProcess::first();
    let unit = UnitClient::connect(server.address).unwrap();
    let mut call = unit.start().hang_at_first();
    until_running(&mut call);
    let server = server.restart(2);
    assert_eq!(call.wait().unwrap(), 2);
    drop(server);
}

#[test]
fn a_call_to_a_dead_process_ends_in_bounded_time() {
    let server = ServerProcess::first();
    let config = ClientConfig {
        silence_limit: Duration::from_millis(400),
        handshake_timeout: Duration::from_millis(400),
        deadline: None,
        ..ClientConfig::default()
    };
    let unit: UnitClient = Client::builder().config(config).connect(server.address).unwrap().stub();
    let mut call = unit.start().hang();
    until_running(&mut call);
    server.kill();

    let start = Instant::now();
    let error = call.wait().unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    assert_eq!(error.outcome(), Outcome::Executed, "the server said so: {error}");

    // A new call cannot have run.
    let start = Instant::now();
    let error = unit.generation().unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    assert_eq!(error.outcome(), Outcome::NotExecuted, "{error}");
}

#[test]
fn an_idle_client_survives_a_restart() {
    let server = ServerProcess::first();
    let unit = UnitClient::connect(server.address).unwrap();
    assert_eq!(unit.generation().unwrap(), 1);
    let server = server.restart(2);
    assert_eq!(unit.hang_at_first().unwrap(), 2, "the next call may be repeated");
    let server = server.restart(3);
    // One that may not be repeated was sent to a session that is gone, so its end cannot be known; but
    // it says so, and the next one works.
    match unit.generation() {
        Ok(generation) => assert_eq!(generation, 3),
        Err(error) => assert_eq!(
            (error.outcome(), error.kind()),
            (Outcome::Unknown, &CallErrorKind::ServerRestarted)
        ),
    }
    assert_eq!(unit.generation().unwrap(), 3);
    drop(server);
}

#[test]
fn many_calls_over_many_restarts_run_at_most_once_each() {
    let mut server = ServerProcess::first();
    let address = server.address;
    let unit = UnitClient::connect(address).unwrap();
    for generation in 2..5 {
        let mut calls: Vec<_> = (0..3).map(|_| unit.start().hang()).collect();
        calls.iter_mut().for_each(until_running);
        assert_eq!(unit.entered().unwrap(), 3);
        server = server.restart(generation);
        for call in calls {
            let error = call.wait().unwrap_err();
            assert_eq!(error.outcome(), Outcome::Executed, "the server said so: {error}");
        }
        assert_eq!(unit.entered().unwrap(), 0);
    }
    drop(server);
}
