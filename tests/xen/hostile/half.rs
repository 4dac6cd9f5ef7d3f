// SPDX-License-Identifier: GPL-2.0

//! One half of a channel, made of pages that this guest owns: any byte may be written into them at
//! any time.

use kapi::xen::{grant_budget::GrantBudget, grant_table::OwnRingPages, lender::Lender};
use kernel::prelude::*;
use xenfifo::{
    layout::{self, PAGE, RECORD_ALIGN},
    OwnRing, Word, META_LEN,
};
use xlnet_protocol::{Acceptance, Addrs, ChannelId, FurtherQueuePairs, QueuePairOffer};

/// Pages of the ring: room for more than one of the largest packets.
pub(crate) const RING_PAGES: u32 = 64;

/// Size of the ring in bytes.
pub(crate) const RING_BYTES: u32 = RING_PAGES * PAGE;

/// A control page and a ring. Both are rings to `kapi`, since a ring may be written anywhere.
pub(crate) struct Half {
    control: OwnRingPages,
    ring: OwnRingPages,
    /// Where the next record goes.
    pub(crate) produced: u32,
}

impl Half {
    /// Allocates the pages, lets `peer` read them, and writes what an honest guest would.
    pub(crate) fn new(peer: u16, channel: ChannelId) -> Result<Self> {
        // It takes what there is.
        let budget = GrantBudget::new(100)?;
        let lender = Lender::new(peer, &budget)?;
        let mut references = budget.set_aside(1 + RING_PAGES)?;
        let mut this = Self {
            control: OwnRingPages::new(&lender, &mut references, 1)?,
            ring: OwnRingPages::new(&lender, &mut references, RING_PAGES as usize)?,
            produced: 0,
        };
        this.put(Word::Version, layout::VERSION);
        this.put(Word::HeaderLen, layout::USER_AREA);
        this.put(Word::RingBytes, RING_BYTES);
        this.put(Word::Generation, channel.generation);
        this.put(Word::CookieLow, channel.nonce as u32);
        this.put(Word::CookieHigh, (channel.nonce >> 32) as u32);
        this.put(Word::Magic, layout::MAGIC);
        for i in 0..RING_PAGES {
            let grant = this.ring.pages().grants().nth(i as usize).ok_or(EINVAL)?;
            this.put_grant(i, grant);
        }
        Ok(this)
    }

    /// The control page's grant reference.
    pub(crate) fn grant(&self) -> Option<u32> {
        self.control.pages().grants().next()
    }

    /// The grant reference of the ring's first page.
    pub(crate) fn ring_grant(&self) -> Option<u32> {
        self.ring.pages().grants().next()
    }

    /// Writes a word of the control page.
    pub(crate) fn put(&mut self, word: Word, value: u32) {
        self.put_at(word.offset() as u32, value);
    }

    /// Writes the grant reference of the ring's page `i`.
    pub(crate) fn put_grant(&mut self, i: u32, grant: u32) {
        self.put_at(layout::USER_AREA + 4 * i, grant);
    }

    /// Writes that there are `count` more queue pairs, the first of which is `pair`.
    pub(crate) fn put_further(&mut self, count: u32, pair: QueuePairOffer) {
        let words = [count, pair.grant, pair.port.unwrap_or(0)];
        let first = FurtherQueuePairs::OFFSET as u32;
        for (i, word) in (first..).zip(words) {
            self.put_at(layout::USER_AREA + 4 * i, word);
        }
    }

    /// Says that packets from the peer's `addresses` are taken.
    pub(crate) fn accept(&mut self, addresses: &Addrs) {
        let mut said = Acceptance {
            list: 1,
            ..Acceptance::default()
        };
        for address in addresses.iter() {
            // A peer has fewer than there is room for.
            let _ = said.addresses.push(address);
        }
        let first = Acceptance::OFFSET as u32;
        for (i, word) in (first..).zip(said.to_words()) {
            self.put_at(layout::USER_AREA + 4 * i, word);
        }
        self.put_revision(2);
    }

    /// Says that packets are taken from more addresses than there may be.
    pub(crate) fn accept_too_many(&mut self) {
        // The fourth word is their number.
        let at = Acceptance::OFFSET as u32 + 3;
        self.put_at(layout::USER_AREA + 4 * at, u32::MAX);
        self.put_revision(4);
    }

    fn put_revision(&mut self, revision: u32) {
        let at = Acceptance::REVISION as u32;
        self.put_at(layout::USER_AREA + 4 * at, revision);
    }

    fn put_at(&mut self, offset: u32, value: u32) {
        self.control
            .with_chunk(offset, 4, |word| word.copy_from_slice(&value.to_le_bytes()));
    }

    /// Writes a record that says it has `len` bytes, and the `packet`, without publishing it.
    pub(crate) fn push(&mut self, len: u32, meta: [u8; META_LEN], packet: &[u8]) {
        let at = self.produced;
        self.write(at, &len.to_le_bytes());
        self.write(at.wrapping_add(4), &meta);
        self.write(at.wrapping_add(RECORD_ALIGN), packet);
        let size = RECORD_ALIGN + packet.len() as u32;
        self.produced = at.wrapping_add(size.next_multiple_of(RECORD_ALIGN));
    }

    /// Publishes what was pushed.
    pub(crate) fn publish(&mut self) {
        self.put(Word::Producer, self.produced);
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) {
        let mut rest = bytes;
        let mut at = offset % RING_BYTES;
        while !rest.is_empty() {
            let done = self.ring.with_chunk(at, rest.len() as u32, |chunk| {
                let (now, _) = rest.split_at(chunk.len());
                chunk.copy_from_slice(now);
                chunk.len()
            });
            rest = rest.split_at(done).1;
            at = (at + done as u32) % RING_BYTES;
        }
    }
}
