// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The FIFO itself, and the bound: the two copies through the same pages, and next to nothing else.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

use xenfifo::host::{self, Host, OwnPages, PeerPages};
use xenfifo::{Consumer, OwnControl as _, OwnRing as _, PeerControl as _, PeerRing as _};
use xenfifo::{Producer, PushError, Word};

use crate::queues::{Queue, Receiver, Sender};
use crate::RING;

/// A batch, which is published as one, is at most this long, so that both sides always have
/// something to do.
const BATCH_BYTES: usize = 128 * 1024;

/// Packets in a batch: what a NAPI poll takes.
pub const BATCH: usize = 64;

/// A receiver of batches that has seen an empty ring looks again when there are so many bytes, or after
/// [`PATIENCE`]: close behind the sender, its core's caches take lines that are about to be written.
const WORTHWHILE: u32 = 16 * 1024;

const PATIENCE: Duration = Duration::from_micros(20);

/// A queue that is made of both sides' pages, so that it can be between processes too.
pub trait InPages {
    type Tx: Sender;
    type Rx: Receiver + Send + 'static;
    fn sender(own: OwnPages, peer: PeerPages, size: usize) -> Self::Tx;
    fn receiver(own: OwnPages, peer: PeerPages, size: usize) -> Self::Rx;
}

impl<Q: InPages + Named> Queue for Q {
    const NAME: &'static str = <Q as Named>::NAME;
    type Tx = Q::Tx;
    type Rx = Q::Rx;

    fn create(size: usize) -> (Self::Tx, Self::Rx) {
        let (left, right) = (pages(), pages());
        let of_left = PeerPages::map(&left).unwrap();
        let of_right = PeerPages::map(&right).unwrap();
        (
            Q::sender(left, of_right, size),
            Q::receiver(right, of_left, size),
        )
    }
}

pub trait Named {
    const NAME: &'static str;
}

pub fn pages() -> OwnPages {
    OwnPages::create(RING as u32, 0, 0).unwrap()
}

/// The FIFO with so many packets in a batch.
pub struct Xenfifo<const BATCH: usize>;

impl Named for Xenfifo<BATCH> {
    const NAME: &'static str = "xenfifo";
}

impl Named for Xenfifo<1> {
    const NAME: &'static str = "xenfifo, each packet published";
}

pub struct XenfifoTx<const BATCH: usize> {
    tx: Producer<Host>,
    pending: usize,
}

pub struct XenfifoRx<const BATCH: usize> {
    rx: Consumer<Host>,
    pending: usize,
}

impl<const BATCH: usize> InPages for Xenfifo<BATCH> {
    type Tx = XenfifoTx<BATCH>;
    type Rx = XenfifoRx<BATCH>;

    fn sender(own: OwnPages, peer: PeerPages, _: usize) -> Self::Tx {
        let (tx, _) = host::channel(own, peer).unwrap();
        XenfifoTx { tx, pending: 0 }
    }

    fn receiver(own: OwnPages, peer: PeerPages, _: usize) -> Self::Rx {
        let (_, rx) = host::channel(own, peer).unwrap();
        XenfifoRx { rx, pending: 0 }
    }
}

impl<const BATCH: usize> Sender for XenfifoTx<BATCH> {
    #[inline]
    fn send(&mut self, packet: &[u8]) {
        loop {
            match self.tx.push([0; 12], &[packet]) {
                Ok(()) => break,
                Err(PushError::Full) => {
                    self.flush();
                    spin_loop();
                }
                Err(reason) => panic!("{reason}"),
            }
        }
        self.pending += 1;
        if self.pending == BATCH || self.pending * packet.len() >= BATCH_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.tx.publish().unwrap();
        self.pending = 0;
    }
}

