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
//! | `arguments` | the decoding of a zoo of types, against what it may cost |

mod arguments;
mod datagram;
mod input;
mod reassembly;
mod sender;
mod window;

pub use arguments::arguments;
pub use datagram::{datagram, fields};
pub use reassembly::reassembly;
pub use sender::sender;
pub use window::window;
