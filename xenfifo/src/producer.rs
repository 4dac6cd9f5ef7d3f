// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The half that writes packets into its own ring.

use core::cell::Cell;
use core::marker::PhantomData;

use crate::error::{Broken, GeometryError, PushError, Unreadable};
use crate::layout::{self, RecordHeader, Word, META_LEN, RECORD_ALIGN};
use crate::mem::{Memory, OwnControl, OwnRing, PeerControl};
use crate::notify::need_event;

/// The producing half of one direction.
///
/// It owns the ring and the words [`Word::Producer`] and [`Word::ConsumerEvent`] of its control
/// page. Of the peer it reads [`Word::Consumer`], which it checks, and [`Word::ProducerEvent`],
/// which may be anything.
///
/// Where this side stands is only in private memory: the pages carry copies for the peer, and
/// nothing the peer can reach is ever read back.
///
/// It is `Send` and not `Sync`:
///
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<xenfifo::Producer<xenfifo::host::Host>>();
/// ```
pub struct Producer<M: Memory> {
    own: M::OwnControl,
    peer: M::PeerControl,
    ring: M::OwnRing,
    size: u32,
    // All indices count bytes, modulo 2^32, in multiples of 16:
    // consumed <= published <= head <= consumed + size.
    head: u32,
    published: u32,
    consumed: u32,
    broken: Option<Broken>,
    not_sync: PhantomData<Cell<()>>,
}

