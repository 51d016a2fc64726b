//! Servers and clients for tests and models: one interface with three methods, on an in-process network.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;

use super::client;
use super::client_loop::ClientLoop;
use super::local::Exchange;
use super::seat::Parts;
use super::server;
use super::socket::Socket;
use super::worker::ServerLoop;
use crate::config::MessageLimits;
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::client::NewCall;
use crate::endpoint::server::MethodTable;
use crate::service::{Answer, Call, Interface, Method, Registry, Service};

/// A server and the exchange it is on, under the name `server`.
pub(super) fn serve(
    exchange: &Arc<Exchange>,
    workers: usize,
    handler: impl Fn(u32) + Send + Sync + 'static,
) -> (server::Control, Arc<ServerLoop>) {
    serve_with(exchange, ServerConfig { workers, ..ServerConfig::default() }, handler)
}

pub(super) fn serve_with(
    exchange: &Arc<Exchange>,
    config: ServerConfig,
    handler: impl Fn(u32) + Send + Sync + 'static,
) -> (server::Control, Arc<ServerLoop>) {
    serve_dispatching(exchange, config, move |call| {
        call.enter();
        handler(call.method());
        Answer::reply(())
    })
}

pub(super) fn serve_dispatching(
    exchange: &Arc<Exchange>,
    config: ServerConfig,
    dispatch: impl Fn(&Call<'_>) -> Answer + Send + Sync + 'static,
) -> (server::Control, Arc<ServerLoop>) {
    let parts = Parts::new().unwrap();
    let socket = exchange.bind("server", parts.waker()).unwrap();
    let (registry, table) = register(dispatch);
    let binding = server::Binding::new(parts, Socket::from(socket));
    let control = binding.start(config, registry, table).unwrap();
    let server = control.server();
    (control, server)
}

/// The interface with `dispatch` behind it.
pub(super) fn register(
    dispatch: impl Fn(&Call<'_>) -> Answer + Send + Sync + 'static,
) -> (Registry, MethodTable) {
    let mut registry = Registry::new();
    registry.add(Handler(Box::new(dispatch)));
    let table = registry.table().unwrap();
    (registry, table)
}

/// A client of that server.
pub(super) fn connect(exchange: &Arc<Exchange>) -> (Arc<client::Handle>, Arc<ClientLoop>) {
    connect_with(exchange, ClientConfig::default())
}

pub(super) fn connect_with(
    exchange: &Arc<Exchange>,
    config: ClientConfig,
) -> (Arc<client::Handle>, Arc<ClientLoop>) {
    let parts = Parts::new().unwrap();
    let socket = Socket::from(exchange.open(parts.waker()));
    let servers = vec![exchange.address_of("server")];
    let handle = client::open(parts, socket, servers, None, config).unwrap();
    let client = handle.client();
    (Arc::new(handle), client)
}

/// The settings of a client that sends nothing unasked for a long time: what happens at the server
/// meanwhile, happens without it.
pub(super) fn patient_client() -> ClientConfig {
    let long = Duration::from_secs(5);
    ClientConfig {
        probe_interval: long,
        maximum_probe_interval: long,
        acknowledgement_delay: long,
        ..ClientConfig::default()
    }
}

static ZERO: Method = Method::new("zero", 0, |_| {});
static ONE: Method = Method::new("one", 1, |_| {});
static TWO: Method = Method::new("two", 2, |_| {});
static METHODS: &[&Method] = &[&ZERO, &ONE, &TWO];
static INTERFACE: Interface = Interface::new("Handler", METHODS);

pub(super) struct Handler(pub(super) Box<dyn Fn(&Call<'_>) -> Answer + Send + Sync>);

impl Service for Handler {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn dispatch(&self, call: &Call<'_>) -> Answer {
        (self.0)(call)
    }
}

pub(super) fn call(method: u32) -> NewCall {
    NewCall {
        interface: INTERFACE.id(),
        method,
        signature: METHODS[method as usize].signature().hash,
        is_idempotent: false,
        is_oneway: false,
        limits: MessageLimits::default(),
        deadline: None,
        body: Bytes::new().into(),
        fault: None,
    }
}
