//! What a handler learns about its call, and tells about it.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farcall::{CallErrorKind, CallStatus, Context, Outcome, Server, Stub, rpc_interface};

use crate::support::{Gate, PATIENCE, both, eventually};

#[rpc_interface]
pub trait Jobs {
    fn peer_port(&self, #[ctx] cx: &Context) -> Option<u16>;
    fn remaining(&self, #[ctx] cx: &Context) -> Option<Duration>;
    fn work(&self, #[ctx] cx: &Context, units: u64) -> u64;
    fn until_cancelled(&self, #[ctx] cx: &Context) -> bool;
}

/// Works one unit for every message, so that a test decides how far it comes.
struct Worker {
    begin: Gate,
    steps: Mutex<Receiver<()>>,
}

impl Jobs for Worker {
    fn peer_port(&self, cx: &Context) -> Option<u16> {
        cx.peer().map(|peer| peer.port())
    }

    fn remaining(&self, cx: &Context) -> Option<Duration> {
        cx.remaining()
    }

    fn work(&self, cx: &Context, units: u64) -> u64 {
        let steps = self.steps.lock().unwrap();
        for unit in 0..units {
            cx.report(unit, units);
            steps.recv_timeout(PATIENCE).expect("the test goes on");
        }
        units
    }

    fn until_cancelled(&self, cx: &Context) -> bool {
        self.begin.pass();
        eventually("the call is cancelled", || cx.is_cancelled().then_some(true))
    }
}

fn worker() -> (Arc<Worker>, Sender<()>) {
    let (step, steps) = mpsc::channel();
    (Arc::new(Worker { begin: Gate::new(), steps: Mutex::new(steps) }), step)
}

fn serve(worker: &Arc<Worker>) -> impl FnOnce(Server) -> Server {
    let service = JobsServer::shared(Arc::clone(worker));
    |server| server.serve(service)
}

both! {
    fn progress_is_seen_while_the_call_runs(place: &Place) {
        let (worker, step) = worker();
        let server = place.serve(serve(&worker));
        let jobs: JobsClient = server.stub();

        let mut call = jobs.start().work(3);
        for unit in 0..3 {
            eventually("the progress arrives", || {
                assert!(call.wait_timeout(Duration::from_millis(1)).is_none(), "it cannot end yet");
                match call.status() {
                    CallStatus::Running { done, total: 3, reported: Some(_), .. } => {
                        assert!(done <= unit, "more is reported than was done");
                        (done == unit).then_some(())
                    }
                    _ => None,
                }
            });
            step.send(()).unwrap();
        }
        assert_eq!(call.wait().unwrap(), 3);
    }

    fn a_handler_knows_how_long_its_caller_waits(place: &Place) {
        let (worker, _step) = worker();
        let server = place.serve(serve(&worker));
        let jobs: JobsClient = server.stub();

        let deadline = Duration::from_secs(3);
        let remaining = jobs.with_deadline(deadline).remaining().unwrap().unwrap();
        assert!(remaining <= deadline, "{remaining:?}");
        assert!(remaining > deadline / 2, "{remaining:?}");

        let patient = server.client_with(farcall::Client::builder().no_deadline());
        assert_eq!(patient.stub::<JobsClient>().remaining().unwrap(), None);
    }

    fn a_cancelled_call_tells_its_handler(place: &Place) {
        let (worker, _step) = worker();
        let server = place.serve(serve(&worker));
        let jobs: JobsClient = server.stub();

        let call = jobs.start().until_cancelled();
        worker.begin.until_entered(1);
        worker.begin.open();
        call.cancel();
        // Its result comes if it is faster than the server's answer to the cancellation.
        match call.wait() {
            Ok(is_cancelled) => assert!(is_cancelled),
            Err(error) => assert_eq!(
                (error.outcome(), error.kind()),
                (Outcome::Executed, &CallErrorKind::Cancelled)
            ),
        }
        eventually("the handler notices and ends", || {
            (server.handle.statistics().running == 0).then_some(())
        });
    }

    fn a_passed_deadline_tells_the_handler(place: &Place) {
        let (worker, _step) = worker();
        worker.begin.open();
        let server = place.serve(serve(&worker));
        let jobs: JobsClient = server.stub();

        // The handler sees the deadline pass by its own clock, so it may just manage to say so.
        match jobs.with_deadline(Duration::from_millis(40)).until_cancelled() {
            Ok(is_cancelled) => assert!(is_cancelled),
            Err(error) => {
                assert!(matches!(error.kind(), CallErrorKind::DeadlineExceeded { .. }), "{error}");
            }
        }
        eventually("the handler notices and ends", || {
            (server.handle.statistics().running == 0).then_some(())
        });
    }
}

#[test]
fn a_handler_knows_its_peer() {
    let (worker, _step) = worker();
    let server = serve(&worker)(Server::bind("127.0.0.1:0").unwrap()).spawn().unwrap();
    let ports: Vec<_> = (0..2)
        .map(|_| {
            let jobs = JobsClient::connect(server.local_addr()).unwrap();
            let port = jobs.peer_port().unwrap().unwrap();
            assert_eq!(jobs.peer_port().unwrap(), Some(port));
            (port, jobs)
        })
        .collect();
    assert_ne!(ports[0].0, ports[1].0, "each client has a socket of its own");
}

#[test]
fn a_handler_is_an_ordinary_function() {
    let (worker, step) = worker();
    let cx = Context::test();
    step.send(()).unwrap();
    assert_eq!(worker.work(&cx, 1), 1);
    assert_eq!(cx.progress(), Some((0, 1)));
    assert_eq!(worker.peer_port(&cx), None);
    assert_eq!(worker.remaining(&Context::detached()), None);
    worker.begin.open();
    cx.cancel();
    assert!(worker.until_cancelled(&cx));
}
