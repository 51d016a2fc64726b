//! The allocator of the tests that look at the memory of a process: it knows how much memory the whole process uses.

// It is an implementation of an unsafe trait.
#![allow(unsafe_code)]
#![allow(dead_code, reason = "each test asks something else")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static TIMES: AtomicUsize = AtomicUsize::new(0);

/// How often memory was asked for so far, on all threads together.
pub(crate) fn times() -> usize {
    TIMES.load(Ordering::SeqCst)
}

/// Runs `work`, and says how many more bytes than before were in use at the worst moment, on all
/// threads together.
pub(crate) fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = USED.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let result = work();
    (result, PEAK.load(Ordering::SeqCst).saturating_sub(before))
}

fn count(bytes: usize) {
    TIMES.fetch_add(1, Ordering::SeqCst);
    let used = USED.fetch_add(bytes, Ordering::SeqCst) + bytes;
    PEAK.fetch_max(used, Ordering::SeqCst);
}

fn discount(bytes: usize) {
    USED.fetch_sub(bytes, Ordering::SeqCst);
}

// SAFETY: every call is passed on to the system's allocator as it came. Counting does not allocate.
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
