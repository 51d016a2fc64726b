//! Received datagrams on their way from the socket to the endpoint.

use core::cell::Cell;
use core::ops::{Deref, DerefMut};
use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};

use crate::arena::Arena;

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
/// The system writes into buffers that are large enough for any datagram. From there each small
/// datagram is copied once, into a chunk that several share; a chunk whose datagrams are all gone is
/// used again, so that a client with one call in flight allocates nothing. Chunks are small on purpose:
/// whoever keeps a slice of a datagram keeps its chunk.
///
/// Large datagrams, and trains of datagrams, are not copied: the endpoint gets slices of the buffer,
/// and the buffer is used again when they are gone, which is before the next batch. The endpoint copies
/// what it keeps, unless that is most of a large datagram: then it has the buffer, and there is a new
/// one.
pub(super) struct Inbox {
    buffers: Vec<BytesMut>,
    /// Buffers that the datagrams of the last batch are slices of.
    lent: Vec<Bytes>,
    /// Buffers that came back.
    spare: Vec<BytesMut>,
    is_bulk: bool,
    small: Arena,
    datagrams: Vec<Datagram>,
}

/// The inbox of the present thread, lent to it while it leads. A process with many endpoints has few threads,
/// and their inboxes stay in the caches.
pub(super) struct OwnInbox(Option<Box<Inbox>>);

thread_local! {
    static SPARE: Cell<Option<Box<Inbox>>> = const { Cell::new(None) };
}

/// The most that one kept small datagram can pin beyond its own size.
const CHUNK: usize = 4096;

/// What is received at once and is at least this large is not copied.
pub(super) const LENT_FROM: usize = 16 * 1024;

/// No UDP datagram is larger, whatever its sender was configured to.
pub(super) const LARGEST: usize = 1 << 16;

/// How many bytes a batch has, at most, beyond its last reception: then answers are sent and handlers
/// run before more is received.
pub(super) const MOST_BYTES: usize = 128 * 1024;

/// How many buffers wait to be used again.
const MOST_SPARE: usize = 8;

impl OwnInbox {
    /// An empty inbox.
    pub(super) fn take() -> Self {
        let spare = SPARE.try_with(Cell::take).unwrap_or_default();
        Self(Some(spare.unwrap_or_else(|| Box::new(Inbox::new()))))
    }
}

impl Drop for OwnInbox {
    fn drop(&mut self) {
        if let Some(inbox) = &mut self.0 {
            inbox.datagrams.clear();
        }
        // A thread that is ending has no place for it any more.
        let _ = SPARE.try_with(|spare| spare.set(self.0.take()));
    }
}

impl Deref for OwnInbox {
    type Target = Inbox;

    fn deref(&self) -> &Inbox {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl DerefMut for OwnInbox {
    fn deref_mut(&mut self) -> &mut Inbox {
        self.0.as_mut().expect("it is there until it is dropped")
    }
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            buffers: Vec::new(),
            lent: Vec::new(),
            spare: Vec::new(),
            is_bulk: false,
            small: Arena::new(CHUNK),
            datagrams: Vec::new(),
        }
    }

    /// Takes the buffers of the last batch back. To be called before the next one.
    pub(super) fn reclaim(&mut self) {
        self.is_bulk = !self.lent.is_empty();
        for buffer in self.lent.drain(..) {
            // Whoever still has a slice of it keeps it.
            if let Ok(buffer) = buffer.try_into_mut()
                && self.spare.len() < MOST_SPARE
            {
                self.spare.push(buffer);
            }
        }
    }

    /// Whether large datagrams or trains were in the last batch.
    pub(super) fn is_bulk(&self) -> bool {
        self.is_bulk
    }

    /// Buffers for `count` of the largest datagrams. What was written into one is taken in by
    /// [`land`](Self::land).
    pub(super) fn buffers(&mut self, count: usize) -> &mut [BytesMut] {
        while self.buffers.len() < count {
            self.buffers.push(BytesMut::zeroed(LARGEST));
        }
        &mut self.buffers[..count]
    }

