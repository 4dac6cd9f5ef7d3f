// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A peer that owns its pages and writes to them what it likes, when it likes, and what must hold
//! all the same: no panic, no access outside the ring (`paged` asserts that), no call that looks
//! at the peer more than a bounded number of times, one `Broken` that sticks, and no look at the
//! peer after it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use xenfifo::{Broken, OwnControl as _, OwnRing as _, Word};

use super::paged::{Control, Hook, Ring};

/// The ring in all of this: small, so that it wraps often.
pub const RING: u32 = 4096;

/// What the peer does to its pages at one moment.
#[derive(Clone, Debug)]
pub enum Lie {
    /// Leave them as they are.
    Nothing,
    /// Store anything in a word.
    Word(Word, u32),
    /// Move an index by a little, honest or not: in units of 16 bytes, and some bytes.
    Move(Word, i32, u32),
    /// Store a byte in the ring.
    Byte(u32, u8),
    /// Store a plausible length at a multiple of 16 in the ring.
    Length(u32, u32),
}

/// The peer's side of the pages, and what it stored in its indices.
struct Liar {
    control: Control,
    ring: Ring,
    producer: u32,
    consumer: u32,
    lies: std::vec::IntoIter<Lie>,
}

impl Liar {
    fn lie(&mut self) {
        match self.lies.next().unwrap_or(Lie::Nothing) {
            Lie::Nothing => (),
            Lie::Word(word, value) => self.store(word, value),
            Lie::Move(word, granules, rest) => {
                let old = match word {
                    Word::Producer => self.producer,
                    _ => self.consumer,
                };
                let by = granules.wrapping_mul(16) as u32;
                self.store(word, old.wrapping_add(by).wrapping_add(rest));
            }
            Lie::Byte(at, byte) => self.ring.with_chunk(at % RING, 1, |piece| piece.fill(byte)),
            Lie::Length(granule, len) => self.ring.with_chunk(granule * 16 % RING, 4, |piece| {
                piece.copy_from_slice(&len.to_le_bytes());
            }),
        }
    }

    fn store(&mut self, word: Word, value: u32) {
        match word {
            Word::Producer => self.producer = value,
            Word::Consumer => self.consumer = value,
            _ => (),
        }
        self.control.store_release(word, value);
    }
}

/// Counts the looks at the peer, lets it lie before each, and remembers the first `Broken`.
pub struct Watch {
    pub looks: Rc<Cell<u32>>,
    pub hook: Hook,
    pub broken: Option<Broken>,
}

impl Watch {
    pub fn new(control: Control, ring: Ring, index: u32, lies: Vec<Lie>) -> Self {
        let mut liar = Liar {
            control,
            ring,
            producer: index,
            consumer: index,
            lies: lies.into_iter(),
        };
        liar.store(Word::Producer, index);
        liar.store(Word::Consumer, index);
        let looks = Rc::new(Cell::new(0));
        let counter = looks.clone();
        let hook: Hook = Rc::new(RefCell::new(move || {
            counter.set(counter.get() + 1);
            liar.lie();
        }));
        Self {
            looks,
            hook,
            broken: None,
        }
    }

    /// Runs one call, which may look at the peer `most` times. After the first `Broken` the
    /// result is that one, without a look.
    pub fn call<T>(&mut self, most: u32, call: impl FnOnce() -> Result<T, Broken>) -> Option<T> {
        let before = self.looks.get();
        let result = call();
        let looks = self.looks.get() - before;
        assert!(looks <= most, "{looks} looks");
        match (result, self.broken) {
            (Ok(value), None) => Some(value),
            (Ok(_), Some(reason)) => panic!("Ok after {reason:?}"),
            (Err(reason), None) => {
                self.broken = Some(reason);
                None
            }
            (Err(reason), Some(first)) => {
                assert_eq!((reason, looks), (first, 0));
                None
            }
        }
    }
}

/// Bytes that a packet of `len` takes in the ring.
pub fn record_size(len: u32) -> u32 {
    16 + len.div_ceil(16) * 16
}
