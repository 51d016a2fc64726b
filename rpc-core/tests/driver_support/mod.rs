//! A small service written by hand, and helpers to start servers and make calls.
#![allow(dead_code, reason = "every test program uses another part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use farcall_core::driver::{Loopback, bind_udp, open_udp_client};
use farcall_core::endpoint::client::{CallKey, Completion, Failure, NewCall};
use farcall_core::host::{ClientHost, Network, ServerControl};
use farcall_core::marshal::{Marshal, Unmarshal, Writer};
use farcall_core::service::{Answer, Call, Interface, Method, Registry, Service};
use farcall_core::{CallErrorKind, ClientConfig, Outcome, ServerConfig};
use parking_lot::Mutex;

pub(crate) const NULL: u32 = 1;
pub(crate) const ECHO: u32 = 2;
pub(crate) const RUN: u32 = 3;
pub(crate) const OTHER: u32 = 4;
pub(crate) const ONEWAY: u32 = 5;

static NULL_METHOD: Method = Method::new("null", NULL, |_| {});
static ECHO_METHOD: Method = Method::new("echo", ECHO, |_| {});
static RUN_METHOD: Method = Method::new("run", RUN, |_| {});
static OTHER_METHOD: Method = Method::new("other", OTHER, |_| {});
static ONEWAY_METHOD: Method = Method::new("oneway", ONEWAY, |_| {}).oneway();

pub(crate) static INTERFACE: Interface = Interface::new(
    "Test",
    &[&NULL_METHOD, &ECHO_METHOD, &RUN_METHOD, &OTHER_METHOD, &ONEWAY_METHOD],
);

pub(crate) type Job = Box<dyn Fn(u32) -> u32 + Send + Sync>;

/// `null` answers, `echo` answers its argument, `run` and `other` answer what the job makes of it.
pub(crate) struct Jobs {
    pub(crate) run: Job,
    pub(crate) other: Job,
}

impl Jobs {
    pub(crate) fn none() -> Self {
        Self { run: Box::new(|n| n), other: Box::new(|n| n) }
    }

    pub(crate) fn run(job: impl Fn(u32) -> u32 + Send + Sync + 'static) -> Self {
        Self { run: Box::new(job), ..Self::none() }
    }

    pub(crate) fn other(self, job: impl Fn(u32) -> u32 + Send + Sync + 'static) -> Self {
        Self { other: Box::new(job), ..self }
    }
}

impl Service for Jobs {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn dispatch(&self, call: &Call<'_>) -> Answer {
        let mut reader = call.reader();
        let argument = || u32::unmarshal(&mut reader);
        match call.method() {
            NULL => {
                call.enter();
                Answer::reply(())
            }
            ECHO => match Bytes::unmarshal(&mut reader) {
                Ok(bytes) => {
                    call.enter();
                    Answer::reply(bytes)
                }
                Err(error) => Answer::undecodable("bytes", error),
            },
            method @ (RUN | OTHER | ONEWAY) => {
                let mut argument = argument;
                match argument() {
                    Ok(n) => {
                        call.enter();
                        match method {
                            RUN => Answer::reply((self.run)(n)),
                            OTHER => Answer::reply((self.other)(n)),
                            _ => {
                                (self.run)(n);
                                Answer::none()
                            }
                        }
                    }
                    Err(error) => Answer::undecodable("n", error),
                }
            }
            _ => Answer::unknown_method(),
        }
    }
}

pub(crate) fn registry(jobs: Jobs) -> Registry {
    let mut registry = Registry::new();
    registry.add(jobs);
    registry
}

pub(crate) fn server_config(workers: usize) -> ServerConfig {
    ServerConfig { workers, ..ServerConfig::default() }
}

pub(crate) fn serve_udp(jobs: Jobs, config: ServerConfig) -> Arc<dyn ServerControl> {
    serve_udp_at("127.0.0.1:0".parse().unwrap(), jobs, config)
}

pub(crate) fn serve_udp_at(
    address: SocketAddr,
    jobs: Jobs,
    config: ServerConfig,
) -> Arc<dyn ServerControl> {
    let registry = registry(jobs);
    let table = registry.table().unwrap();
    bind_udp("test", &[address], &config).unwrap().spawn(config, registry, table).unwrap()
}

