//! What is said when something fails: one enum for each audience.

mod call;
mod start;

pub(crate) use call::Settle;
pub use call::{CallError, CallErrorKind, Outcome, RequestLimit, Settlement};
pub use start::{ConnectError, ServeError};
