// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The control page and the record, to the byte.
//!
//! A control page is 4096 bytes of little-endian words, written by its owner only:
//!
//! ```text
//! 0x000  magic, version, header_len, ring_bytes, features, generation, cookie (u64)
//! 0x020  state
//! 0x040  producer, consumer_event     the owner as producer, of its own ring
//! 0x080  consumer, producer_event     the owner as consumer, of the peer's ring
//! 0x0c0  reserved, zero
//! 0x100  user area, to the page's end
//! ```
//!
//! A record is a 16-byte header, the packet, and padding to a multiple of 16:
//!
//! ```text
//! 0  len (u32, little-endian)    4  meta (12 bytes)    16  packet …
//! ```

use crate::error::GeometryError;

/// Size of a page, and of the control page, in bytes.
pub const PAGE: u32 = 4096;

/// The first word of a control page: "XLF1".
pub const MAGIC: u32 = u32::from_le_bytes(*b"XLF1");

/// The layout's version.
pub const VERSION: u32 = 1;

/// Where the control page's user area begins. The FIFO never looks at it.
pub const USER_AREA: u32 = 0x100;

/// Smallest ring.
pub const MIN_RING: u32 = PAGE;

/// Largest ring. Half of the index space and more stays unused, so that full and empty, ahead
/// and behind are never confused.
pub const MAX_RING: u32 = 1 << 30;

/// Size of the record header, and alignment of records and indices.
pub const RECORD_ALIGN: u32 = 16;

/// Bytes of metadata in a record.
pub const META_LEN: usize = 12;

/// Largest packet in a record: a 64 KiB IP packet and whatever header may precede it.
pub const MAX_RECORD: u32 = 66 * 1024 - RECORD_ALIGN;

/// The words of a control page; each one's value is its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Word {
    /// [`MAGIC`].
    Magic = 0x000,
    /// [`VERSION`].
    Version = 0x004,
    /// [`USER_AREA`].
    HeaderLen = 0x008,
    /// Size of the owner's ring.
    RingBytes = 0x00c,
    /// Features that a peer must know to use the page. None exists.
    Features = 0x010,
    /// Part of the channel's identity.
    Generation = 0x014,
    /// Part of the channel's identity, low half.
    CookieLow = 0x018,
    /// Part of the channel's identity, high half.
    CookieHigh = 0x01c,
    /// [`State`](crate::State) of the owner.
    State = 0x020,
    /// Bytes published in the owner's ring, modulo 2^32.
    Producer = 0x040,
    /// The owner wants an event when the peer's [`Word::Consumer`] passes this.
    ConsumerEvent = 0x044,
    /// Bytes consumed of the peer's ring, modulo 2^32.
    Consumer = 0x080,
    /// The owner wants an event when the peer's [`Word::Producer`] passes this.
    ProducerEvent = 0x084,
}

impl Word {
    /// Offset in the control page, in bytes.
    #[inline]
    pub const fn offset(self) -> usize {
        self as usize
    }
}

// The producer's and the consumer's words are apart by a cache line and more.
const _: () = assert!(Word::Producer.offset() % 64 == 0 && Word::Consumer.offset() % 64 == 0);
const _: () = assert!(Word::ProducerEvent.offset() < USER_AREA as usize);

/// Checks that a ring may have `size` bytes.
///
/// # Errors
///
/// [`GeometryError`] if it may not.
///
/// # Examples
///
/// ```
/// use xenfifo::{layout::check_ring, GeometryError};
///
/// assert_eq!(check_ring(1 << 20), Ok(()));
/// assert_eq!(check_ring(12288), Err(GeometryError::NotPowerOfTwo));
/// ```
pub const fn check_ring(size: u32) -> Result<(), GeometryError> {
    if size < MIN_RING {
        Err(GeometryError::TooSmall)
    } else if size > MAX_RING {
        Err(GeometryError::TooLarge)
    } else if !size.is_power_of_two() {
        Err(GeometryError::NotPowerOfTwo)
    } else {
        Ok(())
    }
}

/// Largest packet that a ring of `ring_bytes` (a checked size) can carry.
#[inline]
pub(crate) const fn max_len(ring_bytes: u32) -> u32 {
    if ring_bytes - RECORD_ALIGN < MAX_RECORD {
        ring_bytes - RECORD_ALIGN
    } else {
        MAX_RECORD
    }
}

/// Bytes that a packet of `len` (at most [`MAX_RECORD`]) takes in the ring.
#[inline]
pub(crate) const fn record_size(len: u32) -> u32 {
    RECORD_ALIGN + ((len + (RECORD_ALIGN - 1)) & !(RECORD_ALIGN - 1))
}

/// The header of a record, as it lies in the ring.
#[derive(Clone, Copy)]
pub(crate) struct RecordHeader {
    pub(crate) len: u32,
    pub(crate) meta: [u8; META_LEN],
}

impl RecordHeader {
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; RECORD_ALIGN as usize] {
        let mut bytes = [0; RECORD_ALIGN as usize];
        let (len, meta) = bytes.split_at_mut(4);
        len.copy_from_slice(&self.len.to_le_bytes());
        meta.copy_from_slice(&self.meta);
        bytes
    }

    #[inline]
    pub(crate) fn from_bytes(bytes: [u8; RECORD_ALIGN as usize]) -> Self {
        // Irrefutable, where slices and `try_into` would need a panic that cannot happen.
        let [l0, l1, l2, l3, meta @ ..] = bytes;
        Self {
            len: u32::from_le_bytes([l0, l1, l2, l3]),
            meta,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_up_to_the_alignment() {
        assert_eq!(record_size(1), 32);
        assert_eq!(record_size(16), 32);
        assert_eq!(record_size(17), 48);
        assert_eq!(record_size(MAX_RECORD), 66 * 1024);
    }

    #[test]
    fn the_longest_packet_fits_the_ring() {
        for shift in 12..=30 {
            let ring = 1 << shift;
            assert!(record_size(max_len(ring)) <= ring);
            assert!(max_len(ring) <= MAX_RECORD);
        }
        assert_eq!(max_len(4096), 4080);
        assert_eq!(max_len(1 << 30), MAX_RECORD);
    }

    #[test]
    fn ring_sizes() {
        assert_eq!(check_ring(0), Err(GeometryError::TooSmall));
        assert_eq!(check_ring(2048), Err(GeometryError::TooSmall));
        assert_eq!(check_ring(4096), Ok(()));
        assert_eq!(check_ring(4097), Err(GeometryError::NotPowerOfTwo));
        assert_eq!(check_ring(1 << 30), Ok(()));
        assert_eq!(check_ring((1 << 30) + 1), Err(GeometryError::TooLarge));
        assert_eq!(check_ring(1 << 31), Err(GeometryError::TooLarge));
    }

    #[test]
    fn record_header_to_the_byte() {
        let bytes = *b"\x04\x03\x02\x01meta of 12 B";
        let header = RecordHeader::from_bytes(bytes);
        assert_eq!((header.len, &header.meta), (0x0102_0304, b"meta of 12 B"));
        assert_eq!(header.to_bytes(), bytes);
    }
}