impl<M: Memory> Producer<M> {
    /// A producer of the empty `ring`, at index 0.
    ///
    /// The peer's control page must not be older than the channel: its consumer index is 0 until
    /// the peer consumes something of this ring.
    ///
    /// # Errors
    ///
    /// [`GeometryError`] if the ring's size is impossible.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// use xenfifo::{host, Producer};
    ///
    /// let own = host::OwnPages::create(4096, 0, 0)?;
    /// let peer = host::PeerPages::map(&host::OwnPages::create(4096, 0, 0)?)?;
    /// let (control, ring) = own.split();
    /// let tx = Producer::<host::Host>::new(control, peer.control(), ring)?;
    /// assert_eq!(tx.capacity(), 4096);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        own: M::OwnControl,
        peer: M::PeerControl,
        ring: M::OwnRing,
    ) -> Result<Self, GeometryError> {
        Self::starting_at(own, peer, ring, 0)
    }

    /// Like [`new`](Self::new) with another first index, rounded down to a multiple of 16. The
    /// peer's [`Consumer`](crate::Consumer) must start there too, and must exist before this
    /// half is used. It is how a test reaches the wrap of the indices.
    ///
    /// # Errors
    ///
    /// [`GeometryError`] if the ring's size is impossible.
    pub fn starting_at(
        own: M::OwnControl,
        peer: M::PeerControl,
        ring: M::OwnRing,
        index: u32,
    ) -> Result<Self, GeometryError> {
        let size = ring.size();
        layout::check_ring(size)?;
        let start = index & !(RECORD_ALIGN - 1);
        // Armed for a value that is behind: nobody waits for space yet.
        own.store_relaxed(Word::ConsumerEvent, start.wrapping_sub(RECORD_ALIGN));
        own.store_release(Word::Producer, start);
        Ok(Self {
            own,
            peer,
            ring,
            size,
            head: start,
            published: start,
            consumed: start,
            broken: None,
            not_sync: PhantomData,
        })
    }

    /// The ring's size in bytes.
    #[inline]
    pub fn capacity(&self) -> u32 {
        self.size
    }

    /// The longest packet that [`push`](Self::push) takes, given an empty ring.
    #[inline]
    pub fn max_len(&self) -> u32 {
        layout::max_len(self.size)
    }

    /// Free bytes in the ring, by the peer's present consumer index.
    ///
    /// A record takes 16 bytes more than its packet, rounded up to a multiple of 16.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the peer lied, now or earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, _rx) = xenfifo::host::pair(4096)?;
    /// tx.push([0; 12], &[b"seventeen letters"])?;
    /// assert_eq!(tx.free()?, 4096 - 48);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn free(&mut self) -> Result<u32, Broken> {
        self.check()?;
        self.refresh()?;
        Ok(self.room())
    }

    /// Whether a packet of `len` bytes fits now. One that is too long never does.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the peer lied, now or earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, _rx) = xenfifo::host::pair(4096)?;
    /// assert!(tx.fits(4080)?);
    /// tx.push([0; 12], &[b"x"])?;
    /// assert!(!tx.fits(4080)?);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn fits(&mut self, len: u32) -> Result<bool, Broken> {
        self.check()?;
        if len > self.max_len() {
            return Ok(false);
        }
        self.make_room(layout::record_size(len))
    }

    /// Writes a record of `len` bytes into the ring, to be seen by the peer after the next
    /// [`publish`](Self::publish).
    ///
    /// `fill` is called with each contiguous piece of the record's place in the ring and the
    /// offset in the packet at which it lies, in order. The bytes are shared from the moment
    /// they are written: a piece is for the packet, not for scratch. They hold what an earlier
    /// record left there, which the peer has seen.
    ///
    /// # Errors
    ///
    /// - [`PushError::Full`]: no room. Normal.
    /// - [`PushError::TooLong`]: `len` is zero or more than [`max_len`](Self::max_len).
    /// - [`PushError::Unreadable`]: `fill` failed; nothing was committed.
    /// - [`PushError::Broken`]: the peer lied, now or earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, _rx) = xenfifo::host::pair(4096)?;
    /// tx.push_with([0; 12], 1000, |offset, piece| {
    ///     for (i, byte) in piece.iter_mut().enumerate() {
    ///         *byte = (offset + i) as u8;
    ///     }
    ///     Ok(())
    /// })?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push_with<F>(
        &mut self,
        meta: [u8; META_LEN],
        len: u32,
        mut fill: F,
    ) -> Result<(), PushError>
    where
        F: FnMut(usize, &mut [u8]) -> Result<(), Unreadable>,
    {
        self.check()?;
        if len == 0 || len > self.max_len() {
            return Err(PushError::TooLong);
        }
        let size = layout::record_size(len);
        if !self.make_room(size)? {
            return Err(PushError::Full);
        }
        self.write(self.head.wrapping_add(RECORD_ALIGN), len, &mut fill)?;
        let header = RecordHeader { len, meta }.to_bytes();
        self.write(self.head, RECORD_ALIGN, &mut |_, piece| {
            piece.copy_from_slice(&header);
            Ok(())
        })?;
        self.head = self.head.wrapping_add(size);
        Ok(())
    }

    /// Writes a record that is gathered from `fragments`, without joining them first.
    ///
    /// # Errors
    ///
    /// As [`push_with`](Self::push_with), but never [`PushError::Unreadable`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
    /// tx.push([0; 12], &[b"head", b"", b"payload"])?;
    /// tx.publish()?;
    /// assert_eq!(rx.peek()?.map(|record| record.len()), Some(11));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push(&mut self, meta: [u8; META_LEN], fragments: &[&[u8]]) -> Result<(), PushError> {
        let total = fragments
            .iter()
            .try_fold(0usize, |sum, fragment| sum.checked_add(fragment.len()));
        let Some(len) = total.and_then(|total| u32::try_from(total).ok()) else {
            return Err(self.broken.map_or(PushError::TooLong, PushError::Broken));
        };
        let mut rest = fragments.iter();
        let mut current: &[u8] = &[];
        self.push_with(meta, len, |_, mut piece| {
            while !piece.is_empty() {
                if current.is_empty() {
                    // The pieces add up to the fragments, so there is a next one.
                    current = rest.next().ok_or(Unreadable)?;
                }
                let n = piece.len().min(current.len());
                let (now, later) = piece.split_at_mut(n);
                let (from, left) = current.split_at(n);
                now.copy_from_slice(from);
                (piece, current) = (later, left);
            }
            Ok(())
        })
    }

    /// Shows the peer everything pushed so far. `true`: the peer sleeps and must be notified.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the peer lied earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "host", target_os = "linux"))] {
    /// # let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
    /// tx.push([0; 12], &[b"one"])?;
    /// tx.push([0; 12], &[b"two"])?;
    /// assert!(tx.publish()?); // wakes the consumer
    /// tx.push([0; 12], &[b"three"])?;
    /// assert!(!tx.publish()?); // which is awake now
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn publish(&mut self) -> Result<bool, Broken> {
        self.check()?;
        let old = self.published;
        if old == self.head {
            return Ok(false);
        }
        // Release: pairs with the acquire in Consumer::refresh. Who sees the index sees the
        // records.
        self.own.store_release(Word::Producer, self.head);
        self.published = self.head;
        // Pairs with the barrier in Consumer::wait: either this side sees the event word, or the
        // peer sees the index.
        self.own.full_barrier();
        let event = self.peer.load_relaxed(Word::ProducerEvent);
        Ok(need_event(event, old, self.head))
    }

    /// Asks the peer for a notification once a packet of `len` bytes fits. `true`: it fits
    /// already, do not sleep.
    ///
    /// Call [`publish`](Self::publish) first: the peer cannot consume what it does not see. A
    /// length that is too long waits for the empty ring.
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
    /// tx.push([0; 12], &[&[1; 4000]])?;
    /// tx.publish()?;
    /// assert!(!tx.wait_for(1500)?);
    ///
    /// rx.peek()?.expect("published above").consume();
    /// assert!(rx.publish()); // the producer waits for this
    /// assert!(tx.wait_for(1500)?);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for(&mut self, len: u32) -> Result<bool, Broken> {
        self.check()?;
        let size = layout::record_size(len.min(self.max_len()));
        if self.make_room(size)? {
            return Ok(true);
        }
        // The room is there when the peer's index reaches head + size - ring, that is when it
        // passes the value before.
        let target = self.head.wrapping_add(size).wrapping_sub(self.size);
        self.own
            .store_relaxed(Word::ConsumerEvent, target.wrapping_sub(RECORD_ALIGN));
        // Pairs with the barrier in Consumer::publish.
        self.own.full_barrier();
        self.make_room(size)
    }

    /// Whether the peer has consumed everything that was published.
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
    /// tx.push([0; 12], &[b"one"])?;
    /// tx.publish()?;
    /// assert!(!tx.is_drained()?);
    /// rx.peek()?.expect("published above").consume();
    /// rx.publish();
    /// assert!(tx.is_drained()?);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_drained(&mut self) -> Result<bool, Broken> {
        self.check()?;
        self.refresh()?;
        Ok(self.consumed == self.published)
    }

    /// Fills `len` bytes of the ring from index `at`, piece by piece.
    #[inline]
    fn write(
        &mut self,
        at: u32,
        len: u32,
        fill: &mut impl FnMut(usize, &mut [u8]) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let mut done = 0;
        while done < len {
            let offset = at.wrapping_add(done) & (self.size - 1);
            done += self.ring.with_chunk(offset, len - done, |piece| {
                fill(done as usize, piece)?;
                Ok(piece.len() as u32)
            })?;
        }
        Ok(())
    }

    /// Free bytes by the last seen consumer index.
    #[inline]
    fn room(&self) -> u32 {
        self.size
            .wrapping_sub(self.head.wrapping_sub(self.consumed))
    }

    /// Whether `size` bytes are free. Looks at the peer's index only if they seem not to be.
    #[inline]
    fn make_room(&mut self, size: u32) -> Result<bool, Broken> {
        if self.room() < size {
            self.refresh()?;
        }
        Ok(self.room() >= size)
    }

    /// Reads the peer's consumer index, once, and takes it over if it is possible.
    fn refresh(&mut self) -> Result<(), Broken> {
        // Acquire: pairs with the release in Consumer::publish. The space is written to only
        // after the peer has read it.
        let index = self.peer.load_acquire(Word::Consumer);
        // It may be anywhere from where it was to what has been published.
        let advance = index.wrapping_sub(self.consumed);
        if advance > self.published.wrapping_sub(self.consumed) {
            return self.fail(Broken::ConsumerRange);
        }
        if index % RECORD_ALIGN != 0 {
            return self.fail(Broken::ConsumerAlignment);
        }
        self.consumed = index;
        Ok(())
    }

    #[inline]
    fn check(&self) -> Result<(), Broken> {
        self.broken.map_or(Ok(()), Err)
    }

    #[cold]
    fn fail(&mut self, reason: Broken) -> Result<(), Broken> {
        self.broken = Some(reason);
        Err(reason)
    }
}
