//! A client, and the calls that generated stubs make with it.

use core::fmt;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::address::ServerAddress;
use super::span::{CallSpan, Ended};
use super::stub::Stub;
use crate::config::ClientConfig;
use crate::context::Context;
use crate::driver;
use crate::endpoint::client::{CallKey, Completion, Failure, NewCall, RELEASES_RESULTS};
use crate::error::{CallError, CallErrorKind, ConnectError, Outcome, Settle, Settlement};
use crate::host::{CallHost, ClientHost, Network};
use crate::marshal::{Body, DecodeError, Unmarshal, Writer, from_message};
use crate::service::{Interface, Method};
use crate::statistics::ClientStatistics;

/// A client of one server. Stubs are made from it, and any number of them share its session.
///
/// Cloning is cheap and gives another handle of the same session. All handles may be used on any number
/// of threads at once, without a lock of yours around them; a thread that waits does not keep the others
/// from calling. When the last handle, stub and [`Pending`](crate::Pending) is gone, the session is closed.
///
/// ```
/// use farcall::{Client, Server, rpc_interface};
/// use std::time::Duration;
///
/// #[rpc_interface]
/// pub trait Calculator {
///     fn add(&self, a: i32, b: i32) -> i32;
/// }
/// #[rpc_interface]
/// pub trait Clock {
///     fn hour(&self) -> u8;
/// }
/// # struct Both;
/// # impl Calculator for Both { fn add(&self, a: i32, b: i32) -> i32 { a + b } }
/// # impl Clock for Both { fn hour(&self) -> u8 { 12 } }
/// # let server = Server::bind("127.0.0.1:0")?
/// #     .serve(CalculatorServer::new(Both))
/// #     .serve(ClockServer::new(Both))
/// #     .spawn()?;
/// # let address = server.local_addr();
///
/// let client = Client::connect(address)?;
/// client.ready(Duration::from_secs(5))?; // only if it is to be known now
///
/// // Both stubs share its session, and so do their clones on other threads.
/// let (calc, clock) = (CalculatorClient::from(&client), client.stub::<ClockClient>());
/// std::thread::scope(|scope| {
///     for n in 0..4 {
///         let calc = calc.clone();
///         scope.spawn(move || assert_eq!(calc.add(n, 1).unwrap(), n + 1));
///     }
/// });
/// assert_eq!(clock.hour()?, 12);
/// assert_eq!(client.statistics().sessions_opened, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Whose deadline counts
///
/// The most particular one: that of the stub or client ([`with_deadline`](Self::with_deadline)), else
/// the method's (`#[rpc(deadline = "..")]`), else the client's ([`ClientBuilder::deadline`]), which is
/// 30 s unless set. A call that is made while a handler answers another one ends by that one's deadline
/// at the latest: see [`Context::scope`].
#[derive(Clone)]
pub struct Client {
    host: Arc<dyn ClientHost>,
    deadline: DeadlineChoice,
}

/// Where the deadline of a call comes from: the handle, else the method, else the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DeadlineChoice {
    own: Option<Duration>,
    default: Option<Duration>,
}

impl Client {
    /// Resolves the server's name, opens a socket and begins the handshake. It does not wait for the
    /// server: calls wait within their own deadlines, and [`ready`](Self::ready) waits on its own.
    ///
    /// If the name stands for several addresses, they are tried in turn. When the server stops
    /// answering, the name is resolved again.
    ///
    /// # Errors
    /// The name cannot be resolved, or no socket can be opened.
    pub fn connect(server: impl ServerAddress) -> Result<Self, ConnectError> {
        Self::builder().connect(server)
    }

    /// A client of the server called `name` on an in-process network.
    ///
    /// # Errors
    /// The network's own.
    pub fn on<N: Network + ?Sized>(network: &N, name: &str) -> Result<Self, ConnectError> {
        Self::builder().on(network, name)
    }

    /// Begins with the default configuration.
    pub fn builder() -> ClientBuilder {
        ClientBuilder { config: ClientConfig::default() }
    }

    /// A stub of interface `S` on this client's session, with its deadline if it was given one. The same
    /// as `XClient::from(&client)`.
    pub fn stub<S: Stub>(&self) -> S {
        S::from_client(self.clone())
    }

