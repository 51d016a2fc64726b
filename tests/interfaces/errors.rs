//! What goes wrong, what the caller is told, and whether it is true.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use farcall::{
    CallErrorKind, Client, ClientConfig, ConnectError, DecodeError, DecodeErrorKind, Marshal,
    Outcome, Reader, RequestLimit, Server, Stub, Unmarshal, Writer, rpc_interface,
};

use crate::support::{Gate, both};

#[rpc_interface]
pub trait Work {
    fn echo(&self, text: String) -> String;
    fn large(&self, size: u32) -> Vec<u8>;
    fn held(&self);
}

struct Worker(Gate);

impl Work for Worker {
    fn echo(&self, text: String) -> String {
        text
    }

    fn large(&self, size: u32) -> Vec<u8> {
        vec![0; size as usize]
    }

    fn held(&self) {
        self.0.pass();
    }
}

fn serve(gate: &Gate) -> impl FnOnce(Server) -> Server {
    let service = WorkServer::new(Worker(gate.clone()));
    |server| server.serve(service)
}

#[rpc_interface]
pub trait Unserved {
    fn anything(&self);
}

/// Other versions of `Work`, as a client may have been built with.
mod other {
    use super::{Liar, Ticklish};

    #[farcall::rpc_interface(name = "Work")]
    pub trait Newer {
        fn invented_later(&self);
    }

    #[farcall::rpc_interface(name = "Work")]
    pub trait Changed {
        fn echo(&self, text: u64) -> u64;
    }

    #[farcall::rpc_interface(name = "Work")]
    pub trait Renamed {
        fn echo(&self, renamed_argument: &str) -> String;
    }

    #[farcall::rpc_interface(name = "Work")]
    pub trait Lying {
        fn echo(&self, text: Liar) -> String;
    }

    #[farcall::rpc_interface(name = "Work")]
    pub trait Misreading {
        fn echo(&self, text: &str) -> Ticklish;
    }
}

/// Claims to be text and writes bytes that are none.
pub struct Liar;

impl Marshal for Liar {
    fn marshal(&self, out: &mut Writer) {
        out.put_opaque(&[0xff, 0xfe]);
    }

    fn describe(schema: &mut farcall::Schema) {
        String::describe(schema);
    }
}

impl<'a> Unmarshal<'a> for Liar {
    const MIN: usize = 4;

    fn unmarshal(_reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

/// Claims to be text and reads none.
#[derive(Debug)]
pub struct Ticklish;

impl Marshal for Ticklish {
    fn marshal(&self, out: &mut Writer) {
        String::new().marshal(out);
    }

    fn describe(schema: &mut farcall::Schema) {
        String::describe(schema);
    }
}

impl<'a> Unmarshal<'a> for Ticklish {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Err(reader.invalid("no text pleases it"))
    }
}

both! {
    fn an_interface_that_is_not_served(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let error = server.stub::<UnservedClient>().anything().unwrap_err();
        assert_eq!(
            (error.outcome(), error.kind()),
            (Outcome::NotExecuted, &CallErrorKind::UnknownInterface)
        );
        assert_eq!((error.interface(), error.method()), ("Unserved", "anything"));
    }

    fn a_method_that_the_server_does_not_have(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let error = server.stub::<other::NewerClient>().invented_later().unwrap_err();
        assert_eq!(
            (error.outcome(), error.kind()),
            (Outcome::NotExecuted, &CallErrorKind::UnknownMethod)
        );
        assert_eq!((error.interface(), error.method()), ("Work", "invented_later"));
    }

    fn a_changed_signature_shows_both_sides(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let error = server.stub::<other::ChangedClient>().echo(1).unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotExecuted);
        let CallErrorKind::SignatureMismatch { client, server: theirs } = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(client, "echo(text: u64) -> u64");
        assert_eq!(theirs, "echo(text: string) -> string");
        assert_eq!(server.handle.statistics().executions, 0);
    }

    fn a_renamed_argument_is_no_change(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        assert_eq!(server.stub::<other::RenamedClient>().echo("same").unwrap(), "same");
    }

