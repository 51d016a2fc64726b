//! The allocator of the tests that count memory, each thread for itself.

// It is an implementation of an unsafe trait.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    /// All the bytes this thread has ever asked for. What was freed still counts.
    static ASKED: Cell<usize> = const { Cell::new(0) };
    /// The bytes that are in use, and the most that were. What another thread frees still counts.
    static USED: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// All the bytes this thread has ever asked for.
pub(crate) fn asked() -> usize {
    ASKED.get()
}

/// Runs `work`, and says how many more bytes than before were in use at the worst moment.
pub(crate) fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = USED.get();
    PEAK.set(before);
    let result = work();
    (result, PEAK.get() - before)
}

fn count(bytes: usize) {
    ASKED.set(ASKED.get() + bytes);
    let used = USED.get() + bytes;
    USED.set(used);
    PEAK.set(PEAK.get().max(used));
}

fn discount(bytes: usize) {
    USED.set(USED.get().saturating_sub(bytes));
}

// SAFETY: every call is passed on to the system's allocator as it came. Counting does not
// allocate: the counters are constant-initialised thread-locals without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // For a moment both may be in use.
        count(size);
        discount(layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        discount(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