    /// Takes in the first `length` bytes of a buffer: datagrams of `stride` bytes, the last of which may
    /// be shorter.
    pub(super) fn land(
        &mut self,
        slot: usize,
        from: SocketAddr,
        local: Option<IpAddr>,
        length: usize,
        stride: usize,
    ) {
        if length >= LENT_FROM {
            let buffer = self.spare.pop().unwrap_or_else(|| BytesMut::zeroed(LARGEST));
            let whole = core::mem::replace(&mut self.buffers[slot], buffer).freeze();
            let stride = if stride == 0 { length } else { stride };
            for start in (0..length).step_by(stride) {
                let content = whole.slice(start..length.min(start + stride));
                self.push_owned(Datagram { from, local, content });
            }
            self.lent.push(whole);
            return;
        }
        let mut start = 0;
        // An empty datagram is one, too.
        while start == 0 || start < length {
            let end = if stride == 0 { length } else { length.min(start + stride) };
            let content = self.small.copy(&self.buffers[slot][start..end]);
            self.push_owned(Datagram { from, local, content });
            start = end.max(1);
        }
    }

    /// Takes in a datagram as it is.
    pub(super) fn push_owned(&mut self, datagram: Datagram) {
        self.datagrams.push(datagram);
    }

    /// Whether everything came from one peer.
    pub(super) fn is_of_one_peer(&self) -> bool {
        let mut peers = self.datagrams.iter().map(|datagram| datagram.from);
        let first = peers.next();
        peers.all(|peer| Some(peer) == first)
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

    /// What a socket does.
    fn push(inbox: &mut Inbox, content: &[u8]) {
        inbox.reclaim();
        inbox.buffers(1)[0][..content.len()].copy_from_slice(content);
        inbox.land(0, from(), None, content.len(), content.len());
    }

    fn from() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    fn take(inbox: &mut Inbox) -> Bytes {
        inbox.drain().next().expect("a datagram was pushed").content
    }

    #[test]
    fn a_kept_datagram_is_not_overwritten() {
        let mut inbox = Inbox::new();
        let kept: Vec<Bytes> = (0..=255u8)
            .map(|fill| {
                push(&mut inbox, &vec![fill; 250 * usize::from(fill)]);
                take(&mut inbox)
            })
            .collect();
        for (fill, content) in kept.iter().enumerate() {
            assert_eq!(content.len(), 250 * fill);
            assert!(content.iter().all(|&byte| usize::from(byte) == fill));
        }
    }

    #[test]
    fn a_buffer_is_used_again_when_its_datagrams_are_gone() {
        let mut inbox = Inbox::new();
        let mut places: Vec<*const u8> = Vec::new();
        for fill in 0..100 {
            push(&mut inbox, &[fill; 65_507]);
            let content = take(&mut inbox);
            assert_eq!(content, [fill; 65_507][..]);
            if !places.contains(&content.as_ptr()) {
                places.push(content.as_ptr());
            }
        }
        assert!(places.len() <= 2, "{} buffers were allocated", places.len());
    }

    #[test]
    fn bulk_is_over_after_a_batch_without() {
        let mut inbox = Inbox::new();
        for (size, was_bulk) in [(20_000, false), (100, true), (100, false)] {
            push(&mut inbox, &vec![0; size]);
            assert_eq!(inbox.is_bulk(), was_bulk);
            inbox.drain().for_each(drop);
        }
    }

    #[test]
    fn what_came_back_is_bounded() {
        let mut inbox = Inbox::new();
        for _ in 0..3 {
            inbox.buffers(1);
            for _ in 0..20 {
                inbox.land(0, from(), None, LARGEST, LARGEST);
            }
            assert_eq!(inbox.drain().count(), 20);
            inbox.reclaim();
            assert_eq!(inbox.spare.len(), MOST_SPARE);
        }
    }

    #[test]
    fn a_train_is_taken_apart_however_long_it_is() {
        let mut inbox = Inbox::new();
        for (length, stride, lengths) in [
            (0, 0, vec![0]),
            (0, 7, vec![0]),
            (10, 4, vec![4, 4, 2]),
            (8, 4, vec![4, 4]),
            (20_000, 9_000, vec![9_000, 9_000, 2_000]),
            (65_507, 65_507, vec![65_507]),
            (65_507, 0, vec![65_507]),
        ] {
            inbox.reclaim();
            for (index, byte) in inbox.buffers(1)[0].iter_mut().enumerate() {
                *byte = (index % 251) as u8;
            }
            inbox.land(0, from(), None, length, stride);
            let contents: Vec<Bytes> = inbox.drain().map(|datagram| datagram.content).collect();
            assert_eq!(contents.iter().map(Bytes::len).collect::<Vec<_>>(), lengths);
            let together = contents.concat();
            assert!(together.iter().enumerate().all(|(index, &byte)| byte == (index % 251) as u8));
        }
    }
}
