//! A server that has too much to do says so, and what it refuses never runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use farcall::{
    CallErrorKind, Client, ClientConfig, Outcome, Server, ServerConfig, Stub, rpc_interface,
};

use crate::support::{Gate, PATIENCE, both};

#[rpc_interface]
pub trait Work {
    fn held(&self) -> u32;
}

#[derive(Default)]
struct Worker {
    gate: Gate,
    runs: AtomicU32,
}

impl Work for Worker {
    fn held(&self) -> u32 {
        self.gate.pass();
        self.runs.fetch_add(1, Ordering::SeqCst)
    }
}

fn serve(worker: &Arc<Worker>) -> impl FnOnce(Server) -> Server {
    let service = WorkServer::shared(Arc::clone(worker));
    |server| server.serve(service)
}

/// One call runs, one waits, and there is no room for a third.
fn small() -> ServerConfig {
    ServerConfig { workers: 1, maximum_queued_calls: 1, ..ServerConfig::default() }
}

both! {
    fn a_full_queue_refuses(place: &Place) {
        let worker = Arc::<Worker>::default();
        let server = place.serve_with(Server::builder().config(small()), serve(&worker));
        let work: WorkClient = server.stub();
        let first = work.start().held();
        worker.gate.until_entered(1);
        let second = work.start().held();
        crate::support::eventually("the second call is queued", || {
            (server.handle.statistics().queued == 1).then_some(())
        });

        // The client tries again on its own, for as long as the deadline lets it.
        let error = work.with_deadline(Duration::from_millis(120)).held().unwrap_err();
        // The deadline may pass while the server's last refusal is on its way.
        let outcome = match error.outcome() {
            Outcome::Unknown => error.settle(PATIENCE),
            outcome => outcome,
        };
        assert_eq!(outcome, Outcome::NotExecuted, "{error}");
        assert!(
            matches!(error.kind(), CallErrorKind::Busy { .. } | CallErrorKind::DeadlineExceeded { .. }),
            "{error}"
        );
        assert!(server.handle.statistics().refusals >= 1);

        worker.gate.open();
        first.wait().unwrap();
        second.wait().unwrap();
        assert_eq!(worker.runs.load(Ordering::SeqCst), 2, "what was refused ran");
    }

    fn a_refused_call_runs_when_there_is_room(place: &Place) {
        let worker = Arc::<Worker>::default();
        let server = place.serve_with(Server::builder().config(small()), serve(&worker));
        let work: WorkClient = server.stub();
        let calls: Vec<_> = (0..3).map(|_| work.start().held()).collect();
        worker.gate.until_entered(1);
        crate::support::eventually("one call is refused", || {
            assert!(calls.iter().all(|call| call.status() != farcall::CallStatus::Finished));
            // Somebody has to drive the calls meanwhile.
            let _ = work.client().ready(Duration::ZERO);
            (server.handle.statistics().refusals >= 1).then_some(())
        });
        worker.gate.open();
        for call in calls {
            call.wait().unwrap();
        }
        assert_eq!(worker.runs.load(Ordering::SeqCst), 3);
    }

    fn a_client_bounds_its_own_open_calls(place: &Place) {
        let worker = Arc::<Worker>::default();
        let server = place.serve(serve(&worker));
        let config = ClientConfig { maximum_open_calls: 2, ..ClientConfig::default() };
        let work: WorkClient = server.client_with(Client::builder().config(config)).stub();
        let calls = [work.start().held(), work.start().held()];
        let error = work.held().unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotExecuted);
        assert!(matches!(error.kind(), CallErrorKind::Busy { .. }), "{error}");
        worker.gate.open();
        for call in calls {
            call.wait().unwrap();
        }
    }

    fn a_full_table_of_sessions_refuses(place: &Place) {
        let worker = Arc::<Worker>::default();
        worker.gate.open();
        let config = ServerConfig { maximum_sessions: 1, ..ServerConfig::default() };
        let server = place.serve_with(Server::builder().config(config), serve(&worker));
        let work: WorkClient = server.stub();
        work.held().unwrap();

        let config = ClientConfig {
            handshake_timeout: Duration::from_millis(300),
            ..ClientConfig::default()
        };
        let other: WorkClient = server.client_with(Client::builder().config(config)).stub();
        let start = Instant::now();
        let error = other.held().unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
        assert_eq!((error.outcome(), error.kind()), (Outcome::NotExecuted, &CallErrorKind::ServerFull));
        work.held().unwrap();
    }
}
