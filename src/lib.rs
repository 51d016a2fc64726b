//! Remote procedure calls over UDP that run at most once, and errors that tell the truth about
//! whether they ran.
//!
//! Put [`#[rpc_interface]`](macro@rpc_interface) on a trait, and there are a client stub and a server
//! stub for it:
//!
//! ```
//! use farcall::{Server, rpc_interface};
//!
//! #[rpc_interface]
//! pub trait Calculator {
//!     fn add(&self, a: i32, b: i32) -> i32;
//! }
//!
//! struct Calc;
//! impl Calculator for Calc {
//!     fn add(&self, a: i32, b: i32) -> i32 {
//!         a + b
//!     }
//! }
//!
//! let server = Server::bind("127.0.0.1:0")?.serve(CalculatorServer::new(Calc)).spawn()?;
//! let calc = CalculatorClient::connect(server.local_addr())?;
//! assert_eq!(calc.add(2, 3)?, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a failed call tells
//!
//! Every stub method returns a `Result`, and its [`CallError`] knows the [`Outcome`]:
//!
//! ```
//! # use farcall::{Loopback, Outcome, rpc_interface};
//! # #[rpc_interface]
//! # pub trait Calculator { fn add(&self, a: i32, b: i32) -> i32; }
//! # let calc = CalculatorClient::on(&Loopback::new(), "nobody")?;
//! # let calc = farcall::Stub::with_deadline(&calc, std::time::Duration::from_millis(20));
//! match calc.add(1, 1) {
//!     Ok(sum) => println!("{sum}"),
//!     Err(error) => match error.outcome() {
//!         Outcome::NotExecuted => println!("safe to submit again: {error}"),
//!         Outcome::Executed => println!("it ran, its result is lost: {error}"),
//!         Outcome::Unknown => println!("it ran once or not at all: {error}"),
//!     },
//! }
//! # Ok::<(), farcall::ConnectError>(())
//! ```
//!
//! # Many calls at once
//!
//! `start()` gives the same methods, each returning a [`Pending`]: a handle to wait for, to poll, to
//! cancel, or to await on any executor.
//!
//! ```
//! # use farcall::{Loopback, Server, rpc_interface};
//! # #[rpc_interface]
//! # pub trait Calculator { fn add(&self, a: i32, b: i32) -> i32; }
//! # struct Calc;
//! # impl Calculator for Calc { fn add(&self, a: i32, b: i32) -> i32 { a + b } }
//! # let net = Loopback::new();
//! # let server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
//! # let calc = CalculatorClient::on(&net, "calc")?;
//! let calls: Vec<_> = (0..100).map(|n| calc.start().add(n, n)).collect();
//! let sums: Result<Vec<_>, _> = calls.into_iter().map(|call| call.wait()).collect();
//! assert_eq!(sums?[99], 198);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Long calls
//!
//! A server that works on a call says so, and its client waits for as long as its deadline lets it:
//! a long call is never mistaken for a dead server. A handler that asks for its [`Context`] can report
//! its progress, see whether it was cancelled, and how much time is left.
//!
//! ```
//! use farcall::{Context, rpc_interface};
//!
//! #[rpc_interface]
//! pub trait Importer {
//!     #[rpc(deadline = "1h")]
//!     fn import(&self, #[ctx] cx: &Context, rows: u64) -> u64;
//! }
//!
//! struct Rows;
//! impl Importer for Rows {
//!     fn import(&self, cx: &Context, rows: u64) -> u64 {
//!         for row in 0..rows {
//!             if cx.is_cancelled() {
//!                 return row;
//!             }
//!             cx.report(row, rows);
//!         }
//!         rows
//!     }
//! }
//!
//! // A handler is a plain method: its unit test needs no server.
//! assert_eq!(Rows.import(&Context::test(), 3), 3);
//! ```
//!
//! # Types of one's own
//!
//! ```
//! use farcall::Marshal;
//!
//! #[derive(Marshal, Debug, PartialEq)]
//! pub struct Point {
//!     x: f64,
//!     y: f64,
//! }
//!
//! #[derive(Marshal, Debug, PartialEq)]
//! pub enum Shape {
//!     Circle { centre: Point, radius: f64 },
//!     Polygon(Vec<Point>),
//! }
//! ```
//!
//! Which types of the standard library can be sent, what their bytes are and what their limits are, is a
//! table in the documentation of [`Marshal`](trait@Marshal). Types of other crates that implement the traits
//! of serde are sent with the feature `serde`: as `Serde<T>`, or as a field marked `#[marshal(serde)]`.
//!
//! A type that cannot be sent is refused by the compiler, at its place in the trait:
//!
//! ```compile_fail,E0277
//! pub struct Handle(std::sync::Mutex<u32>);
//!
//! #[farcall::rpc_interface]
//! pub trait Store {
//!     fn put(&self, handle: Handle);
//! }
//! ```
//!
//! # Old clients, new servers
//!
//! Clients and servers are replaced at different times. What both know goes on working: methods may be
//! added, and renamed with their old `#[rpc(id = N)]`. What does not match is an error of that call
//! alone, which did not run: [`CallErrorKind::UnknownInterface`], [`CallErrorKind::UnknownMethod`], or
//! [`CallErrorKind::SignatureMismatch`], which shows both signatures. [`assert_compatible`] finds such a
//! change in your tests, before a client does; [`describe`] prints an interface.
//!
//! # Tests
//!
//! The same stubs run on [`Loopback`], an in-process network, and with the feature `sim` on
//! `farcall::sim`, a seeded network in virtual time that loses, repeats, delays and corrupts datagrams
//! and restarts servers, so that you can test *your* service under faults.
//!
//! # Watching
//!
//! [`Client::statistics`] and [`ServerHandle::statistics`] are plain values. They display
//! as a line for a log, and with `{:#}` as a table.
//!
//! With the feature `tracing`, every call is a span called `call` on both sides, at level INFO:
//!
//! | target | fields |
//! |---|---|
//! | `farcall::client` | `interface`, `method`, `session`, `number`, `peer`, `retransmissions`, `outcome`, `error` |
//! | `farcall::server` | `interface`, `method`, `session`, `number`, `peer`, `outcome`, `error` |
//!
//! `session` (hexadecimal) and `number` together name a call, on both sides alike. The client learns them
//! late, so it records all fields from `session` on when the call ends. `outcome` is `Replied`, a name of
//! [`Outcome`], or `Sent`, `Detached` or `Dropped` at a client that does not wait; `error` is a name of
//! [`CallErrorKind`], and an event at level DEBUG in the span has its text. The server's span is entered
//! around the handler, around every poll of a handler that is a future, and in [`Context::scope`], until
//! the call is answered: what a handler says is inside, and so are the spans of the calls that it makes.
//! A client's sessions that are opened, resumed or lost are events at level DEBUG, told when a call
//! ends; a call that was refused before it ran has no span at the server, which counts it.
//!
//! # Defaults
//!
//! A call takes at most 30 s unless its method (`#[rpc(deadline = "..")]`), its stub
//! ([`Stub::with_deadline`]) or its client ([`ClientBuilder::deadline`]) says otherwise; waiting for ever
//! must be written out ([`ClientBuilder::no_deadline`]). A server runs as many handlers at once as there are
//! processors, at least 4. Arguments and results take at most 64 MiB each, unless the method
//! (`#[rpc(max_request = "..", max_reply = "..")]`), the client or the server says otherwise. Every other
//! bound is a field of [`ClientConfig`] or [`ServerConfig`], with its unit and its default.

