//! What the fuzz targets run: each takes any bytes and panics if something does not hold.
//!
//! The targets themselves are in `fuzz/`, with their corpora, which a test replays. Nothing here is a
//! part of the interface.
//!
//! | file | what it holds against what |
//! |---|---|
//! | `input` | bytes as decisions |
//! | `datagram` | decoding against encoding |
//! | `reassembly` | messages from parts, sets of offsets, and numbers that arrived, against naive models |
//! | `sender` | a sender and a receiver over a network that does what the bytes say |
//! | `window` | the server's window and the client's lanes against naive models |
//! | `server` | a server fed by several addresses, against what it may do |
//! | `client` | a client fed by a server that says anything, against what it may tell its callers |
//! | `handshake` | two clients and a server whose datagrams are bent on their way |
//! | `simulator` | a whole run of the simulator |
//! | `seeds` | first inputs, from runs of the simulator |
//! | `watch`, `host` | what a server does, observed from outside |
//! | `mutation` | datagrams that are bent |
//! | `arguments` | the decoding of a zoo of types, against what it may cost |

mod arguments;
mod client;
mod datagram;
mod handshake;
mod host;
mod input;
mod mutation;
mod reassembly;
mod seeds;
mod sender;
mod server;
mod simulator;
mod watch;
mod window;

pub use arguments::arguments;
pub use client::client;
pub use datagram::{datagram, fields};
pub use handshake::handshake;
pub use reassembly::reassembly;
pub use seeds::seeds;
pub use sender::sender;
pub use server::server;
pub use simulator::simulator;
pub use window::window;
