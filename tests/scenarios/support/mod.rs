//! One server called `work`, clients of it, and a ledger that every call goes through.

mod cargo;
mod later;
mod work;

use std::time::Duration;

use farcall::__private::Service;
use farcall::sim::{Ended, Host, Ledger, Link, Settings, World};
use farcall::{
    CallError, CallErrorKind, Client, ClientConfig, ClientStatistics, Outcome, Pending, Server,
    ServerConfig, ServerHandle, Stub,
};

pub(crate) use cargo::Hauling;
pub(crate) use later::{Bell, Finish, LaterServer, answer_on};
pub(crate) use work::{WorkClient, WorkServer, Worker};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A world with the server `work`.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) ledger: Ledger,
    pub(crate) server: ServerHandle,
}

/// Values that do not depend on the machine.
pub(crate) fn server_config() -> ServerConfig {
    ServerConfig { workers: 4, ..ServerConfig::default() }
}

impl Scene {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, server_config())
    }

    pub(crate) fn with(seed: u64, config: ServerConfig) -> Self {
        // Everything is recorded, so that everything can come back at the end.
        Self::on(World::with(Settings { recorded: 1 << 20, ..Settings::new(seed) }), config)
    }

    pub(crate) fn on(world: World, config: ServerConfig) -> Self {
        let ledger = Ledger::new();
        let service = WorkServer::new(Worker(ledger.clone()));
        Self::serving("work", world, config, ledger, service)
    }

    /// A scene whose calls of `run` and `look` are answered by `finish`.
    pub(crate) fn answering(world: World, config: ServerConfig, finish: Finish) -> Self {
        Self::answering_as("work", world, config, finish)
    }

    pub(crate) fn answering_as(
        name: &str,
        world: World,
        config: ServerConfig,
        finish: Finish,
    ) -> Self {
        let ledger = Ledger::new();
        let service = LaterServer::new(ledger.clone(), finish);
        Self::serving(name, world, config, ledger, service)
    }

    fn serving(
        name: &str,
        world: World,
        config: ServerConfig,
        ledger: Ledger,
        service: impl Service,
    ) -> Self {
        let server = Server::builder()
            .config(config)
            .on(&world, name)
            .unwrap()
            .serve(service)
            .spawn()
            .unwrap();
        world.watch(&ledger);
        Self { world, ledger, server }
    }

    /// A client on the host of this name.
    pub(crate) fn client(&self, host: &str) -> Caller {
        self.client_with(host, ClientConfig::default())
    }

    pub(crate) fn client_with(&self, host: &str, config: ClientConfig) -> Caller {
        self.client_of("work", host, config)
    }

    /// A client of another server than `work`.
    pub(crate) fn client_of(&self, server: &str, host: &str, config: ClientConfig) -> Caller {
        let client = Client::builder().config(config).on(&self.world.host(host), server).unwrap();
        Caller { stub: client.stub(), ledger: self.ledger.clone() }
    }

    /// A client on the host `alice` that has a session and has made a call, so that the round trip
    /// is known.
    pub(crate) fn warm_client(&self) -> Caller {
        let client = self.client("alice");
        client.run().unwrap();
        client
    }

    /// The host of the server.
    pub(crate) fn host(&self) -> Host {
        self.world.host("work")
    }

    /// How often the handler of any call was entered.
    pub(crate) fn executions(&self) -> u64 {
        self.ledger.tally().executions
    }

    /// The faults end, every datagram of the run comes back in random order, and no promise may be
    /// broken by that.
    pub(crate) fn finish(self) {
        self.world.calm();
        self.world.run_for(20 * SECOND);
        self.world.replay(10 * SECOND);
        self.world.run_for(20 * SECOND);
        self.ledger.check();
    }
}

/// The default path, except that datagrams are lost.
pub(crate) fn lossy(loss: f64) -> Link {
    Link { loss, ..Link::default() }
}

