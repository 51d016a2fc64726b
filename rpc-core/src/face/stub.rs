//! What every generated client stub can do.

use core::time::Duration;

use super::address::ServerAddress;
use super::client::Client;
use crate::error::ConnectError;
use crate::host::Network;
use crate::service::Interface;

/// A generated client stub.
///
/// Everything that a stub can do besides the user's own methods is in this trait, so that no name of
/// ours can ever collide with a method of the user's. The most used three, `connect`, `on` and
/// `start`, are inherent functions of the stub as well, unless the user's trait has a method of that
/// name.
pub trait Stub: Clone {
    /// What [`start`](Self::start) gives: the user's methods, each returning a
    /// [`Pending`](crate::Pending).
    type Start<'a>
    where
        Self: 'a;

    /// A stub on the session of `client`.
    fn from_client(client: Client) -> Self;

    /// The client whose session it uses.
    fn client(&self) -> &Client;

    /// The same methods, starting calls instead of waiting for their results.
    fn start(&self) -> Self::Start<'_>;

    /// The interface.
    #[doc(hidden)]
    fn interface() -> &'static Interface;

    /// See [`Client::connect`].
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    fn connect(server: impl ServerAddress) -> Result<Self, ConnectError> {
        Client::connect(server).map(Self::from_client)
    }

    /// See [`Client::on`].
    ///
    /// # Errors
    /// Those of [`Client::on`].
    fn on<N: Network + ?Sized>(network: &N, name: &str) -> Result<Self, ConnectError> {
        Client::on(network, name).map(Self::from_client)
    }

    /// The same stub, whose calls have this deadline, whatever their methods say. It governs `start`
    /// as well.
    #[must_use]
    fn with_deadline(&self, deadline: Duration) -> Self {
        Self::from_client(self.client().with_deadline(deadline))
    }
}
