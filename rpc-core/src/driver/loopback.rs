//! The in-process network: the same loop, on queues instead of sockets.

use core::fmt;
use std::sync::Arc;

use super::client;
use super::local::Exchange;
use super::seat::Parts;
use super::server::Binding;
use super::socket::Socket;
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{ConnectError, ServeError};
use crate::host::{ClientHost, Network, ServerBinding};

/// A network inside this process, on which servers have names.
///
/// It loses nothing but what a full queue cannot take, delays nothing and needs no permission, which
/// makes it a good transport for tests. Everything else is as on a real network: the same threads run
/// the same protocol. Clones are the same network; two networks do not see each other.
///
/// A name stands for the same place for as long as the network exists: a client may be opened before
/// its server, and finds another server of that name after a restart.
#[derive(Clone, Default)]
pub struct Loopback {
    exchange: Arc<Exchange>,
}

impl Loopback {
    /// A network without any servers.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback").field("servers", &self.exchange.bound_names()).finish()
    }
}

impl Network for Loopback {
    fn open_client(
        &self,
        name: &str,
        config: ClientConfig,
    ) -> Result<Arc<dyn ClientHost>, ConnectError> {
        config.validate()?;
        let server = self.exchange.address_of(name);
        let failure = |source| ConnectError::Socket { local: server, source };
        let parts = Parts::new().map_err(failure)?;
        let socket = self.exchange.open(parts.waker());
        let handle = client::open(parts, Socket::from(socket), vec![server], None, config)
            .map_err(failure)?;
        Ok(Arc::new(handle))
    }

    fn open_server(
        &self,
        name: &str,
        config: &ServerConfig,
    ) -> Result<Box<dyn ServerBinding>, ServeError> {
        config.validate()?;
        let parts = Parts::new().map_err(ServeError::Loop)?;
        let Some(socket) = self.exchange.bind(name, parts.waker()) else {
            return Err(ServeError::NameInUse { name: name.to_owned() });
        };
        Ok(Box::new(Binding::new(parts, Socket::from(socket))))
    }
}
