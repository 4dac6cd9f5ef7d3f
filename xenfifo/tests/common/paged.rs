// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The host's memory cut into pages, as a kernel that maps grants one by one sees it, with a hook
//! before every look at the peer's pages.

use std::cell::RefCell;
use std::rc::Rc;

use xenfifo::{host, layout::PAGE, Memory, Word};

/// Runs before every single read of the peer's memory.
pub type Hook = Rc<RefCell<dyn FnMut()>>;

pub struct Paged;

impl Memory for Paged {
    type OwnControl = host::OwnControl;
    type PeerControl = PeerControl;
    type OwnRing = OwnRing;
    type PeerRing = PeerRing;
}

pub struct PeerControl(pub host::PeerControl, pub Hook);

impl xenfifo::PeerControl for PeerControl {
    fn load_relaxed(&self, word: Word) -> u32 {
        (self.1.borrow_mut())();
        self.0.load_relaxed(word)
    }

    fn load_acquire(&self, word: Word) -> u32 {
        (self.1.borrow_mut())();
        self.0.load_acquire(word)
    }
}

pub struct OwnRing(pub host::OwnRing);

impl xenfifo::OwnRing for OwnRing {
    fn size(&self) -> u32 {
        self.0.size()
    }

    fn with_chunk<R>(&mut self, offset: u32, len: u32, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        assert!(offset < self.size() && len <= self.size());
        self.0
            .with_chunk(offset, len.min(PAGE - offset % PAGE), fill)
    }
}

pub struct PeerRing(pub host::PeerRing, pub Hook);

impl xenfifo::PeerRing for PeerRing {
    fn size(&self) -> u32 {
        self.0.size()
    }

    fn read(&self, mut offset: u32, mut dst: &mut [u8]) {
        // The trait would allow more; the FIFO never asks for it.
        assert!(offset < self.size() && dst.len() <= self.size() as usize);
        while !dst.is_empty() {
            (self.1.borrow_mut())();
            let in_page = (PAGE - offset % PAGE) as usize;
            let (now, later) = dst.split_at_mut(in_page.min(dst.len()));
            self.0.read(offset, now);
            offset += now.len() as u32;
            dst = later;
        }
    }
}
