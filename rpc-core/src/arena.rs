//! Memory for copies of small messages.

use core::ops::Range;

use bytes::{Bytes, BytesMut};

/// A part of a datagram that is at least this large is worth the whole datagram.
const SHARED_FROM: usize = 16 * 1024;

/// How many chunks wait to be used again.
const MOST_CHUNKS: usize = 8;

/// Copies small runs of bytes into chunks that several of them share. A chunk is used again when all its
/// copies are gone, so that nothing is allocated while copies come and go.
///
/// Whoever keeps a copy keeps its chunk, which is therefore no larger than it has to be.
#[derive(Debug)]
pub(crate) struct Arena {
    /// How large a chunk is.
    size: usize,
    /// What is left of the chunks, the one in use last.
    chunks: Vec<BytesMut>,
}

impl Arena {
    /// An arena with chunks of `size` bytes. It allocates when the first copy is made.
    pub(crate) const fn new(size: usize) -> Self {
        Self { size, chunks: Vec::new() }
    }

    /// The same bytes in a chunk, or by themselves if they are many.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.len() > self.size / 2 {
            return Bytes::copy_from_slice(bytes);
        }
        if bytes.is_empty() {
            return Bytes::new();
        }
        let has_room = self.chunks.last().is_some_and(|chunk| chunk.capacity() >= bytes.len());
        if !has_room {
            self.turn();
        }
        let chunk = self.chunks.last_mut().expect("there is one after a turn");
        chunk.extend_from_slice(bytes);
        chunk.split().freeze()
    }

    /// A part of a datagram as bytes that may be kept. It is copied unless it is large, so that it does not keep
    /// a whole receive buffer alive.
    pub(crate) fn keep(&mut self, datagram: &Bytes, part: Range<usize>) -> Bytes {
        if part.len() < SHARED_FROM { self.copy(&datagram[part]) } else { datagram.slice(part) }
    }

    /// Puts a whole chunk last: one whose copies are gone, or else a new one.
    #[cold]
    fn turn(&mut self) {
        let size = self.size;
        if let Some(index) = self.chunks.iter_mut().position(|chunk| chunk.try_reclaim(size)) {
            let chunk = self.chunks.remove(index);
            self.chunks.push(chunk);
            return;
        }
        if self.chunks.len() >= MOST_CHUNKS {
            self.chunks.remove(0);
        }
        self.chunks.push(BytesMut::with_capacity(size));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 1024;

    #[test]
    fn a_chunk_is_used_again_when_its_copies_are_gone() {
        let mut arena = Arena::new(SIZE);
        let first = arena.copy(&[1; 100]).as_ptr() as usize;
        for _ in 0..1000 {
            let copy = arena.copy(&[2; 100]);
            assert!((copy.as_ptr() as usize).abs_diff(first) < SIZE, "another was allocated");
        }
        assert_eq!(arena.chunks.len(), 1);
    }

    #[test]
    fn chunks_take_turns_while_a_few_copies_stay() {
        let mut arena = Arena::new(SIZE);
        let mut kept = std::collections::VecDeque::new();
        let mut places = std::collections::BTreeSet::new();
        for count in 0..10_000 {
            let copy = arena.copy(&[3; 100]);
            if count > 1000 {
                places.insert(copy.as_ptr());
            }
            kept.push_back(copy);
            if kept.len() > 30 {
                kept.pop_front();
            }
        }
        assert!(arena.chunks.len() <= 5, "{}", arena.chunks.len());
        assert!(places.len() <= 5 * SIZE / 100, "{} places", places.len());
    }

    #[test]
    fn what_is_kept_is_not_overwritten_and_not_too_much_is() {
        let mut arena = Arena::new(SIZE);
        let kept: Vec<Bytes> =
            (0..=255u8).map(|fill| arena.copy(&vec![fill; 5 * usize::from(fill)])).collect();
        for (fill, copy) in kept.iter().enumerate() {
            assert_eq!(copy.len(), 5 * fill);
            assert!(copy.iter().all(|&byte| usize::from(byte) == fill));
        }
        assert!(arena.chunks.len() <= MOST_CHUNKS);
    }
}
