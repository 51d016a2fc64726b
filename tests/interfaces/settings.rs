//! Builders, their settings, `ready`, and the counters.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use farcall::{
    CallErrorKind, Client, ClientBuilder, ClientConfig, ConnectError, DropReason, ServeError,
    Server, ServerBuilder, ServerConfig, rpc_interface,
};

use crate::support::{Gate, both, eventually};

#[rpc_interface]
pub trait Work {
    fn echo(&self, bytes: Vec<u8>) -> Vec<u8>;
    fn held(&self);
}

struct Worker(Gate);

impl Work for Worker {
    fn echo(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    fn held(&self) {
        self.0.pass();
    }
}

fn serve(gate: &Gate) -> impl FnOnce(Server) -> Server {
    let service = WorkServer::new(Worker(gate.clone()));
    |server| server.serve(service)
}

both! {
    fn a_default_deadline_is_a_setting_of_the_client(place: &Place) {
        let gate = Gate::new();
        let server = place.serve(serve(&gate));
        let deadline = Duration::from_millis(40);
        let client = server.client_with(Client::builder().deadline(deadline));
        let error = client.stub::<WorkClient>().held().unwrap_err();
        assert_eq!(*error.kind(), CallErrorKind::DeadlineExceeded { deadline, inherited: false });
        gate.open();
    }

    fn larger_datagrams_carry_larger_messages(place: &Place) {
        let server = place.serve_with(Server::builder().datagram_size(9000), serve(&Gate::new()));
        let client = server.client_with(Client::builder().datagram_size(9000));
        let bytes = vec![7; 8000];
        assert_eq!(client.stub::<WorkClient>().echo(bytes.clone()).unwrap(), bytes);
    }

    fn whole_configurations_can_be_given(place: &Place) {
        let gate = Gate::new();
        let config = ServerConfig { workers: 1, window: 2, ..ServerConfig::default() };
        let server = place.serve_with(Server::builder().config(config), serve(&gate));
        let deadline = Some(Duration::from_secs(60));
        let config = ClientConfig { deadline, ..ClientConfig::default() };
        let client = server.client_with(Client::builder().config(config));
        let work: WorkClient = client.stub();

        // Three calls, two lanes, one worker.
        let calls: Vec<_> = (0..3).map(|_| work.start().held()).collect();
        gate.until_entered(1);
        eventually("the second call is queued", || {
            (server.handle.statistics().queued == 1).then_some(())
        });
        assert_eq!(server.handle.statistics().calls, 2);
        assert_eq!(calls[2].status(), farcall::CallStatus::Waiting);
        gate.open();
        for call in calls {
            call.wait().unwrap();
        }
    }

    fn ready_means_that_there_is_a_session(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let client = server.client();
        client.ready(Duration::from_secs(5)).unwrap();
        assert_eq!(client.statistics().sessions_opened, 1);
        assert_eq!(client.statistics().calls, 0);
        client.ready(Duration::ZERO).unwrap();
    }

    fn counters_count(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let client = server.client_with(Client::builder().maximum_request(10_000));
        let work: WorkClient = client.stub();
        for _ in 0..10 {
            work.echo(vec![1, 2, 3]).unwrap();
        }
        let error = work.echo(vec![0; 100_000]).unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::RequestTooLarge { .. }), "{error}");

        let ours = client.statistics();
        assert_eq!((ours.calls, ours.replies, ours.failures), (11, 10, 1));
        assert!(ours.datagrams_sent >= 12, "{ours:?}");
        assert!(ours.received.datagrams >= 12, "{ours:?}");
        // On a busy machine a packet of the handshake is repeated, and so is its answer.
        let repeated = ours.received.dropped(DropReason::StaleHandshake);
        assert_eq!(ours.received.accepted + repeated, ours.received.datagrams);
        assert!(ours.round_trip.is_some(), "{ours:?}");

