//! What `#[rpc(..)]` on a method changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use farcall::{CallErrorKind, Outcome, Server, rpc_interface};

use crate::support::{Gate, PATIENCE, both};

#[rpc_interface]
pub trait Options {
    #[rpc(idempotent)]
    fn lookup(&self, key: u32) -> u32;
    #[rpc(oneway)]
    fn note(&self, line: &str);
    #[rpc(deadline = "40ms")]
    fn hurried(&self);
    #[rpc(id = 4711)]
    fn pinned(&self) -> u32;
}

struct Service {
    gate: Gate,
    lines: Sender<String>,
    lookups: AtomicU32,
}

impl Options for Service {
    fn lookup(&self, key: u32) -> u32 {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        key
    }

    fn note(&self, line: &str) {
        self.lines.send(line.to_owned()).expect("the test listens");
    }

    fn hurried(&self) {
        self.gate.pass();
    }

    fn pinned(&self) -> u32 {
        4711
    }
}

fn service() -> (Arc<Service>, mpsc::Receiver<String>) {
    let (lines, received) = mpsc::channel();
    (Arc::new(Service { gate: Gate::new(), lines, lookups: AtomicU32::new(0) }), received)
}

fn serve(service: &Arc<Service>) -> impl FnOnce(Server) -> Server {
    let service = OptionsServer::shared(Arc::clone(service));
    |server| server.serve(service)
}

both! {
    fn a_oneway_call_arrives_without_being_answered(place: &Place) {
        let (service, lines) = service();
        let server = place.serve(serve(&service));
        let stub: OptionsClient = server.stub();
        for line in ["one", "two", "three"] {
            let start = Instant::now();
            stub.note(line).unwrap();
            assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
            // They are not ordered among each other, so each is waited for.
            assert_eq!(lines.recv_timeout(PATIENCE).unwrap(), line);
        }
        let statistics = server.handle.statistics();
        assert_eq!((statistics.oneway_calls, statistics.executions), (3, 3));
    }

    fn a_method_may_have_a_deadline_of_its_own(place: &Place) {
        let (service, _lines) = service();
        let server = place.serve(serve(&service));
        let stub: OptionsClient = server.stub();
        let error = stub.hurried().unwrap_err();
        let deadline = Duration::from_millis(40);
        assert_eq!(*error.kind(), CallErrorKind::DeadlineExceeded { deadline, inherited: false });
        service.gate.until_entered(1);
        // What was not known at the deadline can be asked afterwards.
        match error.outcome() {
            Outcome::Executed => {}
            Outcome::Unknown => assert_eq!(error.settle(PATIENCE), Outcome::Executed),
            Outcome::NotExecuted => panic!("{error}"),
        }
        service.gate.open();
    }

    fn an_idempotent_call_returns_its_result(place: &Place) {
        let (service, _lines) = service();
        let server = place.serve(serve(&service));
        let stub: OptionsClient = server.stub();
        for key in 0..100 {
            assert_eq!(stub.lookup(key).unwrap(), key);
        }
        assert!(service.lookups.load(Ordering::Relaxed) >= 100);
    }
}

mod renamed {
    /// The next version of the interface: one method has another name and kept its number.
    #[farcall::rpc_interface(name = "Options")]
    pub trait Options {
        #[rpc(id = 4711)]
        fn new_name(&self) -> u32;
    }
}

#[test]
fn a_pinned_number_survives_a_new_name() {
    use renamed::OptionsClient as NewClient;

    let (service, _lines) = service();
    let net = farcall::Loopback::new();
    let server = serve(&service)(Server::on(&net, "options").unwrap()).spawn().unwrap();
    let stub = NewClient::on(&net, "options").unwrap();
    assert_eq!(stub.new_name().unwrap(), 4711);
    assert_eq!(server.statistics().refusals, 0);
}