/// A stub whose calls and results are in the ledger.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) stub: WorkClient,
    ledger: Ledger,
}

impl Caller {
    /// What the client did so far.
    pub(crate) fn statistics(&self) -> ClientStatistics {
        self.stub.client().statistics()
    }

    /// The same client, whose calls have this deadline.
    pub(crate) fn within(&self, deadline: Duration) -> Self {
        Self { stub: self.stub.with_deadline(deadline), ledger: self.ledger.clone() }
    }

    /// A call that must run at most once.
    pub(crate) fn run(&self) -> Result<u64, Failed> {
        let call = self.ledger.begin();
        self.record(call, self.stub.run(call))
    }

    /// An idempotent call.
    pub(crate) fn look(&self) -> Result<u64, Failed> {
        let call = self.ledger.begin_idempotent();
        self.record(call, self.stub.look(call))
    }

    /// A one-way call. If it was sent, nobody is told anything more of it.
    pub(crate) fn tell(&self) -> u64 {
        let call = self.ledger.begin_oneway();
        if let Err(error) = self.stub.tell(call) {
            self.ledger.end(call, Ended::Failed(error.outcome()));
        }
        call
    }

    /// A handler that panics.
    pub(crate) fn fail(&self) -> Result<u64, Failed> {
        let call = self.ledger.begin();
        self.record(call, self.stub.fail(call))
    }

    pub(crate) fn start_run(&self) -> Started {
        let call = self.ledger.begin();
        self.started(call, self.stub.start().run(call))
    }

    pub(crate) fn start_look(&self) -> Started {
        let call = self.ledger.begin_idempotent();
        self.started(call, self.stub.start().look(call))
    }

    /// A handler that sleeps in virtual time and reports its progress.
    pub(crate) fn start_nap(&self, time: Duration) -> Started {
        let call = self.ledger.begin();
        self.started(call, self.stub.start().nap(call, time.as_millis() as u64))
    }

    fn started(&self, call: u64, pending: Pending<u64>) -> Started {
        Started { call, pending, ledger: self.ledger.clone() }
    }

    fn record(&self, call: u64, result: Result<u64, CallError>) -> Result<u64, Failed> {
        record(&self.ledger, call, result)
    }
}

/// A call whose result goes into the ledger.
pub(crate) struct Started {
    pub(crate) call: u64,
    pub(crate) pending: Pending<u64>,
    ledger: Ledger,
}

impl Started {
    pub(crate) fn wait(self) -> Result<u64, Failed> {
        record(&self.ledger, self.call, self.pending.wait())
    }
}

fn record(ledger: &Ledger, call: u64, result: Result<u64, CallError>) -> Result<u64, Failed> {
    ledger.record(call, &result);
    result.map_err(|error| Failed { call, error, ledger: ledger.clone() })
}

/// A failed call, which may still be settled.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) call: u64,
    pub(crate) error: CallError,
    ledger: Ledger,
}

impl Failed {
    pub(crate) fn outcome(&self) -> Outcome {
        self.error.outcome()
    }

    /// What the call came to, if that becomes known within `timeout`; the ledger is told.
    pub(crate) fn settle(&self, timeout: Duration) -> Outcome {
        let outcome = self.error.settle(timeout);
        if self.outcome() == Outcome::Unknown && outcome != Outcome::Unknown {
            self.ledger.settle(self.call, Ended::Failed(outcome));
        }
        outcome
    }
}

/// A failure with this outcome and a reason like this.
#[track_caller]
pub(crate) fn assert_failed(
    result: Result<u64, Failed>,
    outcome: Outcome,
    is_reason: impl FnOnce(&CallErrorKind) -> bool,
) -> Failed {
    let failed = result.expect_err("the call should have failed");
    assert_eq!(failed.outcome(), outcome, "{failed:?}");
    assert!(is_reason(failed.error.kind()), "{failed:?}");
    failed
}