        let theirs = server.handle.statistics();
        assert_eq!((theirs.calls, theirs.executions, theirs.sessions), (10, 10, 1));
        assert_eq!(theirs.received.dropped_total(), 0);
        assert_eq!(theirs.received.accepted, theirs.received.datagrams);
    }

    fn the_last_handle_of_a_client_closes_its_session(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let client = server.client();
        let work: WorkClient = client.stub();
        work.echo(vec![]).unwrap();
        drop(client);
        work.echo(vec![]).unwrap();
        assert_eq!(server.handle.statistics().sessions, 1);
        drop(work);
        eventually("the session is closed", || {
            (server.handle.statistics().sessions == 0).then_some(())
        });
    }
}

#[test]
fn ready_says_who_did_not_answer() {
    // A socket that receives and says nothing.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let client = Client::connect(address).unwrap();
    let start = Instant::now();
    let limit = Duration::from_millis(50);
    let error = client.ready(limit).unwrap_err();
    assert!(start.elapsed() >= limit && start.elapsed() < Duration::from_secs(3));
    assert!(
        matches!(&error, ConnectError::NotReady { tried, waited, .. }
            if *tried == [address] && *waited == limit),
        "{error:?}"
    );
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn contradictory_settings_are_named() {
    let config = ClientConfig { handshake_timeout: Duration::ZERO, ..ClientConfig::default() };
    let error = Client::builder().config(config).connect("127.0.0.1:1").unwrap_err();
    let ConnectError::Config(setting) = &error else { panic!("{error:?}") };
    assert_eq!(setting.setting(), "handshake_timeout");
    assert!(error.to_string().contains("`handshake_timeout` must be longer than zero"), "{error}");

    let error = Server::builder().workers(0).bind("127.0.0.1:0").unwrap_err();
    let ServeError::Config(setting) = &error else { panic!("{error:?}") };
    assert_eq!(setting.setting(), "workers");

    type Set<B> = (&'static str, fn(B, usize) -> B);
    let of_clients: [Set<ClientBuilder>; 4] = [
        ("maximum_request", ClientBuilder::maximum_request),
        ("maximum_reply", ClientBuilder::maximum_reply),
        ("datagram_size", ClientBuilder::datagram_size),
        ("largest_datagram", ClientBuilder::largest_datagram),
    ];
    for (name, set) in of_clients {
        let error = set(Client::builder(), 0).connect("127.0.0.1:1").unwrap_err();
        assert!(
            matches!(&error, ConnectError::Config(error) if error.setting() == name),
            "{error}"
        );
    }
    let of_servers: [Set<ServerBuilder>; 4] = [
        ("maximum_request", ServerBuilder::maximum_request),
        ("maximum_reply", ServerBuilder::maximum_reply),
        ("datagram_size", ServerBuilder::datagram_size),
        ("largest_datagram", ServerBuilder::largest_datagram),
    ];
    for (name, set) in of_servers {
        let error = set(Server::builder(), 0).bind("127.0.0.1:0").unwrap_err();
        assert!(matches!(&error, ServeError::Config(error) if error.setting() == name), "{error}");
    }

    for size in [1199, 65_508] {
        let error = Client::builder().datagram_size(size).connect("127.0.0.1:1").unwrap_err();
        assert!(matches!(&error, ConnectError::Config(_)), "{error:?}");
    }
}

#[rpc_interface]
pub trait Archive {
    #[rpc(max_reply = "4 MiB")]
    fn fetch(&self) -> Vec<u8>;
}

struct Shelf;

impl Archive for Shelf {
    fn fetch(&self) -> Vec<u8> {
        Vec::new()
    }
}

#[test]
fn a_method_whose_replies_could_never_be_kept_is_no_server() {
    let start = |bytes| {
        let config = ServerConfig { maximum_reply_bytes: bytes, ..ServerConfig::default() };
        let server = Server::builder().config(config).bind("127.0.0.1:0").unwrap();
        server.serve(ArchiveServer::new(Shelf)).spawn()
    };
    let error = start((4 << 20) - 1).unwrap_err();
    assert!(error.to_string().contains("`max_reply`"), "{error}");
    assert!(matches!(error, ServeError::Config(error) if error.setting() == "maximum_reply_bytes"));
    drop(start(4 << 20).unwrap());
}
