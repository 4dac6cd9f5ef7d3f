// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Memory in pages, as a kernel that maps grants one by one sees it, without anything that could
//! fault or race: so it is fast, and every access is checked. A hook runs before every look at
//! the peer's pages.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use xenfifo::{layout::PAGE, layout::USER_AREA, Memory, Word};

/// Runs before every single read of the peer's memory.
pub type Hook = Rc<RefCell<dyn FnMut()>>;

pub struct Paged;

impl Memory for Paged {
    type OwnControl = Control;
    type PeerControl = PeerControl;
    type OwnRing = Ring;
    type PeerRing = PeerRing;
}

/// A control page up to its user area, zeroed. A clone is a handle of the same page.
#[derive(Clone)]
pub struct Control(Rc<[Cell<u32>]>);

impl Control {
    pub fn new() -> Self {
        Self((0..USER_AREA / 4).map(|_| Cell::new(0)).collect())
    }

    fn word(&self, word: Word) -> &Cell<u32> {
        &self.0[word.offset() / 4]
    }
}

impl xenfifo::OwnControl for Control {
    fn store_relaxed(&self, word: Word, value: u32) {
        self.word(word).set(value);
    }

    fn store_release(&self, word: Word, value: u32) {
        self.word(word).set(value);
    }

    fn full_barrier(&self) {}
}

pub struct PeerControl(pub Control, pub Hook);

impl xenfifo::PeerControl for PeerControl {
    fn load_relaxed(&self, word: Word) -> u32 {
        (self.1.borrow_mut())();
        self.0.word(word).get()
    }

    fn load_acquire(&self, word: Word) -> u32 {
        self.load_relaxed(word)
    }
}

/// A ring, which its owner and a peer's [`PeerRing`] share.
#[derive(Clone)]
pub struct Ring(Rc<RefCell<Vec<u8>>>);

impl Ring {
    pub fn new(bytes: u32) -> Self {
        Self(Rc::new(RefCell::new(vec![0; bytes as usize])))
    }
}

impl xenfifo::OwnRing for Ring {
    fn size(&self) -> u32 {
        self.0.borrow().len() as u32
    }

    fn with_chunk<R>(&mut self, offset: u32, len: u32, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut ring = self.0.borrow_mut();
        // The trait would allow more; the FIFO never asks for it.
        assert!((offset as usize) < ring.len() && len as usize <= ring.len());
        let in_page = len.min(PAGE - offset % PAGE);
        fill(&mut ring[offset as usize..][..in_page as usize])
    }
}

pub struct PeerRing(pub Ring, pub Hook);

impl xenfifo::PeerRing for PeerRing {
    fn size(&self) -> u32 {
        xenfifo::OwnRing::size(&self.0)
    }

    fn read(&self, offset: u32, mut dst: &mut [u8]) {
        let size = xenfifo::PeerRing::size(self);
        assert!(offset < size && dst.len() <= size as usize);
        let mut offset = offset;
        while !dst.is_empty() {
            (self.1.borrow_mut())();
            let in_page = (PAGE - offset % PAGE) as usize;
            let (now, later) = dst.split_at_mut(in_page.min(dst.len()));
            now.copy_from_slice(&self.0 .0.borrow()[offset as usize..][..now.len()]);
            offset = (offset + now.len() as u32) % size;
            dst = later;
        }
    }
}
