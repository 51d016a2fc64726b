//! What remote calls are measured by: the workloads, written once, and the systems that they run on.
//!
//! A [`System`] can be served and called; its [`Client`] makes the calls that the workloads consist of. This
//! crate has farcall as a system, in three ways of waiting, and the floors: what the same exchange costs with
//! nothing but sockets. Whoever wants to compare something else implements the two traits for it.
//!
//! A server is a process of its own, bound to a processor of its own where the system allows that: the same
//! program, started again with `--serve` and the name of the system.

#![forbid(unsafe_code)]

pub mod calculator;
pub mod farcall_system;
pub mod floors;
pub mod goals;
mod limits;
pub mod machine;
pub mod measure;
pub mod message;
mod packet_loss;
mod picture;
pub mod process;
pub mod program;
pub mod report;
pub mod results;
pub mod runner;
pub mod settings;
pub mod store;
pub mod suite;
pub mod system;
pub mod table;
pub mod threads;

pub use self::farcall_system::FarcallSystem;
pub use self::measure::{Exchanged, Latency, Spread};
pub use self::message::{Check, Message};
pub use self::suite::Part;
pub use self::system::{Client, Role, Sums, System, Workload};

/// What measurements fail with: anything.
pub type Error = Box<dyn core::error::Error + Send + Sync>;

/// The result of a measurement.
pub type Result<T> = core::result::Result<T, Error>;
