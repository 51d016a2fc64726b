//! Clients, their copies on other threads, and whose deadline counts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use farcall::{
    CallErrorKind, CallStatus, Client, ConnectError, Loopback, Pending, Server, Stub, rpc_interface,
};

use crate::support::{Gate, PATIENCE, both, eventually};

#[rpc_interface]
pub trait Work {
    fn double(&self, value: u64) -> u64;
    fn held(&self) -> u64;
    #[rpc(deadline = "60ms")]
    fn hurried(&self) -> u64;
}

struct Worker(Gate);

impl Work for Worker {
    fn double(&self, value: u64) -> u64 {
        2 * value
    }

    fn held(&self) -> u64 {
        self.0.pass();
        1
    }

    fn hurried(&self) -> u64 {
        self.0.pass();
        2
    }
}

fn serve(gate: &Gate) -> impl FnOnce(Server) -> Server {
    let service = WorkServer::new(Worker(gate.clone()));
    |server| server.serve(service)
}

/// Waits until a call has ended, without taking its result.
#[track_caller]
fn until_ended<T: for<'a> farcall::Unmarshal<'a>>(other: &WorkClient, call: &Pending<T>) {
    eventually("the call ends", || {
        // Whoever waits drives the client, also for those who do not.
        other.double(1).unwrap();
        (call.status() == CallStatus::Finished).then_some(())
    });
}

#[track_caller]
fn assert_deadline<T: std::fmt::Debug>(result: Result<T, farcall::CallError>, deadline: Duration) {
    let error = result.unwrap_err();
    let kind = CallErrorKind::DeadlineExceeded { deadline, inherited: false };
    assert_eq!(*error.kind(), kind);
}

both! {
    fn copies_on_many_threads_share_one_session(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let client = server.client();
        thread::scope(|scope| {
            for thread in 0..8 {
                let work: WorkClient = client.clone().stub();
                scope.spawn(move || {
                    for call in 0..50 {
                        let value = thread * 1000 + call;
                        assert_eq!(work.double(value).unwrap(), 2 * value);
                        let started = work.clone().start().double(value + 1);
                        assert_eq!(started.wait().unwrap(), 2 * value + 2);
                    }
                });
            }
        });
        let statistics = client.clone().statistics();
        assert_eq!((statistics.calls, statistics.replies, statistics.open()), (800, 800, 0));
        assert_eq!(statistics.sessions_opened, 1);
        assert_eq!(server.handle.statistics().sessions, 1);
    }

    fn the_most_particular_deadline_counts(place: &Place) {
        let gate = Gate::new();
        let server = place.serve(serve(&gate));
        let [client, method, stub] = [40, 60, 80].map(Duration::from_millis);
        let clients = server.client_with(Client::builder().deadline(client));
        let work: WorkClient = clients.stub();
        assert_deadline(work.held(), client);
        assert_deadline(work.hurried(), method);
        let hasty = work.with_deadline(stub);
        assert_deadline(hasty.held(), stub);
        assert_deadline(hasty.clone().hurried(), stub);
        assert_deadline(hasty.start().hurried().wait(), stub);
        // The last one counts, also if it is longer, and a client's goes on to its stubs.
        assert_deadline(hasty.with_deadline(client).with_deadline(method).held(), method);
        assert_deadline(clients.with_deadline(stub).stub::<WorkClient>().hurried(), stub);
        assert_deadline(Stub::client(&hasty).stub::<WorkClient>().held(), stub);
        // Where it came from, nothing has changed.
        assert_deadline(work.held(), client);
        gate.open();
    }

    fn what_has_ended_cannot_be_cancelled(place: &Place) {
        let gate = Gate::new();
        let server = place.serve(serve(&gate));
        let work: WorkClient = server.stub();
        let call = work.start().double(4);
        until_ended(&work, &call);
        call.cancel();
        call.cancel();
        assert_eq!(call.wait().unwrap(), 8);
        let call = work.start().double(5);
        until_ended(&work, &call);
        call.detach();
        drop(work.start().double(6).wait());
        assert_eq!(Stub::client(&work).statistics().fences, 0);
        gate.open();
    }

    fn a_result_is_given_out_once(place: &Place) {
        let server = place.serve(serve(&Gate::new()));
        let work: WorkClient = server.stub();
        let mut call = work.start().double(4);
        let result = eventually("the result comes", || call.try_wait());
        assert_eq!(result.unwrap(), 8);
        assert_eq!(call.status(), CallStatus::Finished);
        call.cancel();
        for again in [
            catch_unwind(AssertUnwindSafe(|| drop(call.try_wait()))),
            catch_unwind(AssertUnwindSafe(|| drop(call.wait_timeout(Duration::ZERO)))),
        ] {
            let message = *again.unwrap_err().downcast::<String>().unwrap();
            assert!(message.contains("was given out before"), "{message}");
        }
    }
}

#[test]
fn a_client_may_be_there_before_its_server() {
    let net = Loopback::new();
    let client = Client::on(&net, "late").unwrap();
    let start = Instant::now();
    let error = client.ready(Duration::from_millis(30)).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(30), "it gave up early");
    let ConnectError::NotReady { waited, tried, .. } = &error else { panic!("{error}") };
    assert_eq!((*waited, tried), (Duration::from_millis(30), &client.servers()));

    let waiting = thread::spawn({
        let client = client.clone();
        move || client.ready(PATIENCE)
    });
    let server = serve(&Gate::new())(Server::on(&net, "late").unwrap()).spawn().unwrap();
    waiting.join().unwrap().unwrap();
    assert_eq!(client.stub::<WorkClient>().double(2).unwrap(), 4);
    assert_eq!(server.statistics().sessions, 1);
}

#[test]
fn handles_go_anywhere() {
    fn anywhere<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    anywhere::<Client>();
    anywhere::<WorkClient>();
    let net = Loopback::new();
    let _server = serve(&Gate::new())(Server::on(&net, "work").unwrap()).spawn().unwrap();
    let work = WorkClient::on(&net, "work").unwrap();
    let servers = format!("{:?}", Stub::client(&work).servers());
    assert!(format!("{:?}", Stub::client(&work)).contains(&servers));
    let call = work.start().double(1);
    assert!(format!("{call:?}").starts_with("Pending { status: "), "{call:?}");
    call.wait().unwrap();
}
