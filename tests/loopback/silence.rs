//! A network that goes away for a while, or for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use farcall::{
    CallErrorKind, Client, ClientConfig, Outcome, Server, ServerHandle, Stub, rpc_interface,
};

use crate::support::proxy::{Faults, Proxy};
use crate::support::{Gate, PATIENCE, eventually, until_running};

#[rpc_interface]
pub trait Work {
    fn count(&self) -> u64;
    fn held(&self) -> u64;
}

#[derive(Default)]
struct Worker {
    gate: Gate,
    runs: AtomicU64,
}

impl Work for Worker {
    fn count(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn held(&self) -> u64 {
        let run = self.count();
        self.gate.pass();
        run
    }
}

struct Setup {
    proxy: Proxy,
    client: Client,
    work: WorkClient,
    server: ServerHandle,
    worker: Arc<Worker>,
}

/// A client with a session, behind a relay.
fn set_up(config: ClientConfig) -> Setup {
    let worker = Arc::<Worker>::default();
    let service = WorkServer::shared(Arc::clone(&worker));
    let server = Server::bind("127.0.0.1:0").unwrap().serve(service).spawn().unwrap();
    let proxy = Proxy::new(server.local_addr(), Faults::default(), 0).unwrap();
    let client = Client::builder().config(config).connect(proxy.address()).unwrap();
    client.ready(PATIENCE).unwrap();
    let work = client.stub();
    Setup { proxy, client, work, server, worker }
}

const SHORT: Duration = Duration::from_millis(60);

#[test]
fn a_lost_request_is_settled_as_never_executed() {
    let Setup { proxy, work, server, worker, .. } = set_up(ClientConfig::default());
    proxy.cut_requests(true);
    let error = work.with_deadline(SHORT).count().unwrap_err();
    assert_eq!(
        *error.kind(),
        CallErrorKind::DeadlineExceeded { deadline: SHORT, inherited: false }
    );
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(error.settle(SHORT), Outcome::Unknown, "nobody can know yet");

    proxy.cut_requests(false);
    assert_eq!(error.settle(PATIENCE), Outcome::NotExecuted);
    assert_eq!(error.settled_reply::<u64>(SHORT), None);
    assert_eq!(work.count().unwrap(), 1);
    assert_eq!(worker.runs.load(Ordering::SeqCst), 1);
    drop(server);
}

#[test]
fn a_lost_reply_is_settled_with_the_reply() {
    let Setup { proxy, work, server, worker, .. } = set_up(ClientConfig::default());
    proxy.cut_answers(true);
    let error = work.with_deadline(SHORT).count().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    eventually("the handler has run", || (worker.runs.load(Ordering::SeqCst) == 1).then_some(()));

    proxy.cut_answers(false);
    assert_eq!(error.settle(PATIENCE), Outcome::Executed);
    assert_eq!(error.settled_reply::<u64>(PATIENCE), Some(1));
    assert_eq!(work.count().unwrap(), 2);
    drop(server);
}

#[test]
fn a_silent_server_is_given_up_in_bounded_time() {
    let silence_limit = Duration::from_millis(300);
    let setup = set_up(ClientConfig {
        silence_limit,
        deadline: None,
        handshake_timeout: Duration::from_millis(500),
        ..ClientConfig::default()
    });
    let mut call = setup.work.start().held();
    until_running(&mut call);
    setup.proxy.cut(true);
    let start = Instant::now();
    let error = call.wait().unwrap_err();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    assert_eq!(error.outcome(), Outcome::Executed, "the server said that it runs");
    let CallErrorKind::Unreachable { silent } = *error.kind() else { panic!("{error}") };
    assert!(silent >= silence_limit, "{silent:?}");
    setup.worker.gate.open();
}

#[test]
fn a_long_call_survives_a_short_silence() {
    let Setup { proxy, work, server, worker, .. } = set_up(ClientConfig::default());
    let mut call = work.start().held();
    until_running(&mut call);
    let before = proxy.lost();
    proxy.cut(true);
    eventually("some probes are lost", || {
        assert!(call.wait_timeout(Duration::from_millis(1)).is_none());
        (proxy.lost() >= before + 4).then_some(())
    });
    proxy.cut(false);
    worker.gate.open();
    assert_eq!(call.wait().unwrap(), 1);
    assert_eq!(server.statistics().executions, 1);
}

#[test]
fn a_working_server_is_never_taken_for_dead() {
    let silence_limit = Duration::from_millis(150);
    let Setup { proxy: _proxy, work, worker, server, .. } =
        set_up(ClientConfig { silence_limit, deadline: None, ..ClientConfig::default() });
    let mut call = work.start().held();
    // Four times longer than a dead server is waited for.
    let end = call.wait_timeout(silence_limit * 4);
    assert!(end.is_none(), "{end:?}");
    worker.gate.open();
    assert_eq!(call.wait().unwrap(), 1);
    assert_eq!(server.statistics().executions, 1);
}

#[test]
fn a_call_goes_on_when_the_client_gets_another_address() {
    let Setup { proxy, client, work, server, worker } = set_up(ClientConfig::default());
    let mut call = work.start().held();
    until_running(&mut call);
    proxy.rebind();
    worker.gate.open();
    assert_eq!(call.wait().unwrap(), 1);
    assert_eq!(work.count().unwrap(), 2);
    assert_eq!(server.statistics().executions, 2);
    let statistics = client.statistics();
    assert_eq!((statistics.sessions_opened, statistics.sessions_resumed), (1, 1));
}

#[test]
fn calls_made_in_silence_are_all_accounted_for() {
    let Setup { proxy, work, server, worker, .. } = set_up(ClientConfig::default());
    proxy.cut(true);
    let hurried = work.with_deadline(SHORT);
    let errors: Vec<_> = (0..4).map(|_| hurried.count().unwrap_err()).collect();
    proxy.cut(false);
    for error in &errors {
        let outcome = match error.outcome() {
            Outcome::Unknown => error.settle(PATIENCE),
            outcome => outcome,
        };
        assert_eq!(outcome, Outcome::NotExecuted, "{error}");
    }
    assert_eq!(work.count().unwrap(), 1);
    assert_eq!(worker.runs.load(Ordering::SeqCst), 1);
    drop(server);
}
