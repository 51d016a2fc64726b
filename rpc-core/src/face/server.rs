//! A server: bound, then given its interfaces, then run.

use core::fmt;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use super::address::ServerAddress;
use crate::config::{ConfigError, ServerConfig};
use crate::driver;
use crate::endpoint::server::MethodTable;
use crate::error::ServeError;
use crate::host::{Network, ServerBinding, ServerControl, ShutdownReport};
use crate::service::{Registry, Service};
use crate::statistics::ServerStatistics;

/// A server that is bound to its address and does not run yet.
///
/// [`serve`](Self::serve) adds interfaces, [`spawn`](Self::spawn) runs it in the background,
/// [`run`](Self::run) on this thread.
#[must_use = "it serves nobody before `spawn` or `run`"]
pub struct Server {
    binding: Box<dyn ServerBinding>,
    config: ServerConfig,
    registry: Registry,
}

impl Server {
    /// Binds a UDP address. Port 0 takes any free port; see [`local_addr`](Self::local_addr).
    ///
    /// # Errors
    /// The name cannot be resolved, or none of its addresses can be bound.
    pub fn bind(address: impl ServerAddress) -> Result<Self, ServeError> {
        Self::builder().bind(address)
    }

    /// Takes a name on an in-process network.
    ///
    /// # Errors
    /// The name is in use.
    pub fn on<N: Network + ?Sized>(network: &N, name: &str) -> Result<Self, ServeError> {
        Self::builder().on(network, name)
    }

    /// Begins with the default configuration.
    pub fn builder() -> ServerBuilder {
        ServerBuilder { config: ServerConfig::default() }
    }

    /// Adds an interface. Two of the same name are an error of [`spawn`](Self::spawn) and
    /// [`run`](Self::run).
    pub fn serve(mut self, service: impl Service) -> Self {
        self.registry.add(service);
        self
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.binding.local_addr()
    }

    /// Serves in the background until the handle is dropped.
    ///
    /// # Errors
    /// Two interfaces of the same name, a method whose `max_reply` is more than `maximum_reply_bytes`, or
    /// no thread can be started.
    pub fn spawn(self) -> Result<ServerHandle, ServeError> {
        let methods = self.methods()?;
        let control = self.binding.spawn(self.config, self.registry, methods)?;
        Ok(ServerHandle { control: Some(control) })
    }

    /// Serves on this thread, and on the workers it starts, for as long as the process lives.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn), or the event loop failed.
    pub fn run(self) -> Result<(), ServeError> {
        let methods = self.methods()?;
        self.binding.run(self.config, self.registry, methods)
    }

    fn methods(&self) -> Result<MethodTable, ServeError> {
        let methods = self.registry.table()?;
        if methods.largest_reply(0) > self.config.maximum_reply_bytes {
            let rule =
                "must hold the `max_reply` of every method, or no call of it is ever admitted";
            return Err(ConfigError::new("maximum_reply_bytes", rule).into());
        }
        Ok(methods)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addr", &self.local_addr())
            .field("interfaces", &self.registry)
            .finish_non_exhaustive()
    }
}

/// Makes a [`Server`] with settings of its own.
///
/// ```
/// use farcall_core::Server;
///
/// let server = Server::builder().workers(8).bind("127.0.0.1:0")?;
/// assert_ne!(server.local_addr().port(), 0);
/// # Ok::<(), farcall_core::ServeError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing before `bind` or `on`"]
pub struct ServerBuilder {
    config: ServerConfig,
}

impl ServerBuilder {
    /// Replaces all settings.
    pub fn config(self, config: ServerConfig) -> Self {
        Self { config }
    }

    /// How many handlers may run at once.
    pub fn workers(mut self, workers: usize) -> Self {
        self.config.workers = workers;
        self
    }

    /// The largest encoded arguments of a call, in bytes, from 1 to 1 GiB, for methods without a
    /// `max_request`. A larger call is refused at its first bytes, with
    /// [`RequestTooLarge`](crate::CallErrorKind::RequestTooLarge) at its caller. The default is 64 MiB.
    pub fn maximum_request(mut self, bytes: usize) -> Self {
        self.config.maximum_request = bytes;
        self
    }

