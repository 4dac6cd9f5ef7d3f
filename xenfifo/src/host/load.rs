// SPDX-License-Identifier: GPL-2.0 OR MIT

//! How packets are copied out of pages that are mapped read-only.
//!
//! Between cores that share a cache, the C library's `memcpy` reads such pages at half the speed at which it
//! reads pages that its process may write. A plain loop does not (docs/fifo.md).

use std::ptr;

/// Copies `dst.len()` bytes from `src`.
///
/// # Safety
///
/// As many bytes must be mapped from `src`, and none of them may be part of `dst`. They may change meanwhile.
#[cfg(target_arch = "x86_64")]
#[inline]
pub unsafe fn load(src: *const u8, dst: &mut [u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

    /// A line of the caches. Of a loop over single vectors the compiler may make a `memcpy`.
    type Line = [__m128i; 4];

    let mut lines = dst.chunks_exact_mut(size_of::<Line>());
    let mut from = src.cast::<__m128i>();
    for line in &mut lines {
        let to = line.as_mut_ptr().cast::<__m128i>();
        // SAFETY: a line is left of `src`, as the caller vouches, and `to` is one of `dst`. Every x86-64 CPU
        // has both instructions, and they need no alignment.
        unsafe {
            let vectors: Line = std::array::from_fn(|i| _mm_loadu_si128(from.add(i)));
            for (i, vector) in vectors.into_iter().enumerate() {
                _mm_storeu_si128(to.add(i), vector);
            }
            from = from.add(vectors.len());
        }
    }
    let rest = lines.into_remainder();
    // SAFETY: as many bytes are left of `src`.
    unsafe { ptr::copy_nonoverlapping(from.cast(), rest.as_mut_ptr(), rest.len()) };
}

/// Copies `dst.len()` bytes from `src`.
///
/// # Safety
///
/// As many bytes must be mapped from `src`, and none of them may be part of `dst`. They may change meanwhile.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub unsafe fn load(src: *const u8, dst: &mut [u8]) {
    // SAFETY: the caller vouches for both.
    unsafe { ptr::copy_nonoverlapping(src, dst.as_mut_ptr(), dst.len()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Whatever the alignment and the length, all bytes arrive and no others are touched.
    #[test]
    fn loads_every_byte() {
        let packet: Vec<u8> = (0..250u8).collect();
        for start in 0..20 {
            for len in 0..230 {
                let mut place = [0xff; 250];
                let src = packet[start..][..len].as_ptr();
                // SAFETY: `src` is `len` bytes of another array.
                unsafe { load(src, &mut place[3..][..len]) };
                assert_eq!(place[3..][..len], packet[start..][..len]);
                assert!(place[..3].iter().all(|byte| *byte == 0xff));
                assert!(place[3 + len..].iter().all(|byte| *byte == 0xff));
            }
        }
    }
}
