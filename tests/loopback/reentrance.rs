//! A handler may call its own server.

use core::future::poll_fn;
use core::mem::take;
use core::task::Poll;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use farcall::{CallErrorKind, Outcome, Server, ServerHandle, Stub, rpc_interface};

use crate::support::{Gate, both, eventually};

#[rpc_interface]
pub trait Nested {
    /// Calls itself `depth` times and counts how often that worked.
    fn descend(&self, depth: u32) -> Result<u32, Inner>;
    fn hold(&self);
}

/// What became of the inner call.
#[derive(Debug, PartialEq, farcall::Marshal)]
pub enum Inner {
    WouldDeadlock,
    Other(String),
}

#[derive(Default)]
struct Worker {
    itself: OnceLock<NestedClient>,
    gate: Gate,
}

impl Nested for Arc<Worker> {
    fn descend(&self, depth: u32) -> Result<u32, Inner> {
        if depth == 0 {
            return Ok(0);
        }
        let itself = self.itself.get().expect("it is set before the first call");
        match itself.descend(depth - 1) {
            Ok(result) => Ok(result? + 1),
            Err(error) => {
                assert_eq!(error.outcome(), Outcome::NotExecuted, "{error}");
                Err(match error.kind() {
                    CallErrorKind::WouldDeadlock => Inner::WouldDeadlock,
                    _ => Inner::Other(error.to_string()),
                })
            }
        }
    }

    fn hold(&self) {
        self.gate.pass();
    }
}

both! {
    fn it_works_while_a_worker_is_free(place: &Place) {
        let worker = Arc::new(Worker::default());
        let service = NestedServer::new(Arc::clone(&worker));
        let server =
            place.serve_with(Server::builder().workers(3), |server| server.serve(service));
        worker.itself.set(server.stub()).unwrap();
        let outside: NestedClient = server.stub();
        for _ in 0..100 {
            assert_eq!(outside.descend(2).unwrap(), Ok(2));
        }
    }

    fn without_a_free_worker_it_is_an_error_at_once(place: &Place) {
        let worker = Arc::new(Worker::default());
        let service = NestedServer::new(Arc::clone(&worker));
        let server =
            place.serve_with(Server::builder().workers(2), |server| server.serve(service));
        worker.itself.set(server.stub()).unwrap();
        let outside: NestedClient = server.stub();
        let start = Instant::now();
        assert_eq!(outside.descend(2).unwrap(), Err(Inner::WouldDeadlock));
        assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
        // Nothing is left behind: what fits still works.
        assert_eq!(outside.descend(1).unwrap(), Ok(1));
    }

    fn a_single_worker_cannot_call_itself(place: &Place) {
        let worker = Arc::new(Worker::default());
        let service = NestedServer::new(Arc::clone(&worker));
        let server =
            place.serve_with(Server::builder().workers(1), |server| server.serve(service));
        worker.itself.set(server.stub()).unwrap();
        let outside: NestedClient = server.stub();
        let start = Instant::now();
        assert_eq!(outside.descend(1).unwrap(), Err(Inner::WouldDeadlock));
        assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
        assert_eq!(outside.descend(0).unwrap(), Ok(0));
    }

    fn many_handlers_at_once_end_one_way_or_the_other(place: &Place) {
        let worker = Arc::new(Worker::default());
        let service = NestedServer::new(Arc::clone(&worker));
        let server =
            place.serve_with(Server::builder().workers(4), |server| server.serve(service));
        worker.itself.set(server.stub()).unwrap();
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let outside: NestedClient = server.stub();
                scope.spawn(move || {
                    for _ in 0..20 {
                        let result = outside.descend(3).unwrap();
                        assert!(matches!(result, Ok(3) | Err(Inner::WouldDeadlock)), "{result:?}");
                    }
                });
            }
        });
        assert!(start.elapsed() < Duration::from_secs(20), "it took {:?}", start.elapsed());
    }

    fn a_held_worker_counts_as_busy(place: &Place) {
        let worker = Arc::new(Worker::default());
        let service = NestedServer::new(Arc::clone(&worker));
        let server =
            place.serve_with(Server::builder().workers(2), |server| server.serve(service));
        worker.itself.set(server.stub()).unwrap();
        let outside: NestedClient = server.stub();
        let held = outside.start().hold();
        worker.gate.until_entered(1);
        let start = Instant::now();
        assert_eq!(outside.descend(1).unwrap(), Err(Inner::WouldDeadlock));
        assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
        worker.gate.open();
        held.wait().unwrap();
        assert_eq!(outside.descend(1).unwrap(), Ok(1));
    }
}

#[rpc_interface]
pub trait Stopping {
    fn stop(&self) -> u32;
    async fn stop_later(&self, turns: u32) -> u32;
}

/// Holds the handle of its own server.
#[derive(Default)]
struct Holder(Mutex<Option<ServerHandle>>);

impl Stopping for Holder {
    fn stop(&self) -> u32 {
        drop(self.0.lock().unwrap().take());
        7
    }

    async fn stop_later(&self, turns: u32) -> u32 {
        for _ in 0..turns {
            let mut is_first = true;
            poll_fn(|task| {
                task.waker().wake_by_ref();
                if take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
        }
        self.stop()
    }
}

#[test]
fn a_handler_may_drop_the_handle_of_its_server() {
    for workers in [1, 3] {
        for turns in [None, Some(0), Some(2)] {
            let holder = Arc::new(Holder::default());
            let server = Server::builder().workers(workers).bind("127.0.0.1:0").unwrap();
            let server = server.serve(StoppingServer::shared(Arc::clone(&holder))).spawn().unwrap();
            let client = StoppingClient::connect(server.local_addr()).unwrap();
            let client = client.with_deadline(Duration::from_secs(5));
            *holder.0.lock().unwrap() = Some(server);
            let result = match turns {
                None => client.stop(),
                Some(turns) => client.stop_later(turns),
            };
            assert_eq!(result.unwrap(), 7, "{workers} workers, {turns:?}");
            drop(client);
            // Its threads end, and nothing keeps the service.
            eventually("the server is gone", || (Arc::strong_count(&holder) == 1).then_some(()));
        }
    }
}
