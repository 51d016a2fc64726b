//! Buffers for small messages that are used again.

use core::cell::RefCell;
use core::fmt;
use core::ops::Deref;

/// How large these buffers are.
pub(super) const ROOM: usize = 256;

/// How many of them a thread keeps. More are needed only while more messages than this live.
const MOST: usize = 1024;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer of [`ROOM`] bytes: one that the present thread has put by, or else a new one.
#[inline]
pub(super) fn take() -> Vec<u8> {
    // A thread that ends has no spare ones any more.
    let spare = SPARE.try_with(|spare| spare.borrow_mut().pop()).ok().flatten();
    spare.unwrap_or_else(|| Vec::with_capacity(ROOM))
}

/// A small message. Its buffer is used again when it is dropped.
pub(super) struct Small(Vec<u8>);

impl Small {
    /// The message in `bytes`, if that is one of these buffers.
    #[inline]
    pub(super) fn new(bytes: Vec<u8>) -> Result<Self, Vec<u8>> {
        if bytes.capacity() == ROOM { Ok(Self(bytes)) } else { Err(bytes) }
    }
}

impl Drop for Small {
    #[inline]
    fn drop(&mut self) {
        let mut bytes = core::mem::take(&mut self.0);
        bytes.clear();
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < MOST {
                spare.push(bytes);
            }
        });
    }
}

impl Clone for Small {
    fn clone(&self) -> Self {
        let mut bytes = take();
        bytes.extend_from_slice(&self.0);
        Self(bytes)
    }
}

impl Deref for Small {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Small {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again() {
        let mut bytes = take();
        bytes.extend_from_slice(b"one");
        let place = bytes.as_ptr();
        let small = Small::new(bytes).unwrap();
        let other = small.clone();
        assert_eq!((&*small, &*other), (&b"one"[..], &b"one"[..]));
        assert_ne!(other.as_ptr(), place);
        drop(small);
        let bytes = take();
        assert_eq!((bytes.as_ptr(), bytes.len(), bytes.capacity()), (place, 0, ROOM));
    }

    #[test]
    fn other_vectors_are_not_kept() {
        assert_eq!(Small::new(vec![1, 2, 3]).unwrap_err(), [1, 2, 3]);
    }

    #[test]
    fn a_thread_does_not_keep_too_many() {
        let all: Vec<_> = (0..2 * MOST).map(|_| Small::new(take()).unwrap()).collect();
        drop(all);
        SPARE.with(|spare| assert!(spare.borrow().len() <= MOST));
    }
}
