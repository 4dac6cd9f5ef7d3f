// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Every interleaving, and every value that each load may see, of both halves on a small ring.
//!
//! The control words are loom's atomics, weak as the memory model allows. The ring is plain bytes
//! that are guarded by loom's race detector: reading what the other half may still write, or
//! writing what it may still read, fails, so the orders of both indices are checked, not just the
//! values. A side that sleeps waits for a notification that comes only if the other was told to
//! send one: a lost wake-up is a deadlock, which loom reports.

use std::cell::RefCell;
use std::rc::Rc;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{fence, AtomicU32, Ordering};
use loom::sync::Notify;
use loom::thread;
use xenfifo::{Consumer, Memory, Producer, PushError, Word};

const RING: usize = 4096;
/// A record of this size fills half of the ring with its header.
const HALF: usize = RING / 2 - 16;
/// What the race detector tells apart.
const GRANULE: usize = 1024;

/// The words of one side's control page that a direction uses: index and event.
#[derive(Clone)]
struct Page(Rc<[AtomicU32; 2]>);

impl Page {
    fn new() -> Self {
        Self(Rc::new([AtomicU32::new(0), AtomicU32::new(0)]))
    }

    fn word(&self, word: Word) -> &AtomicU32 {
        match word {
            Word::Producer | Word::Consumer => &self.0[0],
            Word::ConsumerEvent | Word::ProducerEvent => &self.0[1],
            _ => unreachable!("{word:?} is no word of the FIFO proper"),
        }
    }
}

impl xenfifo::OwnControl for Page {
    fn store_relaxed(&self, word: Word, value: u32) {
        self.word(word).store(value, Ordering::Relaxed);
    }

    fn store_release(&self, word: Word, value: u32) {
        self.word(word).store(value, Ordering::Release);
    }

    fn full_barrier(&self) {
        fence(Ordering::SeqCst);
    }
}

impl xenfifo::PeerControl for Page {
    fn load_relaxed(&self, word: Word) -> u32 {
        self.word(word).load(Ordering::Relaxed)
    }

    fn load_acquire(&self, word: Word) -> u32 {
        self.word(word).load(Ordering::Acquire)
    }
}

#[derive(Clone)]
struct Ring {
    bytes: Rc<RefCell<Vec<u8>>>,
    guards: Rc<[UnsafeCell<()>]>,
}

impl Ring {
    fn new() -> Self {
        let guards = (0..RING / GRANULE).map(|_| UnsafeCell::new(()));
        Self {
            bytes: Rc::new(RefCell::new(vec![0; RING])),
            guards: guards.collect(),
        }
    }

    fn guards(&self, offset: u32, len: usize) -> impl Iterator<Item = &UnsafeCell<()>> {
        let first = offset as usize / GRANULE;
        let last = (offset as usize + len - 1) / GRANULE;
        (first..=last).map(|granule| &self.guards[granule % (RING / GRANULE)])
    }
}

impl xenfifo::OwnRing for Ring {
    fn size(&self) -> u32 {
        RING as u32
    }

    fn with_chunk<R>(&mut self, offset: u32, len: u32, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        let start = offset as usize;
        let end = RING.min(start + len as usize);
        self.guards(offset, end - start)
            .for_each(|guard| guard.with_mut(|_| ()));
        fill(&mut self.bytes.borrow_mut()[start..end])
    }
}

impl xenfifo::PeerRing for Ring {
    fn size(&self) -> u32 {
        RING as u32
    }

    fn read(&self, offset: u32, dst: &mut [u8]) {
        self.guards(offset, dst.len())
            .for_each(|guard| guard.with(|_| ()));
        let bytes = self.bytes.borrow();
        for (i, byte) in dst.iter_mut().enumerate() {
            *byte = bytes[(offset as usize + i) % RING];
        }
    }
}

struct Loom;

impl Memory for Loom {
    type OwnControl = Page;
    type PeerControl = Page;
    type OwnRing = Ring;
    type PeerRing = Ring;
}

