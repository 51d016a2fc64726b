//! How servers start, run and end.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use farcall::{CallErrorKind, Loopback, Outcome, ServeError, Server, rpc_interface};

use crate::support::{Gate, PATIENCE, both, eventually};

#[rpc_interface]
pub trait Work {
    fn echo(&self, value: u32) -> u32;
    #[rpc(idempotent)]
    fn lookup(&self, value: u32) -> u32;
    fn held(&self);
}

struct Worker(Gate);

impl Work for Worker {
    fn echo(&self, value: u32) -> u32 {
        value
    }

    fn lookup(&self, value: u32) -> u32 {
        value
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
    fn a_server_runs_on_the_callers_thread(place: &Place) {
        let server = place.bind(Server::builder());
        let address = server.local_addr();
        let net = match place {
            crate::support::Place::Udp => None,
            crate::support::Place::InProcess(net) => Some(net.clone()),
        };
        // `run` ends with the process, and so does this thread.
        std::thread::spawn(move || server.serve(WorkServer::new(Worker(Gate::new()))).run());
        let work = match net {
            None => WorkClient::connect(address),
            Some(net) => WorkClient::on(&net, "server"),
        };
        assert_eq!(work.unwrap().echo(4).unwrap(), 4);
    }

    fn a_service_may_be_shared_and_dynamic(place: &Place) {
        let gate = Gate::new();
        let shared: Arc<dyn Work + Send + Sync> = Arc::new(Worker(gate.clone()));
        let service = WorkServer::shared(Arc::clone(&shared));
        let server = place.serve(|server| server.serve(service));
        let call = server.stub::<WorkClient>().start().held();
        gate.until_entered(1);
        gate.open();
        call.wait().unwrap();
        assert_eq!(shared.echo(1), 1);
    }

    fn shutdown_lets_running_calls_end(place: &Place) {
        let gate = Gate::new();
        let server = place.serve(serve(&gate));
        let work: WorkClient = server.stub();
        let call = work.start().held();
        gate.until_entered(1);

        let (ended, end) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let report = server.shutdown(PATIENCE);
                ended.send(()).unwrap();
                report
            });
            // New calls are refused with a promise, while the old one still runs.
            let error = eventually("new calls are refused", || work.echo(1).err());
            assert_eq!(
                (error.outcome(), error.kind()),
                (Outcome::NotExecuted, &CallErrorKind::ShuttingDown)
            );
            assert!(end.try_recv().is_err(), "it did not wait for the running call");
            gate.open();
            call.wait().unwrap();
            end.recv_timeout(PATIENCE).unwrap();
        });
    }

    fn shutdown_reports_what_did_not_end(place: &Place) {
        let gate = Gate::new();
        let server = place.serve(serve(&gate));
        let work: WorkClient = server.stub();
        let _call = work.start().held();
        gate.until_entered(1);
        let report = server.shutdown(Duration::from_millis(20));
        assert_eq!(report.running, 1);
        gate.open();
    }

    fn a_dropped_handle_lets_running_calls_end(place: &Place) {
        let gate = Gate::new();
        let server = place.serve(serve(&gate));
        let call = server.stub::<WorkClient>().start().held();
        gate.until_entered(1);
        std::thread::scope(|scope| {
            scope.spawn(|| drop(server));
            gate.open();
        });
        call.wait().unwrap();
    }

    fn a_detached_server_goes_on(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let work: WorkClient = server.stub();
        server.handle.detach();
        assert_eq!(work.echo(5).unwrap(), 5);
    }

    fn an_idle_server_ends_at_once(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let work: WorkClient = server.stub();
        assert_eq!(work.echo(5).unwrap(), 5);
        let start = Instant::now();
        let report = server.shutdown(PATIENCE);
        assert_eq!(report.running, 0);
        assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    }
}

#[test]
fn two_interfaces_of_one_name_are_refused() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let server = serve(&Gate::new())(serve(&Gate::new())(server));
    let error = server.spawn().unwrap_err();
    assert!(matches!(error, ServeError::DuplicateInterface { name: "Work" }), "{error}");
    assert!(error.to_string().contains("`Work` is served twice"), "{error}");
}

#[test]
fn a_port_in_use_is_named() {
    let first = Server::bind("127.0.0.1:0").unwrap();
    let error = Server::bind(first.local_addr()).unwrap_err();
    let ServeError::Bind { local, source } = &error else { panic!("{error:?}") };
    assert_eq!(*local, first.local_addr());
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
    let text = error.to_string();
    assert!(text.contains(&first.local_addr().to_string()), "{text}");
    assert!(text.contains("another program uses this port"), "{text}");

    drop(first);
    drop(Server::bind(local).expect("the port is free again"));
}

#[test]
fn a_name_in_use_is_named() {
    let net = Loopback::new();
    let first = serve(&Gate::new())(Server::on(&net, "calc").unwrap()).spawn().unwrap();
    let error = Server::on(&net, "calc").unwrap_err();
    assert!(matches!(&error, ServeError::NameInUse { name } if name == "calc"), "{error}");

    drop(first);
    drop(Server::on(&net, "calc").expect("the name is free again"));
}

#[test]
fn a_local_address_that_does_not_resolve_is_named() {
    let error = Server::bind("no-such-host.invalid:1").unwrap_err();
    assert!(matches!(error, ServeError::Resolve { .. }), "{error:?}");
    assert!(error.to_string().contains("no-such-host.invalid:1"), "{error}");
}

#[test]
fn a_client_finds_the_next_server_of_the_name() {
    let net = Loopback::new();
    let work = WorkClient::on(&net, "work").unwrap();
    let early = work.start().echo(1);
    let first = serve(&Gate::new())(Server::on(&net, "work").unwrap()).spawn().unwrap();
    assert_eq!(early.wait().unwrap(), 1);
    drop(first);
    let second = serve(&Gate::new())(Server::on(&net, "work").unwrap()).spawn().unwrap();
    // Whoever has not heard yet that the first server is gone may have sent it the call, for all he knows.
    // A call that may be repeated is, without anybody noticing.
    match work.echo(2) {
        Ok(value) => assert_eq!(value, 2),
        Err(error) => assert_eq!(
            (error.outcome(), error.kind()),
            (Outcome::Unknown, &CallErrorKind::ServerRestarted)
        ),
    }
    assert_eq!(work.echo(3).unwrap(), 3);

    let other = WorkClient::on(&net, "work").unwrap();
    assert_eq!(other.lookup(4).unwrap(), 4);
    drop(second);
    let _third = serve(&Gate::new())(Server::on(&net, "work").unwrap()).spawn().unwrap();
    assert_eq!(other.lookup(5).unwrap(), 5);
}
