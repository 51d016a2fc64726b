//! Synchronous calls of many threads over one asynchronous connection.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use farcall_workloads::threads::call_from_threads;
use farcall_workloads::{Client, Exchanged, Result, Sums};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;

use super::{Connection, Protocol, runtime};

/// Makes a call and waits for its end, on a thread that does nothing else.
pub(crate) trait Caller: Clone + Send + 'static {
    /// The sum, from the server.
    fn add(&self, a: i32, b: i32) -> Result<i32>;
}

/// For connections that any thread can use: the thread runs the call, and the runtime the connection.
#[derive(Clone)]
pub(crate) struct Direct<C> {
    handle: Handle,
    connection: C,
}

impl<C: Connection + Send> Direct<C> {
    pub(crate) fn new(connection: C) -> Self {
        Self { handle: Handle::current(), connection }
    }
}

impl<C: Connection + Send> Caller for Direct<C> {
    fn add(&self, a: i32, b: i32) -> Result<i32> {
        self.handle.block_on(self.connection.add(a, b))
    }
}

/// What a thread asks for, and where the answer goes.
type Request = (i32, i32, oneshot::Sender<Result<i32>>);

/// For connections that must stay on their thread, which runs the calls, too.
#[derive(Clone)]
pub(crate) struct Relayed(mpsc::UnboundedSender<Request>);

impl Relayed {
    pub(crate) fn new(connection: impl Connection) -> Self {
        let (sender, mut requests) = mpsc::unbounded_channel::<Request>();
        spawn_local(async move {
            while let Some((a, b, answer)) = requests.recv().await {
                let connection = connection.clone();
                spawn_local(async move {
                    // Who has asked is there until it is answered.
                    let _ = answer.send(connection.add(a, b).await);
                });
            }
        });
        Self(sender)
    }
}

impl Caller for Relayed {
    fn add(&self, a: i32, b: i32) -> Result<i32> {
        let (answer, answered) = oneshot::channel();
        self.0.send((a, b, answer)).map_err(|_| "the connection is gone")?;
        answered.blocking_recv()?
    }
}

/// A connection, driven by a thread of its own until this is dropped.
pub(super) struct Shared<C> {
    caller: C,
    /// `None` only while it is being dropped.
    stop: Option<oneshot::Sender<()>>,
    driver: Option<JoinHandle<()>>,
}

impl<C: Caller> Shared<C> {
    pub(super) fn start<P: Protocol<Caller = C>>(protocol: P, server: SocketAddr) -> Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (connected, connection) = sync_channel(1);
        let driver = thread::spawn(move || {
            let driven = runtime().and_then(|runtime| {
                runtime.block_on(async {
                    let connection = protocol.connect(server).await?;
                    connected.send(Ok(P::share(connection))).map_err(|_| "nobody calls")?;
                    let _ = stopped.await;
                    Ok(())
                })
            });
            if let Err(error) = driven {
                // Nobody listens any more when it is the sending that has failed.
                let _ = connected.send(Err(error));
            }
        });
        let caller = connection.recv()??;
        Ok(Self { caller, stop: Some(stop), driver: Some(driver) })
    }

    /// Has that many threads make calls, each one after the other.
    pub(super) fn run(&self, threads: usize, time: Duration) -> Result<Exchanged> {
        let client = || Synchronous { caller: self.caller.clone(), sums: Sums::default() };
        call_from_threads((0..threads).map(|_| client()).collect(), time)
    }
}

impl<C> Drop for Shared<C> {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(driver) = self.driver.take() {
            // It panicked or not: there is nothing left that it could do.
            let _ = driver.join();
        }
    }
}

/// What one of the threads calls through.
struct Synchronous<C> {
    caller: C,
    sums: Sums,
}

impl<C: Caller> Client for Synchronous<C> {
    fn call(&mut self) -> Result<()> {
        let (a, b, sum) = self.sums.question();
        Sums::check(self.caller.add(a, b)?, sum)
    }
}
