//! How stubs are made, shared, named and generalised.

use std::time::Duration;

use farcall::{CallError, CallErrorKind, Client, Loopback, Server, Stub, rpc_interface};

use crate::support::{Gate, both};

#[rpc_interface]
pub trait Adder {
    fn add(&self, a: i32, b: i32) -> i32;
}

#[rpc_interface]
pub trait Greeter {
    fn greet(&self, name: &str) -> String;
    fn wait(&self);
}

struct Service(Gate);

impl Adder for Service {
    fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }
}

impl Greeter for Service {
    fn greet(&self, name: &str) -> String {
        format!("hello {name}")
    }

    fn wait(&self) {
        self.0.pass();
    }
}

fn serve_both(server: Server, gate: &Gate) -> Server {
    let service = std::sync::Arc::new(Service(gate.clone()));
    server
        .serve(AdderServer::shared(std::sync::Arc::clone(&service)))
        .serve(GreeterServer::shared(service))
}

both! {
    fn several_interfaces_share_one_session(place: &Place) {
        let server = place.serve(|server| serve_both(server, &Gate::new()));
        let client = server.client();

        let adder = AdderClient::from(&client);
        let greeter = client.stub::<GreeterClient>();
        assert_eq!(adder.add(2, 3).unwrap(), 5);
        assert_eq!(greeter.greet("you").unwrap(), "hello you");
        assert_eq!(Stub::client(&adder).servers(), client.servers());

        assert_eq!(client.statistics().sessions_opened, 1);
        assert_eq!(client.statistics().replies, 2);
        assert_eq!(server.handle.statistics().sessions, 1);
    }

    fn a_deadline_of_a_stub_is_its_own(place: &Place) {
        let gate = Gate::new();
        let server = place.serve(|server| serve_both(server, &gate));
        let greeter: GreeterClient = server.stub();

        let short = Duration::from_millis(40);
        let hurried = greeter.with_deadline(short);
        let error = hurried.wait().unwrap_err();
        assert_eq!(*error.kind(), CallErrorKind::DeadlineExceeded { deadline: short, inherited: false });
        let error = hurried.start().wait().wait().unwrap_err();
        assert_eq!(*error.kind(), CallErrorKind::DeadlineExceeded { deadline: short, inherited: false });

        // The stub it was made from keeps its own, and so does a clone of that one.
        let patient = greeter.clone().start().wait();
        gate.until_entered(3);
        gate.open();
        patient.wait().unwrap();
        greeter.wait().unwrap();
    }

    fn a_stub_outlives_the_client_it_was_made_from(place: &Place) {
        let server = place.serve(|server| serve_both(server, &Gate::new()));
        let adder: AdderClient = {
            let client = server.client();
            client.ready(Duration::from_secs(5)).unwrap();
            client.stub()
        };
        assert_eq!(adder.add(1, 1).unwrap(), 2);
    }
}

#[test]
fn a_stub_connects_by_every_kind_of_address() {
    let server = serve_both(Server::bind("127.0.0.1:0").unwrap(), &Gate::new()).spawn().unwrap();
    let address = server.local_addr();
    let stubs = [
        AdderClient::connect(address),
        AdderClient::connect(address.to_string()),
        AdderClient::connect(&*address.to_string()),
        AdderClient::connect(("127.0.0.1", address.port())),
        AdderClient::connect((address.ip(), address.port())),
        AdderClient::connect([address]),
        AdderClient::connect(vec![address]),
        Client::connect(address).map(|client| client.stub()),
        <AdderClient as Stub>::connect(address),
    ];
    for stub in stubs {
        assert_eq!(stub.unwrap().add(20, 22).unwrap(), 42);
    }
}

