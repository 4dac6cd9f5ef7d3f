// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The memory the FIFO runs on, seen through four handles.
//!
//! The traits are safe to implement and safe to call with any argument: an implementation masks
//! and clamps as documented and never leaves its pages. What it must get right is the memory
//! order, which is what each method's name says, towards a peer that runs on another CPU under
//! another kernel: a guest built without SMP needs real barriers all the same.

use crate::layout::Word;

/// This side's control page, writable.
///
/// A channel's producer and consumer have a handle each to one page; they write different words.
pub trait OwnControl {
    /// Stores `value`, little-endian, in one access, unordered.
    fn store_relaxed(&self, word: Word, value: u32);

    /// Stores `value`, little-endian, in one access, after every earlier load and store.
    fn store_release(&self, word: Word, value: u32);

    /// Orders every earlier store before every later load.
    fn full_barrier(&self);
}

/// The peer's control page, read-only. Any value may come out of it.
pub trait PeerControl {
    /// Loads a little-endian word in one access, unordered.
    fn load_relaxed(&self, word: Word) -> u32;

    /// Loads a little-endian word in one access, before every later load and store.
    fn load_acquire(&self, word: Word) -> u32;
}

/// This side's ring, writable. The handle is the only one.
pub trait OwnRing {
    /// The ring's size in bytes; it never changes.
    fn size(&self) -> u32;

    /// Calls `fill` on the ring's bytes from `offset` (taken modulo the size) up to the next
    /// discontinuity or the ring's end, but not on more than `len` of them.
    ///
    /// With `len` > 0 that is at least one byte, and it is at least 16 when `offset` is a
    /// multiple of 16 and `len` is 16 or more: discontinuities are 16-aligned. They hold
    /// zeros, or what this method was called to write earlier, here or elsewhere in the ring.
    fn with_chunk<R>(&mut self, offset: u32, len: u32, fill: impl FnOnce(&mut [u8]) -> R) -> R;
}

/// The peer's ring, read-only. Its bytes may change at any moment, so they are only ever copied.
pub trait PeerRing {
    /// The ring's size in bytes, as mapped; it never changes.
    fn size(&self) -> u32;

    /// Copies the ring's bytes from `offset` (taken modulo the size) to `dst`, each read once.
    ///
    /// The range may cross pages and wrap at the ring's end.
    fn read(&self, offset: u32, dst: &mut [u8]);
}

/// A family of the four handles.
pub trait Memory {
    /// This side's control page.
    type OwnControl: OwnControl;
    /// The peer's control page.
    type PeerControl: PeerControl;
    /// This side's ring.
    type OwnRing: OwnRing;
    /// The peer's ring.
    type PeerRing: PeerRing;
}
