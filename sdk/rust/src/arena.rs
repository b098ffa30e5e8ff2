//! The memory of a call.
//!
//! An instance lives for one call, so most of what it allocates need never be given back: the first bytes come from
//! a place that the component is born with, one after the other. Beside being quick, that spares the host the two
//! changes of its page tables that growing a memory and shrinking it again cost, which is as much as a small call.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;

/// Bytes that are there from the beginning; whatever needs more gets the rest from the usual allocator.
const SIZE: usize = 256 << 10;

/// Hands out its memory from the beginning to the end, and takes back what it handed out last.
struct Arena {
    memory: UnsafeCell<MaybeUninit<[u8; SIZE]>>,
    used: Cell<usize>,
}

// SAFETY: guests have one thread: components of this contract can't have threads.
#[allow(unsafe_code)]
unsafe impl Sync for Arena {}

#[cfg_attr(target_arch = "wasm32", global_allocator)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
static ARENA: Arena = Arena { memory: UnsafeCell::new(MaybeUninit::uninit()), used: Cell::new(0) };

impl Arena {
    fn base(&self) -> usize {
        self.memory.get().addr()
    }

    /// Where a pointer stands in the arena, if it does.
    fn place(&self, pointer: *mut u8) -> Option<usize> {
        pointer.addr().checked_sub(self.base()).filter(|place| *place < SIZE)
    }

    /// Takes so many bytes at such a place, if there are so many left; answers where.
    fn take(&self, layout: Layout) -> Option<usize> {
        let free = self.base() + self.used.get();
        let place = free.checked_next_multiple_of(layout.align())? - self.base();
        let end = place.checked_add(layout.size()).filter(|end| *end <= SIZE)?;
        self.used.set(end);
        Some(place)
    }
}

// SAFETY: what `take` answers lies inside of the arena, is aligned as the layout asks (the multiple is one of the
// address), and overlaps nothing that was handed out and not given back, since `used` only falls to the beginning of
// the last piece when that is given back. All else is the system's, and goes back to it: `place` tells them apart, for
// no piece of the system's lies in the arena. A piece of no bytes is never asked for.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(place) => unsafe { self.memory.get().cast::<u8>().add(place) },
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match self.place(pointer) {
            Some(place) if place + layout.size() == self.used.get() => self.used.set(place),
            Some(_) => {}
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let place = match self.place(pointer) {
            None => return unsafe { System.realloc(pointer, layout, size) },
            Some(place) => place,
        };
        if place + layout.size() == self.used.get() && place.checked_add(size).is_some_and(|end| end <= SIZE) {
            // The last piece grows and shrinks where it is.
            self.used.set(place + size);
            return pointer;
        }
        if size <= layout.size() {
            return pointer;
        }
        // SAFETY: whoever asks has kept to what `realloc` wants: the size isn't none, nor too large with this alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both pieces hold at least so many bytes, and are two.
            unsafe { std::ptr::copy_nonoverlapping(pointer, new, layout.size()) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    fn arena() -> Box<Arena> {
        Box::new(Arena { memory: UnsafeCell::new(MaybeUninit::uninit()), used: Cell::new(0) })
    }

    #[test]
    fn pieces_are_aligned_and_apart() {
        let arena = arena();
        let mut last = 0;
        for (size, align) in [(1, 1), (3, 2), (8, 8), (5, 1), (64, 64), (1, 4)] {
            let place = arena.take(layout(size, align)).unwrap();
            assert!(place >= last && (arena.base() + place).is_multiple_of(align), "{size} at {place}");
            last = place + size;
        }
        assert_eq!(arena.take(layout(SIZE, 1)), None);
        assert_eq!(arena.used.get(), last, "what doesn't fit takes nothing");
    }

    #[test]
    #[allow(unsafe_code)]
    fn what_was_handed_out_last_grows_where_it_is_and_comes_back() {
        let arena = arena();
        // SAFETY: each piece is used as it was asked for.
        unsafe {
            let first = arena.alloc(layout(16, 8));
            first.write_bytes(7, 16);
            assert_eq!(arena.realloc(first, layout(16, 8), 100), first, "it is the last");
            let second = arena.alloc(layout(12, 4));
            let moved = arena.realloc(first, layout(100, 4), 200);
            assert!(moved != first && *moved.add(15) == 7);
            arena.dealloc(moved, layout(200, 4));
            arena.dealloc(second, layout(12, 4));
            assert_eq!(arena.place(second), Some(arena.used.get()));
            let large = arena.alloc(layout(SIZE, 16));
            assert_eq!(arena.place(large), None);
            let larger = arena.realloc(large, layout(SIZE, 16), 2 * SIZE);
            arena.dealloc(larger, layout(2 * SIZE, 16));
        }
    }
}