pub(crate) fn serve_on(
    net: &Loopback,
    name: &str,
    jobs: Jobs,
    config: ServerConfig,
) -> Arc<dyn ServerControl> {
    let registry = registry(jobs);
    let table = registry.table().unwrap();
    net.open_server(name, &config).unwrap().spawn(config, registry, table).unwrap()
}

pub(crate) fn udp_client(server: SocketAddr) -> Arc<dyn ClientHost> {
    udp_client_with(server, ClientConfig::default())
}

pub(crate) fn udp_client_with(server: SocketAddr, config: ClientConfig) -> Arc<dyn ClientHost> {
    open_udp_client("test".to_owned(), vec![server], None, config).unwrap()
}

pub(crate) fn new_call(method: u32, body: Bytes) -> NewCall {
    let method = INTERFACE.methods().iter().find(|other| other.id() == method).unwrap();
    NewCall {
        fault: None,
        interface: INTERFACE.id(),
        method: method.id(),
        signature: method.signature().hash,
        is_idempotent: false,
        is_oneway: method.is_oneway(),
        limits: method.limits(),
        deadline: Some(Duration::from_secs(10)),
        body: body.into(),
    }
}

pub(crate) fn number(n: u32) -> Bytes {
    let mut writer = Writer::with_capacity(4);
    n.marshal(&mut writer);
    writer.finish().expect("it can be encoded")
}

pub(crate) fn number_of(bytes: &Bytes) -> u32 {
    farcall_core::marshal::Reader::of_message(bytes).read_u32().unwrap()
}

pub(crate) trait Calls {
    fn start(&self, method: u32, n: u32) -> CallKey;
    fn finish(&self, key: CallKey) -> Result<u32, Failure>;
    fn make(&self, method: u32, n: u32) -> Result<u32, Failure>;
}

impl Calls for Arc<dyn ClientHost> {
    fn start(&self, method: u32, n: u32) -> CallKey {
        self.submit(new_call(method, number(n)))
    }

    fn finish(&self, key: CallKey) -> Result<u32, Failure> {
        let completion = self.wait(key, None).expect("a wait without time-out ends with the call");
        self.release(key);
        completion.map(|bytes| number_of(&bytes))
    }

    fn make(&self, method: u32, n: u32) -> Result<u32, Failure> {
        let (key, completion): (CallKey, Completion) = self.call(new_call(method, number(n)));
        self.release(key);
        completion.map(|bytes| number_of(&bytes))
    }
}

/// A place where handlers wait until the test lets them go on.
pub(crate) struct Gate {
    entered: Mutex<Sender<()>>,
    arrivals: Mutex<Receiver<()>>,
    opened: Mutex<Receiver<()>>,
    opener: Mutex<Sender<()>>,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        let (entered, arrivals) = channel();
        let (opener, opened) = channel();
        Arc::new(Self {
            entered: Mutex::new(entered),
            arrivals: Mutex::new(arrivals),
            opened: Mutex::new(opened),
            opener: Mutex::new(opener),
        })
    }

    /// Called by a handler: waits for [`open`](Self::open).
    pub(crate) fn pass(&self) {
        self.entered.lock().send(()).unwrap();
        self.opened.lock().recv().unwrap();
    }

    /// Waits until one more handler is at the gate.
    pub(crate) fn await_arrival(&self) {
        self.arrivals.lock().recv_timeout(Duration::from_secs(20)).expect("a handler comes");
    }

    /// Lets one handler pass.
    pub(crate) fn open(&self) {
        self.opener.lock().send(()).unwrap();
    }
}

/// Runs `body` on a thread of its own and fails if it takes longer than any machine needs: a hang must
/// be a failure, not a test run without end.
pub(crate) fn within(limit: Duration, body: impl FnOnce() + Send + 'static) {
    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        body();
        let _ = done.send(());
    });
    match wait.recv_timeout(limit) {
        Ok(()) => thread.join().unwrap(),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().unwrap_err())
        }
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
    }
}

pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn is_deadlock(result: Result<u32, Failure>) -> bool {
    matches!(
        result,
        Err(Failure { outcome: Outcome::NotExecuted, kind: CallErrorKind::WouldDeadlock })
    )
}