    /// The same client, whose calls have this deadline, whatever their methods say. The session is the
    /// same; so it costs nothing to do this for a single call.
    ///
    /// ```
    /// # use farcall::{CallErrorKind, Loopback, Server, Stub, rpc_interface};
    /// # use std::time::Duration;
    /// # #[rpc_interface]
    /// # pub trait Slow { fn work(&self, milliseconds: u64); }
    /// # struct Sleeper;
    /// # impl Slow for Sleeper {
    /// #     fn work(&self, milliseconds: u64) {
    /// #         std::thread::sleep(Duration::from_millis(milliseconds));
    /// #     }
    /// # }
    /// # let net = Loopback::new();
    /// # let server = Server::on(&net, "slow")?.serve(SlowServer::new(Sleeper)).spawn()?;
    /// # let slow = SlowClient::on(&net, "slow")?;
    /// slow.work(1)?; // 30 s are enough
    /// let error = slow.with_deadline(Duration::from_millis(20)).work(200).unwrap_err();
    /// assert!(matches!(error.kind(), CallErrorKind::DeadlineExceeded { .. }), "{error}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let deadline = DeadlineChoice { own: Some(deadline), ..self.deadline };
        Self { host: Arc::clone(&self.host), deadline }
    }

    /// Waits until there is a session. Nothing needs this: a call waits by itself. It is for programs that
    /// want to know at their start whether the server is there.
    ///
    /// ```
    /// use farcall::{Client, Loopback};
    /// use std::time::Duration;
    ///
    /// let client = Client::on(&Loopback::new(), "nobody")?;
    /// let error = client.ready(Duration::from_millis(20)).unwrap_err();
    /// assert!(error.to_string().starts_with("no session within 20ms; tried "), "{error}");
    /// # Ok::<(), farcall::ConnectError>(())
    /// ```
    ///
    /// # Errors
    /// There was none within `timeout`; the error names the addresses that were tried.
    pub fn ready(&self, timeout: Duration) -> Result<(), ConnectError> {
        self.host.ready(timeout).map_err(|reason| ConnectError::NotReady {
            tried: self.host.servers(),
            waited: timeout,
            reason,
        })
    }

    /// The addresses that are tried.
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.host.servers()
    }

    /// What this client did so far: the calls of all its handles and stubs. It displays as a line for a
    /// log.
    pub fn statistics(&self) -> ClientStatistics {
        self.host.statistics()
    }

    pub(super) fn from_host(host: Arc<dyn ClientHost>, deadline: Option<Duration>) -> Self {
        Self { host, deadline: DeadlineChoice { own: None, default: deadline } }
    }

    /// The call, and whether its deadline is that of the call that is being answered here.
    fn new_call(
        &self,
        interface: &'static Interface,
        method: &'static Method,
        arguments: Writer,
    ) -> (NewCall, bool) {
        let (body, fault) = match arguments.finish_body() {
            Ok(body) => (body, None),
            Err(error) => (Body::default(), Some(error)),
        };
        let own = self.deadline.own.or(method.own_deadline()).or(self.deadline.default);
        // A handler's own calls are of no use to anybody once its caller has given up.
        let outer = Context::remaining_in_scope();
        let is_inherited = outer.is_some_and(|outer| own.is_none_or(|own| outer < own));
        let deadline = if is_inherited { outer } else { own };
        let call = NewCall {
            interface: interface.id(),
            method: method.id(),
            signature: method.signature().hash,
            is_idempotent: method.is_idempotent(),
            is_oneway: method.is_oneway(),
            limits: method.limits(),
            deadline,
            body,
            fault,
        };
        (call, is_inherited)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("servers", &self.servers()).finish_non_exhaustive()
    }
}

/// Makes a [`Client`] with settings of its own.
///
/// ```
/// use farcall::{Client, ClientConfig};
/// use std::time::Duration;
///
/// let client = Client::builder()
///     .deadline(Duration::from_secs(2))
///     .maximum_reply(1 << 20) // 1 MiB is more than this program can use
///     .connect("127.0.0.1:4000")?;
///
/// // Everything else is a field of the configuration.
/// let patient = ClientConfig { silence_limit: Duration::from_secs(60), ..ClientConfig::default() };
/// let client = Client::builder().config(patient).no_deadline().connect("127.0.0.1:4000")?;
/// # Ok::<(), farcall::ConnectError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing before `connect` or `on`"]
pub struct ClientBuilder {
    config: ClientConfig,
}

