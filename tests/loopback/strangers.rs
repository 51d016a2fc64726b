//! Others on the network: garbage, forged datagrams, and peers of another version.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use farcall::{
    CallErrorKind, Client, ClientConfig, DropReason, Outcome, Server, ServerHandle, rpc_interface,
};

use crate::support::{PATIENCE, eventually};

#[rpc_interface]
pub trait Echo {
    fn echo(&self, value: u64) -> u64;
}

struct Worker;

impl Echo for Worker {
    fn echo(&self, value: u64) -> u64 {
        value
    }
}

fn serve() -> ServerHandle {
    Server::bind("127.0.0.1:0").unwrap().serve(EchoServer::new(Worker)).spawn().unwrap()
}

#[test]
fn honest_calls_go_on_next_to_garbage() {
    let server = serve();
    let echo = EchoClient::connect(server.local_addr()).unwrap();
    let is_over = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let mut random = fastrand::Rng::with_seed(1);
            let mut buffer = [0; 1400];
            let mut sent = 0_u64;
            // The receive buffer of the server must not overflow, or honest datagrams are lost with
            // the garbage and their repetition takes its time.
            while !is_over.load(Ordering::Relaxed) && sent < 20_000 {
                random.fill(&mut buffer);
                let length = random.usize(..=buffer.len());
                match sent % 3 {
                    0 => {}
                    // The magic number and the version are right.
                    1 => buffer[..3].copy_from_slice(&[0xfa, 0xca, 1]),
                    // A complete header of a handshake.
                    _ => buffer[..12].copy_from_slice(&[0xfa, 0xca, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
                }
                socket.send_to(&buffer[..length], server.local_addr()).unwrap();
                sent += 1;
                if sent.is_multiple_of(16) {
                    std::thread::yield_now();
                }
            }
            sent
        });
        for value in 0..2000 {
            assert_eq!(echo.echo(value).unwrap(), value);
        }
        is_over.store(true, Ordering::Relaxed);
        attacker.join().unwrap()
    });
    assert!(sent > 0);
    let statistics = eventually("all garbage is counted that arrived", || {
        let statistics = server.statistics();
        (statistics.received.dropped_total() > 0).then_some(statistics)
    });
    let received = &statistics.received;
    assert_eq!(received.accepted + received.dropped_total(), received.datagrams);
    assert!(received.dropped_total() <= sent);
    assert_eq!((statistics.sessions, statistics.executions), (1, 2000));
}

#[test]
fn garbage_is_counted_under_its_kind() {
    let server = serve();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let header = [0xfa, 0xca, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut corrupt = header.to_vec();
    corrupt.extend([0; 8]);
    let mut other_version = corrupt.clone();
    other_version[2] = 77;
    let expected: [(&[u8], DropReason); 4] = [
        (b"short", DropReason::Truncated),
        (b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", DropReason::WrongMagic),
        (&corrupt, DropReason::Corrupt),
        (&other_version, DropReason::WrongVersion),
    ];
    for (datagram, reason) in expected {
        stranger.send_to(datagram, server.local_addr()).unwrap();
        eventually(reason.label(), || {
            (server.statistics().received.dropped(reason) == 1).then_some(())
        });
    }
    assert_eq!(server.statistics().received.accepted, 0);
    // None of it was worth an answer.
    stranger.set_nonblocking(true).unwrap();
    let answer = stranger.recv_from(&mut [0; 64]);
    assert_eq!(answer.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// Answers every datagram as `answer` says, until it is dropped.
struct Impostor {
    address: SocketAddr,
    is_over: std::sync::Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Impostor {
    fn new(mut answer: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let is_over = std::sync::Arc::new(AtomicBool::new(false));
        let stop = std::sync::Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !stop.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    socket.send_to(&answer(&buffer[..length]), from).unwrap();
                }
            }
        });
        Self { address, is_over, thread: Some(thread) }
    }

    fn client(&self) -> EchoClient {
        let config = ClientConfig {
            handshake_timeout: Duration::from_millis(400),
            handshake_interval: Duration::from_millis(50),
            ..ClientConfig::default()
        };
        Client::builder().config(config).connect(self.address).unwrap().stub()
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_server_of_another_version_is_named() {
    // What a server that speaks only version 9 says to a HELLO: its own header, and the nonce.
    let impostor = Impostor::new(|hello| {
        let mut answer = vec![0xfa, 0xca, 9, 0x88, 0, 0, 0, 0, 0, 0, 0, 0];
        answer.extend_from_slice(&hello[12..28]);
        answer.extend_from_slice(&[9, 9, 0, 0]);
        answer.extend_from_slice(b"an integrity field of unknown length");
        answer
    });
    let start = Instant::now();
    let error = impostor.client().echo(1).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(*error.kind(), CallErrorKind::VersionMismatch { ours: 1, theirs: 9 });
    assert!(error.to_string().contains("version 9"), "{error}");
}

#[test]
fn a_server_that_talks_nonsense_is_no_server() {
    let mut random = fastrand::Rng::with_seed(2);
    let impostor = Impostor::new(move |hello| {
        // Half of the time it is an echo, the oldest of all nonsense.
        let mut answer = hello.to_vec();
        if random.bool() {
            random.fill(&mut answer[3..]);
        }
        answer
    });
    let start = Instant::now();
    let error = impostor.client().echo(1).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(*error.kind(), CallErrorKind::NoServer { tried: vec![impostor.address] });
}

#[test]
fn a_client_of_another_version_is_told_and_costs_nothing() {
    let server = serve();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_read_timeout(Some(PATIENCE)).unwrap();
    let nonce: [u8; 16] = *b"a nonce of bytes";
    let mut hello = vec![0; 1200];
    hello[..4].copy_from_slice(&[0xfa, 0xca, 2, 1]);
    hello[12..28].copy_from_slice(&nonce);
    stranger.send_to(&hello, server.local_addr()).unwrap();

    let mut answer = [0; 2048];
    let (length, from) = stranger.recv_from(&mut answer).expect("it is answered");
    assert_eq!(from, server.local_addr());
    let answer = &answer[..length];
    assert_eq!(answer[..4], [0xfa, 0xca, 1, 0x88], "VERSION, from a server of version 1");
    assert_eq!(answer[12..28], nonce);
    assert_eq!(answer[28..30], [1, 1], "the lowest and the highest version it speaks");
    assert!(length < hello.len(), "an answer must not be larger than what it answers");
    assert_eq!(server.statistics().sessions, 0);
}
