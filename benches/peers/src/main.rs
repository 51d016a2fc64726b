//! farcall and the floors measured beside what a user would pick instead.
//!
//! `cargo run --release` measures everything; each part can be asked for alone by its name
//! (`cargo run --release -- latency`), and `-- --help` explains the rest. README.md says how every peer is set up.

mod asynchronous;
mod peers;
mod store_capnp;
#[cfg(test)]
mod tests;

use std::path::Path;

use farcall_workloads::floors::{MioEcho, Tcp, Udp};
use farcall_workloads::{FarcallSystem, Result, System, program};

/// Whatever is measured.
const SYSTEMS: &[&dyn System] = &[
    &FarcallSystem::DEFAULT,
    &FarcallSystem::BLOCKING,
    &FarcallSystem::SPINNING,
    &Udp::BLOCKING,
    &Udp::SPINNING,
    &MioEcho,
    &Tcp,
    peers::TARPC,
    peers::TONIC,
    peers::CAPNP,
    peers::QUINN,
    peers::QUINN_SMALL_CALLS,
    peers::QUINN_LARGE_MESSAGES,
    peers::LIBTIRPC_UDP,
    peers::LIBTIRPC_TCP,
];

fn main() -> Result<()> {
    program::main(SYSTEMS, Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"))
}