impl ClientBuilder {
    /// Replaces all settings, also those that were made before.
    pub fn config(self, config: ClientConfig) -> Self {
        Self { config }
    }

    /// How long a call may take unless its method or its stub says otherwise. The default is 30 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.config.deadline = Some(deadline);
        self
    }

    /// Calls wait for ever, as long as the server keeps answering, unless their methods or their stubs
    /// say otherwise.
    pub fn no_deadline(mut self) -> Self {
        self.config.deadline = None;
        self
    }

    /// The largest encoded arguments of a call, in bytes, from 1 to 1 GiB, for methods without a
    /// `max_request`. A larger call ends at once with
    /// [`RequestTooLarge`](crate::CallErrorKind::RequestTooLarge). The server has its own limit as well. The
    /// default is 64 MiB.
    pub fn maximum_request(mut self, bytes: usize) -> Self {
        self.config.maximum_request = bytes;
        self
    }

    /// The largest encoded result of a call, in bytes, from 1 to 1 GiB, for methods without a
    /// `max_reply`. The server is told, and a call with a larger result ends with
    /// [`ReplyTooLarge`](crate::CallErrorKind::ReplyTooLarge). The default is 64 MiB.
    pub fn maximum_reply(mut self, bytes: usize) -> Self {
        self.config.maximum_reply = bytes;
        self
    }

    /// The largest message that travels as one datagram, and the size of every other datagram but those
    /// of larger messages: in bytes, from 1,200, the default, to 65,507. Raise it only where the path is
    /// known to carry that much.
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

    /// See [`Client::connect`].
    ///
    /// # Errors
    /// Those of [`Client::connect`], and a configuration that contradicts itself.
    pub fn connect(self, server: impl ServerAddress) -> Result<Client, ConnectError> {
        self.config.validate()?;
        let address = server.to_kept();
        let name = address.name();
        let servers = address
            .resolve()
            .map_err(|source| ConnectError::Resolve { name: name.clone(), source })?;
        if servers.is_empty() {
            return Err(ConnectError::NoAddress { name });
        }
        let deadline = self.config.deadline;
        let resolve: Option<driver::Resolve> =
            address.is_name().then(|| Box::new(move || address.resolve()) as driver::Resolve);
        let host = driver::open_udp_client(name, servers, resolve, self.config)?;
        Ok(Client::from_host(host, deadline))
    }

    /// See [`Client::on`].
    ///
    /// # Errors
    /// The network's own, and a configuration that contradicts itself.
    pub fn on<N: Network + ?Sized>(self, network: &N, name: &str) -> Result<Client, ConnectError> {
        self.config.validate()?;
        let deadline = self.config.deadline;
        Ok(Client::from_host(network.open_client(name, self.config)?, deadline))
    }
}

/// Sends a one-way call. For generated code.
///
/// # Errors
/// It could not be sent within its deadline.
pub fn send(
    client: &Client,
    interface: &'static Interface,
    method: &'static Method,
    arguments: Writer,
) -> Result<(), CallError> {
    let (mut ticket, _) = Ticket::call(client, interface, method, arguments)?;
    ticket.end_span(Ended::Sent);
    Ok(())
}

/// A call that was submitted, and the duty to release it.
pub(super) struct Ticket {
    pub(super) host: Arc<dyn CallHost>,
    pub(super) key: CallKey,
    interface: &'static Interface,
    method: &'static Method,
    duty: Duty,
    inherits_deadline: bool,
    span: CallSpan,
}

/// What is to be done when a ticket is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// Release a call that may still be open.
    Release,
    /// Release a call whose completion was handed out.
    ReleaseEnded,
    /// Nothing: it was done, or somebody else does it.
    Done,
}

impl Ticket {
    /// A call that `host` knows already.
    pub(super) fn of(
        host: Arc<dyn CallHost>,
        key: CallKey,
        interface: &'static Interface,
        method: &'static Method,
    ) -> Self {
        let (duty, span) = (Duty::Release, CallSpan::none());
        Self { host, key, interface, method, duty, inherits_deadline: false, span }
    }

