//! Moving messages that are larger than a datagram: taking them apart, sending the parts without
//! hurting anybody, sending again what was lost, and putting them together.
//!
//! Pure state machines like the endpoints, which own them: time is an argument, and what is to be
//! written is asked for.
//!
//! | file | what it does |
//! |---|---|
//! | `sender` | what goes next, when, and what was lost (RFC 9002) |
//! | `congestion` | how much may be under way: NewReno |
//! | `round_trip` | how long the path takes |
//! | `pacer` | spreads datagrams over the round trip |
//! | `path_size` | how large datagrams may be (RFC 8899) |
//! | `message` | which parts of a message are to be sent |
//! | `received` | which datagrams have arrived |
//! | `assembly` | puts a message together |
//! | `ranges` | sets of offsets |

mod assembly;
mod congestion;
mod message;
mod pacer;
mod path_size;
pub(crate) mod ranges;
mod received;
mod round_trip;
mod sender;

pub use assembly::{Added, Assembly};
pub use message::Message;
pub use received::{ANSWER_DELAY, Acknowledgement, Received};
pub use sender::{Key, Outgoing, Sender};

/// How many bytes of a message a receiver takes before it has said how many it takes. Both sides
/// know this number.
pub const FIRST_LIMIT: usize = 256 * 1024;

#[cfg(test)]
mod tests;
