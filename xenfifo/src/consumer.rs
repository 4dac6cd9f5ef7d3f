// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The half that copies packets out of the peer's ring.

use core::cell::Cell;
use core::marker::PhantomData;

use crate::error::{Broken, GeometryError, OutOfRange};
use crate::layout::{self, RecordHeader, Word, META_LEN, RECORD_ALIGN};
use crate::mem::{Memory, OwnControl, PeerControl, PeerRing};
use crate::notify::need_event;

/// The consuming half of one direction.
///
/// It owns the words [`Word::Consumer`] and [`Word::ProducerEvent`] of its control page. Of the
/// peer it reads [`Word::Producer`] and the ring, which it checks, and [`Word::ConsumerEvent`],
/// which may be anything.
///
/// It is `Send` and not `Sync`:
///
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<xenfifo::Consumer<xenfifo::host::Host>>();
/// ```
pub struct Consumer<M: Memory> {
    own: M::OwnControl,
    peer: M::PeerControl,
    ring: M::PeerRing,
    size: u32,
    // All indices count bytes, modulo 2^32, in multiples of 16:
    // published <= head <= produced <= published + size.
    head: u32,
    published: u32,
    produced: u32,
    broken: Option<Broken>,
    not_sync: PhantomData<Cell<()>>,
}

/// The oldest record that was not consumed, still in the peer's ring.
///
/// Its length and metadata were read once, and checked as far as the FIFO knows what they mean:
/// the length is possible, the metadata may be anything. The packet may change under the reader's
/// hands, so it can only be copied out; copy each byte once.
pub struct Record<'a, M: Memory> {
    consumer: &'a mut Consumer<M>,
    header: RecordHeader,
}

