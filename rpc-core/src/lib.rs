//! The protocol, the encoding and the event loop of farcall.
//!
//! This crate is the inside of [`farcall`](https://docs.rs/farcall); programs depend on that one.
//! Its modules, in reading order:
//!
//! | module | what it is for |
//! |---|---|
//! | [`time`], [`entropy`], [`config`], [`error`], [`statistics`] | plain values used everywhere |
//! | [`marshal`] | the encoding of arguments and results: XDR (RFC 4506) |
//! | [`wire`] | the bytes of a datagram |
//! | [`call`] | when to repeat a packet, and how often |
//! | [`endpoint`] | the protocol as state machines without I/O, clocks or threads |
//! | [`context`], [`service`] | finding and running the handler of a call |
//! | [`host`] | what drives an endpoint, in the abstract |
//! | [`driver`] | the event loop on a socket, and the in-process loopback |
//! | `face` | what users hold in their hands |
//! | `sim` (feature `sim`) | what drives endpoints in virtual time, over a network with faults |

mod arena;
pub mod call;
pub mod config;
pub mod context;
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the one place that may ask the system"
)]
pub mod driver;
pub mod endpoint;
pub mod entropy;
pub mod error;
mod face;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod host;
pub mod marshal;
pub mod service;
#[cfg(feature = "sim")]
pub mod sim;
pub mod statistics;
mod sync;
pub mod time;
pub mod transfer;
pub mod wire;

pub use config::{ClientConfig, ConfigError, MessageLimits, ServerConfig};
pub use context::Context;
pub use driver::Loopback;
pub use endpoint::client::{CallStatus, Transfer};
pub use error::{CallError, CallErrorKind, ConnectError, Outcome, RequestLimit, ServeError};
pub use face::{
    Client, ClientBuilder, CompatibilityError, KeptAddress, Pending, Returned, Server,
    ServerAddress, ServerBuilder, ServerHandle, Stub, assert_compatible, check_compatible,
    describe, send_oneway,
};
pub use host::{Network, ShutdownReport};
pub use service::{CallFuture, Reply};
pub use service::{Description, DescriptionError, Incompatibility, MethodDescription};
pub use statistics::{ClientStatistics, DropReason, Received, ServerStatistics};
