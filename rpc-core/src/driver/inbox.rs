//! Received datagrams on their way from the socket to the endpoint.

use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};

/// One received datagram.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) from: SocketAddr,
    /// The local address it was sent to, where the socket knows it.
    pub(super) local: Option<IpAddr>,
    pub(super) content: Bytes,
}

/// The datagrams of one batch, and the memory they are received into.
///
/// The system writes into a scratch buffer that is large enough for any datagram; from there each is
/// copied once, into a chunk that several small ones share. A chunk whose datagrams are all gone is
/// used again, so that a client with one call in flight allocates nothing. Chunks are small on
/// purpose: whoever keeps a slice of a datagram keeps its chunk.
pub(super) struct Inbox {
    scratch: Vec<u8>,
    chunk: BytesMut,
    datagrams: Vec<Datagram>,
}

/// The most that one kept datagram can pin beyond its own size.
const CHUNK: usize = 4096;

/// No UDP datagram is larger, whatever its sender was configured to.
pub(super) const LARGEST: usize = 1 << 16;

impl Inbox {
    pub(super) fn new() -> Self {
        Self { scratch: Vec::new(), chunk: BytesMut::new(), datagrams: Vec::new() }
    }

    /// A buffer for `count` of the largest datagrams. Give it back with
    /// [`return_scratch`](Self::return_scratch).
    pub(super) fn take_scratch(&mut self, count: usize) -> Vec<u8> {
        if self.scratch.len() < count * LARGEST {
            self.scratch.resize(count * LARGEST, 0);
        }
        core::mem::take(&mut self.scratch)
    }

    pub(super) fn return_scratch(&mut self, scratch: Vec<u8>) {
        self.scratch = scratch;
    }

    /// Takes in a datagram by copying it.
    pub(super) fn push(&mut self, from: SocketAddr, local: Option<IpAddr>, content: &[u8]) {
        let content = if content.len() > CHUNK / 2 {
            Bytes::copy_from_slice(content)
        } else {
            if self.chunk.capacity() < content.len() {
                // Uses the old chunk again if nobody holds a part of it.
                self.chunk.reserve(CHUNK);
            }
            self.chunk.extend_from_slice(content);
            self.chunk.split().freeze()
        };
        self.push_owned(Datagram { from, local, content });
    }

    /// Takes in a datagram as it is.
    pub(super) fn push_owned(&mut self, datagram: Datagram) {
        self.datagrams.push(datagram);
    }

    pub(super) fn len(&self) -> usize {
        self.datagrams.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Datagram> {
        self.datagrams.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    fn take(inbox: &mut Inbox) -> Bytes {
        inbox.drain().next().expect("a datagram was pushed").content
    }

    #[test]
    fn a_chunk_is_used_again_when_its_datagrams_are_gone() {
        let mut inbox = Inbox::new();
        inbox.push(from(), None, &[1; 100]);
        let first = take(&mut inbox).as_ptr();
        for _ in 0..1000 {
            inbox.push(from(), None, &[2; 100]);
            let content = take(&mut inbox);
            let distance = (content.as_ptr() as usize).abs_diff(first as usize);
            assert!(distance < 2 * CHUNK, "another chunk was allocated");
        }
    }

    #[test]
    fn a_kept_datagram_is_not_overwritten() {
        let mut inbox = Inbox::new();
        let kept: Vec<Bytes> = (0..100u8)
            .map(|fill| {
                inbox.push(from(), None, &vec![fill; 37 * usize::from(fill)]);
                take(&mut inbox)
            })
            .collect();
        for (fill, content) in kept.iter().enumerate() {
            assert_eq!(content.len(), 37 * fill);
            assert!(content.iter().all(|&byte| usize::from(byte) == fill));
        }
    }
}
