//! The public face: what generated stubs and their users hold in their hands.

mod address;
mod client;
mod compatible;
mod pair;
mod pending;
mod returned;
mod server;
mod span;
mod stub;
mod unwind;

pub use address::{KeptAddress, ServerAddress};
pub use client::{Client, ClientBuilder, send as send_oneway};
pub use compatible::{CompatibilityError, assert_compatible, check_compatible, describe};
pub use pending::Pending;
pub use returned::Returned;
pub use server::{Server, ServerBuilder, ServerHandle};
pub use stub::Stub;
