//! Remote procedure calls over UDP that run at most once, and errors that tell the truth about
//! whether they ran.

pub use farcall_core::marshal::{DecodeError, DecodeErrorKind, Reader, Unmarshal, Writer};
pub use farcall_core::{
    CallError, CallErrorKind, CallStatus, Client, ClientBuilder, ClientConfig, ClientStatistics,
    ConfigError, ConnectError, Context, DropReason, Loopback, Network, Outcome, Pending,
    ServeError, Server, ServerAddress, ServerBuilder, ServerConfig, ServerHandle, ServerStatistics,
    ShutdownReport, Stub,
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
        DecodeError, Lend, Marshal, Reader, Schema, Unmarshal, Writer, max_add, max_of, min_add,
    };
    pub use farcall_core::service::{Answer, Call, Interface, Method, Service, method_id};
    pub use farcall_core::{call_method as call, send_oneway as send, start_method as start};
}
