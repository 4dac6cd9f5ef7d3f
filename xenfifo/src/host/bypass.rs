// SPDX-License-Identifier: GPL-2.0 OR MIT

//! When to store past the caches, and how.
//!
//! Plain stores leave a packet in the caches of the core that ran them. If the reader's core shares one
//! with it, that is the fastest way there. If it does not, each line has to be fetched back from the
//! reader's caches before it is written, and by the reader from the writer's: a seventh of the speed of
//! memory (docs/fifo.md). Where the cores are is the system's affair and changes, so it is measured.

use std::boxed::Box;
use std::time::{Duration, Instant};

/// The own ring is filled in pieces of this size, two of which fit into any core's nearest cache.
pub const PIECE: usize = 16384;

/// One piece in so many is stored plainly, and timed.
const PERIOD: u32 = 128;

/// Bytes in a nanosecond: stores into lines that a cache far away has are slower than this, others faster.
const SLOW: usize = 4;

/// Shorter pieces are not worth the trouble.
const MIN: usize = 4096;

/// What is known of the way to the reader, and where pieces wait for it.
pub struct Bypass {
    count: u32,
    wanted: bool,
    piece: Box<[u8; PIECE]>,
}

impl Bypass {
    pub fn new() -> Self {
        Self {
            count: 0,
            wanted: false,
            piece: Box::new([0; PIECE]),
        }
    }

    /// Has `fill` called on `place`, or on other memory that is then stored there past the caches.
    #[inline]
    pub fn fill<R>(&mut self, place: &mut [u8], fill: impl FnOnce(&mut [u8]) -> R) -> R {
        if place.len() < MIN {
            return fill(place);
        }
        self.count = self.count.wrapping_add(1);
        if self.count % PERIOD == 0 {
            let begun = Instant::now();
            let result = fill(place);
            self.wanted = begun.elapsed() > Duration::from_nanos((place.len() / SLOW) as u64);
            return result;
        }
        if !self.wanted {
            return fill(place);
        }
        let piece = &mut self.piece[..place.len()];
        let result = fill(piece);
        store(place, piece);
        result
    }
}

/// Copies past the caches. Both have the same length.
#[cfg(target_arch = "x86_64")]
fn store(place: &mut [u8], piece: &[u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    const VECTOR: usize = size_of::<__m128i>();
    // SAFETY: any bytes are a vector, and any vector is bytes.
    let (head, vectors, tail) = unsafe { place.align_to_mut::<__m128i>() };
    let (first, rest) = piece.split_at(head.len());
    let (middle, last) = rest.split_at(vectors.len() * VECTOR);
    head.copy_from_slice(first);
    tail.copy_from_slice(last);
    for (vector, bytes) in vectors.iter_mut().zip(middle.chunks_exact(VECTOR)) {
        // SAFETY: `bytes` is as long as a vector and need not be aligned; `vector` is aligned and ours
        // alone. Every x86-64 CPU has both instructions.
        unsafe { _mm_stream_si128(vector, _mm_loadu_si128(bytes.as_ptr().cast())) };
    }
    // SAFETY: every x86-64 CPU has it. These stores are ordered by nothing else, and must be done before
    // the index that publishes them.
    unsafe { _mm_sfence() };
}

/// Other architectures are left to their caches.
#[cfg(not(target_arch = "x86_64"))]
fn store(place: &mut [u8], piece: &[u8]) {
    place.copy_from_slice(piece);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Whatever the alignment and the length, all bytes arrive and no others are touched.
    #[test]
    fn stores_every_byte() {
        let piece: Vec<u8> = (0..200u8).collect();
        for start in 0..40 {
            for len in 0..150 {
                let mut place = [0xff; 200];
                store(&mut place[start..start + len], &piece[..len]);
                assert_eq!(place[start..start + len], piece[..len]);
                assert!(place[..start].iter().all(|byte| *byte == 0xff));
                assert!(place[start + len..].iter().all(|byte| *byte == 0xff));
            }
        }
    }

    /// Whether what `fill` is given is `place` itself.
    fn in_place(bypass: &mut Bypass, place: &mut [u8], fill: impl FnOnce(&mut [u8])) -> bool {
        let start = place.as_ptr();
        bypass.fill(place, |piece| {
            fill(piece);
            piece.as_ptr() == start
        })
    }

    /// Slow stores are avoided, and fast ones not, once they were timed; short ones never are.
    #[test]
    fn takes_the_time() {
        let spin = |time| {
            let begun = Instant::now();
            while begun.elapsed() < time {}
        };
        let mut bypass = Bypass::new();
        let mut place = [0; PIECE];
        let slow = Duration::from_nanos((2 * PIECE / SLOW) as u64);
        for _ in 1..PERIOD {
            assert!(in_place(&mut bypass, &mut place, |_| ()));
        }
        for _ in 0..2 {
            // What is timed is stored plainly.
            assert!(in_place(&mut bypass, &mut place, |_| spin(slow)));
            assert!(in_place(&mut bypass, &mut place[..MIN - 1], |_| ()));
            assert!(!in_place(&mut bypass, &mut place[..MIN], |_| ()));
            for _ in 2..PERIOD {
                assert!(!in_place(&mut bypass, &mut place, |_| ()));
            }
        }
        // A thread that is interrupted just then takes its stores for slow ones, but not every time.
        assert!((0..10).any(|_| {
            assert!(in_place(&mut bypass, &mut place, |_| ()));
            let plainly = in_place(&mut bypass, &mut place, |_| ());
            bypass.count += PERIOD - 2;
            plainly
        }));
    }

    /// What is filled arrives whether it goes through the caches or past them.
    #[test]
    fn fills_either_way() {
        let mut bypass = Bypass::new();
        let mut place = [0; PIECE];
        for wanted in [false, true] {
            for round in 0..2 * PERIOD {
                bypass.wanted = wanted;
                let byte = round as u8;
                bypass.fill(&mut place, |piece| piece.fill(byte));
                assert!(place.iter().all(|found| *found == byte));
            }
        }
    }
}
