//! The protocol core: state machines without I/O, clocks or threads.
//!
//! A host owns a [`ClientEndpoint`] or a [`ServerEndpoint`] and drives it through [`Machine`]:
//!
//! 1. it hands in every datagram that arrived, then calls [`Machine::handle_timeout`];
//! 2. it issues its own commands (submit a call, answer one);
//! 3. it asks [`Machine::poll_transmit`] until nothing is left to send;
//! 4. it sleeps until [`Machine::poll_timeout`], or until a datagram or a command comes.
//!
//! Any extra poll, a late time-out or an input repeated at the same time is harmless. A host that
//! forgets to poll loses progress, never correctness.

pub mod client;
#[cfg(any(test, feature = "sim"))]
mod inspect;
pub mod server;

use core::ops::Range;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::time::Timestamp;
use crate::wire::HEADER_LENGTH;

pub use client::ClientEndpoint;
#[cfg(feature = "sim")]
pub(crate) use inspect::Inspect;
pub use server::ServerEndpoint;

/// What a host needs of an endpoint of either role.
pub trait Machine: Send {
    /// Takes one received datagram. `local` is the local address it was sent to, where the host
    /// knows it; answers then leave from that address.
    fn handle_datagram(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &Bytes,
    );

    /// Acts on every timer that is due at `now`. The socket must have been drained first, so that an
    /// answer that is already there is never mistaken for silence.
    fn handle_timeout(&mut self, now: Timestamp);

    /// Appends the next datagram to `out` and says where it goes; `None` if there is nothing to send.
    ///
    /// A datagram that could not be sent may be thrown away: to the protocol it was lost.
    fn poll_transmit(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Option<Transmit>;

    /// The system did not send a datagram of `size` bytes, because it is too large for the path
    /// (`EMSGSIZE`). That is a hint about the path, and no error.
    fn handle_send_refused(&mut self, now: Timestamp, to: SocketAddr, size: usize) {
        let _ = (now, to, size);
    }

    /// How many bytes of large messages the host's socket surely holds before it is read. A host says
    /// so before anything is sent.
    fn set_receive_window(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called next; `None` for not at all.
    fn poll_timeout(&self) -> Option<Timestamp>;
}

/// What a socket surely holds of which nothing is known.
const DEFAULT_RECEIVE_WINDOW: usize = 128 * 1024;

/// One datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where it goes.
    pub to: SocketAddr,
    /// The local address it must leave from; `None` lets the system choose.
    pub from: Option<IpAddr>,
    /// How many bytes were appended to the buffer.
    pub length: usize,
}

/// How large the chunks are in which small arguments and results are kept: as much may be kept for one byte.
const CHUNK: usize = 1024;

/// Where in a datagram a part of its body is.
fn in_datagram(part: &Range<usize>) -> Range<usize> {
    HEADER_LENGTH + part.start..HEADER_LENGTH + part.end
}

/// Whether a queue of which at most `live` entries are of use has so many others that it is worth the
/// effort to remove them. They then cost every entry that is added a constant effort and twice its
/// memory.
fn is_mostly_gone(entries: usize, live: usize) -> bool {
    entries > 2 * live + 64
}

#[cfg(test)]
mod tests;
