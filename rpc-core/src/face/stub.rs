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
///
/// It is also the bound for code that takes any stub:
///
/// ```
/// use farcall::{ConnectError, Loopback, Server, Stub, rpc_interface};
/// use std::time::Duration;
///
/// #[rpc_interface]
/// pub trait Greeter {
///     fn greet(&self, name: &str) -> String;
/// }
/// # struct Polite;
/// # impl Greeter for Polite { fn greet(&self, name: &str) -> String { format!("hello {name}") } }
///
/// /// A stub of any interface that gives up quickly, of a server that is there.
/// fn hasty<S: Stub>(network: &Loopback, server: &str) -> Result<S, ConnectError> {
///     let stub = S::on(network, server)?.with_deadline(Duration::from_secs(1));
///     stub.client().ready(Duration::from_secs(1))?;
///     Ok(stub)
/// }
///
/// let net = Loopback::new();
/// let server = Server::on(&net, "greeter")?.serve(GreeterServer::new(Polite)).spawn()?;
/// let greeter: GreeterClient = hasty(&net, "greeter")?;
/// assert_eq!(greeter.greet("you")?, "hello you");
/// assert_eq!(greeter.start().greet("me").wait()?, "hello me"); // has the deadline as well
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
