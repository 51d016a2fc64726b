//! The protocol of farcall on paper: handshake, lanes, fences, restarts, as a state machine that is
//! explored to its last state. `DESIGN.md` says what it covers, and which function each action is.
//!
//! The network is the worst there is: whatever was ever sent may arrive at any later time, any number of
//! times, in any order, or never. There are no clocks: whatever a timer does may happen at any time.

mod answers;
mod check;
mod client;
mod fair;
mod message;
mod model;
mod mutation;
mod properties;
mod scope;
mod scopes;
mod server;
mod state;

pub use check::{Discovery, Report, check};
pub use mutation::Mutation;
pub use scope::{Kind, Scope};
pub use scopes::{GATE, LONG, of_mutation};
