// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A thread that scribbles over all of its pages as fast as it can, at the half's full speed.

#[path = "common/ends.rs"]
mod ends;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ends::Ends;
use xenfifo::{host, Consumer, Producer, PushError, Word};
use xenfifo::{OwnControl as _, OwnRing as _, PeerControl as _};

const TIME: Duration = Duration::from_secs(2);

/// A small generator of pseudo-random numbers: the thread's speed is what counts.
struct XorShift(u64);

impl XorShift {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }

    fn below(&mut self, n: u32) -> u32 {
        self.next() % n
    }

    /// Mostly some granules, and rarely anything.
    fn distance(&mut self) -> u32 {
        match self.below(2000) {
            0 => self.next(),
            _ => self.below(40) * 16,
        }
    }
}

/// Stops the scribbling also when the test panics, or the scope would wait for ever.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Scribbles over `pages` while `test` runs. It sees the victim's pages and keeps its lies close
/// to the truth, so that they are not found out at once.
fn while_scribbling(pages: host::OwnPages, victim: host::PeerControl, test: impl FnOnce()) {
    let stopped = AtomicBool::new(false);
    let (control, mut ring) = pages.split();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = XorShift(0x5eed_0f1e);
            while !stopped.load(Ordering::Relaxed) {
                match random.below(8) {
                    0 => control.store_relaxed(Word::ProducerEvent, random.next()),
                    1 => control.store_relaxed(Word::ConsumerEvent, random.next()),
                    2 => {
                        let truth = victim.load_relaxed(Word::Consumer);
                        let lie = truth.wrapping_add(random.distance());
                        control.store_relaxed(Word::Producer, lie);
                    }
                    3 => {
                        let truth = victim.load_relaxed(Word::Producer);
                        let lie = truth.wrapping_sub(random.distance());
                        control.store_relaxed(Word::Consumer, lie);
                    }
                    4 => {
                        let (at, byte) = (random.next(), random.next() as u8);
                        ring.with_chunk(at, 1, |piece| piece.fill(byte));
                    }
                    _ => {
                        let (at, len) = (random.next() & !15, 1 + random.below(100));
                        ring.with_chunk(at, 4, |piece| piece.copy_from_slice(&len.to_le_bytes()));
                    }
                }
            }
        });
        let _stop = Stop(&stopped);
        test();
    });
}

/// How many lives show something.
const LIVES: u64 = 100;

/// Whether a test goes on: a while, and on a busy machine, where the scribbler gets less of it, until
/// there were enough lives.
fn goes_on(start: Instant, lives: u64) -> bool {
    start.elapsed() < TIME || (lives <= LIVES && start.elapsed() < 60 * TIME)
}

#[test]
fn a_consumer_survives() {
    let ends = Ends::create(4096);
    let peer = host::PeerPages::map(&ends.producer).unwrap();
    let victim = host::PeerPages::map(&ends.consumer).unwrap().control();
    let (own, _ring) = ends.consumer.split();
    let (mut packets, mut lives) = (0u64, 0u64);
    while_scribbling(ends.producer, victim, || {
        let start = Instant::now();
        let mut packet = [0; 4080];
        while goes_on(start, lives) {
            lives += 1;
            let mut rx =
                Consumer::<host::Host>::new(own.clone(), peer.control(), peer.ring()).unwrap();
            let reason = loop {
                match rx.peek() {
                    Ok(Some(record)) => {
                        let len = record.len() as usize;
                        record.copy_to(0, &mut packet[..len]).unwrap();
                        record.consume();
                        packets += 1;
                    }
                    Ok(None) => {
                        rx.publish();
                        // If it breaks here, the next peek says so.
                        let _ = rx.wait();
                    }
                    Err(reason) => break reason,
                }
            };
            assert_eq!(rx.wait(), Err(reason));
        }
    });
    // Else the lies were too crude to show anything.
    assert!(
        lives > LIVES && packets > lives / 10,
        "{lives} lives, {packets} packets"
    );
}

#[test]
fn a_producer_survives() {
    let ends = Ends::create(4096);
    let peer = host::PeerPages::map(&ends.consumer).unwrap();
    let victim = host::PeerPages::map(&ends.producer).unwrap().control();
    let (own, _ring) = ends.producer.split();
    let (mut packets, mut lives) = (0u64, 0u64);
    while_scribbling(ends.consumer, victim, || {
        let start = Instant::now();
        while goes_on(start, lives) {
            lives += 1;
            let (_, ring) = host::OwnPages::create(4096, 0, 0).unwrap().split();
            let mut tx = Producer::<host::Host>::new(own.clone(), peer.control(), ring).unwrap();
            let reason = loop {
                match tx.push([0; 12], &[&[1; 100], &[2; 50]]) {
                    Ok(()) => packets += 1,
                    Err(PushError::Broken(reason)) => break reason,
                    Err(error) => {
                        assert_eq!(error, PushError::Full);
                        // If it breaks here, the next push says so.
                        let _ = tx.publish().and_then(|_| tx.wait_for(150));
                    }
                }
            };
            assert_eq!(tx.publish(), Err(reason));
        }
    });
    assert!(
        lives > LIVES && packets > lives / 10,
        "{lives} lives, {packets} packets"
    );
}
