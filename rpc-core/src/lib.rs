//! The protocol, the encoding and the event loop of farcall.

pub mod marshal;
