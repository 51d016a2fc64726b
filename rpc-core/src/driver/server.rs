//! A server on a socket: binding, starting its threads, shutting down.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::clock::SystemClock;
use super::entropy::SystemEntropy;
use super::seat::Parts;
use super::server_role::ServerRole;
use super::serving;
use super::socket::Socket;
use super::udp::UdpLink;
use super::worker::ServerLoop;
use crate::config::ServerConfig;
use crate::endpoint::ServerEndpoint;
use crate::endpoint::server::MethodTable;
use crate::error::ServeError;
use crate::host::{ServerBinding, ServerControl, ShutdownReport};
use crate::service::Registry;
use crate::statistics::ServerStatistics;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread;
use crate::time::Clock;

/// Binds the first of `addresses` that can be bound.
///
/// `name` is what they were resolved from.
///
/// # Errors
/// The configuration contradicts itself, there is no address, or the system refuses the last one.
pub fn bind_udp(
    name: &str,
    addresses: &[SocketAddr],
    config: &ServerConfig,
) -> Result<Box<dyn ServerBinding>, ServeError> {
    config.validate()?;
    let mut failure = ServeError::Resolve {
        name: name.to_owned(),
        source: io::Error::new(io::ErrorKind::NotFound, "it stands for no address"),
    };
    for &local in addresses {
        match UdpLink::open_server(local, config.receive_buffer) {
            Ok(link) => {
                let parts = Parts::new().map_err(ServeError::Loop)?;
                return Ok(Box::new(Binding::new(parts, Socket::from(link))));
            }
            Err(source) => failure = ServeError::Bind { local, source },
        }
    }
    Err(failure)
}

/// A bound socket that is not served yet.
pub(super) struct Binding {
    local: SocketAddr,
    parts: Parts,
    socket: Socket,
}

/// How many threads there are beyond the workers: one keeps the protocol going while every worker is busy, and
/// one more while the other runs a short handler.
pub(super) const MORE_THREADS: usize = 2;

impl Binding {
    pub(super) fn new(parts: Parts, socket: Socket) -> Self {
        Self { local: socket.local_addr(), parts, socket }
    }

    /// Serves in the background.
    pub(super) fn start(
        self,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<Control, ServeError> {
        let linger = config.linger;
        let threads = config.workers + MORE_THREADS;
        let server = self.open(config, registry, methods)?;
        let control = Control { server, linger, ends_elsewhere: AtomicBool::new(false) };
        start_threads(&control.server, threads)?;
        Ok(control)
    }

    fn open(
        self,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<Arc<ServerLoop>, ServeError> {
        config.validate()?;
        let clock = Arc::new(SystemClock::new());
        let context_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let (now, entropy) = (clock.now(), Box::new(SystemEntropy));
        let endpoint = ServerEndpoint::new(config.clone(), methods, context_clock, entropy, now);
        let role = ServerRole::new(endpoint, &config).map_err(ServeError::Loop)?;
        let shared =
            self.parts.assemble(self.socket, clock, config.spin, role).map_err(ServeError::Loop)?;
        Ok(ServerLoop::new(shared, registry, self.local, &config))
    }
}

impl ServerBinding for Binding {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn spawn(
        self: Box<Self>,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<Arc<dyn ServerControl>, ServeError> {
        Ok(Arc::new(self.start(config, registry, methods)?))
    }

    fn run(
        self: Box<Self>,
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
    ) -> Result<(), ServeError> {
        let linger = config.linger;
        let threads = config.workers + MORE_THREADS - 1;
        let server = self.open(config, registry, methods)?;
        // Ends the other threads, however this one comes to its end.
        let control = Control { server, linger, ends_elsewhere: AtomicBool::new(false) };
        start_threads(&control.server, threads)?;
        control.server.work();
        Err(ServeError::Loop(control.server.failure()))
    }
}

fn start_threads(server: &Arc<ServerLoop>, count: usize) -> Result<(), ServeError> {
    for _ in 0..count {
        let server = Arc::clone(server);
        thread::Builder::new()
            .name("farcall-server".to_owned())
            .spawn(move || server.work())
            .map_err(ServeError::Thread)?;
    }
    Ok(())
}

/// What the public face holds. The threads hold the loop only, so that they end with it.
pub(super) struct Control {
    server: Arc<ServerLoop>,
    linger: Duration,
    /// Whether another thread brings the server to its end.
    ends_elsewhere: AtomicBool,
}

#[cfg(test)]
impl Control {
    /// The loop behind it.
    pub(super) fn server(&self) -> Arc<ServerLoop> {
        Arc::clone(&self.server)
    }
}

impl ServerControl for Control {
    fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    fn shutdown(&self, grace: Duration) -> ShutdownReport {
        self.server.shutdown(grace, grace, self.linger)
    }

    fn close(&self) {
        let (server, linger) = (Arc::clone(&self.server), self.linger);
        if serving::is_inside(&server) {
            // What runs here would wait for its own end.
            let end = move || {
                let _report = server.shutdown(Duration::MAX, linger, linger);
            };
            let thread = thread::Builder::new().name("farcall-server-end".to_owned()).spawn(end);
            self.ends_elsewhere.store(thread.is_ok(), Ordering::Relaxed);
            return;
        }
        let _report = server.shutdown(Duration::MAX, linger, linger);
    }

    fn statistics(&self) -> ServerStatistics {
        self.server.statistics()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if !self.ends_elsewhere.load(Ordering::Relaxed) {
            self.server.stop();
        }
    }
}