#[cfg(feature = "serde")]
pub use farcall_core::marshal::Serde;
pub use farcall_core::marshal::{
    DecodeError, DecodeErrorKind, EncodeError, Fields, Reader, Schema, Unmarshal, Variants, Writer,
};
#[cfg(feature = "sim")]
pub use farcall_core::sim;
pub use farcall_core::{
    CallError, CallErrorKind, CallFuture, CallStatus, Client, ClientBuilder, ClientConfig,
    ClientStatistics, CompatibilityError, ConfigError, ConnectError, Context, Description,
    DescriptionError, DropReason, Incompatibility, KeptAddress, Loopback, MethodDescription,
    Network, Outcome, Pending, Received, Reply, RequestLimit, ServeError, Server, ServerAddress,
    ServerBuilder, ServerConfig, ServerHandle, ServerStatistics, ShutdownReport, Stub, Transfer,
    assert_compatible, check_compatible, describe,
};
pub use farcall_macros::rpc_interface;

/// Values that can be encoded as XDR (RFC 4506): the trait, and the derive macro that implements it
/// and [`Unmarshal`].
pub use farcall_core::marshal::Marshal;
pub use farcall_macros::Marshal;

/// What generated code uses. Nothing here is meant for people, and anything may change.
#[doc(hidden)]
pub mod __private {
    pub use farcall_core::marshal::{
        Borrowed, DecodeError, Marshal, Reader, Schema, Sendable, Unmarshal, Writer, max_add,
        max_of, min_add,
    };
    #[cfg(feature = "serde")]
    pub use farcall_core::marshal::{Serde, marshal_foreign};
    pub use farcall_core::service::{
        Answer, Call, Interface, Method, OwnedCall, REPLY_ROOM, REQUEST_ROOM, Service, Spawner,
        assert_single_datagram, decoded, method_id,
    };
    pub use farcall_core::{Returned, send_oneway as send};
}

/// The programs of the guide, which are compiled and run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide.md")]
mod guide {}

/// The program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
