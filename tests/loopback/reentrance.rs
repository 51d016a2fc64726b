//! A handler may call its own server.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use farcall::{CallErrorKind, Outcome, Server, rpc_interface};

use crate::support::{Gate, both};

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

impl Nested for std::sync::Arc<Worker> {
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
        let worker = std::sync::Arc::new(Worker::default());
        let service = NestedServer::new(std::sync::Arc::clone(&worker));
        let server =
            place.serve_with(Server::builder().workers(3), |server| server.serve(service));
        worker.itself.set(server.stub()).unwrap();
        let outside: NestedClient = server.stub();
        for _ in 0..100 {
            assert_eq!(outside.descend(2).unwrap(), Ok(2));
        }
    }

    fn without_a_free_worker_it_is_an_error_at_once(place: &Place) {
        let worker = std::sync::Arc::new(Worker::default());
        let service = NestedServer::new(std::sync::Arc::clone(&worker));
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
        let worker = std::sync::Arc::new(Worker::default());
        let service = NestedServer::new(std::sync::Arc::clone(&worker));
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
        let worker = std::sync::Arc::new(Worker::default());
        let service = NestedServer::new(std::sync::Arc::clone(&worker));
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
        let worker = std::sync::Arc::new(Worker::default());
        let service = NestedServer::new(std::sync::Arc::clone(&worker));
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
