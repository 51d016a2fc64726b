//! What users write against the public interface, one module per topic.
//!
//! Tests of the form `name::udp` and `name::in_process` are one test on both transports.

#![allow(unreachable_pub, reason = "interfaces are written here as users write them")]

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod borrowed;
mod clients;
mod context;
mod descriptions;
mod design_program;
mod encoding;
mod errors;
mod evolution;
#[cfg(feature = "serde")]
mod foreign;
mod futures;
mod later;
mod nested;
mod options;
mod pending;
mod servers;
mod settings;
mod stubs;
mod types;