#[test]
fn ipv6_works_as_well() {
    let server = match Server::bind("[::1]:0") {
        Ok(server) => server,
        // A machine without IPv6 cannot tell.
        Err(farcall::ServeError::Bind { source, .. })
            if source.kind() == std::io::ErrorKind::AddrNotAvailable =>
        {
            eprintln!("skipped: {source}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let server = serve_both(server, &Gate::new()).spawn().unwrap();
    let adder = AdderClient::connect(server.local_addr()).unwrap();
    assert_eq!(adder.add(2, 3).unwrap(), 5);
}

#[test]
fn a_server_on_a_wildcard_address_answers_from_the_address_that_was_asked() {
    let server = serve_both(Server::bind("0.0.0.0:0").unwrap(), &Gate::new()).spawn().unwrap();
    let port = server.local_addr().port();
    for host in ["127.0.0.1", "127.0.0.2"] {
        let adder = AdderClient::connect((host, port)).unwrap();
        assert_eq!(adder.add(2, 3).unwrap(), 5, "asked at {host}");
    }
}

#[test]
fn networks_and_names_are_apart() {
    let (first, second) = (Loopback::new(), Loopback::new());
    let one = serve_both(Server::on(&first, "one").unwrap(), &Gate::new()).spawn().unwrap();
    let _two = serve_both(Server::on(&first, "two").unwrap(), &Gate::new()).spawn().unwrap();
    let _other = serve_both(Server::on(&second, "one").unwrap(), &Gate::new()).spawn().unwrap();

    let adder = AdderClient::on(&first, "two").unwrap();
    assert_eq!(adder.add(2, 3).unwrap(), 5);
    let adder = AdderClient::on(&second, "one").unwrap();
    assert_eq!(adder.add(2, 3).unwrap(), 5);
    assert_eq!(one.statistics().calls, 0);
}

#[rpc_interface]
pub trait Impolite {
    fn connect(&self, a: u8) -> u8;
    fn on(&self, a: u8) -> u8;
    fn start(&self, a: u8) -> u8;
    fn with_deadline(&self, a: u8) -> u8;
    fn client(&self, a: u8) -> u8;
}

impl Impolite for Service {
    fn connect(&self, a: u8) -> u8 {
        a
    }

    fn on(&self, a: u8) -> u8 {
        a + 1
    }

    fn start(&self, a: u8) -> u8 {
        a + 2
    }

    fn with_deadline(&self, a: u8) -> u8 {
        a + 3
    }

    fn client(&self, a: u8) -> u8 {
        a + 4
    }
}

#[test]
fn a_method_of_the_users_wins_over_ours_of_that_name() {
    let net = Loopback::new();
    let service = ImpoliteServer::new(Service(Gate::new()));
    let _server = Server::on(&net, "impolite").unwrap().serve(service).spawn().unwrap();
    let stub = <ImpoliteClient as Stub>::on(&net, "impolite").unwrap();
    assert_eq!(stub.connect(10).unwrap(), 10);
    assert_eq!(stub.on(10).unwrap(), 11);
    assert_eq!(stub.start(10).unwrap(), 12);
    assert_eq!(stub.with_deadline(10).unwrap(), 13);
    assert_eq!(stub.client(10).unwrap(), 14);
    let hurried = Stub::with_deadline(&stub, Duration::from_secs(3));
    assert_eq!(Stub::start(&hurried).start(10).wait().unwrap(), 12);
}

#[derive(Debug, farcall::Marshal)]
pub enum ShelfError {
    Empty,
    /// Never sent: what a client makes of a failed call.
    Failed(String),
}

impl From<CallError> for ShelfError {
    fn from(error: CallError) -> Self {
        Self::Failed(error.to_string())
    }
}

#[rpc_interface(name = "library.shelf", client_impl)]
pub trait Shelf {
    fn first(&self) -> Result<String, ShelfError>;
}

impl Shelf for Vec<String> {
    fn first(&self) -> Result<String, ShelfError> {
        <[String]>::first(self).cloned().ok_or(ShelfError::Empty)
    }
}

/// Code that does not care where the shelf stands.
fn title(shelf: &impl Shelf) -> String {
    match shelf.first() {
        Ok(title) => title,
        Err(ShelfError::Empty) => "(empty)".to_owned(),
        Err(ShelfError::Failed(why)) => format!("({why})"),
    }
}

#[test]
fn one_function_takes_the_service_and_its_stub() {
    let books = vec!["Dune".to_owned()];
    assert_eq!(title(&books), "Dune");

    let net = Loopback::new();
    let server = Server::on(&net, "shelf").unwrap();
    let server = server.serve(ShelfServer::new(books)).spawn().unwrap();
    let shelf = ShelfClient::on(&net, "shelf").unwrap();
    assert_eq!(title(&shelf), "Dune");

    drop(server);
    let none = Server::on(&net, "shelf").unwrap();
    let _server = none.serve(AdderServer::new(Service(Gate::new()))).spawn().unwrap();
    let shelf = ShelfClient::on(&net, "shelf").unwrap();
    let failed = title(&shelf);
    // The name in the error is the one that client and server agree on.
    assert!(failed.starts_with("(library.shelf.first: "), "{failed}");
    assert!(failed.contains("does not serve this interface"), "{failed}");
}