    pub(super) fn submit(
        client: &Client,
        interface: &'static Interface,
        method: &'static Method,
        arguments: Writer,
    ) -> Self {
        let span = CallSpan::begin(interface, method);
        let (call, inherits_deadline) = client.new_call(interface, method, arguments);
        let host = Arc::clone(&client.host);
        let key = host.submit(call);
        Self { host, key, interface, method, duty: Duty::Release, inherits_deadline, span }
    }

    /// Submits a call and waits until it has ended: by its result, its deadline, or the end of its
    /// session.
    pub(super) fn call(
        client: &Client,
        interface: &'static Interface,
        method: &'static Method,
        arguments: Writer,
    ) -> Result<(Self, Bytes), CallError> {
        let span = CallSpan::begin(interface, method);
        let (call, inherits_deadline) = client.new_call(interface, method, arguments);
        let host = Arc::clone(&client.host);
        let (key, completion) = host.call(call);
        let duty = Duty::ReleaseEnded;
        let ticket = Self { host, key, interface, method, duty, inherits_deadline, span };
        ticket.ended(completion)
    }

    /// The reply of a call that has ended, or why there is none.
    pub(super) fn ended(mut self, completion: Completion) -> Result<(Self, Bytes), CallError> {
        match completion {
            Ok(reply) => {
                self.duty = if RELEASES_RESULTS { Duty::Done } else { Duty::ReleaseEnded };
                Ok((self, reply))
            }
            Err(failure) => {
                self.duty = Duty::ReleaseEnded;
                Err(self.into_error(failure))
            }
        }
    }

    /// Decodes a reply, and releases the call. This is all that there is once for each type.
    pub(super) fn decode<T>(mut self, reply: &Bytes) -> Result<T, CallError>
    where
        T: for<'a> Unmarshal<'a>,
    {
        match from_message(reply) {
            Ok(result) => {
                self.end_span(Ended::Replied);
                Ok(result)
            }
            Err(error) => Err(self.undecodable(error)),
        }
    }

    fn undecodable(self, error: DecodeError) -> CallError {
        let kind = CallErrorKind::UndecodableReply(error);
        self.into_error(Failure { outcome: Outcome::Executed, kind })
    }

    fn into_error(mut self, failure: Failure) -> CallError {
        let Failure { outcome, mut kind } = failure;
        // The protocol knows the numbers; whose they are is known here.
        match &mut kind {
            CallErrorKind::SignatureMismatch { client, .. } => {
                client.clone_from(&self.method.signature().text);
            }
            CallErrorKind::DeadlineExceeded { inherited, .. } => {
                *inherited = self.inherits_deadline;
            }
            _ => {}
        }
        self.end_span(Ended::Failed(outcome, &kind));
        let (interface, method) = (self.interface.name(), self.method.name());
        let settle = (outcome == Outcome::Unknown).then(|| {
            // The record of the call is kept for as long as its error is.
            self.duty = Duty::Done;
            let open = OpenRecord { host: Arc::clone(&self.host), key: self.key };
            Arc::new(open) as Arc<dyn Settle>
        });
        CallError::new(outcome, kind, interface, method, settle)
    }

    /// Gives the duty to release the call up, because it was detached.
    pub(super) fn detach(mut self) {
        self.duty = Duty::Done;
        self.end_span(Ended::Detached);
        self.host.detach(self.key);
    }

    /// Ends the span, while the host still knows the call.
    fn end_span(&mut self, ended: Ended<'_>) {
        self.span.end(&*self.host, self.key, ended);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.duty {
            Duty::Release => {
                self.end_span(Ended::Dropped);
                self.host.release(self.key);
            }
            Duty::ReleaseEnded => self.host.release_ended(self.key),
            Duty::Done => {}
        }
    }
}

/// The record of a call whose outcome was unknown when its error was made.
struct OpenRecord {
    host: Arc<dyn CallHost>,
    key: CallKey,
}

impl Settle for OpenRecord {
    fn settle(&self, timeout: Duration) -> Settlement {
        self.host.settle(self.key, timeout)
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        self.host.release(self.key);
    }
}