impl<const BATCH: usize> Receiver for XenfifoRx<BATCH> {
    #[inline]
    fn receive(&mut self, packet: &mut Vec<u8>) {
        loop {
            if let Some(record) = self.rx.peek().unwrap() {
                record.copy_to(0, packet).unwrap();
                record.consume();
                break;
            }
            self.rx.publish();
            self.pending = 0;
            let empty = Instant::now();
            while BATCH > 1 && !self.rx.wait_for(WORTHWHILE).unwrap() && empty.elapsed() < PATIENCE
            {
                spin_loop();
            }
            spin_loop();
        }
        self.pending += 1;
        if self.pending == BATCH || self.pending * packet.len() >= BATCH_BYTES {
            self.rx.publish();
            self.pending = 0;
        }
    }
}

/// One side copies packets into a ring of slots, the other copies them out, and each publishes how
/// many, in the same batches as the FIFO.
pub struct Memcpys;

impl Named for Memcpys {
    const NAME: &'static str = "two memcpys, two cores";
}

/// How far both sides are, in packets, of which `slots` have room.
struct Progress {
    own: host::OwnControl,
    peer: host::PeerControl,
    mine: u32,
    theirs: u32,
    published: u32,
    batch: u32,
    slots: u32,
    slot: u32,
    size: u32,
}

impl Progress {
    fn new(own: host::OwnControl, peer: host::PeerControl, size: usize) -> Self {
        Self {
            own,
            peer,
            mine: 0,
            theirs: 0,
            published: 0,
            batch: BATCH.min(BATCH_BYTES / size).max(1) as u32,
            slots: (RING / size) as u32,
            slot: 0,
            size: size as u32,
        }
    }

    /// Where the next packet lies, once the peer is not `distance` packets behind the own count.
    #[inline]
    fn wait(&mut self, word: Word, theirs: Word, distance: u32) -> u32 {
        while self.mine.wrapping_sub(self.theirs) == distance {
            self.theirs = self.peer.load_acquire(theirs);
            if self.mine.wrapping_sub(self.theirs) == distance {
                self.publish(word);
                spin_loop();
            }
        }
        self.slot * self.size
    }

    #[inline]
    fn done(&mut self, word: Word) {
        self.slot = if self.slot + 1 == self.slots {
            0
        } else {
            self.slot + 1
        };
        self.mine = self.mine.wrapping_add(1);
        if self.mine.wrapping_sub(self.published) >= self.batch {
            self.publish(word);
        }
    }

    fn publish(&mut self, word: Word) {
        if self.published != self.mine {
            self.own.store_release(word, self.mine);
            self.published = self.mine;
        }
    }
}

pub struct MemcpyTx(Progress, host::OwnRing);
pub struct MemcpyRx(Progress, host::PeerRing);

impl InPages for Memcpys {
    type Tx = MemcpyTx;
    type Rx = MemcpyRx;

    fn sender(own: OwnPages, peer: PeerPages, size: usize) -> Self::Tx {
        let (control, ring) = own.split();
        MemcpyTx(Progress::new(control, peer.control(), size), ring)
    }

    fn receiver(own: OwnPages, peer: PeerPages, size: usize) -> Self::Rx {
        let (control, _) = own.split();
        MemcpyRx(Progress::new(control, peer.control(), size), peer.ring())
    }
}

impl Sender for MemcpyTx {
    #[inline]
    fn send(&mut self, packet: &[u8]) {
        let slots = self.0.slots;
        let at = self.0.wait(Word::Producer, Word::Consumer, slots);
        let mut done = 0;
        while done < packet.len() {
            done += self
                .1
                .with_chunk(at + done as u32, (packet.len() - done) as u32, |place| {
                    place.copy_from_slice(&packet[done..][..place.len()]);
                    place.len()
                });
        }
        self.0.done(Word::Producer);
    }

    fn flush(&mut self) {
        self.0.publish(Word::Producer);
    }
}

impl Receiver for MemcpyRx {
    #[inline]
    fn receive(&mut self, packet: &mut Vec<u8>) {
        let at = self.0.wait(Word::Consumer, Word::Producer, 0);
        self.1.read(at, packet);
        self.0.done(Word::Consumer);
    }
}