    fn undecodable_arguments_do_not_reach_the_handler(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let error = server.stub::<other::LyingClient>().echo(Liar).unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotExecuted);
        let CallErrorKind::UndecodableArguments { detail } = error.kind() else {
            panic!("{error}")
        };
        assert!(detail.contains("argument `text`"), "{detail}");
        assert!(detail.contains("UTF-8"), "{detail}");
    }

    fn an_undecodable_reply_was_executed(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let error = server.stub::<other::MisreadingClient>().echo("text").unwrap_err();
        assert_eq!(error.outcome(), Outcome::Executed);
        let CallErrorKind::UndecodableReply(source) = error.kind() else { panic!("{error}") };
        assert!(matches!(source.kind(), DecodeErrorKind::Invalid { .. }), "{source:?}");
        assert!(error.to_string().contains("no text pleases it"), "{error}");
        assert_eq!(server.handle.statistics().executions, 1);
    }

    fn arguments_over_the_limit_are_not_sent(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let client = server.client_with(Client::builder().maximum_request(1000));
        let work: WorkClient = client.stub();
        client.ready(Duration::from_secs(5)).unwrap();
        let before = client.statistics().datagrams_sent;

        let error = work.echo("x".repeat(1200)).unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotExecuted);
        let setting = RequestLimit::Client;
        let kind = CallErrorKind::RequestTooLarge { size: 1204, limit: 1000, setting };
        assert_eq!(*error.kind(), kind);
        assert!(error.to_string().contains("`maximum_request` of the client"), "{error}");
        assert_eq!(client.statistics().datagrams_sent, before);

        // Exactly at the limit it goes through, one unit above it does not.
        let largest = 996;
        assert_eq!(work.echo("x".repeat(largest)).unwrap().len(), largest);
        assert!(work.echo("x".repeat(largest + 1)).is_err());
    }

    fn a_reply_over_the_limit_was_executed(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let client = server.client_with(Client::builder().maximum_reply(50_000));
        let work: WorkClient = client.stub();
        let error = work.large(100_000).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Executed);
        let CallErrorKind::ReplyTooLarge { detail } = error.kind() else { panic!("{error}") };
        assert!(detail.contains("100004"), "it names the size: {detail}");
        // The server lives on, and the client too.
        assert_eq!(work.large(1000).unwrap().len(), 1000);
    }

    fn an_expired_deadline(place: &Place) {
        let gate = Gate::new();
        let server = place.serve(serve(&gate));
        let deadline = Duration::from_millis(50);
        let work = server.stub::<WorkClient>().with_deadline(deadline);
        let start = Instant::now();
        let error = work.held().unwrap_err();
        let took = start.elapsed();
        assert_eq!(*error.kind(), CallErrorKind::DeadlineExceeded { deadline, inherited: false });
        assert_ne!(error.outcome(), Outcome::NotExecuted, "it was running");
        assert!(took >= deadline && took < deadline * 20, "it took {took:?}");
        gate.open();
    }

    fn a_call_whose_deadline_passes_in_the_queue_never_runs(place: &Place) {
        let gate = Gate::new();
        let server = place.serve_with(Server::builder().workers(1), serve(&gate));
        let work: WorkClient = server.stub();
        let running = work.start().held();
        gate.until_entered(1);
        let hurried = work.with_deadline(Duration::from_millis(50));
        let error = hurried.held().unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::DeadlineExceeded { .. }), "{error}");
        let outcome = match error.outcome() {
            Outcome::Unknown => error.settle(Duration::from_secs(10)),
            outcome => outcome,
        };
        assert_eq!(outcome, Outcome::NotExecuted);
        gate.open();
        running.wait().unwrap();
        work.echo(String::new()).unwrap();
        assert_eq!(gate.entered(), 1);
    }

    fn errors_are_values(place: &Place) {
        fn is_value<T: Clone + Send + Sync + std::error::Error + 'static>() {}
        is_value::<farcall::CallError>();
        assert_eq!(size_of::<farcall::CallError>(), size_of::<usize>());

        let server = place.serve(serve(&Gate::new()));
        let error = server.stub::<UnservedClient>().anything().unwrap_err();
        let boxed: Box<dyn std::error::Error + Send + Sync> = error.clone().into();
        assert_eq!(
            boxed.to_string(),
            "Unserved.anything: the server does not serve this interface; the call did not run and \
             never will"
        );
    }
}

#[test]
fn an_unresolvable_name_is_named() {
    let error = WorkClient::connect("no-such-host.invalid:4000").unwrap_err();
    assert!(
        matches!(&error, ConnectError::Resolve { name, .. } if name == "no-such-host.invalid:4000"),
        "{error:?}"
    );
    assert!(error.to_string().contains("no-such-host.invalid:4000"), "{error}");
    assert!(WorkClient::connect("127.0.0.1").is_err(), "there is no port");
}

/// The client gives up quickly, and everything else is as usual.
fn impatient() -> ClientConfig {
    ClientConfig { handshake_timeout: Duration::from_millis(300), ..ClientConfig::default() }
}

#[test]
fn a_server_that_is_not_there_is_named_in_bounded_time() {
    // Nobody listens on a port that was free just now; the system may say so or not.
    let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::builder().config(impatient()).connect(address).unwrap();
    let start = Instant::now();
    let error = client.stub::<WorkClient>().echo(String::new()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(*error.kind(), CallErrorKind::NoServer { tried: vec![address] });
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_host_that_says_nothing_is_named_in_bounded_time() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let client = Client::builder().config(impatient()).connect(address).unwrap();
    let start = Instant::now();
    let error = client.stub::<WorkClient>().echo(String::new()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(*error.kind(), CallErrorKind::NoServer { tried: vec![address] });
}

#[test]
fn a_name_without_a_server_in_process_ends_in_bounded_time() {
    let net = farcall::Loopback::new();
    let client = Client::builder().config(impatient()).on(&net, "nobody").unwrap();
    let start = Instant::now();
    let error = client.stub::<WorkClient>().echo(String::new()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert!(matches!(error.kind(), CallErrorKind::NoServer { .. }), "{error}");
}
