//! What all fuzz targets share: a meter for memory.
//!
//! Belongs here: measuring. What has to hold for one parser is in `oracles/`, in files that the unit
//! tests of the parser's crate include, too.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// One allocation beyond this is a finding by itself.
const LARGEST_ALLOCATION: usize = 64 << 20;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, counting the bytes that this thread holds.
pub struct Meter;

#[global_allocator]
static METER: Meter = Meter;

fn note(change: isize) {
    // the thread may be ending: what happens then is not measured
    let _ = HELD.try_with(|held| {
        held.set(held.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

fn size(bytes: usize) -> isize {
    if bytes > LARGEST_ALLOCATION {
        std::process::abort();
    }
    bytes.cast_signed()
}

// SAFETY: every call goes to the system's allocator unchanged; only sizes are added up.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(size(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(-size(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(size(new_size) - size(layout.size()));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

/// Does the work and fails if it ever held more than `limit` bytes at a time.
pub fn within<T>(limit: usize, work: impl FnOnce() -> T) -> T {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    let peak = PEAK.get() - before;
    assert!(peak <= size(limit), "{peak} bytes held, {limit} are allowed");
    result
}