impl<M: Memory> Consumer<M> {
    /// A consumer of the peer's `ring`, at index 0. It starts asleep: the first
    /// [`publish`](crate::Producer::publish) of the peer notifies.
    ///
    /// # Errors
    ///
    /// [`GeometryError`] if the ring's size is impossible.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// use xenfifo::{host, Consumer};
    ///
    /// let (control, _ring) = host::OwnPages::create(4096, 0, 0)?.split();
    /// let peer = host::PeerPages::map(&host::OwnPages::create(4096, 0, 0)?)?;
    /// let mut rx = Consumer::<host::Host>::new(control, peer.control(), peer.ring())?;
    /// assert!(rx.peek()?.is_none());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        own: M::OwnControl,
        peer: M::PeerControl,
        ring: M::PeerRing,
    ) -> Result<Self, GeometryError> {
        Self::starting_at(own, peer, ring, 0)
    }

    /// Like [`new`](Self::new) with another first index, rounded down to a multiple of 16: see
    /// [`Producer::starting_at`](crate::Producer::starting_at).
    ///
    /// # Errors
    ///
    /// [`GeometryError`] if the ring's size is impossible.
    pub fn starting_at(
        own: M::OwnControl,
        peer: M::PeerControl,
        ring: M::PeerRing,
        index: u32,
    ) -> Result<Self, GeometryError> {
        let size = ring.size();
        layout::check_ring(size)?;
        let start = index & !(RECORD_ALIGN - 1);
        own.store_relaxed(Word::ProducerEvent, start);
        own.store_release(Word::Consumer, start);
        Ok(Self {
            own,
            peer,
            ring,
            size,
            head: start,
            published: start,
            produced: start,
            broken: None,
            not_sync: PhantomData,
        })
    }

    /// The oldest record, if there is one. The peer's producer index is looked at only when
    /// everything seen before is consumed.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the peer lied, now or earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
    /// tx.push(*b"twelve bytes", &[b"packet"])?;
    /// tx.publish()?;
    ///
    /// while let Some(record) = rx.peek()? {
    ///     assert_eq!((record.len(), &record.meta()), (6, b"twelve bytes"));
    ///     record.consume();
    /// }
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn peek(&mut self) -> Result<Option<Record<'_, M>>, Broken> {
        self.check()?;
        if self.head == self.produced {
            self.refresh()?;
            if self.head == self.produced {
                return Ok(None);
            }
        }
        let mut bytes = [0; RECORD_ALIGN as usize];
        self.ring.read(self.offset(0), &mut bytes);
        let header = RecordHeader::from_bytes(bytes);
        if header.len == 0 || header.len > layout::max_len(self.size) {
            return self.fail(Broken::RecordLength);
        }
        if layout::record_size(header.len) > self.produced.wrapping_sub(self.head) {
            return self.fail(Broken::RecordTruncated);
        }
        Ok(Some(Record {
            consumer: self,
            header,
        }))
    }

    /// Gives the peer the space of everything consumed so far. `true`: the peer waits for it and
    /// must be notified.
    ///
    /// A broken half publishes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
    /// tx.push([0; 12], &[b"packet"])?;
    /// tx.publish()?;
    /// rx.peek()?.expect("published above").consume();
    /// assert!(!rx.publish()); // the producer has room enough and sleeps not
    /// assert_eq!(tx.free()?, 4096);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn publish(&mut self) -> bool {
        let old = self.published;
        if self.broken.is_some() || old == self.head {
            return false;
        }
        // Release: pairs with the acquire in Producer::refresh. The records are copied before
        // their space is given away.
        self.own.store_release(Word::Consumer, self.head);
        self.published = self.head;
        // Pairs with the barrier in Producer::wait_for: either this side sees the event word, or
        // the peer sees the index.
        self.own.full_barrier();
        let event = self.peer.load_relaxed(Word::ConsumerEvent);
        need_event(event, old, self.head)
    }

    /// Asks the peer for a notification of the next record. `true`: records are there, do not
    /// sleep.
    ///
    /// Call [`publish`](Self::publish) first: the peer may wait for the space.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the peer lied, now or earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
    /// assert!(!rx.wait()?);
    /// tx.push([0; 12], &[b"packet"])?;
    /// assert!(tx.publish()?);
    /// assert!(rx.wait()?);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&mut self) -> Result<bool, Broken> {
        self.wait_for(RECORD_ALIGN)
    }

    /// Asks the peer for a notification once the ring holds `bytes`, records with their headers,
    /// for a consumer that looks again by itself after a while. `true`: it holds as many, do not
    /// sleep. More than the ring is the ring, less than a record is a record; other numbers are
    /// rounded up to the next that records can add up to.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the peer lied, now or earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
    /// assert!(!rx.wait_for(2048)?);
    /// tx.push([0; 12], &[&[1; 1000]])?;
    /// assert!(!tx.publish()?); // 1024 bytes
    /// tx.push([0; 12], &[&[1; 1000]])?;
    /// assert!(tx.publish()?);
    /// assert!(rx.wait_for(2048)?);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for(&mut self, bytes: u32) -> Result<bool, Broken> {
        self.check()?;
        // As indices go, for one that lies between two of them is passed too early.
        let bytes = bytes
            .clamp(RECORD_ALIGN, self.size)
            .next_multiple_of(RECORD_ALIGN);
        if self.available() < bytes {
            // The bytes are there when the peer's index passes the value before.
            let target = self.head.wrapping_add(bytes).wrapping_sub(RECORD_ALIGN);
            self.own.store_relaxed(Word::ProducerEvent, target);
            // Pairs with the barrier in Producer::publish.
            self.own.full_barrier();
            self.refresh()?;
        }
        Ok(self.available() >= bytes)
    }

    /// Asks the peer for no notification any more, for a consumer that looks by itself. One may
    /// still come for what is published at this moment; [`wait`](Self::wait) asks again.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
    /// rx.disable_notification();
    /// tx.push([0; 12], &[b"packet"])?;
    /// assert!(!tx.publish()?);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn disable_notification(&self) {
        // Passed already, and not passed again before 4 GiB went by.
        let passed = self.head.wrapping_sub(RECORD_ALIGN);
        self.own.store_relaxed(Word::ProducerEvent, passed);
    }

    /// Bytes of the records seen and not consumed.
    #[inline]
    fn available(&self) -> u32 {
        self.produced.wrapping_sub(self.head)
    }

    /// Size of the ring in bytes.
    #[inline]
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Offset in the ring of the byte `ahead` of the oldest record's header.
    #[inline]
    fn offset(&self, ahead: u32) -> u32 {
        self.head.wrapping_add(ahead) & (self.size - 1)
    }

    /// Reads the peer's producer index, once, and takes it over if it is possible.
    #[inline]
    fn refresh(&mut self) -> Result<(), Broken> {
        // Acquire: pairs with the release in Producer::publish. The records are read after the
        // index that covers them.
        let index = self.peer.load_acquire(Word::Producer);
        // It may be anywhere from where it was to a full ring after what was given back.
        let filled = index.wrapping_sub(self.published);
        if filled > self.size || filled < self.produced.wrapping_sub(self.published) {
            return self.fail(Broken::ProducerRange);
        }
        if index % RECORD_ALIGN != 0 {
            return self.fail(Broken::ProducerAlignment);
        }
        self.produced = index;
        Ok(())
    }

    #[inline]
    fn check(&self) -> Result<(), Broken> {
        self.broken.map_or(Ok(()), Err)
    }

    #[cold]
    fn fail<T>(&mut self, reason: Broken) -> Result<T, Broken> {
        self.broken = Some(reason);
        Err(reason)
    }
}

// A packet is never empty.
#[allow(clippy::len_without_is_empty)]
impl<M: Memory> Record<'_, M> {
    /// Length of the packet: at least 1.
    #[inline]
    pub fn len(&self) -> u32 {
        self.header.len
    }

    /// The metadata, as the peer wrote it.
    #[inline]
    pub fn meta(&self) -> [u8; META_LEN] {
        self.header.meta
    }

    /// Copies the packet's bytes from `offset` on to the whole of `dst`.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] if the packet has not so many bytes; `dst` is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
    /// tx.push([0; 12], &[b"packet"])?;
    /// tx.publish()?;
    /// let record = rx.peek()?.expect("published above");
    /// let mut tail = [0; 3];
    /// record.copy_to(3, &mut tail)?;
    /// assert_eq!(&tail, b"ket");
    /// assert!(record.copy_to(4, &mut tail).is_err());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn copy_to(&self, offset: usize, dst: &mut [u8]) -> Result<(), OutOfRange> {
        let end = offset.checked_add(dst.len()).ok_or(OutOfRange)?;
        if end > self.header.len as usize {
            return Err(OutOfRange);
        }
        // Not more than the length, which is a u32.
        let ahead = RECORD_ALIGN.wrapping_add(offset as u32);
        self.consumer.ring.read(self.consumer.offset(ahead), dst);
        Ok(())
    }

    /// Done with this record. Its space goes back to the peer with the next
    /// [`Consumer::publish`].
    #[inline]
    pub fn consume(self) {
        let size = layout::record_size(self.header.len);
        self.consumer.head = self.consumer.head.wrapping_add(size);
    }
}