    /// The largest encoded result of a call, in bytes, from 1 to 1 GiB, for methods without a
    /// `max_reply`. A larger one is thrown away, and the call ends with
    /// [`ReplyTooLarge`](crate::CallErrorKind::ReplyTooLarge). The default is 64 MiB.
    pub fn maximum_reply(mut self, bytes: usize) -> Self {
        self.config.maximum_reply = bytes;
        self
    }

    /// The largest message that travels as one datagram, and the size of every other datagram but those
    /// of larger messages: in bytes, from 1,200, the default, to 65,507. Raise it only where the paths to
    /// all clients are known to carry that much.
    pub fn datagram_size(mut self, bytes: usize) -> Self {
        self.config.datagram_size = bytes;
        self
    }

    /// How large datagrams may become while messages larger than one are moved, in bytes, from 1,200 to
    /// 65,507, which is the default. What the path carries is found out; set this where a device on the
    /// way claims to carry more than it does.
    pub fn largest_datagram(mut self, bytes: usize) -> Self {
        self.config.largest_datagram = bytes;
        self
    }

    /// See [`Server::bind`].
    ///
    /// # Errors
    /// Those of [`Server::bind`], and a configuration that contradicts itself.
    pub fn bind(self, address: impl ServerAddress) -> Result<Server, ServeError> {
        self.config.validate()?;
        let address = address.to_kept();
        let name = address.name();
        let addresses = address
            .resolve()
            .map_err(|source| ServeError::Resolve { name: name.clone(), source })?;
        let binding = driver::bind_udp(&name, &addresses, &self.config)?;
        Ok(Server { binding, config: self.config, registry: Registry::new() })
    }

    /// See [`Server::on`].
    ///
    /// # Errors
    /// Those of [`Server::on`], and a configuration that contradicts itself.
    pub fn on<N: Network + ?Sized>(self, network: &N, name: &str) -> Result<Server, ServeError> {
        self.config.validate()?;
        let binding = network.open_server(name, &self.config)?;
        Ok(Server { binding, config: self.config, registry: Registry::new() })
    }
}

/// A server that runs in the background.
///
/// Dropping it stops the admission of calls, lets running handlers end, and closes the server. Calls
/// that are to be answered later, by a [`Reply`](crate::Reply) or by a handler that is a future, get
/// [`ServerConfig::linger`]; after that the futures are dropped and the replies go nowhere.
/// [`shutdown`](Self::shutdown) gives them more. In a handler of the server itself, dropping it does not
/// wait: the handler is answered, and the server ends after it.
/// [`detach`](Self::detach) lets it run for as long as the process lives.
#[must_use = "dropping it stops the server"]
pub struct ServerHandle {
    /// `None` once it was detached or shut down.
    control: Option<Arc<dyn ServerControl>>,
}

impl ServerHandle {
    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.control().local_addr()
    }

    /// What the server did so far.
    pub fn statistics(&self) -> ServerStatistics {
        self.control().statistics()
    }

    /// Refuses new calls, lets those that were admitted end within `grace`, waits a little for the
    /// acknowledgement of the last replies, and closes the server.
    ///
    /// In a handler of the server itself the call that runs there cannot end meanwhile: the whole of
    /// `grace` is waited, and its reply is lost. Drop the handle there instead.
    pub fn shutdown(mut self, grace: Duration) -> ShutdownReport {
        let control = self.control.take().expect("it is there until now");
        control.shutdown(grace)
    }

    /// Lets the server run for as long as the process lives.
    pub fn detach(mut self) {
        // The threads of the server own what they need; only this handle would end them.
        core::mem::forget(self.control.take());
    }

    fn control(&self) -> &dyn ServerControl {
        self.control.as_deref().expect("it is there until the handle is consumed")
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        if let Some(control) = self.control.take() {
            control.close();
        }
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle")
            .field("local_addr", &self.local_addr())
            .finish_non_exhaustive()
    }
}