/// Sends packets of `lens`, each filled with its number, publishing after every `batch`; sleeps
/// when the ring is full.
fn produce(mut tx: Producer<Loom>, lens: &[usize], batch: usize, wake: &Notify, peer: &Notify) {
    let publish = |tx: &mut Producer<Loom>| {
        if tx.publish().unwrap() {
            peer.notify();
        }
    };
    for (i, len) in lens.iter().enumerate() {
        let packet = vec![i as u8 + 1; *len];
        loop {
            match tx.push([i as u8; 12], &[&packet]) {
                Ok(()) => break,
                Err(reason) => assert_eq!(reason, PushError::Full),
            }
            publish(&mut tx);
            if !tx.wait_for(*len as u32).unwrap() {
                wake.wait();
            }
        }
        if (i + 1) % batch == 0 {
            publish(&mut tx);
        }
    }
    publish(&mut tx);
}

/// Receives packets of `lens`, giving space back after every `batch`; sleeps when there is none.
fn consume(mut rx: Consumer<Loom>, lens: &[usize], batch: usize, wake: &Notify, peer: &Notify) {
    let publish = |rx: &mut Consumer<Loom>| {
        if rx.publish() {
            peer.notify();
        }
    };
    let mut i = 0;
    while i < lens.len() {
        if let Some(record) = rx.peek().unwrap() {
            let mut packet = vec![0; record.len() as usize];
            record.copy_to(0, &mut packet).unwrap();
            assert_eq!(record.meta(), [i as u8; 12]);
            assert!(packet.len() == lens[i] && packet.iter().all(|byte| *byte == i as u8 + 1));
            record.consume();
            i += 1;
            if i % batch == 0 {
                publish(&mut rx);
            }
        } else {
            publish(&mut rx);
            if !rx.wait().unwrap() {
                wake.wait();
            }
        }
    }
}

/// Runs the two halves against each other in every interleaving, or in those with at most
/// `preemptions` switches away from a thread that could go on.
fn check(
    preemptions: Option<usize>,
    start: u32,
    lens: &'static [usize],
    (produce_batch, consume_batch): (usize, usize),
) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let (producer, consumer, ring) = (Page::new(), Page::new(), Ring::new());
        let tx = Producer::starting_at(producer.clone(), consumer.clone(), ring.clone(), start);
        let rx = Consumer::starting_at(consumer, producer, ring, start);
        let (tx, rx) = (tx.unwrap(), rx.unwrap());
        let (wake_tx, wake_rx) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let (sleeper, waker) = (wake_tx.clone(), wake_rx.clone());
        let producer = thread::spawn(move || produce(tx, lens, produce_batch, &sleeper, &waker));
        consume(rx, lens, consume_batch, &wake_rx, &wake_tx);
        producer.join().unwrap();
    });
}

/// Both packets fit: the consumer sleeps, the producer does not. Exhaustive.
#[test]
fn consumer_sleeps() {
    check(None, 0, &[HALF, HALF], (1, 1));
}

/// Each packet fills the ring, across its end and across 2^32: both sides sleep. Exhaustive.
#[test]
#[cfg_attr(debug_assertions, ignore = "exhaustive: needs --release to end soon")]
fn both_sleep_and_the_index_wraps() {
    check(
        None,
        0u32.wrapping_sub(2048),
        &[RING - 16, RING - 16],
        (1, 1),
    );
}

/// The same for longer, so that each side has slept and been woken before.
#[test]
fn both_sleep_again_and_again() {
    check(Some(2), 0, &[RING - 16; 4], (1, 1));
    check(Some(3), 0, &[RING - 16; 3], (1, 1));
}

/// Packets that do not divide the ring: records lie across its end anywhere. What this adds to the
/// exhaustive runs is geometry, which does not depend on the number of preemptions.
#[test]
fn records_across_the_end() {
    check(
        Some(3),
        0u32.wrapping_sub(2048),
        &[HALF, RING - 1040, HALF],
        (1, 1),
    );
}

/// Several packets a publish, on both sides.
#[test]
fn batches() {
    check(Some(4), 0u32.wrapping_sub(2048), &[HALF; 4], (2, 2));
}
