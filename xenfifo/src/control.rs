// SPDX-License-Identifier: GPL-2.0 OR MIT

//! What a control page says for good, and what its owner still does.

use crate::error::{Broken, GeometryError, HeaderError};
use crate::layout::{check_ring, Word, MAGIC, USER_AREA, VERSION};
use crate::mem::{OwnControl, PeerControl};

/// What the owner of a control page still does. It only ever moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum State {
    /// The page is being prepared.
    Init = 0,
    /// The owner produces and consumes.
    Ready = 1,
    /// The owner produces nothing more.
    Closing = 2,
    /// The owner does not read the peer's ring either.
    Closed = 3,
}

impl State {
    /// Publishes this state, after everything the owner did before.
    #[inline]
    pub fn store(self, own: &impl OwnControl) {
        own.store_release(Word::State, self as u32);
    }

    /// Reads the peer's state, before everything this side does next.
    ///
    /// # Errors
    ///
    /// [`Broken::State`] if there is no such state.
    #[inline]
    pub fn load(peer: &impl PeerControl) -> Result<Self, Broken> {
        match peer.load_acquire(Word::State) {
            0 => Ok(Self::Init),
            1 => Ok(Self::Ready),
            2 => Ok(Self::Closing),
            3 => Ok(Self::Closed),
            _ => Err(Broken::State),
        }
    }
}

/// The part of a control page that is written once.
///
/// # Examples
///
/// ```
/// # #[cfg(all(feature = "host", target_os = "linux"))] {
/// use xenfifo::{host, ControlHeader};
///
/// let pages = host::OwnPages::create(8192, 7, 0x1234)?;
/// let peer = host::PeerPages::map(&pages)?;
/// assert_eq!(peer.header(), ControlHeader::new(8192, 7, 0x1234)?);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlHeader {
    ring_bytes: u32,
    generation: u32,
    cookie: u64,
}

impl ControlHeader {
    /// Describes a ring of `ring_bytes`. `generation` and `cookie` identify the channel to its
    /// users; the FIFO does not interpret them.
    ///
    /// # Errors
    ///
    /// [`GeometryError`] if no ring may have that size.
    pub const fn new(ring_bytes: u32, generation: u32, cookie: u64) -> Result<Self, GeometryError> {
        match check_ring(ring_bytes) {
            Ok(()) => Ok(Self {
                ring_bytes,
                generation,
                cookie,
            }),
            Err(reason) => Err(reason),
        }
    }

    /// Size of the owner's ring.
    pub const fn ring_bytes(&self) -> u32 {
        self.ring_bytes
    }

    /// The channel's generation.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The channel's cookie.
    pub const fn cookie(&self) -> u64 {
        self.cookie
    }

    /// Writes the header to a zeroed control page. The magic goes last: who sees it sees the
    /// rest.
    pub fn write(&self, own: &impl OwnControl) {
        own.store_relaxed(Word::Version, VERSION);
        own.store_relaxed(Word::HeaderLen, USER_AREA);
        own.store_relaxed(Word::RingBytes, self.ring_bytes);
        own.store_relaxed(Word::Features, 0);
        own.store_relaxed(Word::Generation, self.generation);
        own.store_relaxed(Word::CookieLow, self.cookie as u32);
        own.store_relaxed(Word::CookieHigh, (self.cookie >> 32) as u32);
        own.store_release(Word::Magic, MAGIC);
    }

    /// Reads the peer's header, each word once, and checks it. What the peer does to the page
    /// later does not matter: the returned copy is what counts.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] with the first thing that is not as this version has it.
    pub fn read(peer: &impl PeerControl) -> Result<Self, HeaderError> {
        if peer.load_acquire(Word::Magic) != MAGIC {
            return Err(HeaderError::Magic);
        }
        let version = peer.load_relaxed(Word::Version);
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let header_len = peer.load_relaxed(Word::HeaderLen);
        if header_len != USER_AREA {
            return Err(HeaderError::HeaderLen(header_len));
        }
        let features = peer.load_relaxed(Word::Features);
        if features != 0 {
            return Err(HeaderError::Features(features));
        }
        let cookie_low = peer.load_relaxed(Word::CookieLow);
        let cookie_high = peer.load_relaxed(Word::CookieHigh);
        Ok(Self::new(
            peer.load_relaxed(Word::RingBytes),
            peer.load_relaxed(Word::Generation),
            (u64::from(cookie_high) << 32) | u64::from(cookie_low),
        )?)
    }
}
